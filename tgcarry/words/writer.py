"""Lets a trained model of words write: each word is spelled until it says STOP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import losses
from tgcarry.chain import ChainState, chained_rnn
from tgcarry.data.words import STOP
from tgcarry.errors import RunError
from tgcarry.states import placeholders_like
from tgcarry.words.model import Parts, WordsSpec, make_parts


class SpellingCell:
    """Is an inner cell that draws a character from its output, and reads it at the next step.

        h, s' = inner([v, c_d], s),   d' ~ softmax(h W + b),   state' = (s', d'),   output = d'

    d is a character's number, as a float; 0 (STOP) in a zero state, as before a word's first.

    Args:
      parts: of the model.
      seed: of the draws.
    """

    def __init__(self, parts: Parts, seed: int) -> None:
        self._parts, self._seed = parts, seed
        self._root = tf.get_variable_scope()
        self.state_size = (parts.inner.state_size, 1)
        self.output_size = 1

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns a state before a word's first character."""
        return self._parts.inner.zero_state(batch_size, dtype), tf.zeros([batch_size, 1], dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Makes one step, as any cell; `scope` is there for those who call it so."""
        inner, last = state
        table = self._parts.characters
        before = tf.nn.embedding_lookup(table, tf.cast(last[:, 0], tf.int32))
        output, inner = self._parts.inner(tf.concat([inputs, before], 1), inner)
        # The head is the training graph's, which stands beside the chain and not inside it.
        with tf.variable_scope(self._root, reuse=tf.AUTO_REUSE, auxiliary_name_scope=False):
            logits = losses.linear(output, table.shape.as_list()[0])
        drawn = tf.cast(tf.random.categorical(logits, 1, seed=self._seed), inputs.dtype)
        return drawn, (inner, drawn)


class _Writing(NamedTuple):
    previous: Any
    previous_steps: Any
    state: Any
    """The inner GRU's state and the outer's, fed."""
    drawn: Any
    """int `[S']`: the characters of the word."""
    stopped: Any
    final: Any


def write_words(
    spec: WordsSpec, weights: Mapping[str, np.ndarray], count: int, seed: int = 0
) -> np.ndarray:
    """Lets a model write words from the beginning of a text, one session call each.

    A word that does not stop within `spec.longest` steps goes on in the next, as in training.

    Args:
      spec: the model's.
      weights: variable name -> array, of the training graph's trained variables.
      count: how many words.
      seed: of the draws.

    Returns:
      int32 ids of the characters written, spaces being STOP.

    Raises:
      RunError: `count` is below 1, or the weights are not those of such a model.
    """
    if count < 1:
        raise RunError(f"write_words(count={count}): give at least 1")
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        writing = _build(spec, seed)
        with tf.Session() as session:
            _load(session, weights)
            return _write(session, writing, spec, count)


def _build(spec: WordsSpec, seed: int) -> _Writing:
    parts = make_parts(spec)
    previous = tf.placeholder(tf.int32, [1, 1, spec.longest], "previous")
    previous_steps = tf.placeholder(tf.int32, [1, 1], "previous_steps")
    cell = SpellingCell(parts, seed)
    carries = spec.inner_state == "carry"
    state = ChainState(
        placeholders_like(parts.outer.state_size, 1, tf.float32, "outer"),
        placeholders_like(parts.inner.state_size, 1, tf.float32, "inner") if carries else (),
    )
    # A word begins behind STOP, also where the one before was cut off by its length.
    inner = (state.inner, tf.zeros([1, 1])) if carries else ()
    out = chained_rnn(
        parts.outer,
        cell,
        parts.words(previous, previous_steps),
        inner_state=spec.inner_state,
        stop_fn=lambda drawn, state, step: tf.equal(drawn[:, 0], STOP),
        max_inner_steps=spec.longest,
        initial_state=ChainState(state.outer, inner),
        engine="stock",
    )
    final = out.final_state
    return _Writing(
        previous,
        previous_steps,
        state,
        tf.cast(out.outputs[0, 0, :, 0], tf.int32),
        out.stopped[0, 0],
        final._replace(inner=final.inner[0] if carries else ()),
    )


def _load(session: Any, weights: Mapping[str, np.ndarray]) -> None:
    variables = {variable.op.name: variable for variable in tf.trainable_variables()}
    if set(variables) != set(weights):
        off = ", ".join(sorted(set(variables) ^ set(weights)))
        raise RunError(
            f"write_words: the weights are not those of such a model, they differ in {off}: give "
            f"the spec that it was trained with"
        )
    session.run(tf.global_variables_initializer())
    for name, variable in variables.items():
        variable.load(weights[name], session)


def _write(session: Any, writing: _Writing, spec: WordsSpec, count: int) -> np.ndarray:
    ports = tf.nest.flatten(writing.state)
    state = [np.zeros(port.shape.as_list(), np.float32) for port in ports]
    word, written = np.zeros([0], np.int32), []
    for _ in range(count):
        previous = np.zeros([1, 1, spec.longest], np.int32)
        previous[0, 0, : len(word)] = word
        feeds = {writing.previous: previous, writing.previous_steps: [[len(word)]]}
        feeds.update(zip(ports, state, strict=True))
        word, final = session.run((writing.drawn, writing.final), feeds)
        state = tf.nest.flatten(final)
        written.append(word)
    return np.concatenate(written)
