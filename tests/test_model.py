"""build_model: what the scripts train."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.errors import ChunkError
from tgcarry.model import CELLS, OPTIMIZERS, ModelSpec, build_model

SPEC = ModelSpec("regression", inputs=3, outputs=2, units=(4,), scored=5.0)
TEXT = replace(SPEC, kind="characters", inputs=6, outputs=6, embedding=3)
CLASSES = replace(SPEC, kind="classification", outputs=4)


def draw(spec, rng, batch=2, steps=5):
    x = rng.normal(size=(batch, steps, spec.inputs))
    if spec.kind == "characters":
        x = rng.integers(0, spec.inputs, (batch, steps))
    shape = (batch, steps) if spec.flat_target else (batch, steps, spec.outputs)
    y = rng.normal(size=shape)
    if spec.kind == "bits":
        y = rng.integers(0, 2, shape).astype(np.float32)
    elif spec.kind != "regression":
        y = rng.integers(0, spec.outputs, (batch, steps))
    lengths = np.array([steps, steps - 2])
    mask = (np.arange(steps) < lengths[:, None]).astype(np.float32)
    return {"x": x, "y": y, "lengths": lengths, "weight" if spec.weighted else "mask": mask}


def run(model, values):
    with tf.Session(graph=model.chunk.graph) as session:
        session.run(tf.global_variables_initializer())
        feeds = {model.chunk.feeds[name]: value for name, value in values.items()}
        ports = tf.nest.flatten(model.chunk.ports.initial_state)
        feeds.update({p: np.zeros([2, *p.shape[1:].as_list()]) for p in ports})
        fetched = (model.predictions, model.chunk.loss, model.chunk.metrics)
        return session.run(fetched, feeds)


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, weighted=True), replace(SPEC, units=(4, 3))])
def test_a_regressions_loss_is_half_the_squared_error(spec, rng):
    values = draw(spec, rng)
    predictions, loss, metrics = run(build_model(spec), values)
    assert predictions.shape == (2, 5, 2)
    mask = values.get("mask", values.get("weight"))
    wanted = 0.5 * np.sum(mask[..., None] * (predictions - values["y"]) ** 2)
    assert metrics["total"] == pytest.approx(wanted, rel=1e-5)
    assert loss == pytest.approx(wanted / 5, rel=1e-5)
    assert metrics["scored"] == 8


def test_a_flat_target_is_one_number_a_step(rng):
    spec = replace(SPEC, outputs=1, flat_target=True)
    values = draw(spec, rng)
    predictions, _, metrics = run(build_model(spec), values)
    wanted = 0.5 * np.sum(values["mask"] * (predictions[..., 0] - values["y"]) ** 2)
    assert metrics["total"] == pytest.approx(wanted, rel=1e-5)


def test_the_loss_of_bits_is_the_cross_entropy_of_each(rng):
    spec = replace(SPEC, kind="bits", weighted=True)
    values = draw(spec, rng)
    logits, loss, metrics = run(build_model(spec), values)
    shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
    said = np.where(values["y"] == 1, shares, 1 - shares)
    wanted = -np.sum(values["weight"][..., None] * np.log(said))
    assert metrics["total"] == pytest.approx(wanted, rel=1e-5)
    assert loss == pytest.approx(wanted / 5, rel=1e-5)
    hits = np.sum(values["weight"] * (said > 0.5).mean(-1))
    assert metrics["correct"] == pytest.approx(hits, rel=1e-5)


@pytest.mark.parametrize("spec", [TEXT, CLASSES])
def test_the_loss_of_classes_is_their_cross_entropy(spec, rng):
    values = draw(spec, rng)
    logits, loss, metrics = run(build_model(spec), values)
    assert logits.shape == (2, 5, spec.outputs)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    right = np.take_along_axis(shares, values["y"][..., None], -1)[..., 0]
    wanted = -np.sum(values["mask"] * np.log(right))
    assert metrics["total"] == pytest.approx(wanted, rel=1e-5)
    assert loss == pytest.approx(wanted / 5, rel=1e-5)
    hits = np.sum(values["mask"] * (logits.argmax(-1) == values["y"]))
    assert metrics["correct"] == hits and metrics["scored"] == 8


@pytest.mark.parametrize(
    ("cell", "optimizer"),
    [
        pytest.param(
            cell,
            optimizer,
            id=f"{cell}-{optimizer}",
            marks=[] if cell == "gru" or optimizer == "adam" else [pytest.mark.slow],
        )
        for cell in CELLS
        for optimizer in OPTIMIZERS
    ],
)
def test_every_cell_and_optimiser_can_be_built(cell, optimizer, rng):
    # The forward pass, which is what XLA compiles, is the same with every optimiser.
    engine = "auto" if optimizer == "adam" else "loop"
    spec = replace(SPEC, cell=cell, optimizer=optimizer, units=(3, 2), engine=engine)
    model = build_model(spec)
    assert model.chunk.updates.apply is not None
    assert np.isfinite(run(model, draw(SPEC, rng))[1])


def test_what_predicts_learns_at_a_rate_of_its_own(rng):
    """Adam's step hangs on its rate alone: M's second one is the first with a gradient."""
    spec = replace(SPEC, synthetic=3, synthetic_rate=0.02, engine="loop", learning_rate=1e-6)
    arrays = {"x": rng.normal(size=(2, 10, 3)), "y": rng.normal(size=(2, 10, 2))}
    chunk = build_model(spec).chunk
    with tgc.Runner(chunk, tgc.Synthetic()) as runner:
        list(runner.run(tgc.split_chunks(arrays, 5)))
        bias = runner.session.run(chunk.synthetic.variables[3])
    step = 0.02 * (0.1 / (1 - 0.9**2)) / np.sqrt(0.001 / (1 - 0.999**2))
    np.testing.assert_allclose(np.abs(bias), step, rtol=1e-3)


def test_the_seed_settles_the_weights(rng):
    values, losses = draw(TEXT, rng), []
    for seed in (0, 0, 1):
        with tf.Graph().as_default():
            losses.append(run(build_model(replace(TEXT, seed=seed)), values)[1])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"cell": "zz"}, ["cell", "zz", "gru"]),
        ({"optimizer": "zz"}, ["optimizer", "zz", "adam"]),
        ({"units": ()}, ["units"]),
        ({"units": (4, 0)}, ["units", "4, 0"]),
        ({"learning_rate": 0.0}, ["learning_rate", "0"]),
        ({"learning_rate": -1.0}, ["learning_rate", "-1"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "nan"]),
        ({"synthetic_rate": 0.0}, ["synthetic_rate", "0"]),
        ({"clip_norm": -1.0}, ["clip_norm", "-1"]),
        ({"kind": "characters", "embedding": -1}, ["embedding", "-1"]),
        ({"kind": "characters", "embedding": 0}, ["embedding", "0"]),
    ],
)
def test_what_makes_no_model_is_refused(changes, facts):
    with pytest.raises(ChunkError) as error:
        build_model(replace(SPEC, **changes))
    assert all(fact in str(error.value) for fact in facts)
    assert "\n" not in str(error.value)
