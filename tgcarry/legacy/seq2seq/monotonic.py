"""Attention that only moves forward over the memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy import numbering
from tgcarry.legacy.seq2seq.arrays import static_or_dynamic
from tgcarry.legacy.seq2seq.mechanism import MemoryAttention


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Computes exp(cumsum(log x)), `tf.cumprod` that does not underflow, for x in [0, 1].

    Args:
      x: `[B, L]` float; values under the dtype's least positive normal number count as that.
      *args: as `tf.cumsum` takes them.
      **kwargs: as `tf.cumsum` takes them.

    Returns:
      `[B, L]`.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.safe_cumprod`.
    """
    with tf.name_scope(None, "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x, name="x")
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> Any:
    """Computes where a process stands that walks forward and stops with given probabilities.

        q[i] = (1 - p[i-1]) q[i-1] + previous[i],  attention[i] = p[i] q[i]

    Args:
      p_choose_i: p, `[B, L]` in [0, 1].
      previous_attention: `[B, L]`, the step's before; at first 1 at the first place.
      mode: "recursive" (exact, slow), "parallel" (closed form with clipping), or "hard" (p is
        0 or 1).

    Returns:
      `[B, L]`.

    Raises:
      CellError: another mode.

    Source: Raffel et al. 2017, "Online and linear-time attention by enforcing monotonic
      alignments", arXiv:1704.00784; TensorFlow 1.15 `tf.contrib.seq2seq.monotonic_attention`.
    """
    ways = {"recursive": _recursive, "parallel": _parallel, "hard": _hard}
    p = tf.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous = tf.convert_to_tensor(previous_attention, name="previous_attention")
    if mode not in ways:
        raise CellError(f"mode={mode!r} is not known: pass 'recursive', 'parallel' or 'hard'")
    return ways[mode](p, previous)


def _recursive(p: Any, previous: Any) -> Any:
    rows = static_or_dynamic(p, 0)
    passed = tf.concat([tf.ones((rows, 1), p.dtype), 1 - p[:, :-1]], 1)
    steps = [tf.transpose(passed), tf.transpose(previous)]
    start = tf.zeros((rows,), p.dtype)
    # The reshape keeps the static shape from round to round.
    arrived = tf.scan(lambda q, s: tf.reshape(s[0] * q + s[1], (rows,)), steps, start)
    return p * tf.transpose(arrived)


def _parallel(p: Any, previous: Any) -> Any:
    passed = safe_cumprod(1 - p, axis=1, exclusive=True)
    return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, 1e-10, 1.0), axis=1)


def _hard(p: Any, previous: Any) -> Any:
    p *= tf.cumsum(previous, axis=1)
    return p * tf.cumprod(1 - p, axis=1, exclusive=True)


def monotonic_probability(
    score: Any, previous_alignments: Any, sigmoid_noise: float, mode: str, seed: int | None = None
) -> Any:
    """Turns scores into monotonic alignments.

        p = sigmoid(score + sigmoid_noise * n), n normal;   in mode "hard" p = (score > 0)

    Args:
      score: `[B, L]`.
      previous_alignments: `[B, L]`.
      sigmoid_noise: float of 0 or more; makes scores grow, so that p gets close to 0 or 1.
      mode: see `monotonic_attention`.
      seed: int, of the noise.

    Returns:
      `[B, L]`.

    Source: TensorFlow 1.15 `attention_wrapper._monotonic_probability_fn`.
    """
    if sigmoid_noise > 0:
        noise = tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
        score += sigmoid_noise * noise
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, previous_alignments, mode)


def monotonic_probability_fn(
    sigmoid_noise: float, mode: str, seed: int | None
) -> Callable[[Any, Any], Any]:
    """Returns `monotonic_probability` of (score, state) alone."""
    return functools.partial(
        monotonic_probability, sigmoid_noise=sigmoid_noise, mode=mode, seed=seed
    )


class MonotonicAttention(MemoryAttention):
    """Is the base of mechanisms that start at the first place of the memory.

    Source: TensorFlow 1.15 `attention_wrapper._BaseMonotonicAttentionMechanism`.
    """

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the alignments `[B, L]` before the first step: 1 at the first place."""
        # 1.15 looks at run time whether zeros are few enough for a constant.
        with numbering.as_many(5 if tf.is_tensor(batch_size) else 1):
            first = tf.zeros((batch_size,), dtype=tf.int32)
        return tf.one_hot(first, self._alignments_size, dtype=dtype)
