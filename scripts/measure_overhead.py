"""Measures what the session loop costs beside TensorFlow's own work.

One small model is trained by truncated steps in three ways, in alternating rounds of one process:
by hand with `session.run` and a dictionary, by hand with a prepared callable, and by a `Runner`,
which also checks every chunk, carries the state and reports. All three have graphs of their own
from the same weights, feed the same arrays, and must come to the same loss.

For example:
  python scripts/measure_overhead.py --units=96 --batch=32 --chunk=50
"""

import _startup

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags

import tgcarry as tgc
from tgcarry import console

_CHUNK = flags.DEFINE_integer("chunk", 50, "Steps of a chunk.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 32, "Streams.", lower_bound=1)
_UNITS = flags.DEFINE_integer("units", 96, "Units of the GRU.", lower_bound=1)
_FEATURES = flags.DEFINE_integer("features", 32, "Features per step.", lower_bound=1)
_CHUNKS = flags.DEFINE_integer("chunks", 40, "Chunks in a turn.", lower_bound=2)
_ROUNDS = flags.DEFINE_integer("rounds", 9, "Rounds, one turn each.", lower_bound=1)
_ENGINE = flags.DEFINE_string("engine", "auto", "Engine of dynamic_rnn.")
_TOLERANCE = flags.DEFINE_float(
    "tolerance", 0.05, "Share of the prepared callable's time by which the Runner may be slower."
)

RATE = 1e-3


class Built(NamedTuple):
    """Holds one model in the default graph."""

    x: tf.Tensor
    ports: tgc.CarryPorts
    final_state: tf.Tensor
    loss: tf.Tensor


# Trains on a turn's chunks from a zero state and returns the last loss.
Way = Callable[[list[tgc.Chunk]], float]


def build() -> Built:
    """Builds the model."""
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [_BATCH.value, _CHUNK.value, _FEATURES.value], "x")
    cell = tgc.GRUCell(_UNITS.value)
    ports = tgc.carry_ports(cell, batch_size=_BATCH.value)
    outputs, final_state = tgc.dynamic_rnn(
        cell, x, initial_state=ports.initial_state, engine=_ENGINE.value
    )
    return Built(x, ports, final_state, tf.reduce_mean(tf.square(outputs)))


def by_hand(prepared: bool) -> Way:
    """Makes the loop that one writes without tgcarry."""
    graph = tf.Graph()
    with graph.as_default():
        built = build()
        step = tf.train.GradientDescentOptimizer(RATE).minimize(built.loss)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        fetches = [built.loss, built.final_state, step]
        feeds = [built.x, built.ports.initial_state]
        call = session.make_callable(fetches, feeds) if prepared else None

    def train(chunks: list[tgc.Chunk]) -> float:
        state, loss = np.zeros([_BATCH.value, _UNITS.value], np.float32), 0.0
        for chunk in chunks:
            given = [chunk.arrays["x"], state]
            if call is not None:
                loss, state, _ = call(*given)
            else:
                loss, state, _ = session.run(fetches, dict(zip(feeds, given, strict=True)))
        return float(loss)

    return train


def by_runner() -> Way:
    """Makes tgcarry's loop."""
    with tf.Graph().as_default():
        built = build()
        optimizer = tf.train.GradientDescentOptimizer(RATE)
        graph = tgc.build_chunk(
            built.loss, built.ports, built.final_state, {"x": built.x}, optimizer
        )
        runner = tgc.Runner(graph, tgc.Truncated()).__enter__()

    def train(chunks: list[tgc.Chunk]) -> float:
        start = np.zeros([_BATCH.value, _UNITS.value], np.float32)
        return [report.loss for report in runner.run(chunks, start)][-1]

    return train


def timed(ways: dict[str, Way], chunks: list[tgc.Chunk]) -> dict[str, list[float]]:
    """Returns milliseconds per chunk, way by way, of every round."""
    losses: dict[str, Any] = {name: train(chunks) for name, train in ways.items()}
    first = next(iter(losses.values()))
    for name, loss in losses.items():
        if abs(loss - first) > 1e-4 * abs(first):
            sys.exit(f"measure_overhead.py: {name} came to the loss {loss}, not {first}")
    taken: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(_ROUNDS.value):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            started = time.perf_counter()
            ways[name](chunks)
            taken[name].append(1e3 * (time.perf_counter() - started) / len(chunks))
    return taken


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def main(_: list[str]) -> None:
    """Measures, prints a table, and fails where the Runner costs too much."""
    console.quiet_tensorflow()
    rng = np.random.default_rng(1)
    shape = (_BATCH.value, _CHUNK.value * _CHUNKS.value, _FEATURES.value)
    x = rng.standard_normal(shape, np.float32)
    chunks = list(tgc.split_chunks({"x": x}, _CHUNK.value))
    base = "by hand, prepared callable"
    ways = {
        base: by_hand(prepared=True),
        "by hand, session.run": by_hand(prepared=False),
        "Runner, Truncated": by_runner(),
    }
    taken = timed(ways, chunks)
    rows, over = [], 0.0
    for name, values in taken.items():
        low, over, high = _quartiles(
            [100 * (one / other - 1) for one, other in zip(values, taken[base], strict=True)]
        )
        middle = f"{statistics.median(values):.2f}"
        rows.append([name, middle, f"{over:+.1f}%", f"{low:+.1f}% to {high:+.1f}%"])
    print(console.table(["a truncated step", "ms", "overhead", "quartiles"], rows))
    if over > 100 * _TOLERANCE.value:
        print(
            f"measure_overhead.py: the Runner costs {over:.1f}% more than a prepared callable, "
            f"above {100 * _TOLERANCE.value:g}%",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    _startup.run(main)
