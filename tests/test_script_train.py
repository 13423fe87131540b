"""scripts/train.py, as a user runs it."""

import json
import shutil

import pytest
import tensorflow.compat.v1 as tf
from scripts_run import (
    ROOT,
    SMALL,
    check_refused,
    losses,
    metric_lines,
    run,
    run_many,
    snapshot,
    write_data,
)

from tgcarry import logs
from tgcarry.evaluation import evaluate

STDLIB = [*SMALL, "--data=stdlib", "--limit_bytes=20000", "--steps=6", "--eval_every=4"]
SERIES = [*SMALL, "--data=series", "--steps=4"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Is where this module's runs and data are."""
    folder = tmp_path_factory.mktemp("train")
    write_data(folder / "data")
    return folder


@pytest.fixture(scope="module")
def stdlib(place):
    """Is a run in a process of its own."""
    return run("train.py", *STDLIB, f"--logdir={place / 'runs' / 'stdlib'}"), place / "runs/stdlib"


GOOD = {
    "series": SERIES,
    "regimes": [*SMALL, "--data=regimes", "--steps=2"],
    "recall": [*SMALL, "--data=recall", "--sequence=30", "--sequences=3"],
    "adding": [*SMALL, "--data=adding", "--sequence=30", "--sequences=3"],
    "repeat_copy": [*SMALL, "--data=repeat_copy", "--sequence=4", "--repeats=2", "--sequences=3"],
    "order": [*SMALL, "--data=temporal_order", "--sequence=25", "--sequences=3"],
    "digits": [*SMALL, "--data=digits", "--steps=2"],
    "csv": [*SMALL, "--data=good.csv", "--stream=id", "--target=b", "--steps=3"],
    "csv_classes": [*SMALL, "--data=good.csv", "--target=id", "--task=classification"],
    "npy": [*SMALL, "--data=x.npy", "--steps=3"],
    "npz": [*SMALL, "--data=classes.npz", "--steps=3"],
    "text": [*SMALL, "--data=text.txt", "--steps=3"],
    "tfrecord": [*SMALL, "--data=records.tfrecord", "--batch=3"],
    "again": STDLIB,
    "seed": [*STDLIB, "--seed=1"],
    "truncated": [*SERIES, "--policy=truncated"],
    "fused": [*SERIES, "--engine=fused"],
    "window1": [*SERIES, "--policy=exact", "--window=1"],
    "stale": [*SERIES, "--policy=stale", "--decay=0.5"],
    "random": [*SERIES, "--policy=random", "--cut=0.5"],
    "synthetic": [*SERIES, "--policy=synthetic", "--synthetic=4", "--synthetic_rate=0.01"],
    "sequence": [*SERIES, "--parallel=sequence", "--parts=2"],
    "whole": [*SMALL, "--data=series", "--policy=exact", "--window=0", "--epochs=2"],
    "mean": [*SERIES, "--reduce=mean", "--clip_norm=0"],
    "sum": [*SERIES, "--reduce=sum", "--clip_norm=0"],
    "two_layers": [*SERIES, "--units=4,3", "--cell=lstm", "--optimizer=rmsprop"],
    "no_validation": [*SERIES, "--validation=0"],
    "_under": SERIES,
    "a$\\foo$b": SERIES,
    "測試": SERIES,
}


def _located(place, flags):
    """Puts the data folder before the names of data files."""
    files = {f.name for f in (place / "data").iterdir()}
    return [f"--data={place / 'data' / flag[7:]}" if flag[7:] in files else flag for flag in flags]


@pytest.fixture(scope="module")
def good(place):
    """Runs all of GOOD in one interpreter."""
    cases = {
        name: [*_located(place, flags), f"--logdir={place / 'good' / name}"]
        for name, flags in GOOD.items()
    }
    return run_many("train.py", cases, place / "outputs")


def check_folder(folder, validated=True):
    """Asserts that a log folder is whole."""
    config = json.loads((folder / "config.json").read_text())
    assert config["options"]["data"] and config["versions"]["tensorflow"] == tf.__version__
    lines = metric_lines(folder)
    assert {line["kind"] for line in lines} == (
        {"train", "validation"} if validated else {"train"}
    )
    summary = json.loads((folder / "summary.json").read_text())
    steps = [line["step"] for line in lines if line["kind"] == "train"]
    assert steps == list(range(1, summary["steps"] + 1))
    step = f"step-{summary['steps']:010d}"
    assert (folder / "checkpoints" / step / "model.ckpt.index").is_file()
    for name in ("loss.png", "carry.png"):
        png = (folder / name).read_bytes()
        assert png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82"), name
        assert len(png) > 5000, name
    (events,) = (folder / "events").iterdir()
    seen = {}
    for event in tf.train.summary_iterator(str(events)):
        for value in event.summary.value:
            seen.setdefault(value.tag, []).append((event.step, value.simple_value))
    trained = [(line["step"], line["loss"]) for line in lines if line["kind"] == "train"]
    assert [step for step, _ in seen["train/loss"]] == steps
    for (_, in_events), (_, in_lines) in zip(seen["train/loss"], trained, strict=True):
        if in_lines is not None:
            assert in_events == pytest.approx(in_lines, rel=1e-5)
    assert ("validation/loss" in seen) == validated
    return summary


class TestAProcessOfItsOwn:
    def test_succeeds_with_nothing_on_standard_error(self, stdlib):
        result, _ = stdlib
        assert result.code == 0, result
        assert result.err == ""

    def test_leaves_a_whole_log_folder(self, stdlib):
        summary = check_folder(stdlib[1])
        assert summary["steps"] == 6
        assert summary["chunks"] == 12
        assert summary["policy"].startswith("ExactSweep(window=2, end_decay=0.0")
        assert summary["peak_memory_mib"] > 50

    def test_prints_what_it_summed_up(self, stdlib):
        result, folder = stdlib
        summary = json.loads((folder / "summary.json").read_text())
        lines = result.out.splitlines()
        rule = next(place for place, line in enumerate(lines) if line.startswith("----"))
        table = dict(line.split("  ", 1) for line in lines[rule + 1 : -1])
        table = {name: value.strip() for name, value in table.items()}
        assert table["optimiser steps"] == "6"
        assert table["chunks read"] == "12"
        assert table["validation loss"] == f"{summary['validation']['loss']:.4f}"
        assert table["log folder"] == str(folder)
        assert lines[-1] == f"plots: {folder / 'loss.png'}, {folder / 'carry.png'}"

    def test_reports_each_validation(self, stdlib):
        result, folder = stdlib
        shown = [line for line in result.out.splitlines() if line.startswith("step ")]
        written = [line for line in metric_lines(folder) if line["kind"] == "validation"]
        assert len(shown) == len(written)
        for text, line in zip(shown, written, strict=True):
            assert f"step {line['step']} " in text and f"chunks {int(line['chunks'])}/" in text
            assert f"loss {line['loss']:.4g}" in text
        assert [line["chunks"] for line in written] == [0, 4, 8, 12]

    def test_keeps_a_checkpoint_at_each_of_the_last_validations(self, stdlib):
        found = {p.parent.name for p in (stdlib[1] / "checkpoints").glob("*/model.ckpt.index")}
        assert found == {f"step-{step:010d}" for step in (2, 4, 6)}

    @pytest.mark.slow
    def test_learns(self, place):
        # Far more than the other runs: enough for a fox that always jumps over a dog.
        result = run(
            "train.py",
            f"--data={place / 'data' / 'text.txt'}",
            *["--units=24", "--batch=8", "--chunk=11", "--window=4", "--epochs=12"],
            *["--learning_rate=0.02", f"--logdir={place / 'runs' / 'fox'}"],
        )
        assert result.code == 0, result.err
        held = losses(place / "runs" / "fox", "validation")
        assert held[-1] < 0.5 * held[0]


@pytest.mark.parametrize("name", list(GOOD))
class TestEveryKindOfRun:
    def test_succeeds(self, good, name):
        assert good[name].code == 0, good[name].err[-2000:]

    def test_says_nothing_on_standard_error(self, good, name):
        assert good[name].err == ""

    def test_leaves_a_whole_log_folder(self, good, place, name):
        if name == "a$\\foo$b" and good[name].code:
            pytest.skip("its own test says so")
        check_folder(place / "good" / name, validated=name != "no_validation")


class TestReproducibility:
    def test_the_same_seed_in_two_processes_gives_identical_losses(self, stdlib, good, place):
        assert good["again"].code == 0
        for kind in ("train", "validation"):
            mine = losses(stdlib[1], kind)
            assert len(mine) > 3
            assert mine == losses(place / "good" / "again", kind)

    def test_another_seed_gives_other_losses(self, stdlib, good, place):
        assert good["seed"].code == 0
        mine, other = losses(stdlib[1], "train"), losses(place / "good" / "seed", "train")
        assert all(a != b for a, b in zip(mine, other, strict=True))


class TestPolicies:
    def test_a_window_of_zero_is_the_whole_sequence(self, good, place):
        summary = logs.read_summary(place / "good" / "whole")
        # One step for each epoch, since the series is one sequence.
        assert summary["steps"] == 2
        assert summary["policy"].startswith("ExactSweep(window=None")

    def test_each_policy_is_the_one_asked_for(self, good, place):
        names = {
            n: logs.read_summary(place / "good" / n)["policy"] for n in ("truncated", "stale")
        }
        assert names == {"truncated": "Truncated()", "stale": "Stale(decay=0.5, clip_norm=None)"}

    def test_a_sequence_passed_along_by_nobody_else_is_the_exact_policy(self, good, place):
        one, two = (losses(place / "good" / n, "train") for n in ("sequence", "series"))
        assert one == pytest.approx(two, rel=1e-5)
        lines = [line for line in good["sequence"].out.splitlines() if line.endswith(" 0%")]
        assert [line.split("  ")[0] for line in lines] == ["median idle time of the ranks"]
        assert "on 1 ranks in 1 stages, 2 parts: bubble 0.0%" in good["sequence"].out

    def test_policies_part_ways_after_the_first_step(self, good, place):
        one, two = (losses(place / "good" / n, "train") for n in ("truncated", "stale"))
        assert one[0] == two[0]
        assert one[2:] != two[2:]

    def test_a_window_of_one_chunk_is_truncation(self, good, place):
        one, two = (losses(place / "good" / n, "train") for n in ("truncated", "window1"))
        assert one == pytest.approx(two, rel=1e-6)

    def test_only_the_carrying_policies_see_an_upstream(self, good, place):
        norms = {
            name: [
                line["upstream_norm"]
                for line in metric_lines(place / "good" / name)
                if line["kind"] == "train"
            ]
            for name in ("truncated", "stale", "mean")
        }
        assert set(norms["truncated"]) == {0}
        assert norms["stale"][0] == 0 and all(n > 0 for n in norms["stale"][1:])
        assert all(n > 0 for n in norms["mean"])

    def test_reduce_divides_by_the_chunks_of_the_window(self, good, place):
        mean, total = (
            next(line for line in metric_lines(place / "good" / n) if line["kind"] == "train")
            for n in ("mean", "sum")
        )
        assert mean["loss"] == total["loss"]
        assert total["grad_norm"] == pytest.approx(2 * mean["grad_norm"], rel=1e-5)


def test_help_lists_the_flags():
    result = run("train.py", "--help")
    assert result.code in (0, 1)  # absl's own habit is 1.
    assert result.err == ""
    assert result.out.startswith("Trains a recurrent network chunk by chunk")
    for flag in ("data", "policy", "window", "units", "logdir", "reduce", "validation", "seed"):
        assert f"\n  --{flag}: " in result.out, flag
    assert "--[no]overwrite" in result.out
    for builtin in ("stdlib", "series", "regimes", "recall", "adding", "repeat_copy", "digits"):
        assert builtin in result.out


# name -> flags, what the line must hold
BAD = {
    "nan": (["--data=nan.npy"], ["nan.npy", "'x'", "nan", "row 230", "column 1"]),
    "nan_tail": (["--data=nan_tail.npy"], ["'x'", "nan", "column 1"]),
    "cell": (
        ["--data=cell.csv", "--features=a,b"],
        ["cell.csv", "line 18", "column 'a'", "'hello'"],
    ),
    "ragged": (["--data=ragged.csv", "--features=a,b"], ["line 18", "3 cells", "4"]),
    "target": (["--data=good.csv", "--target=zz"], ["'zz'", "id, t, a, b"]),
    "feature": (["--data=good.csv", "--features=a,zz"], ["'zz'", "id, t, a, b"]),
    "stream": (["--data=good.csv", "--stream=zz"], ["'zz'", "id, t, a, b"]),
    "empty_csv": (["--data=empty.csv"], ["empty.csv", "empty"]),
    "empty_text": (["--data=empty.txt"], ["empty.txt", "empty"]),
    "empty_npy": (["--data=empty.npy"], ["empty.npy", ".npy"]),
    "header": (["--data=header.csv"], ["header.csv", "no rows"]),
    "latin": (["--data=latin.txt"], ["latin.txt", "line 1", "UTF-8", "0xe9"]),
    "missing": (["--data=/nowhere/at/all.csv"], ["/nowhere/at/all.csv", "stdlib"]),
    "batch": (["--data=x.npy", "--batch=5000"], ["5000", "x.npy", "--batch"]),
    "batch_streams": (
        ["--data=good.csv", "--stream=id", "--batch=50"],
        ["50", "sequences", "--batch"],
    ),
    "batch_0": (["--data=regimes", "--batch=0"], ["batch", "0"]),
    "chunk_0": (["--data=series", "--chunk=0"], ["chunk", "0"]),
    "builtin_target": (["--data=series", "--target=load"], ["target", "series"]),
    "units_abc": (["--units=abc"], ["units", "abc"]),
    "units_0": (["--units=0"], ["units", "0"]),
    "units_none": (["--units="], ["units"]),
    "rate_0": (["--learning_rate=0"], ["learning_rate", "0"]),
    "rate_negative": (["--learning_rate=-1"], ["learning_rate", "-1"]),
    "rate_nan": (["--learning_rate=nan"], ["learning_rate", "nan"]),
    "rate_infinite": (["--learning_rate=inf"], ["learning_rate", "inf"]),
    "rate_abc": (["--learning_rate=abc"], ["learning_rate", "abc"]),
    "embedding": (["--data=text.txt", "--embedding=-1"], ["embedding", "-1"]),
    "embedding_0": (["--data=text.txt", "--embedding=0"], ["embedding", "0"]),
    "policy": (["--policy=zz"], ["policy", "zz", "truncated", "stale", "exact"]),
    "cut": (["--policy=random", "--cut=1"], ["RandomTruncation(p=1.0)", "below 1"]),
    "synthetic": (["--policy=synthetic", "--synthetic=0"], ["SyntheticGradient(hidden=0)"]),
    "synthetic_rate": (["--policy=synthetic", "--synthetic_rate=0"], ["synthetic_rate 0"]),
    "window": (["--window=-1"], ["window", "-1"]),
    "decay": (["--policy=stale", "--decay=2"], ["decay", "2"]),
    "clip": (["--clip_norm=-1"], ["clip_norm", "-1"]),
    "epochs": (["--epochs=0"], ["epochs", "0"]),
    "eval_every": (["--eval_every=-5"], ["eval_every", "-5"]),
    "validation": (["--validation=1"], ["validation", "1"]),
    "sequence": (["--data=recall", "--sequence=1"], ["sequence", "1"]),
    "unknown_flag": (["--bogus=1"], ["bogus"]),
    "argument": (["bogus"], ["bogus"]),
    "in_use": (
        ["--nooverwrite", "--units=5", "--chunk=20"],
        [
            *("holds a run", "in_use", "units: [4] -> [5]", "data.chunk: 10 -> 20"),
            *("--override_config", "--overwrite"),
        ],
    ),
    "save_every": (["--checkpoint_every=0"], ["checkpoint_every", "0"]),
    "keep": (["--keep=0"], ["keep", "0"]),
    "on_nan": (["--on_nan=pray"], ["on_nan", "pray", "rollback"]),
    "parallel": (
        ["--parallel=sequence", "--policy=stale"],
        ["--parallel=sequence with --policy=stale", "--policy=exact", "--parallel=streams"],
    ),
    "parts": (["--parts=2"], ["parts 2", "--parallel=sequence"]),
    "clip_carry": (["--clip_carry=-1"], ["clip_norm", "-1"]),
}
# --overwrite must not cost the run that is there when the new one is refused.
BAD_DEFAULT = [*SMALL, "--data=series", "--steps=2", "--overwrite"]
ELSEWHERE = {
    "is_a_file": ("data/text.txt", ["text.txt", "not a folder"]),
    "under_a_file": ("data/text.txt/run", ["text.txt/run", "cannot be locked"]),
    "proc": ("/proc/run", ["/proc/run", "cannot be locked"]),
    "nameless": ("", ["logdir"]),
}


@pytest.fixture(scope="module")
def refused(place, good):
    """Runs all of BAD, each on a copy of a finished run's folder, in one interpreter."""
    before = snapshot(place / "good" / "series")
    assert "summary.json" in before
    cases = {}
    for name, (flags, _) in BAD.items():
        shutil.copytree(place / "good" / "series", place / "bad" / name)
        logdir = f"--logdir={place / 'bad' / name}"
        cases[name] = [*BAD_DEFAULT, *_located(place, flags), logdir]
    for name, (folder, _) in ELSEWHERE.items():
        # An empty one would be the folder that the tests run in.
        full = place / folder if folder else ""
        cases[name] = [*BAD_DEFAULT, "--nooverwrite", f"--logdir={full}"]
    root = {p.name for p in ROOT.iterdir()}
    results = run_many("train.py", cases, place / "refused")
    for name in {p.name for p in ROOT.iterdir()} - root & {
        *("config.json", "metrics.jsonl", "summary.json", "loss.png", "carry.png"),
        *("checkpoints", "events"),
    }:
        stray = ROOT / name
        shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
    return results, before


class TestBadInput:
    @pytest.mark.parametrize("name", list(BAD))
    def test_is_one_line_and_a_failure(self, refused, name):
        check_refused(refused[0][name], "train.py", *BAD[name][1])

    @pytest.mark.parametrize("name", list(BAD))
    def test_leaves_the_finished_run_as_it_was(self, refused, place, name):
        assert snapshot(place / "bad" / name) == refused[1]

    @pytest.mark.parametrize("name", list(ELSEWHERE))
    def test_a_log_folder_that_cannot_be(self, refused, name):
        check_refused(refused[0][name], "train.py", *ELSEWHERE[name][1])

    def test_the_file_in_the_way_is_left(self, refused, place):
        assert (place / "data" / "text.txt").read_text().startswith("the quick brown fox")

    def test_in_a_process_of_its_own(self, place):
        folder = place / "runs" / "cell"
        flags = _located(place, ["--data=cell.csv"])
        result = run("train.py", *SMALL, *flags, "--features=a,b", f"--logdir={folder}")
        check_refused(result, "train.py", "line 18", "column 'a'", "'hello'")
        assert result.code == 1
        assert result.out == ""
        assert not folder.exists()


@pytest.mark.slow
def test_overwrite_replaces_the_run(place, good):
    folder = place / "runs" / "overwritten"
    shutil.copytree(place / "good" / "series", folder)
    result = run("train.py", *SERIES, "--steps=2", "--seed=3", "--overwrite", f"--logdir={folder}")
    assert result.code == 0, result.err
    assert check_folder(folder)["steps"] == 2
    assert json.loads((folder / "config.json").read_text())["options"]["seed"] == 3


def _limited(size):
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "RLIMIT_FSIZE"):
        pytest.skip("no limit on the size of files here")
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class TestAFullDisk:
    """Stands in for it: no file may grow beyond a size."""

    def test_while_logging(self, place):
        folder = place / "runs" / "full_log"
        result = run(
            "train.py",
            *_located(place, ["--data=long.npy"]),
            *[*SMALL, "--window=1", "--eval_every=10", f"--logdir={folder}"],
            preexec_fn=_limited(8000),
        )
        assert logs.read_metrics(folder, "train")
        assert not (folder / "summary.json").exists()
        assert evaluate(folder)["step"] >= 10
        check_refused(result, "train.py", "full_log", "File too large")

    def test_while_saving_a_checkpoint(self, place):
        folder = place / "runs" / "full_checkpoint"
        flags = [
            *_located(place, ["--data=long.npy"]),
            *[*SMALL, "--units=64", "--eval_every=10", "--steps=12", f"--logdir={folder}"],
        ]
        result = run("train.py", *flags, preexec_fn=_limited(20000))
        check_refused(result, "train.py", "checkpoint", "File too large")
        assert "train first" not in result.err
        assert metric_lines(folder) and not (folder / "summary.json").exists()
        # With room again, the same command goes on.
        assert run("train.py", *flags).code == 0
        assert logs.read_summary(folder)["steps"] == 12
