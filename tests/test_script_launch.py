"""scripts/launch.py: ranks as a user starts them, killed, stopped and gone on with."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "chaos"))
import processes
from scripts_run import ROOT, environment, metric_lines, run

from tgcarry.addresses import free_addresses, write_config

pytestmark = pytest.mark.slow

JOB = [
    *("--data=series", "--units=8", "--batch=4", "--chunk=10", "--engine=loop", "--window=4"),
    *("--eval_every=100", "--checkpoint_every=0.2"),
]
EPOCHS = 20
# An epoch is one sweep.
LONG = ["--units=8", "--batch=4", "--chunk=1", "--engine=loop", "--window=0"]
# What the ranks share out: streams by default.
WAYS = {"streams": (), "sequence": ("--parallel=sequence", "--window=8", "--parts=3")}


@pytest.mark.parametrize(
    ("flags", "fact"),
    [
        (["--ranks=0"], "0: give a whole number of at least 1"),
        (["--ranks=2", "--hosts=a:1,b:1"], "leave --hosts and --rank out"),
        (["--rank=1"], "--rank is one of --hosts"),
        (["--timeout=0", "--ranks=2"], "give a number of seconds above 0"),
        (["--wrong"], "unrecognized arguments: --wrong"),
    ],
)
def test_wrong_flags_are_one_line(flags, fact):
    result = run("launch.py", *flags)
    assert result.code == 2 and fact in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "fact"),
    [
        ([], "who takes part?"),
        (["--hosts=10.0.0.1:4000,10.0.0.2:4000"], "which of them is to be started here?"),
        (["--hosts=10.0.0.1:4000,x"], "address 'x'"),
        (["--hosts=10.0.0.1:4000", "--rank=1"], "--rank=1 of 1 --hosts"),
    ],
)
def test_a_cluster_that_cannot_be_is_one_line(flags, fact):
    result = run("launch.py", *flags)
    assert result.code == 1 and fact in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.slow
def test_what_train_py_refuses_ends_the_job(tmp_path):
    result = run("launch.py", "--ranks=2", "--", "--batch=1", f"--logdir={tmp_path / 'run'}")
    assert result.code == 1, result
    assert "training has 1 streams for 2 ranks" in result.out
    assert "launch.py: rank " in result.out and not (tmp_path / "run").exists()


class Launched:
    """A launcher at work, whose output goes to a file."""

    def __init__(self, folder, ranks=2, *flags, job=JOB, more=(), said=".out"):
        self.folder = folder
        self._said = folder.with_suffix(said)
        who = (f"--ranks={ranks}",) if isinstance(ranks, int) else ranks
        self._begun = len(list(self.pids()))
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "scripts/launch.py", *who, *flags, "--"),
                    *(*job, f"--epochs={EPOCHS}", *more, f"--logdir={folder}"),
                ],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def said(self):
        return self._said.read_text()

    def pids(self):
        """Yields the pid of each rank that ever began to work."""
        for place in (self.folder, *sorted(self.folder.glob("ranks/*"))):
            path = place / "attempts.jsonl"
            for line in path.read_text().splitlines() if path.exists() else ():
                entry = json.loads(line)
                if entry["event"] == "start":
                    yield place.name, entry["pid"]

    def wait_for_steps(self, count):
        """Waits until the ranks have taken some steps; returns the pids of two on this machine."""
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said
            path = self.folder / "metrics.jsonl"
            if path.exists() and len(path.read_text().splitlines()) >= count:
                named = dict(self.pids())
                return [named[self.folder.name], named.get("1")]
            time.sleep(0.02)
        raise AssertionError(self.said)

    def wait_for_rank(self, rank):
        """Waits until a rank was started; returns its pid."""
        deadline = time.monotonic() + 60
        while rank not in (here := processes.ranks_of(self.process.pid)):
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.02)
        return here[rank]

    def end(self):
        code = self.process.wait(300)
        return code, self.said


def weights(folder):
    import tensorflow.compat.v1 as tf

    newest = max((folder / "checkpoints").glob("step-*"))
    reader = tf.train.load_checkpoint(str(newest / "model.ckpt"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def check_close(folder, other):
    """Checks that all steps were taken, none of them twice, and float32's rounding apart alike."""
    one, two = metric_lines(folder), metric_lines(other)
    for key in ("kind", "step", "chunks"):
        assert [line[key] for line in one] == [line[key] for line in two]
    for got, wanted in zip(one, two, strict=True):
        for key in wanted.keys() & {"loss", "grad_norm", "upstream_norm", "time_steps"}:
            assert got[key] == pytest.approx(wanted[key], rel=1e-4), (key, wanted)
    values, others = weights(folder), weights(other)
    assert values.keys() == others.keys()
    for name, value in others.items():
        np.testing.assert_allclose(values[name], value, 1e-5, 1e-5, err_msg=name)


def check_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, way):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    code, said = Launched(folder, more=way).end()
    assert code == 0, said
    return folder, said


@pytest.mark.slow
def test_two_ranks_train_as_one_process_does(undisturbed, tmp_path, way):
    folder, said = undisturbed
    # Of a sequence that nobody else has a part of, the exact policy.
    window = [flag for flag in way if flag.startswith("--window")]
    result = run("train.py", *JOB, *window, f"--epochs={EPOCHS}", f"--logdir={tmp_path / 'one'}")
    assert result.code == 0, result
    check_close(folder, tmp_path / "one")
    assert all(line.startswith(("[0] ", "[1] ", "launch.py: ")) for line in said.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_rank_that_is_lost_costs_no_bit(undisturbed, tmp_path, way, how, rank):
    job = Launched(tmp_path / "run", 2, "--timeout=3", more=way)
    os.kill(job.wait_for_steps(30)[rank], how)
    code, said = job.end()
    assert code == 0, said
    assert "all ranks start again (1 of 3)" in said
    assert "goes on from step" in said
    check_same(weights(tmp_path / "run"), weights(undisturbed[0]))


@pytest.mark.parametrize("moment", ["at work", "before"])
def test_an_earlier_run_is_removed_once(undisturbed, tmp_path, way, moment):
    """The run of other options that is in the way, but not what was done since."""
    folder = tmp_path / "run"
    before = run("train.py", *JOB, "--steps=2", "--units=4", f"--logdir={folder}")
    assert before.code == 0
    job = Launched(folder, 2, "--timeout=5", more=(*way, "--overwrite"))
    if moment == "at work":
        os.kill(job.wait_for_steps(30)[0], signal.SIGKILL)
    else:
        os.kill(job.wait_for_rank(1), signal.SIGKILL)
    code, said = job.end()
    assert code == 0, said
    assert "all ranks start again (1 of 3)" in said
    # Killed before any work, there is nothing to go on from, unless a slow machine lost another.
    lost = said.count("all ranks start again")
    assert ("goes on from step" in said) == (moment == "at work" or lost > 1)
    check_same(weights(folder), weights(undisturbed[0]))


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["launcher", "rank"])
def test_a_job_that_is_asked_to_stop_goes_on(undisturbed, tmp_path, way, whom):
    job = Launched(tmp_path / "run", more=way)
    pids = job.wait_for_steps(30)
    os.kill(job.process.pid if whom == "launcher" else pids[1], signal.SIGTERM)
    code, said = job.end()
    assert code == 75, said
    assert "stopped as asked, at step" in said
    code, said = Launched(tmp_path / "run", more=way).end()
    assert code == 0 and "goes on from step" in said
    check_same(weights(tmp_path / "run"), weights(undisturbed[0]))


@pytest.mark.slow
def test_a_job_goes_on_with_another_number_of_ranks(undisturbed, tmp_path, way):
    folder = tmp_path / "run"
    job = Launched(folder, more=way)
    job.wait_for_steps(30)
    job.process.terminate()
    assert job.end()[0] == 75
    job = Launched(folder, 3, more=way)
    job.wait_for_steps(60)
    job.process.terminate()
    assert job.end()[0] == 75, job.said
    result = run("train.py", *JOB, *way, f"--epochs={EPOCHS}", f"--logdir={folder}")
    assert result.code == 0 and "goes on from step" in result.out, result
    check_close(folder, undisturbed[0])


def with_launchers_apart(folder, data):
    """Starts two ranks of a job of one long sweep, each with a launcher of its own."""
    hosts = ",".join(free_addresses(2))
    folder.mkdir()
    return [
        Launched(
            folder / str(rank),
            (f"--hosts={hosts}", f"--rank={rank}", "--retries=1", "--timeout=25"),
            job=LONG,
            more=(f"--data={data}", "--epochs=1"),
        )
        for rank in range(2)
    ]


@pytest.fixture(scope="module")
def long_sweep(tmp_path_factory):
    """Gives the data of a sweep of 20 s or so, and the folder of a job that was left alone."""
    folder = tmp_path_factory.mktemp("long")
    data = folder / "long.npy"
    np.save(data, np.random.default_rng(0).normal(size=(28000, 1)).astype(np.float32))
    for job in with_launchers_apart(folder / "alone", data):
        assert job.end()[0] == 0, job.said
    return data, folder / "alone" / "0"


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_is_lost_in_a_long_sweep_comes_back(tmp_path, long_sweep, rank):
    """The other one goes on until its sweep ends; what comes back meanwhile is sent away."""
    data, alone = long_sweep
    jobs = with_launchers_apart(tmp_path / "jobs", data)
    jobs[0].wait_for_steps(1)
    # They meet for a checkpoint before the sweep, and then for a long time not.
    checkpoints, deadline = tmp_path / "jobs" / "0" / "checkpoints", time.monotonic() + 60
    while not any(checkpoints.glob("step-*")):
        assert time.monotonic() < deadline, jobs[0].said
        time.sleep(0.02)
    time.sleep(2)
    os.kill(jobs[rank].wait_for_rank(rank), signal.SIGKILL)
    ends = [job.end() for job in jobs]
    assert [code for code, _ in ends] == [0, 0], ends
    # More starts than --retries has it: else the sweep was too short for this to be a test.
    assert rank == 0 or "start again (2 of 1 or more within" in jobs[1].said, jobs[1].said
    check_same(weights(tmp_path / "jobs" / "0"), weights(alone))


# $1 is what runs on one host, $2 on the other.
HOSTS = """
set -eu
unshare --net sleep 600 &
other=$!
trap 'kill $other' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link set lo up
ip link add here type veth peer name there
ip link set there netns $other
ip address add 10.77.0.1/24 dev here
ip link set here up
nsenter --target $other --net sh -c '
    ip link set lo up; ip address add 10.77.0.2/24 dev there; ip link set there up'
sh -c "$1" &
first=$!
nsenter --target $other --net sh -c "$2"
wait $first
"""


@pytest.fixture
def two_hosts():
    """Gives what runs two commands in two networks that a cable joins, 10.77.0.1 and 10.77.0.2."""

    def start(one, other, seconds=60):
        command = ["unshare", "--user", "--map-root-user", "--net", "bash", "-c", HOSTS]
        return subprocess.run(
            [*command, "hosts", one, other],
            cwd=ROOT,
            env={**environment(), "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    try:
        trial = start("ip address show here", "ip address show there")
    except OSError:
        pytest.skip("there is no unshare")
    if trial.returncode:
        pytest.skip(f"no networks may be made here: {trial.stderr.strip()}")
    assert "10.77.0.1" in trial.stdout and "10.77.0.2" in trial.stdout
    return start


def test_two_hosts_end_with_the_bits_of_two_ranks_on_one(two_hosts, undisturbed, tmp_path, way):
    hosts = ["10.77.0.1:4000", "10.77.0.2:4000"]
    # As a user says who takes part, and as a scheduler does.
    environments = "", f"TF_CONFIG={shlex.quote(write_config(hosts, 1)['TF_CONFIG'])}"
    who = f"--hosts={','.join(hosts)} --rank=0", ""
    commands = [
        f"{environments[rank]} {sys.executable} scripts/launch.py {who[rank]} -- "
        f"{' '.join([*JOB, *way])} --epochs={EPOCHS} --logdir={tmp_path / str(rank)}"
        for rank in range(2)
    ]
    together = two_hosts(*commands, seconds=300)
    assert together.returncode == 0, together
    assert "keep these ports behind a firewall" in together.stdout
    check_same(weights(tmp_path / "0"), weights(undisturbed[0]))
