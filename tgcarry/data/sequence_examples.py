"""The feature lists of tf.train.SequenceExample records, as arrays."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tgcarry.data.records import records
from tgcarry.data.wording import listed, named, shown
from tgcarry.errors import DataError


def sequence_examples(path: Path, compression: str) -> Iterator[Mapping[str, Any]]:
    """Yields the feature lists of each record of a TFRecord file, by name.

    Args:
      path: the file.
      compression: "", "GZIP" or "ZLIB".

    Raises:
      DataError: the file or a record is damaged, or is not a SequenceExample.
    """
    import tensorflow.compat.v1 as tf

    record = 0
    try:
        for raw in records(path, compression):
            example = tf.train.SequenceExample.FromString(raw)
            yield example.feature_lists.feature_list
            record += 1
    # UnicodeDecodeError, which is a ValueError, for names that are no text.
    except (importlib.import_module("google.protobuf.message").DecodeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{named(path)}, record {record} is not a tf.train.SequenceExample: write one record "
            "for each sequence"
        ) from error


def stacked(lists: Mapping[str, Any], name: str, at: str) -> np.ndarray:
    """Stacks one feature list over its steps: `[T, width]`, float32 or int64.

    Args:
      lists: the feature lists of a record.
      name: the one to stack.
      at: what messages call the record.

    Raises:
      DataError: there is no such list, or its steps differ in width or type.
    """
    if name not in lists:
        raise DataError(
            f"{at} has no feature list {shown(name)}: choose among {listed(sorted(lists))}"
        )
    steps = lists[name].feature
    kinds = {step.WhichOneof("kind") for step in steps}
    if not steps or len(kinds) > 1 or not kinds <= {"float_list", "int64_list"}:
        held = listed(sorted(str(kind) for kind in kinds))
        raise DataError(
            f"{at}, feature list {shown(name)} holds {held} in {len(steps)} steps: give one "
            "float_list or int64_list for each step, all of one kind"
        )
    kind = kinds.pop()
    values = [getattr(step, kind).value for step in steps]
    for place, value in enumerate(values):
        if len(value) != len(values[0]) or not value:
            raise DataError(
                f"{at}, feature list {shown(name)} has {len(value)} values at step {place} and "
                f"{len(values[0])} at step 0: give every step the same number of values"
            )
    return np.array(values, np.int64 if kind == "int64_list" else np.float32)
