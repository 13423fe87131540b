"""Training jobs that are stopped, frozen, crowded out or fed nonsense, as their users see it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from scripts_run import ROOT, check_refused, environment, metric_lines, run, snapshot

from tgcarry import logs, training
from tgcarry.dataset import DataOptions
from tgcarry.diagnosis import load_evidence
from tgcarry.errors import LogError, NumericsError, RunError, StoppedError
from tgcarry.folder import read_contents
from tgcarry.job import Job
from tgcarry.locks import FolderLock
from tgcarry.options import JobOptions, TrainOptions
from tgcarry.store import Store
from tgcarry.training import train

FLAGS = [
    *("--data=series", "--units=4", "--batch=4", "--chunk=10", "--window=3", "--engine=loop"),
    *("--epochs=15", "--eval_every=300"),
]
OPTIONS = TrainOptions(
    data=DataOptions(data="series", batch=4, chunk=10),
    units=(4,),
    window=3,
    epochs=2,
    eval_every=24,
    engine="loop",
)
# Often enough for a checkpoint at every place of rest.
ALWAYS = JobOptions(checkpoint_every=1e-9)


def quietly(options, folder, care=None, **more):
    return train(options, folder, care, on_text=lambda text: None, **more)


def newest(folder):
    """Reads all tensors of the newest checkpoint."""
    import tensorflow.compat.v1 as tf

    snapshot = Store(folder / "checkpoints").newest()
    reader = tf.train.load_checkpoint(str(snapshot.path / "model.ckpt"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def check_same_ending(folder, wanted):
    one, other = newest(folder), newest(wanted)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    assert timeless(folder) == timeless(wanted)


def timeless(folder):
    return [
        {key: value for key, value in line.items() if key not in ("seconds", "memory_mib")}
        for line in metric_lines(folder)
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Is the folder of a run that was left alone."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    quietly(OPTIONS, folder)
    return folder


class Countdown:
    """Says stop at the given times that it is asked; counts on over several attempts."""

    def __init__(self, *times):
        self.times, self.asked = set(times), 0

    def __call__(self):
        self.asked += 1
        return self.asked in self.times


class TestStopping:
    @pytest.mark.parametrize("policy", ["exact", pytest.param("stale", marks=pytest.mark.slow)])
    def test_again_and_again_ends_with_the_same_bits(self, tmp_path, policy):
        options = replace(OPTIONS, policy=policy)
        quietly(options, tmp_path / "wanted")
        stop, stopped = Countdown(2, 20, 47, 133), 0
        while True:
            try:
                quietly(options, tmp_path / "run", should_stop=stop)
                break
            except StoppedError as error:
                stopped += 1
                assert "run the same command again" in str(error)
                assert not (tmp_path / "run" / "summary.json").exists()
        assert stopped >= 3
        check_same_ending(tmp_path / "run", tmp_path / "wanted")

    @pytest.mark.slow
    def test_is_written_down(self, tmp_path):
        with pytest.raises(StoppedError):
            quietly(OPTIONS, tmp_path, should_stop=Countdown(30))
        quietly(OPTIONS, tmp_path)
        attempts = read_contents(tmp_path).attempts
        assert [a["event"] for a in attempts] == ["start", "end", "start", "end"]
        assert [a.get("reason") for a in attempts] == [None, "stopped", None, "finished"]
        assert attempts[2]["chunks"] == attempts[1]["chunks"] > 0

    @pytest.mark.slow
    def test_in_the_first_validation_is_no_loss(self, tmp_path, undisturbed):
        with pytest.raises(StoppedError):
            quietly(OPTIONS, tmp_path, should_stop=Countdown(1))
        assert metric_lines(tmp_path) == []
        quietly(OPTIONS, tmp_path)
        check_same_ending(tmp_path, undisturbed)


class TestCheckpoints:
    @pytest.mark.slow
    def test_between_any_two_visits_change_nothing(self, tmp_path, undisturbed):
        quietly(OPTIONS, tmp_path, ALWAYS)
        check_same_ending(tmp_path, undisturbed)

    def test_that_are_damaged_give_way_and_are_told_of(self, tmp_path, undisturbed):
        with pytest.raises(StoppedError):
            quietly(OPTIONS, tmp_path, ALWAYS, should_stop=Countdown(60))
        latest = Store(tmp_path / "checkpoints").newest()
        data = latest.path / "model.ckpt.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:-7])
        told = []
        train(OPTIONS, tmp_path, on_text=told.append)
        assert any(f"{latest.path.name} is damaged" in line for line in told)
        check_same_ending(tmp_path, undisturbed)

    @pytest.mark.slow
    def test_none_of_which_is_whole_are_not_begun_over_silently(self, tmp_path):
        with pytest.raises(StoppedError):
            quietly(OPTIONS, tmp_path, should_stop=Countdown(30))
        for path in (tmp_path / "checkpoints").glob("*/position.npz"):
            path.write_bytes(b"")
        before = snapshot(tmp_path / "checkpoints")
        with pytest.raises(LogError, match="no checkpoint can be restored"):
            quietly(OPTIONS, tmp_path)
        assert snapshot(tmp_path / "checkpoints") == before


class TestAnotherConfiguration:
    @pytest.fixture
    def folder(self, tmp_path):
        with pytest.raises(StoppedError):
            quietly(OPTIONS, tmp_path, should_stop=Countdown(40))
        return tmp_path

    def test_is_refused_with_the_difference(self, folder):
        before = snapshot(folder)
        changed = replace(OPTIONS, learning_rate=0.5, data=replace(OPTIONS.data, batch=8))
        with pytest.raises(RunError, match=r"data\.batch: 4 -> 8; learning_rate: 0\.001 -> 0\.5"):
            quietly(changed, folder)
        assert snapshot(folder) == before

    @pytest.mark.slow
    def test_can_be_insisted_on(self, folder):
        done = json.loads((folder / "attempts.jsonl").read_text().splitlines()[-1])["chunks"]
        told = []
        changed = replace(OPTIONS, learning_rate=0.5)
        care = JobOptions(override_config=True)
        summary = train(changed, folder, care, on_text=told.append)
        assert any(f"chunk {done}" in line for line in told)
        assert summary["chunks"] == 104
        assert logs.read_config(folder)["options"]["learning_rate"] == 0.5

    @pytest.mark.slow
    def test_of_the_policy_plans_anew(self, folder):
        told = []
        changed = replace(OPTIONS, policy="truncated")
        care = JobOptions(override_config=True)
        summary = train(changed, folder, care, on_text=told.append)
        assert summary["chunks"] == 104 and any("planned anew" in line for line in told)

    @pytest.mark.slow
    def test_of_the_data_begins_them_anew(self, folder):
        told = []
        changed = replace(OPTIONS, data=replace(OPTIONS.data, chunk=20))
        care = JobOptions(override_config=True)
        summary = train(changed, folder, care, on_text=told.append)
        assert summary["chunks"] == 52 and any("from their beginning" in line for line in told)

    @pytest.mark.slow
    def test_more_epochs_go_on_where_it_ended(self, tmp_path, undisturbed):
        quietly(replace(OPTIONS, epochs=1), tmp_path)
        quietly(OPTIONS, tmp_path, JobOptions(override_config=True))
        one, other = newest(tmp_path), newest(undisturbed)
        assert all(np.array_equal(one[name], other[name]) for name in one)

    def test_other_data_of_the_same_name_are_refused(self, tmp_path):
        rng = np.random.default_rng(0)
        data = tmp_path / "x.npy"
        np.save(data, rng.normal(size=(600, 2)))
        options = replace(OPTIONS, data=replace(OPTIONS.data, data=str(data)))
        with pytest.raises(StoppedError):
            quietly(options, tmp_path / "run", should_stop=Countdown(12))
        np.save(data, rng.normal(size=(600, 2)))
        with pytest.raises(RunError, match="on other data"):
            quietly(options, tmp_path / "run")


def test_a_second_job_in_a_folder_is_refused(tmp_path):
    with FolderLock(tmp_path), pytest.raises(LogError, match=rf"in use by process {os.getpid()}"):
        quietly(OPTIONS, tmp_path)
    assert not (tmp_path / "config.json").exists()


def spoil(monkeypatch, number):
    """Has the model's loss be NaN in the chunk of a number, the second stream being at fault."""
    opened = training.open_dataset

    def spoilt(options):
        dataset = opened(options)
        return dataset._replace(train=Spoilt(dataset.train, number))

    monkeypatch.setattr(training, "open_dataset", spoilt)


class Spoilt:
    """Is chunks one of which has a number that is finite and too large to be squared."""

    def __new__(cls, chunks, number):
        made = list(chunks)
        x = made[number].arrays["x"].copy()
        y = made[number].arrays["y"].copy()
        y[1, 2:] = 1e38
        made[number] = made[number]._replace(arrays={**made[number].arrays, "x": x, "y": y})
        return made


class TestANumberThatIsNotFinite:
    BAD = 31

    def test_stops_the_job_and_names_chunk_stream_and_tensor(self, tmp_path, monkeypatch):
        spoil(monkeypatch, self.BAD)
        with pytest.raises(NumericsError) as error:
            quietly(OPTIONS, tmp_path)
        message = str(error.value)
        assert "\n" not in message
        for fact in ("chunk 31", "loss", "stream", "1", "--on_nan", "bad_numbers"):
            assert fact in message, message
        evidence = load_evidence(tmp_path / "bad_numbers" / "chunk-0000031.npz")
        assert evidence.number == 31 and (evidence.arrays["y"][1, 2:] == np.float32(1e38)).all()
        assert not (tmp_path / "summary.json").exists()
        (bad,) = [line for line in metric_lines(tmp_path) if line["kind"] == "bad"]
        assert (bad["chunk"], bad["action"]) == (31, "stop")
        assert read_contents(tmp_path).attempts[-1]["reason"] == "failed"

    @pytest.mark.parametrize("action", [pytest.param("skip", marks=pytest.mark.slow), "rollback"])
    def test_can_be_left_out_and_interruptions_change_nothing(self, tmp_path, monkeypatch, action):
        spoil(monkeypatch, self.BAD)
        care = JobOptions(on_nan=action, checkpoint_every=1e-9)
        summary = quietly(OPTIONS, tmp_path / "wanted", care)
        # Chunks 30 to 32 in each of two epochs.
        assert summary["skipped_sweeps"] == 2 and summary["chunks"] == 104
        assert all(np.isfinite(value).all() for value in newest(tmp_path / "wanted").values())
        stop = Countdown(38, 125)
        for _ in range(9):
            try:
                quietly(OPTIONS, tmp_path / "run", care, should_stop=stop)
                break
            except StoppedError:
                pass
        check_same_ending(tmp_path / "run", tmp_path / "wanted")

    @pytest.mark.slow
    def test_rolling_back_takes_the_weights_of_the_last_validation(self, tmp_path, monkeypatch):
        spoil(monkeypatch, self.BAD)
        seen = []
        decide = Job.bad_numbers.fget

        def watched(job):
            def bad_numbers(bad):
                answer = decide(job)(bad)
                seen.append(job._runner.session.run(job._model.global_step))
                return answer

            return bad_numbers

        monkeypatch.setattr(Job, "bad_numbers", property(watched))
        options = replace(OPTIONS, epochs=1)
        quietly(options, tmp_path, JobOptions(on_nan="rollback"))
        # Validated at chunk 24, behind eight steps of three chunks; bad in the eleventh.
        assert seen == [8]

    def test_too_many_in_a_row_stop_the_job_all_the_same(self, tmp_path):
        wild = replace(OPTIONS, optimizer="sgd", learning_rate=1e30, clip_norm=None)
        with pytest.raises(NumericsError, match="sweeps in a row"):
            quietly(wild, tmp_path, JobOptions(on_nan="skip"))


@pytest.mark.slow
def test_a_carried_gradient_is_clipped_and_that_is_logged(tmp_path):
    options = replace(OPTIONS, epochs=1)
    quietly(options, tmp_path / "free")
    norms = [n["upstream_norm"] for n in metric_lines(tmp_path / "free") if n["kind"] == "train"]
    limit = float(np.median(norms)) / 2
    quietly(replace(options, clip_carry=limit), tmp_path / "clipped")
    lines = [n for n in metric_lines(tmp_path / "clipped") if n["kind"] == "train"]
    assert sum(line["clipped"] for line in lines) > len(lines) / 2
    assert max(line["upstream_norm"] for line in lines) > limit
    one, other = (newest(tmp_path / name) for name in ("free", "clipped"))
    assert any(not np.array_equal(one[name], other[name]) for name in one)


class TestAFullDisk:
    @pytest.fixture
    def failing(self, monkeypatch):
        """Has the saves of the given numbers fail as on a full disk."""
        count, fails = [0], set()
        save = Store.save

        def full(*arguments, **more):
            count[0] += 1
            if count[0] in fails:
                raise LogError("checkpoints: No space left on device")
            return save(*arguments, **more)

        monkeypatch.setattr(Store, "save", full)
        return fails

    def test_stops_the_job_and_the_last_checkpoint_stays(self, tmp_path, failing, undisturbed):
        failing.add(3)
        with pytest.raises(LogError, match="No space"):
            quietly(OPTIONS, tmp_path)
        assert not (tmp_path / "summary.json").exists()
        assert Store(tmp_path / "checkpoints").newest().step == 8
        quietly(OPTIONS, tmp_path)
        check_same_ending(tmp_path, undisturbed)

    @pytest.mark.slow
    def test_can_be_gone_on_from(self, tmp_path, failing, undisturbed):
        failing.add(3)
        told = []
        care = JobOptions(on_storage_error="continue")
        train(OPTIONS, tmp_path, care, on_text=told.append)
        assert any("No space" in line and "going on" in line for line in told)
        check_same_ending(tmp_path, undisturbed)

    def test_at_the_end_is_no_end(self, tmp_path, failing):
        failing.update(range(3, 100))
        care = JobOptions(on_storage_error="continue")
        with pytest.raises(LogError, match="No space"):
            quietly(OPTIONS, tmp_path, care)
        assert not (tmp_path / "summary.json").exists()


@contextmanager
def started(folder, *flags):
    """Starts a job in a process of its own, which is gone afterwards."""
    with subprocess.Popen(
        [sys.executable, "scripts/train.py", *FLAGS, *flags, f"--logdir={folder}"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_lines(folder, count, process, seconds=120):
    until = time.monotonic() + seconds
    while not (folder / "metrics.jsonl").exists() or len(metric_lines(folder)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """Is the folder of a process that was left alone."""
    folder = tmp_path_factory.mktemp("signals") / "wanted"
    result = run("train.py", *FLAGS, f"--logdir={folder}")
    assert result.code == 0, result.err
    return folder


class TestSignals:
    @pytest.mark.parametrize(
        "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
    )
    def test_one_saves_and_says_run_me_again(self, tmp_path, wanted, number):
        with started(tmp_path) as process:
            wait_for_lines(tmp_path, 30, process)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 75, (out, err)
        assert len(err.splitlines()) == 1 and "run the same command again" in err
        assert not (tmp_path / "summary.json").exists()
        saved = Store(tmp_path / "checkpoints").newest()
        last = read_contents(tmp_path).attempts[-1]
        assert (last["reason"], last["step"]) == ("stopped", saved.step)
        result = run("train.py", *FLAGS, f"--logdir={tmp_path}")
        assert result.code == 0, result.err
        check_same_ending(tmp_path, wanted)

    @pytest.mark.slow
    def test_a_frozen_job_goes_on_and_keeps_its_folder(self, tmp_path, wanted):
        with started(tmp_path) as process:
            wait_for_lines(tmp_path, 30, process)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            other = run("train.py", *FLAGS, f"--logdir={tmp_path}")
            check_refused(other, "train.py", "in use by process", process.pid)
            process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (out, err)
        check_same_ending(tmp_path, wanted)
