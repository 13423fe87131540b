"""The graphs against the reference: every engine, and TensorFlow 1.15.5's own numbers."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import start_with

import tgcarry as tgc
from tgcarry import cells, errors, reference
from tgcarry.unroll import ENGINES

# "auto" is one of the others; which one is tests/test_engines.py's.
EACH = [engine for engine in ENGINES if engine != "auto"]

GOLDEN = Path(__file__).parent / "golden"
BATCH, STEPS, INPUTS = 3, 7, 2
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

# name: per layer (tgcarry's cell, the reference's kind and options)
MODELS = {
    "rnn": [(lambda: tgc.BasicRNNCell(4), "rnn", {})],
    "rnn relu": [(lambda: tgc.BasicRNNCell(4, "relu"), "rnn", {"activation": "relu"})],
    "gru": [(lambda: tgc.GRUCell(4), "gru", {})],
    "gru softsign": [(lambda: tgc.GRUCell(4, "softsign"), "gru", {"activation": "softsign"})],
    "basic_lstm": [(lambda: tgc.BasicLSTMCell(4), "basic_lstm", {})],
    "basic_lstm forget_bias": [
        (lambda: tgc.BasicLSTMCell(4, forget_bias=-0.5), "basic_lstm", {"forget_bias": -0.5})
    ],
    "lstm": [(lambda: tgc.LSTMCell(4), "lstm", {})],
    "lstm peepholes": [(lambda: tgc.LSTMCell(4, use_peepholes=True), "lstm", {})],
    "lstm cell_clip": [(lambda: tgc.LSTMCell(4, cell_clip=0.3), "lstm", {"cell_clip": 0.3})],
    "lstm projection": [(lambda: tgc.LSTMCell(4, num_proj=3), "lstm", {})],
    "lstm proj_clip": [
        (lambda: tgc.LSTMCell(4, num_proj=3, proj_clip=0.1), "lstm", {"proj_clip": 0.1})
    ],
    "lstm everything": [
        (
            lambda: tgc.LSTMCell(4, True, 0.5, num_proj=3, proj_clip=0.2, forget_bias=0.4),
            "lstm",
            {"cell_clip": 0.5, "proj_clip": 0.2, "forget_bias": 0.4},
        )
    ],
    "stack": [
        (lambda: tgc.GRUCell(5), "gru", {}),
        (lambda: tgc.LSTMCell(4, True, num_proj=3), "lstm", {}),
        (lambda: tgc.BasicRNNCell(2), "rnn", {}),
    ],
}


def error(got, wanted):
    """Returns the largest deviation relative to the largest entry wanted."""
    assert got.shape == wanted.shape
    scale = np.abs(wanted).max(initial=0)
    return float(np.abs(np.float64(got) - wanted).max(initial=0)) / (scale or 1.0)


def key_in_cell(name, scope):
    assert name.startswith(scope + "/")
    return name[len(scope) + 1 :]


def unrolled(engine, cell, x, start, resets, lengths):
    """Runs `tgc.dynamic_rnn`; skips where an engine says that it does not take this cell."""
    options = {"engine": engine}
    if lengths is not None:
        options |= {"resets": tf.constant(resets), "sequence_length": tf.constant(lengths)}
    try:
        return tgc.dynamic_rnn(cell, x, initial_state=start, **options)
    except errors.CarryError as refusal:
        if engine == "stock":
            raise
        return pytest.skip(f"{engine} refuses: {refusal}")


def _combinations():
    """Yields engine, dtype and raggedness; slow is what others stand for."""
    quick = {("float64", True, engine) for engine in EACH} | {("float32", False, "fused")}
    for dtype in ("float32", "float64"):
        for ragged in (False, True):
            for engine in EACH:
                marks = () if (dtype, ragged, engine) in quick else (pytest.mark.slow,)
                name = f"{engine}-{dtype}-{'ragged' if ragged else 'whole'}"
                yield pytest.param(engine, dtype, ragged, id=name, marks=marks)


@pytest.mark.parametrize(("engine", "dtype", "ragged"), list(_combinations()))
@pytest.mark.parametrize("model", MODELS)
def test_dynamic_rnn_is_the_reference(model, engine, dtype, ragged, rng):
    parts = MODELS[model]
    layers = [make() for make, _, _ in parts]
    cell = layers[0] if len(layers) == 1 else tgc.MultiRNNCell(layers)
    x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype(dtype)
    resets = rng.random((BATCH, STEPS)) < 0.2 if ragged else None
    lengths = np.array([STEPS, 4, 0]) if ragged else None
    state_sizes = tf.nest.flatten(cell.state_size)
    starts = [rng.normal(size=(BATCH, size)).astype(dtype) for size in state_sizes]

    feed_x = tf.placeholder(dtype, [None, None, INPUTS])
    feeds = [tf.placeholder(dtype, [None, size]) for size in state_sizes]
    start = tf.nest.pack_sequence_as(cell.state_size, feeds)
    outputs, finals = unrolled(engine, cell, feed_x, start, resets, lengths)
    finals = tf.nest.flatten(finals)
    d_outputs = rng.normal(size=(BATCH, STEPS, int(outputs.shape[-1]))).astype(dtype)
    d_finals = [rng.normal(size=a.shape).astype(dtype) for a in starts]
    terms = zip([outputs, *finals], [d_outputs, *d_finals], strict=True)
    objective = tf.add_n([tf.reduce_sum(t * d) for t, d in terms])
    variables = tf.trainable_variables()
    gradients = tf.gradients(objective, [*variables, feed_x, *feeds])
    values = {v: rng.normal(0, 0.6, v.shape.as_list()).astype(dtype) for v in variables}
    with tf.Session() as session:
        start_with(values, session)
        feed = {feed_x: x, **dict(zip(feeds, starts, strict=True))}
        got_outputs, got_finals, got = session.run([outputs, finals, gradients], feed)

    stack, by_cell = [], []
    for layer, (_, kind, kind_options) in zip(layers, parts, strict=True):
        named = {key_in_cell(v.op.name, layer.scope_name): v for v in layer.variables}
        by_cell.append(named)
        stack.append(reference.Cell(kind, {k: values[v] for k, v in named.items()}, kind_options))
    assert sum(len(named) for named in by_cell) == len(variables)

    def by_state(flat):
        rest = list(flat)
        return [(rest.pop(0), rest.pop(0)) if "lstm" in c.kind else rest.pop(0) for c in stack]

    done = reference.unroll(stack, x, by_state(starts), resets, lengths)
    wanted = reference.unroll_backward(stack, done.tape, d_outputs, by_state(d_finals))
    bar = TOLERANCE[dtype]
    assert error(got_outputs, done.outputs) <= bar
    for a, b in zip(got_finals, tf.nest.flatten(done.final_states), strict=True):
        assert error(a, b) <= bar
    places = {id(v): n for n, v in enumerate(variables)}
    for named, params in zip(by_cell, wanted.params, strict=True):
        for key, variable in named.items():
            assert error(got[places[id(variable)]], params[key]) <= bar, key
    rest = got[len(variables) :]
    assert error(rest[0], wanted.x) <= bar
    for a, b in zip(rest[1:], tf.nest.flatten(wanted.initial), strict=True):
        assert error(a, b) <= bar


def test_the_documentation_s_example_agrees(capsys):
    page = (GOLDEN.parents[1] / "docs" / "cells.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(code, {})
    assert capsys.readouterr().out.split() == ["True", "True"]


# --- TensorFlow 1.15.5: the post's three examples -----------------------------------------


def load_rule():
    path = GOLDEN / "make_reference_cells_tf115.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rule = load_rule()
# In float32 two versions' rounding differs by a few 1e-7.
GOLDEN_TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def golden_of(file, case, separator):
    with np.load(GOLDEN / file, allow_pickle=False) as stored:
        prefix = case + separator
        return {k[len(prefix) :]: stored[k] for k in stored.files if k.startswith(prefix)}


@pytest.mark.parametrize("cell", rule.CELLS)
def test_the_cells_as_on_tf115(cell):
    theirs = golden_of("reference_cells_tf115.npz", cell, "/")
    for dtype, bar in GOLDEN_TOLERANCE.items():
        ours = rule.run(tf, cells, cell, dtype)
        for key in ("names", "shapes", "printed"):
            assert ours.pop(key).tolist() == theirs[key].tolist()
        assert set(ours) == {key for key in theirs if key.startswith(dtype)}
        for key, array in ours.items():
            assert array.dtype == theirs[key].dtype == dtype
            assert error(array, np.float64(theirs[key])) <= bar, key


@pytest.mark.parametrize("cell", rule.CELLS)
@pytest.mark.parametrize("dtype", GOLDEN_TOLERANCE)
def test_the_reference_as_on_tf115(cell, dtype):
    theirs = golden_of("reference_cells_tf115.npz", cell, "/")
    rounded = [[a.astype(dtype) for a in arrays] for arrays in rule.numbers(cell)[1:]]
    xs, on_outputs, on_state = rounded
    params = {name: a.astype(dtype) for name, a in rule.numbers(cell)[0].items()}
    layer = reference.Cell("basic_lstm" if cell == "lstm" else cell, params)
    done = reference.unroll([layer], np.stack(xs, 1))
    first = reference.unroll([layer], xs[0][:, None])
    upstream = tuple(on_state) if cell == "lstm" else on_state[0]
    got = reference.unroll_backward([layer], done.tape, np.stack(on_outputs, 1), [upstream])
    ours = {
        **{f"output/{t}": done.outputs[:, t - 1] for t in (1, 2)},
        **{f"d_x/{t}": got.x[:, t - 1] for t in (1, 2)},
        **{f"d_variable/{name}": array for name, array in got.params[0].items()},
    }
    nests = {"state/1": first.final_states, "state/2": done.final_states, "d_start": got.initial}
    for stem, nest in nests.items():
        keys, arrays = rule.leaf_names(cell, stem), tf.nest.flatten(nest)
        ours.update(zip(keys, arrays, strict=True))
    assert {f"{dtype}/{key}" for key in ours} == {k for k in theirs if k.startswith(dtype)}
    for key, array in ours.items():
        assert error(theirs[f"{dtype}/{key}"], array) <= GOLDEN_TOLERANCE[dtype], key


# --- TensorFlow 1.15.5: every option ------------------------------------------------------

sys.path.insert(0, str(GOLDEN))
try:
    import cells_cases
finally:
    sys.path.remove(str(GOLDEN))

# Of cells_cases.CASES: the reference's kinds and options, by layer.
COVERED = {
    "basic_rnn": [("rnn", {})],
    "basic_rnn_relu": [("rnn", {"activation": "relu"})],
    "gru": [("gru", {})],
    "gru_initializers": [("gru", {"activation": "softsign"})],
    "gru_float64": [("gru", {})],
    "basic_lstm": [("basic_lstm", {})],
    "basic_lstm_bias": [("basic_lstm", {"forget_bias": -0.5})],
    "basic_lstm_concat": [("basic_lstm", {"activation": "hard_sigmoid"})],
    "lstm": [("lstm", {})],
    "lstm_peepholes": [("lstm", {})],
    "lstm_peepholes_float64": [("lstm", {})],
    "lstm_cell_clip": [("lstm", {"cell_clip": 0.4})],
    "lstm_projection": [("lstm", {})],
    "lstm_everything": [
        (
            "lstm",
            {"cell_clip": 0.7, "proj_clip": 0.2, "forget_bias": 0.5, "activation": "relu"},
        )
    ],
    "lstm_concat_projection": [("lstm", {})],
    "lstm_dynamic": [("lstm", {})],
    "gru_dynamic": [("gru", {})],
    "gru_lengths": [("gru", {})],
    "lstm_lengths": [("lstm", {})],
    "gru_scope": [("gru", {})],
    "gru_call_scope": [("gru", {})],
    "multi": [("gru", {}), ("gru", {})],
    "multi_concat": [("gru", {}), ("gru", {})],
    "multi_concat_lengths": [("gru", {}), ("gru", {})],
    "multi3": [("basic_lstm", {}), ("gru", {}), ("lstm", {})],
    "multi3_step": [("basic_lstm", {}), ("gru", {}), ("lstm", {})],
    "multi_nested": [("gru", {}), ("gru", {}), ("basic_lstm", {})],
}
PARAM_NAMES = ["gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"]
PARAM_NAMES += ["projection/kernel", "kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag"]


def split_name(name):
    """Splits a variable's name into its cell's scope and the param's name."""
    ending = next(p for p in PARAM_NAMES if name.endswith("/" + p))
    return name[: -len(ending) - 1], ending


@pytest.mark.parametrize("case", COVERED)
def test_every_option_as_on_tf115(case):
    theirs = golden_of("cells_tf115.npz", case, "|")
    dtype = "float64" if case in cells_cases.FLOAT64 else "float32"
    by_scope = {}
    for n, (name, shape) in enumerate(
        zip(theirs["names"].tolist(), theirs["shapes"].tolist(), strict=True)
    ):
        value = cells_cases.numbers(name, [int(s) for s in shape.split(",")], 0.4)
        scope, param = split_name(name)
        by_scope.setdefault(scope, {})[param] = value.astype(dtype), f"d_variable/{n}"
    stack = [
        reference.Cell(kind, {k: v for k, (v, _) in params.items()}, options)
        for params, (kind, options) in zip(by_scope.values(), COVERED[case], strict=True)
    ]
    stepwise = theirs["output/0"].ndim == 2

    def drawn(key, like):
        return cells_cases.numbers(key, like.shape).astype(dtype)

    # The placeholders were fed in order: a step's are x and then the states', an unroll's
    # are the states' and then the sequence; and concatenated states are one array.
    feeds = sorted((k for k in theirs if k.startswith("d_feed/")), key=lambda k: int(k[7:]))
    arrays = [drawn(key.replace("d_feed/", "feed"), theirs[key]) for key in feeds]
    x = arrays.pop(0) if stepwise else arrays.pop()
    d_arrays = [theirs[key] for key in feeds]
    d_x = d_arrays.pop(0) if stepwise else d_arrays.pop()
    finals = [theirs[k] for k in sorted(k for k in theirs if k.startswith("state/"))]
    on_finals = [drawn(f"R2{n}", array) for n, array in enumerate(finals)]
    sizes = [n for c in stack for n in (np.ravel(c.state_size).tolist())]

    def leaves(arrays):
        whole = np.concatenate(arrays, 1)
        return np.split(whole, np.cumsum(sizes)[:-1], axis=1)

    def by_state(arrays):
        rest = leaves(arrays)
        return [(rest.pop(0), rest.pop(0)) if "lstm" in c.kind else rest.pop(0) for c in stack]

    lengths = cells_cases.LENGTHS if "lengths" in case or case == "multi3" else None
    d_outputs = drawn("R10", theirs["output/0"])
    if stepwise:
        x, d_x, d_outputs = x[:, None], d_x[:, None], d_outputs[:, None]
    done = reference.unroll(stack, x, by_state(arrays), lengths=lengths)
    got = reference.unroll_backward(stack, done.tape, d_outputs, by_state(on_finals))
    pairs = [(theirs["output/0"], done.outputs[:, 0] if stepwise else done.outputs)]
    pairs += zip(leaves(finals), tf.nest.flatten(done.final_states), strict=True)
    pairs += zip(leaves(d_arrays), tf.nest.flatten(got.initial), strict=True)
    pairs.append((d_x, got.x))
    for params, grads in zip(by_scope.values(), got.params, strict=True):
        pairs += [(theirs[key], grads[name]) for name, (_, key) in params.items()]
    assert len(pairs) >= 5
    for theirs_array, ours in pairs:
        assert error(theirs_array, ours) <= GOLDEN_TOLERANCE[dtype]
