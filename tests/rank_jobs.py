"""Ranks as processes on loopback: what they run, and how tests start them.

As a program, one rank of a cluster: `python rank_jobs.py OUT JOB...` makes each job in turn, in
one process, since importing TensorFlow takes most of so short a run.
"""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf
from keepable import FEATURES, STEPS
from keepable import chunk as build

import tgcarry as tgc
from tgcarry.addresses import free_addresses, write_config

ROOT = Path(__file__).resolve().parent.parent
BATCH, COUNT = 5, 7
POLICIES = {
    "truncated": tgc.Truncated(),
    "stale": tgc.Stale(0.7),
    "exact": tgc.ExactSweep(3),
    "whole": tgc.ExactSweep(),
    "random": tgc.RandomTruncation(0.5, 3, seed=2),
    "keeping": tgc.ExactSweep(3, memory_budget="1MiB"),
    "clipped": tgc.ExactSweep(3, clip_norm=0.05),
    "synthetic": tgc.Synthetic(),
    "trunk": tgc.Synthetic(trunk=0.5),
}


def chunks():
    """Makes COUNT chunks with ragged ends, a break, and one of rank 0's streams alone."""
    rng = np.random.default_rng(3)
    made = []
    for index in range(COUNT):
        arrays = {
            "x": rng.normal(size=(BATCH, STEPS, FEATURES)),
            "y": rng.integers(0, 4, size=(BATCH, STEPS)),
            "ids": rng.integers(0, 6, size=(BATCH, STEPS)),
        }
        resets = np.full(BATCH, index == 4)
        resets[:2] |= index == 2
        lengths = np.array([STEPS, STEPS - index % 2, STEPS, STEPS, index % (STEPS + 1)])
        made.append(tgc.Chunk(arrays, resets, lengths))
    return made


@functools.cache
def built(seed=1, embedded=False, predicting=False):
    """Builds a graph, which takes longer than to train it; once for all jobs."""
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        cell = tgc.LSTMCell(4)
        step = tf.train.get_or_create_global_step()
        design = tgc.SyntheticGradient(3) if predicting else None
        optimizer = tf.train.AdamOptimizer(0.05)
        graph = build(cell, optimizer, engine="loop", embedded=embedded, synthetic=design)
        assert step.graph is graph.graph
        return graph


def weights(runner):
    with runner.chunk.graph.as_default():
        return runner.session.run({v.op.name: v for v in tf.global_variables()})


def train(name, group=None, share=lambda chunks: chunks, *, lazily=False, reduce="mean", **more):
    """Trains and returns everything that is to be the same, by name."""
    # Another rank's initial weights are not to matter.
    predicting = isinstance(POLICIES[name], tgc.Synthetic)
    graph = built(1 if group is None else 1 + group.rank, predicting=predicting)
    given = share(iter(chunks()) if lazily else chunks())
    with tgc.Runner(graph, POLICIES[name], reduce=reduce, group=group, **more) as runner:
        reports = list(runner.run(given))
        found = weights(runner)
    for figure in ("loss", "grad_norm", "time_steps", "clipped"):
        found[figure] = np.array([getattr(r, figure) for r in reports])
    found["correct"] = np.array([r.metrics["correct"] for r in reports])
    return found


def gradients(name, group=None, share=lambda chunks: chunks):
    graph = built(1)
    with tgc.Runner(graph, POLICIES[name], group=group) as runner:
        got = runner.gradients(share(chunks()))
        scored = runner.evaluate(share(chunks()))
    return {**got.variables, "loss": got.loss, "evaluated": scored.loss, "n": scored.time_steps}


def start(folder, addresses, *jobs, ranks=None, timeout=20, program=__file__):
    """Starts ranks of a program; returns their processes by rank."""
    tests = ROOT / "tests"
    paths = [str(ROOT), str(tests), *filter(None, [os.environ.get("PYTHONPATH")])]
    processes = {}
    for rank in range(len(addresses)) if ranks is None else ranks:
        environment = {
            **os.environ,
            **write_config(addresses, rank),
            "PYTHONPATH": os.pathsep.join(paths),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "RANK_TIMEOUT": str(timeout),
        }
        out = Path(folder) / f"rank{rank}"
        out.mkdir(parents=True, exist_ok=True)
        with (out / "err").open("wb") as said:
            processes[rank] = subprocess.Popen(
                [sys.executable, str(program), str(out), *jobs],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
    return processes


def finished(processes, seconds):
    """Waits for processes and returns their exit codes by rank; kills those that hang."""
    deadline = time.monotonic() + seconds
    codes = {}
    try:
        for rank, process in processes.items():
            codes[rank] = process.wait(max(0.1, deadline - time.monotonic()))
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    return codes


def of_rank(folder, rank, job):
    """Reads what a rank has left of a job."""
    with np.load(Path(folder) / f"rank{rank}" / f"{job}.npz") as archive:
        return dict(archive)


def _job(name, group, share):
    what, *options = name.split("-")
    if what == "gradients":
        return gradients(options[0], group, share)
    if what == "killed":
        return _until_killed(group, share)
    if what == "bad":
        return _with_bad_numbers(group, share)
    if what == "stop":
        return _stopped(options[0], group, share)
    if what == "fails":
        return _failing(group, share)
    if what == "apart":
        return _apart(group, share)
    return train(
        what,
        group,
        share,
        lazily="lazily" in options,
        reduce="sum" if "sum" in options else "mean",
    )


def _caught(run):
    began = time.monotonic()
    try:
        run()
    except tgc.TgcarryError as error:
        told = time.monotonic() - began
        return {"error": f"{type(error).__name__}: {error}", "seconds": told}
    return {"error": ""}


def _until_killed(group, share):
    """Has rank 1 kill itself in its fifth visit."""
    graph, visits = built(), []

    def visited(index, visit):
        visits.append(index)
        if group.rank == 1 and len(visits) == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    with tgc.Runner(graph, POLICIES["exact"], group=group, on_visit=visited) as runner:
        return {
            **_caught(lambda: list(runner.run(share(chunks())))),
            "steps": runner.position.steps,
        }


def _with_bad_numbers(group, share):
    """Has a number of rank 1's streams overflow in the second sweep, which all leave out."""
    given = chunks()
    given = without_lengths(given)
    given[2].arrays["x"][BATCH - 2] = 1e200
    seen = []

    def decide(bad):
        seen.append(str(bad.error))
        return "skip"

    graph = build_overflowing()
    with tgc.Runner(graph, tgc.ExactSweep(2), group=group, on_nan=decide) as runner:
        steps = [(r.step, r.chunks.start) for r in runner.run(share(given))]
        return {**weights(runner), "steps": np.array(steps), "seen": np.array(seen)}


def build_overflowing():
    """Builds a chunk whose loss is infinite where x is large."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float64, [None, STEPS, FEATURES])
        cell = tgc.BasicRNNCell(3)
        ports = tgc.carry_ports(cell, dtype=tf.float64)
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
        loss = tf.reduce_sum(outputs**2) + 1e-3 * tf.reduce_sum(x**2)
        return tgc.build_chunk(
            loss, ports, final, {"x": x}, tf.train.GradientDescentOptimizer(0.1)
        )


def without_lengths(given):
    """Makes all steps of chunks real."""
    return [c._replace(lengths=np.full(BATCH, STEPS, np.int32)) for c in given]


def _stopped(who, group, share):
    """Has one rank, or all, ask to stop; goes on from there in a new session."""
    graph, policy, visits = built(), POLICIES["exact"], []

    def visited(index, visit):
        visits.append(index)
        if len(visits) == 5 and (who == "all" or group.rank == int(who)):
            runner.stop()

    with tgc.Runner(graph, policy, reduce="mean", group=group, on_visit=visited) as runner:
        list(runner.run(share(chunks())))
        position, values = runner.position, weights(runner)
    with tgc.Runner(graph, policy, reduce="mean", group=group) as runner:
        with graph.graph.as_default():
            found = tf.global_variables()
            fed = {v.initial_value: values[v.op.name] for v in found}
            runner.session.run([v.initializer for v in found], fed)
        list(runner.run(share(chunks()), resume=position))
        return {**weights(runner), "stood": position.steps}


def _failing(group, share):
    """Has rank 1's data be refused in the third chunk."""
    given = share(chunks())
    given = list(given)
    if group.rank == 1:
        given[2].arrays["x"][0, 0, 0] = np.nan
    with tgc.Runner(built(), POLICIES["truncated"], group=group) as runner:
        return _caught(lambda: list(runner.run(given)))


def _apart(group, share):
    """Gives rank 1 one chunk less, and other windows, and another model."""
    fewer = list(share(chunks()))[: COUNT - group.rank]
    found = {}
    with tgc.Runner(built(), POLICIES["truncated"], group=group) as runner:
        found["fewer"] = _caught(lambda: list(runner.run(fewer)))["error"]
    with tgc.Runner(built(), tgc.ExactSweep(2 + group.rank), group=group) as runner:
        found["windows"] = _caught(lambda: list(runner.run(share(chunks()))))["error"]
    with tgc.Runner(built(embedded=group.rank == 1), tgc.Truncated(), group=group) as runner:
        found["model"] = _caught(lambda: list(runner.run(share(chunks()))))["error"]
    return found


def main(out, *jobs):
    cluster = tgc.Cluster.from_environment()
    timeout = float(os.environ["RANK_TIMEOUT"])
    with tgc.Group(cluster, timeout=timeout, patience=60) as group:
        for place, name in enumerate(jobs):
            np.savez(Path(out) / f"{place}_{name}.npz", **_job(name, group, cluster.share))


__all__ = ["free_addresses"]

if __name__ == "__main__":
    main(*sys.argv[1:])
