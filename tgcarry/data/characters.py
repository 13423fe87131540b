"""Characters as numbers, by their place in a vocabulary."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tgcarry.data.wording import shown
from tgcarry.errors import DataError


class Codec:
    """Turns characters into their numbers in a vocabulary, and back.

    Args:
      vocabulary: the characters, each once; number i stands for the i-th.

    Raises:
      DataError: the vocabulary is empty, repeats a character or holds something longer.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        for place, character in enumerate(self.vocabulary):
            if not isinstance(character, str) or len(character) != 1:
                raise DataError(
                    f"vocabulary[{place}] is {shown(character)}: give single characters"
                )
        if not self.vocabulary:
            raise DataError("the vocabulary is empty: give at least one character")
        points = np.array([ord(character) for character in self.vocabulary], np.uint32)
        self._order = np.argsort(points, kind="stable")
        self._points = points[self._order]
        for place in np.flatnonzero(self._points[1:] == self._points[:-1])[:1]:
            raise DataError(
                f"the vocabulary repeats {character_name(chr(self._points[place]))}: give each "
                "character once"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Gives the narrowest type of NumPy's uint8, uint16 and int32 that holds the numbers."""
        size = len(self.vocabulary)
        return np.dtype(np.uint8 if size <= 256 else np.uint16 if size <= 65536 else np.int32)

    def numbers(self, text: str) -> tuple[np.ndarray, int | None]:
        """Looks characters up.

        Args:
          text: any text.

        Returns:
          int64 `[len(text)]`, and the place of the first character that is not in the
          vocabulary (None if all are; the numbers are of no use otherwise).
        """
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        places = np.minimum(np.searchsorted(self._points, points), len(self._points) - 1)
        unknown = np.flatnonzero(self._points[places] != points)
        return self._order[places], int(unknown[0]) if len(unknown) else None


def character_name(character: str) -> str:
    """Writes a character for a message: its repr and its code point."""
    return f"{character!r} (U+{ord(character):04X})"


def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Turns text into the numbers of its characters.

    Args:
      text: any text.
      vocabulary: the characters, in the order of their numbers.

    Returns:
      int32 `[len(text)]`.

    Raises:
      DataError: names the line, the column and the character that is not in the vocabulary.
    """
    ids, unknown = Codec(vocabulary).numbers(text)
    if unknown is not None:
        line = text.count("\n", 0, unknown) + 1
        column = unknown - text.rfind("\n", 0, unknown)
        raise DataError(
            f"line {line}, column {column} holds {character_name(text[unknown])}, which is not "
            f"in the vocabulary of {len(vocabulary)}: replace it, or train with it"
        )
    return ids.astype(np.int32)


def decode(ids: Any, vocabulary: Sequence[str]) -> str:
    """Turns numbers back into text.

    Args:
      ids: ints `[N]`.
      vocabulary: the characters, in the order of their numbers.

    Raises:
      DataError: an id is outside the vocabulary, or not an integer.
    """
    numbers = np.asarray(ids)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise DataError(f"ids are {numbers.dtype}: give ints")
    for number in numbers.ravel():
        if not 0 <= number < len(vocabulary):
            raise DataError(
                f"id {number} is outside the vocabulary of {len(vocabulary)}: give 0 to "
                f"{len(vocabulary) - 1}"
            )
    return "".join(vocabulary[int(number)] for number in numbers.ravel())
