"""training: the job, its options and its figures."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scripts_run import metric_lines, snapshot

from tgcarry import console, data, scores, training
from tgcarry.dataset import DataOptions
from tgcarry.errors import DataError, NumericsError, PolicyError, RunError, TgcarryError
from tgcarry.evaluation import evaluate
from tgcarry.options import JobOptions, TrainOptions, make_policy
from tgcarry.policies import ExactSweep, RandomTruncation, Stale, Synthetic, Truncated
from tgcarry.reports import Evaluation
from tgcarry.scores import score
from tgcarry.training import train

# XLA would take longer to compile so small a network than to train it.
OPTIONS = TrainOptions(
    data=DataOptions(data="series", batch=4, chunk=10),
    units=(4,),
    engine="loop",
    window=2,
    steps=4,
    eval_every=4,
)


def quietly(options, folder, **more):
    return train(options, folder, on_text=lambda text: None, **more)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Is the folder of a finished run, to copy."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    quietly(OPTIONS, folder)
    return folder


class TestMakePolicy:
    def test_makes_what_the_flag_names(self):
        assert make_policy("truncated", 3, 0.5) == Truncated()
        assert make_policy("stale", 3, 0.5) == Stale(0.5)
        assert make_policy("exact", 3, 0.5) == ExactSweep(3)
        assert make_policy("exact") == ExactSweep(None)
        assert make_policy("random", 3, cut=0.5, seed=1) == RandomTruncation(0.5, 3, 1)
        assert make_policy("synthetic") == Synthetic()
        assert make_policy("synthetic", trunk=0.5) == Synthetic(trunk=0.5)
        assert make_policy("exact", 3, 0.5, "1MiB") == ExactSweep(3, memory_budget="1MiB")

    def test_refuses_other_names_and_ranges(self):
        with pytest.raises(PolicyError, match=r"'zz'.*truncated, stale, exact"):
            make_policy("zz")
        for name, window, decay in (("exact", -1, 1.0), ("exact", 0, 1.0), ("stale", 1, 2.0)):
            with pytest.raises(PolicyError):
                make_policy(name, window, decay)


class TestScore:
    def figures(self, kind, **metrics):
        return score(Evaluation(0.0, metrics, 99, None), kind)

    def test_is_per_scored_step(self):
        got = self.figures("classification", total=6.0, scored=4.0, correct=3.0)
        assert got == {"loss": 1.5, "accuracy": 0.75}

    def test_gives_bits_for_characters(self):
        got = self.figures("characters", total=4 * math.log(2), scored=2.0, correct=1.0)
        assert got["bits"] == pytest.approx(2.0)
        assert got["accuracy"] == 0.5

    def test_gives_bits_for_bits(self):
        got = self.figures("bits", total=4 * math.log(2), scored=2.0, correct=1.5)
        assert got == pytest.approx({"loss": 2 * math.log(2), "accuracy": 0.75, "bits": 2.0})

    def test_gives_the_root_mean_square_for_a_regression(self, tmp_path):
        got = self.figures("regression", total=18.0, scored=4.0, correct=36.0)
        assert got == {"loss": 4.5, "rmse": 3.0}

    def test_nothing_scored_is_no_division_by_zero(self):
        assert self.figures("classification", total=0.0, scored=0.0, correct=0.0)["loss"] == 0


def test_the_scale_survives_json():
    scale = data.Scale({"x": np.array([1.5, -2.0])}, {"x": np.array([0.1, 1 / 3])})
    back = data.Scale.from_json(json.loads(json.dumps(scale.to_json())))
    for part in ("mean", "std"):
        assert np.array_equal(getattr(back, part)["x"], getattr(scale, part)["x"])


def test_peak_memory_is_that_of_a_process_with_tensorflow():
    assert 50 * 2**20 < scores.peak_memory() < 2**40


def test_a_memory_budget_is_told_before_training_and_changes_no_loss(tmp_path):
    told = []
    for budget in (None, "1GiB"):
        lines = []
        options = replace(OPTIONS, memory_budget=budget)
        train(options, tmp_path / str(budget), on_text=lines.append)
        told.append(lines)
    plans = [line for line in told[1] if line.startswith("memory budget 1.0 GiB")]
    assert len(plans) == 1
    assert told[1].index(plans[0]) == 1, "before any validation"
    assert "1 of 2 chunks" in plans[0]
    assert [line for line in told[1] if line not in plans] == told[0]


def test_a_budget_that_is_none_is_refused_before_the_folder_is_touched(tmp_path):
    with pytest.raises(PolicyError, match="'lots'"):
        quietly(replace(OPTIONS, memory_budget="lots"), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_summary_is_what_is_written(tmp_path):
    summary = quietly(replace(OPTIONS, engine="auto"), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    held = [line for line in metric_lines(tmp_path) if line["kind"] == "validation"]
    assert summary["validation"]["loss"] == held[-1]["loss"]
    assert summary["best_validation_loss"] == min(line["loss"] for line in held)
    assert summary["steps"] == 4 and summary["chunks"] == 8
    assert len(summary["carry_norms"]) > 2 and all(norm > 0 for norm in summary["carry_norms"])


def test_progress_is_told_chunk_by_chunk(tmp_path):
    told = []
    quietly(OPTIONS, tmp_path, on_progress=told.append)
    assert [p.chunk for p in told] == list(range(1, 9))
    assert all(p.chunks >= 8 and math.isfinite(p.loss) for p in told)


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": "zz"},
        {"epochs": 0},
        {"steps": 0},
        {"eval_every": -1},
        {"units": (0,)},
        {"reduce": "zz"},
        {"optimizer": "zz"},
        {"learning_rate": -1.0},
        {"data": DataOptions(data="/nowhere.csv")},
    ],
)
def test_a_refused_run_does_not_cost_the_one_that_is_there(finished, tmp_path, changes):
    folder = shutil.copytree(finished, tmp_path / "run")
    before = snapshot(folder)
    with pytest.raises(TgcarryError):
        quietly(replace(OPTIONS, **changes), folder, care=JobOptions(overwrite=True))
    assert snapshot(folder) == before


class _Spoilt(Sequence):
    """Is chunks of which one holds a NaN."""

    def __init__(self, chunks, place):
        self.chunks, self.place = chunks, place

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, index):
        chunk = self.chunks[index]
        if index != self.place:
            return chunk
        x = chunk.arrays["x"].copy()
        x[2, 3, 0] = np.nan
        return chunk._replace(arrays={**chunk.arrays, "x": x})


class TestNaNInALaterChunk:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        """Is the folder of a run whose chunk 13 is spoilt."""
        opened = training.open_dataset

        def spoilt(options):
            dataset = opened(options)
            return dataset._replace(train=_Spoilt(dataset.train, 13))

        monkeypatch.setattr(training, "open_dataset", spoilt)
        return tmp_path / "run"

    def test_ends_in_one_line_that_names_the_place(self, folder, capsys):
        with pytest.raises(SystemExit) as left, console.one_line_errors("train.py"):
            quietly(replace(OPTIONS, steps=None), folder)
        assert left.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        for fact in ("'x'", "nan", "chunk 13", "stream 2", "step 3", "column 0"):
            assert fact in line

    def test_leaves_what_was_logged_and_saved_before(self, folder):
        with pytest.raises(DataError):
            quietly(replace(OPTIONS, steps=None), folder)
        lines = metric_lines(folder)
        steps = [e["step"] for e in lines if e["kind"] == "train"]
        # Chunks 0 to 11 are six steps; the sixth is lost where reading ahead meets the NaN.
        assert steps in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])
        assert not (folder / "summary.json").exists()
        result = evaluate(folder)
        assert result["step"] in (4, 6)
        (held,) = [e for e in lines if e["kind"] == "validation" and e["step"] == result["step"]]
        assert result["loss"] == pytest.approx(held["loss"], rel=1e-5)


def test_a_run_that_diverges_is_stopped(tmp_path):
    wild = replace(OPTIONS, optimizer="sgd", learning_rate=1e30, clip_norm=None)
    with pytest.raises(NumericsError, match="learning rate"):
        quietly(wild, tmp_path)
    metric_lines(tmp_path)


def test_a_finished_run_is_left_as_it_is(finished):
    before, told = snapshot(finished), []
    summary = train(OPTIONS, finished, on_text=told.append)
    assert summary == json.loads((finished / "summary.json").read_text())
    assert snapshot(finished) == before
    assert any("has finished already" in line for line in told)


def test_another_run_is_refused_with_what_differs(finished):
    before = snapshot(finished)
    with pytest.raises(RunError, match=r"eval_every: 4 -> 2; steps: 4 -> 6.*--override_c"):
        quietly(replace(OPTIONS, steps=6, eval_every=2), finished)
    assert snapshot(finished) == before


def test_too_many_steps_end_with_the_data(tmp_path):
    chunky = replace(OPTIONS, data=replace(OPTIONS.data, chunk=100), window=3, steps=1000)
    summary = quietly(chunky, tmp_path)
    assert (summary["chunks"], summary["steps"]) == (6, 2)
    with pytest.raises(RunError):
        quietly(replace(chunky, epochs=-1), tmp_path / "other")
