"""Images pixel by pixel, and the digits that come with the package."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tgcarry.data import digits, hold_out, pixel_sequences, pixels, standardise, streams
from tgcarry.errors import DataError


def column(table, name):
    return table.columns[name][0 : int(table.bounds[-1])]


@pytest.mark.parametrize("flat", [False, True])
def test_a_pixel_a_step_row_by_row(flat, rng):
    images, labels = rng.integers(0, 17, (5, 3, 4)), np.array([2, 0, 1, 2, 0], np.uint8)
    table = pixel_sequences(images.reshape(5, 12) if flat else images, labels)
    assert (table.sequences, table.steps, table.num_classes) == (5, 60, 3)
    x, y, weight = (column(table, name) for name in ("x", "y", "weight"))
    assert x.shape == (60, 1)
    assert (x.dtype, y.dtype, weight.dtype) == (np.float32, np.int32, np.float32)
    step = 0
    for image, label in zip(images, labels, strict=True):
        for number, pixel in enumerate(value for row in image for value in row):
            last = number == 11
            assert x[step, 0] == pixel
            assert (y[step], weight[step]) == ((label, 1) if last else (0, 0))
            step += 1


def test_one_order_for_all_images(rng):
    images, labels = rng.permutation(240).reshape(4, 60), np.arange(4)
    plain = column(pixel_sequences(images, labels), "x").reshape(4, 60)
    mixed = column(pixel_sequences(images, labels, permutation_seed=3), "x").reshape(4, 60)
    order = [int(np.flatnonzero(plain[0] == pixel)[0]) for pixel in mixed[0]]
    assert sorted(order) == list(range(60)) != order
    assert np.array_equal(mixed, plain[:, order])
    again = column(pixel_sequences(images, labels, permutation_seed=3), "x")
    assert np.array_equal(again.reshape(4, 60), mixed)


def test_the_digits_are_the_published_ones():
    table = digits()
    assert (table.sequences, table.steps, table.num_classes) == (1797, 1797 * 64, 10)
    x, y = column(table, "x").reshape(1797, 8, 8), column(table, "y").reshape(1797, 64)[:, -1]
    # The classes of the set's test part, as its description counts them.
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (x.min(), x.max()) == (0, 16)
    assert y[:10].tolist() == list(range(10))
    assert x[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    digest = hashlib.sha256(x.astype(np.uint8).tobytes()).hexdigest()
    assert digest.startswith("8f26b2bd9d135c25")


def test_a_file_that_is_not_whole(tmp_path):
    good = (Path(pixels.__file__).parent / "files/digits.npz").read_bytes()
    half, other = tmp_path / "half.npz", tmp_path / "other.npz"
    half.write_bytes(good[: len(good) // 2])
    np.savez(other, pictures=np.zeros(3))
    bent = tmp_path / "bent.npz"
    bent.write_bytes(good[:5000] + bytes(100) + good[5100:])
    for path in (half, other, bent, tmp_path / "none.npz"):
        with pytest.raises(DataError, match=rf"{path.name} cannot be read") as error:
            pixels._read(path)
        assert "\n" not in str(error.value)


def test_they_become_chunks_scored_at_the_end_of_each_image():
    train, held = hold_out(digits(), 0.1)
    train, _ = standardise(train)
    assert held.sequences == pytest.approx(180, abs=1)
    chunks = streams(train, 32, 16)
    images = 0
    for index in range(8):
        chunk = chunks[index]
        assert chunk.arrays["x"].shape == (32, 16, 1)
        assert chunk.resets.all() == (index == 4)
        scored = chunk.arrays["weight"].sum(0)
        assert scored.tolist() == [0] * 15 + [32 if index % 4 == 3 else 0]
        images += int(scored.sum())
    assert images == 64


@pytest.mark.parametrize(
    ("images", "labels", "options", "part"),
    [
        (np.zeros((2, 3, 4, 1)), [0, 1], {}, r"float64 of shape \[2, 3, 4, 1\]"),
        (np.zeros((0, 4)), [], {}, r"shape \[0, 4\]"),
        ([["a"]], [0], {}, "give numbers"),
        (np.zeros((2, 4)), [0], {}, "an int for each of 2 images"),
        (np.zeros((2, 4)), [0.0, 1.0], {}, "labels are float64"),
        (np.zeros((2, 4)), [0, -1], {}, "label -1 of image 1: give 0 to 0"),
        (np.zeros((2, 4)), [0, 3], {"classes": 3}, "label 3 of image 1: give 0 to 2"),
        (np.zeros((2, 4)), [0, 1], {"permutation_seed": -1}, "permutation_seed -1"),
    ],
)
def test_arrays_that_do_not_fit(images, labels, options, part):
    with pytest.raises(DataError, match=part) as error:
        pixel_sequences(images, labels, **options)
    assert "\n" not in str(error.value)
