"""The training job: opens data, builds the model, goes on with what is there, and sums up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import attempts, data, fingerprint, logs
from tgcarry.checkpoints import Checkpoints, Restored
from tgcarry.cluster import Group
from tgcarry.dataset import Dataset, open_dataset
from tgcarry.earlier import Earlier, find_earlier
from tgcarry.errors import ClusterError, LogError, RunError, StoppedError
from tgcarry.job import Job, Progress, Tell, named
from tgcarry.joint_checkpoints import JointCheckpoints
from tgcarry.joint_options import check_same
from tgcarry.locks import FolderLock
from tgcarry.model import Model, build_model
from tgcarry.options import JobOptions, TrainOptions, check_parallel, make_policy, spec_for
from tgcarry.pipeline_runner import PipelineRunner
from tgcarry.policies import Policy
from tgcarry.position import Position
from tgcarry.runner import Runner

__all__ = ["Progress", "train"]

# Where ranks other than the first keep what they note.
_RANKS = "ranks"
# The fewest streams that an engine shares out over cores.
_SHARED_OUT = 8


def train(
    options: TrainOptions,
    log_dir: Path,
    care: JobOptions | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_text: Callable[[str], None] = print,
    should_stop: Callable[[], bool] = lambda: False,
    group: Group | None = None,
    launch: str | None = None,
) -> dict[str, Any]:
    """Trains a model and leaves its log folder; goes on with a run that is there.

    Everything that can be refused is refused before the log folder is touched. A run that was
    interrupted, at whatever moment, ends with the very weights that it would have ended with, on
    the same machine; where the versions or settings that numbers depend on are others than at
    its start, a line says so. A run that has finished is left as it is.

    Args:
      options: the run.
      log_dir: its folder.
      care: how the job is looked after.
      on_progress: called after each backward visit.
      on_text: called with a line on validation, at the start, and on what went wrong.
      should_stop: asked after each visit; once it says so, the job saves where it stands.
      group: an open group of processes that share the streams, or a sequence's chunks, out, each
        calling this alike. Rank 0 keeps the run's folder, which is that of one process; the
        others' notes are below it. All have the same options and data.
      launch: names the launch that this process is a part of: what an earlier process of it has
        begun is gone on with, whatever `care.overwrite` says.

    Returns:
      The summary, as written to `summary.json`.

    Raises:
      StoppedError: the job was asked to stop; call this again to go on.
      TgcarryError: bad options or data, another run in the folder, numbers gone bad; ranks that
        have been asked for different things.
    """
    care = _once(care or JobOptions(), log_dir, launch)
    check_parallel(options, care)
    in_streams = options.parallel == "streams"
    group = None if group is None or group.size == 1 else group
    if group is not None and group.rank:
        log_dir, care = log_dir / _RANKS / str(group.rank), replace(care, overwrite=True)
    policy = make_policy(
        options.policy,
        options.window,
        options.decay,
        options.memory_budget,
        options.clip_carry,
        options.cut,
        options.seed,
        options.trunk,
    )
    _check(options)
    logs.check_free(log_dir, overwrite=True)
    _earlier(log_dir, options, care)
    dataset = open_dataset(options.data)
    _check_shares(options, dataset, group)
    _check_validation(dataset)
    with tf.Graph().as_default():
        model = build_model(spec_for(options, dataset), _streams_of_all(options, dataset, group))
        checkpoints = Checkpoints(log_dir / logs.CHECKPOINTS, model.chunk, care.keep)
    config = _config(options, dataset, launch)
    check_same(group, config, care)
    # The others touch nothing before rank 0 has found that there is something to be done.
    finished = _of_chief(group) if group is not None and group.rank else None
    if finished is not None:
        return finished
    with FolderLock(log_dir) as lock:
        earlier = _earlier(log_dir, options, care)
        finished = _finished(earlier, config, care)
        if group is not None and not group.rank:
            _of_chief(group, finished)
        if finished is not None:
            on_text(f"{log_dir}: has finished already; --overwrite begins anew")
            return finished
        if lock.taken_over is not None:
            on_text(f"goes on after {lock.taken_over}, which is gone")
        joint = None
        if group is not None:
            joint = JointCheckpoints(group, checkpoints, model.chunk, shares=in_streams)
        shared = dataset if group is None or not in_streams else _share(dataset, group)
        tell = Tell(on_text, on_progress, should_stop)
        job = Job(options, care, shared, model, joint or checkpoints, lock, tell, group)
        runner = _runner(options, policy, model, job, group)
        on_text(dataset.description)
        reached = _reached(log_dir) if earlier is not None else None
        with runner:
            restored = _restored(checkpoints, runner, earlier, config, on_text)
            if joint is not None:
                restored = joint.share(restored, runner.session)
            with logs.LogWriter(
                log_dir,
                config,
                care.overwrite,
                resume=earlier is not None,
                keep=int(restored.notes["metrics_bytes"]) if restored is not None else 0,
                step=restored.step if restored is not None else 0,
            ) as log:
                if options.memory_budget or not in_streams:
                    on_text(str(runner.plan(shared.train)))
                with _attempt(log_dir, job, restored, reached):
                    job.run(runner, log, restored)
                    summary = {"policy": str(policy), **job.figures()}
                    log.finish(summary)
    return summary


def _once(care: JobOptions, log_dir: Path, launch: str | None) -> JobOptions:
    """Leaves the run alone that a launch has begun, so that it overwrites but once."""
    if care.overwrite and launch is not None:
        # A configuration that cannot be read was begun by nobody who is still at work.
        with suppress(LogError):
            care = replace(care, overwrite=logs.read_config(log_dir).get("launch") != launch)
    return care


def _runner(
    options: TrainOptions, policy: Policy, model: Model, job: Job, group: Group | None
) -> Runner | PipelineRunner:
    """Makes what trains, as the options say."""
    if options.parallel == "sequence":
        return PipelineRunner(
            model.chunk,
            group,
            window=options.window,
            parts=options.parts,
            segment=options.segment,
            reduce=options.reduce,
            seed=options.seed,
            on_visit=job.passed,
            on_rest=job.rested,
            on_nan=job.bad_numbers,
        )
    return Runner(
        model.chunk,
        policy,
        reduce=options.reduce,
        seed=options.seed,
        on_visit=job.visited,
        on_rest=job.rested,
        on_nan=job.bad_numbers,
        group=group,
    )


def _check_shares(options: TrainOptions, dataset: Dataset, group: Group | None) -> None:
    """Refuses data of which some rank or part would have nothing at all."""
    if options.parallel == "streams":
        _check_streams(dataset, group)
        return
    batch = dataset.train[0].batch
    if options.parts is not None and options.parts > batch:
        raise ClusterError(
            f"--parts={options.parts} of {batch} streams: each part needs one at least: give "
            f"--parts={batch} or fewer, or a larger --batch"
        )
    chunks, size = len(dataset.train), 1 if group is None else group.size
    most = -(-chunks // options.segment)
    if size > most:
        raise ClusterError(
            f"training has {chunks} chunks for {size} ranks, dealt {options.segment} at a time: "
            f"each needs some: start at most {most} ranks, or give a shorter --chunk"
        )


def _check_validation(dataset: Dataset) -> None:
    """Refuses held-out data that cannot be scored, before hours of training."""
    for index, chunk in enumerate(dataset.validation or ()):
        with named("validation"):
            data.check_chunk(chunk, index)


def _check_streams(dataset: Dataset, group: Group | None) -> None:
    """Refuses data with fewer streams than ranks."""
    for part, chunks in (("training", dataset.train), ("validation", dataset.validation)):
        if group is not None and chunks and chunks[0].batch < group.size:
            raise ClusterError(
                f"{part} has {chunks[0].batch} streams for {group.size} ranks: each needs one at "
                f"least: start fewer ranks, give --batch={group.size} or more and longer data, or "
                f"share out chunks instead: --parallel=sequence"
            )


def _streams_of_all(options: TrainOptions, dataset: Dataset, group: Group | None) -> int | None:
    """Returns how many streams every chunk has that this process will see.

    None if they differ, or are too few for an engine to make something of: the passes for few
    streams take longer to compile, and with lengths they gain nothing.
    """
    if options.parallel != "streams":
        return None
    shared = dataset if group is None else _share(dataset, group)
    held = shared.validation or [shared.train[0]]
    streams = shared.train[0].batch
    return streams if streams >= _SHARED_OUT and held[0].batch == streams else None


def _share(dataset: Dataset, group: Group) -> Dataset:
    """Returns a data set with a rank's streams alone."""
    held = dataset.validation
    return dataset._replace(
        train=group.cluster.share(dataset.train),
        validation=None if held is None else group.cluster.share(held),
    )


def _of_chief(group: Group, summary: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Returns rank 0's summary of a run that has finished; None if it is to go on."""
    told = group.exchange(b"" if summary is None else json.dumps(summary).encode())[0]
    return json.loads(told) if told else None


def _check(options: TrainOptions) -> None:
    if options.epochs < 1 or (options.steps is not None and options.steps < 1):
        raise RunError(f"epochs {options.epochs}, steps {options.steps}: give at least 1 of each")
    if options.eval_every < 0:
        raise RunError(f"eval_every {options.eval_every}: give a number of chunks, or 0")


def _earlier(log_dir: Path, options: TrainOptions, care: JobOptions) -> Earlier | None:
    """Finds the run that is to be gone on with, and refuses one of other options."""
    earlier = None if care.overwrite else find_earlier(log_dir)
    if earlier is not None:
        earlier.check_options(asdict(options), care.override_config)
    return earlier


def _finished(
    earlier: Earlier | None, config: dict[str, Any], care: JobOptions
) -> dict[str, Any] | None:
    """Returns the summary of a run to which nothing is to be added; refuses other data."""
    if earlier is None:
        return None
    earlier.check_data(config["data"], care.override_config)
    return earlier.summary if earlier.is_finished(config) else None


def _config(options: TrainOptions, dataset: Dataset, launch: str | None) -> dict[str, Any]:
    environment = fingerprint.environment()
    return {
        "options": asdict(options),
        "model": asdict(spec_for(options, dataset)),
        "chunks": len(dataset.train) * options.epochs,
        "vocabulary": dataset.vocabulary,
        "classes": dataset.classes,
        "scale": None if dataset.scale is None else dataset.scale.to_json(),
        "data": fingerprint.of_dataset(dataset),
        "versions": {name: environment[name] for name in ("python", "tensorflow", "numpy")},
        "environment": environment,
        **({} if launch is None else {"launch": launch}),
    }


def _restored(
    checkpoints: Checkpoints,
    runner: Runner | PipelineRunner,
    earlier: Earlier | None,
    config: dict[str, Any],
    on_text: Callable[[str], None],
) -> Restored | None:
    """Restores the newest whole checkpoint of an earlier attempt, and says what is to be said."""
    if earlier is None or not checkpoints.exist():
        return None
    restored = checkpoints.restore(runner.session)
    for damage in checkpoints.damaged:
        on_text(f"checkpoint {damage.name} is damaged: {damage.reason}; the one before is taken")
    restored = restored._replace(position=_fitting(restored.position, earlier, config, on_text))
    elsewhere = fingerprint.differences(earlier.config.get("environment"), config["environment"])
    if elsewhere:
        on_text(f"the last bits may differ from those of one go: {'; '.join(elsewhere)}")
    on_text(f"goes on from step {restored.step}, chunk {restored.position.applied}")
    return restored


def _fitting(
    position: Position,
    earlier: Earlier,
    config: dict[str, Any],
    on_text: Callable[[str], None],
) -> Position:
    """Returns where to go on from under a configuration that may be another one."""
    if not earlier.same_data(config["options"], config["data"]):
        on_text("other data: the weights go on, and the data are read from their beginning")
        return Position(steps=position.steps)
    if not earlier.same_schedule(config["options"]):
        on_text("another policy: planned anew from here on")
        return position.replanned()
    # One that was replanned, and lost before anything of it was saved, stands in a sweep still.
    passed_along = config["options"]["parallel"] == "sequence"
    return position.replanned() if passed_along and position.in_a_sweep else position


def _reached(log_dir: Path) -> int | None:
    """Returns the chunks that an earlier attempt has logged; None if nothing says so."""
    with suppress(LogError):
        chunks = [line.get("chunks") for line in logs.read_metrics(log_dir, "train")]
        return max((n for n in chunks if isinstance(n, int)), default=None)
    return None


@contextmanager
def _attempt(
    log_dir: Path, job: Job, restored: Restored | None, reached: int | None
) -> Iterator[None]:
    """Keeps a record of who worked on the run, from where to where, and how that ended."""
    path = log_dir / logs.ATTEMPTS
    begun = (0, 0) if restored is None else (restored.step, restored.position.applied)
    # A record that cannot be written is no reason not to work.
    with suppress(OSError):
        attempts.log_start(path, *begun, reached=reached)
    reason, message = attempts.FAILED, "ended by an error"
    try:
        yield
        reason, message = attempts.FINISHED, ""
    except StoppedError:
        reason, message = attempts.STOPPED, ""
        raise
    except BaseException as error:
        message = str(error) or type(error).__name__
        raise
    finally:
        with suppress(OSError):
            attempts.log_end(path, *job.where, reason, message)
