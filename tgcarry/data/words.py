"""Text as words, each a sequence of characters of its own, such that nothing of it is lost.

A word is what stands between two single spaces; two spaces in a row have an empty word between
them, and a line feed is a character like any other. The space behind a word is its last step,
STOP, which has the number 0. A word of more than S steps is cut into pieces of S; only its last
piece ends with STOP, and so it is told from a word. The end of the text is no STOP either.

Thus each step is one character of the text, and the steps of all words in turn are the text.

W is the words (and pieces), S the most steps of a word, B the streams, T the words of a stream,
N the characters of the longest stream.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tgcarry.data.characters import Codec, decode
from tgcarry.data.table import Table
from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError

STOP = 0
SPACE = " "


class Words(NamedTuple):
    """Holds a text as words of characters."""

    characters: np.ndarray
    """Ids `[W, S]`, the narrowest unsigned type that holds them; zero behind a word's end."""
    steps: np.ndarray
    """int32 `[W]`: the steps of each word, 1..S, STOP included."""
    vocabulary: tuple[str, ...]
    """The characters by their numbers; the space is number 0."""
    source: str
    """What messages call the text."""

    def part(self, first: int, behind: int) -> Words:
        """Returns the words from number `first` up to, not including, number `behind`."""
        return self._replace(
            characters=self.characters[first:behind], steps=self.steps[first:behind]
        )


def whole_text(table: Table) -> str:
    """Returns the text that a table of characters was made of, as `read_text` makes them.

    Raises:
      DataError: the table holds no characters.
    """
    if table.vocabulary is None:
        raise DataError(f"{table.source} is not text: name a text file")
    first, behind = int(table.bounds[0]), int(table.bounds[-1])
    ids = table.columns["x"][first:behind]
    last = table.columns["y"][behind - 1 : behind]
    return decode(np.concatenate([ids, last]), table.vocabulary)


def split_words(text: str, longest: int, source: str = "the text") -> Words:
    """Splits a text at its spaces into words of at most `longest` steps.

    `join_words` gives the very same text back.

    Args:
      text: any text of at least one character.
      longest: S; a word of n characters has n + 1 steps, or n at the end of the text.
      source: what messages call the text.

    Returns:
      `Words`; the vocabulary is the space and then the characters met, by code point.

    Raises:
      DataError: the text is empty, or `longest` below 1.
    """
    longest = whole(longest, "the longest word", 1)
    if not text:
        raise DataError(f"{source} is empty: give at least one character")
    codec = Codec((SPACE, *sorted(set(text) - {SPACE})))
    ids = codec.numbers(text)[0].astype(codec.dtype)
    ends = np.flatnonzero(ids == STOP) + 1
    if ids[-1] != STOP:
        ends = np.append(ends, len(ids))
    whole_words = np.diff(ends, prepend=0)
    pieces = -(-whole_words // longest)
    # The number of each piece within its word, then where it begins in the text.
    number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins = np.repeat(ends - whole_words, pieces) + number * longest
    steps = np.diff(begins, append=len(ids)).astype(np.int32)
    characters = np.zeros((len(steps), longest), codec.dtype)
    characters[_real(steps, longest)] = ids
    return Words(characters, steps, codec.vocabulary, source)


def join_words(words: Words) -> str:
    """Joins words again to the text that they were split from."""
    ids = words.characters[_real(words.steps, words.characters.shape[1])]
    return decode(ids, words.vocabulary)


def hold_out_words(words: Words, fraction: float) -> tuple[Words, Words]:
    """Splits off the last words, to validate on; at least one is left on both sides.

    Args:
      words: the words.
      fraction: the share of the words to hold out, between 0 and 1.

    Returns:
      The words to train on, and those held out.

    Raises:
      DataError: `fraction` is out of range, or there is a single word.
    """
    if not 0 < fraction < 1:
        raise DataError(f"cannot hold out a share of {shown(fraction)}: give one between 0 and 1")
    count = len(words.steps)
    if count < 2:
        raise DataError(f"{words.source} is a single word: give more text")
    held = min(count - 1, max(1, round(count * fraction)))
    return words.part(0, count - held), words.part(count - held, count)


def word_streams(words: Words, batch: int) -> dict[str, np.ndarray]:
    """Cuts words into B streams of equally many, each beside the word before it.

        characters_b = words b T .. (b + 1) T - 1,   previous_{b, t} = characters_{b, t-1}

    The words that do not fill up B streams are left out, at the end. Streams have different
    numbers of characters.

    Args:
      words: the words.
      batch: B.

    Returns:
      "characters" and "previous" `[B, T, S]`, "steps" and "previous_steps" int32 `[B, T]`. Before
      a stream's first word there is none: its steps are 0.

    Raises:
      DataError: B is below 1, or there are fewer words.
    """
    batch = whole(batch, "batch", 1)
    each = len(words.steps) // batch
    if each < 1:
        raise DataError(
            f"batch {batch} needs at least {batch} words, {words.source} has "
            f"{len(words.steps)} here: ask for a smaller --batch"
        )
    kept = words.part(0, batch * each)
    characters = kept.characters.reshape(batch, each, -1)
    steps = kept.steps.reshape(batch, each)
    return {
        "characters": characters,
        "steps": steps,
        "previous": _one_later(characters),
        "previous_steps": _one_later(steps),
    }


def character_streams(streams: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Cuts the text of streams of words into as many streams of equally many characters.

        y_n = character n of the stream,   x_n = y_{n-1},   x_0 = STOP

    The characters are the very same, in the same order; only the last streams are shorter where
    their number does not divide.

    Args:
      streams: of `word_streams`.

    Returns:
      "x" and "y" `[B, N]`, and each stream's own length, int32 `[B]`.
    """
    characters, steps = streams["characters"], streams["steps"]
    text = characters[_real(steps, characters.shape[2])]
    batch = len(steps)
    each = -(-len(text) // batch)
    y = np.zeros(batch * each, text.dtype)
    y[: len(text)] = text
    y = y.reshape(batch, each)
    lengths = np.clip(len(text) - each * np.arange(batch), 0, each).astype(np.int32)
    return {"x": _one_later(y), "y": y}, lengths


def _real(steps: np.ndarray, longest: int) -> np.ndarray:
    """Marks the real steps: bool, with an axis of `longest` steps more."""
    return np.arange(longest) < steps[..., None]


def _one_later(array: np.ndarray) -> np.ndarray:
    """Moves `[B, T, ...]` on by a step, with zeros at the first."""
    return np.concatenate([np.zeros_like(array[:, :1]), array[:, :-1]], axis=1)
