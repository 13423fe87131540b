"""partition_gradients: each loss trains its own variables, alone and inside a chunk."""

import re

import models
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import load_all

import tgcarry as tgc

SEEDS = [1, 2, 3]


def shared_trunk():
    """Three losses on one trunk of two layers."""
    x = tf.placeholder(tf.float64, [None, 4], "x")
    trunk = tf.tanh(tgc.losses.linear(tf.tanh(tgc.losses.linear(x, 5, "trunk/a")), 5, "trunk/b"))
    losses = [
        tf.reduce_sum(tf.square(tgc.losses.linear(trunk, 2, f"head{i}") - float(i)))
        for i in range(3)
    ]
    return [(losses[0], "trunk"), (losses[1], "head1"), (losses[2], re.compile("head2/"))], {x: 4}


def chained_heads():
    """The second head reads the first one's output, the third the second's."""
    x = tf.placeholder(tf.float64, [None, 3], "x")
    one = tf.sigmoid(tgc.losses.linear(x, 4, "one"))
    two = tf.sigmoid(tgc.losses.linear(one, 3, "two"))
    three = tgc.losses.linear(two, 2, "three")
    losses = [tf.reduce_sum(tf.square(out)) for out in (one, two, three)]
    variables = tf.trainable_variables()
    return [(losses[0], variables[:2]), (losses[1], variables[2:4]), (losses[2], variables[4:])], {
        x: 3
    }


def embedded():
    """Sparse gradients: an embedding that one loss trains, and heads for the others."""
    ids = tf.placeholder(tf.int32, [None], "ids")
    table = tf.get_variable("table", [6, 3], tf.float64)
    rows = tf.nn.embedding_lookup(table, ids)
    one = tgc.losses.linear(rows, 4, "one")
    two = tgc.losses.linear(one, 5, "two")
    losses = [tf.reduce_sum(tf.square(one)), tf.reduce_sum(tf.abs(two))]
    return [(losses[0], [table]), (losses[1], "two")], {ids: None}


MODELS = {"trunk": shared_trunk, "chain": chained_heads, "embedding": embedded}


def drawn(feeds, rng):
    return {
        p: rng.integers(0, 6, 8) if width is None else rng.normal(size=(8, width))
        for p, width in feeds.items()
    }


def fill(session, rng):
    doubles = [v for v in tf.global_variables() if v.dtype.base_dtype == tf.float64]
    load_all({v: rng.normal(size=v.shape.as_list()) for v in doubles}, session)


def dense(value, like):
    if not hasattr(value, "indices"):
        return value
    out = np.zeros(like)
    np.add.at(out, value.indices, value.values)
    return out


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_a_partition_is_the_gradient_of_its_loss_alone(name, seed):
    rng = np.random.default_rng(seed)
    partitions, feeds = MODELS[name]()
    pairs = tgc.partition_gradients(partitions)
    given = drawn(feeds, rng)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        fill(session, np.random.default_rng(seed + 100))
        got = session.run([g for g, _ in pairs], given)
        names = [v.op.name for _, v in pairs]
        shapes = [v.shape.as_list() for _, v in pairs]
    # Each loss again, in a graph of its own where nothing else is differentiated.
    wanted = {}
    for number in range(len(partitions)):
        with tf.Graph().as_default():
            again, fed = MODELS[name]()
            loss, var_list = again[number]
            if not isinstance(var_list, list):
                var_list = [v for v in tf.trainable_variables() if re.match(var_list, v.op.name)]
            gradients = tf.gradients(loss, var_list)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                fill(session, np.random.default_rng(seed + 100))
                values = session.run(gradients, dict(zip(fed, given.values(), strict=True)))
            for variable, value in zip(var_list, values, strict=True):
                wanted[variable.op.name] = dense(value, variable.shape.as_list())
    assert sorted(names) == sorted(wanted)
    for variable, value, shape in zip(names, got, shapes, strict=True):
        scale = np.abs(wanted[variable]).max()
        assert np.abs(dense(value, shape) - wanted[variable]).max() <= 1e-12 * scale


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_the_others_stay_bit_identical(name, seed):
    rng = np.random.default_rng(seed)
    partitions, feeds = MODELS[name]()
    pairs = tgc.partition_gradients(partitions[:1], tf.train.AdamOptimizer(0.1))
    trained = {v.op.name for _, v in pairs}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        everything = tf.trainable_variables()
        before = session.run(everything)
        for _ in range(10):
            session.run(pairs.train_op, drawn(feeds, rng))
        after = session.run(everything)
    moved = {
        v.op.name
        for v, a, b in zip(everything, before, after, strict=True)
        if a.tobytes() != b.tobytes()
    }
    assert moved == trained


def two_losses():
    a = tf.get_variable("a", initializer=tf.constant([1.0, 2.0], tf.float64))
    b = tf.get_variable("b", initializer=tf.constant([3.0, 4.0], tf.float64))
    one = tf.reduce_sum(a * a, name="one")
    two = tf.reduce_sum(a * b * b, name="two")
    return a, b, one, two


def test_sum_and_product_of_losses():
    _, b, one, two = two_losses()
    plain = tgc.partition_gradients([(two, b)])[0][0]
    total = tgc.partition_gradients([(one + two, b)])[0][0]
    product = tgc.partition_gradients([(one * two, b)])[0][0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        plain, total, product, first = session.run([plain, total, product, one])
    np.testing.assert_array_equal(plain, total)
    np.testing.assert_allclose(product, first * plain, rtol=1e-15)
    assert first != 1


def test_shared_variables_are_refused_or_summed():
    a, _, one, two = two_losses()
    with pytest.raises(tgc.ChunkError, match=r"a is in partition 0 .*'one.*sum_shared=True"):
        tgc.partition_gradients([(one, a), (two, a)])
    pairs = tgc.partition_gradients([(one, a), (two, a)], sum_shared=True)
    (gradient, variable), wanted = pairs[0], tf.gradients(one + two, a)[0]
    assert len(pairs) == 1
    assert variable is a
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(*session.run([gradient, wanted]))


def test_shared_sparse_gradients_stay_sparse():
    table = tf.get_variable("table", [5, 2], tf.float64)
    one = tf.reduce_sum(tf.gather(table, [1, 1, 2]) ** 2)
    two = tf.reduce_sum(tf.gather(table, [2, 4]) ** 3)
    pairs = tgc.partition_gradients([(one, table), (two, table)], sum_shared=True)
    assert isinstance(pairs[0][0], tf.IndexedSlices)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, whole = session.run([pairs[0][0], tf.gradients(one + two, table)[0]])
    assert sorted(got.indices) == [1, 2, 4], "each row once"
    np.testing.assert_allclose(dense(got, (5, 2)), dense(whole, (5, 2)), rtol=1e-14)


def test_each_partition_has_its_own_limit_and_optimiser():
    a, b, one, two = two_losses()
    count = tf.train.get_or_create_global_step()
    pairs = tgc.partition_gradients(
        [
            tgc.Partition(one, a, tf.train.GradientDescentOptimizer(0.5), clip_norm=1.0),
            tgc.Partition(two, b, tf.train.GradientDescentOptimizer(0.25)),
        ],
        global_step=count,
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(pairs.train_op)
        got_a, got_b, steps = session.run([a, b, count])
    step = np.array([2.0, 4.0]) / np.hypot(2, 4)
    np.testing.assert_allclose(got_a, [1, 2] - 0.5 * step, rtol=1e-15)
    # b's gradient 2 a b is taken before a moves.
    np.testing.assert_allclose(got_b, [3 - 0.25 * 6, 4 - 0.25 * 16], rtol=1e-15)
    assert steps == 1


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda a, b, one, two: [], ["no partition"]),
        (lambda a, b, one, two: one, ["(loss, var_list)"]),
        (lambda a, b, one, two: [one], ["partition 0", "(loss, var_list)"]),
        (lambda a, b, one, two: [(one, [])], ["partition 0", "'one", "no variable"]),
        (lambda a, b, one, two: [(one, "nowhere")], ["'one", "'nowhere'", "a, b"]),
        (lambda a, b, one, two: [(one, [a, a])], ["'one", "a named twice"]),
        (lambda a, b, one, two: [(one, [a, b])], ["'one", "cannot reach b"]),
        (lambda a, b, one, two: [(one, [a, "b"])], ["'b' is no variable"]),
        (lambda a, b, one, two: [(a * 2, [a])], ["partition 0", "shape (2,)", "reduce_sum"]),
        (lambda a, b, one, two: [(one, a), (3.0, b)], ["partition 1", "3.0"]),
        (lambda a, b, one, two: [tgc.Partition(one, a, None, -1.0)], ["clip_norm -1.0"]),
    ],
)
def test_a_wrong_partition_is_refused_while_the_graph_is_built(make, facts):
    with pytest.raises(tgc.ChunkError) as caught:
        tgc.partition_gradients(make(*two_losses()))
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message


def test_another_default_graph_does_not_matter():
    a, b, one, two = two_losses()
    with tf.Graph().as_default():
        pairs = tgc.partition_gradients(
            [(one, "a"), (two, "b")], tf.train.GradientDescentOptimizer(0.5)
        )
    assert [v for _, v in pairs] == [a, b]
    assert pairs.train_op.graph is a.graph


def test_a_variable_behind_a_stop_is_refused():
    a, _, one, _ = two_losses()
    with pytest.raises(tgc.ChunkError, match="cannot reach a"):
        tgc.partition_gradients([(tf.stop_gradient(one) * 2, a)])


# Inside a chunk: every loss has a carry of its own.


def two_headed(rng, dtype=tf.float64):
    """A trunk of two layers and two heads: one reads the lower layer, one the upper."""
    cell = tgc.MultiRNNCell([tgc.GRUCell(4), tgc.GRUCell(3)])
    x = tf.placeholder(dtype, [None, None, models.FEATURES], "x")
    y = tf.placeholder(tf.int32, [None, None], "y")
    ports = tgc.carry_ports(cell, dtype=dtype, losses=2)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
    one, _ = tgc.losses.softmax_loss(tgc.losses.linear(outputs, models.CLASSES, "one"), y)
    two = tf.reduce_sum(tf.square(tgc.losses.linear(outputs, 2, "two")))
    partitions = [(one, "rnn/multi_rnn_cell/cell_0|one"), (two, "rnn/multi_rnn_cell/cell_1|two")]
    return partitions, ports, final, {"x": x, "y": y}


@pytest.mark.slow
def test_a_partitioned_chunk_carries_each_loss_exactly(rng):
    partitions, ports, final, feeds = two_headed(rng)
    chunk = tgc.build_chunk(partitions, ports, final, feeds)
    arrays = {
        "x": rng.normal(size=(3, 40, models.FEATURES)),
        "y": rng.integers(0, models.CLASSES, (3, 40)),
    }
    resets = np.zeros((3, 40), bool)
    resets[1, 14] = True
    chunks = tgc.split_chunks(arrays, 7, resets=resets)
    starts = tf.nest.flatten(ports.initial_state)
    wanted = []
    for loss, pattern in partitions:
        var_list = [v for v in tf.trainable_variables() if re.match(pattern, v.op.name)]
        wanted.append(tf.gradients(loss, var_list + starts))
    with tgc.Runner(chunk, tgc.ExactSweep()) as runner:
        plain = tgc.split_chunks(arrays, 7)
        got = runner.gradients(plain)
        cut = runner.gradients(chunks)
        truncated = runner.gradients(plain, policy=tgc.Truncated())
        zeros = {p: np.zeros([3, *p.shape[1:].as_list()]) for p in starts}
        values = runner.session.run(
            wanted, {feeds["x"]: arrays["x"], feeds["y"]: arrays["y"], **zeros}
        )
    flat = [*got.variables.values()]
    count = [len(w) - len(starts) for w in wanted]
    unbroken = [v for w, n in zip(values, count, strict=True) for v in w[:n]]
    assert models.relative(flat, unbroken) < 1e-10
    assert models.relative(list(truncated.variables.values()), unbroken) > 1e-4
    for number, w in enumerate(values):
        mine = tf.nest.flatten(got.initial_state[number])
        assert models.relative(mine, w[count[number] :]) < 1e-10
    assert models.relative(list(cut.variables.values()), unbroken) > 1e-6, "a reset cuts"


def test_a_partitioned_chunk_trains_each_loss_by_itself(rng):
    partitions, ports, final, feeds = two_headed(rng)
    chunk = tgc.build_chunk(
        [
            tgc.Partition(*partitions[0], tf.train.GradientDescentOptimizer(0.125)),
            tgc.Partition(*partitions[1], tf.train.GradientDescentOptimizer(0.25)),
        ],
        ports,
        final,
        feeds,
    )
    arrays = {
        "x": rng.normal(size=(2, 12, models.FEATURES)),
        "y": rng.integers(0, models.CLASSES, (2, 12)),
    }
    with tgc.Runner(chunk, tgc.ExactSweep()) as runner:
        chunks = tgc.split_chunks(arrays, 4)
        before = {v.op.name: runner.session.run(v) for v in chunk.variables}
        gradients = runner.gradients(chunks)
        (report,) = runner.run(chunks)
        after = {v.op.name: runner.session.run(v) for v in chunk.variables}
    assert report.loss == pytest.approx(gradients.loss)
    for name, value in before.items():
        rate = 0.125 if re.match(partitions[0][1], name) else 0.25
        wanted = value - rate * gradients.variables[name]
        np.testing.assert_allclose(after[name], wanted, rtol=1e-12)


def test_ports_for_another_number_of_losses(rng):
    partitions, ports, final, feeds = two_headed(rng)
    with pytest.raises(tgc.ChunkError, match=r"1 partitions.*carry_ports\(cell, losses=1\)"):
        tgc.build_chunk(partitions[:1], ports, final, feeds)
    with pytest.raises(tgc.ChunkError, match="leave var_list= out"):
        tgc.build_chunk(partitions, ports, final, feeds, var_list=tf.trainable_variables())
