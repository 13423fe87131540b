"""Positions on disk: plain arrays and JSON, beside the weights of the same moment."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import because, named
from tgcarry.errors import LogError
from tgcarry.position import Position, Visited

_FORMAT = 1
_COUNTS = ("first", "obeyed", "steps", "applied", "carry_of")
_FLAGS = ("resets", "idle")
_STATES = ("saved", "kept", "again")


def write_position(path: Path, position: Position) -> None:
    """Writes a position into an .npz file, with a member of JSON and one for each array.

    Raises:
      OSError: it cannot be written.
    """
    # By way of memory: a full disk then shows itself as an error of ours, not of the archive's
    # destructor.
    path.write_bytes(packed_position(position))


def packed_position(position: Position) -> bytes:
    """Returns what `write_position` writes."""
    arrays: dict[str, Any] = {"breaks": position.breaks}
    for name in _FLAGS:
        flags = getattr(position, name)
        arrays |= {f"{name}/{chunk}": array for chunk, array in flags.items()}
    arrays |= _leaves("head", position.head) | _leaves("carry", position.carry)
    for name in _STATES:
        for chunk, state in getattr(position, name).items():
            arrays |= _leaves(f"{name}/{chunk}", state)
    arrays |= {f"accumulated/{n}": array for n, array in enumerate(position.accumulated)}
    rest = {name: getattr(position, name) for name in _COUNTS}
    rest |= {
        "format": _FORMAT,
        **{name: list(getattr(position, name)) for name in _STATES},
        "visits": [visit._asdict() for visit in position.visits],
    }
    text = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, position=text, **arrays)
    return buffer.getvalue()


def unpacked_position(packed: bytes, chunk: ChunkGraph) -> Position:
    """Returns the position that `packed_position` was given, of a chunk's graph."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        return _Reader(chunk, {name: archive[name] for name in archive.files}).position()


def read_position(path: Path, chunk: ChunkGraph) -> Position:
    """Reads a position of a chunk's graph; nothing is ever unpickled.

    Raises:
      LogError: the file is damaged, or of another graph's run.
    """
    try:
        # Opened here, because NumPy leaves a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return _Reader(chunk, arrays).position()
    # Whatever zipfile, zlib, NumPy and JSON make of bytes that are none of theirs: their errors
    # have no common base.
    except Exception as error:
        raise LogError(
            f"{named(path)}: no position of a run of this model: {because(error)}: take another "
            f"checkpoint, or begin anew"
        ) from error


class _Reader:
    """Puts a position together again.

    Args:
      chunk: whose nests the leaves are packed as.
      arrays: by name.
    """

    def __init__(self, chunk: ChunkGraph, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays
        self._state = chunk.ports.initial_state
        self._carry = chunk.gradients.initial_state

    def position(self) -> Position:
        """Returns it.

        Raises:
          ValueError, KeyError, TypeError: something is missing or does not fit.
        """
        rest = json.loads(self._arrays["position"].tobytes())
        if rest["format"] != _FORMAT:
            raise ValueError(f"format {rest['format']}, and this version reads {_FORMAT}")
        count = sum(name.startswith("accumulated/") for name in self._arrays)
        return Position(
            **{name: int(rest[name]) for name in _COUNTS},
            breaks=self._arrays["breaks"],
            resets=self._by_chunk("resets"),
            # Positions of earlier versions say nothing of idle streams.
            idle=self._by_chunk("idle"),
            head=self._nest("head", self._state),
            carry=self._nest("carry", self._carry),
            saved=self._states("saved", rest["saved"]),
            kept=self._states("kept", rest["kept"]),
            # Positions of earlier versions had nothing to go back through.
            again=self._states("again", rest.get("again", [])),
            visits=tuple(Visited(**visit) for visit in rest["visits"]),
            accumulated=tuple(self._arrays[f"accumulated/{n}"] for n in range(count)),
        )

    def _by_chunk(self, name: str) -> dict[int, np.ndarray]:
        start = f"{name}/"
        return {
            int(entry.removeprefix(start)): array
            for entry, array in self._arrays.items()
            if entry.startswith(start)
        }

    def _states(self, name: str, chunks: Sequence[Any]) -> dict[int, Any]:
        return {int(n): self._nest(f"{name}/{n}", self._state) for n in chunks}

    def _nest(self, name: str, like: Any) -> Any:
        """Packs the leaves of one name; None if there are none."""
        wanted = tf.nest.flatten(like)
        if f"{name}/0" not in self._arrays:
            return None
        leaves = [
            _of_dtype(self._arrays[f"{name}/{n}"], tensor.dtype.as_numpy_dtype)
            for n, tensor in enumerate(wanted)
        ]
        if f"{name}/{len(wanted)}" in self._arrays:
            raise ValueError(f"{name} has more than {len(wanted)} leaves")
        for tensor, leaf in zip(wanted, leaves, strict=True):
            # A rank's graph may be of its own streams, and a checkpoint is of all.
            if not tensor.shape[1:].is_compatible_with(leaf.shape[1:]):
                raise ValueError(f"{name} has a leaf of shape {leaf.shape} for {tensor.shape}")
        return tf.nest.pack_sequence_as(like, leaves) if tf.nest.is_nested(like) else leaves[0]


def _leaves(name: str, nest: Any) -> dict[str, np.ndarray]:
    if nest is None:
        return {}
    return {f"{name}/{n}": np.asarray(leaf) for n, leaf in enumerate(tf.nest.flatten(nest))}


def _of_dtype(array: np.ndarray, dtype: Any) -> np.ndarray:
    # Half-precision kinds that NumPy does not know are written as bytes.
    if array.dtype.kind == "V" and array.dtype.itemsize == np.dtype(dtype).itemsize:
        return array.view(dtype)
    if array.dtype != dtype:
        raise TypeError(f"values of {array.dtype} for {np.dtype(dtype)}")
    return array
