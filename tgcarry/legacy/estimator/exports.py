"""Models for serving: what comes in, what goes out, and the files."""

from __future__ import annotations

import pathlib
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


class ServingInputReceiver(NamedTuple):
    """Holds what a serving model takes.

    Source: TensorFlow 1.15 `tf.estimator.export.ServingInputReceiver`.
    """

    features: Any
    receiver_tensors: Any
    receiver_tensors_alternatives: Any = None


class TensorServingInputReceiver(NamedTuple):
    """Holds what a serving model takes, whose features are one tensor."""

    features: Any
    receiver_tensors: Any
    receiver_tensors_alternatives: Any = None


class ExportOutput:
    """Is the base of what a serving model gives."""

    def signature(self, inputs: dict[str, Any]) -> Any:
        """Returns the signature from these inputs to this output."""
        raise NotImplementedError


class PredictOutput(ExportOutput):
    """Gives any tensors.

    Source: TensorFlow 1.15 `tf.estimator.export.PredictOutput`.
    """

    def __init__(self, outputs: Any) -> None:
        self.outputs = outputs if isinstance(outputs, Mapping) else {"output": outputs}

    def signature(self, inputs: dict[str, Any]) -> Any:
        """Returns the signature from these inputs to this output."""
        return tf.saved_model.predict_signature_def(inputs, dict(self.outputs))


class ClassificationOutput(ExportOutput):
    """Gives scores, classes, or both.

    Source: TensorFlow 1.15 `tf.estimator.export.ClassificationOutput`.
    """

    def __init__(self, scores: Any = None, classes: Any = None) -> None:
        if scores is None and classes is None:
            raise DataError("ClassificationOutput: give scores, classes, or both")
        self.scores, self.classes = scores, classes

    def signature(self, inputs: dict[str, Any]) -> Any:
        """Returns the signature from these inputs to this output."""
        (examples,) = inputs.values()
        return tf.saved_model.classification_signature_def(examples, self.classes, self.scores)


class RegressionOutput(ExportOutput):
    """Gives one number an example.

    Source: TensorFlow 1.15 `tf.estimator.export.RegressionOutput`.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def signature(self, inputs: dict[str, Any]) -> Any:
        """Returns the signature from these inputs to this output."""
        (examples,) = inputs.values()
        return tf.saved_model.regression_signature_def(examples, self.value)


def build_raw_serving_input_receiver_fn(
    features: Any, default_batch_size: int | None = None
) -> Callable[[], Any]:
    """Returns a function that takes features as they are, by placeholders.

    Args:
      features: name to a tensor `[B, ...]` of the wanted shape and type, or one tensor.
      default_batch_size: B, None for any.
    """

    def receive() -> Any:
        given = features if isinstance(features, Mapping) else {"feature": features}
        placeholders = {
            name: tf.placeholder(each.dtype, [default_batch_size, *each.shape.as_list()[1:]], name)
            for name, each in given.items()
        }
        if isinstance(features, Mapping):
            return ServingInputReceiver(placeholders, placeholders)
        return TensorServingInputReceiver(placeholders["feature"], placeholders)

    return receive


def build_parsing_serving_input_receiver_fn(
    feature_spec: Any, default_batch_size: int | None = None
) -> Callable[[], Any]:
    """Returns a function that takes serialised `tf.Example`s; see `tf.io.parse_example`."""

    def receive() -> Any:
        examples = tf.placeholder(tf.string, [default_batch_size], "input_example_tensor")
        features = tf.io.parse_example(examples, feature_spec)
        return ServingInputReceiver(features, {"examples": examples})

    return receive


def write(spec: Any, receiver: Any, base: Any, checkpoint: str, config: Any, as_text: bool) -> str:
    """Writes a saved model into a new folder, named by the time, and returns its path."""
    outputs = spec.export_outputs or {}
    key = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    if not outputs:
        outputs = {key: PredictOutput(spec.predictions)}
    elif len(outputs) == 1:
        outputs = {**outputs, key: next(iter(outputs.values()))}
    taken = receiver.receiver_tensors
    inputs = dict(taken) if isinstance(taken, Mapping) else {"input": taken}
    signatures = {name: output.signature(inputs) for name, output in outputs.items()}
    folder = _new_folder(tf.compat.as_str_any(base))
    with tf.Session(config=config) as session:
        saver = spec.scaffold.saver or tf.train.Saver(sharded=True)
        saver.restore(session, checkpoint)
        builder = tf.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.tag_constants.SERVING],
            signature_def_map=signatures,
            assets_collection=tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            main_op=spec.scaffold.local_init_op or tf.train.Scaffold.default_local_init_op(),
        )
        builder.save(as_text)
    return folder


def copy_extra(folder: str, files: Mapping[str, str]) -> None:
    """Copies files into a saved model's `assets.extra`."""
    for name, source in files.items():
        target = pathlib.Path(folder, "assets.extra", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _new_folder(base: str) -> str:
    seconds = int(time.time())
    while pathlib.Path(base, str(seconds)).exists():
        seconds += 1
    return str(pathlib.Path(base, str(seconds)))
