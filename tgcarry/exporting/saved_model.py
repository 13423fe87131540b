"""SavedModels whose signatures take a state in and give the next one out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import because
from tgcarry.errors import ChunkError, RunError
from tgcarry.exporting.asked import Asked, asked_batch, asked_model
from tgcarry.exporting.graphs import Wanted, inference_meta_graph, variables_behind
from tgcarry.exporting.whole import check_folder, write_folder

GO_ON, START = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY, "start"
MARK = "saved_model.pb"
NOTES = "assets.extra/tgcarry.json"


class Port(NamedTuple):
    """Describes a tensor of a signature."""

    name: str
    role: str
    """"input", "state" (an input and an output) or "output"."""
    shape: tuple[int | None, ...] | None
    dtype: str


class Exported(NamedTuple):
    """Says where a SavedModel lies and what its signatures take and give."""

    path: Path
    ports: tuple[Port, ...]


def export_saved_model(
    session: Any,
    chunk: ChunkGraph | tuple[Any, Any],
    path: str | Path,
    *,
    outputs: Mapping[str, tf.Tensor],
    inputs: Mapping[str, tf.Tensor] | None = None,
    feed_dict: Mapping[tf.Tensor, Any] | None = None,
    batch_size: tf.Tensor | None = None,
    notes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Exported:
    """Writes a model as a SavedModel that any TensorFlow runs, with the state in and out.

        serving_default: inputs, state  ->  outputs, state
        start:           inputs         ->  outputs, state      from zeros

    The leaves of the state are called "state", "state_0", "state_1_c" and so on, by their
    place in the nest, and have the same names as inputs and as outputs: feed back what came
    out. `assets.extra/tgcarry.json` lists these names beside `notes`. Only what the outputs
    and the state need is written: no gradients, optimisers, losses; nothing is added to the
    graph. A loop that gradients were taken of keeps what they needed, at no cost in a run.

    Not included: lookup tables, local variables, operations that Python computes.

    B is the batch, L the steps, H a leaf's width.

    Args:
      session: an open session on the graph, with the trained values.
      chunk: of `build_chunk`; or a pair `(initial_state, final_state)` of nests, the former of
        placeholders `[B, H]`. One with a default starts from that instead of zeros.
      path: the folder to write, whole or not at all.
      outputs: tensors by the names that clients shall see.
      inputs: placeholders by such names. None for those feeds of the chunk that the outputs
        and the state depend on.
      feed_dict: placeholders that get a value for good, such as a dropout rate.
      batch_size: scalar int tensor: B. None for the first axis of the first input of rank 2 or
        more; give it where that is time.
      notes: what else a client has to know, JSON-ready.
      overwrite: replace an earlier SavedModel there.

    Returns:
      `Exported`.

    Raises:
      ChunkError: tensors or names that do not fit, or a placeholder that nothing fills.
      RunError: the session is closed, of another graph, or holds no values.
      LogError: the place is taken or cannot be written; what was there is as it was.

    Source: TensorFlow 1's `tf.saved_model.Builder`.
    """
    target = Path(path)
    check_folder(target, MARK, overwrite)
    model = asked_model(chunk, inputs, outputs, feed_dict or {})
    if session.graph is not model.graph:
        raise RunError("export_saved_model: the session is of another graph than the outputs")
    batch = asked_batch(model, batch_size)
    extra = _notes(model, notes or {})
    results = [*model.outputs.values(), *model.final.values()]
    variables = variables_behind(model.graph, results)
    wanted = Wanted(
        list(model.inputs.values()),
        list(model.initial.values()),
        results,
        model.constants,
        batch,
    )
    meta = inference_meta_graph(model.graph, wanted, variables)
    values = _values(session, variables)
    write_folder(
        target, MARK, lambda folder: _write(folder, model, meta, values, extra), overwrite
    )
    return Exported(target, _ports(model))


def _notes(model: Asked, notes: Mapping[str, Any]) -> str:
    """Writes out what a client has to know."""
    content = {**notes, "state": list(model.initial)}
    if "state" in notes:
        raise ChunkError("export_saved_model(notes=): 'state' holds the state's names; rename it")
    try:
        return json.dumps(content, allow_nan=False, indent=1, sort_keys=True) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ChunkError(
            f"export_saved_model(notes=): JSON cannot hold them ({because(error)}): give dicts, "
            f"lists, str, int, finite float, bool and None"
        ) from error


def _values(session: Any, variables: list[tf.Variable]) -> list[Any]:
    try:
        return list(session.run(variables))
    except (tf.errors.FailedPreconditionError, RuntimeError) as error:
        raise RunError(
            f"export_saved_model: the variables have no values ({because(error)}): restore or "
            f"initialise them in an open session first"
        ) from error


def _write(folder: Path, model: Asked, meta: Any, values: list[Any], notes: str) -> None:
    """Fills a folder with the SavedModel and its notes."""
    config = tf.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default() as graph, tf.Session(graph=graph, config=config) as session:
        saver = tf.train.import_meta_graph(meta)
        made = tf.global_variables()
        fed = {v.initializer.inputs[1]: value for v, value in zip(made, values, strict=True)}
        session.run([variable.initializer for variable in made], fed)
        builder = tf.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.tag_constants.SERVING],
            signature_def_map=_signatures(model, graph),
            strip_default_attrs=True,
            saver=saver,
        )
        builder.save()
    extra = folder / NOTES
    extra.parent.mkdir()
    extra.write_text(notes, encoding="utf-8")


def _signatures(model: Asked, graph: tf.Graph) -> dict[str, Any]:
    def here(tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: graph.get_tensor_by_name(tensor.name) for name, tensor in tensors.items()}

    # A copy, for an output may be an input, which no loader could both feed and fetch.
    given = {name: tf.identity(t) for name, t in here({**model.outputs, **model.final}).items()}
    return {
        GO_ON: tf.saved_model.predict_signature_def(
            {**here(model.inputs), **here(model.initial)}, given
        ),
        START: tf.saved_model.predict_signature_def(here(model.inputs), given),
    }


def _ports(model: Asked) -> tuple[Port, ...]:
    groups = (("input", model.inputs), ("state", model.initial), ("output", model.outputs))
    return tuple(
        Port(
            name,
            role,
            None if tensor.shape.rank is None else tuple(tensor.shape.as_list()),
            tensor.dtype.base_dtype.name,
        )
        for role, tensors in groups
        for name, tensor in tensors.items()
    )
