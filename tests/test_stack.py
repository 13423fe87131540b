"""Stacks layer by layer: residuals, mixed stacks, twins, and what a forward visit computes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.twins import twin


def peepholes(units):
    return tgc.LSTMCell(units, use_peepholes=True)


STACKS = {
    "residual": lambda: tgc.MultiRNNCell(
        [tgc.GRUCell(3), tgc.ResidualWrapper(tgc.BasicRNNCell(3))]
    ),
    "idle dropout": lambda: tgc.DropoutWrapper(tgc.GRUCell(3)),
    "mixed": lambda: tgc.MultiRNNCell([tgc.GRUCell(4), peepholes(3), tgc.BasicRNNCell(3)]),
    "stack in a stack": lambda: tgc.MultiRNNCell(
        [tgc.MultiRNNCell([tgc.GRUCell(2), tgc.GRUCell(3)]), tgc.BasicLSTMCell(3)]
    ),
}


def run(make, engine, batch=None):
    rng = np.random.default_rng(3)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(4)
        cell = make()
        x = tf.placeholder(tf.float64, [batch, None, 3])
        ports = tgc.carry_ports(cell, batch, dtype=tf.float64)
        outputs, final = tgc.dynamic_rnn(
            cell,
            x,
            tf.constant([5, 2, 0]),
            initial_state=ports.initial_state,
            engine=engine,
            resets=tf.constant(rng.random((3, 5)) < 0.3),
        )
        leaves = tf.nest.flatten(ports.initial_state)
        loss = tf.reduce_sum(outputs**2) + tf.add_n([tf.reduce_sum(tf.nest.flatten(final)[0])])
        targets = [*tf.trainable_variables(), *leaves, x]
        feeds = {x: rng.normal(size=(3, 5, 3))}
        feeds |= {leaf: rng.normal(size=(3, leaf.shape[1])) for leaf in leaves}
        names = [v.op.name for v in tf.trainable_variables()]
        fetches = [outputs, tf.nest.flatten(final), tf.gradients(loss, targets)]
        fetches.append(tf.nest.flatten(twin(final)))
        with tf.Session(graph=graph) as session:
            session.run(tf.global_variables_initializer())
            return names, session.run(fetches, feeds)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loop", "fused"])
@pytest.mark.parametrize("kind", STACKS)
def test_stacks_are_stocks(kind, engine):
    names, got = run(STACKS[kind], engine)
    wanted_names, wanted = run(STACKS[kind], "stock")
    assert names == wanted_names
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [None, 3])
def test_the_twin_has_the_same_values(batch):
    _, (_, final, _, alone) = run(STACKS["stack in a stack"], "loop", batch)
    for one, other in zip(final, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-15)


def operations_before(tensors):
    """Returns the operations that a run of `tensors` needs."""
    waiting, seen = [t.op for t in tf.nest.flatten(tensors)], set()
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting += [t.op for t in op.inputs] + list(op.control_inputs)
    return seen


def test_a_forward_visit_keeps_nothing_for_a_reverse():
    cell = tgc.MultiRNNCell([tgc.GRUCell(3), tgc.GRUCell(2)])
    ports = tgc.carry_ports(cell)
    x = tf.placeholder(tf.float32, [None, None, 3])
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    chunk = tgc.build_chunk(tf.reduce_sum(outputs), ports, final, {"x": x})
    with_outputs = [op for op in operations_before(outputs) if "PartitionedCall" in op.type]
    alone = [op for op in operations_before(chunk.forward_state) if "PartitionedCall" in op.type]
    assert len(with_outputs) == len(alone) == 2 and not set(with_outputs) & set(alone)
    assert sorted(len(op.outputs) for op in alone) == [1, 2], "outputs and state; state"
    assert min(len(op.outputs) for op in with_outputs) > 2, "what the reverse needs as well"


@pytest.mark.parametrize(
    ("threads", "wanted"), [(None, 4), ("", 4), ("0", 4), ("3", 3), ("1", 1), ("64", 4)]
)
def test_a_process_shares_streams_out_over_the_threads_that_it_has(threads, wanted, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if threads is not None:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", threads)
    outputs, _ = tgc.dynamic_rnn(
        tgc.GRUCell(2), tf.zeros([64, 9, 3]), dtype=tf.float32, engine="fused"
    )
    calls = [op for op in operations_before(outputs) if "PartitionedCall" in op.type]
    assert len(calls) == wanted


@pytest.mark.parametrize("batch", [None, 16])
def test_a_model_that_another_reads_runs_once_in_a_forward_visit(batch):
    lower, upper = tgc.GRUCell(3), tgc.BasicLSTMCell(2)
    ports = tgc.carry_ports(tgc.MultiRNNCell([lower, upper]), batch)
    x = tf.placeholder(tf.float32, [batch, None, 3])
    outputs, below = tgc.dynamic_rnn(
        lower, x, initial_state=ports.initial_state[0], engine="fused", scope="lower"
    )
    outputs, above = tgc.dynamic_rnn(
        upper,
        tf.tanh(outputs),
        initial_state=ports.initial_state[1],
        engine="fused",
        scope="upper",
    )
    chunk = tgc.build_chunk(tf.reduce_sum(outputs), ports, (below, above), {"x": x})
    calls = [op for op in operations_before(chunk.forward_state) if "PartitionedCall" in op.type]
    lowest = [op for op in calls if op.name.startswith("lower")]
    highest = [op for op in calls if op.name.startswith("upper")]
    # As many as the streams were shared out in, for each of the two.
    assert len(lowest) == len(highest) >= 1
    assert {len(op.outputs) for op in highest} == {2}, "the last state alone"


def test_a_layer_in_tensorflows_loop_does_not_have_the_others_keep_anything():
    cell = tgc.MultiRNNCell([tgc.GRUCell(3), tgc.LSTMCell(2, use_peepholes=True)])
    ports = tgc.carry_ports(cell)
    x = tf.placeholder(tf.float32, [None, None, 3])
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    chunk = tgc.build_chunk(tf.reduce_sum(outputs), ports, final, {"x": x})
    calls = [op for op in operations_before(chunk.forward_state) if "PartitionedCall" in op.type]
    assert [len(op.outputs) for op in calls] == [2], "outputs and state"


def test_a_state_without_a_twin_is_its_own():
    state = tgc.LSTMStateTuple(tf.zeros([2, 3]), tf.identity(tf.zeros([2, 3]), "final_state"))
    assert twin(state) == state
    assert twin(state.c) is state.c
