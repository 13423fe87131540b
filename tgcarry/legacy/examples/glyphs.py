"""Made-up digits of MNIST's shapes, for programs whose data are not on this disk."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 28
VARIANTS = 48

# Strokes of each digit as lines between points (x, y) of a box of 4 by 6, y downwards.
_STROKES = {
    0: "10 30 41 45 36 16 05 01 10",
    1: "11 20 26; 16 36",
    2: "01 10 30 41 42 06 46",
    3: "00 40 22 33 44 45 36 16 05",
    4: "30 04 44; 31 36",
    5: "40 00 02 32 43 45 36 06",
    6: "30 10 02 05 16 36 45 44 33 03",
    7: "00 40 16",
    8: "10 30 41 42 33 13 02 01 10; 13 04 05 16 36 45 44 33",
    9: "43 13 02 01 10 30 41 44 36 16",
}


def digits(count: int, seed: int) -> tuple[Any, Any]:
    """Draws digits: each one of some slants, sizes, places and pens, with uneven ink.

    Args:
      count: int, N.
      seed: int; the same one gives the same images.

    Returns:
      Images uint8 `[N, 28, 28, 1]` and labels uint8 `[N]`.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    labels = generator.integers(0, 10, count, np.uint8)
    picked = labels.astype(np.intp) * VARIANTS + generator.integers(0, VARIANTS, count)
    images = _templates()[picked]
    images -= (images >> 3) * (generator.integers(0, 3, images.shape, np.uint8))
    return images[..., np.newaxis], labels


def _templates() -> Any:
    """Draws all variants of the ten digits: uint8 `[10 * VARIANTS, 28, 28]`."""
    generator = np.random.Generator(np.random.PCG64(0))
    return np.stack([_drawn(digit, generator) for digit in range(10) for _ in range(VARIANTS)])


def _drawn(digit: int, generator: np.random.Generator) -> Any:
    """Draws one digit: ink falls off with the distance to the nearest point of a stroke."""
    points = _points(_STROKES[digit]) - [2.0, 3.0]
    size = generator.uniform([2.4, 2.6], [3.4, 3.4])
    slant, turn = generator.uniform(-0.25, 0.35), generator.uniform(-0.12, 0.12)
    lean = np.array([[1.0, turn], [-slant, 1.0]])
    centre = (SIDE - 1) / 2 + generator.uniform(-1.5, 1.5, 2)
    points = (points * size) @ lean + centre
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    apart = (columns[..., None] - points[:, 0]) ** 2 + (rows[..., None] - points[:, 1]) ** 2
    distance = np.sqrt(apart.min(axis=-1))
    pen = generator.uniform(0.9, 1.6)
    return np.round(255 * np.clip(1.0 + pen - distance, 0.0, 1.0)).astype(np.uint8)


def _points(strokes: str) -> Any:
    """Returns points along the strokes, close to each other: `[P, 2]`."""
    found = []
    for stroke in strokes.split(";"):
        ends: Any = np.array([[int(p[0]), int(p[1])] for p in stroke.split()], np.float64)
        along = np.linspace(0.0, len(ends) - 1, 6 * (len(ends) - 1) + 1)
        places = np.arange(len(ends))
        found.append(np.stack([np.interp(along, places, ends[:, axis]) for axis in (0, 1)], 1))
    return np.concatenate(found)
