"""Pixel by pixel: images read one pixel a step, and named at the last one."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from tgcarry.data.table import Table
from tgcarry.data.wording import because, named, whole
from tgcarry.errors import DataError


def pixel_sequences(
    images: Any,
    labels: Any,
    *,
    classes: int | None = None,
    permutation_seed: int | None = None,
    source: str = "images",
) -> Table:
    """Turns images into sequences of pixels, each with the image's class as its last target.

    The pixels come row by row, from the top left; or, with a seed, in one random order that is
    the same for all images. Not scaled here (see `standardise`).

    Args:
      images: numbers `[S, height, width]`, or `[S, P]` with P pixels already in a row.
      labels: ints `[S]`, 0 to K - 1.
      classes: K; by default one more than the largest label.
      permutation_seed: of the order of the pixels; None for row by row.
      source: what messages call the data.

    Returns:
      A table of S sequences of P steps: "x" float32 `[S P, 1]`, "y" int32 `[S P]`, 0 where not
      scored, and "weight" float32 `[S P]`, 1 at the last step of an image and 0 elsewhere.

    Raises:
      DataError: the arrays do not fit each other, or a label is out of range.

    Source: Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of
      rectified linear units", arXiv:1504.00941, section 4.3, with the digits of MNIST; the
      permuted variant, too.
    """
    pixels, names = np.asarray(images), np.asarray(labels)
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or pixels.dtype.kind not in "biuf":
        raise DataError(
            f"{source}: images are {pixels.dtype} of shape {list(pixels.shape)}: give numbers "
            f"[images, height, width] or [images, pixels]"
        )
    count = len(pixels)
    if names.shape != (count,) or names.dtype.kind not in "iu":
        raise DataError(
            f"{source}: labels are {names.dtype} of shape {list(names.shape)}: give an int for "
            f"each of {count} images"
        )
    known = int(names.max()) + 1 if classes is None else whole(classes, "classes", 1)
    for place in np.flatnonzero((names < 0) | (names >= known))[:1]:
        raise DataError(f"{source}: label {names[place]} of image {place}: give 0 to {known - 1}")
    rows = pixels.reshape(count, -1).astype(np.float32)
    steps = rows.shape[1]
    if permutation_seed is not None:
        seed = whole(permutation_seed, "permutation_seed", 0)
        rows = rows[:, np.random.default_rng(seed).permutation(steps)]
    y = np.zeros((count, steps), np.int32)
    weight = np.zeros((count, steps), np.float32)
    y[:, -1], weight[:, -1] = names, 1
    return Table(
        {"x": rows.reshape(-1, 1), "y": y.reshape(-1), "weight": weight.reshape(-1)},
        np.arange(count + 1) * steps,
        feature_names=("pixel",),
        target_name="class",
        num_classes=known,
        source=source,
    )


def digits(permutation_seed: int | None = None) -> Table:
    """Reads the handwritten digits that come with the package, pixel by pixel.

    1,797 images of 8 x 8 pixels, 0 (paper) to 16 (ink), in the order of the file they come from;
    so 64 steps each. By 13 people. Where they come from is written in `files/digits.md`.

    Args:
      permutation_seed: as in `pixel_sequences`.

    Returns:
      A table of 1,797 sequences, as of `pixel_sequences`, with ten classes.

    Raises:
      DataError: the file is missing from the installation, or damaged.
    """
    path = Path(__file__).parent / "files" / "digits.npz"
    return pixel_sequences(
        *_read(path), classes=10, permutation_seed=permutation_seed, source="digits"
    )


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        # NumPy leaves a path that it cannot read open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return held["images"], held["labels"]
    except (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{named(path)} cannot be read ({because(error)}): install the package anew"
        ) from error
