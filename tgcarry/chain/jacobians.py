"""Takes the Jacobians of two chained models, step by step, in a graph of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.chain.asked import Asked
from tgcarry.chain.chained import chained_rnn
from tgcarry.chain.outputs import ChainOutputs
from tgcarry.chain.states import ChainState
from tgcarry.data.wording import because, shown
from tgcarry.errors import CarryError, TgcarryError


class ProbedCell:
    """Runs a cell and adds a probe to its output, and so to the state that is its output.

    The probe is the last columns of the inputs. The derivative with respect to it is the total
    one with respect to the output: what the loss and the later steps make of it.

    Args:
      cell: an RNN cell with one output `[N, H]`, which is also a leaf of its new state.

    Raises:
      CarryError: another kind of cell; some are only found out by calling them.
    """

    def __init__(self, cell: Any) -> None:
        self._cell = cell
        shape = tf.TensorShape(cell.output_size) if _is_one(cell.output_size) else None
        if shape is None or shape.rank != 1 or shape.as_list()[0] is None:
            raise CarryError(
                f"chain_flow(inner_cell=): its output_size is {shown(cell.output_size)}; give a "
                f"cell with one output [batch, width]"
            )
        self.width = int(shape.as_list()[0])
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the cell's state of all zeros."""
        return self._cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the cell, `[N, I]` and the H columns of the probe."""
        output, new = self._cell(inputs[:, : -self.width], state)
        if not any(leaf is output for leaf in tf.nest.flatten(new)):
            raise CarryError(
                f"chain_flow(inner_cell={shown(self._cell)}): its output is no leaf of its state, "
                f"so that no step depends on an output: ask about the cell without its wrapper, "
                f"or with state_is_tuple=True"
            )
        probed = output + inputs[:, -self.width :]
        return probed, tf.nest.map_structure(lambda s: probed if s is output else s, new)


def jacobian_sizes(outer_cell: Any, inner_cell: Any, asked: Asked) -> np.ndarray:
    """Returns float64 `[B, R, B, C]`, the largest entries of the Jacobians' random projections.

    R are the inner steps, padded to the longest outer step, C they and then what is read, as in
    `ChainFlow`. A row takes a session call for each stream.

    Raises:
      CarryError: cells that cannot be run, or give what is not finite.
    """
    for name, cell in {"outer_cell": outer_cell, "inner_cell": inner_cell}.items():
        if isinstance(cell, type) or getattr(cell, "state_size", None) is None:
            raise CarryError(
                f"chain_flow({name}={shown(cell)}): it has no state_size; give an RNN cell such "
                f"as GRUCell(64)"
            )
    rng = np.random.default_rng(asked.seed)
    with tf.Graph().as_default(), tf.Session(config=_as_it_is()) as session:
        try:
            weights, gradients = _gradients(outer_cell, inner_cell, asked, rng)
        except TgcarryError:
            raise
        except (TypeError, ValueError) as error:
            raise CarryError(
                f"chain_flow: the cells cannot be chained in a graph of their own in float64: "
                f"{because(error)}: make them anew, without a dtype"
            ) from error
        session.run(tf.global_variables_initializer())
        for variable in tf.trainable_variables():
            shape = variable.shape.as_list()
            # Small enough to leave no unit saturated.
            scale = 0.5 / np.sqrt(max(1, np.prod(shape[:-1])))
            variable.load(scale * rng.normal(size=shape), session)
        call = session.make_callable(gradients, [weights])
        return _measured(call, asked.steps, weights.shape.as_list(), rng)


def _gradients(
    outer_cell: Any, inner_cell: Any, asked: Asked, rng: np.random.Generator
) -> tuple[Any, list[list[Any]]]:
    """Returns a placeholder `[T, B, S, H]` for weights, and what their sum's gradients are.

    These are lists of tensors for probes `[T, B, S, H]`, IR and x `[T, B, ...]`, and for the
    two states, `[B, ...]`.
    """
    batch, times, _ = asked.inputs.shape
    most = int(asked.steps.max())
    probed = ProbedCell(inner_cell)
    x = tf.constant(asked.inputs.transpose(1, 0, 2))
    state = ChainState(
        _drawn(outer_cell.state_size, batch, rng),
        _drawn(inner_cell.state_size, batch, rng) if asked.inner_state == "carry" else (),
    )
    probes = tf.zeros([times, batch, most, probed.width], tf.float64)
    weights = tf.placeholder(tf.float64, probes.shape)

    def chained(cell: Any, engine: str, beside: Any = None) -> tuple[ChainOutputs, Any]:
        # Time first, so that the outer outputs given back are those that the inner model reads.
        out = chained_rnn(
            outer_cell,
            cell,
            x,
            asked.steps.T,
            inner_state=asked.inner_state,
            initial_state=state,
            inner_inputs=beside,
            sequence_length=asked.lengths,
            resets=None if asked.resets is None else asked.resets.T,
            time_major=True,
            cut_outer_gradient=asked.cut_outer_gradient,
            engine=engine,
        )
        return out, tf.reduce_sum(out.outputs * weights)

    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        out, loss = chained(probed, "stock", probes)
        if asked.engine == "stock":
            return weights, _of(loss, [[probes], [out.outer_outputs], [x], *_leaves(state)])
        of_probes = _of(loss, [[probes]])
        out, loss = chained(inner_cell, asked.engine)
    return weights, of_probes + _of(loss, [[out.outer_outputs], [x], *_leaves(state)])


def _leaves(state: ChainState) -> list[list[Any]]:
    return [tf.nest.flatten(part) for part in state]


def _of(loss: Any, groups: list[list[Any]]) -> list[list[Any]]:
    """Returns the loss's gradients at tensors in lists."""
    # One call for all: each would build the loops' reverse passes anew.
    gradients = iter(tf.gradients(loss, [leaf for group in groups for leaf in group]))
    found = []
    for group in groups:
        pairs = [(leaf, next(gradients)) for leaf in group]
        found.append(
            [tf.zeros_like(x) if g is None else tf.convert_to_tensor(g) for x, g in pairs]
        )
    return found


def _measured(
    call: Any, steps: np.ndarray, shape: list[int], rng: np.random.Generator
) -> np.ndarray:
    times, batch, most, width = shape
    outs = times * most
    sizes = np.zeros([batch, outs, batch, outs + 2 * times + 2])
    for b, i, j in np.ndindex(batch, times, most):
        weights = np.zeros(shape)
        # Away from zero, so that a unit's own share always shows.
        weights[i, b, j] = rng.choice([-1.0, 1.0], width) * rng.uniform(0.5, 1.5, width)
        probes, values, inputs, *initial = call(weights)
        row = sizes[b, i * most + j]
        row[:, :outs] = _largest(probes, 3, batch).transpose(1, 0, 2).reshape(batch, outs)
        row[:, outs : outs + times] = _largest(values, 2, batch).T
        row[:, outs + times : outs + 2 * times] = _largest(inputs, 2, batch).T
        row[:, -2:] = np.stack([_largest(leaves, 1, batch) for leaves in initial], 1)
    if not np.isfinite(sizes).all():
        raise CarryError("chain_flow: a gradient is not finite: give smaller inputs")
    return sizes


def _largest(leaves: list[np.ndarray], axes: int, batch: int) -> np.ndarray:
    """Returns the largest entry over all axes but the first few, and over the leaves."""
    if not leaves:
        return np.zeros([batch])
    tops = [np.abs(leaf).max(tuple(range(axes, leaf.ndim))) for leaf in leaves]
    return np.maximum.reduce(tops)


def _drawn(size: Any, batch: int, rng: np.random.Generator) -> Any:
    zeros = states.zeros_like_size(size, batch, tf.float64)
    return tf.nest.map_structure(
        lambda z: tf.constant(0.3 * rng.normal(size=z.shape.as_list())), zeros
    )


def _as_it_is() -> Any:
    """Keeps TensorFlow from optimising a graph that runs a few times, which takes longer."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def _is_one(size: Any) -> bool:
    return isinstance(size, int | np.integer | tf.TensorShape) or hasattr(size, "__index__")
