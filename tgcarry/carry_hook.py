"""A session hook that brings the carry into a training loop that is there already."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states, tf1
from tgcarry.carried import CarriedLoss
from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError, NumericsError, RunError
from tgcarry.policies import Stale, Truncated
from tgcarry.saved_carry import SavedCarry


class CarryHook(tf.train.SessionRunHook):
    """Feeds state and gradient of one training run into the next, in a `MonitoredSession`.

        initial_state_k = s_k,   upstream_k = decay * d_{k-1}

    with s_k the state behind the run before and d_{k-1} the gradient at its start; decay is 0
    under `Truncated()`, and `Stale(clip_norm=)` limits the upstream. Whatever else is fed, or
    comes out of an iterator, is yours. A run trains if `train_op` is among its fetches, or if they
    need it. Any other run leaves the carry alone, and finds the ports filled: the state as it
    stands (zeros, for another number of streams), an upstream of zeros. A port that you feed
    yourself is not filled.

    The carry is kept in variables too, which are written in the run that moves the weights, so
    that every checkpoint holds both of one moment: a session that is restored or recovered goes
    on where its weights are. Not included: policies that revisit chunks, more than one worker on
    the same variables (`save=False` there), and the position in the data.

    Args:
      carried: of `carried_loss`; or a `ChunkGraph`, whose `updates.step` is the `train_op`.
      train_op: the operation or tensor that takes an optimiser step.
      policy: `Truncated()` or `Stale(decay)`.
      batch_size: B, the number of streams. By default that of the states' static shapes, or
        else the first dimension of what is fed to the unroll.
      save: whether the carry is kept in global variables.
      name: scope of these variables.

    Raises:
      RunError: another policy.
      CarryError: no such loss, or a `train_op` that the carried gradient does not reach.

    Source: `tf.train.SessionRunHook`.
    """

    def __init__(
        self,
        carried: CarriedLoss | ChunkGraph,
        train_op: tf.Operation | tf.Tensor,
        policy: Truncated | Stale,
        *,
        batch_size: int | None = None,
        save: bool = True,
        name: str = "carry_hook",
    ) -> None:
        if not isinstance(carried, CarriedLoss | ChunkGraph):
            raise CarryError(
                f"CarryHook(carried={shown(carried)}): give what carried_loss or build_chunk "
                f"returned"
            )
        if isinstance(carried, CarriedLoss):
            gradient = carried.state_gradient
        else:
            gradient = carried.gradients.initial_state
        self._decay = _decay(policy)
        limit = getattr(policy, "clip_norm", None)
        self._clip = math.inf if limit is None else limit
        self._train_op = _checked_train_op(train_op, carried.ports, self._decay)
        self._ports = carried.ports
        self._final_state = carried.final_state
        self._fetches = {"state": tf.nest.flatten(carried.final_state)}
        if self._decay:
            self._fetches["gradient"] = tf.nest.flatten(gradient)
        self._given_rows = batch_size or _static_rows(
            carried.ports.initial_state, gradient, carried.final_state
        )
        self._unroll_inputs = tf1.operations_before(tf.nest.flatten(carried.final_state))
        self._trains: dict[tuple[str, ...], bool] = {}
        self._state: Any = None
        self._gradient: Any = None
        # The streams that were cut before the run at hand, and whether that run was made.
        self._cut: np.ndarray | None = None
        self._done = False
        self._norm = 0.0
        self._runs = 0
        self._saved: SavedCarry | None = None
        if save:
            with self._train_op.graph.as_default():
                self._saved = SavedCarry(carried.ports, name)
                self._fetches["keep"] = [self._saved.write(**self._fetches)]

    @property
    def state(self) -> Any:
        """The state that the next training run starts from; None before the first one."""
        return self._state

    @property
    def norm(self) -> float:
        """Norm of the last training run's upstream before clipping, in loss per unit of state."""
        return self._norm

    def reset(self, rows: Any = None) -> None:
        """Cuts streams where a sequence ends: their next chunk starts from zeros.

        Args:
          rows: numbers of the streams, or bool `[B]`; None for all.

        Raises:
          RunError: no such stream.
        """
        if self._state is None:
            return
        mask = _mask(rows, _rows_of(self._state))
        self._go_on()
        self._cut = mask if self._cut is None else self._cut | mask
        self._cut_streams(mask)

    def begin(self) -> None:
        """Forgets an earlier session's carry; called by the session."""
        if tf.get_default_graph() is not self._train_op.graph:
            raise RunError("CarryHook: the session is for another graph than the hook's train_op")
        self._state = self._gradient = self._cut = None
        self._norm, self._runs, self._done = 0.0, 0, False

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        """Takes up what the session's variables hold; called by the session."""
        if self._saved is not None:
            self._state, self._gradient = self._saved.take_up(session)
        # A run that a recovery repeats begins the same sequences as it did the first time.
        self._done = False
        if self._state is not None and self._cut is not None:
            self._cut_streams(self._cut)

    def before_run(self, run_context: Any) -> Any:
        """Fills the ports; called by the session."""
        asked = run_context.original_args
        fed = _by_name(asked.feed_dict or {})
        rows = self._rows_fed(fed)
        if not self._is_training(asked.fetches):
            return tf.train.SessionRunArgs(None, self._feeds(self._glance(rows), fed))
        self._go_on()
        if self._state is None:
            self._begin_streams(rows)
        elif rows not in (None, _rows_of(self._state)):
            raise RunError(
                f"CarryHook: {rows} streams are fed, but the state carried into them has "
                f"{_rows_of(self._state)}: keep their number the same, or call reset() and begin "
                f"another session"
            )
        upstream = states.scaled(self._gradient, self._decay)
        self._norm = states.nest_norm(upstream)
        if self._norm > self._clip:
            upstream = states.scaled(upstream, self._clip / self._norm)
        return tf.train.SessionRunArgs(self._fetches, self._feeds((self._state, upstream), fed))

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Keeps what has to be carried; called by the session."""
        got = run_values.results
        if got is None:
            return
        self._runs += 1
        self._done = True
        self._state = tf.nest.pack_sequence_as(self._final_state, got["state"])
        _check_finite(got["state"], "state", self._runs)
        if self._decay:
            self._gradient = tf.nest.pack_sequence_as(self._ports.upstream, got["gradient"])
            _check_finite(got["gradient"], "state gradient", self._runs)

    def end(self, session: tf.Session) -> None:
        """Lets go of the session; called by the session."""
        if self._saved is not None:
            self._saved.let_go()

    def _go_on(self) -> None:
        """Forgets the cuts of a run that was made: it is not going to be repeated."""
        if self._done:
            self._cut, self._done = None, False

    def _cut_streams(self, mask: np.ndarray) -> None:
        self._state = states.cut_rows(self._state, mask)
        self._gradient = states.cut_rows(self._gradient, mask)
        if self._saved is not None:
            self._saved.put(self._state, self._gradient)

    def _is_training(self, fetches: Any) -> bool:
        graph = self._train_op.graph
        leaves = tf.nest.flatten(fetches, expand_composites=True)
        elements = [getattr(leaf, "op", None) or graph.as_graph_element(leaf) for leaf in leaves]
        asked = [getattr(element, "op", element) for element in elements]
        key = tuple(op.name for op in asked)
        if key not in self._trains:
            self._trains[key] = self._train_op in asked or (
                self._train_op in tf1.operations_before(asked)
            )
        return self._trains[key]

    def _begin_streams(self, rows: int | None) -> None:
        rows = self._given_rows if rows is None else rows
        if rows is None:
            raise RunError(
                "CarryHook: the number of streams is in no static shape and in nothing that is "
                "fed: give CarryHook(batch_size=) or carry_ports(cell, batch_size)"
            )
        self._state, self._gradient = _zeros(self._ports, rows)

    def _glance(self, rows: int | None) -> tuple[Any, Any]:
        """Returns what the ports are filled with in a run that does not train."""
        rows = self._given_rows if rows is None else rows
        if self._state is not None and rows in (None, _rows_of(self._state)):
            return self._state, _zeros(self._ports, _rows_of(self._state))[1]
        return (None, None) if rows is None else _zeros(self._ports, rows)

    def _feeds(self, values: tuple[Any, Any], fed: Mapping[str, Any]) -> dict[tf.Tensor, Any]:
        """Pairs the ports that the caller does not feed with values; with None there are none."""
        state, upstream = values
        if state is None:
            return {}
        leaves = [*tf.nest.flatten(state), *tf.nest.flatten(upstream)]
        pairs = zip(_leaves(self._ports), leaves, strict=True)
        return {port: value for port, value in pairs if port.name not in fed}

    def _rows_fed(self, fed: Mapping[str, Any]) -> int | None:
        """Returns the first dimension of what is fed to the unroll; None if it says nothing."""
        if self._given_rows is not None:
            return None
        graph, sizes = self._train_op.graph, {}
        ports = {port.name for port in _leaves(self._ports)}
        for name, value in fed.items():
            shape = np.shape(value)
            op = graph.as_graph_element(name, allow_operation=False).op
            if len(shape) >= 2 and name not in ports and op in self._unroll_inputs:
                sizes[name] = shape[0]
        if len(set(sizes.values())) > 1:
            raise RunError(
                f"CarryHook: the number of streams cannot be told from {sizes}: give "
                f"CarryHook(batch_size=)"
            )
        return next(iter(sizes.values()), None)


def _decay(policy: Any) -> float:
    if isinstance(policy, Truncated):
        return 0.0
    if isinstance(policy, Stale):
        return float(policy.decay)
    raise RunError(
        f"CarryHook(policy={shown(policy)}): a loop that sees each chunk once can carry under "
        f"Truncated() or Stale(decay); for others give the session to Runner(chunk, policy, "
        f"session=...)"
    )


def _checked_train_op(train_op: Any, ports: Any, decay: float) -> tf.Operation:
    op = getattr(train_op, "op", train_op)
    if not isinstance(op, tf.Operation) or op.graph is not _leaves(ports)[0].graph:
        raise CarryError(
            f"CarryHook(train_op={shown(train_op)}): give the operation that steps, of the "
            f"ports' graph"
        )
    before = tf1.operations_before([op])
    missing = [port.name for port in tf.nest.flatten(ports.upstream) if port.op not in before]
    if decay and missing:
        raise CarryError(
            f"CarryHook: {op.name!r} does not depend on the upstream {missing[0]!r}: minimise "
            f"carried_loss(...).loss instead of the chunk's own loss"
        )
    return op


def _leaves(ports: Any) -> list[tf.Tensor]:
    return [*tf.nest.flatten(ports.initial_state), *tf.nest.flatten(ports.upstream)]


def _static_rows(*nests: Any) -> int | None:
    known = [leaf.shape.as_list()[0] for leaf in tf.nest.flatten(nests) if leaf.shape.rank]
    return next((rows for rows in known if rows is not None), None)


def _rows_of(state: Any) -> int:
    return len(tf.nest.flatten(state)[0])


def _zeros(ports: Any, rows: int) -> tuple[Any, Any]:
    def zeros(port: tf.Tensor) -> np.ndarray:
        return np.zeros([rows, *port.shape.as_list()[1:]], port.dtype.as_numpy_dtype)

    return tuple(states.map_numpy(zeros, nest) for nest in ports)


def _by_name(feed_dict: Mapping[Any, Any]) -> dict[str, Any]:
    """Lists what is fed by the tensors' names; keys may be names, tensors or nests of them."""
    return dict(_named_leaves(feed_dict))


def _named_leaves(feed_dict: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in feed_dict.items():
        if isinstance(key, str):
            yield key, value
        elif isinstance(key, tf.Tensor):
            yield key.name, value
        elif tf.nest.is_nested(key):
            yield from _named_leaves(
                dict(zip(tf.nest.flatten(key), tf.nest.flatten(value), strict=True))
            )


def _mask(rows: Any, count: int) -> np.ndarray:
    if rows is None:
        return np.ones(count, bool)
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (count,):
        return given
    whole = given.dtype.kind in "iu" or given.size == 0
    if not whole or np.any((given < 0) | (given >= count)):
        raise RunError(
            f"CarryHook.reset(rows={shown(rows)}): there are {count} streams; give numbers from "
            f"0 to {count - 1}, or {count} bools"
        )
    mask = np.zeros(count, bool)
    mask[given.astype(np.int64)] = True
    return mask


def _check_finite(leaves: list[np.ndarray], what: str, run: int) -> None:
    for leaf in leaves:
        if not np.isfinite(leaf).all():
            raise NumericsError(
                f"CarryHook: after training run {run} the {what} is not finite; its optimiser "
                f"step was taken: go back to a checkpoint, lower the learning rate or the "
                f"carry's decay"
            )
