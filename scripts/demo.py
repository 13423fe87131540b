"""Trains the same models under three policies, and shows what carrying the gradient buys.

Two tasks: characters of the Python standard library's own source, and a memory task whose
answer lies several chunks before the question. Ends with one table and one picture.
"""

import _startup

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags

import tgcarry as tgc
from tgcarry import console, logs
from tgcarry.comparison import Comparison, compare_gradients
from tgcarry.dataset import open_dataset
from tgcarry.engines import ENGINES
from tgcarry.evaluation import read_trained, restored
from tgcarry.plots import draw_comparison

_OUT = flags.DEFINE_string("out", "runs/demo", "Folder for the runs, the table and the picture.")
_SCALE = flags.DEFINE_float(
    "scale", 1.0, "Multiplies the amount of training; below 1 for a quick look.", lower_bound=0.01
)

_ENGINE = flags.DEFINE_enum("engine", "auto", list(ENGINES), "How the cells are unrolled.")

POLICIES: dict[str, tgc.Policy] = {
    "truncated": tgc.Truncated(),
    "stale": tgc.Stale(),
    "exact": tgc.ExactSweep(),
}


class Task(NamedTuple):
    """Describes one task of the demonstration."""

    title: str
    flags: dict[str, Any]
    window: int
    """Chunks per sweep of the exact policy, 0 for whole sequences."""
    stretch: int
    """Chunks over which gradients are compared."""


def tasks(scale: float) -> dict[str, Task]:
    """Lists the tasks; `scale` multiplies how long they train."""
    return {
        "text": Task(
            "Python's standard library, characters",
            {
                "data": "stdlib",
                "limit_bytes": max(30_000, int(700_000 * scale)),
                "chunk": 10,
                "batch": 32,
                "units": 64,
                "learning_rate": 5e-3,
                "validation": 0.04,
            },
            window=5,
            stretch=5,
        ),
        "recall": Task(
            "name the symbol seen 5 chunks ago",
            {
                "data": "recall",
                "sequence": 50,
                "sequences": max(20, int(400 * scale)),
                "chunk": 10,
                "batch": 32,
                "units": 32,
                "learning_rate": 1e-2,
            },
            window=0,
            stretch=5,
        ),
    }


def run(task: Task, policy: str, folder: Path) -> dict[str, Any]:
    """Trains one task under one policy in a process of its own and returns its summary."""
    options = {**task.flags, "policy": policy, "window": task.window, "logdir": folder}
    options["engine"] = _ENGINE.value
    command = [sys.executable, str(Path(__file__).with_name("train.py")), "--overwrite"]
    command += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)
    return logs.read_summary(folder)


def compare(task: Task, folder: Path) -> dict[str, Comparison]:
    """Compares the policies' gradients with the unbroken one at a trained run's weights."""
    trained = read_trained(folder)
    dataset = open_dataset(trained.options)
    chunks = [dataset.train[k] for k in range(task.stretch)]
    with restored(trained, folder) as (runner, _, _):
        found = compare_gradients(runner, chunks, POLICIES.values())
    return dict(zip(POLICIES, found, strict=True))


def loss_at(folder: Path, step: int) -> float:
    """Reads the last validation loss of a run up to an optimiser step."""
    held = [e for e in logs.read_metrics(folder, "validation") if e["step"] <= step]
    return float(held[-1]["loss"])


def _row(
    task: str, policy: str, summary: dict[str, Any], early: float, comparison: Comparison
) -> list[str]:
    held = summary["validation"]
    return [
        task,
        policy,
        f"{held['loss']:.3f}",
        f"{early:.3f}",
        f"{held['accuracy']:.1%}",
        f"{comparison.cosine:.4f}",
        f"{comparison.relative_error:.1e}",
        str(summary["steps"]),
        f"{summary['milliseconds_per_step']:.1f}",
        f"{summary['milliseconds_per_chunk']:.1f}",
        f"{summary['peak_memory_mib']:.0f}",
    ]


HEADER = [
    "task",
    "policy",
    "loss",
    "early",
    "accuracy",
    "cosine",
    "rel. error",
    "steps",
    "ms/step",
    "ms/chunk",
    "peak MiB",
]

LEGEND = """\
loss, accuracy: on held-out data; every policy reads the same chunks. early: the loss when each
policy had taken as many optimiser steps as exact took in all. cosine, rel. error: of the policy's
gradient of the recurrent variables over {stretch} chunks against that of the unbroken sequence, at
the weights that exact training ended with. peak MiB: of the whole process, TensorFlow included."""


def main(_: list[str]) -> None:
    """Trains every task under every policy, prints the table and writes the picture."""
    console.quiet_tensorflow()
    out, started = Path(_OUT.value), time.perf_counter()
    rows, pictured, chance = [], {}, {}
    with console.one_line_errors("demo.py"):
        for name, task in tasks(_SCALE.value).items():
            summaries = {}
            for policy in POLICIES:
                print(f"training {name} under {policy} ...", end=" ", flush=True)
                summaries[policy] = run(task, policy, out / name / policy)
                print(f"loss {summaries[policy]['validation']['loss']:.3f}", flush=True)
            comparisons = compare(task, out / name / "exact")
            fewest = min(summary["steps"] for summary in summaries.values())
            for policy, summary in summaries.items():
                early = loss_at(out / name / policy, fewest)
                rows.append(_row(name, policy, summary, early, comparisons[policy]))
            pictured[task.title] = {policy: out / name / policy for policy in POLICIES}
            if name == "recall":
                chance[task.title] = float(np.log(4))
        picture = draw_comparison(out / "demo.png", pictured, chance)
        text = console.table(HEADER, rows)
        legend = LEGEND.format(stretch=tasks(1)["text"].stretch)
        (out / "demo.txt").write_text(f"{text}\n\n{legend}\n", encoding="utf-8")
    print(f"\n{text}\n\n{legend}")
    print(f"picture: {picture}   table: {out / 'demo.txt'}")
    print(f"total {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    _startup.run(main)
