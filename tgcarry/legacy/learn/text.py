"""Documents as rows of word numbers, or of bytes."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.legacy.learn.vocabulary import CategoricalVocabulary

TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+")

# Where TensorFlow 1's pickles say that the classes are.
_OLD_MODULES = "tensorflow.contrib.learn.python.learn.preprocessing."


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yields each text's words, where capitals inside a word start a new one."""
    for text in iterator:
        yield TOKENIZER_RE.findall(text)


class ByteProcessor:
    """Turns documents into rows of bytes `[max_document_length]`, with zeros behind.

    Source: TensorFlow 1.15 `tf.contrib.learn.preprocessing.ByteProcessor`.
    """

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: Any) -> None:
        """Does nothing: there is nothing to learn."""

    def fit_transform(self, x: Any) -> Iterator[Any]:
        """Returns `transform(x)`."""
        return self.transform(x)

    def reverse(self, x: Iterable[Any]) -> Iterator[str]:
        """Yields the rows' texts, "" for bytes that are no UTF-8."""
        for row in x:
            content = np.trim_zeros(np.asarray(row).astype(np.int8), trim="b").tobytes()
            try:
                yield content.decode("utf-8")
            except UnicodeDecodeError:
                yield ""

    def transform(self, x: Iterable[str | bytes]) -> Iterator[Any]:
        """Yields a row for each document."""
        for document in x:
            content = document.encode("utf-8") if isinstance(document, str) else document
            row = np.zeros(self.max_document_length, np.uint8)
            found = np.frombuffer(content, np.uint8)[: self.max_document_length]
            row[: len(found)] = found
            yield row


class VocabularyProcessor:
    """Turns documents into rows of word numbers `[max_document_length]`, with zeros behind.

    Args:
      max_document_length: int; longer documents are cut off.
      min_frequency: int; words that are not more frequent are unknown.
      vocabulary: `CategoricalVocabulary` to go on with.
      tokenizer_fn: function from texts to lists of words.

    Source: TensorFlow 1.15 `tf.contrib.learn.preprocessing.VocabularyProcessor`.
    """

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Any], Iterable[Any]] | None = None,
    ) -> None:
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Learns the words of the documents and returns itself."""
        for words in self._tokenizer(raw_documents):
            for word in words:
                self.vocabulary_.add(word)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(self, raw_documents: Iterable[str], unused_y: Any = None) -> Iterator[Any]:
        """Learns the words of the documents and returns their rows."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[Any]:
        """Yields a row for each document: int64 `[max_document_length]`."""
        for words in self._tokenizer(raw_documents):
            row = np.zeros(self.max_document_length, np.int64)
            for place, word in enumerate(list(words)[: self.max_document_length]):
                row[place] = self.vocabulary_.get(word)
            yield row

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yields the rows' texts."""
        for row in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in row)

    def save(self, filename: str) -> None:
        """Writes itself to a file."""
        with tf.gfile.Open(filename, "wb") as file:
            file.write(pickle.dumps(self))

    @classmethod
    def restore(cls, filename: str) -> VocabularyProcessor:
        """Reads one from a file, of TensorFlow 1's too. Only from one that you trust."""
        with tf.gfile.Open(filename, "rb") as file:
            found = _Unpickler(io.BytesIO(file.read())).load()
        assert isinstance(found, cls)
        return found


class _Unpickler(pickle.Unpickler):
    """Finds TensorFlow 1's classes here."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(_OLD_MODULES):
            here = {
                "CategoricalVocabulary": CategoricalVocabulary,
                "VocabularyProcessor": VocabularyProcessor,
                "ByteProcessor": ByteProcessor,
                "tokenizer": tokenizer,
            }
            if name in here:
                return here[name]
        return super().find_class(module, name)
