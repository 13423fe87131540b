"""A training job that shares out the chunks of a sequence: by itself, and with ranks as threads.

tests/test_script_launch.py has processes.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from rank_threads import ranks
from scripts_run import metric_lines

from tgcarry.dataset import DataOptions
from tgcarry.errors import ClusterError, NumericsError, PolicyError, RunError, StoppedError
from tgcarry.options import JobOptions, TrainOptions
from tgcarry.training import train

# 18 chunks an epoch, which windows of 5 do not divide.
OPTIONS = TrainOptions(
    data=DataOptions(data="series", batch=3, chunk=40),
    units=(4,),
    window=5,
    epochs=2,
    eval_every=12,
    engine="loop",
    optimizer="sgd",
    learning_rate=0.1,
    parallel="sequence",
)


def quietly(options, folder, **more):
    return train(options, folder, on_text=lambda text: None, **more)


def weights(folder):
    newest = max((folder / "checkpoints").glob("step-*"))
    reader = tf.train.load_checkpoint(str(newest / "model.ckpt"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def position(folder):
    newest = max((folder / "checkpoints").glob("step-*"))
    with np.load(newest / "position.npz") as archive:
        return dict(archive)


def timeless(folder):
    """Reads what was logged, without what differs from run to run."""
    places = ("seconds", "memory_mib", "bubble")
    return [{k: v for k, v in line.items() if k not in places} for line in metric_lines(folder)]


def check_close(folder, other, tolerance=1e-5):
    one, two = weights(folder), weights(other)
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], tolerance, tolerance, err_msg=name)
    for got, wanted in zip(timeless(folder), timeless(other), strict=True):
        assert got.keys() == wanted.keys()
        numbers = [k for k, v in wanted.items() if isinstance(v, int | float)]
        for key in numbers:
            assert got[key] == pytest.approx(wanted[key], rel=10 * tolerance), key


def check_same(folder, other):
    for read in (weights, position):
        one, two = read(folder), read(other)
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert np.array_equal(value, two[name]), name
    assert timeless(folder) == timeless(other)


def on_ranks(size, options, folder, **more):
    return ranks(size, lambda group: quietly(options, folder, group=group, **more))


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exact") / "run"
    quietly(replace(OPTIONS, parallel="streams"), folder)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Is the folder of an undisturbed run of two ranks, and its summaries."""
    folder = tmp_path_factory.mktemp("pair") / "run"
    return folder, on_ranks(2, OPTIONS, folder)


@pytest.mark.slow
def test_one_process_alone_is_the_exact_policy_with_the_same_windows(exact, tmp_path):
    told, said = [], []
    folder = tmp_path / "run"
    summary = train(OPTIONS, folder, on_progress=told.append, on_text=said.append)
    assert said[1].startswith("chunks 0..4 on 1 ranks in 1 stages, 1 parts: bubble 0.0%")
    check_close(tmp_path / "run", exact)
    wanted = json.loads((exact / "summary.json").read_text())
    for key in ("steps", "chunks", "policy"):
        assert summary[key] == wanted[key]
    np.testing.assert_allclose(summary["carry_norms"], wanted["carry_norms"], 1e-4)
    assert summary["bubble"] < 0.05 and "bubble" not in wanted
    assert told[-1].chunk == summary["chunks"] and told[0].chunk < OPTIONS.window
    assert [p.chunk for p in told] == sorted(p.chunk for p in told)


def test_two_ranks_are_one_process_to_rounding(pair, exact):
    folder, (summary, other) = pair
    check_close(folder, exact)
    assert 0 < summary["bubble"] < 1
    assert (summary["steps"], summary["chunks"]) == (other["steps"], other["chunks"])
    trained = [line["bubble"] for line in metric_lines(folder) if line["kind"] == "train"]
    assert trained and all(0 <= bubble < 1 for bubble in trained)
    assert (folder / "ranks" / "1" / "summary.json").exists()
    assert not (folder / "ranks" / "1" / "checkpoints").exists()


class Asking:
    """Asks to stop when it was asked itself so many times."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "asked"), [(0, 0), (1, 13), (0, 50)])
def test_ranks_that_were_asked_to_stop_go_on_with_the_same_bits(pair, tmp_path, rank, asked):
    folder = tmp_path / "run"

    def stopped(group):
        asks = Asking(asked) if group.rank == rank else lambda: False
        with pytest.raises(StoppedError) as caught:
            quietly(OPTIONS, folder, group=group, should_stop=asks)
        return str(caught.value)

    one, other = ranks(2, stopped)
    assert one == other and "run the same command again" in one
    assert not (folder / "summary.json").exists()
    on_ranks(2, OPTIONS, folder)
    check_same(folder, pair[0])


@pytest.mark.slow
def test_one_alone_that_was_asked_to_stop_goes_on_as_any_number_of_ranks(exact, tmp_path):
    for size, asked in ((1, 12), (3, 20), (2, 16)):

        def stopped(group, asked=asked):
            with pytest.raises(StoppedError):
                quietly(OPTIONS, tmp_path, group=group, should_stop=Asking(asked))

        ranks(size, stopped) if size > 1 else stopped(None)
    quietly(OPTIONS, tmp_path)
    check_close(tmp_path, exact)


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"segment": 4}, {"parts": 3, "segment": 2}, {"parts": 1}])
def test_how_it_is_dealt_is_no_matter(exact, tmp_path, more):
    on_ranks(2, replace(OPTIONS, **more), tmp_path)
    check_close(tmp_path, exact)
    # Going on with another deal is no other schedule.
    line = ranks(2, lambda group: _override(tmp_path, replace(OPTIONS, epochs=3), group))[0]
    assert not any("planned anew" in text for text in line)


def _override(folder, options, group):
    told = []
    care = JobOptions(override_config=True)
    train(replace(options, steps=10), folder, care, on_text=told.append, group=group)
    return told


@pytest.mark.slow
def test_one_stream_is_shared_out_too(tmp_path):
    data = replace(OPTIONS.data, batch=1, chunk=100)
    options = replace(OPTIONS, data=data, window=None)
    on_ranks(2, options, tmp_path / "two")
    quietly(replace(options, parallel="streams"), tmp_path / "one")
    check_close(tmp_path / "two", tmp_path / "one")
    assert [line["step"] for line in metric_lines(tmp_path / "two")][-1] == 2


@pytest.mark.slow
def test_streams_and_a_sequence_go_on_from_one_another(exact, tmp_path):
    """A sweep that one process was in the middle of begins again, passed along by two ranks."""
    streams, care = replace(OPTIONS, parallel="streams"), JobOptions(override_config=True)
    with pytest.raises(StoppedError):
        quietly(streams, tmp_path, should_stop=Asking(12))
    assert position(tmp_path)["accumulated/0"].any()
    with pytest.raises(RunError, match="parallel: 'streams' -> 'sequence'"):
        quietly(OPTIONS, tmp_path)
    told = []

    def passed_along(group):
        asks = Asking(20) if group.rank else lambda: False
        with pytest.raises(StoppedError):
            train(OPTIONS, tmp_path, care, on_text=told.append, should_stop=asks, group=group)

    ranks(2, passed_along)
    assert any("planned anew" in text for text in told)
    quietly(streams, tmp_path, care=care)
    check_close(tmp_path, exact)


@pytest.mark.slow
def test_a_run_that_diverges_is_stopped_on_all_ranks(tmp_path):
    wild = replace(OPTIONS, learning_rate=1e30, clip_norm=None)

    def diverge(group):
        with pytest.raises(NumericsError, match="learning rate") as caught:
            quietly(wild, tmp_path, group=group)
        return str(caught.value)

    for message in ranks(2, diverge):
        assert "--on_nan" not in message and "--clip_carry" not in message
        assert "chunk " in message and len(message.splitlines()) == 1
    bad = [line for line in metric_lines(tmp_path) if line["kind"] == "bad"]
    assert len(bad) == 1 and bad[0]["action"] == "stop"
    assert list(tmp_path.rglob("bad_numbers/chunk-*.npz"))


@pytest.mark.parametrize(
    ("changes", "care", "words"),
    [
        ({"policy": "stale"}, {}, "--parallel=sequence with --policy=stale: .*--policy=exact"),
        ({"memory_budget": "1MiB"}, {}, "--memory_budget=1MiB: .*leave it out"),
        ({"clip_carry": 0.5}, {}, "--clip_carry=0.5: .*leave it out"),
        ({}, {"on_nan": "skip"}, "--on_nan=skip: .*give --on_nan=stop"),
        ({"parts": 0}, {}, "parts 0: give a whole number of at least 1"),
        ({"segment": -1}, {}, "segment -1: give"),
        ({"parts": 4}, {}, "--parts=4 of 3 streams: .*give --parts=3 or fewer"),
        ({"parallel": "streams", "parts": 2}, {}, "parts 2 is for --parallel=sequence"),
        ({"parallel": "streams", "segment": 2}, {}, "segment 2 is for --parallel=sequence"),
        ({"parallel": "time"}, {}, "parallel 'time' is unknown: choose among streams, sequence"),
    ],
)
def test_what_cannot_be_is_refused_before_the_folder_is_touched(tmp_path, changes, care, words):
    options = replace(OPTIONS, **changes)
    with pytest.raises((RunError, PolicyError, ClusterError), match=words) as caught:
        quietly(options, tmp_path / "run", care=JobOptions(**care))
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_more_ranks_than_chunks_are_refused(tmp_path):
    options = replace(OPTIONS, data=replace(OPTIONS.data, chunk=400), segment=2)

    def refused(group):
        with pytest.raises(ClusterError, match=r"2 chunks for 2 ranks, dealt 2.*at most 1 ranks"):
            quietly(options, tmp_path / "run", group=group)

    ranks(2, refused)
    assert not (tmp_path / "run").exists()


def test_streams_that_are_too_few_are_told_of_the_other_way(tmp_path):
    data = replace(OPTIONS.data, batch=1)

    def refused(group):
        with pytest.raises(ClusterError, match=r"1 streams for 2 ranks.*--parallel=sequence"):
            quietly(replace(OPTIONS, data=data, parallel="streams"), tmp_path, group=group)

    ranks(2, refused)
