"""Opens whatever `--data` names as training and validation chunks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tgcarry import data
from tgcarry.data import Chunk, Table
from tgcarry.data.open_data import format_of
from tgcarry.data.tasks_named import TASKS, NamedTask, TaskBatches, named_task
from tgcarry.data.wording import named, regular_file, shown
from tgcarry.errors import DataError
from tgcarry.model import Kind

BUILTIN = {
    "stdlib": "the Python standard library's own source, as characters",
    "series": "weekly CO2 at Mauna Loa 1958-2001, to predict the next week's change",
    "regimes": "a hidden regime under noise, 3 classes, 200 features (generated)",
    "digits": "handwritten digits of 8 x 8 pixels, a pixel a step, 10 classes at the last",
    **TASKS,
}


@dataclass(frozen=True)
class DataOptions:
    """Says which data to open and how to cut it."""

    data: str = "stdlib"
    format: str | None = None
    target: str | None = None
    features: tuple[str, ...] | None = None
    stream: str | None = None
    task: str | None = None
    """"regression" or "classification"; None lets the file decide."""
    batch: int = 32
    chunk: int = 50
    validation: float = 0.1
    seed: int = 0
    limit_bytes: int | None = None
    """How much of the built-in text to read."""
    sequence: int = 100
    """Steps of one sequence of the generated tasks; the most vectors of copy and repeat_copy."""
    sequences: int = 500
    """Batches of sequences of the generated tasks."""
    bits: int | None = None
    """Bits of a vector of copy and repeat_copy; None for 8."""
    repeats: int | None = None
    """Most repetitions of repeat_copy; None for 5."""


class Dataset(NamedTuple):
    """Holds chunks to train on and to validate on, and what a model must know of them."""

    train: Sequence[Chunk]
    validation: Sequence[Chunk] | None
    kind: Kind
    inputs: int
    outputs: int
    flat_target: bool
    weighted: bool
    scored: float
    """Scored steps of an average training chunk."""
    vocabulary: tuple[str, ...] | None
    classes: tuple[str, ...] | None
    scale: data.Scale | None
    description: str


def open_dataset(
    options: DataOptions,
    *,
    vocabulary: tuple[str, ...] | None = None,
    classes: tuple[str, ...] | None = None,
    scale: data.Scale | None = None,
) -> Dataset:
    """Opens a built-in data set by name, or a file by path.

    Float features, and the targets of a regression, are scaled to mean 0 and deviation 1 as
    measured on the training part.

    Args:
      options: what to open.
      vocabulary: of a trained model; other characters are then refused.
      classes: of a trained model, likewise.
      scale: of a trained model; used instead of measuring.

    Returns:
      A `Dataset`.

    Raises:
      DataError: the data cannot be opened, or is too small for the batch.
    """
    _check(options)
    if options.data in TASKS:
        return _generated(options)
    if options.data == "regimes":
        table = _regimes(options)
        held = max(1, round(options.batch * options.validation)) if options.validation else 0
        fraction = held / table.sequences
    else:
        table, fraction = _open(options, vocabulary, classes), options.validation
    train, validation = data.hold_out(table, fraction)
    if table.vocabulary is None:
        train, scale = data.standardise(train, scale)
        if validation is not None:
            validation, _ = data.standardise(validation, scale)
    return _from_tables(table, train, validation, options, scale)


def _open(
    options: DataOptions, vocabulary: tuple[str, ...] | None, classes: tuple[str, ...] | None
) -> Table:
    if options.data == "stdlib":
        return data.stdlib_text(options.limit_bytes)
    if options.data in _SHIPPED:
        return _SHIPPED[options.data]()
    path = Path(options.data)
    if not os.path.lexists(path):
        raise DataError(
            f"data {options.data!r} is neither a file nor built in: name a file, or one of "
            f"{', '.join(BUILTIN)}"
        )
    path = regular_file(path)
    kind = options.format or format_of(path)
    if kind not in _APPLIES:
        raise DataError(f"format {shown(kind)} is unknown: choose among {', '.join(_APPLIES)}")
    wanted = {name: value for name, value in _file_options(options).items() if value is not None}
    for name, value in wanted.items():
        if name not in _APPLIES[kind]:
            raise DataError(f"{name} {shown(value)} does not apply to {kind} files: leave it out")
    if vocabulary is not None:
        if kind != "text":
            raise DataError(f"{named(path)}: the model reads characters; name a text file")
        wanted["vocabulary"] = vocabulary
    if classes is not None and kind == "csv":
        wanted["classes"] = classes
    return data.open_table(path, format=kind, **wanted)


_SHIPPED = {"series": data.series, "digits": data.digits}

# Which of the options that describe a file mean something for which format.
_APPLIES = {
    "csv": {"target", "features", "stream", "task"},
    "npy": {"task"},
    "tfrecord": {"target", "features", "task"},
    "text": set(),
}


def _file_options(options: DataOptions) -> dict[str, Any]:
    names = ("target", "features", "stream", "task")
    return {name: getattr(options, name) for name in names}


def _check(options: DataOptions) -> None:
    if not 0 <= options.validation < 1:
        raise DataError(f"validation {options.validation:g}: give a share from 0 to below 1")
    for name in ("batch", "chunk", "sequence", "sequences"):
        value = getattr(options, name)
        if value < 1:
            raise DataError(f"{name} {value}: give at least 1")
    if options.seed < 0:
        raise DataError(f"seed {options.seed}: give 0 or more")
    for name, tasks in _TASK_OPTIONS.items():
        value = getattr(options, name)
        if value is not None and options.data not in tasks:
            raise DataError(
                f"{name} {shown(value)} is for {' and '.join(tasks)}, not for "
                f"{shown(options.data)}: leave it out"
            )
    if options.data in BUILTIN:
        for name, value in {**_file_options(options), "format": options.format}.items():
            if value is not None:
                raise DataError(
                    f"{name} {shown(value)} is for files, and {options.data} is built in: leave "
                    f"it out"
                )


# Which generated tasks an option means something for.
_TASK_OPTIONS = {"bits": ("copy", "repeat_copy"), "repeats": ("repeat_copy",)}


def _regimes(options: DataOptions) -> Table:
    held = max(1, round(options.batch * options.validation)) if options.validation else 0
    return data.regimes(streams=options.batch + held, seed=options.seed)


def _from_tables(
    table: Table,
    train: Table,
    validation: Table | None,
    options: DataOptions,
    scale: data.Scale | None,
) -> Dataset:
    chunks = data.streams(train, options.batch, options.chunk)
    held = None if validation is None else _validation(validation, options)
    x, y = table.columns["x"], table.columns["y"]
    if table.vocabulary is not None:
        kind: Kind = "characters"
        inputs = outputs = len(table.vocabulary)
    else:
        kind = "regression" if table.num_classes is None else "classification"
        inputs = int(x.shape[1]) if len(x.shape) > 1 else 1
        width = int(y.shape[1]) if len(y.shape) > 1 else 1
        outputs = width if table.num_classes is None else table.num_classes
    flat = kind == "regression" and len(y.shape) == 1
    # Sequences that are scored at their last step only.
    weighted = "weight" in table.columns
    return Dataset(
        chunks,
        held,
        kind,
        inputs,
        outputs,
        flat,
        weighted,
        (train.sequences if weighted else chunks.steps) / len(chunks),
        table.vocabulary,
        table.classes,
        scale,
        f"{table.source}: {train.steps} steps to train on, in {options.batch} streams"
        + ("" if validation is None else f", {validation.steps} to validate on"),
    )


def _validation(table: Table, options: DataOptions) -> Sequence[Chunk]:
    """Cuts the held-out part into as many streams as it can fill, the training's at most."""
    most = table.sequences if table.sequences > 1 else max(1, table.steps // options.chunk)
    return data.streams(table, min(options.batch, most), options.chunk)


# Validation draws from seeds that training does not come to.
_VALIDATION_SEED = 1_000_000


def _generated(options: DataOptions) -> Dataset:
    task = _task(options)
    first = options.seed * 2 * _VALIDATION_SEED
    train = TaskBatches(task.make, options.sequences, task.steps, options.chunk, first)
    held = TaskBatches(task.make, 8, task.steps, options.chunk, first + _VALIDATION_SEED)
    pieces = -(-task.steps // options.chunk)
    # What is scored at one step is all in one chunk; what is scored at many is spread out.
    spread = pieces if task.kind == "bits" else 1
    return Dataset(
        train,
        held if options.validation else None,
        task.kind,
        task.inputs,
        task.outputs,
        task.kind == "regression",
        True,
        options.batch * task.scored / spread,
        None,
        None,
        None,
        f"{options.data}: {options.sequences} batches of {options.batch} sequences of "
        f"{'up to ' * (task.steps != options.sequence)}{task.steps} steps, {pieces} chunks each",
    )


def _task(options: DataOptions) -> NamedTask:
    wanted = {name: getattr(options, name) for name in _TASK_OPTIONS}
    given = {name: value for name, value in wanted.items() if value is not None}
    try:
        task = named_task(options.data, options.batch, options.sequence, **given)
        task.make(options.seed)
    except DataError as error:
        raise DataError(f"sequence {options.sequence} of {options.data}: {error}") from error
    return task
