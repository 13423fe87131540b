"""flow: which loss reaches which variable, against what TensorFlow itself gives."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.errors import ChunkError, LogError
from tgcarry.flow import gradient_flow


def variable(name, shape=(), value=None, **more):
    start = tf.ones_initializer() if value is None else tf.constant_initializer(value)
    return tf.get_variable(name, shape, initializer=start, **more)


def trunk():
    """Gives the question's model: losses 1 and 2, the variables in order of creation."""
    ids = tf.constant([0, 1, 4, 0])
    rng = np.random.default_rng(0)
    names = [("embedding_matrix", (5, 3)), ("output1", (3, 4)), ("output2", (4, 5))]
    made = [variable(name, shape, rng.normal(size=shape)) for name, shape in names]
    logits1 = tf.matmul(tf.nn.embedding_lookup(made[0], ids), made[1])
    logits2 = tf.matmul(logits1, made[2])
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    losses = [
        tf.reduce_sum(entropy(labels=tf.constant([0, 1, 2, 3]), logits=logits))
        for logits in (logits1, logits2)
    ]
    return losses, made


@contextlib.contextmanager
def control_flow(version):
    """Builds loops and branches as functions (2) or in the graph itself (1)."""
    before = tf.control_flow_v2_enabled()
    (tf.enable_control_flow_v2 if version == 2 else tf.disable_control_flow_v2)()
    try:
        yield
    finally:
        (tf.enable_control_flow_v2 if before else tf.disable_control_flow_v2)()


def ready():
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return session


def is_gradient(loss, variable):
    """Says whether TensorFlow has a gradient that is not zero."""
    (gradient,) = tf.gradients(loss, variable)
    if gradient is None:
        return False
    with ready() as session:
        return bool(np.any(session.run(tf.convert_to_tensor(gradient))))


class TestTheJointLoss:
    def test_the_first_loss_does_not_reach_the_second_output(self):
        losses, _ = trunk()
        flow = gradient_flow({"loss1": losses[0], "loss2": losses[1]})
        assert flow.losses == ("loss1", "loss2")
        assert flow.variables == ("embedding_matrix", "output1", "output2")
        assert flow.reaches.tolist() == [[True, True, False], [True, True, True]]
        assert flow.stopped.tolist() == [[""] * 3] * 2
        assert flow.norms is None and flow.wanted is None
        assert flow.problems == ()

    def test_norms_are_those_of_the_gradients(self):
        losses, made = trunk()
        with ready() as session:
            flow = gradient_flow(losses, session=session)
            assert flow.losses == tuple(loss.name for loss in losses)
            for i, loss in enumerate(losses):
                for j, one in enumerate(made):
                    (gradient,) = tf.gradients(loss, one)
                    wanted = 0.0
                    if gradient is not None:
                        wanted = np.linalg.norm(session.run(tf.convert_to_tensor(gradient)))
                    assert flow.norms[i, j] == pytest.approx(wanted, rel=1e-5)
        assert flow.norms.dtype == np.float64

    def test_one_run_takes_all(self, monkeypatch):
        losses, _ = trunk()
        with ready() as session:
            runs = []
            run = session.run
            monkeypatch.setattr(session, "run", lambda *a: runs.append(a) or run(*a))
            gradient_flow(losses, session=session)
            assert len(runs) == 1

    def test_feeds_are_fed(self):
        w, x = variable("w"), tf.placeholder(tf.float32, [])
        with ready() as session:
            flow = gradient_flow([w * x], session=session, feed_dict={x: 3.0})
        assert flow.norms.tolist() == [[3.0]]

    def test_without_a_session_the_graph_stays_as_it_is(self, graph):
        losses, _ = trunk()
        graph.finalize()
        gradient_flow(losses)

    def test_a_partition_names_what_leaks(self):
        losses, (_, output1, output2) = trunk()
        named = {"loss1": losses[0], "loss2": losses[1]}
        flow = gradient_flow(named, partitions=[(losses[0], output1), (losses[1], [output2])])
        assert flow.wanted.tolist() == [[False, True, False], [False, False, True]]
        first, second = flow.problems
        assert "loss1 leaks into embedding_matrix (of none)" in first
        assert "loss2 leaks into embedding_matrix (of none), output1 (of loss1)" in second
        assert "partition_gradients" in second
        assert [flow.cell(1, j) for j in range(3)] == ["! yes", "! yes", "yes"]

    def test_a_partition_that_is_all_a_loss_reaches_is_fine(self):
        losses, made = trunk()
        flow = gradient_flow(losses[:1], made[:2], partitions=[tgc.Partition(losses[0], made[:2])])
        assert flow.problems == ()

    def test_a_partition_that_a_loss_cannot_reach_is_named(self):
        losses, made = trunk()
        flow = gradient_flow(losses, partitions=[(losses[0], made[2]), (losses[1], made[:2])])
        problem = "cannot reach output2 of its own partition: nothing connects them"
        assert any(problem in p for p in flow.problems)

    def test_a_stop_before_a_partition_is_named(self):
        a, b = variable("a"), variable("b")
        loss = b * tf.stop_gradient(a, name="here")
        flow = gradient_flow({"loss": loss}, partitions=[(loss, [a, b])])
        (problem,) = flow.problems
        assert problem.startswith("the loss loss cannot reach a of its own partition")
        assert problem.endswith("tf.stop_gradient at here is in the way")
        assert "stopped: loss at here, on the way to a" in str(flow).splitlines()

    def test_a_frozen_variable_that_is_reached_is_named(self):
        losses, made = trunk()
        flow = gradient_flow({"loss1": losses[0]}, made[:2], frozen="embedding")
        (problem,) = flow.problems
        assert "loss1 leaks into embedding_matrix, which should be frozen" in problem
        assert "tf.stop_gradient" in problem
        assert flow.wanted.tolist() == [[False, True]]


class TestStops:
    def test_a_stop_in_the_way_is_named(self):
        a, b, c = variable("a"), variable("b"), variable("c")
        loss = b * tf.stop_gradient(a, name="here")
        flow = gradient_flow({"loss": loss})
        assert flow.reaches.tolist() == [[False, True, False]]
        assert flow.stopped.tolist() == [["here", "", ""]]
        assert "no loss reaches a: tf.stop_gradient at here is in the way" in flow.problems
        assert "no loss reaches c: nothing connects it to one" in flow.problems
        assert [flow.cell(0, j) for j in range(3)] == ["stopped", "yes", "-"]
        del c

    def test_a_way_around_a_stop_counts(self):
        a = variable("a")
        flow = gradient_flow([tf.stop_gradient(a) * a])
        assert flow.reaches.all() and flow.stopped.tolist() == [[""]]
        assert flow.problems == ()

    def test_only_the_stops_before_that_variable_are_named(self):
        a, b = variable("a"), variable("b")
        inner = tf.stop_gradient(a, name="inner")
        loss = tf.stop_gradient(inner, name="outer") + tf.stop_gradient(b, name="other")
        flow = gradient_flow([loss])
        assert flow.stopped.tolist() == [["outer", "other"]]
        assert "the loss" in flow.problems[-1] and "reaches no variable" in flow.problems[-1]

    def test_two_stops_are_both_named(self):
        a = variable("a")
        loss = tf.stop_gradient(a, name="one") + tf.stop_gradient(a, name="two")
        assert gradient_flow([loss]).stopped.tolist() == [["one, two"]]

    @pytest.mark.parametrize("resource", [False, True])
    def test_integers_carry_no_gradient(self, resource):
        w = variable("w", (3, 4), use_resource=resource)
        table = variable("table", (4, 2), use_resource=resource)
        choice = tf.argmax(tf.matmul(tf.ones([1, 3]), w), 1, name="choice")
        loss = tf.reduce_sum(tf.gather(table, choice + 1 - 1))
        flow = gradient_flow([loss], [w, table])
        assert flow.reaches.tolist() == [[False, True]]
        assert flow.stopped.tolist() == [["choice", ""]]
        assert "integers at choice" in flow.problems[0]

    def test_a_cast_to_integers_stops(self):
        w = variable("w")
        loss = tf.cast(tf.cast(w, tf.int32, name="cut"), tf.float32)
        assert gradient_flow([loss]).stopped.tolist() == [["cut"]]
        assert not is_gradient(loss, w)

    @pytest.mark.parametrize("step", [tf.round, tf.floor, tf.sign, tf.ceil])
    def test_steps_are_flat(self, step):
        w = variable("w", value=2.5)
        loss = step(w, name="step")
        flow = gradient_flow([loss])
        assert flow.stopped.tolist() == [["step"]] and "flat" in flow.problems[0]
        assert not is_gradient(loss, w)

    def test_a_shape_is_no_connection(self):
        w, v = variable("w", (3,)), variable("v")
        loss = v * tf.cast(tf.size(w), tf.float32) + tf.reduce_sum(tf.zeros_like(w + v))
        flow = gradient_flow([loss], [w, v])
        assert flow.reaches.tolist() == [[False, True]]
        assert flow.stopped.tolist() == [["", ""]]

    def test_complex_numbers_carry_gradients(self):
        w = variable("w")
        loss = tf.math.real(tf.complex(w, w) * tf.complex(w, w) + tf.cast(w, tf.complex64))
        assert gradient_flow([loss]).reaches.all() and is_gradient(loss, w)


def loop(version, *, carry_a=True, stop=False, counted=False):
    """Gives x(4) with x <- a * x + b (or the like) and its a and b."""
    with control_flow(version):
        a, b = variable("a", use_resource=True), variable("b", use_resource=True)

        def body(i, x, y):
            new = x + tf.stop_gradient(a, name="cut") if stop else x * a
            if counted:
                new = x + tf.cast(tf.cast(a, tf.int32, name="cut"), tf.float32)
            return i + 1, new, y + b

        start = tf.constant(1.0), tf.constant(1.0)
        _, x, y = tf.while_loop(lambda i, *_: i < 4, body, [0, *start])
        return (x if carry_a else y), a, b


@pytest.mark.parametrize("version", [1, 2])
class TestLoops:
    def test_each_output_reaches_its_own(self, version):
        x, a, b = loop(version)
        flow = gradient_flow([x])
        assert flow.reaches.tolist() == [[True, False]]
        assert flow.reaches[0].tolist() == [is_gradient(x, v) for v in (a, b)]

    def test_a_stop_inside_is_named(self, version):
        x, a, _ = loop(version, stop=True)
        flow = gradient_flow([x])
        assert flow.reaches.tolist() == [[False, False]]
        assert flow.stopped[0, 0].endswith("cut") and flow.stopped[0, 1] == ""
        assert not is_gradient(x, a)

    def test_integers_inside_stop(self, version):
        x, a, _ = loop(version, counted=True)
        flow = gradient_flow([x])
        assert not flow.reaches.any()
        assert flow.stopped[0, 0].endswith("cut")
        assert not is_gradient(x, a)

    def test_a_branch_is_looked_into(self, version):
        with control_flow(version):
            a, b, p = (variable(n, use_resource=True) for n in "abp")
            loss = tf.cond(
                tf.greater(p, 0.0, name="choose"), lambda: a * 2.0, lambda: tf.stop_gradient(b)
            )
        flow = gradient_flow([loss])
        assert flow.reaches.tolist() == [[True, False, False]]
        assert "StopGradient" in flow.stopped[0, 1] and flow.stopped[0, 2] == "choose"

    def test_turns_carry_on(self, version):
        """After two turns the third state has what began in the first."""
        with control_flow(version):
            a = variable("a", use_resource=True)
            start = [0, tf.identity(a), tf.constant(0.0), tf.constant(0.0)]
            *_, z = tf.while_loop(lambda i, *_: i < 4, lambda i, x, y, _: (i + 1, x, x, y), start)
        assert gradient_flow([z]).reaches.all() and is_gradient(z, a)


def test_a_function_is_looked_into():
    a, b = (variable(n, use_resource=True) for n in "ab")

    @tf.function
    def both(x, y):
        return x * 2.0, tf.stop_gradient(y, name="cut")

    one, other = both(a, b)
    flow = gradient_flow({"one": one, "other": other})
    assert flow.reaches.tolist() == [[True, False], [False, False]]
    assert flow.stopped[0, 1] == "" and flow.stopped[1, 1].endswith("/cut")


def test_a_recurrent_network_is_followed():
    x = tf.placeholder(tf.float32, [2, 5, 3])
    cell = tgc.MultiRNNCell([tgc.GRUCell(4), tgc.BasicLSTMCell(3)])
    outputs, _ = tgc.dynamic_rnn(cell, x, dtype=tf.float32)
    lost = variable("lost")
    with ready() as session:
        feed = {x: np.ones((2, 5, 3), np.float32)}
        loss = tf.reduce_sum(outputs)
        before = session.run(loss, feed)
        flow = gradient_flow([loss], session=session, feed_dict=feed)
        again = gradient_flow([loss], session=session, feed_dict=feed)
        assert again.norms.tolist() == flow.norms.tolist()
        assert session.run(loss, feed) == before  # The session lives on.
        names = [v.op.name for v in tf.trainable_variables()[:-1]]
        values = session.run(tf.trainable_variables()[:-1])
    gradients = tf.gradients(loss, tf.trainable_variables()[:-1])
    with tf.Session() as other:
        other.run(tf.global_variables_initializer())
        for one, value in zip(tf.trainable_variables(), values, strict=False):
            one.load(value, other)
        wanted = [np.linalg.norm(g) for g in other.run(gradients, feed)]
    assert flow.variables[:-1] == tuple(names)
    assert flow.norms[0, :-1] == pytest.approx(wanted, rel=1e-5)
    assert flow.reaches[0, :-1].all() and not flow.reaches[0, -1]
    assert (flow.norms[0, :-1] > 0).all()
    assert flow.problems == ("no loss reaches lost: nothing connects it to one",)
    del lost


class TestNorms:
    def test_rows_read_twice_are_summed(self):
        table = variable("table", (5, 2), use_resource=True)
        loss = tf.reduce_sum(tf.gather(table, [1, 1, 3]))
        with ready() as session:
            flow = gradient_flow([loss], session=session)
        assert flow.norms[0, 0] == pytest.approx(np.sqrt(2 * 2**2 + 2))

    @pytest.mark.parametrize("size", [1e-30, 1e30])
    def test_far_from_one_they_hold(self, size):
        w = variable("w", (4,))
        with ready() as session:
            flow = gradient_flow([tf.reduce_sum(w) * size], session=session)
        assert flow.norms[0, 0] == pytest.approx(2 * size)

    def test_an_exact_zero_is_reported(self):
        w, v = variable("w"), variable("v", value=-1.0)
        with ready() as session:
            flow = gradient_flow({"dead": w * tf.nn.relu(v)}, session=session)
        (problem,) = flow.problems
        assert "dead is connected to w, v, but the gradient is exactly zero" in problem

    def test_what_is_not_finite_is_reported(self):
        w = variable("w", value=0.0)
        with ready() as session:
            flow = gradient_flow({"root": tf.sqrt(w)}, session=session)
        assert "gradient of the loss root at w is not finite" in flow.problems[0]

    def test_a_batch_of_none_is_zero(self):
        table = variable("table", (5, 2), use_resource=True)
        ids = tf.placeholder(tf.int32, [None])
        loss = tf.reduce_sum(tf.gather(table, ids))
        with ready() as session:
            flow = gradient_flow([loss], session=session, feed_dict={ids: []})
        assert flow.norms[0, 0] == 0


class TestRefusals:
    def check(self, *facts, **arguments):
        with pytest.raises(ChunkError) as caught:
            gradient_flow(**arguments)
        text = str(caught.value)
        assert "\n" not in text
        for fact in facts:
            assert fact in text, text

    def test_wrong_losses(self):
        w = variable("w", (2,))
        loss = tf.reduce_sum(w)
        self.check("no loss", losses=[])
        self.check("no loss", losses={})
        self.check("give a dict or list", losses=loss)
        self.check("give a dict or list", losses=3)
        self.check("'a'", "give a tensor", losses={"a": 3.0})
        self.check("'rows'", "(2,)", "tf.reduce_sum", losses={"rows": w * 2.0})
        self.check("'n'", "int32", losses={"n": tf.constant(3)})
        self.check("once", losses=[loss, loss])

    def test_wrong_variables(self):
        w = variable("w")
        self.check("gradient_flow(variables=)", losses=[w * 2.0], variables=[])
        self.check("no variable", losses=[w * 2.0], variables=[tf.constant(1.0)])
        self.check("nothing", "w", losses=[w * 2.0], variables="nothing")
        self.check("gradient_flow(frozen=)", "'x'", losses=[w * 2.0], frozen="x")

    def test_no_variable_at_all(self):
        self.check("no trainable variable", losses=[tf.constant(1.0)])

    def test_another_graph(self):
        w = variable("w")
        loss = w * 2.0
        with tf.Graph().as_default():
            other = variable("other")
            lost = other * 2.0
            with ready() as session:
                self.check("session", losses=[loss], session=session)
        self.check("other is not in the graph", losses=[loss], variables=[other])
        self.check("'b'", "graph", "'a'", losses={"a": loss, "b": lost})
        self.check("graph", losses=[loss], partitions=[(loss, other)])

    def test_wrong_sessions(self, graph):
        loss = variable("w") * 2.0
        self.check("session", losses=[loss], feed_dict={})
        with ready() as session:
            graph.finalize()
            self.check("finalized", losses=[loss], session=session)

    def test_a_partition_of_another_loss(self):
        w = variable("w")
        self.check("'mul_1:0'", "a", losses={"a": w * 2.0}, partitions=[(w * 3.0, w)])


class TestShowing:
    def flow(self, session=None):
        losses, (_, output1, output2) = trunk()
        parts = [(losses[0], output1), (losses[1], output2)]
        return gradient_flow({"loss1": losses[0], "loss2": losses[1]}, partitions=parts)

    def test_the_table_is_aligned(self):
        lines = str(self.flow()).splitlines()
        assert lines[0].split() == ["variable", "loss1", "loss2"]
        assert lines[2].split() == ["embedding_matrix", "!", "yes", "!", "yes"]
        assert lines[4].split() == ["output2", "-", "yes"]
        assert len({len(line) for line in lines[:5]}) == 1
        assert [line.startswith("problem: ") for line in lines] == [False] * 5 + [True] * 2

    def test_the_picture_is_a_png(self, tmp_path):
        pytest.importorskip("matplotlib")
        path = self.flow().draw(tmp_path / "flow.png")
        assert path == tmp_path / "flow.png" and path.read_bytes()[:4] == b"\x89PNG"

    def test_where_it_cannot_be_written_is_named(self, tmp_path):
        pytest.importorskip("matplotlib")
        with pytest.raises(LogError, match="cannot be written"):
            self.flow().draw(tmp_path / "none" / "flow.png")

    def test_without_matplotlib_it_says_so(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(LogError, match="need matplotlib"):
            self.flow().draw(tmp_path / "flow.png")


def tangle(rng, variables):
    """Gives a scalar made of the variables at random, without zeros but for stops and steps."""
    pool = [*variables, tf.constant(1.3)]
    for _ in range(rng.integers(4, 12)):
        a, b = (pool[rng.integers(len(pool))] + 0.0 for _ in range(2))
        pool += MAKERS[rng.integers(len(MAKERS))](a, b)
    return pool[-1] * 1.0


def turns(a, b):
    def body(i, x, y, z):
        return i + 1, 0.7 * x + 1.1 * y, 0.6 * y + tf.stop_gradient(x), 0.8 * z + b

    return list(tf.while_loop(lambda i, *_: i < 4, body, [0, a, b, tf.constant(1.0)])[1:])


def branches(a, b):
    first = [a * 1.5 + b, tf.stop_gradient(b)]
    return list(
        tf.cond(a > b, lambda: [t * 1.0 for t in first], lambda: [2 * b + a, tf.stop_gradient(a)])
    )


MAKERS = (
    lambda a, b: [a * b + 0.1],
    lambda a, b: [a + 2.0 * b],
    lambda a, b: [tf.stop_gradient(a)],
    lambda a, b: [tf.cast(tf.cast(3.0 * a, tf.int32), tf.float32) + 1.1],
    lambda a, b: [tf.round(a) + 0.3],
    lambda a, b: [
        tf.scan(lambda c, x: 0.5 * c + x * tf.stop_gradient(c), tf.stack([a, b]), 0.7)[1]
    ],
    lambda a, b: list(tf.function(lambda x, y: (tf.sin(x) + 2.0, tf.stop_gradient(x) * y))(a, b)),
    turns,
    branches,
)


@pytest.mark.parametrize("version", [1, 2])
def test_tangles_are_as_tensorflow_has_them(version, rng):
    with control_flow(version):
        for _ in range(12):
            with tf.Graph().as_default():
                starts = rng.uniform(0.5, 1.5, 3)
                made = [variable(f"v{i}", value=v) for i, v in enumerate(starts)]
                loss = tangle(rng, made)
                reaches = gradient_flow([loss], made).reaches[0].tolist()
                assert reaches == [is_gradient(loss, one) for one in made]


def test_the_documentation_shows_what_is_printed(capsys, monkeypatch):
    page = (Path(__file__).parent.parent / "docs" / "gradient_flow.md").read_text("utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    shown = page.partition("prints\n```\n")[2].partition("```")[0]
    monkeypatch.setattr(tgc, "gradient_flow", gradient_flow, raising=False)
    exec(code, {})
    assert capsys.readouterr().out == shown
