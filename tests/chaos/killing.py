"""Kills training jobs at random moments, has them go on, and compares what they end with.

python tests/chaos/killing.py --kills=100
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
# Long enough to be killed in, and a checkpoint about every third of a second of it.
JOB = (
    *("--data=series", "--units=8", "--batch=4", "--chunk=10", "--engine=loop"),
    *("--eval_every=200", "--checkpoint_every=0.05"),
)
EPOCHS = 25
POLICIES = {
    "truncated": ("--policy=truncated",),
    "stale": ("--policy=stale", "--decay=0.7", "--clip_carry=0.5"),
    "windows": ("--policy=exact", "--window=4"),
    "sequences": ("--policy=exact", "--window=0"),
    "random": ("--policy=random", "--window=8", "--cut=0.4"),
    "synthetic": ("--policy=synthetic", "--synthetic=8"),
    "trunk": ("--policy=synthetic", "--synthetic=8", "--trunk=0.5"),
    "budget": ("--policy=exact", "--window=6", "--memory_budget=40KiB"),
}
# Seconds that a job may take to get from its start to its first step, and to its end.
PATIENCE = 300.0


class Outcome(NamedTuple):
    """Tells of a job that was killed until enough was enough."""

    policy: str
    kills: int
    during_saves: int
    lost: int
    """Jobs that did not end as the undisturbed one did."""
    problems: list[str]


def start(flags: tuple[str, ...], folder: Path, epochs: int = EPOCHS) -> subprocess.Popen[bytes]:
    """Starts the training job of a folder."""
    return begin(["scripts/train.py", *JOB, f"--epochs={epochs}", *flags], folder)


def begin(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Starts a script that works on a folder, whose output goes to a file beside it."""
    with folder.with_suffix(".out").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, *command, f"--logdir={folder}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def ending(folder: Path) -> dict[str, Any]:
    """Reads what a finished job leaves: all bits but those that tell of time and place."""
    import numpy as np
    import tensorflow.compat.v1 as tf

    newest = max((folder / "checkpoints").glob("step-*"))
    reader = tf.train.load_checkpoint(str(newest / "model.ckpt"))
    found = {
        name: reader.get_tensor(name).tobytes() for name in reader.get_variable_to_shape_map()
    }
    with np.load(newest / "position.npz", allow_pickle=False) as position:
        found |= {f"position {name}": position[name].tobytes() for name in position.files}
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found["metrics"] = [timeless(json.loads(line)) for line in lines]
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    found["summary"] = {
        key: summary[key]
        for key in ("steps", "chunks", "validation", "best_validation_loss", "carry_norms")
    }
    return found


def differences(got: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Names what two endings do not have in common."""
    return sorted(key for key in {*got, *wanted} if got.get(key) != wanted.get(key))


def timeless(line: dict[str, Any]) -> dict[str, Any]:
    """Leaves out of a line of metrics what no two runs have in common."""
    return {key: v for key, v in line.items() if key not in ("seconds", "memory_mib", "bubble")}


def torment(
    policy: str, kills: int, place: Path, seed: int, wanted: dict[str, Any], epochs: int = EPOCHS
) -> Outcome:
    """Kills jobs of a policy until it was done often enough, each until it gets to its end.

    Half of the kills come at a random moment after the job has begun to work, the others
    as soon as a checkpoint that is being saved is seen.
    """
    rng = random.Random(seed)
    done = during = lost = 0
    problems: list[str] = []
    for number in range(1 + 4 * kills):
        folder = place / f"{policy}-{number}"
        while True:
            process = start(POLICIES[policy], folder, epochs)
            if done >= kills:
                code = process.wait(PATIENCE)
            else:
                code, saving = strike(process, folder, rng)
                if code is None:
                    done, during = done + 1, during + saving
                    continue
            break
        if code != 0:
            lost += 1
            problems.append(f"{folder.name}: exit code {code}: {last_line(folder)}")
        else:
            differing = differences(ending(folder), wanted)
            if differing:
                lost += 1
                problems.append(f"{folder.name}: other {', '.join(differing[:5])}")
            else:
                shutil.rmtree(folder)
        if done >= kills:
            break
    return Outcome(policy, done, during, lost, problems)


def strike(
    process: subprocess.Popen[bytes], folder: Path, rng: random.Random
) -> tuple[int | None, bool]:
    """Kills a job; or returns its exit code if it ended before.

    Returns:
      the code, None if it was killed; and whether it was saving then.
    """
    metrics, checkpoints = folder / "metrics.jsonl", folder / "checkpoints"
    before = metrics.stat().st_mtime if metrics.exists() else 0.0
    wait_for(process, lambda: metrics.exists() and metrics.stat().st_mtime > before)
    at_a_save, until = rng.random() < 0.5, time.monotonic() + rng.uniform(0.0, 1.5)
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    if at_a_save:
        wait_for(process, lambda: any(checkpoints.glob(".saving-*")), 0.0005)
        time.sleep(rng.uniform(0.0, 0.01))
    if process.poll() is not None:
        return process.returncode, False
    process.send_signal(signal.SIGSTOP)
    saving = any(checkpoints.glob(".saving-*"))
    process.kill()
    process.wait(PATIENCE)
    return None, saving


def wait_for(
    process: subprocess.Popen[bytes], happened: Callable[[], bool], pause: float = 0.005
) -> None:
    """Waits until something has happened, or the process has ended."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and not happened():
        if time.monotonic() > until:
            process.kill()
            raise TimeoutError(f"nothing happened for {PATIENCE:.0f} s")
        time.sleep(pause)


def last_line(folder: Path) -> str:
    """Returns what a job said last."""
    text = folder.with_suffix(".out").read_text(encoding="utf-8", errors="replace")
    return (text.splitlines() or [""])[-1]


def undisturbed(policy: str, place: Path, epochs: int = EPOCHS) -> dict[str, Any]:
    """Runs a job to its end and reads what it leaves."""
    folder = place / f"{policy}-undisturbed"
    code = start(POLICIES[policy], folder, epochs).wait(PATIENCE)
    if code:
        raise RuntimeError(f"{policy}: exit code {code}: {last_line(folder)}")
    return ending(folder)


def torment_all(
    kills: int, place: Path, seed: int, policies: list[str], epochs: int = EPOCHS
) -> list[Outcome]:
    """Shares kills out among policies, two jobs at a time."""
    shares = [kills // len(policies) + (n < kills % len(policies)) for n in range(len(policies))]

    def one(numbered: tuple[int, str]) -> Outcome:
        number, policy = numbered
        try:
            wanted = undisturbed(policy, place, epochs)
            return torment(policy, shares[number], place, seed + number, wanted, epochs)
        except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
            return Outcome(policy, 0, 0, 1, [str(error)])

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, enumerate(policies)))


def main() -> int:
    """Reads the command line, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    arguments = parser.parse_args()
    started = time.monotonic()
    # TensorFlow is loaded to read what the jobs leave, and has nothing to say here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as place:
        outcomes = torment_all(arguments.kills, Path(place), arguments.seed, arguments.policies)
    print(f"{'policy':<12}{'kills':>6}{'in a save':>11}{'lost':>6}")
    for outcome in outcomes:
        print(f"{outcome.policy:<12}{outcome.kills:>6}{outcome.during_saves:>11}{outcome.lost:>6}")
        for problem in outcome.problems:
            print(f"  {problem}")
    lost = sum(outcome.lost for outcome in outcomes)
    kills = sum(outcome.kills for outcome in outcomes)
    seconds = time.monotonic() - started
    print(f"{kills} kills, {lost} jobs lost, {seconds:.0f} s, seed {arguments.seed}")
    return 1 if lost or kills < arguments.kills else 0


if __name__ == "__main__":
    sys.exit(main())
