"""Two chained models against the oracle, for each engine, mode and cell, and chunk by chunk."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load_all, start_with

import tgcarry as tgc
from tgcarry import reference

# Relative to the largest entry wanted.
TOLERANCE = 1e-10
CELLS = {
    "rnn": (tgc.BasicRNNCell, "basic_rnn_cell/"),
    "gru": (tgc.GRUCell, "gru_cell/"),
    "basic_lstm": (tgc.BasicLSTMCell, "basic_lstm_cell/"),
    "lstm": (tgc.LSTMCell, "lstm_cell/"),
}
WIDTH = 3


class Case(NamedTuple):
    """Says what is run."""

    outer: str = "gru"
    inner: str = "basic_lstm"
    mode: str = "carry"
    engine: str = "loop"
    time_major: bool = False
    shared: bool = False
    beside: int = 0
    resets: bool = False
    lengths: bool = False
    known: bool = False
    batch: int = 3
    times: int = 5
    most: int = 4
    seed: int = 0


class Drawn(NamedTuple):
    """Holds a case's numbers, batch first."""

    x: np.ndarray
    steps: np.ndarray
    beside: Any
    resets: Any
    lengths: Any


def drawn(case, rng):
    shape = case.batch, case.times
    steps = rng.integers(0, case.most + 1, size=shape).astype(np.int32)
    if case.shared:
        steps = np.tile(steps[:1], (case.batch, 1))
    beside = rng.normal(size=(*shape, case.most + 1, case.beside)) if case.beside else None
    return Drawn(
        rng.normal(size=(*shape, WIDTH)),
        steps,
        beside,
        rng.random(shape) < 0.4 if case.resets else None,
        rng.integers(0, case.times + 1, size=case.batch) if case.lengths else None,
    )


def turned(case):
    """Returns what swaps the first two axes if the case has time first."""

    def turn(a):
        if not case.time_major:
            return a
        if tf.is_tensor(a):
            return tf.transpose(a, [1, 0, *range(2, a.shape.rank)])
        return np.moveaxis(a, 0, 1)

    return turn


def leaves(nest):
    return tf.nest.flatten(nest)


def relative(got, wanted):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max(initial=0) / max(1.0, np.abs(wanted).max(initial=0))


def run_graph(case, data, rng, dtype=tf.float64):
    """Runs the graph; returns results, gradients, weights, states and slopes, as arrays."""
    turn = turned(case)
    known = [case.batch, case.times] if case.known else [None, None]
    x = tf.placeholder(dtype, [*known, WIDTH])
    steps = tf.placeholder(tf.int32, known[1:] if case.shared else known)
    cells = [CELLS[kind][0](units) for kind, units in ((case.outer, 4), (case.inner, 2))]
    ports = tgc.chain_ports(*cells, case.mode, dtype=dtype)
    options: dict[str, Any] = {}
    beside = []
    if data.beside is not None:
        beside = [tf.constant(data.beside, dtype)]
        options["inner_inputs"] = turn(beside[0])
    if data.resets is not None:
        options["resets"] = turn(tf.constant(data.resets))
    if data.lengths is not None:
        options["sequence_length"] = tf.constant(data.lengths)
    out = tgc.chained_rnn(
        *cells,
        turn(x),
        steps if case.shared else turn(steps),
        inner_state=case.mode,
        initial_state=ports.initial_state,
        time_major=case.time_major,
        engine=case.engine,
        **options,
    )
    live = data.steps
    if data.lengths is not None:
        live = live * (np.arange(case.times) < data.lengths[:, None])
    slopes = rng.normal(size=(case.batch, case.times, live.max(initial=0), 2))
    loss = tf.reduce_sum(turn(out.outputs) * slopes.astype(dtype.as_numpy_dtype))
    carried = zip(leaves(ports.upstream), leaves(out.final_state), strict=True)
    total = tf.add_n([loss, *(tf.reduce_sum(u * s) for u, s in carried)])
    variables = tf.trainable_variables()
    wanted = [x, *beside, *leaves(ports.initial_state), *variables]
    gradients = tf.gradients(total, wanted)
    state = {p: rng.normal(size=(case.batch, p.shape[1])) for p in leaves(ports.initial_state)}
    upstream = {p: rng.normal(size=(case.batch, p.shape[1])) for p in leaves(ports.upstream)}
    feeds = {x: data.x, steps: data.steps[0] if case.shared else data.steps, **state, **upstream}
    with tf.Session() as session:
        drawn = {v: rng.normal(size=v.shape.as_list()) * 0.7 for v in variables}
        start_with(drawn, session)
        weights = {v.op.name: v for v in variables}
        got = session.run((out, gradients, weights), feeds)
    return *got, list(state.values()), list(upstream.values()), slopes


def oracle_cells(case, weights):
    def cell(kind, scope):
        prefix = f"chained_rnn/{scope}/{CELLS[kind][1]}"
        found = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        options = {"forget_bias": 1.0} if "lstm" in kind else {}
        return [reference.Cell(kind, found, options)]

    return cell(case.outer, "outer"), cell(case.inner, "inner")


def packed(kinds, flat):
    """Takes states, one a kind, from a flat list."""
    flat = iter(flat)
    return [[(next(flat), next(flat)) if "lstm" in kind else next(flat)] for kind in kinds]


def errors(case, dtype=tf.float64):
    """Returns the errors of one run beside the oracle, by name."""
    rng = np.random.default_rng(case.seed)
    print(f"{case}: numpy seed {case.seed}")
    data = drawn(case, rng)
    out, gradients, weights, state, upstream, slopes = run_graph(case, data, rng, dtype)
    outer, inner = oracle_cells(case, weights)
    carries = case.mode == "carry"
    kinds = [case.outer, case.inner] if carries else [case.outer]
    starts, ends = ([*packed(kinds, flat), None][:2] for flat in (state, upstream))
    ran = reference.unroll_chain(
        outer,
        inner,
        data.x,
        data.steps,
        case.mode,
        inner_inputs=data.beside,
        outer_initial=starts[0],
        inner_initial=starts[1],
        resets=data.resets,
        lengths=data.lengths,
    )
    back = reference.unroll_chain_backward(
        outer,
        inner,
        ran,
        slopes,
        inner_state=case.mode,
        d_outer_final=ends[0],
        d_inner_final=ends[1],
    )
    wanted = [back.outer.x]
    if data.beside is not None:
        padding = [(0, 0), (0, 0), (0, data.beside.shape[2] - back.inner_inputs.shape[2]), (0, 0)]
        wanted.append(np.pad(back.inner_inputs, padding))
    wanted += leaves(back.outer.initial[0])
    wanted += leaves(back.inner_initial[0]) if carries else []
    for name in weights:
        found = back.outer.params if "/outer/" in name else back.inner_params
        wanted.append(found[0][name.split("_cell/")[1]])
    turn = turned(case)
    made = {
        "outputs": (turn(out.outputs), ran.outputs),
        "mask": (turn(out.mask) * 1, ran.mask * 1),
        "steps": (turn(out.steps), ran.mask.sum(-1)),
        "outer outputs": (turn(out.outer_outputs), ran.outer.outputs),
        "ragged": (out.ragged.flat_values, out.outputs[out.mask]),
    }
    finals = zip(
        leaves((out.final_state.outer, out.inner_final)),
        leaves((ran.outer.final_states[0], ran.inner_final[0])),
        strict=True,
    )
    made |= {f"final {n}": pair for n, pair in enumerate(finals)}
    made |= {f"gradient {n}": p for n, p in enumerate(zip(gradients, wanted, strict=True))}
    return {name: relative(*pair) for name, pair in made.items()}


OPTIONS = [
    {},
    {"time_major": True, "beside": 2},
    {"resets": True, "known": True},
    {"resets": True, "lengths": True, "beside": 2, "seed": 1},
    {"shared": True, "time_major": True},
]


@pytest.mark.parametrize("engine", [pytest.param("stock", marks=pytest.mark.slow), "loop"])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        pytest.param(
            mode,
            options,
            id=f"{mode}-{'-'.join(options) or 'plain'}",
            # Every option is tried with one of the modes at least.
            marks=[pytest.mark.slow] if (mode == "reset") == (place % 2 == 0) else [],
        )
        for place, options in enumerate(OPTIONS)
        for mode in ("carry", "reset")
    ],
)
def test_it_is_the_oracles(engine, mode, options):
    found = errors(Case(engine=engine, mode=mode, **options))
    assert max(found.values()) < TOLERANCE, found


@pytest.mark.parametrize(
    "case",
    [
        Case(engine="fused", resets=True, beside=1, known=True),
        Case(engine="fused", mode="reset", lengths=True),
    ],
    ids=["carry", "reset"],
)
def test_it_is_the_oracles_compiled(case):
    found = errors(case)
    assert max(found.values()) < TOLERANCE, found


@pytest.mark.parametrize("mode", ["carry", "reset"])
def test_in_float32_it_is_the_oracles_to_1e_5(mode):
    found = errors(Case(mode=mode, resets=True), tf.float32)
    assert max(found.values()) < 1e-5, found
    assert max(found.values()) > TOLERANCE


@pytest.mark.slow
@settings(max_examples=6)
@given(
    case=st.builds(
        Case,
        outer=st.sampled_from(sorted(CELLS)),
        inner=st.sampled_from(sorted(CELLS)),
        mode=st.sampled_from(["carry", "reset"]),
        engine=st.sampled_from(["stock", "loop"]),
        time_major=st.booleans(),
        beside=st.integers(0, 2),
        resets=st.booleans(),
        lengths=st.booleans(),
        known=st.booleans(),
        batch=st.integers(1, 4),
        times=st.integers(1, 6),
        most=st.integers(0, 5),
        seed=st.integers(0, 2**16),
    )
)
def test_any_steps_are_the_oracles(case):
    with tf.Graph().as_default():
        found = errors(case)
    assert max(found.values()) < TOLERANCE, found


class Series(NamedTuple):
    """Holds a chunk graph of two chained models, and its data."""

    chunk: Any
    data: dict


def series(mode, engine="loop", times=12, batch=3, steps_seed=3):
    rng = np.random.default_rng(steps_seed)
    x = tf.placeholder(tf.float64, [None, None, WIDTH], "x")
    y = tf.placeholder(tf.float64, [None, None, None, 2], "y")
    steps = tf.placeholder(tf.int32, [None, None], "steps")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    cells = tgc.GRUCell(4), tgc.BasicLSTMCell(2)
    ports = tgc.chain_ports(*cells, mode, dtype=tf.float64)
    out = tgc.chained_rnn(
        *cells,
        x,
        steps,
        inner_state=mode,
        initial_state=ports.initial_state,
        sequence_length=lengths,
        engine=engine,
    )
    wanted = y[:, :, : tf.shape(out.outputs)[2]]
    weights = tf.cast(out.mask, tf.float64)[..., tf.newaxis]
    loss = tf.reduce_sum(weights * (out.outputs - wanted) ** 2)
    chunk = tgc.build_chunk(
        loss,
        ports,
        out.final_state,
        feeds={"x": x, "y": y, "steps": steps, "lengths": lengths},
        optimizer=tf.train.GradientDescentOptimizer(0.1),
    )
    counts = rng.integers(0, 4, size=(batch, times)).astype(np.int32)
    # One chunk without any inner step, and one with many more than the others.
    counts[:, 4:8] = 0
    counts[:, 8:10] = rng.integers(4, 9, size=(batch, 2))
    data = {
        "x": rng.normal(size=(batch, times, WIDTH)),
        "y": rng.normal(size=(batch, times, 9, 2)),
        "steps": counts,
    }
    return Series(chunk, data)


@pytest.mark.parametrize("mode", ["carry", "reset"])
def test_an_exact_sweep_over_chunks_is_the_unbroken_graph(mode):
    made = series(mode)
    found = {}
    for name, policy, length in [
        ("unbroken", tgc.ExactSweep(), 12),
        ("exact", tgc.ExactSweep(), 4),
        ("kept", tgc.ExactSweep(memory_budget="1MiB"), 4),
        ("truncated", tgc.Truncated(), 4),
    ]:
        with tgc.Runner(made.chunk, policy=policy, seed=1) as runner:
            drawn = {}
            for variable in made.chunk.variables:
                draw = np.random.default_rng(len(variable.op.name))
                drawn[variable] = draw.normal(size=variable.shape.as_list())
            load_all(drawn, runner.session)
            found[name] = runner.gradients(tgc.split_chunks(made.data, length=length))
    whole = found["unbroken"]

    def off(other):
        parts = [relative(other.variables[n], g) for n, g in whole.variables.items()]
        starts = zip(leaves(other.initial_state), leaves(whole.initial_state), strict=True)
        return max(parts + [relative(a, b) for a, b in starts])

    for name in ("exact", "kept"):
        assert abs(found[name].loss - whole.loss) < TOLERANCE * whole.loss
        assert off(found[name]) < TOLERANCE
    assert off(found["truncated"]) > 1e-4


@pytest.mark.parametrize("mode", [pytest.param("carry", marks=pytest.mark.slow), "reset"])
def test_training_over_chunks_of_other_numbers_of_steps_goes_down(mode):
    # Its first step may go too far: from some weights that takes more than these to make up for.
    tf.set_random_seed(4)
    made = series(mode)
    losses = []
    with tgc.Runner(made.chunk, policy=tgc.ExactSweep()) as runner:
        for _ in range(12):
            reports = list(runner.run(tgc.split_chunks(made.data, length=4)))
            losses.append(sum(report.loss for report in reports))
    assert losses[-1] < losses[0]


def test_nothing_at_all_to_unroll_gives_empty_outputs():
    out = tgc.chained_rnn(
        tgc.GRUCell(4), tgc.GRUCell(2), tf.ones([2, 3, WIDTH]), tf.zeros([2, 3], tf.int32)
    )
    gradient = tf.gradients(out.outputs, tf.trainable_variables())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, slopes = session.run((out, gradient))
    assert got.outputs.shape == (2, 3, 0, 2)
    assert not got.inner_final.any() and not any(slope.any() for slope in slopes)


@pytest.mark.parametrize("time_major", [False, True])
def test_flat_brings_labels_beside_the_flat_values(time_major):
    steps = [[2, 0, 1], [1, 1, 3]]
    labels = np.arange(2 * 3 * 5).reshape(2, 3, 5)
    out = tgc.chained_rnn(
        tgc.GRUCell(4),
        tgc.GRUCell(2),
        tf.ones([3, 2, WIDTH] if time_major else [2, 3, WIDTH]),
        np.transpose(steps) if time_major else steps,
        time_major=time_major,
    )
    flat = out.flat(np.swapaxes(labels, 0, 1) if time_major else labels)
    order = [(t, b) for t in range(3) for b in range(2)]
    order = [(b, t) for t, b in order] if time_major else list(np.ndindex(2, 3))
    wanted = [label for b, t in order for label in labels[b, t, : steps[b][t]]]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, values = session.run((flat, out.ragged.flat_values))
    np.testing.assert_array_equal(got, wanted)
    assert len(values) == len(wanted)


def test_a_cut_leaves_the_outer_model_without_the_inner_ones_gradient():
    x = tf.ones([2, 3, WIDTH])
    out = tgc.chained_rnn(
        tgc.GRUCell(4), tgc.GRUCell(2), x, [1, 2, 0], cut_outer_gradient=True, scope="cut"
    )
    assert tf.gradients(out.outputs, [x]) == [None]
    inner = [v for v in tf.trainable_variables() if "/inner/" in v.op.name]
    assert None not in tf.gradients(out.outputs, inner)


def test_variables_have_the_names_of_two_unrolled_cells():
    tgc.chained_rnn(tgc.GRUCell(4), tgc.BasicRNNCell(2), tf.ones([2, 3, WIDTH]), [1, 2, 0])
    assert [v.op.name for v in tf.trainable_variables()] == [
        "chained_rnn/outer/gru_cell/gates/kernel",
        "chained_rnn/outer/gru_cell/gates/bias",
        "chained_rnn/outer/gru_cell/candidate/kernel",
        "chained_rnn/outer/gru_cell/candidate/bias",
        "chained_rnn/inner/basic_rnn_cell/kernel",
        "chained_rnn/inner/basic_rnn_cell/bias",
    ]


def test_it_says_which_engines_run():
    made = series("carry", engine="auto")
    text = made.chunk.describe()
    assert "chained_rnn/outer" in text and "chained_rnn/inner" in text


# What is wrong before a run.
REFUSED = {
    "negative": ({"inner_steps": [1, -2, 3]}, "has -2; give 0 for an outer step without"),
    "above": ({"inner_steps": [1, 9, 3], "max_inner_steps": 5}, "has 9, and max_inner_steps=5"),
    "too few": ({"inner_steps": [1, 2]}, r"shape \(2,\), the inputs have 3 outer steps of 2"),
    "too many": ({"inner_steps": [[1, 2, 3]] * 4}, r"shape \(4, 3\)"),
    "rank": ({"inner_steps": [[[1]]]}, "one number per outer step"),
    "floats": ({"inner_steps": [1.0, 2.0, 3.0]}, "float32; give integers"),
    "ragged": ({"inner_steps": [[1], [1, 2]]}, "no array of integers"),
    "mode": ({"inner_state": "keep"}, "choose from carry, reset"),
    "bound": ({"max_inner_steps": 0}, "integer of 1 or more"),
    "bound float": ({"max_inner_steps": 2.5}, "integer of 1 or more"),
    "not a pair": ({"initial_state": np.zeros((2, 4))}, r"give ChainState\(outer, inner\)"),
    "unread state": (
        {"inner_state": "reset", "initial_state": (None, np.zeros((2, 2), np.float32))},
        "would never be read",
    ),
    "inner inputs": ({"inner_inputs": np.zeros((2, 3, 4), np.float32)}, "then inner step and"),
    "inner inputs' batch": (
        {"inner_inputs": np.zeros((3, 3, 4, 1), np.float32)},
        "the first two axes must be theirs",
    ),
    "inner inputs' dtype": ({"inner_inputs": np.zeros((2, 3, 4, 1))}, "float64 of shape"),
    "inner state": (
        {"initial_state": (None, np.zeros((2, 5), np.float32))},
        "the cell's state is",
    ),
    "outer state": (
        {"initial_state": (np.zeros((2, 5), np.float32), None)},
        "the cell's state is",
    ),
    "engine": ({"engine": "fast"}, "no such engine"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_while_the_graph_is_built(name):
    options, words = REFUSED[name]
    options = {"inner_steps": [1, 2, 3], **options}
    with pytest.raises(tgc.CarryError, match=words):
        tgc.chained_rnn(tgc.GRUCell(4), tgc.GRUCell(2), tf.ones([2, 3, WIDTH]), **options)


def test_inputs_that_are_no_sequence_are_refused():
    with pytest.raises(tgc.CarryError, match=r"give floats \[batch, time, width\]"):
        tgc.chained_rnn(tgc.GRUCell(4), tgc.GRUCell(2), tf.ones([2, 3]), [1, 2])


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([[1, -1, 1], [0, 0, 0]], "inner_steps has a negative number"),
        ([[1, 9, 1], [0, 0, 0]], "inner_steps is above max_inner_steps"),
        ([[1, 4, 1], [0, 0, 0]], "inner_inputs has fewer inner steps"),
        ([[1, 1], [0, 0]], "inner_steps does not fit the shape of the inputs"),
        ([[1, 1, 1]], "inner_steps does not fit the shape of the inputs"),
    ],
)
def test_what_is_wrong_only_in_a_run_is_refused_there(steps, words):
    fed = tf.placeholder(tf.int32, [None, None])
    out = tgc.chained_rnn(
        tgc.GRUCell(4),
        tgc.GRUCell(2),
        tf.ones([2, 3, WIDTH]),
        fed,
        max_inner_steps=5,
        inner_inputs=tf.ones([2, 3, 3, 1]),
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            session.run(out.outputs, {fed: steps})


@pytest.mark.parametrize("cell", [tgc.GRUCell, None])
def test_ports_of_what_is_no_cell_are_refused(cell):
    with pytest.raises(tgc.CarryError, match=r"chain_ports\(inner_cell="):
        tgc.chain_ports(tgc.GRUCell(3), cell)
