"""The model that the scripts train: stacked cells and a head, as one chunk's graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import losses
from tgcarry.cells import BasicLSTMCell, BasicRNNCell, GRUCell, MultiRNNCell, RNNCell
from tgcarry.chunk import ChunkGraph, build_chunk
from tgcarry.errors import ChunkError
from tgcarry.ports import CarryPorts, carry_ports
from tgcarry.synthetic import SyntheticGradient
from tgcarry.unroll import dynamic_rnn

Kind = Literal["characters", "classification", "regression", "bits"]

CELLS = {"gru": GRUCell, "lstm": BasicLSTMCell, "rnn": BasicRNNCell}
OPTIMIZERS = {
    "adam": tf.train.AdamOptimizer,
    "rmsprop": tf.train.RMSPropOptimizer,
    "momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
    "sgd": tf.train.GradientDescentOptimizer,
}


@dataclass(frozen=True)
class ModelSpec:
    """Says what to build; everything a log folder needs to build it again."""

    kind: Kind
    inputs: int
    """Features per step, or the size of the vocabulary."""
    outputs: int
    """Classes, or numbers or bits to predict per step."""
    flat_target: bool = False
    """Whether a regression's target is `[B, L]` rather than `[B, L, outputs]`."""
    weighted: bool = False
    """Whether the data says by "weight" which steps are scored."""
    scored: float = 1.0
    """Scored steps of a typical chunk: the constant that the loss is divided by."""
    cell: str = "gru"
    units: tuple[int, ...] = (64,)
    embedding: int = 32
    """Width of a character's vector."""
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    clip_norm: float | None = None
    seed: int = 0
    engine: str = "auto"
    """How the cells are unrolled; see `dynamic_rnn`."""
    synthetic: int | None = None
    """Hidden units of what predicts the upstream; None for no predictor."""
    synthetic_rate: float = 1e-3
    """Adam's learning rate for what predicts the upstream."""


class Model(NamedTuple):
    """Holds a built model."""

    chunk: ChunkGraph
    predictions: tf.Tensor
    """`[B, L, outputs]`: logits, or predicted numbers."""
    global_step: tf.Variable


class Forward(NamedTuple):
    """Holds a model that is only to be run: no loss, no gradients."""

    feeds: dict[str, tf.Tensor]
    ports: CarryPorts
    final_state: Any
    predictions: tf.Tensor
    """`[B, L, outputs]`: logits, or predicted numbers."""


def build_model(
    spec: ModelSpec,
    batch: int | None = None,
    forward: Callable[[ModelSpec], Forward] | None = None,
) -> Model:
    """Builds the model of `spec` into the default graph.

        h = unroll(stacked cells, x),   p = h W + b,   loss = sum over scored steps / scored

    Dividing by a constant, rather than by the steps of the chunk at hand, lets the losses of
    ragged chunks add up.

    Args:
      spec: what to build; `spec.seed` seeds the initial weights.
      batch: streams of all chunks that it will be fed; None for any. An engine that knows them
        may share them out over the cores.
      forward: builds a model of one's own up to its predictions, with `placeholders(spec)` for
        feeds; None for the one that `spec` describes.

    Returns:
      A `Model`; its metrics are "total" (the undivided loss), "scored" and "correct".

    Raises:
      ChunkError: an unknown cell or optimiser, or units that are not positive.
    """
    feeds, ports, final_state, predictions = (
        build_forward(spec, batch) if forward is None else _own(spec, forward)
    )
    mask = feeds["weight" if spec.weighted else "mask"]
    if spec.kind == "regression":
        target = tf.expand_dims(feeds["y"], -1) if spec.flat_target else feeds["y"]
        total, extra = losses.squared_loss(predictions, target, mask)
    elif spec.kind == "bits":
        total, extra = losses.sigmoid_loss(predictions, feeds["y"], mask)
    else:
        total, extra = losses.softmax_loss(predictions, feeds["y"], mask)
    global_step = tf.train.get_or_create_global_step()
    chunk = build_chunk(
        total / spec.scored,
        ports,
        final_state,
        feeds,
        OPTIMIZERS[spec.optimizer](spec.learning_rate),
        clip_norm=spec.clip_norm,
        global_step=global_step,
        metrics={"total": total, "scored": extra.count, "correct": extra.correct},
        synthetic=_predicting(spec),
    )
    return Model(chunk, predictions, global_step)


def build_forward(spec: ModelSpec, batch: int | None = None) -> Forward:
    """Builds the model of `spec` without its loss; the variables are those of `build_model`.

        h = unroll(stacked cells, x),   p = h W + b

    Args:
      spec: what to build.
      batch: as for `build_model`.

    Raises:
      ChunkError: as `build_model`.
    """
    _check(spec)
    tf.set_random_seed(spec.seed)
    cell = _stack(spec)
    feeds = placeholders(spec, batch)
    ports = carry_ports(cell, batch_size=batch)
    outputs, final_state = dynamic_rnn(
        cell,
        _inputs(spec, feeds["x"]),
        feeds["lengths"],
        initial_state=ports.initial_state,
        engine=spec.engine,
    )
    return Forward(feeds, ports, final_state, losses.linear(outputs, spec.outputs))


def _own(spec: ModelSpec, forward: Callable[[ModelSpec], Forward]) -> Forward:
    _check(spec)
    tf.set_random_seed(spec.seed)
    return forward(spec)


def _check(spec: ModelSpec) -> None:
    if spec.cell not in CELLS:
        raise ChunkError(f"cell {spec.cell!r} is unknown: choose among {', '.join(CELLS)}")
    if spec.optimizer not in OPTIMIZERS:
        raise ChunkError(
            f"optimizer {spec.optimizer!r} is unknown: choose among {', '.join(OPTIMIZERS)}"
        )
    if not spec.units or any(n < 1 for n in spec.units):
        raise ChunkError(f"units {spec.units} do not make a network: give numbers such as 64,32")
    for name in ("learning_rate", "synthetic_rate"):
        rate = getattr(spec, name)
        if not 0 < rate < float("inf"):
            raise ChunkError(f"{name} {rate:g}: give a finite number above 0")
    if spec.kind == "characters" and spec.embedding < 1:
        raise ChunkError(f"embedding {spec.embedding}: give a width of at least 1")
    if spec.seed < 0:
        raise ChunkError(f"seed {spec.seed}: give 0 or more")


def _predicting(spec: ModelSpec) -> SyntheticGradient | None:
    if spec.synthetic is None:
        return None
    return SyntheticGradient(spec.synthetic, tf.train.AdamOptimizer(spec.synthetic_rate))


def _stack(spec: ModelSpec) -> RNNCell:
    cells = [CELLS[spec.cell](n) for n in spec.units]
    return MultiRNNCell(cells) if len(cells) > 1 else cells[0]


def placeholders(spec: ModelSpec, batch: int | None = None) -> dict[str, tf.Tensor]:
    """Makes what a model of `spec` is fed.

    Args:
      spec: what the data are.
      batch: as for `build_model`.

    Returns:
      "x" `[B, L, inputs]`, or int `[B, L]` for characters; "y", the targets; "lengths" int `[B]`;
      and "weight" or "mask" `[B, L]`, which says which steps are scored.
    """
    steps = [batch, None]
    if spec.kind == "characters":
        x = tf.placeholder(tf.int32, steps, "x")
    else:
        x = tf.placeholder(tf.float32, [*steps, spec.inputs], "x")
    if spec.kind in ("characters", "classification"):
        y = tf.placeholder(tf.int32, steps, "y")
    else:
        width = [] if spec.flat_target else [spec.outputs]
        y = tf.placeholder(tf.float32, [*steps, *width], "y")
    feeds = {"x": x, "y": y, "lengths": tf.placeholder(tf.int32, [batch], "lengths")}
    name = "weight" if spec.weighted else "mask"
    feeds[name] = tf.placeholder(tf.float32, steps, name)
    return feeds


def _inputs(spec: ModelSpec, x: tf.Tensor) -> tf.Tensor:
    if spec.kind != "characters":
        return x
    table = tf.get_variable("embedding", [spec.inputs, spec.embedding], tf.float32)
    return tf.nn.embedding_lookup(table, x)
