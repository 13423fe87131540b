"""Times old programs under `python -m tgcarry` and under real TensorFlow 1.15.5, side by side.

Each program trains for 500 steps and prints how long that took; each run is a process of its own,
in alternating rounds. The whole process, with imports and compilation, is timed as well.

For example:
  python scripts/benchmark_legacy.py --tf1_python=/path/to/python3.7 --rounds=3
"""

import _startup

import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from absl import flags

from tgcarry import console

PROGRAMS = Path(__file__).resolve().parent / "benchmark_programs"

_TF1 = flags.DEFINE_string("tf1_python", "python3.7", "A Python that has TensorFlow 1.15.5.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds, one run of each kind.", lower_bound=1)
_NAMES = flags.DEFINE_list("programs", ["char_rnn", "mnist_rnn", "two_grus"], "Which programs.")
_JSON = flags.DEFINE_string("json", None, "Where to write the figures.")

BASE = "TensorFlow 1.15"


class Run(NamedTuple):
    """Holds one run's figures."""

    loss: float
    training: float
    """Seconds that the program took for its 500 steps, compilation included."""
    process: float
    """Seconds from the start of the process to its end."""


def run(command: list[str]) -> Run:
    """Runs a program once."""
    # TensorFlow 2 leaves its version's behaviour in the environment.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF", "PYTHONPATH"))}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=kept)
    seconds = time.perf_counter() - started
    loss = re.search(r"^loss (\S+)$", done.stdout, re.M)
    training = re.search(r"^training took (\S+) s$", done.stdout, re.M)
    if done.returncode or not loss or not training:
        sys.exit(f"benchmark_legacy.py: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return Run(float(loss[1]), float(training[1]), seconds)


def kinds(program: Path) -> dict[str, list[str]]:
    """Returns the commands to compare."""
    tgcarry = [sys.executable, "-m", "tgcarry"]
    return {
        BASE: [_TF1.value, str(program)],
        "tgcarry": [*tgcarry, str(program)],
        "tgcarry --engine=stock": [*tgcarry, "--engine=stock", str(program)],
    }


def measure(name: str) -> dict[str, list[Run]]:
    """Runs one program in every way, round by round."""
    commands = kinds(PROGRAMS / f"{name}.py")
    taken: dict[str, list[Run]] = {kind: [] for kind in commands}
    for _ in range(_ROUNDS.value):
        for kind, command in commands.items():
            taken[kind].append(run(command))
    return taken


def ratios(taken: dict[str, list[Run]], kind: str, field: str) -> float:
    """Returns the median over rounds of 1.15's seconds over `kind`'s."""
    return statistics.median(
        getattr(old, field) / getattr(new, field)
        for old, new in zip(taken[BASE], taken[kind], strict=True)
    )


def _mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def _table(found: dict[str, dict[str, list[Run]]]) -> str:
    rows = []
    for name, taken in found.items():
        for kind, runs in taken.items():
            rows.append(
                [
                    name,
                    kind,
                    f"{statistics.median(r.training for r in runs):.2f}",
                    f"{ratios(taken, kind, 'training'):.2f}",
                    f"{statistics.median(r.process for r in runs):.2f}",
                    f"{ratios(taken, kind, 'process'):.2f}",
                    f"{runs[0].loss:g}",
                ]
            )
    for kind in next(iter(found.values())):
        means = [
            _mean([ratios(t, kind, field) for t in found.values()])
            for field in ("training", "process")
        ]
        rows.append(["geometric mean", kind, "", f"{means[0]:.2f}", "", f"{means[1]:.2f}", ""])
    head = ["program", "run by", "training s", "times faster", "process s", "times faster", "loss"]
    return console.table(head, rows)


def main(_: list[str]) -> None:
    """Measures, prints a table, and writes the figures."""
    console.quiet_tensorflow()
    found = {name: measure(name) for name in _NAMES.value}
    print(_table(found))
    if _JSON.value:
        plain = {
            n: {k: [r._asdict() for r in rs] for k, rs in t.items()} for n, t in found.items()
        }
        Path(_JSON.value).write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    _startup.run(main)
