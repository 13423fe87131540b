"""The reference's equations: finite differences, properties, the oracle, and its errors."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tgcarry import errors, reference
from tgcarry.reference.activations import ACTIVATIONS, sigmoid

ROOT = Path(__file__).parents[1]
STEP = 1e-3  # fourth-order differences: 1e-12 of truncation, 1e-13 of rounding
AGREES = 1e-7

# name: (kind, options, peepholes, projection). The clips are tight enough to bite.
CONFIGURATIONS = {
    "rnn": ("rnn", {}, False, None),
    "gru": ("gru", {}, False, None),
    "basic_lstm": ("basic_lstm", {}, False, None),
    "basic_lstm forget_bias": ("basic_lstm", {"forget_bias": -0.5}, False, None),
    "lstm": ("lstm", {}, False, None),
    "lstm forget_bias": ("lstm", {"forget_bias": 0.3}, False, None),
    "lstm peepholes": ("lstm", {}, True, None),
    "lstm cell_clip": ("lstm", {"cell_clip": 0.4}, False, None),
    "lstm peepholes cell_clip": ("lstm", {"cell_clip": 0.4}, True, None),
    "lstm projection": ("lstm", {}, False, 2),
    "lstm wide projection": ("lstm", {}, False, 7),
    "lstm proj_clip": ("lstm", {"proj_clip": 0.1}, False, 3),
    "lstm everything": (
        "lstm",
        {"forget_bias": 0.5, "cell_clip": 0.5, "proj_clip": 0.15},
        True,
        3,
    ),
    **{
        f"{kind} {name}": (kind, {"activation": name}, kind == "lstm", None)
        for kind in ("rnn", "gru", "basic_lstm", "lstm")
        for name in ACTIVATIONS
        if name != "tanh"
    },
}


def make_cell(rng, configuration, inputs, units):
    kind, options, peepholes, projection = configuration
    outputs = units if projection is None else projection
    shapes = {
        "rnn": {"kernel": (inputs + units, units), "bias": (units,)},
        "gru": {
            "gates/kernel": (inputs + units, 2 * units),
            "gates/bias": (2 * units,),
            "candidate/kernel": (inputs + units, units),
            "candidate/bias": (units,),
        },
    }.get(kind, {"kernel": (inputs + outputs, 4 * units), "bias": (4 * units,)})
    if peepholes:
        shapes |= {f"w_{gate}_diag": (units,) for gate in "fio"}
    if projection is not None:
        shapes["projection/kernel"] = (units, projection)
    params = {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}
    return reference.Cell(kind, params, options)


def leaves(state):
    return list(state) if isinstance(state, tuple) else [state]


def drawn_like(rng, nest):
    if isinstance(nest, dict):
        return {k: rng.normal(size=v.shape) for k, v in nest.items()}
    if isinstance(nest, list):
        return [drawn_like(rng, one) for one in nest]
    if isinstance(nest, tuple):
        return tuple(drawn_like(rng, one) for one in nest)
    return rng.normal(size=np.shape(nest))


def flat(nest):
    if isinstance(nest, dict):
        return [a for k in sorted(nest) for a in flat(nest[k])]
    if isinstance(nest, list | tuple):
        return [a for one in nest for a in flat(one)]
    return [np.asarray(nest)]


def inner(a, b):
    return sum(float(np.vdot(x, y)) for x, y in zip(flat(a), flat(b), strict=True))


def moved(nest, by, size):
    if isinstance(nest, dict):
        return {k: moved(v, by[k], size) for k, v in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(moved(a, b, size) for a, b in zip(nest, by, strict=True))
    return nest + size * by


def slope(f, step=STEP):
    """Returns f'(0) by central differences of the fourth order."""
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


def entrywise(objective, array, step=STEP):
    """Returns the objective's gradient at an array, which it changes and puts back."""
    got = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]

        def at(move, index=index, kept=kept):
            array[index] = kept + move
            return objective()

        got[index] = slope(at, step)
        array[index] = kept
    return got


def worst(got, wanted):
    """Returns the largest deviation, relative to the largest entry wanted or 1."""
    pairs = list(zip(flat(got), flat(wanted), strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    scale = max([1.0, *(np.abs(b).max(initial=0) for _, b in pairs)])
    return max(np.abs(a - b).max(initial=0) for a, b in pairs) / scale


def clip_margin(cell, x, state):
    """Returns how far the clips' arguments are from the limits; kinks have no derivative."""
    free = {k: v for k, v in cell.options.items() if "clip" not in k}
    margins = [1.0]
    if cell.options.get("cell_clip") is not None:
        _, (c, _), _ = reference.lstm_step(cell.params, x, state, **free)
        margins.append(np.abs(np.abs(c) - cell.options["cell_clip"]).min(initial=1))
        free["cell_clip"] = cell.options["cell_clip"]
    if cell.options.get("proj_clip") is not None:
        h, _, _ = reference.lstm_step(cell.params, x, state, **free)
        margins.append(np.abs(np.abs(h) - cell.options["proj_clip"]).min(initial=1))
    return min(margins)


# --- finite differences -------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_entry_of_a_step_s_gradients(name, rng):
    cell = make_cell(rng, CONFIGURATIONS[name], 2, 4)
    x = rng.normal(size=(3, 2))
    state = drawn_like(rng, cell.zero_state(3))
    assert clip_margin(cell, x, state) > 5 * STEP
    output, new, saved = cell.step(x, state)
    d_output, d_state = drawn_like(rng, output), drawn_like(rng, new)

    def objective():
        output, new, _ = cell.step(x, state)
        return inner(output, d_output) + inner(new, d_state)

    d_params, d_x, d_old = cell.step_backward(saved, d_output, d_state)
    assert list(d_params) == list(cell.params)
    for key, array in cell.params.items():
        assert worst(d_params[key], entrywise(objective, array)) <= AGREES, key
    assert worst(d_x, entrywise(objective, x)) <= AGREES
    for got, leaf in zip(leaves(d_old), leaves(state), strict=True):
        assert worst(got, entrywise(objective, leaf)) <= AGREES


@pytest.mark.parametrize("name", ["lstm cell_clip", "lstm everything"])
def test_the_clips_bite_and_let_pass(name, rng):
    cell = make_cell(rng, CONFIGURATIONS[name], 2, 4)
    _, _, saved = cell.step(rng.normal(size=(9, 2)), drawn_like(rng, cell.zero_state(9)))
    assert 0 < saved.c_passes.mean() < 1
    if "proj_clip" in cell.options:
        assert 0 < saved.h_passes.mean() < 1


STACKS = [
    ["rnn"],
    ["gru"],
    ["basic_lstm"],
    ["lstm peepholes"],
    ["lstm projection"],
    ["gru", "lstm projection", "rnn"],
    ["lstm peepholes", "basic_lstm", "gru"],
]


def make_stack(rng, names, inputs=2):
    cells = []
    for n, name in enumerate(names):
        cells.append(make_cell(rng, CONFIGURATIONS[name], inputs, 5 - n))
        inputs = cells[-1].outputs
    return cells


def make_problem(rng, names, batch=3, steps=6):
    cells = make_stack(rng, names)
    x = rng.normal(size=(batch, steps, 2))
    initial = [drawn_like(rng, cell.zero_state(batch)) for cell in cells]
    resets = rng.random((batch, steps)) < 0.25
    lengths = rng.integers(0, steps + 1, batch)
    return cells, x, initial, resets, lengths


@pytest.mark.parametrize("names", STACKS, ids="-".join)
def test_every_entry_of_an_unroll_s_gradients(names, rng):
    cells, x, initial, resets, _ = make_problem(rng, names)
    resets[0, 3], lengths = True, np.array([6, 4, 1])
    done = reference.unroll(cells, x, initial, resets, lengths)
    d_outputs, d_finals = drawn_like(rng, done.outputs), drawn_like(rng, done.final_states)
    got = reference.unroll_backward(cells, done.tape, d_outputs, d_finals)

    def objective():
        done = reference.unroll(cells, x, initial, resets, lengths)
        return inner(done.outputs, d_outputs) + inner(done.final_states, d_finals)

    for n, cell in enumerate(cells):
        for key, array in cell.params.items():
            assert worst(got.params[n][key], entrywise(objective, array)) <= AGREES, key
    assert worst(got.x, entrywise(objective, x)) <= AGREES
    for a, b in zip(flat(got.initial), flat(initial), strict=True):
        assert worst(a, entrywise(objective, b)) <= AGREES


# --- properties ---------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)
limits = st.none() | st.floats(0.05, 2.0)


@st.composite
def lstm_configurations(draw):
    options = {
        "forget_bias": draw(st.floats(-2, 2)),
        "cell_clip": draw(limits),
        "proj_clip": draw(limits),
    }
    return "lstm", options, draw(st.booleans()), draw(st.none() | sizes)


configurations = lstm_configurations() | st.sampled_from(
    [CONFIGURATIONS[name] for name in ("rnn", "gru", "basic_lstm")]
)


@settings(max_examples=150, deadline=None)
@given(configurations, seeds, st.integers(0, 4), st.integers(0, 4), sizes)
def test_a_step_s_gradient_in_any_direction(configuration, seed, batch, inputs, units):
    rng = np.random.default_rng(seed)
    cell = make_cell(rng, configuration, inputs, units)
    x, state = rng.normal(size=(batch, inputs)), drawn_like(rng, cell.zero_state(batch))
    assume(clip_margin(cell, x, state) > 0.02)
    step = 1e-4  # times a direction's few units this stays within the margin
    output, new, saved = cell.step(x, state)
    d_output, d_state = drawn_like(rng, output), drawn_like(rng, new)
    where = [dict(cell.params), x, state]
    direction = drawn_like(rng, where)

    def objective(size):
        params, x, state = moved(where, direction, size)
        output, new, _ = reference.Cell(cell.kind, params, cell.options).step(x, state)
        return inner(output, d_output) + inner(new, d_state)

    got = inner(list(cell.step_backward(saved, d_output, d_state)), direction)
    assert got == pytest.approx(slope(objective, step), rel=AGREES, abs=AGREES)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(STACKS), seeds, st.integers(1, 4), st.integers(0, 6), st.data())
def test_two_chunks_with_the_carry_are_the_whole(names, seed, batch, steps, data):
    rng = np.random.default_rng(seed)
    cells, x, initial, resets, lengths = make_problem(rng, names, batch, steps)
    cut = data.draw(st.integers(0, steps))
    whole = reference.unroll(cells, x, initial, resets, lengths)
    d_outputs, d_finals = drawn_like(rng, whole.outputs), drawn_like(rng, whole.final_states)
    wanted = reference.unroll_backward(cells, whole.tape, d_outputs, d_finals)

    first = reference.unroll(cells, x[:, :cut], initial, resets[:, :cut], np.minimum(lengths, cut))
    second = reference.unroll(
        cells, x[:, cut:], first.final_states, resets[:, cut:], np.maximum(lengths - cut, 0)
    )
    late = reference.unroll_backward(cells, second.tape, d_outputs[:, cut:], d_finals)
    early = reference.unroll_backward(cells, first.tape, d_outputs[:, :cut], late.initial)
    assert worst(np.concatenate([first.outputs, second.outputs], 1), whole.outputs) == 0
    assert worst(second.final_states, whole.final_states) == 0
    assert worst(np.concatenate([early.x, late.x], 1), wanted.x) == 0
    assert worst(early.initial, wanted.initial) == 0
    summed = moved(early.params, late.params, 1)
    assert worst(summed, wanted.params) <= 1e-12


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(STACKS), seeds, st.integers(1, 5), st.integers(0, 6))
def test_a_stream_depends_on_itself_alone(names, seed, batch, steps):
    rng = np.random.default_rng(seed)
    cells, x, initial, resets, lengths = make_problem(rng, names, batch, steps)
    whole = reference.unroll(cells, x, initial, resets, lengths)
    d_outputs, d_finals = drawn_like(rng, whole.outputs), drawn_like(rng, whole.final_states)
    wanted = reference.unroll_backward(cells, whole.tape, d_outputs, d_finals)

    def row(nest, b):
        if isinstance(nest, list | tuple):
            return type(nest)(row(one, b) for one in nest)
        return nest[b : b + 1]

    totals = []
    for b in range(batch):
        arguments = [row(a, b) for a in (x, initial, resets, lengths)]
        done = reference.unroll(cells, *arguments)
        got = reference.unroll_backward(cells, done.tape, row(d_outputs, b), row(d_finals, b))
        assert worst(done.outputs, row(whole.outputs, b)) <= 1e-12
        assert worst([got.x, got.initial], [row(wanted.x, b), row(wanted.initial, b)]) <= 1e-12
        totals.append(got.params)
    for other in totals[1:]:
        totals[0] = moved(totals[0], other, 1)
    assert worst(totals[0], wanted.params) <= 1e-12


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(STACKS), seeds, st.sampled_from([np.nan, np.inf, 1e300]))
def test_padding_may_hold_anything(names, seed, rubbish):
    rng = np.random.default_rng(seed)
    cells, x, initial, resets, lengths = make_problem(rng, names)
    behind = np.arange(6)[None, :] >= lengths[:, None]
    spoilt = np.where(behind[..., None], rubbish, x)
    flags = resets | behind
    results = []
    for inputs, cuts in ((x, resets), (spoilt, flags)):
        done = reference.unroll(cells, inputs, initial, cuts, lengths)
        back = reference.unroll_backward(cells, done.tape, np.ones_like(done.outputs))
        results.append([done.outputs, done.final_states, *back])
        assert not np.any(done.outputs[behind])
        assert not np.any(back.x[behind])
    assert worst(*results) == 0


def test_a_reset_forgets_a_spoilt_state(rng):
    cells = make_stack(rng, ["gru"])
    x, resets = rng.normal(size=(2, 3, 2)), np.zeros((2, 3), bool)
    resets[:, 0] = True
    spoilt = reference.unroll(cells, x, [np.full((2, 5), np.nan)], resets)
    clean = reference.unroll(cells, x)
    assert np.array_equal(spoilt.outputs, clean.outputs)
    back = reference.unroll_backward(cells, spoilt.tape, np.ones_like(clean.outputs))
    assert not np.any(back.initial[0])


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes, st.floats(-2, 2), st.sampled_from(sorted(ACTIVATIONS)))
def test_an_lstm_without_options_is_the_plain_one(seed, inputs, units, bias, activation):
    rng = np.random.default_rng(seed)
    plain = make_cell(rng, CONFIGURATIONS["basic_lstm"], inputs, units)
    x, state = rng.normal(size=(3, inputs)), drawn_like(rng, plain.zero_state(3))
    options = {"forget_bias": bias, "activation": activation}
    results = []
    for step, backward in (
        (reference.basic_lstm_step, reference.basic_lstm_step_backward),
        (reference.lstm_step, reference.lstm_step_backward),
    ):
        output, new, saved = step(plain.params, x, state, **options)
        results.append([output, new, *backward(plain.params, saved, x[:, :1] + output, state)])
    assert worst(*results) <= 1e-14


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, sizes, sizes, sizes)
def test_one_product_with_both_is_the_sum_of_two_products(seed, batch, inputs, units, columns):
    """[x, h] [Wx; Wh] = x Wx + h Wh, and its gradients likewise: block matrices."""
    rng = np.random.default_rng(seed)
    x, h = rng.normal(size=(batch, inputs)), rng.normal(size=(batch, units))
    w = rng.normal(size=(inputs + units, columns))
    w_x, w_h = w[:inputs], w[inputs:]
    xh = np.concatenate([x, h], 1)
    assert worst(xh @ w, x @ w_x + h @ w_h) <= 1e-14
    d = rng.normal(size=(batch, columns))
    assert worst(xh.T @ d, np.concatenate([x.T @ d, h.T @ d])) <= 1e-14
    assert worst(d @ w.T, np.concatenate([d @ w_x.T, d @ w_h.T], 1)) <= 1e-14


def textbook_steps(params, x, h, reset_after):
    """Runs a GRU's step with two products for each sum, and r on either side of its product."""
    inputs = x.shape[1]
    gates, w = params["gates/kernel"], params["candidate/kernel"]
    r, u = np.split(sigmoid(x @ gates[:inputs] + h @ gates[inputs:] + params["gates/bias"]), 2, 1)
    fed = r * (h @ w[inputs:]) if reset_after else (r * h) @ w[inputs:]
    c = np.tanh(x @ w[:inputs] + fed + params["candidate/bias"])
    return u * h + (1 - u) * c


def test_the_cells_equal_the_textbook_s_sums_of_two_products(rng):
    x, h = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    rnn = make_cell(rng, CONFIGURATIONS["rnn"], 2, 4)
    w = rnn.params["kernel"]
    wanted = np.tanh(x @ w[:2] + h @ w[2:] + rnn.params["bias"])
    assert worst(rnn.step(x, h)[0], wanted) <= 1e-14

    lstm = make_cell(rng, CONFIGURATIONS["basic_lstm"], 2, 4)
    w, b, c = lstm.params["kernel"], lstm.params["bias"], rng.normal(size=(3, 4))
    i, j, f, o = (
        x @ w[:2, k : k + 4] + h @ w[2:, k : k + 4] + b[k : k + 4] for k in (0, 4, 8, 12)
    )
    c_new = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
    wanted = (c_new, sigmoid(o) * np.tanh(c_new))
    assert worst(lstm.step(x, (c, h))[1], wanted) <= 1e-14


def test_a_gru_resets_before_the_product_and_not_after_it(rng):
    cell = make_cell(rng, CONFIGURATIONS["gru"], 2, 4)
    x, h = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    got, _, _ = cell.step(x, h)
    assert worst(got, textbook_steps(cell.params, x, h, reset_after=False)) <= 1e-14
    assert np.abs(got - textbook_steps(cell.params, x, h, reset_after=True)).max() > 0.01
    zeros, _, _ = cell.step(x, 0 * h)
    for after in (False, True):
        assert worst(zeros, textbook_steps(cell.params, x, 0 * h, after)) <= 1e-14


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_saturated_gates_do_not_overflow(name, rng):
    cell = make_cell(rng, CONFIGURATIONS[name], 2, 4)
    for size in (-1e6, 1e6):
        output, _, saved = cell.step(np.full((3, 2), size), cell.zero_state(3))
        got = cell.step_backward(saved, output, None)
        assert all(np.isfinite(a).all() for a in [output, *flat(list(got))])


def test_no_steps_and_no_streams(rng):
    cells = make_stack(rng, ["gru", "lstm projection"])
    for batch, steps in ((2, 0), (0, 3)):
        done = reference.unroll(cells, np.zeros((batch, steps, 2)))
        assert done.outputs.shape == (batch, steps, 2)
        got = reference.unroll_backward(cells, done.tape)
        assert not any(np.any(array) for array in flat(got.params))
        assert got.x.shape == (batch, steps, 2)


def test_nothing_that_is_given_is_changed(rng):
    cells, x, initial, resets, lengths = make_problem(rng, ["gru", "lstm peepholes"])
    given_arrays = flat([[dict(c.params) for c in cells], x, initial, resets, lengths])
    before = [a.copy() for a in given_arrays]
    done = reference.unroll(cells, x, initial, resets, lengths)
    reference.unroll_backward(cells, done.tape, np.ones_like(done.outputs), done.final_states)
    assert all(np.array_equal(a, b) for a, b in zip(given_arrays, before, strict=True))


# --- the tests' own oracle ----------------------------------------------------------------


@pytest.mark.parametrize(
    "kinds", [["rnn"], ["lstm"], ["gru"], ["lstm", "gru", "rnn"]], ids="-".join
)
@pytest.mark.parametrize("lstm", ["basic_lstm", "lstm"])
def test_the_tests_oracle_agrees(kinds, lstm, rng):
    names = [lstm if kind == "lstm" else kind for kind in kinds]
    cells, x, initial, resets, lengths = make_problem(rng, names)
    cells = [
        reference.Cell(c.kind, c.params, {"forget_bias": 0.7} if "lstm" in c.kind else {})
        for c in cells
    ]
    layers = [oracle.Layer(k, dict(c.params)) for k, c in zip(kinds, cells, strict=True)]
    head = rng.normal(size=(cells[-1].outputs, 3)), rng.normal(size=3)
    y = rng.normal(size=(3, 6, 3))
    upstream = drawn_like(rng, initial)
    wanted = oracle.gradients(
        layers,
        head,
        x,
        y,
        initial,
        resets=resets,
        lengths=lengths,
        upstream=upstream,
        loss="squared",
        forget_bias=0.7,
    )
    done = reference.unroll(cells, x, initial, resets, lengths)
    live = np.arange(6)[None, :, None] < lengths[:, None, None]
    d_outputs = ((done.outputs @ head[0] + head[1] - y) * live) @ head[0].T
    got = reference.unroll_backward(cells, done.tape, d_outputs, upstream)
    assert worst(done.outputs, wanted.outputs) <= 1e-12
    assert worst(done.final_states, wanted.finals) <= 1e-12
    assert worst(got.params, wanted.layers) <= 1e-12
    assert worst([got.x, got.initial], [wanted.inputs, wanted.initial]) <= 1e-12


# --- errors -------------------------------------------------------------------------------

KERNEL, BIAS = np.zeros((6, 4)), np.zeros(4)
PARAMS = {"kernel": KERNEL, "bias": BIAS}
X, H = np.zeros((3, 2)), np.zeros((3, 4))
LSTM = {"kernel": np.zeros((6, 16)), "bias": np.zeros(16)}
CELL = reference.Cell("rnn", PARAMS)
SEQUENCE = np.zeros((3, 5, 2))
TAPE = reference.unroll([CELL], SEQUENCE).tape


@pytest.mark.parametrize(
    ("call", "facts"),
    [
        (lambda r: r.rnn_step(PARAMS, np.zeros(2), H), ["rnn_step(x=)", "[2]"]),
        (lambda r: r.rnn_step(PARAMS, X, np.zeros((2, 4))), ["state", "[2, 4]", "[3, any]"]),
        (lambda r: r.rnn_step(PARAMS, X, np.zeros((3, 5))), ["kernel", "[6, 4]", "[7, 5]"]),
        (lambda r: r.rnn_step({"kernel": KERNEL}, X, H), ["kernel", "kernel, bias"]),
        (lambda r: r.rnn_step({**PARAMS, "b": 0}, X, H), ["kernel, bias, b"]),
        (lambda r: r.rnn_step(None, X, H), ["None", "dict"]),
        (lambda r: r.rnn_step(PARAMS, "text", H), ["x=", "dtype <U4"]),
        (lambda r: r.rnn_step(PARAMS, [[1], [1, 2]], H), ["x=", "[[1], [1, 2]]"]),
        (lambda r: r.rnn_step(PARAMS, X + 1j, H), ["x=", "complex128"]),
        (lambda r: r.rnn_step(PARAMS, X, H, activation="gelu"), ["'gelu'", "tanh"]),
        (lambda r: r.rnn_step_backward(PARAMS, None, H, H), ["NoneType", "rnn_step"]),
        (
            lambda r: r.rnn_step_backward(PARAMS, r.rnn_step(PARAMS, X, H)[2], X, None),
            ["d_output", "[3, 2]", "[3, 4]"],
        ),
        (lambda r: r.gru_step(PARAMS, X, H), ["gru_step", "kernel, bias", "gates/kernel"]),
        (lambda r: r.basic_lstm_step(LSTM, X, H), ["state", "[3, 4]", "(c, h)"]),
        (lambda r: r.basic_lstm_step(LSTM, X, (H, X)), ["(h)", "[3, 2]", "[3, 4]"]),
        (lambda r: r.basic_lstm_step(LSTM, X, (H, H), forget_bias=np.nan), ["forget_bias=nan"]),
        (lambda r: r.lstm_step(LSTM, X, (H, X)), ["projection/kernel"]),
        (lambda r: r.lstm_step({**LSTM, "w_f_diag": BIAS}, X, (H, H)), ["w_i_diag"]),
        (lambda r: r.lstm_step(LSTM, X, (H, H), cell_clip=-1), ["cell_clip=-1", "0 or more"]),
        (lambda r: r.lstm_step(LSTM, X, (H, H), proj_clip="1"), ["proj_clip='1'"]),
        (lambda r: r.lstm_step(LSTM, X, (H, H), forget_bias=True), ["forget_bias=True"]),
        (lambda r: r.Cell("elman", PARAMS), ["'elman'", "rnn, gru, basic_lstm, lstm"]),
        (lambda r: r.Cell("rnn", PARAMS, {"cell_clip": 1}), ["'cell_clip'", "activation"]),
        (lambda r: r.Cell("rnn", [KERNEL, BIAS]), ["dict"]),
        (lambda r: r.Cell("rnn", {"kernel": BIAS, "bias": BIAS}), ["kernel", "[4]"]),
        (lambda r: r.Cell("lstm", LSTM, {"cell_clip": -2}), ["cell_clip=-2"]),
        (lambda r: r.unroll([], SEQUENCE), ["[]", "Cell"]),
        (lambda r: r.unroll([PARAMS], SEQUENCE), ["cells[0]", "Cell"]),
        (lambda r: r.unroll([CELL, CELL], SEQUENCE), ["4 outputs", "2 inputs"]),
        (lambda r: r.unroll([CELL], X), ["x=", "[3, 2]"]),
        (lambda r: r.unroll([CELL], SEQUENCE, [H, H]), ["initial", "2", "1"]),
        (lambda r: r.unroll([CELL], SEQUENCE, H), ["initial"]),
        (lambda r: r.unroll([CELL], SEQUENCE, [X]), ["initial", "[3, 2]", "[3, 4]"]),
        (lambda r: r.unroll_backward([CELL], None), ["NoneType", "tape"]),
        (lambda r: r.unroll_backward([CELL], TAPE, X), ["d_outputs", "[3, 2]", "[3, 5, 4]"]),
        (lambda r: r.unroll_backward([CELL], TAPE, None, [X]), ["d_final_states", "[3, 2]"]),
    ],
)
def test_a_mistake_is_one_line_with_its_values(call, facts):
    with pytest.raises(errors.CellError) as caught:
        call(reference)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for fact in facts:
        assert fact in message


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"lengths": [1, 2]}, ["lengths", "[2]", "[3]"]),
        ({"lengths": [1.0, 2.0, 3.0]}, ["lengths", "float64"]),
        ({"lengths": [1, 9, 3]}, ["lengths", "9", "stream 1", "5"]),
        ({"lengths": [1, -1, 3]}, ["lengths", "-1"]),
        ({"resets": np.zeros((3, 5))}, ["resets", "float64"]),
        ({"resets": np.zeros((5, 3), bool)}, ["resets", "[5, 3]", "[3, 5]"]),
    ],
)
def test_flags_that_do_not_fit_are_named(options, facts):
    with pytest.raises(errors.DataError) as caught:
        reference.unroll([CELL], SEQUENCE, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for fact in facts:
        assert fact in message


def test_a_tape_of_fewer_cells_is_refused(rng):
    cells = make_stack(rng, ["rnn", "gru"])
    tape = reference.unroll(cells, SEQUENCE).tape
    with pytest.raises(errors.CellError, match="2 cells, and 1"):
        reference.unroll_backward(cells[:1], tape)


def test_a_graph_s_tensor_is_refused():
    import tensorflow.compat.v1 as tf

    with pytest.raises(errors.CellError, match=r"rnn_step\(x=\)") as caught:
        reference.rnn_step(PARAMS, tf.placeholder(tf.float32, [3, 2]), H)
    assert len(str(caught.value).splitlines()) == 1


def test_the_list_of_names_is_sorted_and_documented():
    assert reference.__all__ == sorted(reference.__all__)
    for name in reference.__all__:
        assert len(getattr(reference, name).__doc__.split()) >= 4


def test_it_needs_no_tensorflow():
    script = """
        import sys, types
        sys.path.insert(0, sys.argv[1])
        sys.modules["tensorflow"] = None
        package = types.ModuleType("tgcarry")
        package.__path__ = [sys.argv[1] + "/tgcarry"]
        sys.modules["tgcarry"] = package
        import numpy as np
        from tgcarry import reference
        cell = reference.Cell("rnn", {"kernel": np.zeros((6, 4)), "bias": np.zeros(4)})
        print(reference.unroll([cell], np.zeros((3, 5, 2))).outputs.shape)
    """
    got = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-2000:]
    assert got.stdout.strip() == "(3, 5, 4)"
