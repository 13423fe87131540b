"""Temporal order: which of two symbols came first, far apart among others.

B is the batch, T the steps.
"""

from typing import Literal

import numpy as np

from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError

SYMBOLS = ("a", "b", "c", "d", "X", "Y", "E", "B")
"""What each of the eight features of a step stands for."""

_DISTRACTORS, _RELEVANT, _START, _END = 4, 4, 6, 7
# Where the relevant symbols may stand, in hundredths of T, both ends included.
_PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}


def temporal_order(
    batch: int, length: int, seed: int, *, relevant: Literal[2, 3] = 2
) -> dict[str, np.ndarray]:
    """Makes temporal order: at the end, name the relevant symbols in the order they came in.

    A step shows one of eight symbols, one-hot: E at the first step, B (the trigger) at the last,
    X or Y at the relevant steps, and a, b, c or d elsewhere; all uniform and independent. A
    sequence has T to T + T/10 steps, uniform, and the relevant ones are, uniform as well,

        two:      t1 in T/10 .. T/5,   t2 in T/2 .. 6T/10
        three:    t1 in T/10 .. T/5,   t2 in 33T/100 .. 43T/100,   t3 in 66T/100 .. 76T/100

    with both ends included and fractions rounded down; steps count from 0. At T = 100 these are
    the source's numbers (which does not say whether it counts from 0); other T scale them. The
    class is the binary number that the relevant symbols make, X = 0 and Y = 1, the first of them
    highest: for two, XX XY YX YY are the source's Q R S U; for three, XXX ... YYY are Q R S U V A
    B C. Without memory nothing beats a cross-entropy of log 4, or log 8.

    Args:
      batch: B, at least 1.
      length: T, at least 10. The source has 100.
      seed: of the random numbers.
      relevant: 2 for the source's task 6a, 3 for 6b.

    Returns:
      "x" float32 `[B, T + T/10, 8]` in the order of `SYMBOLS`, "y" int32 `[B, T + T/10]` (0 where
      not scored), "weight" float32 of the same shape, 1 at a sequence's last step and 0 elsewhere,
      and "lengths" int64 `[B]`, a sequence's real steps. What is not real is 0.

    Raises:
      DataError: an argument is out of range.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8),
      experiment 6.
    """
    batch, length = whole(batch, "batch", 1), whole(length, "length", 10)
    if isinstance(relevant, bool) or relevant not in _PLACES:
        raise DataError(f"relevant {shown(relevant)}: give 2 (task 6a) or 3 (task 6b)")
    rng = np.random.default_rng(whole(seed, "seed", 0))
    most = length + length // 10
    streams = np.arange(batch)
    lengths = rng.integers(length, most + 1, batch)
    symbols = rng.integers(0, _DISTRACTORS, (batch, most))
    answer = np.zeros(batch, np.int64)
    for low, high in _PLACES[relevant]:
        place = rng.integers(low * length // 100, high * length // 100 + 1, batch)
        symbol = rng.integers(0, 2, batch)
        symbols[streams, place] = _RELEVANT + symbol
        answer = 2 * answer + symbol
    symbols[:, 0] = _START
    symbols[streams, lengths - 1] = _END
    x = np.eye(len(SYMBOLS), dtype=np.float32)[symbols]
    x[np.arange(most) >= lengths[:, None]] = 0
    y = np.zeros((batch, most), np.int32)
    y[streams, lengths - 1] = answer
    weight = np.zeros((batch, most), np.float32)
    weight[streams, lengths - 1] = 1
    return {"x": x, "y": y, "weight": weight, "lengths": lengths}
