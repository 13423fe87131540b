"""Old programs' unrolling: one result whatever the engine, under 1.15's names."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells, tf1
from tgcarry.errors import CarryError
from tgcarry.legacy import behaviour, numbering, settings, unrolling
from tgcarry.legacy.ops.dropout_wrapper import DropoutWrapper

B, L, WIDTH, H = 3, 6, 4, 5
LENGTHS = [6, 0, 3]


@pytest.fixture(autouse=True)
def graph():
    """Has every test of this file run as an old program does, on a fresh graph."""
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


CELLS = {
    "gru": lambda: cells.GRUCell(H),
    "blstm": lambda: cells.BasicLSTMCell(H),
    "blstm_flat": lambda: cells.BasicLSTMCell(H, state_is_tuple=False),
    "lstm": lambda: cells.LSTMCell(H),
    "basic": lambda: cells.BasicRNNCell(H),
    "multi": lambda: cells.MultiRNNCell([cells.GRUCell(H), cells.BasicLSTMCell(H)]),
    "kept": lambda: cells.MultiRNNCell([DropoutWrapper(cells.GRUCell(H)) for _ in range(2)]),
    "residual": lambda: cells.ResidualWrapper(DropoutWrapper(cells.GRUCell(WIDTH))),
    "part": lambda: cells.MultiRNNCell([cells.GRUCell(H), cells.LSTMCell(H, num_proj=2)]),
}


def dynamic(cell, x, **options):
    return unrolling.dynamic_rnn(cell, x, dtype=tf.float32, **options)


def static(cell, x, **options):
    outputs, final = unrolling.static_rnn(cell, tf.unstack(x, L, 1), dtype=tf.float32, **options)
    return tf.stack(outputs, 1), final


def bidirectional(cell, x, **options):
    other = cells.LSTMCell(H)
    return unrolling.bidirectional_dynamic_rnn(cell, other, x, dtype=tf.float32, **options)


def static_bidirectional(cell, x, **options):
    other = cells.LSTMCell(H)
    outputs, *finals = unrolling.static_bidirectional_rnn(
        cell, other, tf.unstack(x, L, 1), dtype=tf.float32, **options
    )
    return tf.stack(outputs, 1), finals


def evaluated(unroll, make, engine, **options):
    """Returns the results, the gradients, and the variables' names under one engine."""
    chosen = settings.using(settings.Settings(engine=engine))
    with chosen, tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [None, L, WIDTH])
        results = tf.nest.flatten(unroll(make(), x, **options))
        last = tf.random_normal([2])
        loss = tf.add_n([tf.reduce_sum(tf.sin(r)) for r in results])
        variables = tf.trainable_variables()
        slopes = tf.gradients(loss, [x, *variables])
        sess.run(tf.global_variables_initializer())
        values = np.random.RandomState(0).randn(B, L, WIDTH)
        found = sess.run([*results, *slopes, last], {x: values})
        types = {op.type for op in tf1.operations_before(results)}
        return found, [v.name for v in variables], types, graph


def check_like_stock(unroll, make, engine, **options):
    """Compares all results with stock's; returns the types of the operations behind them."""
    wanted, variables, _, _ = evaluated(unroll, make, "stock", **options)
    got, names, types, _ = evaluated(unroll, make, engine, **options)
    assert names == variables
    for one, other in zip(got[:-1], wanted[:-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(got[-1], wanted[-1])
    return types


# Compiling takes the longest: which engine runs the passes makes no difference here.
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_gives_the_results_of_stock(name):
    types = check_like_stock(dynamic, CELLS[name], "loop")
    assert ("Exit" in types) == (name == "part")


@pytest.mark.parametrize("unroll", [static, bidirectional, static_bidirectional])
def test_every_form_gives_the_results_of_stock(unroll):
    assert "Exit" not in check_like_stock(unroll, CELLS["multi"], "loop")


@pytest.mark.parametrize("unroll", [dynamic, static, bidirectional, static_bidirectional])
def test_padding_is_zero_and_keeps_the_state_in_every_form(unroll):
    check_like_stock(unroll, CELLS["blstm"], "loop", sequence_length=LENGTHS)


def test_by_itself_a_layer_is_compiled():
    assert "Exit" not in check_like_stock(dynamic, CELLS["gru"], "auto")


def test_names_are_those_of_115():
    x = tf.placeholder(tf.float32, [None, L, WIDTH])
    unrolling.dynamic_rnn(cells.GRUCell(H), x, dtype=tf.float32)
    unrolling.bidirectional_dynamic_rnn(cells.GRUCell(H), cells.LSTMCell(H), x, dtype=tf.float32)
    with tf.variable_scope("outer"):
        unrolling.static_rnn(
            cells.BasicLSTMCell(H), tf.unstack(x, L, 1), dtype=tf.float32, scope="inner"
        )
    assert [v.op.name for v in tf.trainable_variables()] == [
        "rnn/gru_cell/gates/kernel",
        "rnn/gru_cell/gates/bias",
        "rnn/gru_cell/candidate/kernel",
        "rnn/gru_cell/candidate/bias",
        "bidirectional_rnn/fw/gru_cell/gates/kernel",
        "bidirectional_rnn/fw/gru_cell/gates/bias",
        "bidirectional_rnn/fw/gru_cell/candidate/kernel",
        "bidirectional_rnn/fw/gru_cell/candidate/bias",
        "bidirectional_rnn/bw/lstm_cell/kernel",
        "bidirectional_rnn/bw/lstm_cell/bias",
        "outer/inner/basic_lstm_cell/kernel",
        "outer/inner/basic_lstm_cell/bias",
    ]
    # What programs fetch by name is there, too.
    graph = tf.get_default_graph()
    assert graph.get_tensor_by_name("rnn/transpose_1:0").shape.as_list() == [None, L, H]


def test_a_cell_unrolled_twice_shares_its_variables():
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    cell = cells.GRUCell(H)
    first, _ = unrolling.dynamic_rnn(cell, x, dtype=tf.float32)
    with tf.variable_scope("rnn", reuse=True):
        pass
    tf.get_variable_scope().reuse_variables()
    second, _ = unrolling.dynamic_rnn(cell, x, dtype=tf.float32)
    assert len(tf.trainable_variables()) == 4
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        one, other = sess.run([first, second], {x: np.ones([B, L, WIDTH])})
    np.testing.assert_array_equal(one, other)


def test_reuse_by_scope_shares_variables_between_cells():
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    outputs = []
    for reuse in (None, True):
        with tf.variable_scope("model", reuse=reuse):
            outputs.append(unrolling.dynamic_rnn(cells.LSTMCell(H), x, dtype=tf.float32)[0])
    assert len(tf.trainable_variables()) == 2
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        one, other = sess.run(outputs, {x: np.ones([B, L, WIDTH])})
    np.testing.assert_array_equal(one, other)


def test_in_loops_and_branches_tensorflow_unrolls():
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    cell = cells.GRUCell(H)

    def last(part):
        return unrolling.dynamic_rnn(cell, part, dtype=tf.float32)[1]

    mapped = tf.map_fn(last, tf.stack([x, x]))
    branch = tf.cond(tf.reduce_sum(x) > 0, lambda: last(x), lambda: last(-x))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        some, one = sess.run([mapped, branch], {x: np.ones([B, L, WIDTH])})
    np.testing.assert_allclose(some[1], one, rtol=1e-6)


def test_devices_and_old_optimisers_take_the_compiled_layer():
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    with tf.device("/cpu:0"):
        outputs, _ = unrolling.dynamic_rnn(cells.GRUCell(H), x, dtype=tf.float32)
        loss = tf.reduce_mean(tf.square(outputs - 1))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feeds = {x: np.ones([B, L, WIDTH])}
        before = sess.run(loss, feeds)
        for _ in range(5):
            sess.run(train, feeds)
        assert sess.run(loss, feeds) < before


@pytest.mark.parametrize("steps", [None, 1])
def test_open_and_short_lengths_are_not_compiled(steps):
    x = tf.placeholder(tf.float32, [None, steps, WIDTH])
    outputs, _ = unrolling.dynamic_rnn(cells.GRUCell(H), x, dtype=tf.float32)
    assert outputs.shape.as_list() == [None, steps, H]
    assert "Exit" in {op.type for op in tf1.operations_before([outputs])}


def test_random_operations_behind_are_numbered_alike():
    found = {engine: evaluated_number(engine) for engine in ("stock", "loop", "fused")}
    assert found["stock"] == found["loop"] == found["fused"]


def evaluated_number(engine):
    with settings.using(settings.Settings(engine=engine)), tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [B, L, WIDTH])
        dynamic(cells.MultiRNNCell([cells.GRUCell(H)]), x)
        static(cells.LSTMCell(H), x)
        return numbering.number()


def test_an_engine_that_was_asked_for_and_cannot_run_the_cell_is_refused():
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    with (
        settings.using(settings.Settings(engine="fused")),
        pytest.raises(CarryError, match="num_proj"),
    ):
        dynamic(cells.LSTMCell(H, num_proj=2), x)
