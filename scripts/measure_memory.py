"""Measures the peak memory of the exact gradient over sequences of several lengths.

Each length runs in a process of its own. The sequence is made chunk by chunk, so that what is
measured is TensorFlow, the graph, and what the policy keeps: one state per chunk.

For example:
  python scripts/measure_memory.py --steps=10000,100000 --chunk=500 --batch=8 --units=128
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

_STEPS = flags.DEFINE_list("steps", ["10000", "100000"], "Lengths to measure, shortest first.")
_CHUNK = flags.DEFINE_integer("chunk", 500, "Steps of a chunk.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 8, "Streams.", lower_bound=1)
_UNITS = flags.DEFINE_integer("units", 64, "Units of the GRU.", lower_bound=1)
_FEATURES = flags.DEFINE_integer("features", 16, "Features per step.", lower_bound=1)
_UNBROKEN = flags.DEFINE_integer(
    "unbroken", 100000, "Longest sequence to try as one unbroken graph; 0: none."
)
_TOLERANCE = flags.DEFINE_float("tolerance", 0.05, "Growth allowed beyond the states' bytes.")
_ONE = flags.DEFINE_string("one", None, "Measures one length in this process: STEPS,CHUNK.")

MIB = 2**20


def measure(steps: int, chunk: int, batch: int, units: int, features: int) -> dict[str, Any]:
    """Takes the exact gradient of a sequence in this process and reports its peak memory."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, None, features], "x")
        cell = tgc.GRUCell(units)
        ports = tgc.carry_ports(cell)
        outputs, final_state = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
        loss = tf.reduce_sum(tf.square(outputs))
        graph = tgc.build_chunk(loss, ports, final_state, {"x": x})
        started = time.perf_counter()
        with tgc.Runner(graph, tgc.ExactSweep()) as runner:
            gradients = runner.gradients(NoiseChunks(steps, chunk, batch, features))
    return {
        "peak": peak_memory(),
        "seconds": time.perf_counter() - started,
        "states": -(-steps // chunk) * batch * units * 4,
        "loss": gradients.loss,
    }


def _in_a_process(steps: int, chunk: int) -> dict[str, Any] | None:
    """Runs `measure` in a fresh process; None where that process did not live to report."""
    command = [sys.executable, __file__, f"--one={steps},{chunk}"]
    for flag in (_BATCH, _UNITS, _FEATURES):
        command.append(f"--{flag.name}={flag.value}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(name: str, found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return [name, "does not fit", "", ""]
    return [
        name,
        f"{found['peak'] / MIB:.1f}",
        f"{found['states'] / MIB:.2f}",
        f"{found['seconds']:.1f}",
    ]


def main(_: list[str]) -> None:
    """Measures every length, prints a table, and fails where memory grew too much."""
    console.quiet_tensorflow()
    sizes = (_BATCH.value, _UNITS.value, _FEATURES.value)
    if _ONE.value is not None:
        steps, chunk = (int(part) for part in _ONE.value.split(","))
        print(json.dumps(measure(steps, chunk, *sizes)))
        return
    lengths = [int(part) for part in _STEPS.value]
    rows, failed, base = [], False, None
    for steps in lengths:
        found = _in_a_process(steps, _CHUNK.value)
        rows.append(_row(f"exact, {steps} steps in chunks of {_CHUNK.value}", found))
        if found is None:
            failed = True
            continue
        base = base or found
        allowed = (base["peak"] + found["states"] - base["states"]) * (1 + _TOLERANCE.value)
        failed = failed or found["peak"] > allowed
    for steps in lengths:
        if steps <= _UNBROKEN.value:
            rows.append(_row(f"unbroken, {steps} steps", _in_a_process(steps, steps)))
    print(console.table(["gradient", "peak MiB", "states MiB", "seconds"], rows))
    if failed:
        print(
            f"measure_memory.py: memory grew by over {_TOLERANCE.value:.0%} beyond the states",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    _startup.run(main)
