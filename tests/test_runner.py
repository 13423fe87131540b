"""The session loop: what is applied, reported, carried, refused and left alone.

Most tests use a network of one step per chunk, `s' = tanh([x, s] W + b)` with a linear head
and half the squared error, which the NumPy oracle differentiates as a sequence.
"""

import itertools
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import schedule


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


N, H, K = 3, 4, 2  # inputs, units, outputs
LR = 0.125


def sgd(rate=LR):
    return tf.train.GradientDescentOptimizer(rate)


class Net:
    """The one-step network; `twist(loss, net)` may change the loss before building."""

    def __init__(self, optimizer=None, twist=None, batch_size=None, **options):
        self.x = tf.placeholder(tf.float64, [None, 1, N], "x")
        self.y = tf.placeholder(tf.float64, [None, 1, K], "y")
        cell = tgc.BasicRNNCell(H)
        self.ports = tgc.carry_ports(cell, batch_size, dtype=tf.float64)
        out, self.final = cell(self.x[:, 0], self.ports.initial_state)
        self.head = tgc.losses.linear(out[:, None], K)
        self.loss, self.extra = tgc.losses.squared_loss(self.head, self.y)
        if twist is not None:
            self.loss = twist(self.loss, self)
        feeds = {"x": self.x, "y": self.y, **options.pop("feeds", {})}
        self.chunk = tgc.build_chunk(
            self.loss, self.ports, self.final, feeds, optimizer, **options
        )
        self.graph = tf.get_default_graph()
        self.everything = tf.global_variables()

    def weights(self, runner):
        return runner.session.run(list(self.chunk.variables))

    def start(self, session, rng):
        """Gives the weights values that make long-lived states."""
        for v in self.chunk.variables:
            v.load(rng.normal(size=v.shape.as_list()) * 0.7, session)


class Data(NamedTuple):
    x: Any
    y: Any

    def chunks(self, resets=None):
        return tgc.split_chunks({"x": self.x, "y": self.y}, 1, resets=resets)


def draw(rng, steps=4, batch=3):
    return Data(rng.normal(size=(batch, steps, N)), rng.normal(size=(batch, steps, K)))


def truth(values, data, initial=None, pieces=None, **options):
    """Differentiates the sequence by hand; gradients in the order of the variables."""
    layers = [oracle.Layer("rnn", dict(zip(("kernel", "bias"), values[:2], strict=True)))]
    initial = np.zeros((len(data.x), H)) if initial is None else initial
    x, y = (data.x, data.y) if pieces is None else (data.x[:, pieces], data.y[:, pieces])
    result = oracle.gradients(
        layers, tuple(values[2:4]), x, y, [initial], loss="squared", **options
    )
    return result, [*result.layers[0].values(), *result.head]


def norm_of(arrays):
    return np.sqrt(sum((np.asarray(a) ** 2).sum() for a in arrays))


def close(got, wanted, rtol=1e-9):
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-11)


# --- one step per sweep, at one set of weights --------------------------------------------


def test_a_sweep_steps_once_along_the_exact_gradient(rng):
    net, data = Net(sgd(), global_step=tf.train.get_or_create_global_step()), draw(rng)
    with tgc.Runner(net.chunk) as runner:
        net.start(runner.session, rng)
        before = net.weights(runner)
        wanted, slopes = truth(before, data)
        (report,) = runner.run(data.chunks())
        close(net.weights(runner), [w - LR * g for w, g in zip(before, slopes, strict=True)])
        assert runner.session.run(tf.train.get_global_step()) == 1
    assert report.loss == pytest.approx(wanted.loss)
    assert report.grad_norm == pytest.approx(norm_of(slopes))


@pytest.mark.parametrize(
    "policy", [tgc.Truncated(), tgc.Stale(0.5), tgc.ExactSweep(2), tgc.ExactSweep()], ids=str
)
def test_run_applies_what_gradients_says(policy, rng):
    """Step by step: the update is -lr times gradients() of the same chunks at those weights."""
    net, data = Net(sgd()), draw(rng, 4)
    per_step = (policy.window or 4) if isinstance(policy, tgc.ExactSweep) else 1
    with tgc.Runner(net.chunk, policy) as runner:
        net.start(runner.session, rng)
        if isinstance(policy, tgc.Stale):
            data = Data(data.x[:, :1], data.y[:, :1])  # only its first step has no history
        at, state = 0, None
        before = net.weights(runner)
        for report in runner.run(data.chunks()):
            after = net.weights(runner)
            piece = slice(at, at + per_step)
            _, slopes = truth(before, data, state, piece)
            close(after, [w - LR * g for w, g in zip(before, slopes, strict=True)])
            assert report.chunks == range(at, at + per_step)
            before, state, at = after, runner.state, at + per_step


def test_gradients_limits_upstreams_as_run_does(rng):
    net, data = Net(sgd()), draw(rng, 4)
    with tgc.Runner(net.chunk) as runner:
        net.start(runner.session, rng)

        def slopes(policy):
            return list(runner.gradients(data.chunks(), policy=policy).variables.values())

        cut = slopes(tgc.Truncated())
        for policy in (tgc.ExactSweep, tgc.Stale):
            whole, limited = slopes(policy()), slopes(policy(clip_norm=1e-3))
            close(slopes(policy(clip_norm=1e9)), whole)
            close(slopes(policy(clip_norm=1e-12)), cut)
            gaps = [
                max(np.abs(a - b).max() for a, b in zip(limited, other, strict=True))
                for other in (whole, cut)
            ]
            assert min(gaps) > 1e-6, (policy, gaps)
    with tgc.Runner(net.chunk, tgc.ExactSweep(clip_norm=1e-3)) as runner:
        net.start(runner.session, rng)
        before = net.weights(runner)
        found = list(runner.gradients(data.chunks()).variables.values())
        (report,) = runner.run(data.chunks())
        assert report.clipped == 3
        close(net.weights(runner), [w - LR * g for w, g in zip(before, found, strict=True)])


@pytest.mark.parametrize("window", [1, 2, None])
def test_reduce_mean_divides_by_the_chunks_of_the_step(window, rng):
    net, data = Net(sgd()), draw(rng)
    with tgc.Runner(net.chunk, tgc.ExactSweep(window), reduce="mean") as runner:
        net.start(runner.session, rng)
        before = net.weights(runner)
        count = window or 4
        _, slopes = truth(before, data, None, slice(0, count))
        report = next(runner.run(data.chunks()))
        moved = [w - LR * g / count for w, g in zip(before, slopes, strict=True)]
        close(net.weights(runner), moved)
    assert report.grad_norm == pytest.approx(norm_of(slopes) / count)


@pytest.mark.parametrize("share", [0.25, 4.0])
@pytest.mark.parametrize("window", [1, None])
def test_clipping_is_by_the_global_norm_of_the_whole_step(window, share, rng):
    data = draw(rng)
    start = np.random.default_rng(5)
    probe = Net()
    with tgc.Runner(probe.chunk) as runner:
        probe.start(runner.session, start)
        before = probe.weights(runner)
    _, slopes = truth(before, data, None, slice(0, window))
    limit = share * norm_of(slopes)
    with tf.Graph().as_default():
        net = Net(sgd(), clip_norm=limit)
        with tgc.Runner(net.chunk, tgc.ExactSweep(window)) as runner:
            net.start(runner.session, np.random.default_rng(5))
            report = next(runner.run(data.chunks()))
            moved = [w - LR * min(1, share) * g for w, g in zip(before, slopes, strict=True)]
            close(net.weights(runner), moved)
    assert report.grad_norm == pytest.approx(norm_of(slopes)), "the norm before clipping"


SLOTS = {
    "adam": (
        lambda: tf.train.AdamOptimizer(LR, 0.5, 0.75),  # exact in float32 too
        {"m": lambda old, g: 0.5 * old + 0.5 * g, "v": lambda old, g: 0.75 * old + 0.25 * g**2},
    ),
    "momentum": (
        lambda: tf.train.MomentumOptimizer(LR, 0.5),
        {"momentum": lambda old, g: 0.5 * old + g},
    ),
    "rmsprop": (
        lambda: tf.train.RMSPropOptimizer(LR, 0.5),
        {"rms": lambda old, g: 0.5 * old + 0.5 * g**2},
    ),
    "sgd": (sgd, {}),
}


@pytest.mark.parametrize("name", SLOTS)
def test_an_optimizers_slots_move_once_per_sweep(name, rng):
    make, slots = SLOTS[name]
    optimizer = make()
    net = Net(optimizer, global_step=tf.train.get_or_create_global_step())
    data = draw(rng, 6)
    with tgc.Runner(net.chunk, tgc.ExactSweep(3)) as runner:
        net.start(runner.session, rng)
        held = {s: [optimizer.get_slot(v, s) for v in net.chunk.variables] for s in slots}
        assert all(v is not None for group in held.values() for v in group)
        state, at = None, 0
        before, old = net.weights(runner), runner.session.run(held)
        for _ in runner.run(data.chunks()):
            _, slopes = truth(before, data, state, slice(at, at + 3))
            now = runner.session.run(held)
            for slot, rule in slots.items():
                wanted = [rule(o, g) for o, g in zip(old[slot], slopes, strict=True)]
                close(now[slot], wanted)
            after = net.weights(runner)
            assert all((a != b).any() for a, b in zip(before, after, strict=True))
            before, old, state, at = after, now, runner.state, at + 3
        assert at == 6
        assert runner.session.run(tf.train.get_global_step()) == 2
        if name == "adam":
            power = optimizer._get_beta_accumulators()[0]
            assert runner.session.run(power) == pytest.approx(0.5**3)


def test_an_embedding_with_repeated_ids(rng):
    ids = tf.placeholder(tf.int32, [None, None], "ids")
    table = tf.get_variable("table", [6, 3], tf.float64)
    cell = tgc.GRUCell(4)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    read = tf.nn.embedding_lookup(table, ids)
    outputs, final = tgc.dynamic_rnn(cell, read, initial_state=ports.initial_state)
    chunk = tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, {"ids": ids}, sgd())
    assert isinstance(chunk.gradients.variables[0], tf.IndexedSlices)
    arrays = {"ids": rng.integers(0, 4, (3, 12)).astype(np.int32)}
    with tgc.Runner(chunk) as runner:
        whole = runner.gradients(tgc.split_chunks(arrays, 12)).variables
        parts = runner.gradients(tgc.split_chunks(arrays, 5)).variables
        close(list(parts.values()), list(whole.values()), rtol=1e-10)
        assert not whole["table"][4:].any()
        before = runner.session.run(table)
        for length in (12, 5):
            table.load(before, runner.session)
            rest = runner.session.run(list(chunk.variables[1:]))
            (report,) = runner.run(tgc.split_chunks(arrays, length))
            close(runner.session.run(table), before - LR * whole["table"])
            assert report.grad_norm == pytest.approx(norm_of(whole.values()))
            for variable, value in zip(chunk.variables[1:], rest, strict=True):
                variable.load(value, runner.session)


# --- reports ------------------------------------------------------------------------------


def test_a_report_tells_of_every_chunk_of_its_sweep(rng):
    net, data = Net(sgd(), metrics={}), draw(rng, 5)
    with tgc.Runner(net.chunk, tgc.ExactSweep(3)) as runner:
        net.start(runner.session, rng)
        weights = net.weights(runner)
        first, second = runner.run(data.chunks())
        again = next(runner.run(data.chunks()))
    assert (first.step, second.step, again.step) == (1, 2, 3)
    assert (first.chunks, second.chunks, again.chunks) == (range(3), range(3, 5), range(3))
    assert first.time_steps == 9
    assert second.time_steps == 6
    assert first.seconds > 0
    losses = [truth(weights, data, None, slice(0, n))[0].loss for n in (1, 2, 3)]
    np.testing.assert_allclose(np.cumsum(first.chunk_losses), losses)
    assert first.loss == pytest.approx(sum(first.chunk_losses))
    state = np.zeros((3, H))
    for k in range(3):
        # The upstream at chunk k's end is the slope of what follows at chunk k + 1's start.
        ends = truth(weights, data, state, slice(k, k + 1))[0].finals[0]
        upstream = 0.0
        if k < 2:
            upstream = norm_of(truth(weights, data, ends, slice(k + 1, 3))[0].initial)
        assert first.upstream_norms[k] == pytest.approx(upstream)
        state = ends


def test_ragged_streams_count_their_real_steps_only(rng):
    lengths, mask = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float64, [None, None])
    x = tf.placeholder(tf.float64, [None, None, N])
    cell = tgc.GRUCell(H)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, lengths, ports.initial_state)
    loss = tf.reduce_sum(mask[..., None] * outputs**2)
    feeds = {"x": x, "lengths": lengths, "mask": mask}
    metrics = {"count": tf.reduce_sum(mask), "visits": tf.ones([], tf.int32)}
    chunk = tgc.build_chunk(loss, ports, final, feeds, sgd(0.0), metrics=metrics)
    arrays, real = {"x": rng.normal(size=(3, 10, N))}, np.array([10, 4, 7])
    chunks = tgc.split_chunks(arrays, 4, lengths=real)
    with tgc.Runner(chunk) as runner:
        (report,) = runner.run(chunks)
        result = runner.evaluate(chunks)
        got = runner.gradients(chunks)
        # Whatever stands in the padding does not matter.
        arrays["x"][1, 4:] = 9
        assert runner.evaluate(tgc.split_chunks(arrays, 4, lengths=real)).loss == result.loss
    assert report.time_steps == result.time_steps == 21
    assert report.metrics == result.metrics == got.metrics == {"count": 21, "visits": 3}
    assert report.loss == pytest.approx(result.loss) == pytest.approx(got.loss)
    close(result.final_state, got.final_state)


def test_on_visit_hears_of_each_backward_visit_in_its_order(rng):
    net, heard = Net(sgd()), []
    data = draw(rng, 5)
    with tgc.Runner(
        net.chunk, tgc.ExactSweep(3), on_visit=lambda k, visit: heard.append((k, visit.loss))
    ) as runner:
        reports = list(runner.run(data.chunks()))
    assert [k for k, _ in heard] == [2, 1, 0, 4, 3]
    assert sum(loss for _, loss in heard) == pytest.approx(sum(r.loss for r in reports))


# --- what is carried ----------------------------------------------------------------------


def test_two_runs_joined_by_the_state_are_one_run(rng):
    data, ends = draw(rng, 6), []
    for cut in (6, 2):
        with tf.Graph().as_default():
            net = Net(sgd())
            with tgc.Runner(net.chunk, tgc.Truncated()) as runner:
                net.start(runner.session, np.random.default_rng(3))
                with pytest.raises(tgc.RunError, match="nothing was run"):
                    _ = runner.state
                chunks = data.chunks()
                reports = list(runner.run(chunks[:cut]))
                if cut < 6:
                    reports += runner.run(chunks[cut:], runner.state)
                ends.append([[r.loss for r in reports], runner.state, net.weights(runner)])
                assert [r.step for r in reports] == [1, 2, 3, 4, 5, 6]
    close(ends[0], ends[1], rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_reset_in_the_first_chunk_cuts_the_given_state_and_its_gradient(steps, rng):
    net, data = Net(), draw(rng, steps)
    resets = np.zeros((3, steps), bool)
    resets[1, 0] = True
    resets[2, 1:2] = True
    given = rng.normal(size=(3, H))
    kept = given.copy()
    with tgc.Runner(net.chunk) as runner:
        net.start(runner.session, rng)
        got = runner.gradients(data.chunks(resets), given)
        wanted, slopes = truth(net.weights(runner), data, given, resets=resets)
    np.testing.assert_array_equal(given, kept)
    close(list(got.variables.values()), slopes)
    close(got.initial_state, wanted.initial[0])
    assert not got.initial_state[1].any()
    assert got.initial_state[0].all()
    close(got.final_state, wanted.finals[0])


def test_carry_norms_are_the_last_loss_seen_from_each_chunk_start(rng):
    net, data = Net(), draw(rng, 5)
    resets = np.zeros((3, 5), bool)
    resets[2, 3] = True
    given = rng.normal(size=(3, H))
    weights_of_steps = np.zeros((3, 5))
    weights_of_steps[:, 4] = 1
    with tgc.Runner(net.chunk) as runner:
        net.start(runner.session, rng)
        got = runner.carry_norms(data.chunks(resets), given)
        again = runner.carry_norms(iter(data.chunks(resets)), given)
        weights = net.weights(runner)
    wanted, state = [], given
    for k in range(5):
        result, _ = truth(
            weights,
            data,
            np.where(resets[:, k, None], 0, state),
            slice(k, 5),
            weights=weights_of_steps[:, k:],
            resets=np.concatenate([np.zeros((3, 1), bool), resets[:, k + 1 :]], 1),
        )
        wanted.append(norm_of(result.initial))
        head = oracle.unroll(
            [oracle.Layer("rnn", dict(zip(("kernel", "bias"), weights[:2], strict=True)))],
            data.x[:, k : k + 1],
            [np.where(resets[:, k, None], 0, state)],
        )
        state = head[1][0]
    np.testing.assert_allclose(got, wanted[::-1], rtol=1e-9)
    np.testing.assert_array_equal(got, again)
    assert got.dtype == np.float64


class Box(NamedTuple):
    near: Any
    far: Any


class Nested(tgc.RNNCell):
    """A user's cell with a named tuple of a dict, a list and a matrix per stream."""

    state_size = Box(near={"k": 2, "j": [3]}, far=tf.TensorShape([2, 2]))
    output_size = 2

    def call(self, inputs, state):
        k, j, m = state.near["k"], state.near["j"][0], state.far
        w = tf.get_variable("w", [inputs.shape[-1] + 5, 2], dtype=k.dtype)
        new_k = tf.tanh(tf.matmul(tf.concat([inputs, k, j], 1), w))
        new_j = 0.5 * j + tf.reduce_sum(m, [1, 2])[:, None] * new_k[:, :1]
        new_m = tf.sin(m) + new_k[:, :, None]
        return new_k + new_m[:, 0], Box(near={"k": new_k, "j": [new_j]}, far=new_m)


CELLS = {
    "named tuple, dict, list, matrix": Nested,
    "gru and lstm": lambda: tgc.MultiRNNCell([tgc.GRUCell(3), tgc.BasicLSTMCell(2)]),
    "nested in a stack": lambda: tgc.MultiRNNCell([Nested(), tgc.LSTMCell(3)]),
    "the question's": lambda: tgc.MultiRNNCell(
        [tgc.GRUCell(4), tgc.GRUCell(3)], state_is_tuple=False
    ),
}


@pytest.mark.parametrize(
    ("kind", "time_major"),
    [
        *((kind, False) for kind in CELLS),
        ("the question's", True),
        *(
            pytest.param(kind, True, marks=pytest.mark.slow)
            for kind in CELLS
            if kind != "the question's"
        ),
    ],
)
def test_any_nest_of_states_is_carried_exactly(kind, time_major, rng):
    cell = CELLS[kind]()
    x = tf.placeholder(tf.float64, [None, None, 2])
    ports = tgc.carry_ports(cell, batch_size=3, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(
        cell,
        tf.transpose(x, [1, 0, 2]) if time_major else x,
        initial_state=ports.initial_state,
        time_major=time_major,
        # Seven lengths of chunk, which XLA would compile one by one.
        engine="stock" if "nested" in kind or kind.startswith("named") else "loop",
    )
    chunk = tgc.build_chunk(tf.reduce_sum(outputs**3), ports, final, {"x": x})
    arrays = {"x": rng.normal(size=(3, 12, 2))}
    initial = tf.nest.map_structure(
        lambda p: rng.normal(size=p.shape.as_list()), ports.initial_state
    )
    with tgc.Runner(chunk) as runner:
        whole = runner.gradients(tgc.split_chunks(arrays, 12), initial)
        parts = runner.gradients(tgc.split_chunks(arrays, [2, 5, 1, 4]), initial)
        cut = runner.gradients(tgc.split_chunks(arrays, 3), initial, policy=tgc.Truncated())
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)
    tf.nest.assert_same_structure(parts.initial_state, ports.initial_state)
    for field in ("variables", "initial_state", "final_state"):
        close(getattr(parts, field), getattr(whole, field), rtol=1e-9)
    gap = [cut.variables[k] - v for k, v in whole.variables.items()]
    assert norm_of(gap) > 1e-3 * norm_of(whole.variables.values()), "the test must bite"


@pytest.mark.parametrize(
    "policy",
    [tgc.Truncated(), tgc.Stale(), tgc.ExactSweep(), tgc.ExactSweep(2), tgc.ExactSweep(2, 0.5)],
    ids=str,
)
def test_an_iterator_gives_what_a_sequence_gives(policy, rng):
    net, data = Net(sgd()), draw(rng, 7)
    resets = np.zeros((3, 7), bool)
    resets[0, 2] = resets[:, 5] = True
    chunks, got = data.chunks(resets), []
    with tgc.Runner(net.chunk, policy) as runner:
        for make in (lambda: chunks, lambda: list(chunks), lambda: (c for c in chunks)):
            net.start(runner.session, np.random.default_rng(3))
            slopes = runner.gradients(make())
            reports = [(r.loss, r.chunk_losses, r.upstream_norms) for r in runner.run(make())]
            got.append([slopes, reports, runner.state, net.weights(runner)])
    for other in got[1:]:
        for one, two in zip(tf.nest.flatten(got[0]), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(one, two)


def test_an_endless_stream_is_trained_as_it_comes(rng):
    net, data, read = Net(sgd()), draw(rng, 3), []

    def endless():
        for k in itertools.count():
            read.append(k)
            yield data.chunks()[k % 3]

    with tgc.Runner(net.chunk, tgc.ExactSweep(2)) as runner:
        reports = list(itertools.islice(runner.run(endless()), 4))
    assert [r.chunks for r in reports] == [range(k, k + 2) for k in (0, 2, 4, 6)]
    assert len(read) <= 10


# --- reading ahead ------------------------------------------------------------------------


def second_threads():
    return [t for t in threading.enumerate() if t.name == "tgcarry"]


class Watched(tgc.data.LazySequence):
    """Chunks that note when and where they are read."""

    def __init__(self, chunks):
        self.chunks, self.read, self.mine = chunks, [], threading.Event()

    def __len__(self):
        return len(self.chunks)

    def item(self, position):
        aside = threading.current_thread().name == "tgcarry"
        assert not (aside and self.mine.is_set()), "read beside the caller's own code"
        self.read.append((position, aside))
        time.sleep(0.002)
        return self.chunks[position]


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.ExactSweep(2)], ids=str)
def test_chunks_are_read_beside_calls_and_never_beside_the_callers_code(policy, rng):
    net, data = Net(sgd()), draw(rng, 8)
    chunks = Watched(data.chunks())

    def visited(chunk, visit):
        chunks.mine.set()
        time.sleep(0.004)
        chunks.mine.clear()

    with tgc.Runner(net.chunk, policy, on_visit=visited) as runner:
        for _ in runner.run(chunks):
            chunks.mine.set()
            time.sleep(0.004)
            runner.evaluate(data.chunks())
            chunks.mine.clear()
        assert second_threads() == []
        runner.evaluate(chunks)
        runner.gradients(chunks)
        assert second_threads() == []
    aside = [position for position, beside in chunks.read if beside]
    assert len(aside) > len(chunks.read) / 2


@pytest.mark.parametrize("end", ["left", "closed", "error", "callback"])
def test_the_second_thread_ends_with_the_run(end, rng):
    net, data = Net(sgd()), draw(rng, 6)

    def complain(chunk, visit):
        if end == "callback" and chunk == 2:
            raise KeyboardInterrupt

    with tgc.Runner(net.chunk, tgc.Truncated(), on_visit=complain) as runner:
        if end == "error":
            data.x[1, 3, 2] = np.nan
        run = runner.run(data.chunks())
        next(run)
        assert len(second_threads()) == 1
        if end == "closed":
            run.close()
        elif end == "left":
            del run
        else:
            with pytest.raises(tgc.DataError if end == "error" else KeyboardInterrupt):
                list(run)
        assert second_threads() == []


def test_no_more_than_one_chunk_is_read_ahead_of_the_schedule(rng):
    net, data = Net(sgd()), draw(rng, 9)
    for policy, planned in ((tgc.Truncated(), 1), (tgc.ExactSweep(2), 3)):
        chunks = Watched(data.chunks())
        with tgc.Runner(net.chunk, policy) as runner:
            run = runner.run(chunks)
            next(run)
            assert max(position for position, _ in chunks.read) <= planned
            run.close()


# --- nothing is left behind ---------------------------------------------------------------


def held(net, runner):
    return runner.session.run(list(net.chunk.updates.accumulators))


def test_the_accumulators_are_empty_after_a_run_and_after_gradients(rng):
    net, data = Net(sgd()), draw(rng)
    with tgc.Runner(net.chunk) as runner:
        for _ in runner.run(data.chunks()):
            assert not any(a.any() for a in held(net, runner))
        before = net.weights(runner)
        runner.gradients(data.chunks())
        assert not any(a.any() for a in held(net, runner))
        close(net.weights(runner), before, rtol=0)
        first = runner.gradients(data.chunks())
        again = runner.gradients(data.chunks())
        close(first.variables, again.variables, rtol=0)


@pytest.mark.parametrize("how", ["callback", "iterator", "abandoned"])
def test_a_run_that_breaks_off_leaves_nothing_to_the_next_one(how, rng):
    data = draw(rng, 4)
    fail = []

    def complain(chunk, visit):
        if fail and chunk == 1:
            raise KeyboardInterrupt

    def broken():
        yield from data.chunks()[:3]
        raise OSError("disk")

    net = Net(sgd())
    with tgc.Runner(net.chunk, tgc.ExactSweep(2), on_visit=complain) as runner:
        net.start(runner.session, rng)
        if how == "callback":
            fail.append(True)
            with pytest.raises(KeyboardInterrupt):
                list(runner.run(data.chunks()))
            fail.clear()
        elif how == "iterator":
            with pytest.raises(OSError, match="disk"):
                list(runner.run(broken()))
        else:
            next(runner.run(data.chunks()))
        net.start(runner.session, np.random.default_rng(3))
        before = net.weights(runner)
        _, slopes = truth(before, data, None, slice(0, 2))
        next(runner.run(data.chunks()))
        close(net.weights(runner), [w - LR * g for w, g in zip(before, slopes, strict=True)])


def test_looking_between_two_steps_changes_nothing(rng):
    data, ends = draw(rng, 6), []
    for look in (False, True):
        with tf.Graph().as_default():
            net = Net(tf.train.AdamOptimizer(LR))
            with tgc.Runner(net.chunk, tgc.ExactSweep(2)) as runner:
                net.start(runner.session, np.random.default_rng(3))
                losses = []
                for report in runner.run(data.chunks()):
                    losses.append(report.loss)
                    if look:
                        state = runner.state
                        runner.evaluate(data.chunks())
                        runner.gradients(data.chunks())
                        runner.carry_norms(data.chunks())
                        close(runner.state, state, rtol=0)
                ends.append([losses, net.weights(runner)])
    close(ends[0], ends[1], rtol=0)


def test_evaluate_is_the_loss_of_gradients(rng):
    net, data = Net(metrics={}), draw(rng)
    with tgc.Runner(net.chunk) as runner:
        result = runner.evaluate(data.chunks())
        got = runner.gradients(data.chunks())
        assert result.loss == pytest.approx(got.loss, rel=1e-12)
        close(result.final_state, got.final_state, rtol=1e-12)
        assert result.time_steps == 12


def test_a_given_session_is_used_and_left_open(rng):
    net, data = Net(sgd()), draw(rng)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        net.start(session, rng)
        before = session.run(list(net.chunk.variables))
        with tgc.Runner(net.chunk, session=session) as runner:
            assert runner.session is session
            close(net.weights(runner), before, rtol=0)
            list(runner.run(data.chunks()))
        after = session.run(list(net.chunk.variables))
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_its_own_session_is_closed():
    net = Net()
    with tgc.Runner(net.chunk) as runner:
        session = runner.session
    with pytest.raises(RuntimeError, match="closed"):
        session.run(net.chunk.variables[0])
    with pytest.raises(tgc.RunError, match="with Runner"):
        _ = runner.session


def test_a_runner_may_be_opened_and_closed_by_hand(rng):
    net = Net()
    runner = tgc.Runner(net.chunk)
    runner.open()
    runner.open()
    assert runner.evaluate(draw(rng).chunks()).loss > 0
    runner.close()
    runner.close()


def test_a_monitored_session_trains(rng):
    count = tf.train.get_or_create_global_step()
    net, data = Net(tf.train.AdamOptimizer(LR), global_step=count), draw(rng)
    with tf.train.MonitoredTrainingSession() as session:
        with tgc.Runner(net.chunk, tgc.ExactSweep(2), session=session) as runner:
            reports = list(runner.run(data.chunks()))
        assert session.run(count) == len(reports) == 2


def test_all_variables_are_initialised_in_its_own_session(rng):
    total, _ = tf.metrics.mean(tf.constant(1.0))
    assert total.shape.rank == 0
    net = Net(sgd())
    left = tf.report_uninitialized_variables()
    with tgc.Runner(net.chunk) as runner:
        assert runner.session.run(left).tolist() == []


def test_a_saver_made_before_or_after_restores_without_the_accumulators(tmp_path, rng):
    net, data = Net(tf.train.MomentumOptimizer(LR, 0.9)), draw(rng)
    saver = tf.train.Saver()
    with tgc.Runner(net.chunk) as runner:
        list(runner.run(data.chunks()))
        path = saver.save(runner.session, str(tmp_path / "m"))
        weights = net.weights(runner)
    names = {name for name, _ in tf.train.list_variables(path)}
    assert names == {v.op.name for v in net.everything}
    assert len(names) == 8
    with tgc.Runner(net.chunk) as runner:
        saver.restore(runner.session, path)
        close(net.weights(runner), weights, rtol=0)
        list(runner.run(data.chunks()))


def test_constants_of_the_graph_are_fed_at_every_call(rng):
    rate = tf.placeholder(tf.float64, [], "rate")
    net, data = Net(sgd(rate), lambda loss, net: loss * rate), draw(rng)
    with tgc.Runner(net.chunk, tgc.ExactSweep(2), feed_dict={rate: 0.5}) as runner:
        net.start(runner.session, rng)
        before = net.weights(runner)
        _, slopes = truth(before, data, None, slice(0, 2))
        assert next(runner.run(data.chunks())).step == 1
        close(net.weights(runner), [w - 0.25 * g for w, g in zip(before, slopes, strict=True)])
        runner.evaluate(data.chunks())
        runner.carry_norms(data.chunks())


# --- what is not finite is not applied ----------------------------------------------------


def no_number(loss, net):
    """Is NaN with slopes that are all finite."""
    return loss + tf.log(tf.constant(-1.0, tf.float64))


def wild_slope(loss, net):
    """Is finite, with a weight gradient that is infinite."""
    return loss + tf.sqrt(tf.get_variable("v", [], tf.float64, tf.zeros_initializer()))


def wild_state(loss, net):
    """Is finite, with a state gradient that is NaN at the zero state."""
    return loss + tf.norm(net.ports.initial_state)


def too_big(loss, net):
    return loss * 1e308 * 1e10


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.Stale(), tgc.ExactSweep()], ids=str)
@pytest.mark.parametrize("twist", [no_number, wild_slope, wild_state, too_big])
def test_nothing_is_applied_of_what_is_not_finite(twist, policy, rng):
    count = tf.train.get_or_create_global_step()
    net, data = Net(tf.train.AdamOptimizer(LR), twist, global_step=count), draw(rng)
    with tgc.Runner(net.chunk, policy) as runner:
        before = runner.session.run(net.everything)
        with pytest.raises(tgc.NumericsError) as caught:
            list(runner.run(data.chunks()))
        after = runner.session.run(net.everything)
    message = str(caught.value)
    assert "\n" not in message
    assert "clip_norm" in message or "data" in message
    assert isinstance(caught.value, ArithmeticError)
    for variable, one, other in zip(net.everything, before, after, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=variable.op.name)


@pytest.mark.parametrize("twist", [no_number, wild_slope, wild_state])
def test_gradients_never_returns_what_is_not_finite(twist, rng):
    net = Net(None, twist)
    with tgc.Runner(net.chunk) as runner, pytest.raises(tgc.NumericsError):
        runner.gradients(draw(rng).chunks())


def test_a_loss_that_is_no_number_names_its_chunk(rng):
    data = draw(rng)
    data.y[1, 2, 0] = 1e200
    net = Net(sgd())
    with tgc.Runner(net.chunk) as runner, pytest.raises(tgc.NumericsError, match="chunk 2"):
        runner.evaluate(data.chunks())


def test_a_number_that_is_none_in_the_data_is_found_before_it_is_fed(rng):
    data = draw(rng)
    data.x[1, 3, 2] = np.nan
    net = Net(sgd())
    with tgc.Runner(net.chunk, tgc.Truncated()) as runner:
        run = runner.run(data.chunks())
        assert next(run).chunks == range(1)
        with pytest.raises(tgc.DataError, match=r"'x'.*chunk 3.*stream 1"):
            list(run)


# --- random draws -------------------------------------------------------------------------


def dropout_net(make):
    x = tf.placeholder(tf.float64, [None, None, N], "x")
    seed = tf.placeholder(tf.int32, [2], "seed")
    cell = tgc.GRUCell(H)
    if make == "wrapper":
        cell = tgc.DropoutWrapper(cell, output_keep_prob=0.5)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
    feeds = {"x": x}
    if make == "dropout":
        outputs = tf.nn.dropout(outputs, rate=0.5)
    elif make == "stateless":
        feeds["seed"] = seed
        keep = tf.random.stateless_uniform(tf.shape(outputs), seed, dtype=tf.float64) < 0.5
        outputs = 2 * outputs * tf.cast(keep, tf.float64)
    return tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, feeds, sgd())


@pytest.mark.parametrize("make", ["wrapper", "dropout"])
def test_dropout_is_refused_where_chunks_are_visited_again(make, rng):
    chunk = dropout_net(make)
    chunks = tgc.split_chunks({"x": rng.normal(size=(2, 6, N))}, 2)
    with pytest.raises(tgc.RunError) as caught:
        tgc.Runner(chunk, tgc.ExactSweep())
    message = str(caught.value)
    assert "\n" not in message
    for fact in ("dropout", "ExactSweep", "'seed'", "tf.random.stateless_", "Truncated()"):
        assert fact in message
    for policy in (tgc.Truncated(), tgc.Stale(0.5), tgc.ExactSweep(1)):
        with tgc.Runner(chunk, policy) as runner:
            assert len(list(runner.run(chunks))) == 3
            with pytest.raises(tgc.RunError, match="draw other numbers"):
                runner.gradients(chunks, policy=tgc.ExactSweep())


def test_dropout_is_refused_where_norms_are_measured(rng):
    """carry_norms reads forwards, then visits in reverse: other masks would be other norms."""
    chunk = dropout_net("dropout")
    with tgc.Runner(chunk, tgc.Truncated()) as runner:
        with pytest.raises(tgc.RunError, match="draw other numbers"):
            runner.carry_norms(tgc.split_chunks({"x": rng.normal(size=(2, 6, N))}, 2))


def test_dropout_keyed_by_the_seed_feed_is_exact(rng):
    chunk = dropout_net("stateless")
    assert chunk.random_ops == ()
    arrays = {"x": rng.normal(size=(2, 6, N))}
    chunks = tgc.split_chunks(arrays, 2)
    with tgc.Runner(chunk, seed=11) as runner:
        got = runner.gradients(chunks)
        again = runner.gradients(iter(chunks))
        close(got, again, rtol=0)
        assert runner.evaluate(chunks).loss == pytest.approx(got.loss, rel=1e-12)
        kernel = chunk.variables[2]
        name, value = kernel.op.name, runner.session.run(kernel)
        eps = 1e-6
        at = np.unravel_index(np.abs(got.variables[name]).argmax(), value.shape)
        losses = []
        for sign in (1, -1):
            moved = value.copy()
            moved[at] += sign * eps
            kernel.load(moved, runner.session)
            losses.append(runner.evaluate(chunks).loss)
        slope = (losses[0] - losses[1]) / (2 * eps)
        assert got.variables[name][at] == pytest.approx(slope, rel=1e-6)
        kernel.load(value, runner.session)
        weights = runner.session.run(list(chunk.variables))
    with tgc.Runner(chunk, seed=12) as runner:
        for variable, value in zip(chunk.variables, weights, strict=True):
            variable.load(value, runner.session)
        assert runner.gradients(chunks).loss != got.loss


# --- refusals -----------------------------------------------------------------------------


def refused(error, facts, act, net=None, **options):
    net = net or Net(sgd())
    with tgc.Runner(net.chunk, **options) as runner, pytest.raises(error) as caught:
        act(runner)
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message, message


def test_no_optimizer(rng):
    data = draw(rng)
    refused(
        tgc.RunError,
        ["optimizer=", "gradients()"],
        lambda runner: runner.run(data.chunks()),  # at the call, before any iteration
        Net(),
    )


def test_not_opened(rng):
    runner = tgc.Runner(Net(sgd()).chunk)
    for act in (runner.run, runner.gradients, runner.evaluate, runner.carry_norms):
        with pytest.raises(tgc.RunError, match="with Runner"):
            act(draw(rng).chunks())


@pytest.mark.parametrize(
    "options",
    [{"reduce": "average"}, {"policy": "exact"}, {"policy": tgc.ExactSweep}],
    ids=["reduce", "policy", "a class"],
)
def test_arguments(options):
    with pytest.raises(tgc.RunError) as caught:
        tgc.Runner(Net(sgd()).chunk, **options)
    ((name, value),) = options.items()
    assert f"{name}={value!r}" in str(caught.value)


def test_gradients_takes_a_policy_only(rng):
    chunks = draw(rng).chunks()
    refused(tgc.RunError, ["'exact'"], lambda runner: runner.gradients(chunks, policy="exact"))


def test_no_chunks():
    for name in ("gradients", "evaluate", "carry_norms"):
        with tf.Graph().as_default():
            refused(
                tgc.RunError,
                [name, "at least one"],
                lambda runner, name=name: getattr(runner, name)([]),
            )
    net = Net(sgd())
    with tgc.Runner(net.chunk) as runner:
        assert list(runner.run([])) == []


def test_a_batch_that_changes(rng):
    chunks = [draw(rng, 1, batch).chunks()[0] for batch in (3, 3, 2)]
    facts = ["chunk 2", "2 streams", "3", "initial_state"]
    refused(tgc.RunError, facts, lambda runner: list(runner.run(chunks)))


def test_a_batch_that_is_not_the_ports(rng):
    chunks = draw(rng, 2, 3).chunks()
    refused(
        tgc.RunError,
        ["3", "4", "chunk 0"],
        lambda runner: runner.evaluate(chunks),
        Net(batch_size=4),
    )


@pytest.mark.parametrize(
    "state",
    [
        np.zeros((3, H + 1)),
        np.zeros((2, H)),
        (np.zeros((3, H)), np.zeros((3, H))),
        {"h": np.zeros((3, H))},
        np.zeros(H),
        0.0,
        np.full((3, H), "a"),
    ],
    ids=["width", "rows", "tuple", "dict", "vector", "number", "text"],
)
def test_an_initial_state_that_does_not_fit(state, rng):
    chunks = draw(rng).chunks()
    for act in ("evaluate", "gradients", "run"):
        with tf.Graph().as_default():
            refused(
                tgc.RunError,
                ["initial_state"],
                lambda runner, act=act: list(getattr(runner, act)(chunks, state)),
            )


def test_an_initial_state_of_lists_is_read_as_an_array(rng):
    net, chunks = Net(), draw(rng).chunks()
    with tgc.Runner(net.chunk) as runner:
        one = runner.evaluate(chunks, [[0.5] * H] * 3)
        other = runner.evaluate(chunks, np.full((3, H), 0.5))
    assert one.loss == other.loss


@pytest.mark.parametrize("what", ["a chunk", "a dict", "an array", "none", "numbers"])
def test_what_is_not_a_series_of_chunks(what, rng):
    data = draw(rng)
    given = {
        "a chunk": data.chunks()[0],
        "a dict": {"x": data.x, "y": data.y},
        "an array": data.x,
        "none": None,
        "numbers": [1, 2],
    }[what]
    refused(tgc.TgcarryError, ["split_chunks"], lambda runner: runner.evaluate(given))


def test_an_array_that_the_graph_wants_and_one_that_it_does_not(rng):
    data = draw(rng)
    less = tgc.split_chunks({"x": data.x}, 1)
    more = tgc.split_chunks({"x": data.x, "y": data.y, "z": data.y}, 1)
    net = Net(sgd())
    refused(tgc.RunError, ["'y'", "chunk 0"], lambda runner: runner.evaluate(less), net)
    with tgc.Runner(net.chunk) as runner:
        assert runner.evaluate(more).time_steps == 12


def test_a_session_on_another_graph(rng):
    net = Net(sgd())
    with tf.Graph().as_default():
        tf.zeros([])
        with tf.Session() as session, pytest.raises(tgc.RunError, match="graph"):
            with tgc.Runner(net.chunk, session=session):
                pass


# --- one's own policy ---------------------------------------------------------------------


class Mine:
    """Plays back a list of steps."""

    def __init__(self, steps, revisits=True):
        self.steps, self.revisits = steps, revisits

    def schedule(self, breaks):
        assert sum(1 for _ in breaks) > 0
        return iter(self.steps)


def test_a_policy_of_ones_own_with_steps_between_its_last_visit_and_apply(rng):
    """A lone visit that is not followed at once by Apply is applied all the same."""
    back, save = schedule.Backward, schedule.Save
    steps = [
        back(0, "zero", advance=True),
        save(1),
        schedule.Apply(),
        schedule.Load(1),
        back(1, "zero"),
        schedule.Apply(),
    ]
    net, data = Net(sgd()), draw(rng, 2)
    with tgc.Runner(net.chunk, Mine(steps)) as runner:
        net.start(runner.session, rng)
        before = net.weights(runner)
        run = runner.run(data.chunks())
        report = next(run)
        result, slopes = truth(before, data, None, slice(0, 1))
        moved = [w - LR * g for w, g in zip(before, slopes, strict=True)]
        close(net.weights(runner), moved)
        assert report.grad_norm == pytest.approx(norm_of(slopes))
        next(run)
        _, slopes = truth(moved, data, result.finals[0], slice(1, 2))
        close(net.weights(runner), [w - LR * g for w, g in zip(moved, slopes, strict=True)])


@pytest.mark.parametrize(
    "steps",
    [
        [schedule.Apply()],
        [schedule.Load(0)],
        [schedule.Backward(0, "following")],
        [schedule.Backward(0, "earlier")],
        ["forward 0"],
    ],
    ids=["apply first", "load unsaved", "following", "earlier", "text"],
)
def test_a_schedule_that_cannot_be_obeyed_is_refused(steps, rng):
    chunks = draw(rng).chunks()
    refused(tgc.RunError, ["schedule"], lambda r: list(r.run(chunks)), policy=Mine(steps))
