"""Measures what looking after a job costs: logs, checks, checkpoints.

The same model is trained on the same chunks in two ways, in alternating rounds of one process:
by a bare loop over prepared session calls, which steps, carries the state and the gradient and
looks at nothing; and by the training job, which checks every number, writes metrics and events,
and stands ready to be stopped. Both end with the same weights, or the script fails. A checkpoint's
time is measured apart, and counted once in the time between two (--checkpoint_every).

For example:
  python scripts/measure_care.py --policy=stale --limit_bytes=2000000
"""

import _startup

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags

from tgcarry import console, states
from tgcarry.checkpoints import Checkpoints
from tgcarry.dataset import DataOptions, Dataset, open_dataset
from tgcarry.feeding import Feeding, Ready
from tgcarry.job import Progress
from tgcarry.model import Model, build_model
from tgcarry.options import JobOptions, TrainOptions, spec_for
from tgcarry.runner import Runner
from tgcarry.store import Store
from tgcarry.tf1 import prepared_call
from tgcarry.training import train

_POLICY = flags.DEFINE_enum("policy", "stale", ["truncated", "stale"], "Policy of both ways.")
_UNITS = flags.DEFINE_integer("units", 64, "Units of the GRU.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 32, "Streams.", lower_bound=1)
_CHUNK = flags.DEFINE_integer("chunk", 50, "Steps of a chunk.", lower_bound=1)
_LIMIT = flags.DEFINE_integer("limit_bytes", 1_000_000, "Text to read.", lower_bound=1000)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds, one turn each.", lower_bound=1)
_EVERY = flags.DEFINE_float("checkpoint_every", 60.0, "Seconds between checkpoints.")
_TOLERANCE = flags.DEFINE_float("tolerance", 0.05, "Share of the bare loop's time allowed.")

# Checkpoints that are saved to measure one.
_SAVES = 9


class Turn(NamedTuple):
    """Holds what a turn took from its second chunk to its last, and the weights at its end."""

    seconds: float
    weights: dict[str, np.ndarray]


def options() -> TrainOptions:
    """Says what both ways train."""
    return TrainOptions(
        data=DataOptions(
            data="stdlib",
            batch=_BATCH.value,
            chunk=_CHUNK.value,
            limit_bytes=_LIMIT.value,
            validation=0.0,
        ),
        units=(_UNITS.value,),
        policy=_POLICY.value,
        # Each makes a checkpoint, whose time is measured apart.
        eval_every=10**9,
        decay=0.5,
        clip_norm=None,
    )


def bare(run: TrainOptions, dataset: Dataset) -> Turn:
    """Trains by the loop that one writes by hand: feeds, fetches, and nothing is looked at."""
    with tf.Graph().as_default() as graph:
        model = build_model(spec_for(run, dataset))
        with tf.Session(graph=graph) as session:
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            step = _step_call(model, session)
            feeding = Feeding(model.chunk, run.seed)
            state, upstream = _zeros(model, _BATCH.value)
            decay = np.float32(run.decay if run.policy == "stale" else 0.0)
            started = 0.0
            for index, chunk in enumerate(dataset.train):
                ready = feeding.ready(chunk, index)
                state = states.cut_rows(state, ready.resets)
                upstream = states.cut_rows(upstream, ready.resets)
                state, upstream = step(ready, state, upstream)
                upstream = states.map_numpy(lambda leaf: decay * leaf, upstream)
                started = started or time.perf_counter()
            return Turn(time.perf_counter() - started, _weights(model, session))


def cared_for(run: TrainOptions, folder: Path) -> Turn:
    """Trains by the job."""
    times: list[float] = []

    def visited(progress: Progress) -> None:
        times.append(time.perf_counter())

    care = JobOptions(checkpoint_every=1e9)
    train(run, folder, care, on_progress=visited, on_text=lambda text: None)
    newest = Store(folder / "checkpoints").newest()
    if newest is None:
        raise RuntimeError(f"{folder}: the job has left no checkpoint")
    reader = tf.train.load_checkpoint(str(newest.path / "model.ckpt"))
    names = [name for name in reader.get_variable_to_shape_map() if "/Adam" not in name]
    return Turn(times[-1] - times[0], {name: reader.get_tensor(name) for name in names})


def checkpoint_seconds(run: TrainOptions, dataset: Dataset, folder: Path) -> list[float]:
    """Measures what a checkpoint takes, synced and checksummed."""
    with tf.Graph().as_default():
        model = build_model(spec_for(run, dataset))
        checkpoints = Checkpoints(folder, model.chunk)
        with Runner(model.chunk, seed=run.seed) as runner:
            next(runner.run(dataset.train[:3]))
            seconds = []
            for number in range(_SAVES + 1):
                position = replace(runner.position, steps=number)
                started = time.perf_counter()
                checkpoints.save(runner.session, position, score=1.0, milestone=True)
                seconds.append(time.perf_counter() - started)
    # The first one has the folder to make.
    return seconds[1:]


def _step_call(model: Model, session: Any) -> Callable[[Ready, Any, Any], tuple[Any, Any]]:
    chunk = model.chunk
    final = tf.nest.flatten(chunk.final_state)
    gradient = tf.nest.flatten(chunk.gradients.initial_state)
    ports = [*tf.nest.flatten(chunk.ports.initial_state), *tf.nest.flatten(chunk.ports.upstream)]
    call = prepared_call(
        session,
        [chunk.loss, *final, *gradient],
        [chunk.updates.step],
        [*chunk.feeds.values(), *ports],
    )

    def step(ready: Ready, state: Any, upstream: Any) -> tuple[Any, Any]:
        fed = [*ready.arrays, *tf.nest.flatten(state), *tf.nest.flatten(upstream)]
        _, *got = call(fed)
        return (
            _pack(chunk.final_state, got[: len(final)]),
            _pack(chunk.gradients.initial_state, got[len(final) :]),
        )

    return step


def _pack(structure: Any, leaves: list[Any]) -> Any:
    return (
        tf.nest.pack_sequence_as(structure, leaves) if tf.nest.is_nested(structure) else leaves[0]
    )


def _zeros(model: Model, batch: int) -> tuple[Any, Any]:
    def zeros(port: tf.Tensor) -> np.ndarray:
        return np.zeros([batch, *port.shape[1:].as_list()], port.dtype.as_numpy_dtype)

    ports = model.chunk.ports
    return states.map_numpy(zeros, ports.initial_state), states.map_numpy(zeros, ports.upstream)


def _weights(model: Model, session: Any) -> dict[str, np.ndarray]:
    return {v.op.name: session.run(v) for v in model.chunk.variables}


def _check_same(one: Turn, other: Turn) -> None:
    """Fails if the two ways did not do the same work."""
    for name, value in one.weights.items():
        if not np.array_equal(value, other.weights[name]):
            raise RuntimeError(f"{name} differs between the two ways: they are no comparison")


def main(_: list[str]) -> None:
    """Measures, prints a table, and fails beyond the tolerance."""
    console.quiet_tensorflow()
    run = options()
    dataset = open_dataset(run.data)
    ratios, chunk_times = [], []
    with tempfile.TemporaryDirectory() as place:
        for number in range(_ROUNDS.value):
            plain = bare(run, dataset)
            cared = cared_for(run, Path(place) / f"run-{number}")
            _check_same(plain, cared)
            ratios.append(cared.seconds / plain.seconds - 1)
            chunk_times.append(1e3 * plain.seconds / (len(dataset.train) - 1))
        saves = checkpoint_seconds(run, dataset, Path(place) / "checkpoints")
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    middle, save = statistics.median(ratios), statistics.median(saves)
    total = middle + save / _EVERY.value
    rows = [
        ["chunk by a bare loop", f"{statistics.median(chunk_times):.2f} ms"],
        ["checks and logs", f"{middle:+.1%}"],
        ["  quartiles", f"{quartiles[0]:+.1%} to {quartiles[-1]:+.1%}"],
        ["a checkpoint", f"{1e3 * save:.0f} ms (up to {1e3 * max(saves):.0f})"],
        [f"  one in {_EVERY.value:g} s", f"{save / _EVERY.value:+.2%}"],
        ["in all", f"{total:+.1%}"],
    ]
    print(console.table(["what", "time"], rows))
    print(
        f"{len(dataset.train)} chunks a turn, {_ROUNDS.value} rounds, the same weights each time"
    )
    if total > _TOLERANCE.value:
        sys.exit(1)


if __name__ == "__main__":
    _startup.run(main)
