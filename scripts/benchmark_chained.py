"""Measures training steps of two chained models beside other ways to unroll them.

Each step draws other numbers of inner steps, uniform in 0 .. --most. All ways have graphs of their
own from the same weights, see the same numbers, consume every gradient (an optimiser applies it)
and have to come to the same loss and the same weights.

  tgcarry        chained_rnn with the engine asked for
  stock          chained_rnn with TensorFlow's loops
  nested         a while loop over outer steps, in it one over inner steps, with TensorArrays
  padded         every outer step has --most inner ones, in TensorFlow's loop; what is too much
                 is computed and masked
  padded, fused  the same with tgcarry's compiled passes

For example:
  python scripts/benchmark_chained.py --batch=32 --steps=20 --units=128
"""

import _startup

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags

import tgcarry as tgc
from tgcarry import console
from tgcarry.kernels import Flags, Layer, recurrence_of

_BATCH = flags.DEFINE_integer("batch", 32, "Streams.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 20, "Outer steps.", lower_bound=1)
_UNITS = flags.DEFINE_integer("units", 128, "Units of both GRUs.", lower_bound=1)
_FEATURES = flags.DEFINE_integer("features", 32, "Features per outer step.", lower_bound=1)
_MOST = flags.DEFINE_integer("most", 10, "Most inner steps of an outer step.", lower_bound=1)
_DRAWS = flags.DEFINE_integer("draws", 8, "Different numbers of steps, in turn.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds, one turn of all draws each.", lower_bound=1)
_MODES = flags.DEFINE_list("modes", "carry,reset", "Of the inner state.")
_SHARED = flags.DEFINE_list("shared", "yes,no", "Whether all streams have the same steps.")
_ENGINE = flags.DEFINE_string("engine", "auto", "Engine of the way called tgcarry.")
_JSON = flags.DEFINE_string("json", "", "Write the figures to this file, too.")
_TOLERANCE = flags.DEFINE_float("tolerance", 1e-4, "Relative error allowed between two ways.")

RATE = 1e-4


class Case(NamedTuple):
    """Says what is measured."""

    mode: str
    shared: bool


class Feeds(NamedTuple):
    """Holds the placeholders of a graph."""

    x: Any
    y: Any
    steps: Any
    """`[B, T]`."""


# Maps a case and its placeholders to the padded outputs, `[B, T, S, H]`, with any S.
Way = Callable[[Case, Feeds], Any]


def cells() -> tuple[Any, Any]:
    """Makes both models' cells."""
    return tgc.GRUCell(_UNITS.value), tgc.GRUCell(_UNITS.value)


def chained(engine: str) -> Way:
    """Makes the way that calls `chained_rnn`."""

    def way(case: Case, feeds: Feeds) -> Any:
        steps = feeds.steps[0] if case.shared else feeds.steps
        outer, inner = cells()
        out = tgc.chained_rnn(outer, inner, feeds.x, steps, inner_state=case.mode, engine=engine)
        return out.outputs

    return way


def intermediate(feeds: Feeds, engine: str = "stock") -> tuple[Any, Any]:
    """Returns the outer model's outputs, `[T, B, H]`, and the inner model's cell."""
    outer, inner = cells()
    x = tf.transpose(feeds.x, [1, 0, 2])
    values, _ = tgc.dynamic_rnn(
        outer, x, dtype=tf.float32, time_major=True, scope="outer", engine=engine
    )
    return values, inner


def nested(case: Case, feeds: Feeds) -> Any:
    """Unrolls by two while loops, one in the other."""
    with tf.variable_scope("chained_rnn"):
        values, cell = intermediate(feeds)
        with tf.variable_scope("inner"):
            return _nested_loops(case, cell, values, tf.transpose(feeds.steps))


def _nested_loops(case: Case, cell: Any, values: Any, steps: Any) -> Any:
    batch, longest = _BATCH.value, tf.reduce_max(steps)
    read = tf.TensorArray(tf.float32, _STEPS.value).unstack(values)
    columns = tf.TensorArray(tf.int32, _STEPS.value).unstack(steps)
    zeros = cell.zero_state(batch, tf.float32)
    cell(tf.zeros_like(values[0]), zeros)

    def outer_step(t: Any, state: Any, written: Any) -> Any:
        value, own = read.read(t), columns.read(t)
        state = zeros if case.mode == "reset" else state

        def inner_step(j: Any, state: Any, column: Any) -> Any:
            output, new = cell(value, state)
            if not case.shared:
                live = (j < own)[:, tf.newaxis]
                new = tf.where_v2(live, new, state)
                output = tf.where_v2(live, output, 0.0)
            return j + 1, new, column.write(j, output)

        most = tf.reduce_max(own)
        column = tf.TensorArray(tf.float32, most, element_shape=[batch, _UNITS.value])
        _, state, column = tf.while_loop(lambda j, *_: j < most, inner_step, (0, state, column))
        padding = [[0, longest - most], [0, 0], [0, 0]]
        return t + 1, state, written.write(t, tf.pad(column.stack(), padding))

    written = tf.TensorArray(tf.float32, _STEPS.value)
    _, _, written = tf.while_loop(lambda t, *_: t < _STEPS.value, outer_step, (0, zeros, written))
    outputs = tf.transpose(written.stack(), [2, 0, 1, 3])
    outputs.set_shape([batch, _STEPS.value, None, _UNITS.value])
    return outputs


class Masked:
    """Runs a cell on `(input, live)`; where not live the state stays and the output is zero."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def zero_state(self, batch_size: Any, dtype: tf.DType) -> Any:
        """Makes the wrapped cell's zero state."""
        return self._cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        """Runs one step."""
        value, live = inputs
        output, new = self._cell(value, state)
        return tf.where_v2(live, output, 0.0), tf.where_v2(live, new, state)


def padded(fused: bool) -> Way:
    """Makes the way that computes every inner step there might be."""

    def way(case: Case, feeds: Feeds) -> Any:
        with tf.variable_scope("chained_rnn"):
            values, cell = intermediate(feeds, "fused" if fused else "stock")
            live = tf.range(_MOST.value) < tf.transpose(feeds.steps)[..., tf.newaxis]
            lanes = _BATCH.value if case.mode == "carry" else _BATCH.value * _STEPS.value
            x = tf.tile(values[:, tf.newaxis], [1, _MOST.value, 1, 1])
            live = tf.transpose(live, [0, 2, 1])
            if case.mode == "reset":
                x, live = tf.transpose(x, [1, 0, 2, 3]), tf.transpose(live, [1, 0, 2])
            x = tf.reshape(x, [-1, lanes, _UNITS.value])
            live = tf.reshape(live, [-1, lanes, 1])
            with tf.variable_scope("inner") as inner:
                outputs = _masked_unroll(cell, x, live, fused, inner)
        shape = [_STEPS.value, _MOST.value, _BATCH.value, _UNITS.value]
        if case.mode == "reset":
            outputs = tf.reshape(outputs, [shape[i] for i in (1, 0, 2, 3)])
            return tf.transpose(outputs, [2, 1, 0, 3])
        return tf.transpose(tf.reshape(outputs, shape), [2, 0, 1, 3])

    return way


def _masked_unroll(cell: Any, x: Any, live: Any, fused: bool, scope: Any) -> Any:
    if not fused:
        known = x.shape.as_list()
        outputs, _ = tf.nn.dynamic_rnn(
            Masked(cell), (x, live), dtype=tf.float32, time_major=True, scope=scope
        )
        outputs.set_shape([*known[:2], _UNITS.value])
        return outputs
    zeros = cell.zero_state(x.shape[1], tf.float32)
    cell(x[0], zeros)
    layer = Layer(recurrence_of(cell), compiled=True)
    return layer(x, x, (zeros,), Flags(live, None), last=True).outputs


WAYS: dict[str, Way] = {
    "stock": chained("stock"),
    "nested": nested,
    "padded": padded(False),
    "padded, fused": padded(True),
}


class Trainer:
    """Trains one way's graph in a session of its own."""

    def __init__(self, way: Way, case: Case, weights: list[np.ndarray] | None) -> None:
        with tf.Graph().as_default():
            batch, steps = _BATCH.value, _STEPS.value
            feeds = Feeds(
                tf.placeholder(tf.float32, [batch, steps, _FEATURES.value]),
                tf.placeholder(tf.float32, [batch, steps, _MOST.value, _UNITS.value]),
                tf.placeholder(tf.int32, [batch, steps]),
            )
            outputs = way(case, feeds)
            here = tf.shape(outputs)[2]
            live = (tf.range(here) < feeds.steps[..., tf.newaxis])[..., tf.newaxis]
            wrong = outputs - feeds.y[:, :, :here]
            loss = tf.reduce_sum(tf.where_v2(live, wrong * wrong, 0.0))
            optimizer = tf.train.GradientDescentOptimizer(RATE)
            step = optimizer.minimize(loss)
            self._variables = tf.trainable_variables()
            self._session = tf.Session()
            self._session.run(tf.global_variables_initializer())
            self._load(weights)
            self._step = self._session.make_callable([loss, step], list(feeds))

    def weights(self) -> list[np.ndarray]:
        """Returns the variables, in the order of their making."""
        return self._session.run(self._variables)

    def _load(self, weights: list[np.ndarray] | None) -> None:
        if weights is not None:
            for variable, value in zip(self._variables, weights, strict=True):
                variable.load(value, self._session)

    def turn(self, draws: list[Any]) -> tuple[float, float]:
        """Makes one step a draw; returns seconds and the last loss."""
        start = time.perf_counter()
        for draw in draws:
            loss, _ = self._step(*draw)
        return time.perf_counter() - start, float(loss)


def draws_of(case: Case) -> list[Any]:
    """Draws the data and the numbers of steps, different ones for each training step."""
    rng = np.random.default_rng(1)
    batch, steps, most = _BATCH.value, _STEPS.value, _MOST.value
    x = rng.normal(size=(batch, steps, _FEATURES.value)).astype(np.float32)
    y = rng.normal(size=(batch, steps, most, _UNITS.value)).astype(np.float32)
    drawn = []
    for _ in range(_DRAWS.value):
        counts = rng.integers(0, most + 1, size=(1 if case.shared else batch, steps))
        drawn.append((x, y, np.broadcast_to(counts, (batch, steps)).astype(np.int32)))
    return drawn


def measured(case: Case) -> dict[str, list[float]]:
    """Returns each way's milliseconds a training step, one figure a round.

    Raises:
      SystemExit: two ways come to different losses or weights.
    """
    ways = {"tgcarry": chained(_ENGINE.value), **WAYS}
    draws = draws_of(case)
    trainers: dict[str, Trainer] = {}
    for name, way in ways.items():
        first = next(iter(trainers.values()), None)
        trainers[name] = Trainer(way, case, None if first is None else first.weights())
    for trainer in trainers.values():
        # Twice: a graph is optimised, and a length compiled, when it is first met.
        trainer.turn(draws)
        trainer.turn(draws)
    times: dict[str, list[float]] = {name: [] for name in ways}
    losses = {}
    names = list(ways)
    for turn in range(_ROUNDS.value):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds, losses[name] = trainers[name].turn(draws)
            times[name].append(1000 * seconds / len(draws))
    _check(losses, {name: trainer.weights() for name, trainer in trainers.items()})
    return times


def _check(losses: dict[str, float], weights: dict[str, list[np.ndarray]]) -> None:
    wanted = losses["tgcarry"]
    for name, loss in losses.items():
        off = abs(loss - wanted) / abs(wanted)
        for got, own in zip(weights[name], weights["tgcarry"], strict=True):
            off = max(off, float(np.abs(got - own).max() / np.abs(own).max()))
        if not off < _TOLERANCE.value:
            sys.exit(f"{name} is off by {off:.2g} after the same steps: nothing is measured")


def table(case: Case, times: dict[str, list[float]]) -> Iterator[list[str]]:
    """Yields a row a way: its time, and how many times tgcarry's it is."""
    own = times["tgcarry"]
    for name, took in times.items():
        ratios = [t / o for t, o in zip(took, own, strict=True)]
        low, high = np.percentile(ratios, [25, 75])
        yield [
            case.mode,
            "the same" if case.shared else "its own",
            name,
            f"{statistics.median(took):.1f}",
            f"{statistics.median(ratios):.2f}",
            f"{low:.2f} to {high:.2f}",
        ]


def main(_: list[str]) -> None:
    """Measures, and prints a table."""
    console.quiet_tensorflow()
    rows: list[list[str]] = []
    found: list[dict[str, Any]] = []
    for mode in _MODES.value:
        for shared in _SHARED.value:
            case = Case(mode, shared == "yes")
            times = measured(case)
            rows += table(case, times)
            found.append({"mode": mode, "shared": case.shared, "milliseconds": times})
    print(
        f"{_BATCH.value} streams, {_STEPS.value} outer steps of 0 to {_MOST.value} inner ones, "
        f"GRU {_UNITS.value} and GRU {_UNITS.value}, {_ROUNDS.value} alternating rounds of "
        f"{_DRAWS.value} training steps"
    )
    head = ["state", "steps of a stream", "way", "ms a step", "times tgcarry's", "quartiles"]
    print(console.table(head, rows))
    if _JSON.value:
        Path(_JSON.value).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    _startup.run(main)
