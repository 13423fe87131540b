"""MNIST as TensorFlow 1's examples read it."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.examples import glyphs, idx, places
from tgcarry.legacy.examples.data_set import DataSet, Datasets

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
TRAIN_EXAMPLES, TEST_EXAMPLES = 60000, 10000


def read_data_sets(
    train_dir: Any,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = tf.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:
    """Reads MNIST's four files.

    Args:
      train_dir: their folder; $TGCARRY_DATA and ~/.keras/datasets are searched too.
      fake_data: whether to read nothing.
      one_hot: whether labels are rows `[N, 10]` instead of numbers.
      dtype: `tf.float32` for pixels in [0, 1], `tf.uint8` for those of the files.
      reshape: whether images are rows `[N, 784]`, else they are `[N, 28, 28, 1]`.
      validation_size: int, how many of the training examples, from the front, to set apart.
      seed: int, of the shuffling.
      source_url: ignored; nothing is downloaded.

    Returns:
      `DataSet`s: train, validation and test.

    Raises:
      DataError: a file is missing or broken, or `validation_size` does not fit.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.mnist.read_data_sets`.
    """
    options = {"dtype": dtype, "seed": seed}
    if fake_data:
        fake = [DataSet([], [], True, one_hot, **options) for _ in range(3)]
        return Datasets(*fake)
    images, labels, test_images, test_labels = arrays(train_dir)
    if one_hot:
        labels, test_labels = (idx.dense_to_one_hot(dense, 10) for dense in (labels, test_labels))
    if not 0 <= validation_size <= len(images):
        raise DataError(
            f"validation_size {validation_size}: give a number from 0 to {len(images)}"
        )
    options["reshape"] = reshape
    train = DataSet(images[validation_size:], labels[validation_size:], **options)
    validation = DataSet(images[:validation_size], labels[:validation_size], **options)
    return Datasets(train, validation, DataSet(test_images, test_labels, **options))


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """Returns `read_data_sets(train_dir)`."""
    return read_data_sets(train_dir)


def arrays(train_dir: Any, say: bool = True) -> tuple[Any, Any, Any, Any]:
    """Returns MNIST: training images and labels, test images and labels, as in the files.

    Args:
      train_dir: where to look first, or None.
      say: whether to print which files are read, as TensorFlow 1 does.

    Raises:
      DataError: a file is missing or broken.
    """
    folders = places.folders("mnist", train_dir)
    found = [places.find(_spellings(name), folders) for name in FILES]
    if None not in found:
        return _read([path for path in found if path is not None], say)
    archive = places.find(("mnist.npz",), folders)
    if archive is not None:
        return _from_archive(archive)
    where = str(train_dir) if train_dir is not None else "~/.keras/datasets"
    places.stand_in_or_refuse("MNIST", f"{', '.join(FILES[:3])} and {FILES[3]}", where)
    return (*glyphs.digits(TRAIN_EXAMPLES, 1), *glyphs.digits(TEST_EXAMPLES, 2))


def _spellings(name: str) -> tuple[str, ...]:
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return name, plain, dotted, dotted + ".gz"


def _read(paths: list[pathlib.Path], say: bool) -> tuple[Any, Any, Any, Any]:
    read = []
    for path, reader in zip(paths, (idx.images, idx.labels) * 2, strict=True):
        if say:
            print("Extracting", path)
        read.append(reader(path))
    return read[0], read[1], read[2], read[3]


def _from_archive(path: pathlib.Path) -> tuple[Any, Any, Any, Any]:
    """Reads the one file that Keras keeps MNIST in."""
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y, x_test, y_test = (file[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: is not Keras' MNIST ({error}); get it again") from error
    return x[..., np.newaxis], y, x_test[..., np.newaxis], y_test


def extract_images(f: Any) -> Any:
    """Reads an open file of images: uint8 `[N, rows, columns, 1]`."""
    print("Extracting", f.name)
    return idx.images(f)


def extract_labels(f: Any, one_hot: bool = False, num_classes: int = 10) -> Any:
    """Reads an open file of labels: uint8 `[N]`, or float64 `[N, num_classes]`."""
    print("Extracting", f.name)
    return idx.labels(f, one_hot, num_classes)


dense_to_one_hot = idx.dense_to_one_hot
