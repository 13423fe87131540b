"""Measures what a memory budget really takes, beside what the plan said, and what it saves.

Each budget runs in a process of its own: the exact gradient of one long sequence, made chunk by
chunk. The run without a budget is what the others are measured against.

For example:
  python scripts/measure_budget.py --budgets=250MiB,500MiB,1GiB --chunk=100 --batch=32
"""

import _startup

import json
import subprocess
import sys
import time
from typing import Any

import tensorflow.compat.v1 as tf
from _noise import NoiseChunks
from absl import flags

import tgcarry as tgc
from tgcarry import console
from tgcarry.scores import peak_memory

_BUDGETS = flags.DEFINE_list("budgets", ["250MiB", "500MiB", "1GiB"], "Budgets to measure.")
_STEPS = flags.DEFINE_integer("steps", 4000, "Steps of the sequence.", lower_bound=1)
_CHUNK = flags.DEFINE_integer("chunk", 100, "Steps of a chunk.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 32, "Streams.", lower_bound=1)
_UNITS = flags.DEFINE_integer("units", 256, "Units of the GRU.", lower_bound=1)
_FEATURES = flags.DEFINE_integer("features", 32, "Features per step.", lower_bound=1)
_ENGINE = flags.DEFINE_string("engine", "auto", "Engine of dynamic_rnn.")
_TOLERANCE = flags.DEFINE_float("tolerance", 0.15, "Share by which the plan may be off.")
_ONE = flags.DEFINE_string("one", None, "Measures one budget in this process.")

MIB = 2**20


def measure(budget: str) -> dict[str, Any]:
    """Takes the exact gradient within a budget in this process, and reports plan and peak."""
    chunks = NoiseChunks(_STEPS.value, _CHUNK.value, _BATCH.value, _FEATURES.value)
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, None, _FEATURES.value], "x")
        cell = tgc.GRUCell(_UNITS.value)
        ports = tgc.carry_ports(cell)
        outputs, final_state = tgc.dynamic_rnn(
            cell, x, initial_state=ports.initial_state, engine=_ENGINE.value
        )
        loss = tf.reduce_sum(tf.square(outputs))
        graph = tgc.build_chunk(loss, ports, final_state, {"x": x})
        with tgc.Runner(graph, tgc.ExactSweep(memory_budget=budget)) as runner:
            plan = runner.plan(chunks)
            runner.gradients(chunks)
            peak = peak_memory()
            started = time.perf_counter()
            gradients = runner.gradients(chunks)
            seconds = time.perf_counter() - started
    return {
        "plan": str(plan),
        "kept": plan.kept,
        "predicted": plan.kept * plan.chunk_bytes,
        "extra": plan.extra_forward,
        "peak": peak,
        "seconds": seconds,
        "loss": gradients.loss,
    }


def _in_a_process(budget: str) -> dict[str, Any]:
    command = [sys.executable, __file__, f"--one={budget}"]
    for flag in (_STEPS, _CHUNK, _BATCH, _UNITS, _FEATURES, _ENGINE):
        command.append(f"--{flag.name}={flag.value}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        sys.exit(1)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(_: list[str]) -> None:
    """Measures every budget, prints a table, and fails where a plan was off by too much."""
    console.quiet_tensorflow()
    if _ONE.value is not None:
        print(json.dumps(measure(_ONE.value)))
        return
    base = _in_a_process("0")
    rows = [["none", "0", "", "", "", f"{base['extra']:.0%}", f"{base['seconds']:.2f}"]]
    worst = 0.0
    for budget in _BUDGETS.value:
        found = _in_a_process(budget)
        print(found["plan"])
        took = found["peak"] - base["peak"]
        off = took / found["predicted"] - 1 if found["predicted"] else 0.0
        worst = max(worst, abs(off))
        rows.append(
            [
                budget,
                str(found["kept"]),
                f"{found['predicted'] / MIB:.1f}",
                f"{took / MIB:.1f}",
                f"{off:+.1%}",
                f"{found['extra']:.0%}",
                f"{found['seconds']:.2f}",
            ]
        )
    head = ["budget", "kept", "predicted MiB", "measured MiB", "off", "extra forward", "seconds"]
    print(console.table(head, rows))
    if worst > _TOLERANCE.value:
        print(f"measure_budget.py: a plan was off by {worst:.0%}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    _startup.run(main)
