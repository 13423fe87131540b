"""Restores a trained model from its log folder: evaluates it, and lets it write text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import data, logs
from tgcarry.checkpoints import Checkpoints
from tgcarry.data.wording import because, named, shown
from tgcarry.dataset import DataOptions, open_dataset
from tgcarry.errors import LogError, RunError
from tgcarry.model import Model, ModelSpec, build_model
from tgcarry.runner import Runner
from tgcarry.scores import score


@dataclass(frozen=True)
class Trained:
    """Holds what a log folder says of its run."""

    options: DataOptions
    spec: ModelSpec
    vocabulary: tuple[str, ...] | None
    classes: tuple[str, ...] | None
    scale: data.Scale | None


class Restored(NamedTuple):
    """Holds a model with its trained weights in an open session."""

    runner: Runner
    model: Model
    step: int


def read_trained(log_dir: Path) -> Trained:
    """Reads the run of a log folder.

    Raises:
      LogError: it is missing or damaged.
    """
    config = logs.read_config(log_dir)
    try:
        options = dict(config["options"]["data"])
        spec = dict(config["model"])
        if options["features"] is not None:
            options["features"] = tuple(options["features"])
        if isinstance(spec["units"], list):
            spec["units"] = tuple(spec["units"])
        names = {
            key: None if config[key] is None else tuple(config[key])
            for key in ("vocabulary", "classes")
        }
        trained = Trained(
            DataOptions(**options),
            ModelSpec(**spec),
            names["vocabulary"],
            names["classes"],
            None if config["scale"] is None else data.Scale.from_json(config["scale"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LogError(
            f"{named(log_dir / logs.CONFIG)}: not a run's configuration: {because(error)}"
        ) from error
    _check_types(trained, log_dir)
    return trained


def _check_types(trained: Trained, log_dir: Path) -> None:
    """Refuses a configuration that was edited into values of another type."""
    for part in (trained.options, trained.spec):
        for field in fields(part):
            value, default = getattr(part, field.name), field.default
            units = field.name == "units"
            if units and isinstance(value, tuple) and all(isinstance(n, int) for n in value):
                continue
            wanted = float | int if isinstance(default, float) else type(default)
            if units or not (default in (None, MISSING) or isinstance(value, wanted)):
                raise LogError(
                    f"{named(log_dir / logs.CONFIG)}: not a run's configuration: {field.name} is "
                    f"{shown(value)}"
                )


@contextmanager
def restored(trained: Trained, log_dir: Path) -> Iterator[Restored]:
    """Builds the model in a graph of its own and restores the newest checkpoint.

    Raises:
      LogError: no checkpoint can be restored.
    """
    with tf.Graph().as_default():
        model = build_model(trained.spec)
        checkpoints = Checkpoints(log_dir / logs.CHECKPOINTS, model.chunk)
        with Runner(model.chunk) as runner:
            yield Restored(runner, model, checkpoints.restore(runner.session).step)


def evaluate(log_dir: Path, path: str | None = None, batch: int | None = None) -> dict[str, Any]:
    """Evaluates the model of a log folder on its held-out data, or on a file of your own.

    Args:
      log_dir: the log folder.
      path: a file in the format of the training data; None for the run's held-out part.
      batch: streams to read side by side; by default the run's.

    Returns:
      "step", "time_steps" and the figures of `tgcarry.training.score`.

    Raises:
      TgcarryError: the folder, the checkpoint or the data cannot be used.
    """
    trained = read_trained(log_dir)
    options = replace(trained.options, batch=batch or trained.options.batch)
    if path is not None:
        options = replace(options, data=path, validation=0.0)
    dataset = open_dataset(
        options, vocabulary=trained.vocabulary, classes=trained.classes, scale=trained.scale
    )
    if (dataset.kind, dataset.inputs, dataset.outputs) != (
        trained.spec.kind,
        trained.spec.inputs,
        trained.spec.outputs,
    ):
        raise RunError(
            f"{options.data}: {dataset.kind} with {dataset.inputs} inputs and {dataset.outputs} "
            f"outputs, but the model was trained for {trained.spec.kind} with "
            f"{trained.spec.inputs} and {trained.spec.outputs}"
        )
    chunks = dataset.train if path is not None else dataset.validation
    if chunks is None:
        raise RunError(f"{log_dir}: the run held nothing out; name a file with --data")
    with restored(trained, log_dir) as (runner, _, step):
        result = runner.evaluate(chunks)
    return {"step": step, "time_steps": result.time_steps, **score(result, trained.spec.kind)}


def sample(
    log_dir: Path, length: int, *, prime: str = "\n", temperature: float = 1.0, seed: int = 0
) -> str:
    """Lets a character model write on from `prime`.

        p(next = c) = softmax(logits / temperature)_c

    Args:
      log_dir: the log folder of a character model.
      length: characters to write.
      prime: what to read first; at least one character, all of them known.
      temperature: above 0; small for the likeliest characters.
      seed: of the draws.

    Returns:
      `length` characters, without the prime.

    Raises:
      RunError: not a character model, or arguments out of range.
      DataError: a character in `prime` that the model does not know.
      LogError: the folder or its checkpoint cannot be used.
    """
    trained = read_trained(log_dir)
    if trained.vocabulary is None:
        raise RunError(
            f"{log_dir}: sampling needs a model of characters, this is one of {trained.spec.kind}"
        )
    if length < 1 or not 0 < temperature < float("inf") or not prime or seed < 0:
        raise RunError(
            f"sample(length={length}, temperature={temperature:g}, prime={prime!r}, seed={seed}): "
            f"give a length of at least 1, a temperature above 0, at least one character to start "
            f"from, and a seed of 0 or more"
        )
    ids = data.encode(prime, trained.vocabulary)
    rng = np.random.default_rng(seed)
    with restored(trained, log_dir) as (runner, model, _):
        written = _write(runner.session, model, ids, length, temperature, rng)
    return data.decode(np.array(written), trained.vocabulary)


def _write(
    session: Any,
    model: Model,
    ids: np.ndarray,
    length: int,
    temperature: float,
    rng: np.random.Generator,
) -> list[int]:
    chunk = model.chunk
    ports = tf.nest.flatten(chunk.ports.initial_state)
    state = [np.zeros([1, *p.shape[1:].as_list()], np.float32) for p in ports]
    feed, written = np.asarray(ids)[None, :], []
    for _ in range(length):
        feeds = dict(zip(ports, state, strict=True))
        feeds[chunk.feeds["x"]] = feed
        feeds[chunk.feeds["lengths"]] = [feed.shape[1]]
        logits, final = session.run((model.predictions, chunk.final_state), feeds)
        state = tf.nest.flatten(final)
        scaled = logits[0, -1].astype(np.float64) / temperature
        shares = np.exp(scaled - scaled.max())
        written.append(int(rng.choice(len(shares), p=shares / shares.sum())))
        feed = np.array([[written[-1]]])
    return written
