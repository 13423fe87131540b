"""laboratory.report and laboratory.plot: figures put together, from made-up measurements."""

import json

import pytest

from tgcarry.errors import LogError
from tgcarry.laboratory import plot, report
from tgcarry.laboratory.asked import read_policies
from tgcarry.laboratory.bias import Measured
from tgcarry.laboratory.lags import LagFigures
from tgcarry.laboratory.measure import Gradients
from tgcarry.laboratory.recommend import Budget
from tgcarry.laboratory.report import Report, Trained, best_rates
from tgcarry.laboratory.tally import Figures


def figures(bias, error=0.0):
    return Figures(bias, error, 0.2, 0.9, 0.8, 1 - bias)


def gradients(weights, biases):
    settings, lags = [], []
    for name, bias in biases.items():
        blocks = {"kernel": figures(bias), "head": None}
        settings.append(Measured(name, 5, figures(bias, bias / 2), blocks))
        lags += [LagFigures(name, 5, k, figures(min(1.0, bias * k))) for k in (0, 1, 4)]
    return Gradients(weights, 3, 1.5, settings, lags, [(0, 1.0), (1, 0.5), (4, 0.001)])


def trained(policy, losses, rate=0.1, failed=None, window=None):
    points = [
        {"step": 10 * k, "chunks": 20 * k, "seconds": k / 2, "loss": loss}
        for k, loss in enumerate(losses)
    ]
    last = points[-1]
    result = {"points": points, "steps": last["step"], "chunks": last["chunks"]}
    result |= {"seconds": last["seconds"], "time_steps": 1000, "failed": failed}
    result |= {"peak_mib": 640.0, "grown_mib": 12.0}
    return Trained(policy, 5, window, rate, result)


@pytest.fixture
def made():
    best = [trained("truncated", [2.0, 1.9, 1.8, 1.7]), trained("exact", [2.0, 1.2], window=4)]
    return Report(
        "made up",
        20,
        8,
        read_policies(["truncated", "exact"]),
        [
            gradients("start", {"truncated": 0.8, "exact": 1e-7}),
            gradients("trained", {"truncated": 0.4, "exact": 2e-7}),
        ],
        best,
        [trained("exact", [2.0, 1.4], 0.2, window=4)],
        Budget(seconds=3),
    )


def test_figures_for_a_recommendation(made):
    found = report.to_figures(made)
    truncated, exact = found.settings
    assert found.first_loss == 2.0
    assert found.reach == ((0, 1.0), (1, 0.5), (4, 0.001))
    # The larger one of both places.
    assert truncated.bias == 0.8
    assert (truncated.loss, truncated.steps, truncated.window) == (1.7, 30, None)
    # Exact took the fewest steps, 10.
    assert truncated.early == 1.9 and exact.early == 1.2
    assert exact.window == 4 and not exact.bounded
    assert not truncated.bounded and truncated.peak_mib == 640


def test_the_rate_of_what_predicts_is_told(made):
    predicted = trained("truncated", [2.0, 1.9])._replace(synthetic_rate=0.02)
    found = report.to_figures(made._replace(trained=[predicted, made.trained[1]]))
    assert [s.synthetic_rate for s in found.settings] == [0.02, None]


def test_a_failed_training_has_no_loss(made):
    failed = trained("truncated", [2.0], failed="the loss is not finite")
    found = report.to_figures(made._replace(trained=[failed, made.trained[1]]))
    assert found.settings[0].loss is None and found.settings[0].early is None
    rows = list(report.tables(made._replace(trained=[failed, made.trained[1]])))[-1].rows
    assert rows[0][4:6] == ["failed", ""]


def test_the_best_learning_rate_of_each_setting():
    runs = [
        trained("exact", [2.0, 1.4], 0.2),
        trained("exact", [2.0, 1.2], 0.1),
        trained("stale", [2.0, 0.9], 0.3, failed="not finite"),
        trained("stale", [2.0, 1.9], 0.4),
    ]
    best, others = best_rates(runs)
    assert [(t.policy, t.learning_rate) for t in best] == [("exact", 0.1), ("stale", 0.4)]
    assert [t.learning_rate for t in others] == [0.2, 0.3]


def test_tables(made):
    found = list(report.tables(made))
    assert len(found) == 5
    first, lags, last = found[0].to_text(), found[1], found[-1].to_text()
    assert first.startswith("Gradients at the weights: start (3 steps, loss 1.5)\n")
    assert "truncated      5    0.8    0.4" in first
    # A policy that is exact at every lag needs no column.
    assert lags.header == ["lag", "size", "truncated 5"]
    assert [row[2] for row in lags.rows] == ["0", "0.8", "1"]
    row = last.splitlines()[-1].split()
    # policy chunk window rate loss early steps ms/step ms/1000 peak grown
    assert row == [
        "exact",
        "5",
        "4",
        "0.1",
        "1.2000",
        "1.2000",
        "10",
        "50.0",
        "500.0",
        "640",
        "12",
    ]
    assert found[1].to_markdown().splitlines()[2:5] == [
        "| lag | size | truncated 5 |",
        "| --- | ---: | ---: |",
        "| 0 | 1 | 0 |",
    ]


def test_json_holds_everything(made):
    text = json.dumps(report.to_json(made, "Take it.\nOr leave it."), allow_nan=False)
    values = json.loads(text)
    assert values["recommendation"] == ["Take it.", "Or leave it."]
    assert values["budget"]["seconds"] == 3
    start = values["gradients"][0]
    assert start["settings"][0]["bias"] == 0.8
    assert start["settings"][0]["blocks"]["kernel"]["variance"] == 0.2
    assert start["settings"][0]["blocks"]["head"] is None
    assert start["lags"][1] == {
        **{"policy": "truncated", "chunk": 5, "lag": 1},
        **figures(0.8)._asdict(),
    }
    assert values["training"][1]["result"]["points"][1]["loss"] == 1.2
    assert values["other_learning_rates"][0]["learning_rate"] == 0.2


def test_the_picture(made, tmp_path):
    path = plot.draw(made, tmp_path / "comparison.png")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(LogError, match="cannot be written"):
        plot.draw(made, tmp_path / "nowhere" / "comparison.png")
