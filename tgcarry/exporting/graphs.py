"""What of a training graph is needed to run a model, as a graph of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import ChunkError

_COLLECTIONS = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES)


class Wanted(NamedTuple):
    """Holds the tensors that an exported graph is made around."""

    inputs: Sequence[tf.Tensor]
    """Placeholders that stay as they are."""
    initial: Sequence[tf.Tensor]
    """Placeholders of a state's leaves, which become zeros where they are not fed."""
    results: Sequence[tf.Tensor]
    constants: Mapping[str, Any]
    """Values by the name of the placeholder that they take the place of."""
    batch: tf.Tensor
    """How many streams the zeros are for: a scalar, or an input whose first axis has them."""


def variables_behind(graph: tf.Graph, results: Iterable[tf.Tensor]) -> list[tf.Variable]:
    """Lists the variables that tensors read, in the order in which they were made.

    Raises:
      ChunkError: one is not among the graph's global variables, so that no saver knows it.
    """
    needed = tf1.operations_before(results)
    known = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    names = {variable.op.name for variable in known}
    for op in sorted(needed, key=lambda op: str(op.name)):
        if op.type in tf1.VARIABLES and op.name not in names:
            raise ChunkError(
                f"the variable {op.name!r} is none of tf.global_variables(), which alone are "
                f"exported: make it with tf.get_variable, and not as a local one"
            )
        if op.type in tf1.TABLES:
            raise ChunkError(
                f"the outputs need the lookup table {op.name!r}, which is not exported: look up "
                f"before the placeholder, and export from there"
            )
    return [variable for variable in known if variable.op in needed]


def inference_meta_graph(
    graph: tf.Graph, wanted: Wanted, variables: Sequence[tf.Variable]
) -> tf.MetaGraphDef:
    """Cuts a graph down to what `wanted` needs; the names stay.

    A state's placeholders get zeros as their default, those of `wanted.constants` become
    constants. Not included: gradients, optimisers, other collections than the variables'.

    Raises:
      ChunkError: the batch cannot be known before the state is.
    """
    protos = [variable.to_proto() for variable in variables]
    tensors = [*wanted.inputs, *wanted.initial, *wanted.results, wanted.batch]
    names = [tensor.op.name for tensor in tensors]
    for proto in protos:
        for name in (proto.initializer_name, proto.initial_value_name, proto.snapshot_name):
            names.append(name.partition(":")[0])
    definition = tf.graph_util.extract_sub_graph(graph.as_graph_def(), names)
    _keep_reachable(definition)
    _untie(definition)
    _fix(definition, wanted.constants)
    definition = _with_zeros(definition, wanted)
    meta = tf.MetaGraphDef()
    meta.graph_def.CopyFrom(definition)
    trainable = {v.op.name for v in graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)}
    for key in _COLLECTIONS:
        values = meta.collection_def[key].bytes_list.value
        for variable, proto in zip(variables, protos, strict=True):
            if key == tf.GraphKeys.GLOBAL_VARIABLES or variable.op.name in trainable:
                values.append(proto.SerializeToString())
    return meta


def _keep_reachable(definition: Any) -> None:
    """Removes the functions that no node calls, such as gradients of loops."""
    bodies = {function.signature.name: function for function in definition.library.function}
    reached: dict[str, Any] = {}
    waiting = list(definition.node)
    while waiting:
        for attribute in waiting.pop().attr.values():
            for called in (attribute.func, *attribute.list.func):
                if called.name in bodies and called.name not in reached:
                    reached[called.name] = bodies[called.name]
                    waiting.extend(bodies[called.name].node_def)
    kept = [function for name, function in bodies.items() if name in reached]
    gradients = [g for g in definition.library.gradient if g.function_name in reached]
    gradients = [g for g in gradients if g.gradient_func in reached]
    library = type(definition.library)()
    library.function.extend(kept)
    library.gradient.extend(gradients)
    definition.library.CopyFrom(library)


def _untie(definition: Any) -> None:
    """Removes places and neighbours, which were those of the graph that this was cut from.

    And a variable's name for debugging, without which TensorFlow 1.15 reads the graph, too.
    """
    for node in definition.node:
        node.device = ""
        node.attr.pop("_class", None)
        if node.op == "VarHandleOp":
            node.attr.pop("debug_name", None)


def _fix(definition: Any, constants: Mapping[str, Any]) -> None:
    """Makes constants of the placeholders that are named."""
    for node in definition.node:
        if node.name in constants:
            dtype = tf.as_dtype(node.attr["dtype"].type)
            value = np.asarray(constants[node.name], dtype.as_numpy_dtype)
            node.op = "Const"
            del node.input[:]
            node.attr.clear()
            node.attr["dtype"].type = dtype.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype))


def _with_zeros(definition: Any, wanted: Wanted) -> Any:
    """Gives the state's placeholders zeros as their default."""
    plain = [leaf for leaf in wanted.initial if leaf.op.type != "PlaceholderWithDefault"]
    defaults = {}
    with tf.Graph().as_default() as scratch:
        tf.import_graph_def(definition, name="")
        batch = scratch.get_tensor_by_name(wanted.batch.name)
        before = tf1.operations_before([batch])
        with tf.name_scope("start"):
            if batch.shape.rank:
                batch = tf.shape(batch)[0]
            for leaf in plain:
                dims = leaf.shape.as_list()
                count = tf.cast(batch, tf.int32) if dims[0] is None else dims[0]
                zeros = tf.zeros(tf.stack([count, *dims[1:]]), leaf.dtype)
                defaults[leaf.op.name] = zeros.op.name
        definition = scratch.as_graph_def()
    behind = {op.name for op in before} & set(defaults)
    if behind:
        raise ChunkError(
            f"the batch size {wanted.batch.name!r} is computed from the state "
            f"{sorted(behind)[0]!r}: give a tensor that is known before, such as tf.shape(x)[0]"
        )
    for node in definition.node:
        if node.name in defaults:
            node.op = "PlaceholderWithDefault"
            node.input.append(defaults[node.name])
    return definition
