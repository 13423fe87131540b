"""laboratory.own and laboratory.forward: graphs and models of one's own."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.dataset import DataOptions
from tgcarry.errors import NumericsError, RunError
from tgcarry.laboratory import Budget, compare_own, recommend, tables, to_figures
from tgcarry.laboratory.curves import Trial, run_trial
from tgcarry.laboratory.forward import load_forward, sum_of
from tgcarry.model import ModelSpec, build_model
from tgcarry.options import TrainOptions

PAGE = Path(__file__).parent.parent / "docs/laboratory.md"
LAG, STEPS = 3, 48


def echo(rng, steps=STEPS, batch=4):
    """Draws signs, and asks for each again LAG steps later."""
    x = rng.choice([-1.0, 1.0], (batch, steps, 1))
    return {"x": x, "y": np.roll(x, LAG, axis=1)}


def built(optimizer, synthetic, *, weighted=True, mean=False):
    x = tf.placeholder(tf.float64, [None, None, 1], "x")
    y = tf.placeholder(tf.float64, [None, None, 1], "y")
    feeds = {"x": x, "y": y}
    mask = lengths = None
    if weighted:
        feeds["weight"] = mask = tf.placeholder(tf.float64, [None, None], "weight")
        feeds["lengths"] = lengths = tf.placeholder(tf.int32, [None], "lengths")
    cell = tgc.MultiRNNCell([tgc.GRUCell(4), tgc.BasicRNNCell(3)])
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, lengths, ports.initial_state, engine="loop")
    loss, _ = tgc.losses.squared_loss(tgc.losses.linear(outputs, 1), y, mask)
    if mean:
        loss /= tf.cast(tf.shape(x)[1], tf.float64)
    return tgc.build_chunk(loss / 4, ports, final, feeds, optimizer, synthetic=synthetic)


def compared(rng, build=built, **changes):
    train, held = echo(rng), echo(rng)
    options = {
        "policies": ["truncated", "exact", "synthetic"],
        "lengths": [2],
        "rates": [0.01],
        "budget": Budget(steps=6),
        "stretch": 8,
        "chunkings": 2,
        "warm_steps": 0,
        "lessons": 30,
        "points": 2,
        **changes,
    }
    return compare_own(
        build,
        lambda length: tgc.split_chunks(train, length),
        tgc.split_chunks(held, 12),
        **options,
    )


@pytest.mark.slow
def test_a_graph_of_ones_own_is_measured_and_trained(rng):
    said = []
    report = compared(rng, on_text=said.append)
    (at,) = report.gradients
    found = {m.policy: m.carried for m in at.settings}
    assert found["exact"].bias < 1e-10 < 1e-2 < found["truncated"].bias
    # A predictor that has learnt makes another gradient of it.
    assert abs(found["synthetic"].bias - found["truncated"].bias) > 1e-4
    assert {lag.policy for lag in at.lags} == {"truncated", "exact"} and len(at.reach) > 3
    assert [(t.policy, t.chunk, t.window) for t in report.trained] == [
        ("truncated", 2, None),
        ("exact", 2, 4),
        ("synthetic", 2, None),
    ]
    points = [[p["step"] for p in t.result["points"]] for t in report.trained]
    assert points == [[0, 3, 6]] * 3
    firsts = [t.result["points"][0]["loss"] for t in report.trained]
    assert firsts == pytest.approx([firsts[0]] * 3, rel=1e-12)
    assert len({t.loss for t in report.trained}) == 3
    assert "held-out loss" in said[-1]
    assert len(next(tables(report)).rows) == 3
    assert recommend(to_figures(report), report.budget)


@pytest.mark.slow
def test_without_weights_there_are_no_lags(rng):
    def build(optimizer, synthetic):
        return built(optimizer, synthetic, weighted=False)

    report = compared(rng, build, policies=["exact"], budget=Budget(steps=1))
    (at,) = report.gradients
    assert at.lags == [] and at.reach == []
    assert at.settings[0].carried.bias < 1e-10
    assert recommend(to_figures(report), report.budget)


def test_a_loss_that_does_not_add_up_is_found(rng):
    def build(optimizer, synthetic):
        return built(optimizer, synthetic, mean=True)

    with pytest.raises(NumericsError, match="off the unbroken gradient"):
        compared(rng, build)


def test_what_cannot_be_asked_is_refused(rng):
    with pytest.raises(RunError, match="no budget"):
        compared(rng, budget=Budget())
    with pytest.raises(RunError, match=r"chunks \[0\]"):
        compared(rng, lengths=[0])
    with pytest.raises(RunError, match=r"memory_mib=900, but .* one peak"):
        compared(rng, budget=Budget(steps=1, memory_mib=900))


MODEL = """
from __future__ import annotations

from dataclasses import dataclass

import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.model import Forward, placeholders


@dataclass
class Sizes:
    lower: int = 3
    upper: int = 2


def build(spec):
    feeds, sizes = placeholders(spec), Sizes()
    cell = tgc.MultiRNNCell([tgc.GRUCell(sizes.lower), tgc.BasicRNNCell(sizes.upper)])
    ports = tgc.carry_ports(cell)
    outputs, final_state = tgc.dynamic_rnn(
        cell, feeds["x"], feeds["lengths"], ports.initial_state, engine=spec.engine
    )
    return Forward(feeds, ports, final_state, tgc.losses.linear(outputs, spec.outputs))


def wrong(spec):
    return None


def broken(spec):
    return spec.cells


number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "my_model.py").write_text(MODEL, encoding="utf-8")
    return tmp_path / "my_model.py"


@pytest.mark.slow
def test_a_model_of_ones_own_is_trained_like_any(file):
    data = DataOptions(data="recall", sequence=6, sequences=20, batch=4, chunk=3)
    options = TrainOptions(data=data, policy="synthetic", steps=2, engine="loop")
    found = run_trial(Trial("synthetic", options, points=1, model=f"{file}:build"))
    assert found["steps"] == 2 and found["failed"] is None
    spec = ModelSpec("classification", 9, 4, weighted=True, synthetic=3, engine="loop")
    chunk = build_model(spec, forward=load_forward(f"{file}:build")).chunk
    names = [v.op.name for v in chunk.variables]
    assert any("cell_1/basic_rnn_cell/kernel" in name for name in names)
    with tf.Graph().as_default(), tgc.Runner(chunk) as runner:
        one = runner.session.run(list(chunk.variables))
    with tf.Graph().as_default():
        other = build_model(replace(spec, seed=1), forward=load_forward(f"{file}:build")).chunk
        with tgc.Runner(other) as runner:
            two = runner.session.run(list(other.variables))
    assert any((a != b).any() for a, b in zip(one, two, strict=True)), "the seed counts"


def test_a_changed_file_is_another_model(file):
    before = sum_of(f"{file}:build")
    file.write_text(MODEL + "\n", encoding="utf-8")
    assert sum_of(f"{file}:build") != before and sum_of(None) == ""
    trial = Trial("exact", TrainOptions(steps=1), model=f"{file}:build", model_sum=before)
    with pytest.raises(RunError, match="has changed since the comparison began"):
        run_trial(trial)


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("my_model.py", "a function in it"),
        ("missing.py:build", "a function in it"),
        ("my_model.py:missing", "has no function missing"),
        ("my_model.py:number", "has no function number"),
        ("bad.py:build", r"bad\.py:2: ZeroDivisionError: division by zero"),
        ("syntax.py:build", "SyntaxError"),
        ("text.txt:build", "no Python file"),
    ],
)
def test_what_is_no_model_is_one_line(name, fact, file):
    (file.parent / "bad.py").write_text("\nx = 1 / 0\n", encoding="utf-8")
    (file.parent / "syntax.py").write_text("def", encoding="utf-8")
    (file.parent / "text.txt").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match=fact) as caught:
        load_forward(f"{file.parent / name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "fact"),
    [("wrong", "gave None: return a"), ("broken", r"my_model\.py:\d+: Attribute")],
)
def test_what_builds_no_model_is_one_line(name, fact, file):
    spec = ModelSpec("classification", 9, 4)
    with pytest.raises(RunError, match=fact) as caught:
        build_model(spec, forward=load_forward(f"{file}:{name}"))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_documentation_runs_as_shown(capsys, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n([^`]*compare_own[^`]*)```", text)
    exec(code, {})
    out = capsys.readouterr().out
    assert "Training within 100 optimiser steps" in out and "Take " in out
    (model,) = re.findall(r"```python\n([^`]*def build\(spec\)[^`]*)```", text)
    (tmp_path / "shown.py").write_text(model, encoding="utf-8")
    spec = ModelSpec("classification", 9, 4, weighted=True)
    chunk = build_model(spec, forward=load_forward(f"{tmp_path / 'shown.py'}:build")).chunk
    assert len(chunk.variables) > 6
