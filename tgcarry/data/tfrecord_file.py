"""Tables from TFRecord files of tf.train.SequenceExample, one record a sequence."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from tgcarry.data.column import Column
from tgcarry.data.labels import check_task, count_classes
from tgcarry.data.next_step import next_step
from tgcarry.data.sequence_examples import sequence_examples, stacked
from tgcarry.data.spool import Spool
from tgcarry.data.table import Table
from tgcarry.data.wording import PathArg, listed, named, regular_file, shown
from tgcarry.errors import DataError


def read_tfrecord(
    path: PathArg,
    features: Sequence[str] | None = None,
    target: str | None = None,
    task: Literal["auto", "regression", "classification"] = "auto",
    compression: Literal["", "GZIP", "ZLIB"] = "",
) -> Table:
    """Reads a TFRecord file of sequences as a table, setting its rows aside in temporary files.

    Each record is a tf.train.SequenceExample; its feature lists, of floats or int64s, have
    one feature for each step. Context features are not read. TensorFlow's record reader is
    used without any graph, so the default graph stays as it is. TensorFlow's checksums tell a
    damaged file; one that ends exactly between two records cannot be told from a whole one.

    Args:
      path: the file.
      features: the feature lists that make x, side by side; None takes all those of the first
        record but the target, sorted by name.
      target: the feature list of y. None: x one step ahead is the target.
      task: "auto" takes int64s in the target as classes 0..K-1 and floats as regression.
      compression: how the file is compressed.

    Returns:
      A table with x float32 `[N, F]` and y: int64 classes `[N]`, or float32 `[N]` (`[N, K]`
      for targets of several values a step, and without a target).

    Raises:
      DataError: the file is damaged or no such file, or a record (counted from 0) lacks a
        feature list, or its lists differ in steps, width or type.
    """
    if task != "auto":
        check_task(task)
    if isinstance(features, str):
        raise DataError(f"features {shown(features)} is one string: give a list of names")
    if task == "classification" and target is None:
        raise DataError(f"{named(path)}: classification needs a target: name a feature list")
    where = regular_file(path)
    names = None if features is None else list(features)
    x: Spool | None = None
    y: Spool | None = None
    layout: Mapping[str, _Kind] = {}
    bounds = [0]
    for record, lists in enumerate(sequence_examples(where, compression)):
        at = f"{named(path)}, record {record}"
        if names is None:
            names = sorted(name for name in lists if name != target)
        arrays = {name: stacked(lists, name, at) for name in _wanted(names, target, at)}
        steps = _same_steps(arrays, at)
        found = {name: _Kind(a.shape[1], a.dtype.kind == "i") for name, a in arrays.items()}
        if x is None:
            layout = found
            x = Spool(np.float32, (sum(layout[name].width for name in names),))
            y = _target_spool(layout, target, task, at)
        _same_layout(found, layout, at)
        x.append(np.concatenate([arrays[name] for name in names], axis=1))
        if y is not None and target is not None:
            y.append(arrays[target])
        bounds.append(bounds[-1] + steps)
    if x is None or names is None:
        raise DataError(f"{named(path)} has no records: write at least one SequenceExample")
    labels = tuple(
        name if layout[name].width == 1 else f"{name}[{place}]"
        for name in names
        for place in range(layout[name].width)
    )
    edges = np.array(bounds, np.int64)
    return _table(x, y, edges, labels=labels, target=target, source=named(path))


class _Kind(NamedTuple):
    """Says what one feature list holds at each step."""

    width: int
    whole: bool

    def __str__(self) -> str:
        return f"{self.width} {'int64' if self.whole else 'float'} a step"


def _table(
    x: Spool,
    y: Spool | None,
    edges: np.ndarray,
    *,
    labels: tuple[str, ...],
    target: str | None,
    source: str,
) -> Table:
    inputs = x.column()
    if y is None:
        now, ahead, edges = next_step(inputs, edges, source)
        return Table({"x": now, "y": ahead}, edges, labels, source=source)
    targets: Column = y.column()
    classes = None
    if targets.dtype.kind == "i":
        classes = count_classes(targets, f"{source}, target {shown(target)}")
    columns = {"x": inputs, "y": targets}
    return Table(columns, edges, labels, target, num_classes=classes, source=source)


def _wanted(names: Sequence[str], target: str | None, at: str) -> list[str]:
    if not names:
        raise DataError(f"{at} leaves no feature lists for x: name some in features")
    return [*dict.fromkeys(names), *([] if target is None or target in names else [target])]


def _same_steps(arrays: Mapping[str, np.ndarray], at: str) -> int:
    steps = {name: len(array) for name, array in arrays.items()}
    if len(set(steps.values())) > 1:
        each = listed(f"{name} {count}" for name, count in steps.items())
        raise DataError(
            f"{at} has feature lists of different numbers of steps ({each}): give all of them "
            "the same"
        )
    return next(iter(steps.values()))


def _same_layout(found: Mapping[str, _Kind], layout: Mapping[str, _Kind], at: str) -> None:
    for name, kind in found.items():
        if kind != layout[name]:
            raise DataError(
                f"{at}, feature list {shown(name)} has {kind} but record 0 has {layout[name]}: "
                "write every record alike"
            )


def _target_spool(
    layout: Mapping[str, _Kind], target: str | None, task: str, at: str
) -> Spool | None:
    if target is None:
        return None
    width, whole = layout[target]
    if task == "classification" and not whole:
        raise DataError(f"{at}, target {shown(target)} holds floats: give int64 classes")
    if whole and task != "regression":
        if width > 1:
            raise DataError(
                f"{at}, target {shown(target)} has {width} classes at each step: give one, or "
                'choose task="regression"'
            )
        return Spool(np.int64)
    return Spool(np.float32, () if width == 1 else (width,))
