"""What tgcarry knows of TensorFlow beyond its public documentation.

Every private symbol, and every list of operation names that a new release may change, lives
here, with the releases it was checked on. Everything else imports `tensorflow.compat.v1`.

Checked on: TensorFlow 2.16.2, 2.18.1, 2.20.0 and 2.21.0. No private symbol is in use.
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow.compat.v1 as tf

CHECKED_VERSIONS = ("2.16.2", "2.18.1", "2.20.0", "2.21.0")

# Kernels that draw anew at every run. The `Stateless*` kernels are not among them.
_RANDOM_OPS = frozenset(
    {
        "AllCandidateSampler",
        "FixedUnigramCandidateSampler",
        "LearnedUnigramCandidateSampler",
        "LogUniformCandidateSampler",
        "Multinomial",
        "NonDeterministicInts",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "RngReadAndSkip",
        "ThreadUnsafeUnigramCandidateSampler",
        "TruncatedNormal",
        "UniformCandidateSampler",
        "StatefulRandomBinomial",
        "StatefulStandardNormalV2",
        "StatefulTruncatedNormal",
        "StatefulUniform",
        "StatefulUniformFullInt",
        "StatefulUniformInt",
    }
)

# What a stream gives next is another thing at every run, too.
_STREAM_OPS = frozenset(
    {
        "IteratorGetNext",
        "IteratorGetNextAsOptional",
        "IteratorGetNextSync",
        "QueueDequeueManyV2",
        "QueueDequeueUpToV2",
        "QueueDequeueV2",
        "ReaderReadUpToV2",
        "ReaderReadV2",
    }
)

# Operations that pass values on but no gradient; a path through one does not connect.
GRADIENT_STOPS = frozenset({"StopGradient", "PreventGradient"})

WHILE_OPS = frozenset({"While", "StatelessWhile"})

# Operations that pass on shapes and no values, and so neither gradients nor stops.
SHAPES_ONLY = frozenset(
    {
        "OnesLike",
        "Rank",
        "Shape",
        "ShapeN",
        "Size",
        "TensorListElementShape",
        "TensorListLength",
        "ZerosLike",
    }
)

# Steps and staircases: TensorFlow gives None or zeros for their gradient.
FLAT = frozenset({"Ceil", "Floor", "FloorDiv", "Rint", "Round", "Sign"})

# Of floats make integers or booleans; in a function's body nothing else tells.
TO_INTEGERS = frozenset(
    {
        "ArgMax",
        "ArgMin",
        "Equal",
        "Greater",
        "GreaterEqual",
        "IsFinite",
        "IsInf",
        "IsNan",
        "Less",
        "LessEqual",
        "NotEqual",
        "Where",
    }
)

BRANCHES = frozenset({"Case", "If", "StatelessCase", "StatelessIf"})

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})

_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})


def is_placeholder(tensor: tf.Tensor) -> bool:
    """Says whether a tensor is a placeholder's, so that a feed is what it waits for."""
    return tensor.op.type in _PLACEHOLDERS


def placeholders_before(tensors: Iterable[tf.Tensor]) -> list[tf.Tensor]:
    """Lists the placeholders without a default that `tensors` cannot be computed without."""
    seen: set[tf.Operation] = set()
    waiting, found = [tensor.op for tensor in tensors], []
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type in ("Placeholder", "PlaceholderV2"):
            found.append(op.outputs[0])
        waiting.extend(source.op for source in op.inputs)
        waiting.extend(op.control_inputs)
    return sorted(found, key=lambda tensor: str(tensor.name))


def random_ops_before(tensors: Iterable[tf.Tensor]) -> list[str]:
    """Names the operations behind `tensors` that give something else at every run.

    These draw random numbers or take the next element of a stream. Bodies of loops and
    functions are searched too, whole: an operation in a loop's body counts even if its result
    is thrown away. Initialisers are not behind a variable's value.
    """
    tensors = list(tensors)
    if not tensors:
        return []
    graph = tensors[0].graph
    wanted = [tensor.op.name for tensor in tensors]
    definition = tf.graph_util.extract_sub_graph(graph.as_graph_def(), wanted)
    bodies = {f.signature.name: f for f in definition.library.function}
    found, waiting, seen = [], list(definition.node), set()
    while waiting:
        node = waiting.pop()
        if node.op in _RANDOM_OPS | _STREAM_OPS:
            found.append(node.name)
        for attribute in node.attr.values():
            names = [attribute.func.name, *(f.name for f in attribute.list.func)]
            for name in names:
                if name in bodies and name not in seen:
                    seen.add(name)
                    waiting.extend(bodies[name].node_def)
    return sorted(found)
