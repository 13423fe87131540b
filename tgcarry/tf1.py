"""What tgcarry knows of TensorFlow beyond its public documentation.

Every private symbol, and every list of operation names that a new release may change, lives
here, with the releases it was checked on. Everything else imports `tensorflow.compat.v1`.

Checked on: TensorFlow 2.16.2, 2.18.1, 2.20.0 and 2.21.0. The private symbols in use are
`CallableOptions`, a session's `_make_callable_from_options`, `_do_call` and `_closed`, and XLA's
`xla_dynamic_update_slice`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops
from tensorflow.core.protobuf import config_pb2
from tensorflow.python import tf2 as tf2_switch
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.framework import ops as tensorflow_ops
from tensorflow.python.framework import random_seed
from tensorflow.python.framework import stack as tensorflow_stack
from tensorflow.python.ops import (
    control_flow_util,
    control_flow_util_v2,
    data_flow_ops,
    nn_ops,
    random_ops,
    resource_variables_toggle,
    rnn,
    special_math_ops,
    variable_scope,
)
from tensorflow.python.ops import lookup_ops as tensorflow_lookup_ops
from tensorflow.python.training import evaluation, moving_averages
from tensorflow.python.training import input as tensorflow_input
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

VARIABLES = frozenset({"VarHandleOp", "Variable", "VariableV2"})

TABLES = frozenset(
    {
        "AnonymousHashTable",
        "HashTable",
        "HashTableV2",
        "MutableDenseHashTableV2",
        "MutableHashTable",
        "MutableHashTableV2",
    }
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


def unfinalize(graph: tf.Graph) -> None:
    """Lets operations be added again to a graph that was finalized for a session."""
    graph._unsafe_unfinalize()


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


def barrier(types: Sequence[Any], shapes: Sequence[Any]) -> Any:
    """Makes a barrier: elements by key, given when all their parts have come."""
    return data_flow_ops.Barrier(types=types, shapes=shapes)


def updated_slice(whole: Any, part: Any, begin: Sequence[Any]) -> Any:
    """Returns an array with one part of it replaced, from `begin` on; XLA only, and in place."""
    return gen_xla_ops.xla_dynamic_update_slice(whole, part, tf.stack(begin))


def counted_evaluation(eval_ops: Any, hooks: Iterable[Any]) -> Any:
    """Adds the count of an evaluation's steps to what is run, and tells the hooks of it."""
    count = tf.assign_add(evaluation._get_or_create_eval_step(), 1)
    for hook in hooks:
        if isinstance(hook, evaluation._StopAfterNEvalsHook):
            hook._set_evals_completed_tensor(count)
    if isinstance(eval_ops, dict):
        return {**eval_ops, "update_eval_step": count}
    return [*(eval_ops if isinstance(eval_ops, (list, tuple)) else [eval_ops]), count]


# Random operations: their numbers, and functions that TensorFlow calls by itself too.


@contextlib.contextmanager
def random_numbers(numbers: Any) -> Iterator[None]:
    """Has `numbers` asked for the operation's half of a seed inside the block.

    Args:
      numbers: what `random_seed._graph_to_seed_dict` is to be: gives a graph's next number by
        `setdefault(graph, 0)`; another one is stored afterwards.
    """
    with _replaced(random_seed, "_graph_to_seed_dict", numbers):
        yield


@contextlib.contextmanager
def random_uniform_replaced(wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Puts `wrap(random_uniform)` in the place of TensorFlow's own inside the block."""
    wrapped = wrap(random_ops.random_uniform)
    with (
        _replaced(random_ops, "random_uniform", wrapped),
        _replaced(tf, "random_uniform", wrapped),
        _replaced(tf.random, "uniform", wrapped),
    ):
        yield


@contextlib.contextmanager
def dropout_replaced(dropout: Any) -> Iterator[None]:
    """Puts `dropout` in the place of what every dropout of TensorFlow calls in the end."""
    with _replaced(nn_ops, "_dropout", dropout):
        yield


@contextlib.contextmanager
def penalties_made_once() -> Iterator[None]:
    """Has `tf.get_variable` make a regulariser's loss inside the block, outside all loops.

    TensorFlow makes it anew at every use since 2.0, and the first one where the variable is.
    """

    def made(penalty: Callable[[], Any]) -> Any:
        with tf.init_scope():
            return penalty()

    with _replaced(variable_scope, "_LazyEvalTensor", made):
        yield


def einsum_by_products(equation: str, *inputs: Any, **kwargs: Any) -> Any:
    """Computes `tf.einsum` by products, transposes and sums, as TensorFlow did before 2.0."""
    return special_math_ops._einsum_v1(equation, *inputs, **kwargs)


def noise_shape(x: tf.Tensor, wanted: Any) -> Any:
    """Returns dropout's noise shape: `wanted` with its Nones filled in, or that of `x`."""
    return nn_ops._get_noise_shape(x, wanted)


@contextlib.contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def dense_layer(*args: Any, **kwargs: Any) -> Any:
    """Makes TensorFlow 1's `tf.layers.Dense`, which Keras 3 has no longer."""
    from tf_keras.src.legacy_tf_layers import core

    return core.Dense(*args, **kwargs)


def may_cache_variables() -> bool:
    """Says whether variables may be read once: not inside a loop, which may change them."""
    if tf.executing_eagerly():
        return False
    graph = tf.get_default_graph()
    context = graph._get_control_flow_context()
    in_old_loop = control_flow_util.GetContainingWhileContext(context) is not None
    return not (in_old_loop or control_flow_util_v2.in_while_loop_defun(graph))


# Estimators: what their sessions need of TensorFlow's private modules.


def evaluate_once(**arguments: Any) -> Any:
    """Evaluates a checkpoint in one session and returns the values of `final_ops`."""
    return evaluation._evaluate_once(**arguments)


def stop_after(evaluations: int, log_progress: bool = True) -> Any:
    """Makes the hook that ends an evaluation after as many minibatches."""
    return evaluation._StopAfterNEvalsHook(evaluations, log_progress)


def add_listeners(hook: Any, listeners: Iterable[Any]) -> None:
    """Has a `CheckpointSaverHook` tell more listeners."""
    hook._listeners.extend(each for each in listeners if each not in hook._listeners)


def warm_start(settings: Any) -> None:
    """Has variables start from a checkpoint.

    Args:
      settings: path, or an object with the arguments of `tf.train.warm_start` as attributes,
        or None.
    """
    if settings is None:
        return
    names = ("ckpt_to_initialize_from", "vars_to_warm_start", "var_name_to_vocab_info")
    if isinstance(settings, (str, bytes)):
        tf.train.warm_start(settings)
    else:
        known = {name: getattr(settings, name) for name in names}
        known["var_name_to_prev_var_name"] = settings.var_name_to_prev_var_name
        tf.train.warm_start(**known)


@contextlib.contextmanager
def new_graph(seed: int | None) -> Iterator[tf.Graph]:
    """Makes a graph with a seed the default inside the block."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        yield graph


def moving_average(variable: Any, value: Any, decay: Any, zero_debias: bool) -> Any:
    """Moves a variable towards a value: v - (v - value) (1 - decay).

    The result may be divided by 1 - decay^t (`zero_debias`), for a start at zero.

    Returns:
      The operation's tensor, the variable moved.
    """
    return moving_averages.assign_moving_average(variable, value, decay, zero_debias=zero_debias)


# Unrolling: functions that TensorFlow's others call, and where they are called.


@contextlib.contextmanager
def dynamic_rnn_replaced(unroll: Any) -> Iterator[None]:
    """Has `tf.nn.bidirectional_dynamic_rnn` call `unroll` for each direction inside the block."""
    with _replaced(rnn, "dynamic_rnn", unroll):
        yield


@contextlib.contextmanager
def static_rnn_replaced(unroll: Any) -> Iterator[None]:
    """Has TensorFlow's functions around `tf.nn.static_rnn` call `unroll` inside the block."""
    with _replaced(rnn, "static_rnn", unroll):
        yield


def inside_control_flow() -> bool:
    """Says whether operations made now belong to a loop, a branch or a function."""
    graph = tf.get_default_graph()
    return graph._get_control_flow_context() is not None or hasattr(graph, "outer_graph")


def keras() -> Any:
    """Returns Keras 2 as TensorFlow 1 had it: `tf_keras`, whose version is TensorFlow's."""
    from tf_keras.api._v1 import keras as version_1

    return version_1


def lookup_ops() -> Any:
    """Returns the module of the tables that look values up."""
    return tensorflow_lookup_ops


@contextlib.contextmanager
def own_graphs() -> Iterator[None]:
    """Sets this thread's default graphs and sessions aside inside the block.

    The block begins without any, and those that it leaves open are closed to the code behind.
    """
    stacks = tensorflow_ops._default_graph_stack, tensorflow_stack._default_session_stack
    kept = [list(stack.stack) for stack in stacks]
    outer = stacks[0]._global_default_graph
    for stack in stacks:
        stack.reset()
    try:
        yield
    finally:
        for stack, before in zip(stacks, kept, strict=True):
            stack.stack = before
        stacks[0]._global_default_graph = outer


# Wraps a data set so that it has TensorFlow 1's methods, and may be derived from.
DatasetAdapter = dataset_ops.DatasetV1Adapter


# Queues hold dense tensors only: a sparse one waits in a map, and its key in the queue.


def stored_sparse(elements: Sequence[Any], keep: Any) -> tuple[list[Any], Any]:
    """Returns dense tensors for a queue, and what `restored_sparse` needs to know.

    Args:
      elements: tensors, dense or sparse.
      keep: bool scalar tensor; sparse tensors are put away only if it is true.
    """
    stored, kinds = tensorflow_input._store_sparse_tensors(list(elements), False, keep)
    return list(stored), kinds


def restored_sparse(batch: Sequence[Any], kinds: Any) -> list[Any]:
    """Returns a minibatch from a queue with its sparse tensors."""
    return list(tensorflow_input._restore_sparse_tensors(list(batch), kinds))
