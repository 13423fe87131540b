"""Columns of categories as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tgcarry.legacy.learn.vocabulary import CategoricalVocabulary


class CategoricalProcessor:
    """Turns rows of categories into rows of numbers, one vocabulary a column.

    Args:
      min_frequency: int; categories that are not more frequent are unknown.
      share: whether all columns have one vocabulary.
      vocabularies: `CategoricalVocabulary`s to go on with.

    Source: TensorFlow 1.15 `tf.contrib.learn.preprocessing.CategoricalProcessor`.
    """

    def __init__(
        self,
        min_frequency: int = 0,
        share: bool = False,
        vocabularies: list[CategoricalVocabulary] | None = None,
    ) -> None:
        self.min_frequency = min_frequency
        self.share = share
        self.vocabularies_ = vocabularies

    def freeze(self, freeze: bool = True) -> None:
        """Makes new categories unknown ones, or numbers them again."""
        for vocabulary in self.vocabularies_ or []:
            vocabulary.freeze(freeze)

    def fit(self, x: Iterable[Any], unused_y: Any = None) -> CategoricalProcessor:
        """Learns the categories of rows and returns itself."""
        for row in x:
            for vocabulary, category in zip(self._for(row), row, strict=True):
                vocabulary.add(category)
        if self.min_frequency > 0:
            for vocabulary in self.vocabularies_ or []:
                vocabulary.trim(self.min_frequency)
        self.freeze()
        return self

    def fit_transform(self, x: Iterable[Any], unused_y: Any = None) -> Iterator[Any]:
        """Learns the categories of rows and returns the rows of numbers."""
        self.fit(x)
        return self.transform(x)

    def transform(self, x: Iterable[Any]) -> Iterator[Any]:
        """Yields rows of numbers: int64."""
        self.freeze()
        for row in x:
            pairs = zip(self._for(row), row, strict=True)
            yield np.array([each.get(category) for each, category in pairs], np.int64)

    def _for(self, row: Any) -> list[CategoricalVocabulary]:
        if self.vocabularies_ is None:
            first = CategoricalVocabulary()
            shared = [first] * len(row)
            self.vocabularies_ = shared if self.share else [CategoricalVocabulary() for _ in row]
        return self.vocabularies_
