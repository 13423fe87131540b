"""Categories as numbers, in the order in which they came or by how often."""

from __future__ import annotations

import collections
from typing import Any

from tgcarry.errors import DataError


class CategoricalVocabulary:
    """Numbers categories from 1; 0 is the unknown one.

    Attribute names are those of TensorFlow 1's class, whose pickles are read.

    Args:
      unknown_token: name of number 0.
      support_reverse: whether to keep the way back.

    Source: TensorFlow 1.15 `tf.contrib.learn.preprocessing.CategoricalVocabulary`.
    """

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._freq: Any = collections.defaultdict(int)
        self._freeze = False
        self._mapping: dict[Any, int] = {}
        self._reverse_mapping: list[Any] = []
        self._restart()

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Makes new categories unknown ones, or numbers them again."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """Returns a category's number, a new one if it is new and nothing frozen."""
        if category in self._mapping:
            return self._mapping[category]
        if self._freeze:
            return 0
        return self._number(category)

    def add(self, category: Any, count: int = 1) -> None:
        """Counts a category."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Numbers anew those categories that came more often than `min_frequency`.

        The most frequent is 1; of equal ones the first in the alphabet's reversed place.

        Args:
          min_frequency: int.
          max_frequency: int; leaves out those as frequent or more, unless it is negative.
        """
        by_name = sorted(self._freq.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        by_count = sorted(by_name, key=lambda item: -item[1])
        self._restart()
        kept = {
            category: count
            for category, count in by_count
            if count > min_frequency and not 0 < max_frequency <= count
        }
        for category in kept:
            self._number(category)
        self._freq = dict(by_count[: len(kept)])

    def reverse(self, class_id: int) -> Any:
        """Returns the category of a number.

        Raises:
          DataError: the way back is not kept.
        """
        if not self._support_reverse:
            raise DataError("the vocabulary has no way back: make it with support_reverse=True")
        return self._reverse_mapping[class_id]

    def _restart(self) -> None:
        self._mapping = {self._unknown_token: 0}
        self._reverse_mapping = [self._unknown_token]

    def _number(self, category: Any) -> int:
        self._mapping[category] = len(self._mapping)
        if self._support_reverse:
            self._reverse_mapping.append(category)
        return self._mapping[category]
