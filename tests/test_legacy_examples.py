"""MNIST's files read, found, missing and stood in for; the PTB reader."""

import gzip
import struct

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry.legacy import settings
from tgcarry.legacy.examples import glyphs, idx, mnist, places, ptb


def write(folder, name, values, packed):
    magic = 2049 if values.ndim == 1 else 2051
    content = struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()
    path = folder / (name if packed else name.removesuffix(".gz"))
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_read_from_its_four_files(tmp_path, rng, packed):
    images = rng.integers(0, 256, (20, 28, 28), np.uint8)
    labels = rng.integers(0, 10, 20, np.uint8)
    for name in mnist.FILES:
        write(tmp_path, name, images if "images" in name else labels, packed)
    data = mnist.read_data_sets(str(tmp_path), one_hot=True, validation_size=5)
    assert data.train.images.shape == (15, 784)
    assert data.train.labels.shape == (15, 10)
    assert data.validation.num_examples == 5
    np.testing.assert_array_equal(data.test.labels.argmax(1), labels)
    np.testing.assert_allclose(data.test.images, images.reshape(20, 784) / 255.0, rtol=1e-6)


def test_without_files_the_error_names_them_and_the_flag(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(places.VARIABLE, raising=False)
    with pytest.raises(tgc.DataError, match="--stand-ins") as caught:
        mnist.read_data_sets(str(tmp_path))
    assert all(name in str(caught.value) for name in mnist.FILES)


def test_stand_ins_are_announced_and_have_mnists_shapes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(places.VARIABLE, raising=False)
    with settings.using(settings.Settings(stand_ins=True)):
        data = mnist.read_data_sets(str(tmp_path))
    assert "made-up" in capsys.readouterr().err
    assert [part.num_examples for part in data] == [55000, 5000, 10000]


def test_made_up_digits_are_the_same_every_time_and_differ_by_class():
    images, labels = glyphs.digits(500, 3)
    np.testing.assert_array_equal(images, glyphs.digits(500, 3)[0])
    means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])
    flat = images.reshape(500, -1).astype(float)
    nearest = ((flat[:, None] - means) ** 2).sum(-1).argmin(1)
    assert (nearest == labels).mean() > 0.7


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\0\0\1")
    with pytest.raises(tgc.DataError, match="file: starts with 1"):
        idx.labels(tmp_path / "file")


def test_ptb_words_are_numbered_by_frequency(tmp_path):
    for name in ptb.FILES:
        (tmp_path / name).write_text(" b a b \n c b \n", encoding="utf-8")
    train, _, _, size = ptb.ptb_raw_data(str(tmp_path))
    assert train == [0, 2, 0, 1, 3, 0, 1]
    assert size == 4
    x, y = next(iter(ptb.ptb_iterator(range(20), 2, 3)))
    assert x.tolist() == [[0, 1, 2], [10, 11, 12]]
    assert y.tolist() == [[1, 2, 3], [11, 12, 13]]
