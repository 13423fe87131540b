"""Keras' example data, read from this disk."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tgcarry.errors import DataError
from tgcarry.legacy.examples import mnist, places

_START, _UNKNOWN, _FROM = 1, 2, 3
_Split = tuple[tuple[Any, Any], tuple[Any, Any]]


def load_mnist(path: str = "mnist.npz") -> _Split:
    """Returns MNIST: (x, y) to train on and to test on, uint8 `[N, 28, 28]` and `[N]`.

    Raises:
      DataError: the files are not on this disk.

    Source: Keras `datasets.mnist.load_data`; nothing is downloaded.
    """
    x, y, x_test, y_test = mnist.arrays(None, say=False)
    return (x[..., 0], y), (x_test[..., 0], y_test)


def load_imdb(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = _START,
    oov_char: int | None = _UNKNOWN,
    index_from: int = _FROM,
    nb_words: int | None = None,
    **ignored: Any,
) -> _Split:
    """Returns the film reviews: lists of word numbers, and 1 for the good ones.

    Args:
      path: file below ~/.keras/datasets or $TGCARRY_DATA.
      num_words: int, keep the most frequent ones.
      skip_top: int, leave out the most frequent ones.
      maxlen: int, leave out longer reviews.
      seed: int, of the order.
      start_char: number that starts a review, or None.
      oov_char: number in place of what is left out; None leaves nothing.
      index_from: added to the words' numbers.
      nb_words: Keras 1's name of `num_words`.
      **ignored: `test_split` and others.

    Raises:
      DataError: the file is not on this disk.

    Source: Keras `datasets.imdb.load_data`; nothing is downloaded.
    """
    train, test = _splits(path, "the IMDB film reviews", "imdb.npz", 25000, 2)
    random = np.random.RandomState(seed)
    parts = []
    for x, y in (train, test):
        order = np.arange(len(x))
        random.shuffle(order)
        parts.append((x[order], y[order]))
    options = (num_words or nb_words, skip_top, maxlen, start_char, oov_char, index_from)
    return _finished(parts[0], *options), _finished(parts[1], *options)


def load_reuters(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = _START,
    oov_char: int | None = _UNKNOWN,
    index_from: int = _FROM,
    nb_words: int | None = None,
    **ignored: Any,
) -> _Split:
    """Returns the news: lists of word numbers, and one of 46 topics; see `load_imdb`.

    Source: Keras `datasets.reuters.load_data`; nothing is downloaded.
    """
    found = places.find((path, "reuters.npz"), places.folders("reuters"))
    if found is None:
        places.stand_in_or_refuse("the Reuters news", "reuters.npz", "~/.keras/datasets")
        x, y = _made_up(11228, 46, 1)
    else:
        x, y = _arrays(str(found), "x", "y")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    words = num_words or nb_words
    options = (words, skip_top, maxlen, start_char, oov_char, index_from)
    x, y = _finished((x[order], y[order]), *options)
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Returns the number of each word.

    Raises:
      DataError: the file is not on this disk.
    """
    found = places.find((path, "imdb_word_index.json"), places.folders("imdb"))
    if found is None:
        places.stand_in_or_refuse("the word index", path, "~/.keras/datasets")
        return {f"word{number}": number for number in range(1, 1000)}
    return dict(json.loads(found.read_text(encoding="utf-8")))


def _splits(path: str, name: str, file: str, count: int, classes: int) -> Any:
    found = places.find((path, file), places.folders(file.partition(".")[0]))
    if found is None:
        places.stand_in_or_refuse(name, file, "~/.keras/datasets")
        return _made_up(count, classes, 1), _made_up(count, classes, 2)
    return (
        _arrays(str(found), "x_train", "y_train"),
        _arrays(str(found), "x_test", "y_test"),
    )


def _arrays(path: str, x: str, y: str) -> tuple[Any, Any]:
    try:
        # Keras' own files hold lists, which NumPy pickles.
        with np.load(path, allow_pickle=True) as file:
            return file[x], file[y]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: is not Keras' file ({error}); get it again") from error


def _made_up(count: int, classes: int, seed: int) -> tuple[Any, Any]:
    """Makes sequences of word numbers, some words of which are more frequent in one class."""
    random = np.random.Generator(np.random.PCG64(seed))
    labels = random.integers(0, classes, count)
    lengths = random.integers(10, 90, count)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    words = np.minimum(random.zipf(1.3, starts[-1]), 20000)
    told = random.random(starts[-1]) < 0.1
    telling = 10 + classes * random.integers(0, 8, starts[-1]) + np.repeat(labels, lengths)
    words = np.where(told, telling, words).astype(np.int64)
    texts = np.empty(count, object)
    for place in range(count):
        texts[place] = words[starts[place] : starts[place + 1]].tolist()
    return texts, labels


def _finished(
    part: tuple[Any, Any],
    num_words: int | None,
    skip_top: int,
    maxlen: int | None,
    start_char: int | None,
    oov_char: int | None,
    index_from: int,
) -> tuple[Any, Any]:
    shift = index_from if start_char is not None or index_from else 0
    head = [] if start_char is None else [start_char]
    texts = [head + [word + shift for word in text] for text in part[0]]
    kept = [place for place, text in enumerate(texts) if not maxlen or len(text) < maxlen]
    if not kept:
        raise DataError(f"maxlen {maxlen} leaves no text: give a greater one")
    most = num_words or 1 + max(max(texts[place]) for place in kept)
    result = np.empty(len(kept), object)
    for place, source in enumerate(kept):
        inside = [word if skip_top <= word < most else oov_char for word in texts[source]]
        result[place] = [word for word in inside if word is not None]
    return result, np.asarray(part[1])[kept]
