"""The two models that are compared: the chained one, and a plain one over the same characters."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tgcarry import data
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk, Words
from tgcarry.data.wording import shown
from tgcarry.errors import DataError
from tgcarry.model import ModelSpec, build_model
from tgcarry.words.model import WordsSpec, build_words_model, matching_units

CHAINED, PLAIN = "chained", "characters"
BUILTIN = {
    "topics": "what Python's own help says of the language: prose",
    "stdlib": "the Python standard library's own source",
}


@dataclass(frozen=True)
class WordsOptions:
    """Says everything about a run; written to its log folders."""

    text: str = "topics"
    limit: int | None = None
    """Most characters (of "stdlib", bytes) to read; None for all."""
    max_word: int = 20
    """Most steps of a word; longer ones are cut into pieces."""
    validation: float = 0.1
    batch: int = 16
    chunk: int = 20
    """Words of a chunk."""
    outer_units: int = 128
    inner_units: int = 128
    embedding: int = 32
    inner_state: str = "carry"
    policy: str = "truncated"
    window: int | None = 5
    decay: float = 1.0
    optimizer: str = "adam"
    learning_rate: float = 4e-3
    clip_norm: float | None = 1.0
    epochs: int = 1
    seed: int = 0
    engine: str = "auto"
    compare: bool = True
    """Whether to train the plain model, too."""
    sample: int = 0
    """Words to write at the end."""


class Entry(NamedTuple):
    """Is one of the models that are compared."""

    name: str
    chunk: ChunkGraph
    train: Sequence[Chunk]
    held: Sequence[Chunk]


class WordStreams(NamedTuple):
    """Holds the text as streams of words, `[B, T, ...]`."""

    train: dict[str, np.ndarray]
    held: dict[str, np.ndarray]

    @property
    def characters(self) -> int:
        """Counts the characters to train on."""
        return int(self.train["steps"].sum())


def open_words(options: WordsOptions) -> Words:
    """Reads the text that the options name, as words.

    Raises:
      DataError: it is no text, or there is none.
    """
    if options.text == "topics":
        text = data.language_topics(options.limit)
        source = f"the language topics of Python {platform.python_version()}"
    elif options.text == "stdlib":
        table = data.stdlib_text(options.limit)
        text, source = data.whole_text(table), table.source
    elif not os.path.lexists(options.text):
        raise DataError(
            f"text {shown(options.text)} is neither a file nor built in: name a file, or one of "
            f"{', '.join(BUILTIN)}"
        )
    else:
        table = data.read_text(options.text, limit=options.limit)
        text, source = data.whole_text(table), table.source
    return data.split_words(text, options.max_word, source)


def cut_words(words: Words, options: WordsOptions) -> WordStreams:
    """Holds the end out, and cuts both parts into streams; the held-out ones are B at the most.

    Raises:
      DataError: there are too few words.
    """
    train, held = data.hold_out_words(words, options.validation)
    most = max(1, len(held.steps) // options.chunk)
    streams = data.word_streams(train, options.batch)
    return WordStreams(streams, data.word_streams(held, min(options.batch, most)))


def spec_for(options: WordsOptions, words: Words, streams: WordStreams) -> WordsSpec:
    """Puts together the chained model that a run's options and text ask for."""
    return WordsSpec(
        characters=len(words.vocabulary),
        longest=options.max_word,
        scored=options.chunk * streams.characters / streams.train["steps"].shape[1],
        outer_units=options.outer_units,
        inner_units=options.inner_units,
        embedding=options.embedding,
        inner_state=options.inner_state,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        clip_norm=options.clip_norm,
        seed=options.seed,
        engine=options.engine,
    )


def chained_entry(spec: WordsSpec, streams: WordStreams, options: WordsOptions) -> Entry:
    """Builds the chained model into the default graph, and cuts its chunks of words."""
    chunk = build_words_model(spec)
    train, held = (data.split_chunks(arrays, options.chunk) for arrays in streams)
    return Entry(CHAINED, chunk, train, held)


def plain_entry(
    spec: WordsSpec, streams: WordStreams, options: WordsOptions, parameters: int
) -> Entry:
    """Builds the plain character model into the default graph, and cuts its chunks of characters.

    Its text is the chained model's, cut into as many streams and chunks; the streams begin
    elsewhere, as here they are equally long in characters and there in words.

    Args:
      spec: of the chained model.
      streams: the text.
      options: the run's.
      parameters: how many the chained model has.
    """
    units = matching_units(parameters, spec.characters, spec.embedding)
    model = build_model(
        ModelSpec(
            kind="characters",
            inputs=spec.characters,
            outputs=spec.characters,
            scored=spec.scored,
            units=(units,),
            embedding=spec.embedding,
            optimizer=spec.optimizer,
            learning_rate=spec.learning_rate,
            clip_norm=spec.clip_norm,
            seed=spec.seed,
            engine=spec.engine,
        )
    )
    train, held = (_in_characters(arrays, options.chunk) for arrays in streams)
    return Entry(PLAIN, model.chunk, train, held)


def _in_characters(streams: dict[str, np.ndarray], words: int) -> Sequence[Chunk]:
    """Cuts streams of words into as many chunks of characters as there are chunks of words."""
    arrays, lengths = data.character_streams(streams)
    count = -(-streams["steps"].shape[1] // words)
    each, more = divmod(arrays["y"].shape[1], count)
    sizes = [each + (place < more) for place in range(count)]
    return data.split_chunks(arrays, sizes, lengths=lengths)
