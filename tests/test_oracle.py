"""The oracle against finite differences, against itself in pieces, and against TF 1.15."""

import importlib.util
from pathlib import Path

import numpy as np
import oracle
import pytest

GOLDEN = Path(__file__).parent / "golden"
BATCH, STEPS, INPUTS, LABELS = 3, 7, 2, 4
KINDS = ["rnn", "lstm", "gru"]
STACKS = [["rnn"], ["lstm"], ["gru"], ["gru", "gru"], ["lstm", "gru", "rnn"], ["rnn", "lstm"]]


def some_layers(rng, kinds, inputs=INPUTS):
    layers = []
    for n, kind in enumerate(kinds):
        h = 5 - n
        shapes = {
            "rnn": {"kernel": (inputs + h, h), "bias": (h,)},
            "lstm": {"kernel": (inputs + h, 4 * h), "bias": (4 * h,)},
            "gru": {
                "gates/kernel": (inputs + h, 2 * h),
                "gates/bias": (2 * h,),
                "candidate/kernel": (inputs + h, h),
                "candidate/bias": (h,),
            },
        }[kind]
        params = {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}
        layers.append(oracle.Layer(kind, params))
        inputs = h
    return layers


def some_states(rng, layers, batch=BATCH):
    return [
        tuple(rng.normal(0, 1, leaf.shape) for leaf in state)
        if isinstance(state, tuple)
        else rng.normal(0, 1, state.shape)
        for state in oracle.zero_states(layers, batch)
    ]


def problem(rng, kinds, loss="softmax", ragged=True):
    """Draws everything that `oracle.gradients` takes, with resets, lengths and weights."""
    layers = some_layers(rng, kinds)
    h = oracle.units(layers[-1])
    resets = rng.random((BATCH, STEPS)) < 0.25
    resets[0, 4] = resets[1, 0] = True
    softmax = loss == "softmax"
    return {
        "layers": layers,
        "head": (rng.normal(0, 1, (h, LABELS)), rng.normal(0, 1, LABELS)),
        "x": rng.normal(0, 1, (BATCH, STEPS, INPUTS)),
        "y": rng.integers(0, LABELS, (BATCH, STEPS))
        if softmax
        else rng.normal(0, 1, (BATCH, STEPS, LABELS)),
        "initial": some_states(rng, layers),
        "resets": resets if ragged else None,
        "lengths": np.array([STEPS, 5, 2]) if ragged else None,
        "weights": rng.random((BATCH, STEPS)) if ragged else None,
        "upstream": some_states(rng, layers),
        "loss": loss,
        "forget_bias": 0.7,
    }


def flat(layers, head, initial, x):
    """Lists every array that a gradient is taken for, in one order."""
    leaves = [leaf for s in initial for leaf in (s if isinstance(s, tuple) else (s,))]
    params = [layer[name] for layer in layers for name in sorted(layer)]
    return [np.asarray(a, np.float64) for a in [*params, *head, *leaves, x]]


def flat_result(result):
    return flat(result.layers, result.head, result.initial, result.inputs)


def values(p):
    return flat([layer.params for layer in p["layers"]], p["head"], p["initial"], p["x"])


def with_values(p, arrays):
    """Puts arrays in the order of `flat` back into a problem."""
    arrays = iter(arrays)
    layers = []
    for layer in p["layers"]:
        layers.append(oracle.Layer(layer.kind, {k: next(arrays) for k in sorted(layer.params)}))
    head = (next(arrays), next(arrays))
    initial = [(next(arrays), next(arrays)) if y.kind == "lstm" else next(arrays) for y in layers]
    return p | {"layers": layers, "head": head, "initial": initial, "x": next(arrays)}


def objective(p):
    """Computes loss + <upstream, finals> from a forward pass only."""
    outputs, finals, _ = oracle.unroll(
        p["layers"], p["x"], p["initial"], p["resets"], p["lengths"], p["forget_bias"]
    )
    logits = outputs @ p["head"][0] + p["head"][1]
    total = 0.0
    for b in range(BATCH):
        for t in range(STEPS if p["lengths"] is None else p["lengths"][b]):
            if p["loss"] == "softmax":
                step = np.log(np.exp(logits[b, t]).sum()) - logits[b, t, p["y"][b, t]]
            else:
                step = 0.5 * ((logits[b, t] - p["y"][b, t]) ** 2).sum()
            total += step * (1.0 if p["weights"] is None else p["weights"][b, t])
    return total + (0.0 if p["upstream"] is None else oracle.inner(p["upstream"], finals))


def slope(fn, at, direction, eps=4e-4):
    """Differentiates `fn` at arrays along a direction: central differences of fourth order."""

    def value(step):
        return fn([a + step * eps * d for a, d in zip(at, direction, strict=True)])

    return (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * eps)


def directions(rng, at):
    """Yields one random direction of norm 1 per array, and one through all of them."""
    whole = [rng.normal(0, 1, a.shape) for a in at]
    for n in [*range(len(at)), None]:
        chosen = [d * (n is None or n == m) for m, d in enumerate(whole)]
        norm = np.sqrt(sum((d**2).sum() for d in chosen))
        yield [d / norm for d in chosen]


def assert_slopes(rng, fn, at, grads):
    for direction in directions(rng, at):
        wanted = sum(np.vdot(g, d) for g, d in zip(grads, direction, strict=True))
        moved = [g for g, d in zip(grads, direction, strict=True) if d.any()]
        size = np.sqrt(sum((g**2).sum() for g in moved))
        got = slope(fn, at, direction)
        # A direction nearly across the gradient has a small slope: measure it in the
        # gradient's own size there.
        assert abs(got - wanted) <= 1e-7 * max(abs(wanted), 0.1 * size)


def assert_same(one, other, tolerance=1e-12):
    for a, b in zip(flat_result(one), flat_result(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, abs(a).max()))


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
@pytest.mark.parametrize("kinds", STACKS, ids="-".join)
def test_gradients_equal_finite_differences(rng, kinds, loss, ragged):
    p = problem(rng, kinds, loss, ragged)
    result = oracle.gradients(**p)
    assert result.objective == pytest.approx(objective(p), rel=1e-13)
    assert result.loss == pytest.approx(objective(p | {"upstream": None}), rel=1e-13)
    at = values(p)
    assert_slopes(rng, lambda a: objective(with_values(p, a)), at, flat_result(result))


@pytest.mark.parametrize("kind", KINDS)
def test_reset_cuts_state_and_gradient(rng, kind):
    p = problem(rng, [kind], ragged=False)
    resets = np.zeros((BATCH, STEPS), bool)
    resets[1, 3] = True
    p["resets"] = resets
    whole = oracle.gradients(**p)
    # Stream 1 is as if two sequences had been run, the second from zeros.
    cut = p | {"resets": None, "upstream": None}
    first = oracle.gradients(**cut | oracle.chunk_of(0, 3, p["x"], p["y"]))
    second = oracle.gradients(
        **cut
        | oracle.chunk_of(3, STEPS, p["x"], p["y"])
        | {"initial": oracle.zero_states(p["layers"], BATCH), "upstream": p["upstream"]}
    )
    np.testing.assert_allclose(whole.outputs[1, :3], first.outputs[1], rtol=1e-13)
    np.testing.assert_allclose(whole.outputs[1, 3:], second.outputs[1], rtol=1e-13)
    np.testing.assert_allclose(whole.inputs[1, :3], first.inputs[1], atol=1e-13)
    np.testing.assert_allclose(whole.inputs[1, 3:], second.inputs[1], atol=1e-13)
    for a, b in zip(whole.initial, first.initial, strict=True):
        np.testing.assert_allclose(np.array(a)[..., 1, :], np.array(b)[..., 1, :], atol=1e-13)
        assert not np.allclose(np.array(a)[..., 0, :], np.array(b)[..., 0, :], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_after_its_end_a_stream_stands_still(rng, kind):
    p = problem(rng, [kind, kind], ragged=False)
    p["resets"] = np.zeros((BATCH, STEPS), bool)
    p["resets"][2, 5] = True  # after the end: must not be looked at
    p["lengths"] = np.array([STEPS, 0, 4])
    result = oracle.gradients(**p)
    assert not result.outputs[1].any()
    assert not result.outputs[2, 4:].any()
    assert not result.inputs[1].any()
    assert not result.inputs[2, 4:].any()
    for final, initial in zip(result.finals, p["initial"], strict=True):
        np.testing.assert_array_equal(np.array(final)[..., 1, :], np.array(initial)[..., 1, :])
    for owed, upstream in zip(result.initial, p["upstream"], strict=True):
        np.testing.assert_array_equal(np.array(owed)[..., 1, :], np.array(upstream)[..., 1, :])
    _, short, _ = oracle.unroll(p["layers"], p["x"][:, :4], p["initial"], forget_bias=0.7)
    for final, there in zip(result.finals, short, strict=True):
        np.testing.assert_array_equal(np.array(final)[..., 2, :], np.array(there)[..., 2, :])


@pytest.mark.parametrize("cuts", [[3], [2, 4, 6], [1, 2, 3, 4, 5, 6]], ids=str)
@pytest.mark.parametrize("kinds", STACKS, ids="-".join)
def test_pieces_add_up_to_the_whole(rng, kinds, cuts):
    """Assembles the whole gradient by a reverse visit of the chunks."""
    p = problem(rng, kinds)
    data = {name: p[name] for name in ("x", "y", "resets", "lengths", "weights")}
    fixed = {name: p[name] for name in ("layers", "head", "loss", "forget_bias")}
    pieces = [oracle.chunk_of(a, b, **data) for a, b in oracle.chunk_bounds(STEPS, cuts)]
    starts = [p["initial"]]
    for piece in pieces:
        _, final, _ = oracle.unroll(
            p["layers"], piece["x"], starts[-1], piece["resets"], piece["lengths"], 0.7
        )
        starts.append(final)
    upstream, results = p["upstream"], []
    for piece, start in zip(reversed(pieces), reversed(starts[:-1]), strict=True):
        results.insert(0, oracle.gradients(**fixed, **piece, initial=start, upstream=upstream))
        upstream = results[0].initial
    whole = oracle.gradients(**p)
    assembled = oracle.add_up(results)
    assert_same(assembled, whole)
    assert assembled.loss == pytest.approx(whole.loss, rel=1e-13)
    np.testing.assert_allclose(assembled.outputs, whole.outputs, atol=1e-13)


@pytest.mark.parametrize("kinds", STACKS, ids="-".join)
def test_truncated_gradients_drop_what_crosses_a_cut(rng, kinds):
    cuts = [3, 5]
    p = problem(rng, kinds)
    truncated = oracle.truncated_gradients(**p, cuts=cuts)
    exact = oracle.gradients(**p)
    assert truncated.loss == exact.loss
    np.testing.assert_array_equal(truncated.outputs, exact.outputs)
    for a, b in zip(truncated.layers, exact.layers, strict=True):
        for name in a:
            assert abs(a[name] - b[name]).max() > 1e-4
    for a, b in zip(truncated.head, exact.head, strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same(oracle.truncated_gradients(**p, cuts=[]), exact, 0)

    # Each chunk by itself from its true initial state; the last one with the upstream.
    state, results = p["initial"], []
    for start, stop in oracle.chunk_bounds(STEPS, cuts):
        piece = oracle.chunk_of(
            start, stop, p["x"], p["y"], p["resets"], p["lengths"], p["weights"]
        )
        upstream = p["upstream"] if stop == STEPS else None
        results.append(oracle.gradients(**p | piece | {"initial": state, "upstream": upstream}))
        state = results[-1].finals
    assert_same(oracle.add_up(results), truncated)


def stale(p, **kwargs):
    return oracle.stale_gradients(
        **{name: value for name, value in p.items() if name != "upstream"}, **kwargs
    )


@pytest.mark.parametrize("kinds", STACKS, ids="-".join)
def test_stale_gradients_without_decay_are_truncated(rng, kinds):
    p = problem(rng, kinds) | {"upstream": None}
    assert_same(stale(p, cuts=[3, 5], decay=0.0), oracle.truncated_gradients(**p, cuts=[3, 5]))
    assert_same(stale(p, cuts=[], decay=1.0), oracle.gradients(**p))


@pytest.mark.parametrize("kinds", STACKS, ids="-".join)
def test_stale_gradients_equal_finite_differences_of_each_chunk(rng, kinds):
    """Each chunk's gradients are those of L_k + <u_k, s_{k+1}>, u_k held constant."""
    decay, cuts = 0.6, [2, 4]
    p = problem(rng, kinds, ragged=False) | {"upstream": None}
    p["resets"] = np.zeros((BATCH, STEPS), bool)
    p["resets"][1, 2] = p["resets"][2, 3] = True
    result = stale(p, cuts=cuts, decay=decay)
    assert len(result.chunks) == 3
    state, before = p["initial"], None
    for (start, stop), chunk in zip(oracle.chunk_bounds(STEPS, cuts), result.chunks, strict=True):
        # Stands for the chunk by itself: the steps after it are beyond the streams' ends.
        padded = {"x": np.zeros_like(p["x"]), "y": np.zeros_like(p["y"])}
        padded["resets"] = np.zeros_like(p["resets"])
        for name, array in padded.items():
            array[:, : stop - start] = p[name][:, start:stop]
        here = p | padded | {"initial": state, "lengths": np.full(BATCH, stop - start)}
        if before is not None:
            upstream = oracle.scaled(before, decay)
            for leaves in upstream:
                for leaf in leaves if isinstance(leaves, tuple) else (leaves,):
                    leaf[p["resets"][:, start]] = 0
            here["upstream"] = upstream
        grads = flat_result(chunk._replace(inputs=np.zeros_like(p["x"])))
        grads[-1][:, : stop - start] = chunk.inputs
        assert_slopes(rng, lambda a, q=here: objective(with_values(q, a)), values(here), grads)
        state, before = chunk.finals, chunk.initial
    for name, grad in result.layers[0].items():
        total = sum(chunk.layers[0][name] for chunk in result.chunks)
        np.testing.assert_allclose(grad, total, rtol=1e-13)


def test_loss_is_named(rng):
    with pytest.raises(ValueError, match="'softmax' or 'squared'"):
        oracle.gradients(**problem(rng, ["rnn"]) | {"loss": "hinge"})


# --- numbers of TensorFlow 1.15 -------------------------------------------------------------


@pytest.fixture(scope="module")
def golden():
    path = GOLDEN / "make_gradient_carry_tf115.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    with np.load(GOLDEN / "gradient_carry_tf115.npz") as kept:
        return rule, dict(kept)


def leaves_of(states):
    return [leaf for s in states for leaf in (s if isinstance(s, tuple) else (s,))]


@pytest.mark.parametrize("kind", KINDS)
def test_equals_tensorflow_115(golden, kind):
    rule, kept = golden
    numbers = rule.d_numbers(kind)

    def pack(leaves):
        pairs = zip(leaves[::2], leaves[1::2], strict=True)
        return list(pairs) if kind == "lstm" else leaves

    result = oracle.gradients(
        [oracle.Layer(kind, params) for params in numbers["layers"]],
        numbers["head"],
        numbers["x"],
        numbers["labels"],
        pack(numbers["initial"]),
        lengths=numbers["lengths"],
        upstream=pack(numbers["upstream"]),
    )
    close = {"rtol": 1e-12, "atol": 1e-13}
    prefix = f"d/{kind}/"
    np.testing.assert_allclose(result.loss, kept[prefix + "loss"], **close)
    np.testing.assert_allclose(result.outputs, kept[prefix + "outputs"], **close)
    np.testing.assert_allclose(result.inputs, kept[prefix + "inputs"], **close)
    for n, leaf in enumerate(leaves_of(result.finals)):
        np.testing.assert_allclose(leaf, kept[f"{prefix}final/{n}"], **close)
    for n, leaf in enumerate(leaves_of(result.initial)):
        np.testing.assert_allclose(leaf, kept[f"{prefix}initial/{n}"], **close)
    grads = {name: g for name, g in kept.items() if name.startswith(prefix + "grad/")}
    for name, grad in grads.items():
        if "/head/" in name:
            ours = result.head[name.endswith("bias")]
        else:
            layer, tail = name.split("/cell_")[1].split("/", 1)
            ours = result.layers[int(layer)][tail.split("/", 1)[1]]
        np.testing.assert_allclose(ours, grad, **close)
    assert len(grads) == 2 + sum(len(params) for params in numbers["layers"])


def test_equals_tensorflow_115_on_the_model_of_the_question(golden):
    rule, kept = golden
    weights, x, labels, state = rule.a_numbers()
    weights = [w.astype(np.float64) for w in weights]
    names = ["gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"]
    layers = [
        oracle.Layer("gru", dict(zip(names, weights[n : n + 4], strict=True))) for n in (0, 4)
    ]
    head = tuple(weights[8:])
    args = (layers, head, np.concatenate(x, 1), np.concatenate(labels, 1))
    initial = np.split(state, [64], axis=1)

    def check(result, prefix):
        grads = [layer[name] for layer in result.layers for name in names] + [*result.head]
        np.testing.assert_allclose(
            np.concatenate(result.initial, 1), kept[prefix + "state_grad"], rtol=1e-9, atol=1e-13
        )
        sums, norms = [g.sum() for g in grads], [np.linalg.norm(g) for g in grads]
        np.testing.assert_allclose(sums, kept[prefix + "sums"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(norms, kept[prefix + "norms"], rtol=1e-11)

    exact = oracle.gradients(*args, initial)
    assert exact.loss == pytest.approx(kept["a/float64/loss"].sum(), rel=1e-12)
    check(exact, "a/float64/exact/")
    check(exact, "a/float64/carried/")
    check(
        oracle.stale_gradients(*args, initial, cuts=[7], decay=1.0).chunks[1],
        "a/float64/stale/",
    )
