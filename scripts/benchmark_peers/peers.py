"""The opponents: which rows a case has, and how each row's worker is started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tgcarry
from benchmark_peers.cases import Case

SCRIPTS = Path(__file__).resolve().parent.parent
PEERS = ("stock", "tf1", "torch", "jax")
# JAX leaves to its user how many steps of a scan go into one turn of its loop.
UNROLLS = (1, 4, 8)


@dataclass(frozen=True)
class Row:
    """Describes one row of a table.

    Attributes:
      key: short name, the same in every case.
      label: what the tables call it.
      program: module of `benchmark_peers` that its worker runs.
      options: for the worker's "prepare".
      choices: further options, of which the fastest is taken; none to choose from if empty.
      python: interpreter; this one if empty.
      reset_after: whether its GRU applies the reset gate behind the product.
    """

    key: str
    label: str
    program: str
    options: Mapping[str, Any]
    choices: Sequence[Mapping[str, Any]] = field(default=())
    python: str = ""
    reset_after: bool = False

    def command(self) -> list[str]:
        """Returns the worker's command line."""
        return [self.python or sys.executable, "-m", f"benchmark_peers.{self.program}"]

    def environment(self) -> dict[str, str]:
        """Returns the worker's environment: where to import from, and no chatter."""
        paths = [str(SCRIPTS)]
        # Another interpreter's packages are none of this one's.
        if not self.python:
            given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
            paths += [str(Path(tgcarry.__file__).resolve().parents[1])]
            # They may be relative, and a worker is started elsewhere.
            paths += [str(Path(path).resolve()) for path in given]
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(paths),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }


GEMM = Row("gemm", "peak", "gemm_worker", {"size": 2048})


def rows_for(
    case: Case, engines: Sequence[str], peers: Sequence[str], python: str | None, budget: str
) -> list[Row]:
    """Lists a case's rows; the first is what the others are compared with.

    Args:
      case: a cut one gets sweeps and checkpoints, and unbroken passes beside them.
      engines: of tgcarry.
      peers: of `PEERS`.
      python: interpreter that has TensorFlow 1.15, or None.
      budget: `memory_budget` of another row of sweeps; none if empty.
    """
    rows = [row for engine in engines for row in _tgcarry(case, engine, budget)]
    if "stock" in peers and "stock" not in engines:
        rows += _tgcarry(case, "stock", "")
    if "tf1" in peers and python is not None and case.whole:
        rows.append(Row("tf1", "TensorFlow 1.15 dynamic_rnn", "tf1_worker", {}, python=python))
    if "torch" in peers:
        rows += [
            Row(f"torch-{mode}", f"torch.nn{word}", "torch_worker", {"mode": mode}, (), "", True)
            for mode, word in _modes(case, "checkpoint")
        ]
    if "jax" in peers:
        choices = [{"unroll": unroll} for unroll in UNROLLS if unroll <= case.steps]
        rows += [
            Row(f"jax-{mode}", f"JAX scan{word}", "jax_worker", {"mode": mode}, choices)
            for mode, word in _modes(case, "checkpoint")
        ]
    return rows


def _modes(case: Case, cut: str) -> list[tuple[str, str]]:
    """Lists a case's modes, and the words for them in a label."""
    if not case.chunk:
        return [("whole", "")]
    return [(cut, f", {cut}"), *([("whole", ", unbroken")] if case.whole else [])]


def _tgcarry(case: Case, engine: str, budget: str) -> list[Row]:
    name = "TensorFlow dynamic_rnn" if engine == "stock" else f"tgcarry {engine}"
    rows = [
        Row(
            f"{engine}-{mode}",
            f"{name}{word}",
            "tgcarry_worker",
            {"engine": engine, "mode": mode},
        )
        for mode, word in _modes(case, "sweep")
    ]
    if case.chunk and budget:
        options = {"engine": engine, "mode": "sweep", "budget": budget}
        rows.insert(
            1, Row(f"{engine}-budget", f"{name}, sweep in {budget}", "tgcarry_worker", options)
        )
    return rows


def find_tf1(given: str | None) -> tuple[str | None, str]:
    """Finds a Python that has TensorFlow 1.15.

    Args:
      given: the only interpreter to try; None to look on PATH and among pyenv's.

    Returns:
      `(interpreter or None, why not)`.
    """
    candidates = [given] if given else _pythons()
    for python in candidates:
        if _has_tf1(python):
            return python, ""
    if given:
        return None, "the interpreter of --tf1_python does not import TensorFlow 1.15"
    return None, "no Python 3.7 with TensorFlow 1.15 was found; name one with --tf1_python"


def _pythons() -> list[str]:
    on_path = shutil.which("python3.7")
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.7*/bin/python"))
    return [python for python in [on_path, *map(str, pyenv)] if python]


def _has_tf1(python: str) -> bool:
    program = "import tensorflow as tf; raise SystemExit(not tf.__version__.startswith('1.15'))"
    try:
        done = subprocess.run(
            # Isolated: this interpreter's PYTHONPATH is none of that one's.
            [python, "-I", "-c", program],
            capture_output=True,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
