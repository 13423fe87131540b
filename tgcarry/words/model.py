"""Words from characters: a model of words, and on each of its outputs one of characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import losses
from tgcarry.cells import GRUCell
from tgcarry.chain import chain_ports, chained_rnn
from tgcarry.chunk import ChunkGraph, build_chunk
from tgcarry.errors import ChunkError
from tgcarry.model import OPTIMIZERS


@dataclass(frozen=True)
class WordsSpec:
    """Says what to build."""

    characters: int
    """Size of the vocabulary; number 0 is STOP, and stands before a word's first character."""
    longest: int
    """Most steps of a word."""
    scored: float = 1.0
    """Characters of a typical chunk: the constant that the loss is divided by."""
    outer_units: int = 128
    inner_units: int = 128
    embedding: int = 32
    """Width of a character's vector, and of a word's."""
    inner_state: str = "carry"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    clip_norm: float | None = None
    seed: int = 0
    engine: str = "auto"


class Parts(NamedTuple):
    """Holds what the training graph and the writing one have in common."""

    outer: GRUCell
    inner: GRUCell
    characters: Any
    """`[V, E]`, a vector for each character."""
    positions: Any
    """`[S, E]`, a vector for each place in a word."""

    def words(self, characters: Any, steps: Any) -> Any:
        """Encodes words: `w = sum_{j < steps} c_{characters_j} * p_j`, zeros for none.

        Args:
          characters: int `[B, T, S]`.
          steps: int `[B, T]`.

        Returns:
          `[B, T, E]`.

        Source: the position encoding of Sukhbaatar et al. 2015, "End-To-End Memory Networks",
          NIPS, with positions that are learned.
        """
        vectors = tf.nn.embedding_lookup(self.characters, characters)
        real = tf.sequence_mask(steps, tf.shape(characters)[2], vectors.dtype)
        return tf.einsum("btse,se,bts->bte", vectors, self.positions, real)

    def before(self, characters: Any) -> Any:
        """Returns the vector of the character before each one, `[B, T, S, E]`; STOP at first."""
        shifted = tf.pad(characters[:, :, :-1], [[0, 0], [0, 0], [1, 0]])
        return tf.nn.embedding_lookup(self.characters, shifted)


def make_parts(spec: WordsSpec) -> Parts:
    """Makes the cells and the vectors, in the variable scope that is current."""
    spread = tf.random_uniform_initializer(-1.0, 1.0)
    return Parts(
        GRUCell(spec.outer_units),
        GRUCell(spec.inner_units),
        tf.get_variable("characters", [spec.characters, spec.embedding], tf.float32),
        tf.get_variable("positions", [spec.longest, spec.embedding], tf.float32, spread),
    )


def build_words_model(spec: WordsSpec) -> ChunkGraph:
    """Builds the chained model of `spec` into the default graph.

        v_t, s_t       = outer(w_{t-1}, s_{t-1})            w_{t-1}: the word before
        h_{t, j}, u    = inner([v_t, c_{t, j-1}], u)        c_{t, j-1}: the character before
        loss           = -sum over steps of log softmax(h W + b)_{character j of word t} / scored

    Not included: choosing among words; each is spelled, and its last step is STOP.

    B is the streams, T the words of a chunk, S the most steps of a word.

    Args:
      spec: what to build; `spec.seed` seeds the initial weights.

    Returns:
      A `ChunkGraph` that is fed what `data.word_streams` makes; its metrics are "total" (the
      undivided loss), "scored" (characters) and "correct".

    Raises:
      ChunkError: an unknown optimiser, or sizes that make no model.
      CarryError: an unknown `inner_state`, or an engine that cannot run the cells.
    """
    _check(spec)
    tf.set_random_seed(spec.seed)
    parts = make_parts(spec)
    ports = chain_ports(parts.outer, parts.inner, spec.inner_state)
    feeds = {
        name: tf.placeholder(tf.int32, [None, None, *width], name)
        for name, width in {
            "characters": [spec.longest],
            "steps": [],
            "previous": [spec.longest],
            "previous_steps": [],
        }.items()
    }
    out = chained_rnn(
        parts.outer,
        parts.inner,
        parts.words(feeds["previous"], feeds["previous_steps"]),
        feeds["steps"],
        inner_state=spec.inner_state,
        max_inner_steps=spec.longest,
        initial_state=ports.initial_state,
        inner_inputs=parts.before(feeds["characters"]),
        engine=spec.engine,
    )
    # The steps made, and no padding: the order of the outputs' axes is that of the labels'.
    logits = losses.linear(out.ragged.flat_values, spec.characters)
    labels = out.flat(feeds["characters"])
    total, extra = losses.softmax_loss(logits, labels)
    return build_chunk(
        total / spec.scored,
        ports,
        out.final_state,
        feeds,
        OPTIMIZERS[spec.optimizer](spec.learning_rate),
        clip_norm=spec.clip_norm,
        global_step=tf.train.get_or_create_global_step(),
        metrics={"total": total, "scored": extra.count, "correct": extra.correct},
    )


def count_parameters(chunk: ChunkGraph) -> int:
    """Counts the numbers that a chunk's graph trains."""
    return sum(variable.shape.num_elements() for variable in chunk.variables)


def matching_units(parameters: int, characters: int, embedding: int) -> int:
    """Returns the units that bring a GRU over characters closest to a number of parameters.

        parameters(n) = V E + 3 n (E + n + 1) + (n + 1) V

    V is `characters`, E `embedding`: vectors, one GRU layer and a head, as `build_model` makes
    them.
    """

    def off(units: int) -> int:
        layer = 3 * units * (embedding + units + 1)
        head = (units + 1) * characters
        return abs(characters * embedding + layer + head - parameters)

    return min(range(1, max(2, int(parameters**0.5) + 1)), key=off)


def _check(spec: WordsSpec) -> None:
    if spec.optimizer not in OPTIMIZERS:
        raise ChunkError(
            f"optimizer {spec.optimizer!r} is unknown: choose among {', '.join(OPTIMIZERS)}"
        )
    for name in ("characters", "longest", "outer_units", "inner_units", "embedding"):
        if getattr(spec, name) < 1:
            raise ChunkError(f"{name} {getattr(spec, name)}: give at least 1")
    if not 0 < spec.learning_rate < float("inf"):
        raise ChunkError(f"learning_rate {spec.learning_rate:g}: give a finite number above 0")
    if spec.seed < 0:
        raise ChunkError(f"seed {spec.seed}: give 0 or more")
