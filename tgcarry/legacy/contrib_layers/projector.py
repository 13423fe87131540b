"""TensorBoard's projector of embeddings: its configuration, which a log folder holds."""

from __future__ import annotations

import pathlib
from typing import Any

_FILE = "projector_config.pbtxt"


class _Message:
    """Holds fields that are set by name and printed as protocol buffer text."""

    _FIELDS: tuple[str, ...] = ()

    def __init__(self, **fields: Any) -> None:
        for name in self._FIELDS:
            setattr(self, name, fields.get(name, ""))

    def text(self, indent: str = "") -> str:
        """Returns the fields that are set, one a line."""
        lines = [
            f'{indent}{name}: "{getattr(self, name)}"\n'
            for name in self._FIELDS
            if getattr(self, name)
        ]
        return "".join(lines)


class SpriteMetadata(_Message):
    """Says where an embedding's pictures are, and how large each is."""

    _FIELDS = ("image_path",)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.single_image_dim: list[int] = []

    def text(self, indent: str = "") -> str:
        """Returns the fields that are set, one a line."""
        return super().text(indent) + "".join(
            f"{indent}single_image_dim: {size}\n" for size in self.single_image_dim
        )


class EmbeddingInfo(_Message):
    """Says which variable is an embedding, and what its rows mean."""

    _FIELDS = ("tensor_name", "metadata_path", "bookmarks_path", "tensor_path")

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.tensor_shape: list[int] = []
        self.sprite = SpriteMetadata()

    def text(self, indent: str = "") -> str:
        """Returns the fields that are set, one a line."""
        shape = "".join(f"{indent}tensor_shape: {size}\n" for size in self.tensor_shape)
        sprite = self.sprite.text(indent + "  ")
        return (
            super().text(indent)
            + shape
            + (f"{indent}sprite {{\n{sprite}{indent}}}\n" if sprite else "")
        )


class _Repeated(list[EmbeddingInfo]):
    """Is a list that makes its own entries."""

    def add(self, **fields: Any) -> EmbeddingInfo:
        """Appends a new entry and returns it."""
        self.append(EmbeddingInfo(**fields))
        return self[-1]


class ProjectorConfig(_Message):
    """Says what the projector shows.

    Source: `tf.contrib.tensorboard.plugins.projector.ProjectorConfig` of TensorFlow 1.15.
    """

    _FIELDS = ("model_checkpoint_path",)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.embeddings = _Repeated()

    def text(self, indent: str = "") -> str:
        """Returns the configuration as protocol buffer text."""
        return super().text(indent) + "".join(
            f"{indent}embeddings {{\n{each.text(indent + '  ')}{indent}}}\n"
            for each in self.embeddings
        )


def visualize_embeddings(summary_writer: Any, config: ProjectorConfig) -> None:
    """Writes `projector_config.pbtxt` into a summary writer's folder.

    Args:
      summary_writer: `tf.summary.FileWriter`, or the folder.
      config: what to show.

    Source: `tf.contrib.tensorboard.plugins.projector.visualize_embeddings` of TensorFlow 1.15.
    """
    get = getattr(summary_writer, "get_logdir", None)
    folder = get() if get is not None else summary_writer
    folder = folder.decode() if isinstance(folder, bytes) else str(folder)
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(folder) / _FILE).write_text(config.text(), encoding="utf-8")
