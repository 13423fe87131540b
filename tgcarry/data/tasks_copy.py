"""Copy and repeat copy: remember a sequence of binary vectors, and say it again.

B is the batch, T the steps, W the bits of a vector, N the vectors of a sequence, R how often it
is to be said.
"""

import numpy as np

from tgcarry.data.wording import whole
from tgcarry.errors import DataError


def copy_task(
    batch: int, length: int, seed: int, *, bits: int = 8, shortest: int = 1
) -> dict[str, np.ndarray]:
    """Makes the copy task: N random binary vectors, a delimiter, and then the same N again.

        step       0 .. N - 1      N             N + 1 .. 2 N
        inputs     the vectors     the flag      nothing
        targets    not scored      not scored    the vectors

    N is uniform in `shortest` .. `length`, for each sequence on its own; the bits are fair and
    independent. A sequence has 2 N + 1 steps; the arrays have room for the longest that may be
    drawn, T = 2 length + 1. Without memory nothing beats a cross-entropy of W log 2 a step.

    Args:
      batch: B, at least 1.
      length: the largest N, at least 1. The source has 20.
      seed: of the random numbers.
      bits: W, at least 1. The source has 8.
      shortest: the smallest N, 1 to `length`. The source has 1.

    Returns:
      "x" float32 `[B, T, W + 1]`, the last feature being the delimiter's flag; "y" float32
      `[B, T, W]`, 0 or 1; "weight" float32 `[B, T]`, 1 at the N steps that are scored and 0
      elsewhere; "lengths" int64 `[B]`, a sequence's real steps. What is not real is 0.

    Raises:
      DataError: an argument is out of range.

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines", arXiv:1410.5401, section
      4.1. Jaderberg et al. 2017, "Decoupled neural interfaces using synthetic gradients",
      arXiv:1608.05343, take the task from there; how they laid it out could not be checked.
    """
    batch, length, bits = whole(batch, "batch", 1), whole(length, "length", 1), _bits(bits)
    shortest = _least(shortest, "shortest", length, "length")
    rng = np.random.default_rng(whole(seed, "seed", 0))
    counts = rng.integers(shortest, length + 1, batch)
    patterns = rng.integers(0, 2, (batch, length, bits)).astype(np.float32)
    steps = 2 * length + 1
    x = np.zeros((batch, steps, bits + 1), np.float32)
    y = np.zeros((batch, steps, bits), np.float32)
    weight = np.zeros((batch, steps), np.float32)
    for stream, count in enumerate(counts):
        pattern, answer = patterns[stream, :count], slice(count + 1, 2 * count + 1)
        x[stream, :count, :bits] = pattern
        x[stream, count, bits] = 1
        y[stream, answer] = pattern
        weight[stream, answer] = 1
    return {"x": x, "y": y, "weight": weight, "lengths": 2 * counts + 1}


def repeat_copy(
    batch: int,
    length: int,
    repeats: int,
    seed: int,
    *,
    bits: int = 8,
    shortest: int = 1,
    fewest: int = 1,
    normal: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """Makes repeat copy: N random binary vectors, a number R, the N again R times, and an end.

        step       0 .. N - 1      N                 N + 1 .. N + R N    N + R N + 1
        inputs     the vectors     the flag and R    nothing             nothing
        targets    not scored      not scored        the vectors         the end marker

    N is uniform in `shortest` .. `length` and R in `fewest` .. `repeats`, for each sequence on
    its own. R is shown as (R - m) / d, with m and d the mean and deviation of a whole number
    that is uniform in the range `normal`; 0 if that range is a single number. A sequence has
    N (R + 1) + 2 steps; the arrays have room for T = length (repeats + 1) + 2.

    The flag beside R is ours: the source names the number only, which is 0 at the mean.

    Args:
      batch: B, at least 1.
      length: the largest N, at least 1. The source has 10.
      repeats: the largest R, at least 1. The source has 10.
      seed: of the random numbers.
      bits: W, at least 1. The source has 8.
      shortest: the smallest N, 1 to `length`. The source has 1.
      fewest: the smallest R, 1 to `repeats`. The source has 1.
      normal: the range that R is normalised for, `(fewest, repeats)` by default; give that of the
        training to test with other numbers.

    Returns:
      "x" float32 `[B, T, W + 2]`, the last two features being the flag and the number; "y" float32
      `[B, T, W + 1]`, 0 or 1, the last being the end marker; "weight" float32 `[B, T]`, 1 at the
      N R + 1 steps that are scored and 0 elsewhere; "lengths" int64 `[B]`, a sequence's real
      steps. What is not real is 0.

    Raises:
      DataError: an argument is out of range.

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines", arXiv:1410.5401, section
      4.2. Jaderberg et al. 2017, arXiv:1608.05343, take the task from there; how they laid it
      out could not be checked.
    """
    batch, length, bits = whole(batch, "batch", 1), whole(length, "length", 1), _bits(bits)
    repeats = whole(repeats, "repeats", 1)
    shortest = _least(shortest, "shortest", length, "length")
    fewest = _least(fewest, "fewest", repeats, "repeats")
    low, high = (fewest, repeats) if normal is None else normal
    low = _least(low, "normal[0]", whole(high, "normal[1]", 1), "normal[1]")
    rng = np.random.default_rng(whole(seed, "seed", 0))
    counts = rng.integers(shortest, length + 1, batch)
    times = rng.integers(fewest, repeats + 1, batch)
    patterns = rng.integers(0, 2, (batch, length, bits)).astype(np.float32)
    shown_times = _standardised(times, low, high)
    steps = length * (repeats + 1) + 2
    x = np.zeros((batch, steps, bits + 2), np.float32)
    y = np.zeros((batch, steps, bits + 1), np.float32)
    weight = np.zeros((batch, steps), np.float32)
    ends = counts * (times + 1) + 1
    for stream, (count, often, end) in enumerate(zip(counts, times, ends, strict=True)):
        pattern = patterns[stream, :count]
        x[stream, :count, :bits] = pattern
        x[stream, count, bits:] = 1, shown_times[stream]
        y[stream, count + 1 : end, :bits] = np.tile(pattern, (often, 1))
        y[stream, end, bits] = 1
        weight[stream, count + 1 : end + 1] = 1
    return {"x": x, "y": y, "weight": weight, "lengths": ends + 1}


def _bits(bits: int) -> int:
    return whole(bits, "bits", 1)


def _least(value: int, name: str, most: int, of: str) -> int:
    number = whole(value, name, 1)
    if number > most:
        raise DataError(f"{name} {number} is above {of} {most}: give 1 to {most}")
    return number


def _standardised(values: np.ndarray, low: int, high: int) -> np.ndarray:
    deviation = np.sqrt(((high - low + 1) ** 2 - 1) / 12)
    return (values - (low + high) / 2) / (deviation or 1.0)
