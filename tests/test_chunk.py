"""One chunk's graph: what `build_chunk` makes, and everything that it refuses."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


class Parts:
    """A one-step model whose pieces a test may swap before building."""

    def __init__(self, cell=None, dtype=tf.float32):
        self.cell = cell or tgc.BasicRNNCell(2)
        self.x = tf.placeholder(dtype, [None, 1, 3], "x")
        self.ports = tgc.carry_ports(self.cell, dtype=dtype)
        self.out, self.final = self.cell(self.x[:, 0], self.ports.initial_state)
        self.loss = tf.reduce_sum(self.out**2, name="the_loss")

    def build(self, **changes):
        options = {
            "loss": self.loss,
            "ports": self.ports,
            "final_state": self.final,
            "feeds": {"x": self.x},
            **changes,
        }
        return tgc.build_chunk(**options)


def refused(error, facts, **changes):
    parts = Parts()
    changes = {name: value(parts) for name, value in changes.items()}
    with pytest.raises(error) as caught:
        parts.build(**changes)
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message, message


def other_graph():
    with tf.Graph().as_default():
        return tf.placeholder(tf.float32, [None, 1, 3], "stranger")


def test_a_loss_per_stream():
    refused(
        tgc.ChunkError,
        ["per_stream", "tf.reduce_sum"],
        loss=lambda p: tf.reduce_sum(p.out, 1, name="per_stream"),
    )


def test_a_loss_that_is_no_float():
    refused(
        tgc.ChunkError,
        ["count", "int32"],
        loss=lambda p: tf.cast(p.loss, tf.int32, name="count"),
    )


@pytest.mark.parametrize("loss", [0.0, None, [1, 2]])
def test_a_loss_that_is_no_tensor(loss):
    refused(tgc.ChunkError, [repr(loss)], loss=lambda p: loss)


def test_a_feed_that_is_no_placeholder():
    refused(tgc.ChunkError, ["'x'", "placeholder"], feeds=lambda p: {"x": p.x * 2})
    refused(tgc.ChunkError, ["'x'", "placeholder"], feeds=lambda p: {"x": np.zeros((2, 1, 3))})


def test_a_feed_of_another_graph():
    refused(
        tgc.ChunkError,
        ["'x'", "another graph"],
        feeds=lambda p: {"x": other_graph()},
    )


def test_a_feed_that_is_no_series():
    refused(
        tgc.ChunkError,
        ["'rate'", "Runner(feed_dict=)"],
        feeds=lambda p: {"x": p.x, "rate": tf.placeholder(tf.float32, [])},
    )


@pytest.mark.parametrize(("name", "rank"), [("lengths", 2), ("mask", 1), ("seed", 0)])
def test_a_derived_feed_of_the_wrong_rank(name, rank):
    refused(
        tgc.ChunkError,
        [repr(name)],
        feeds=lambda p: {"x": p.x, name: tf.placeholder(tf.int32, [None] * rank)},
    )


def test_a_metric_that_is_no_scalar():
    refused(tgc.ChunkError, ["'m'", "scalar"], metrics=lambda p: {"m": p.out})


@pytest.mark.parametrize("metric", [1.0, (tf.constant, tf.constant)])
def test_a_metric_that_is_no_tensor(metric):
    refused(tgc.ChunkError, ["'m'"], metrics=lambda p: {"m": metric})


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), "5"])
def test_a_limit_that_is_not_positive(limit):
    refused(tgc.ChunkError, [f"clip_norm={limit!r}", "None"], clip_norm=lambda p: limit)


def test_a_variable_that_is_not_reached():
    refused(
        tgc.ChunkError,
        ["elsewhere/w", "var_list="],
        var_list=lambda p: [*tf.trainable_variables(), tf.get_variable("elsewhere/w", [3])],
    )


def test_all_trainable_variables_means_also_the_forgotten_one():
    parts = Parts()
    tf.get_variable("forgotten", [3])
    with pytest.raises(tgc.ChunkError, match="forgotten"):
        parts.build()


def test_a_variable_named_twice():
    refused(
        tgc.ChunkError,
        ["basic_rnn_cell/kernel", "twice"],
        var_list=lambda p: [*tf.trainable_variables(), tf.trainable_variables()[0]],
    )


def test_no_variable_at_all():
    refused(tgc.ChunkError, ["no variable", "var_list="], var_list=lambda p: [])


def test_variables_by_name_are_no_variables():
    refused(
        tgc.ChunkError,
        ["basic_rnn_cell/kernel"],
        var_list=lambda p: ["basic_rnn_cell/kernel"],
    )


def test_an_optimizer_of_keras_is_refused_by_name():
    refused(
        tgc.ChunkError,
        ["tf.train"],
        optimizer=lambda p: tf.keras.optimizers.SGD(),
    )


def test_the_ports_forgotten_in_the_unroll():
    parts = Parts()
    cell = tgc.GRUCell(2)
    outputs, final = tgc.dynamic_rnn(cell, parts.x, dtype=tf.float32)
    with pytest.raises(tgc.CarryError) as caught:
        parts.build(loss=tf.reduce_sum(outputs), final_state=final)
    message = str(caught.value)
    assert "initial_state" in message
    assert "unroll" in message
    assert "\n" not in message


def test_stop_gradient_on_the_way_in():
    parts = Parts()
    cut = tf.stop_gradient(parts.ports.initial_state)
    outputs, final = tgc.dynamic_rnn(parts.cell, parts.x, initial_state=cut)
    with pytest.raises(tgc.CarryError, match="initial_state"):
        parts.build(loss=tf.reduce_sum(outputs), final_state=final)


def test_stop_gradient_inside_the_loop():
    class Stops(tgc.RNNCell):
        state_size = output_size = 2

        def call(self, inputs, state):
            w = tf.get_variable("w", [3, 2])
            new = tf.tanh(tf.matmul(inputs, w) + tf.stop_gradient(state))
            return new, new

    parts = Parts()
    outputs, final = tgc.dynamic_rnn(Stops(), parts.x, initial_state=parts.ports.initial_state)
    with pytest.raises(tgc.CarryError, match="initial_state"):
        parts.build(
            loss=tf.reduce_sum(outputs), final_state=final, var_list=tf.trainable_variables()[2:]
        )


def test_a_loss_that_depends_on_no_state():
    refused(
        tgc.CarryError,
        ["initial_state", "unrelated"],
        loss=lambda p: tf.reduce_sum(p.x * tf.get_variable("w", [3]), name="unrelated"),
    )


def test_one_layer_left_out_of_the_carry():
    x = tf.placeholder(tf.float32, [None, 3, 3])
    cell = tgc.MultiRNNCell([tgc.GRUCell(2), tgc.GRUCell(2)])
    ports = tgc.carry_ports(cell)
    state = (ports.initial_state[0], tf.zeros_like(ports.initial_state[1]))
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=state)
    with pytest.raises(tgc.CarryError) as caught:
        tgc.build_chunk(tf.reduce_sum(outputs), ports, final, {"x": x})
    # zeros_like reads the shape only: no gradient passes.
    assert "initial_state[1]" in str(caught.value)


def test_a_final_state_that_does_not_fit_the_ports():
    refused(tgc.CarryError, ["final_state", "5"], final_state=lambda p: tf.zeros([4, 5]))
    refused(
        tgc.CarryError,
        ["final_state", "float64", "float32"],
        final_state=lambda p: tf.cast(p.final, tf.float64),
    )
    parts = Parts()
    with pytest.raises((TypeError, ValueError)):
        parts.build(final_state=(parts.final, parts.final))


def test_an_upstream_that_does_not_fit():
    refused(
        tgc.CarryError,
        ["ports.upstream", "7"],
        ports=lambda p: p.ports._replace(upstream=tf.placeholder(tf.float32, [None, 7])),
    )


def test_describe_says_what_is_carried_fed_and_trained():
    x = tf.placeholder(tf.float64, [None, None, 3], "x")
    cell = tgc.MultiRNNCell([tgc.GRUCell(5), tgc.BasicLSTMCell(4)])
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
    noisy = tf.nn.dropout(outputs, rate=0.5)
    text = tgc.build_chunk(tf.reduce_sum(noisy), ports, final, {"x": x}).describe()
    for words in (
        "loss Sum:0 float64",
        "carry state[0] ",
        "carry state[1].c ",
        "carry state[1].h ",
        "feed x ",
        "train rnn/multi_rnn_cell/cell_0/gru_cell/gates/kernel (8, 10) float64",
        "random dropout",
    ):
        assert any(line.startswith(words) for line in text.splitlines()), (words, text)


def test_the_callers_mappings_may_change_afterwards():
    parts = Parts()
    feeds, metrics = {"x": parts.x}, {"m": parts.loss}
    chunk = parts.build(feeds=feeds, metrics=metrics)
    feeds.clear()
    metrics.clear()
    assert list(chunk.feeds) == ["x"]
    assert list(chunk.metrics) == ["m"]


def test_it_builds_in_the_losss_graph_whatever_the_default_is():
    parts = Parts()
    with tf.Graph().as_default() as other:
        chunk = parts.build(optimizer=tf.train.AdamOptimizer(0.1))
        assert not other.get_operations()
    assert chunk.graph is parts.loss.graph
    assert chunk.updates.apply.graph is parts.loss.graph


def test_two_losses_on_one_trunk_make_two_chunks():
    parts = Parts(dtype=tf.float64)
    heads = [tf.get_variable(f"head{n}", [2, 1], tf.float64) for n in range(2)]
    losses = [tf.reduce_sum(tf.matmul(parts.out, head)) for head in heads]
    chunks = [
        parts.build(loss=loss, var_list=[head], optimizer=tf.train.GradientDescentOptimizer(0.1))
        for loss, head in zip(losses, heads, strict=True)
    ]
    data = tgc.split_chunks({"x": np.ones((2, 4, 3))}, 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        names = [v.op.name for v in tf.trainable_variables()]
        for n, chunk in enumerate(chunks):
            before = session.run(tf.trainable_variables())
            with tgc.Runner(chunk, session=session) as runner:
                list(runner.run(data))
            after = session.run(tf.trainable_variables())
            pairs = zip(names, before, after, strict=True)
            assert [k for k, a, b in pairs if (a != b).any()] == [f"head{n}"]
