"""Kills and stops ranks of training jobs, and their launchers, and compares what they end with.

python tests/chaos/ranks.py --trials=20 --ranks=2
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import killing
import processes

LAUNCHER = -1
POLICIES = {
    **killing.POLICIES,
    # Chunks, not streams, lie on different ranks.
    "sequence": ("--parallel=sequence", "--window=8"),
}
# The launcher's: short ones, so that a stopped rank is noticed soon; not so short that a busy
# machine is taken for a stopped one.
WAITS = ("--timeout=6", "--patience=30", "--grace=10")
EPOCHS = 25
# At any moment from the launcher's start on; as a checkpoint is saved; when the work is done.
MOMENTS = ("any", "any", "save", "save", "end")
# Jobs that may end before they are struck, per trial.
_TRIES = 5
# Lines of a job's output that are shown if something is wrong with it.
_SAID = 20
# Seconds that processes have to be gone behind the job's end.
_GONE = 20.0


class Trial(NamedTuple):
    """Says what is done to one job."""

    number: int
    policy: str
    victim: int
    """A rank, or LAUNCHER."""
    how: signal.Signals
    moment: str

    def __str__(self) -> str:
        who = "launcher" if self.victim == LAUNCHER else f"rank {self.victim}"
        return f"{self.number:>3} {self.policy:<10} {who:<9} {self.how.name:<8} {self.moment:<5}"


class Undisturbed(NamedTuple):
    """Holds what a job that was left alone took and left."""

    seconds: float
    working: float
    """Seconds of it from the first optimiser step on."""
    ending: dict[str, Any]


class Result(NamedTuple):
    """Tells of one trial."""

    trial: Trial
    seconds: float
    """From the strike to the job going on, or to its end."""
    problems: list[str]


def plan(trials: int, ranks: int, seed: int, policies: list[str]) -> list[Trial]:
    """Draws the trials, so that every rank is killed and stopped, and the launcher is killed."""
    rng = random.Random(seed)
    blows = [(rank, how) for rank in range(ranks) for how in (signal.SIGKILL, signal.SIGSTOP)]
    blows.append((LAUNCHER, signal.SIGKILL))
    drawn: list[tuple[int, signal.Signals]] = []
    while len(drawn) < trials:
        drawn += rng.sample(blows, len(blows))
    return [
        Trial(n, policies[n % len(policies)], *blow, rng.choice(MOMENTS))
        for n, blow in enumerate(drawn[:trials])
    ]


def start(policy: str, ranks: int, folder: Path, epochs: int) -> subprocess.Popen[bytes]:
    """Starts a job, the first time and again."""
    flags = (*killing.JOB, f"--epochs={epochs}", *POLICIES[policy])
    return killing.begin(["scripts/launch.py", f"--ranks={ranks}", *WAITS, "--", *flags], folder)


def undisturbed(policy: str, ranks: int, place: Path, epochs: int = EPOCHS) -> Undisturbed:
    """Runs a job to its end."""
    folder = place / f"{policy}-undisturbed"
    began = time.time()
    try:
        code = start(policy, ranks, folder, epochs).wait(killing.PATIENCE)
    finally:
        processes.end_all(folder)
    if code:
        raise RuntimeError(f"{policy}: exit code {code}: {killing.last_line(folder)}")
    ended = time.time()
    return Undisturbed(ended - began, ended - starts(folder)[-1], killing.ending(folder))


def attempt(
    trial: Trial,
    ranks: int,
    place: Path,
    seed: int,
    wanted: Undisturbed,
    deadline: float,
    epochs: int = EPOCHS,
) -> Result:
    """Strikes a job once and has it go on to its end."""
    rng = random.Random(f"{seed} {trial.number}")
    for number in range(_TRIES):
        folder = place / f"{trial.number}-{trial.policy}-{number}"
        job = start(trial.policy, ranks, folder, epochs)
        try:
            before = strike(job, folder, trial, rng, wanted)
            if before is not None:
                return follow(trial, ranks, job, folder, before, wanted, deadline, epochs)
            # It was done before it could be struck, which no job is to be blamed for.
            job.wait(killing.PATIENCE)
        finally:
            processes.end_all(folder)
    return Result(trial, 0.0, [f"ended before it was struck, {_TRIES} times"])


def follow(
    trial: Trial,
    ranks: int,
    job: subprocess.Popen[bytes],
    folder: Path,
    before: int,
    wanted: Undisturbed,
    deadline: float,
    epochs: int,
) -> Result:
    """Watches a job that was struck go on, and compares what it ends with."""
    struck = time.monotonic()
    if trial.victim == LAUNCHER:
        job.wait(killing.PATIENCE)
        job = start(trial.policy, ranks, folder, epochs)
    problems: list[str] = []
    if not within(deadline, lambda: job.poll() is not None or goes_on(folder, before)):
        problems.append(f"does not go on within {deadline:g} s")
    seconds = time.monotonic() - struck
    problems += ended(job, folder, wanted)
    if problems:
        problems += last_lines(folder)
    else:
        shutil.rmtree(folder)
    return Result(trial, seconds, problems)


def strike(
    job: subprocess.Popen[bytes],
    folder: Path,
    trial: Trial,
    rng: random.Random,
    wanted: Undisturbed,
) -> int | None:
    """Waits for the moment and sends the signal.

    Returns:
      The starts of the job before it; None if there was nobody left to be struck.
    """
    own = folder / "ranks" / str(trial.victim) if trial.victim > 0 else folder
    if trial.moment == "any":
        await_or_end(job, seconds=rng.uniform(0.0, 0.9 * wanted.seconds))
    elif trial.moment == "save":
        await_or_end(job, (folder / "metrics.jsonl").exists)
        await_or_end(job, seconds=rng.uniform(0.0, 0.6 * wanted.working))
        await_or_end(job, lambda: any((folder / "checkpoints").glob(".saving-*")))
    else:
        await_or_end(job, (own / "summary.json").exists)
        await_or_end(job, seconds=rng.uniform(0.0, 0.3))
    if trial.victim == LAUNCHER:
        pid = job.pid
    else:
        # At its very beginning a launcher has no ranks yet.
        await_or_end(job, lambda: trial.victim in processes.ranks_of(job.pid))
        pid = processes.ranks_of(job.pid).get(trial.victim, 0)
    before = len(starts(folder))
    if not pid or job.poll() is not None:
        return None
    with suppress(ProcessLookupError):
        os.kill(pid, trial.how)
        return before
    return None


def await_or_end(
    job: subprocess.Popen[bytes],
    happened: Callable[[], bool] = lambda: False,
    seconds: float = killing.PATIENCE,
) -> None:
    """Waits until something has happened, a time is over or a job has ended."""
    within(seconds, lambda: job.poll() is not None or happened())


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Waits until something has happened, for some time; says whether it has."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def starts(folder: Path) -> list[float]:
    """Reads when rank 0 began to work, each time."""
    path = folder / "attempts.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    entries = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    return [entry["time"] for entry in entries if entry["event"] == "start"]


def goes_on(folder: Path, before: int) -> bool:
    """Says whether a job has logged something since it was started again."""
    began = starts(folder)
    metrics = folder / "metrics.jsonl"
    return len(began) > before and metrics.exists() and metrics.stat().st_mtime > began[-1]


def ended(job: subprocess.Popen[bytes], folder: Path, wanted: Undisturbed) -> list[str]:
    """Waits for the end of a job; names all that is wrong with it."""
    try:
        code = job.wait(killing.PATIENCE)
    except subprocess.TimeoutExpired:
        processes.end_all(folder)
        return [f"no end within {killing.PATIENCE:g} s: {killing.last_line(folder)}"]
    problems = []
    if not within(_GONE, lambda: not processes.working_on(folder)):
        problems.append(f"{len(processes.end_all(folder))} processes are left behind")
    if code:
        return [*problems, f"exit code {code}: {killing.last_line(folder)}"]
    differing = killing.differences(killing.ending(folder), wanted.ending)
    return [*problems, f"other {', '.join(differing[:5])}"] if differing else problems


def torment(
    trials: list[Trial],
    ranks: int,
    place: Path,
    seed: int,
    deadline: float,
    epochs: int = EPOCHS,
    on_result: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Makes trials, one after another."""
    alone = {
        policy: undisturbed(policy, ranks, place, epochs)
        for policy in dict.fromkeys(trial.policy for trial in trials)
    }
    results = []
    for trial in trials:
        wanted = alone[trial.policy]
        results.append(attempt(trial, ranks, place, seed, wanted, deadline, epochs))
        on_result(results[-1])
    return results


def last_lines(folder: Path) -> list[str]:
    """Returns the end of what a job said, a line each."""
    text = folder.with_suffix(".out").read_text(encoding="utf-8", errors="replace")
    return [f"\n      {line}" for line in text.splitlines()[-_SAID:]]


def _print(result: Result) -> None:
    print(f"{result.trial} {result.seconds:6.1f} s  {'; '.join(result.problems)}", flush=True)


def main() -> int:
    """Reads the command line, and prints a line per trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument(
        "--deadline", type=float, default=150.0, help="Seconds from a strike to going on."
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="Length of a job.")
    parser.add_argument("--only", type=int, nargs="+", help="Numbers of the trials to make.")
    arguments = parser.parse_args()
    began = time.monotonic()
    # TensorFlow is loaded to read what the jobs leave, and has nothing to say here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    trials = plan(arguments.trials, arguments.ranks, arguments.seed, arguments.policies)
    trials = [
        trial for trial in trials if arguments.only is None or trial.number in arguments.only
    ]
    if not trials:
        parser.error("no trial is left to be made")
    with tempfile.TemporaryDirectory() as place:
        results = torment(
            trials,
            arguments.ranks,
            Path(place),
            arguments.seed,
            arguments.deadline,
            arguments.epochs,
            on_result=_print,
        )
    lost = sum(bool(result.problems) for result in results)
    longest = max(results, key=lambda result: result.seconds)
    print(
        f"{len(results)} trials with {arguments.ranks} ranks, {lost} jobs lost, at most "
        f"{longest.seconds:.1f} s from a strike to the job going on (trial "
        f"{longest.trial.number}), {time.monotonic() - began:.0f} s, seed {arguments.seed}"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
