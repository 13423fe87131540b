"""Synthetic tasks on which memory can be measured, each seeded and described exactly.

B is the batch, T the steps, F the features.
"""

import numpy as np

from tgcarry.data.spool import Spool
from tgcarry.data.table import Table
from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError


def adding_problem(
    batch: int, length: int, seed: int, *, varied: bool = False
) -> dict[str, np.ndarray]:
    """Makes the adding problem: name, at the last step, the sum of two marked numbers.

    Each step is a pair: a number uniform in [-1, 1), and a marker. The marker is -1 at the
    first and the last step and 0 elsewhere, but 1 at two steps: X1, one of the first ten, and
    X2, another one of the first T/2 - 1. Should X1 be the first step, its number is set to 0.
    The target is 0.5 + (X1 + X2) / 4, in [0, 1), at the last step only. In the source a sequence
    has T to T + T/10 steps, uniform, which `varied` gives; else all have T. Always saying 0.5 has
    a mean squared error of about 1/24. The source calls a sequence right where the error is
    below 0.04.

    Args:
      batch: B, at least 1.
      length: T, at least 6.
      seed: of the random numbers.
      varied: whether lengths differ; the arrays then have T + T/10 steps.

    Returns:
      "x" float32 `[B, T, 2]`, "y" float32 `[B, T]` (0 where not scored) and "weight" float32
      `[B, T]`, 1 at the last step and 0 elsewhere; with `varied` also "lengths" int64 `[B]`, a
      sequence's real steps. What is not real is 0.

    Raises:
      DataError: an argument is out of range.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation
      9(8), experiment 4.
    """
    batch, length = whole(batch, "batch", 1), whole(length, "length", 6)
    rng = np.random.default_rng(whole(seed, "seed", 0))
    half = length // 2 - 1
    streams = np.arange(batch)
    first = rng.integers(0, min(10, half), batch)
    second = rng.integers(0, half - 1, batch)
    second += second >= first
    x = np.zeros((batch, length, 2), np.float32)
    x[:, :, 0] = rng.uniform(-1, 1, (batch, length))
    x[first == 0, 0, 0] = 0
    x[:, 0, 1] = x[:, -1, 1] = -1
    x[streams, first, 1] = x[streams, second, 1] = 1
    y = np.zeros((batch, length), np.float32)
    y[:, -1] = 0.5 + (x[streams, first, 0] + x[streams, second, 0]) / 4
    made = {"x": x, "y": y, "weight": _last(batch, length)}
    return _lengthened(made, rng) if varied else made


def delayed_recall(
    batch: int, length: int, lag: int, symbols: int, seed: int
) -> dict[str, np.ndarray]:
    """Makes delayed recall: name, at the last step, the symbol that was shown `lag` steps before.

    With K symbols a step has 2 K + 1 features: K that show the symbol to remember (one-hot, at
    step T - 1 - lag only, which is step 0 when lag = T - 1), K that show a distractor (one-hot,
    drawn anew at every step but that one and the last), and a cue, 1 at the last step and 0
    elsewhere. The symbol and the distractors are uniform and independent, so that without
    memory nothing beats a cross-entropy of log K.

    Args:
      batch: B, at least 1.
      length: T, at least 2.
      lag: steps from the symbol to the cue, 1 to T - 1.
      symbols: K, at least 2.
      seed: of the random numbers.

    Returns:
      "x" float32 `[B, T, 2 K + 1]`, "y" int32 `[B, T]` (0 where not scored) and "weight"
      float32 `[B, T]`, 1 at the last step and 0 elsewhere.

    Raises:
      DataError: an argument is out of range.

    Source: a plain form of the tasks with a distractor-filled delay in Hochreiter and
      Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), experiment 2.
    """
    batch, length = whole(batch, "batch", 1), whole(length, "length", 2)
    lag, symbols = whole(lag, "lag", 1), whole(symbols, "symbols", 2)
    if lag >= length:
        raise DataError(
            f"lag {lag} does not fit into {length} steps: give 1 to {length - 1}, or a longer "
            "length"
        )
    rng = np.random.default_rng(whole(seed, "seed", 0))
    streams = np.arange(batch)
    shown_at = length - 1 - lag
    wanted = rng.integers(0, symbols, batch)
    noise = rng.integers(0, symbols, (batch, length))
    x = np.zeros((batch, length, 2 * symbols + 1), np.float32)
    x[streams[:, None], np.arange(length), symbols + noise] = 1
    x[:, [shown_at, -1], :] = 0
    x[streams, shown_at, wanted] = 1
    x[:, -1, -1] = 1
    y = np.zeros((batch, length), np.int32)
    y[:, -1] = wanted
    return {"x": x, "y": y, "weight": _last(batch, length)}


def regimes(
    streams: int = 34,
    steps: int = 2000,
    features: int = 200,
    classes: int = 3,
    seed: int = 0,
    *,
    dwell: int = 250,
    announce: int = 5,
    strength: float = 0.3,
) -> Table:
    """Makes sequences with a hidden regime that is announced once and then has to be remembered.

    In each sequence a regime r[t] among K classes starts uniform at step 0 and, at each later
    step, switches with probability 1/dwell to one of the others, uniformly. The features are

        x[t] = noise[t] + strength * pattern[r[t]]   in the first `announce` steps of a regime
        x[t] = noise[t]                              afterwards

    with noise standard normal and pattern a vector of F random signs for each class, the
    same in all sequences of one seed. The label at every step is r[t]. An announcement is weak
    in any one feature and clear across all of them; between announcements the features say
    nothing, so that a model without memory stays near chance, 1/K, and the memory asked for is
    about `dwell` steps. Another seed has other patterns: to test, hold out sequences.

    Args:
      streams: S, the number of sequences.
      steps: T, the steps of each.
      features: F.
      classes: K, at least 2.
      seed: of the random numbers.
      dwell: mean number of steps that a regime lasts.
      announce: how many steps announce a regime.
      strength: size of the pattern against noise of deviation 1.

    Returns:
      A table of S sequences with x float32 `[S T, F]` and y int32 `[S T]`, in temporary files.

    Raises:
      DataError: an argument is out of range.

    Source: none; a hidden Markov chain made for this package.
    """
    streams, steps = whole(streams, "streams", 1), whole(steps, "steps", 1)
    features, classes = whole(features, "features", 1), whole(classes, "classes", 2)
    dwell, announce = whole(dwell, "dwell", 1), whole(announce, "announce", 1)
    if not np.isfinite(strength):
        raise DataError(f"strength {shown(strength)} is not finite: give a number such as 0.3")
    rng = np.random.default_rng(whole(seed, "seed", 0))
    patterns = rng.choice(np.array([-1, 1], np.float32), (classes, features))
    x, y = Spool(np.float32, (features,)), Spool(np.int32)
    for _ in range(streams):
        switch = rng.random(steps) < 1 / dwell
        switch[0] = True
        jumps = np.where(switch, rng.integers(1, classes, steps), 0)
        jumps[0] = rng.integers(0, classes)
        regime = np.cumsum(jumps) % classes
        since = np.arange(steps) - np.maximum.accumulate(np.where(switch, np.arange(steps), 0))
        rows = rng.standard_normal((steps, features), np.float32)
        told = since < announce
        rows[told] += np.float32(strength) * patterns[regime[told]]
        x.append(rows)
        y.append(regime)
    return Table(
        {"x": x.column(), "y": y.column()},
        np.arange(streams + 1) * steps,
        target_name="regime",
        num_classes=classes,
        source=f"regimes (seed {seed})",
    )


def _lengthened(made: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Puts up to a tenth more unmarked numbers before each sequence's last step."""
    batch, length = made["y"].shape
    lengths = rng.integers(length, length + length // 10 + 1, batch)
    streams, last = np.arange(batch), lengths - 1
    longer = {
        name: np.pad(array, [(0, 0), (0, length // 10), *[(0, 0)] * (array.ndim - 2)])
        for name, array in made.items()
    }
    for array in longer.values():
        array[:, length - 1] = 0
    more = rng.uniform(-1, 1, (batch, length // 10 + 1))
    longer["x"][:, length - 1 :, 0] = more
    longer["x"][np.arange(length + length // 10) >= lengths[:, None]] = 0
    longer["x"][streams, last, 1] = -1
    longer["y"][streams, last] = made["y"][:, -1]
    longer["weight"][streams, last] = 1
    return {**longer, "lengths": lengths}


def _last(batch: int, length: int) -> np.ndarray:
    weight = np.zeros((batch, length), np.float32)
    weight[:, -1] = 1
    return weight
