"""What ranks run that pass one sequence along, and what one process makes of the same.

As a program, one rank of a cluster: `python pipeline_jobs.py OUT JOB...`, as in rank_jobs.py.
"""

import functools
import os
import signal
import sys
from pathlib import Path

import numpy as np
import rank_jobs
import tensorflow.compat.v1 as tf
from keepable import FEATURES, STEPS
from keepable import chunk as build

import tgcarry as tgc
from tgcarry.data import LazySequence

BATCH, COUNT = 5, 11
SETTINGS = {
    "dealt": {"window": 5},
    "blocks": {"window": 4, "segment": 2, "parts": 3, "reduce": "mean"},
    "whole": {"parts": 5},
    "one": {"window": 3, "parts": 1},
    "odd": {"window": 3, "segment": 2, "parts": 2},
}


def chunks(dtype=np.float64):
    """Makes COUNT chunks with ragged ends, and streams that start anew inside windows."""
    rng = np.random.default_rng(5)
    made = []
    for index in range(COUNT):
        arrays = {
            "x": rng.normal(size=(BATCH, STEPS, FEATURES)).astype(dtype),
            "y": rng.integers(0, 4, size=(BATCH, STEPS)),
        }
        resets = np.zeros(BATCH, bool)
        resets[:2] = index == 2
        resets[3] = index in (4, 5)
        lengths = np.array([STEPS, STEPS - index % 2, STEPS, STEPS, index % (STEPS + 1)])
        made.append(tgc.Chunk(arrays, resets, lengths.astype(np.int32)))
    return made


class Own(LazySequence):
    """Holds one rank's chunks, and refuses to be asked for others."""

    def __init__(self, given, owns):
        self._given, self._owns = given, owns

    def __len__(self):
        return len(self._given)

    def item(self, position):
        assert self._owns(position), f"chunk {position} is another rank's"
        return self._given[position]


@functools.cache
def built(seed=1, kind="lstm"):
    """Builds a graph, once for all jobs; "stack" has a nest of states, and no single dtype."""
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        dtype = tf.float32 if kind == "single" else tf.float64
        cell = tgc.LSTMCell(4)
        if kind == "stack":
            cell = tgc.MultiRNNCell([tgc.GRUCell(3), tgc.LSTMCell(4)])
        tf.train.get_or_create_global_step()
        optimizer = tf.train.AdamOptimizer(0.05)
        losses = 2 if kind == "losses" else 1
        return build(cell, optimizer, engine="loop", dtype=dtype, losses=losses)


def initial_state(graph):
    """Draws a state to begin with."""
    rng = np.random.default_rng(7)

    def draw(port):
        shape = [BATCH, *port.shape[1:].as_list()]
        return rng.normal(size=shape).astype(port.dtype.as_numpy_dtype)

    return tf.nest.map_structure(draw, graph.ports.initial_state)


def pipeline(name, group, graph, **more):
    return tgc.Pipeline(graph, group, **SETTINGS[name], **more)


def flat(nest, name):
    return {f"{name}/{n}": leaf for n, leaf in enumerate(tf.nest.flatten(nest))}


def figures(reports):
    found = {}
    for figure in ("loss", "grad_norm", "time_steps"):
        found[figure] = np.array([getattr(r, figure) for r in reports])
    found["correct"] = np.array([r.metrics["correct"] for r in reports])
    found["chunks"] = np.array([[r.chunks.start, r.chunks.stop] for r in reports])
    return found


def train(name, group, *, kind="lstm", dtype=np.float64):
    """Trains on this rank's chunks alone; returns what is to be the same everywhere."""
    graph = built(1 + group.rank, kind)
    with pipeline(name, group, graph) as line:
        given = Own(chunks(dtype), line.owns)
        reports = list(line.run(given, initial_state(graph)))
        where = line.position()
        idle = np.array([r.bubble for r in reports])
        return {
            **rank_jobs.weights(_Held(graph, line.session)),
            **figures(reports),
            **flat(where.head, "state"),
            "bubble": idle,
            "stood": np.array([where.applied, where.steps]),
        }


class _Held:
    def __init__(self, chunk, session):
        self.chunk, self.session = chunk, session


def wanted(name, *, kind="lstm", dtype=np.float64):
    """Trains in one process as `train` does on several ranks."""
    settings = SETTINGS[name]
    policy, graph = tgc.ExactSweep(settings.get("window")), built(1, kind)
    with tgc.Runner(graph, policy, reduce=settings.get("reduce", "sum")) as runner:
        reports = list(runner.run(chunks(dtype), initial_state(graph)))
        return {
            **rank_jobs.weights(runner),
            **figures(reports),
            **flat(runner.state, "state"),
            "stood": np.array([COUNT, len(reports)]),
        }


def told(got):
    return {
        **{f"d/{name}": value for name, value in got.variables.items()},
        **flat(got.initial_state, "start"),
        **flat(got.final_state, "final"),
        "loss": got.loss,
        "correct": got.metrics["correct"],
    }


def gradients(name, group, kind):
    graph = built(1 + group.rank, kind)
    dtype = np.float32 if kind == "single" else np.float64
    with pipeline(name, group, graph) as line:
        own = Own(chunks(dtype), line.owns)
        return told(line.gradients(own, initial_state(graph)))


def wanted_gradients(name, kind):
    graph = built(1, kind)
    dtype = np.float32 if kind == "single" else np.float64
    with tgc.Runner(graph, tgc.ExactSweep(SETTINGS[name].get("window"))) as runner:
        return told(runner.gradients(chunks(dtype), initial_state(graph)))


def _going_on(name, group):
    """Stops behind the second window, on the last rank's wish, and goes on in a new session."""
    graph, line = built(1), pipeline(name, group, built(1))
    with line:
        given = Own(chunks(), line.owns)
        for report in line.run(given, initial_state(graph)):
            if report.step == 1 and group.rank == group.size - 1:
                line.stop()
        where = line.position()
        values = rank_jobs.weights(_Held(graph, line.session))
    with pipeline(name, group, graph) as line:
        with graph.graph.as_default():
            found = tf.global_variables()
            fed = {v.initial_value: values[v.op.name] for v in found}
            line.session.run([v.initializer for v in found], fed)
        resume = where if group.rank == 0 else None
        reports = list(line.run(Own(chunks(), line.owns), resume=resume))
        return {
            **rank_jobs.weights(_Held(graph, line.session)),
            **flat(line.position().head, "state"),
            "stood": np.array([where.applied, where.steps]),
            "steps": np.array([r.step for r in reports]),
        }


def _failing(name, group):
    """Has the last rank's data be refused in the second window."""
    given = chunks()
    with pipeline(name, group, built()) as line:
        mine = [k for k in range(COUNT) if line.owns(k)]
        if group.rank == group.size - 1:
            given[mine[-1]].arrays["x"][0, 0, 0] = np.nan
        return rank_jobs._caught(lambda: list(line.run(given)))


def _overflowing(group):
    """Has a loss overflow on rank 0, in a backward visit."""
    given = [c._replace(lengths=np.full(BATCH, STEPS, np.int32)) for c in chunks()]
    with tgc.Pipeline(rank_jobs.build_overflowing(), group, window=4) as line:
        first = next(k for k in range(4, COUNT) if line.owns(k))
        if group.rank == 0:
            given[first].arrays["x"][1] = 1e200
        return rank_jobs._caught(lambda: list(line.run(given)))


def _apart(group):
    """Has the ranks disagree: on the window, and on how many streams there are."""
    found = {}
    with tgc.Pipeline(built(), group, window=2 + group.rank) as line:
        found["window"] = rank_jobs._caught(lambda: list(line.run(chunks())))["error"]
    fewer = chunks() if group.rank == 0 else [_without_first(c) for c in chunks()]
    with tgc.Pipeline(built(), group, window=2) as line:
        found["streams"] = rank_jobs._caught(lambda: list(line.run(fewer)))["error"]
    return found


def _without_first(chunk):
    return chunk._replace(
        arrays={name: array[1:] for name, array in chunk.arrays.items()},
        resets=chunk.resets[1:],
        lengths=chunk.lengths[1:],
    )


class _Deadly(LazySequence):
    """Kills the process that reads a certain chunk."""

    def __init__(self, given, deadly):
        self._given, self._deadly = given, deadly

    def __len__(self):
        return len(self._given)

    def item(self, position):
        if position == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._given[position]


def _until_killed(group):
    """Has the last rank die in the second window, as it goes forwards."""
    with tgc.Pipeline(built(), group, window=5) as line:
        mine = [k for k in range(5, COUNT) if line.owns(k)]
        deadly = mine[0] if group.rank == group.size - 1 else None
        return rank_jobs._caught(lambda: list(line.run(_Deadly(chunks(), deadly))))


def job(name, group):
    what, *options = name.split("-")
    if what == "gradients":
        return gradients(options[0], group, options[1])
    if what == "goingon":
        return _going_on(options[0], group)
    if what == "fails":
        return _failing("dealt", group)
    if what == "overflows":
        return _overflowing(group)
    if what == "apart":
        return _apart(group)
    if what == "killed":
        return _until_killed(group)
    return train(what, group)


def main(out, *jobs):
    cluster = tgc.Cluster.from_environment()
    timeout = float(os.environ["RANK_TIMEOUT"])
    with tgc.Group(cluster, timeout=timeout, patience=60) as group:
        for place, name in enumerate(jobs):
            np.savez(Path(out) / f"{place}_{name}.npz", **job(name, group))


if __name__ == "__main__":
    main(*sys.argv[1:])
