"""What crosses from the forward pass to the backward pass, and what a kept visit still runs."""

import keepable
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import tf1
from tgcarry.calls import Calls, _bytes_of
from tgcarry.residuals import _CHEAP, find_residuals


class Small:
    """A chunk of one step; `build(net)` makes the loss from `x`, `state` and `weights`."""

    def __init__(self, build, **options):
        self.x = tf.placeholder(tf.float64, [None, None, 2], "x")
        self.ports = tgc.carry_ports(tgc.BasicRNNCell(2), dtype=tf.float64)
        self.w = tf.get_variable("w", [2, 2], tf.float64)
        self.state = self.ports.initial_state
        self.first = tf.matmul(self.x[:, 0], self.w) + self.state
        self.new = tf.tanh(self.first)
        self.loss = build(self)
        self.chunk = tgc.build_chunk(self.loss, self.ports, self.new, {"x": self.x}, **options)

    def kept(self):
        found = find_residuals(self.chunk)
        assert found.obstacle == ""
        return [tensor.name for tensor in found.tensors]


def test_what_the_gradient_reads_is_kept_and_nothing_else():
    net = Small(lambda net: tf.reduce_sum(net.new**2))
    # tanh' needs tanh; the square needs it too. x, the state and w are there anyway.
    assert [name for name in net.kept() if "Shape" not in name] == [net.new.name]


def test_of_a_tensor_whose_shape_alone_matters_the_shape_is_kept():
    net = Small(lambda net: tf.reduce_sum(net.first) + tf.reduce_sum(net.new))
    found = find_residuals(net.chunk).tensors
    assert net.first.name not in [t.name for t in found]
    shapes = [t for t in found if t.op.type in ("Shape", "ShapeN")]
    assert net.first.op in {source.op for t in shapes for source in t.op.inputs}


def test_a_view_is_kept_as_what_it_views():
    def build(net):
        viewed = tf.reshape(tf.identity(tf.expand_dims(net.new, 0)), [-1])
        return tf.reduce_sum(viewed**2)

    names = Small(build).kept()
    assert not [name for name in names if "Reshape" in name or "Identity" in name]


def test_what_moves_kept_values_about_is_made_again():
    def build(net):
        left, right = tf.split(net.new, 2, 1)
        wide = tf.concat([tf.transpose(left), tf.transpose(right)], 0)
        return tf.reduce_sum(wide**2)

    net = Small(build)
    names = [name for name in net.kept() if "hape" not in name]
    assert names == [net.new.name]


def test_of_what_is_laid_out_otherwise_the_parts_are_kept():
    """The parts of the concatenation are a half of the state's gradient and what is fed."""

    def build(net):
        wide = tf.concat([tf.transpose(net.x[:, 0]), tf.transpose(3 * net.first)], 0)
        flags = tf.cast(net.first > 0, tf.float64)
        return tf.reduce_sum(wide**2) + tf.reduce_sum(flags * net.first)

    net = Small(build)
    kinds = [t.op.type for t in find_residuals(net.chunk).tensors if "hape" not in t.name]
    assert sorted(kinds) == ["Greater", "Mul", "Tanh"]


def test_feeds_embeddings_and_weights_are_not_kept(rng):
    chunk = keepable.chunk(embedded=True)
    kept = {t.name for t in find_residuals(chunk).tensors}
    given = {t.name for t in [*chunk.feeds.values(), *tf.nest.flatten(chunk.ports)]}
    assert kept
    assert not kept & given
    assert not [t for t in find_residuals(chunk).tensors if "embedding" in t.name]
    assert not [t for t in find_residuals(chunk).tensors if "Read" in t.op.type]


def test_what_a_feed_dict_fills_is_not_kept():
    scale = tf.placeholder_with_default(tf.reduce_sum(tf.get_variable("v", [3], tf.float64)), [])
    net = Small(lambda net: scale * tf.reduce_sum(net.new**2))
    default = {t.name for t in find_residuals(net.chunk).tensors}
    filled = {t.name for t in find_residuals(net.chunk, [scale]).tensors}
    assert default - filled == {scale.op.inputs[0].name}


def test_a_custom_gradient_keeps_what_it_reads():
    @tf.custom_gradient
    def root(x):
        y = tf.sqrt(tf.abs(x) + 1)
        inner = tf.sin(y)

        def grad(dy):
            return dy * inner

        return y, grad

    net = Small(lambda net: tf.reduce_sum(root(net.new)))
    kinds = {t.op.type for t in find_residuals(net.chunk).tensors}
    assert "Sin" in kinds
    assert "Sqrt" not in kinds
    assert "IdentityN" not in kinds


def stock():
    x = tf.placeholder(tf.float64, [None, None, 2], "x")
    cell = tgc.GRUCell(3)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="stock")
    return tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, {"x": x})


def test_tensorflows_own_loop_is_an_obstacle():
    found = find_residuals(stock())
    assert found.tensors == ()
    assert "while" in found.obstacle
    assert "variant" in found.obstacle
    assert "\n" not in found.obstacle


def test_tensorflow_1s_branches_are_an_obstacle():
    tf.disable_control_flow_v2()
    try:

        def build(net):
            yes = tf.reduce_sum(net.new) > 0
            return tf.cond(yes, lambda: tf.reduce_sum(net.new**2), lambda: tf.reduce_sum(net.new))

        net = Small(build)
    finally:
        tf.enable_control_flow_v2()
    assert "Switch" in {op.type for op in net.chunk.graph.get_operations()}
    found = find_residuals(net.chunk)
    assert found.tensors == ()
    assert "TensorFlow 1" in found.obstacle


def test_the_engines_keep_plain_tensors_and_are_not_run_again():
    """Follows the graph as a session does: what is fed is not computed."""
    for engine in ("loop", "fused"):
        with tf.Graph().as_default():
            cell = tgc.MultiRNNCell([tgc.GRUCell(3), tgc.LSTMCell(4)])
            chunk = keepable.chunk(cell, engine=engine, embedded=True)
            found = find_residuals(chunk)
            assert found.obstacle == ""
            fed = {t.name for t in [*found.tensors, *chunk.feeds.values()]}
            fed |= {t.name for t in tf.nest.flatten(chunk.ports)}
            starts = tf.nest.flatten(chunk.gradients.initial_state)
            waiting = [chunk.updates.accumulate, *(t.op for t in starts)]
            run = set()
            while waiting:
                op = waiting.pop()
                if op not in run:
                    run.add(op)
                    waiting += [t.op for t in op.inputs if t.name not in fed] + op.control_inputs
            forward = set(chunk.graph.get_operations()[: chunk.forward_count])
            calls = {op for op in chunk.graph.get_operations() if op.type in tf1.CALLS}
            assert len(calls & forward) >= 2, engine
            assert not calls & forward & run, engine
            assert calls & run, engine


# --- what runs ----------------------------------------------------------------------------

MODELS = {
    "gru": keepable.chunk,
    "lstm": lambda: keepable.chunk(tgc.BasicLSTMCell(4)),
    "two layers, embedding, dropout": lambda: keepable.chunk(
        tgc.MultiRNNCell([tgc.GRUCell(3), tgc.LSTMCell(4)]), embedded=True, dropout=True
    ),
    "two losses": lambda: keepable.chunk(losses=2),
    "any length": keepable.of_any_length,
}


@pytest.fixture
def traced(rng):
    """Runs a kind of call with tracing and returns the names of the operations that ran."""

    def run(chunk, kind):
        with tf.Session() as session:
            session.run([tf.global_variables_initializer(), chunk.updates.initialize])
            calls = Calls(chunk, session, {}, 0)
            ready = calls.ready(keepable.data(rng, 1)[0], 0)
            state, upstream = calls.zero_state(3), calls.zero_upstream(3)
            kept = calls.keep(ready, state)
            fetches, targets, feeds = calls._kinds[kind]
            values = [*ready.arrays, *tf.nest.flatten(state)]
            if kind == "gather kept":
                values += [*tf.nest.flatten(upstream), *kept.arrays]
            fed = dict(zip([*chunk.feeds.values(), *feeds], values, strict=True))
            metadata = tf.RunMetadata()
            options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
            session.run([*fetches, *targets], fed, options=options, run_metadata=metadata)
        stats = [node for device in metadata.step_stats.dev_stats for node in device.node_stats]
        return {node.node_name.split(":")[0] for node in stats}

    return run


def passes(chunk):
    """Names the operations of the forward and of the backward pass that compute something."""
    starts = tf.nest.flatten(chunk.gradients.initial_state)
    wanted = tf1.operations_before([chunk.updates.accumulate, chunk.loss, *starts])
    light = _CHEAP | {"Placeholder", "NoOp"}
    names = [op.name for op in wanted if op.type not in light]
    forward = {op.name for op in chunk.graph.get_operations()[: chunk.forward_count]}
    return {n for n in names if n in forward}, {n for n in names if n not in forward}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_kept_visit_computes_nothing_forwards_and_keeping_nothing_backwards(make, traced):
    chunk = make()
    forward, backward = passes(chunk)
    assert len(forward) > 3
    assert len(backward) > 3
    ran = traced(chunk, "gather kept")
    assert not ran & forward
    assert len(ran & backward) > 3, "the trace shows operations by name"
    ran = traced(chunk, "keep")
    assert not ran & backward
    assert len(ran & forward) > 3


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_residuals_are_fetched_and_fed_in_place(make, rng):
    chunk = make()
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), chunk.updates.initialize])
        calls = Calls(chunk, session, {}, 0)
        kept = calls.keep(calls.ready(keepable.data(rng, 1)[0], 0), calls.zero_state(3))
        assert all(a.ctypes.data % 64 == 0 for a in kept.arrays if a.ndim and a.size)
        largest = max(range(len(kept.arrays)), key=lambda k: kept.arrays[k].nbytes)
        tensor, array = calls.residuals.tensors[largest], kept.arrays[largest]
        (again,) = tf1.prepared_call(session, [tf.identity(tensor)], [], [tensor])([array])
        assert again.ctypes.data == array.ctypes.data
    assert kept.nbytes >= array.nbytes
    assert kept.nbytes <= sum(a.nbytes for a in kept.arrays)


def test_memory_that_two_arrays_share_is_counted_once():
    whole, other = np.zeros(100), np.zeros(3)
    assert _bytes_of([whole, whole.reshape(10, 10), other, np.int32(1), np.int32(2)]) == 832
    assert _bytes_of([whole[50:], whole[:60], whole[10:20], other]) == 824
    assert _bytes_of([whole[50:], whole[:40]]) == 720
    assert _bytes_of([]) == 0
