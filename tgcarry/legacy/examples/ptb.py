"""The Penn Treebank's words in minibatches, as TensorFlow 1's language model reads them."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

FILES = ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt")


def ptb_raw_data(data_path: str | None = None) -> tuple[list[int], list[int], list[int], int]:
    """Reads three texts as word numbers; the most frequent word is 0.

    Args:
      data_path: folder of `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt`.

    Returns:
      Words of the training, validation and test text, and the number of words that differ.

    Raises:
      DataError: a file is missing.

    Source: TensorFlow models, `tutorials/rnn/ptb/reader.py`.
    """
    paths = [str(pathlib.Path(data_path or "", name)) for name in FILES]
    for path in paths:
        if not pathlib.Path(path).is_file():
            raise DataError(f"{path}: no such file; put {', '.join(FILES)} into {data_path}")
    numbers = _build_vocab(paths[0])
    train, valid, test = (_file_to_word_ids(path, numbers) for path in paths)
    return train, valid, test, len(numbers)


def ptb_producer(
    raw_data: Any, batch_size: int, num_steps: int, name: str | None = None
) -> tuple[Any, Any]:
    """Makes tensors that give the next minibatch, by a queue runner.

    Args:
      raw_data: word numbers.
      batch_size: int, B.
      num_steps: int, T.
      name: str, of the operations.

    Returns:
      int32 `[B, T]` of words, and the same one word later.

    Source: TensorFlow models, `tutorials/rnn/ptb/reader.py`.
    """
    with tf.name_scope(name, "PTBProducer", [raw_data, batch_size, num_steps]):
        words = tf.convert_to_tensor(raw_data, name="raw_data", dtype=tf.int32)
        length = tf.size(words) // batch_size
        rows = tf.reshape(words[: batch_size * length], [batch_size, length])
        size = (length - 1) // num_steps
        enough = tf.assert_positive(
            size, message="epoch_size == 0, decrease batch_size or num_steps"
        )
        with tf.control_dependencies([enough]):
            size = tf.identity(size, name="epoch_size")
        place = tf.train.range_input_producer(size, shuffle=False).dequeue() * num_steps
        parts = []
        for shift in (0, 1):
            start, end = [0, place + shift], [batch_size, place + num_steps + shift]
            part = tf.strided_slice(rows, start, end)
            part.set_shape([batch_size, num_steps])
            parts.append(part)
        return parts[0], parts[1]


def ptb_iterator(raw_data: Any, batch_size: int, num_steps: int) -> Iterator[tuple[Any, Any]]:
    """Yields minibatches: int32 `[B, T]` of words, and the same one word later.

    Raises:
      DataError: the text is too short for one.
    """
    words = np.array(raw_data, dtype=np.int32)
    length = len(words) // batch_size
    rows = words[: batch_size * length].reshape(batch_size, length)
    size = (length - 1) // num_steps
    if size == 0:
        raise DataError(
            f"{len(words)} words are too few for batch_size {batch_size} and num_steps "
            f"{num_steps}: decrease one of these"
        )
    for place in range(0, size * num_steps, num_steps):
        yield rows[:, place : place + num_steps], rows[:, place + 1 : place + num_steps + 1]


def _read_words(filename: str) -> list[str]:
    text = pathlib.Path(filename).read_text(encoding="utf-8")
    return text.replace("\n", "<eos>").split()


def _build_vocab(filename: str) -> dict[str, int]:
    counts = collections.Counter(_read_words(filename))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(words)}


def _file_to_word_ids(filename: str, word_to_id: dict[str, int]) -> list[int]:
    return [word_to_id[word] for word in _read_words(filename) if word in word_to_id]
