"""What policies are compared on: training data in chunks of any length, and the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk, LazySequence
from tgcarry.dataset import open_dataset
from tgcarry.laboratory.forward import load_forward
from tgcarry.model import ModelSpec, build_model
from tgcarry.options import TrainOptions, spec_for
from tgcarry.reports import Evaluation
from tgcarry.scores import score
from tgcarry.synthetic import SyntheticGradient

# A rate so small that no weight moves, while the predictor of the upstream learns.
_STILL = 1e-30

Build = Callable[[tf.train.Optimizer, SyntheticGradient | None], ChunkGraph]
"""Builds a chunk's graph into the default graph, with that optimiser and those predictors."""


class Subject(Protocol):
    """Is a model with its training data."""

    def chunks(self, length: int) -> Sequence[Chunk]:
        """Cuts the training data into chunks of so many steps."""
        ...

    def build(self, *, predicting: bool = False, still: bool = False) -> ChunkGraph:
        """Builds the graph into the default graph.

        Args:
          predicting: whether with predictors of the upstream.
          still: whether weights are to stay where they are, while predictors learn.
        """
        ...

    def score(self, evaluation: Evaluation) -> dict[str, float]:
        """Returns "loss", per scored step, and what else there is to be told."""
        ...


class Weighted(LazySequence[Chunk]):
    """Is chunks that say by "weight" which steps are scored: all real ones."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks

    def __len__(self) -> int:
        return len(self._chunks)

    def item(self, position: int) -> Chunk:
        """Returns a chunk with its weights."""
        chunk = self._chunks[position]
        return chunk._replace(arrays={"weight": chunk.mask, **chunk.arrays})


@dataclass(frozen=True)
class Described:
    """Is a subject that options describe, as those of `scripts/train.py` do.

    Args:
      options: the data and the model; the policy in it is not looked at, and its chunks are those
        that the loss is divided for.
      model: "file.py:function" that builds the model; None for the one that options describe.
    """

    options: TrainOptions
    model: str | None = None

    def chunks(self, length: int) -> Sequence[Chunk]:
        """Opens the training data; steps are scored by "weight"."""
        return Weighted(open_dataset(replace(self.options.data, chunk=length)).train)

    def build(self, *, predicting: bool = False, still: bool = False) -> ChunkGraph:
        """Builds the model; steps are scored by "weight"."""
        changes: dict[str, Any] = {"synthetic": self.options.synthetic if predicting else None}
        if still:
            changes |= {"optimizer": "sgd", "learning_rate": _STILL}
        spec = replace(self._spec, weighted=True, **changes)
        return build_model(spec, forward=load_forward(self.model)).chunk

    def score(self, evaluation: Evaluation) -> dict[str, float]:
        """Returns the figures of `tgcarry.scores.score`."""
        return score(evaluation, self._spec.kind)

    @cached_property
    def _spec(self) -> ModelSpec:
        return spec_for(self.options, open_dataset(self.options.data))


@dataclass(frozen=True)
class Own:
    """Is a chunk graph of one's own with data of one's own.

    Args:
      function: builds the graph; the optimiser and the predictors go to `build_chunk` as they are.
      cut: cuts the training data into chunks of a length.
      rate: Adam's, for the model.
      hidden: units of what predicts the upstream.
      synthetic_rate: Adam's, for that.
      seed: of the weights.
    """

    function: Build
    cut: Callable[[int], Sequence[Chunk]]
    rate: float = 1e-3
    hidden: int | Sequence[int] = (64,)
    synthetic_rate: float = 1e-2
    seed: int = 0

    def chunks(self, length: int) -> Sequence[Chunk]:
        """Cuts the training data; what says by "weight" which steps are scored is left so."""
        return Weighted(self.cut(length))

    def build(self, *, predicting: bool = False, still: bool = False) -> ChunkGraph:
        """Has the function build the graph, with weights drawn from the seed."""
        tf.set_random_seed(self.seed)
        moving = tf.train.AdamOptimizer(self.rate)
        optimizer = tf.train.GradientDescentOptimizer(_STILL) if still else moving
        learning = tf.train.AdamOptimizer(self.synthetic_rate)
        design = SyntheticGradient(self.hidden, learning) if predicting else None
        return self.function(optimizer, design)

    def score(self, evaluation: Evaluation) -> dict[str, float]:
        """Returns the loss per real step, as the graph has it."""
        return {"loss": evaluation.loss / max(evaluation.time_steps, 1)}
