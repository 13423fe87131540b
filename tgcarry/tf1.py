"""What tgcarry knows of TensorFlow beyond its public documentation.

Every private symbol, and every list of operation names that a new release may change, lives
here, with the releases it was checked on. Everything else imports `tensorflow.compat.v1`.

Checked on: TensorFlow 2.16.2, 2.18.1, 2.20.0 and 2.21.0. The private symbols in use are
`CallableOptions` and a session's `_make_callable_from_options`, `_do_call` and `_closed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python import tf2 as tf2_switch
from tensorflow.python.ops import resource_variables_toggle
from tensorflow.python.util import deprecation

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

# Loops and branches of before functions: tensors inside can be neither fetched nor fed.
OLD_CONTROL_FLOW = frozenset(
    {
        "Enter",
        "Exit",
        "LoopCond",
        "Merge",
        "NextIteration",
        "RefEnter",
        "RefExit",
        "RefMerge",
        "RefNextIteration",
        "RefSwitch",
        "StackPopV2",
        "StackPushV2",
        "Switch",
    }
)

# Pass on their first input's memory, under another name or shape.
VIEWS = frozenset({"ExpandDims", "Identity", "PlaceholderWithDefault", "Reshape", "Squeeze"})

# Hold what a step does not change: constants and weights.
STANDING = frozenset(
    {"Const", "ReadVariableOp", "VarHandleOp", "VarIsInitializedOp", "Variable", "VariableV2"}
)

# Lay out their inputs' values otherwise, in as much memory as those take or more.
ARRANGING = frozenset(
    {
        "BroadcastTo",
        "Concat",
        "ConcatV2",
        "OneHot",
        "Pack",
        "Pad",
        "PadV2",
        "ReverseSequence",
        "ReverseV2",
        "Tile",
        "Transpose",
    }
)

# Take parts of values, or make them from shapes and indices, and compute nothing.
TAKING = frozenset(
    {
        "Cast",
        "Fill",
        "Gather",
        "GatherNd",
        "GatherV2",
        "IdentityN",
        "Range",
        "ResourceGather",
        "ResourceGatherNd",
        "Slice",
        "Split",
        "SplitV",
        "StridedSlice",
        "Unpack",
    }
)

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


def operations_before(ends: Iterable[Any]) -> set[tf.Operation]:
    """Returns the operations that tensors or operations cannot be had without, themselves too."""
    seen: set[tf.Operation] = set()
    waiting = [getattr(end, "op", end) for end in ends]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting.extend(source.op for source in op.inputs)
            waiting.extend(op.control_inputs)
    return seen


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


def prepared_call(
    session: Any,
    fetches: Sequence[tf.Tensor],
    targets: Sequence[tf.Operation],
    feeds: Sequence[tf.Tensor],
) -> Callable[[Sequence[Any]], list[Any]]:
    """Prepares a session call once, so that each one costs no more than TensorFlow's own work.

    Feeds and fetches are arrays, which are neither converted nor checked: dtypes have to be
    those of `feeds`. An array that is contiguous and starts at a multiple of 64 bytes is fed
    without a copy; those fetched share TensorFlow's memory and are such arrays themselves.

    A session of another class than TensorFlow's own, or with a `run` of its own (a
    `MonitoredSession` has hooks to call), is asked through `run`.

    Args:
      session: an open session.
      fetches: what to return, in order; may repeat, and may be among the feeds.
      targets: operations to run besides.
      feeds: what is fed, in order, each once.

    Returns:
      Function from a list of arrays, one per feed, to one of arrays, one per fetch. It raises
      what `session.run` does.
    """
    feeds, fetches = list(feeds), list(fetches)

    def by_run(values: Sequence[Any]) -> list[Any]:
        wanted = [*fetches, *targets]
        return list(session.run(wanted, dict(zip(feeds, values, strict=True)))[: len(fetches)])

    fed = {tensor.name: place for place, tensor in enumerate(feeds)}
    computed = [name for name in dict.fromkeys(t.name for t in fetches) if name not in fed]
    if not (_has_callables(session) and (computed or targets)):
        return by_run
    options = config_pb2.CallableOptions(
        feed=list(fed), fetch=computed, target=[target.name for target in targets]
    )
    prepared = session._make_callable_from_options(options)
    places = {name: len(fed) + place for place, name in enumerate(computed)} | fed
    order = [places[tensor.name] for tensor in fetches]
    as_asked = order == list(range(len(fed), len(fed) + len(computed)))

    def call(values: Sequence[Any]) -> list[Any]:
        if session._closed:
            return by_run(values)
        got = session._do_call(prepared, *values)
        return got if as_asked else [[*values, *got][place] for place in order]

    return call


def _has_callables(session: Any) -> bool:
    """Says whether a session is TensorFlow's own, whose `run` does nothing else."""
    plain = getattr(type(session), "run", None) is tf.Session.run and "run" not in vars(session)
    return plain and hasattr(session, "_make_callable_from_options") and not session._closed


class Behaviour(NamedTuple):
    """Holds TensorFlow's switches between its versions' ways."""

    eager: bool
    resource_variables: bool
    control_flow_v2: bool
    tensor_equality: bool
    shapes_v2: bool
    all_v2: bool
    deprecations: bool
    """Whether TensorFlow prints that something is deprecated."""


VERSION_1 = Behaviour(False, False, False, False, False, False, False)


def behaviour() -> Behaviour:
    """Returns the switches as they are."""
    return Behaviour(
        eager=tf.executing_eagerly_outside_functions(),
        resource_variables=tf.resource_variables_enabled(),
        control_flow_v2=tf.control_flow_v2_enabled(),
        tensor_equality=bool(tf.Tensor._USE_EQUALITY),
        shapes_v2=isinstance(tf.TensorShape([1])[0], int),
        all_v2=tf2_switch.enabled(),
        deprecations=deprecation._PRINT_DEPRECATION_WARNINGS,
    )


def switch_behaviour(wanted: Behaviour) -> None:
    """Sets the switches, on an empty default graph."""
    deprecation._PRINT_DEPRECATION_WARNINGS = False
    tf.reset_default_graph()
    (tf.enable_v2_behavior if wanted.all_v2 else tf.disable_v2_behavior)()
    if wanted.eager != tf.executing_eagerly_outside_functions():
        (tf.enable_eager_execution if wanted.eager else tf.disable_eager_execution)()
    (tf.enable_resource_variables if wanted.resource_variables else _no_resources)()
    (tf.enable_control_flow_v2 if wanted.control_flow_v2 else tf.disable_control_flow_v2)()
    (tf.enable_tensor_equality if wanted.tensor_equality else tf.disable_tensor_equality)()
    (tf.enable_v2_tensorshape if wanted.shapes_v2 else tf.disable_v2_tensorshape)()
    deprecation._PRINT_DEPRECATION_WARNINGS = wanted.deprecations


def _no_resources() -> None:
    resource_variables_toggle.disable_resource_variables()
