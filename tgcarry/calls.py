"""The session calls of a chunk, prepared once and made often."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states, tf1
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk
from tgcarry.errors import NumericsError, RunError
from tgcarry.feeding import Feeding, Ready, fit
from tgcarry.hooks import Visits
from tgcarry.kinds import keeping_kinds, plain_kinds
from tgcarry.residuals import Residuals, find_residuals
from tgcarry.updates import NOT_FINITE

_WHAT_IS_NOT_FINITE = re.compile(f"the [a-z' ]+ {NOT_FINITE}")


class Visit(NamedTuple):
    """Holds what a visit of one chunk returned; gradients are None in a forward visit."""

    loss: float
    metrics: dict[str, float]
    final_state: Any
    """Nest of `[B, H]` arrays."""
    state_gradient: Any = None
    """Nest of `[B, H]` arrays: at the state that was fed, before any cut."""
    grad_norm: float = float("nan")
    """Global norm of the gradient that was applied; NaN where none was."""
    upstream_norm: float | None = None
    """Norm of the upstream where it was predicted; None where it was fed."""
    synthetic_error: float | None = None
    """What predictions missed, see `Report`; None where nothing was learnt from."""


class Streams(NamedTuple):
    """Says for which streams an upstream is predicted."""

    ahead: np.ndarray
    """Float `[B]`: what predictions for the chunk's end are multiplied by."""
    behind: np.ndarray
    """bool `[B]`: whose predictions for the chunk's start are learnt from."""


class Kept(NamedTuple):
    """Holds what a keeping visit leaves for the backward visit of its chunk."""

    visit: Visit
    """Loss, metrics and final state."""
    arrays: Sequence[np.ndarray]
    """One per residual, in TensorFlow's memory."""
    nbytes: int
    """Bytes of the arrays."""


class _Prepared(NamedTuple):
    """Holds a prepared call, and the constants that are the first of its values."""

    call: Callable[[Sequence[Any]], list[Any]]
    constants: list[np.ndarray]


class Calls:
    """Runs one chunk's graph in a session; each kind of call is prepared when first made.

    Args:
      chunk: the graph.
      session: an open session on it.
      feed_dict: values fed at every call (a dropout rate, say).
      seed: first half of the "seed" feed; the second is the chunk's number.
      visits: is told of the visits that train, and makes their calls; None for none.

    Raises:
      RunError: a value of `feed_dict` does not fit its tensor.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        session: Any,
        feed_dict: Mapping[tf.Tensor, Any],
        seed: int,
        visits: Visits | None = None,
    ) -> None:
        self.visits = visits
        self._chunk = chunk
        self._session = session
        self._feeding = Feeding(chunk, seed)
        self._constants = [(t, _constant(t, value)) for t, value in feed_dict.items()]
        self._kinds = plain_kinds(chunk)
        self._starts = len(tf.nest.flatten(chunk.gradients.initial_state))
        self._prepared: dict[Any, _Prepared] = {}
        self._clear = tf1.prepared_call(session, [], [chunk.updates.clear], [])
        self._residuals: Residuals | None = None
        self._activation_bytes: dict[Any, int] = {}
        self._zeros: dict[tuple[str, int], Any] = {}

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that visits return besides the loss."""
        return tuple(self._chunk.metrics)

    def ready(self, data: Chunk, index: int) -> Ready:
        """Checks a chunk and makes it ready to be fed, see `Feeding.ready`."""
        return self._feeding.ready(data, index)

    def announce(self, data: Ready) -> bool:
        """Tells of the backward visit that comes next; False if it is not to be made."""
        if self.visits is None:
            return True
        feeds = zip(self._chunk.feeds.values(), data.arrays, strict=True)
        return self.visits.before([self._chunk.loss, self._chunk.updates.step], dict(feeds))

    def zero_state(self, batch: int) -> Any:
        """Returns the zero state of `batch` streams, as arrays that are not to be written to."""
        return self._zero("initial_state", batch)

    def zero_upstream(self, batch: int) -> Any:
        """Returns the upstream of `batch` streams that nothing follows, as such arrays."""
        return self._zero("upstream", batch)

    def checked_state(self, state: Any) -> Any:
        """Returns a state that a user gave as arrays of the ports' dtypes.

        Raises:
          RunError: another structure, width or kind of values.
        """
        ports = self._chunk.ports.initial_state
        if not tf.nest.is_nested(ports):
            state = np.asarray(state)
        try:
            tf.nest.assert_same_structure(ports, state)
        except (TypeError, ValueError) as error:
            raise RunError(
                f"initial_state of type {type(state).__name__} is not like the cell's state: "
                f"take runner.state, or arrays in the structure of cell.state_size"
            ) from error

        def checked(port: tf.Tensor, value: Any) -> np.ndarray:
            array = np.asarray(value)
            if not np.can_cast(array.dtype, port.dtype.as_numpy_dtype, "same_kind"):
                raise RunError(
                    f"initial_state: values of {array.dtype} do not fit {port.name!r}, which is "
                    f"{port.dtype.name}"
                )
            if not port.shape.is_compatible_with(array.shape):
                raise RunError(
                    f"initial_state: an array of shape {array.shape} does not fit {port.name!r}, "
                    f"which is {port.shape}"
                )
            return array.astype(port.dtype.as_numpy_dtype, copy=False)

        return states.map_numpy(checked, ports, state)

    def forward(self, data: Ready, state: Any) -> Any:
        """Returns the chunk's final state, and computes nothing else."""
        final = self._run("forward", data, tf.nest.flatten(state))
        return self._checked_state(final, data)

    def evaluate(self, data: Ready, state: Any) -> Visit:
        """Returns loss, metrics and final state without any gradient."""
        got = self._run("evaluate", data, tf.nest.flatten(state))
        loss, metrics, final = self._figures(got)
        loss = _finite(loss, "loss", data.number)
        return Visit(loss, metrics, self._checked_state(final, data))

    @property
    def residuals(self) -> Residuals:
        """What a backward visit needs of the forward pass; looked for when first asked."""
        if self._residuals is None:
            self._residuals = find_residuals(self._chunk, [t for t, _ in self._constants])
            self._kinds |= keeping_kinds(self._chunk, self._residuals.tensors)
        return self._residuals

    def keep(self, data: Ready, state: Any) -> Kept:
        """Visits the chunk forwards and returns the residuals besides loss and final state.

        Raises:
          RunError: they cannot be kept.
        """
        count = len(self._residual_tensors())
        got = self._run("keep", data, tf.nest.flatten(state))
        loss, metrics, rest = self._figures(got)
        final, arrays = rest[: len(rest) - count], rest[len(rest) - count :]
        loss = _finite(loss, "loss", data.number)
        visit = Visit(loss, metrics, self._checked_state(final, data))
        return Kept(visit, arrays, _bytes_of(arrays))

    def activation_bytes(self, data: Ready, state: Any) -> int:
        """Measures what `keep` would keep of a chunk; visits it the first time only.

        Its numbers need not be finite: a plan is no place to stop for them.
        """
        shapes = tuple(array.shape for array in data.arrays)
        if shapes not in self._activation_bytes:
            count = len(self._residual_tensors())
            got = self._run("keep", data, tf.nest.flatten(state))
            self._activation_bytes[shapes] = _bytes_of(got[len(got) - count :])
        return self._activation_bytes[shapes]

    def gather_kept(self, data: Ready, state: Any, upstream: Any, kept: Kept) -> Visit:
        """Gathers without computing anything forwards; loss and metrics are those kept."""
        self._residual_tensors()
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(upstream), *kept.arrays]
        *leaves, norm = self._run("gather kept", data, fed)
        _finite(norm, "gradient's global norm", data.number)
        gradient = self._checked_gradient(leaves, data)
        return kept.visit._replace(final_state=None, state_gradient=gradient)

    def gather(
        self, data: Ready, state: Any, upstream: Any, advance: bool, streams: Streams | None = None
    ) -> Visit:
        """Visits the chunk backwards and adds its weight gradients to the accumulators.

        With `streams` predictions are added to their upstream.
        """
        return self._backward("gather", data, state, upstream, advance, streams)

    def step(
        self, data: Ready, state: Any, upstream: Any, advance: bool, streams: Streams | None = None
    ) -> Visit:
        """Visits the chunk backwards and steps at once with its gradients alone.

        With `streams` predictions are added to their upstream, and the predictors learn.
        """
        return self._backward("step", data, state, upstream, advance, streams)

    def learn(
        self, data: Ready, state: Any, upstream: Any, advance: bool, streams: Streams
    ) -> Visit:
        """As `gather` with `streams`, and gathers what the predictors are to learn, too."""
        return self._backward("learn", data, state, upstream, advance, streams)

    @property
    def predicts(self) -> bool:
        """Says whether the graph predicts upstreams."""
        return self._chunk.synthetic is not None

    def predicted_upstream(self, data: Ready, state: Any, upstream: Any, streams: Streams) -> Any:
        """Returns the upstream of a visit with the predictions in it."""
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(upstream), self._ahead(streams)]
        return _pack(self._chunk.ports.upstream, self._run("upstream", data, fed))

    def missed(self, state: Any, target: Any, behind: np.ndarray) -> Any:
        """Returns the gradient of what the predictors missed at a chunk's start.

        Args:
          state: that enters the chunk.
          target: the gradient there.
          behind: as in `Streams`; rows of other streams are zero.
        """
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(target), behind]
        return _pack(self._chunk.missed, self._run("missed", None, fed))

    def gather_back(self, data: Ready, state: Any, upstream: Any) -> None:
        """Adds the weight gradients that `upstream` alone has, without the chunk's own loss."""
        no_loss = np.zeros([], self._chunk.loss_weight.dtype.as_numpy_dtype)
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(upstream), no_loss]
        (norm,) = self._run("back", data, fed)
        _finite(norm, "gradient's global norm", data.number)

    def carry_back(self, data: Ready, state: Any, upstream: Any) -> Any:
        """Carries `upstream` to the chunk's start without the chunk's own loss or updates."""
        no_loss = np.zeros([], self._chunk.loss_weight.dtype.as_numpy_dtype)
        return self._start_gradient("carry back", data, state, upstream, no_loss)

    def own_gradient(self, data: Ready, state: Any) -> Any:
        """Returns the gradient of the chunk's own loss at its start."""
        return self._start_gradient("own", data, state, self.zero_upstream(data.batch))

    def apply(self, scale: float) -> float:
        """Steps with the accumulated gradients times `scale`, clears them, returns their norm."""
        dtype = self._chunk.updates.scale.dtype.as_numpy_dtype
        (norm,) = self._run("apply", None, [np.asarray(scale, dtype)])
        self.clear()
        return float(norm)

    def apply_and_learn(self, scale: float) -> tuple[float, float | None]:
        """As `apply`, and has predictors learn from what was gathered for them.

        Returns:
          The norm; and the error, see `Report`, None where there was nothing to learn from.
        """
        dtype = self._chunk.updates.scale.dtype.as_numpy_dtype
        norm, error, rows = self._run("apply and learn", None, [np.asarray(scale, dtype)])
        self.clear()
        return float(norm), float(error) if rows else None

    def clear(self) -> None:
        """Throws the accumulated gradients away."""
        self._clear([])

    def accumulators(self) -> list[np.ndarray]:
        """Returns what the accumulators hold, those of lessons last."""
        return list(self._session.run(self._accumulators()))

    def set_accumulators(self, values: Sequence[np.ndarray]) -> None:
        """Puts back what `accumulators` returned."""
        self._session.run(self._chunk.updates.initialize, self._initial_values(values))

    def _initial_values(self, values: Sequence[np.ndarray]) -> dict[tf.Tensor, np.ndarray]:
        # Feeding the initialisers needs no operation that a finalized graph could not take.
        accumulators, sums = self._accumulators(), self._chunk.updates.sums
        if len(values) == len(accumulators) - len(sums):
            # Of an earlier version, which gathered nothing for predictors.
            values = [*values, *(np.zeros(v.shape, v.dtype.as_numpy_dtype) for v in sums)]
        # Outside a default graph a variable takes the caller for an eager one.
        with self._chunk.graph.as_default():
            return {a.initial_value: v for a, v in zip(accumulators, values, strict=True)}

    def _accumulators(self) -> list[tf.Variable]:
        return [*self._chunk.updates.accumulators, *self._chunk.updates.sums]

    def accumulated(self) -> dict[str, np.ndarray]:
        """Returns the accumulated gradients by variable name."""
        sums: dict[str, np.ndarray] = {}
        values = self._session.run(list(self._chunk.updates.accumulators))
        for variable, value in zip(self._chunk.slots, values, strict=True):
            name = variable.op.name
            sums[name] = sums[name] + value if name in sums else value
        return sums

    def _backward(
        self,
        update: str,
        data: Ready,
        state: Any,
        upstream: Any,
        advance: bool,
        streams: Streams | None = None,
    ) -> Visit:
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(upstream)]
        predicted: tuple[float | None, float | None] = (None, None)
        if streams is None:
            got = self._run((update, advance), data, fed)
        else:
            got, predicted = self._run_predicting(update, data, fed, advance, streams)
        norm = got.pop()
        loss, metrics, rest = self._figures(got)
        loss = _finite(loss, "loss", data.number)
        norm = _finite(norm, "gradient's global norm", data.number)
        gradient = self._checked_gradient(rest[: self._starts], data)
        final = self._checked_state(rest[self._starts :], data) if advance else None
        applied = norm if update == "step" else math.nan
        return Visit(loss, metrics, final, gradient, applied, *predicted)

    def _ahead(self, streams: Streams) -> np.ndarray:
        assert self._chunk.synthetic is not None
        return streams.ahead.astype(self._chunk.synthetic.ahead.dtype.as_numpy_dtype)

    def _run_predicting(
        self, update: str, data: Ready, fed: list[Any], advance: bool, streams: Streams
    ) -> tuple[list[Any], tuple[float, float | None]]:
        """Returns what a backward call fetched; and the norm and error of its predictions."""
        learns = update != "gather"
        fed = [*fed, self._ahead(streams), *([streams.behind] if learns else [])]
        got = self._run((f"{update} predicted", advance), data, fed)
        error = float(got.pop()) if update == "step" else None
        return got, (float(got.pop()), error if streams.behind.any() else None)

    def _checked_gradient(self, leaves: Sequence[np.ndarray], data: Ready) -> Any:
        for leaf in leaves:
            _all_finite(leaf, "state gradient", data.number)
        return _pack(self._chunk.gradients.initial_state, leaves)

    def _residual_tensors(self) -> tuple[tf.Tensor, ...]:
        if self.residuals.obstacle:
            raise RunError(f"no activations can be kept: {self.residuals.obstacle}")
        return self.residuals.tensors

    def _start_gradient(
        self, kind: str, data: Ready, state: Any, upstream: Any, *more: np.ndarray
    ) -> Any:
        fed = [*tf.nest.flatten(state), *tf.nest.flatten(upstream), *more]
        return _pack(self._chunk.gradients.initial_state, self._run(kind, data, fed))

    def _prepare(self, kind: Any, with_data: bool) -> _Prepared:
        fetches, targets, feeds = self._kinds[kind]
        if with_data:
            feeds = [*self._chunk.feeds.values(), *feeds]
        filled = {tensor.name for tensor in feeds}
        constants = [(t, value) for t, value in self._constants if t.name not in filled]
        feeds = [*(tensor for tensor, _ in constants), *feeds]
        name = kind[0] if isinstance(kind, tuple) else kind
        if self.visits is not None and self.visits.takes(name):
            call = self.visits.prepared(name, self._session, fetches, targets, feeds)
        else:
            call = tf1.prepared_call(self._session, fetches, targets, feeds)
        return _Prepared(call, [value for _, value in constants])

    def _run(self, kind: Any, data: Ready | None, values: Sequence[Any]) -> list[Any]:
        """Makes a call of a kind, with the constants and a chunk's data if it is on one."""
        if kind not in self._prepared:
            self._prepared[kind] = self._prepare(kind, data is not None)
        call, constants = self._prepared[kind]
        arrays = () if data is None else data.arrays
        try:
            return call([*constants, *arrays, *values])
        except tf.errors.InvalidArgumentError as error:
            found = _WHAT_IS_NOT_FINITE.search(str(error.message))
            if not found:
                raise
            where = "" if data is None else f"chunk {data.number}: "
            raise NumericsError(
                f"{where}{found[0]}, and nothing was applied: check the data, lower the learning "
                f"rate or the carry's decay, or set clip_norm"
            ) from error

    def _figures(self, got: Sequence[Any]) -> tuple[Any, dict[str, float], Sequence[Any]]:
        """Parts what was fetched into the loss, the metrics and the rest."""
        loss, *rest = got
        count = len(self._chunk.metrics)
        metrics = zip(self._chunk.metrics, rest[:count], strict=True)
        return loss, {name: float(value) for name, value in metrics}, rest[count:]

    def _checked_state(self, leaves: Sequence[Any], data: Ready) -> Any:
        for leaf in leaves:
            _all_finite(leaf, "final state", data.number)
        return _pack(self._chunk.final_state, leaves)

    def _zero(self, port: str, batch: int) -> Any:
        if (port, batch) not in self._zeros:

            def zeros(placeholder: tf.Tensor) -> np.ndarray:
                shape = [batch, *placeholder.shape[1:].as_list()]
                dtype = placeholder.dtype.as_numpy_dtype
                array = fit(np.zeros(shape, dtype), dtype)
                array.flags.writeable = False
                return array

            placeholders = getattr(self._chunk.ports, port)
            self._zeros[port, batch] = states.map_numpy(zeros, placeholders)
        return self._zeros[port, batch]


def _pack(structure: Any, leaves: Sequence[Any]) -> Any:
    if not tf.nest.is_nested(structure):
        return leaves[0]
    return tf.nest.pack_sequence_as(structure, leaves)


def _bytes_of(arrays: Sequence[Any]) -> int:
    """Counts bytes of memory, once where several arrays lie in the same."""
    total = end = 0
    for start, size in sorted((_address(array), array.nbytes) for array in arrays):
        total += max(0, start + size - max(start, end))
        end = max(end, start + size)
    return total


def _address(array: Any) -> int:
    # A scalar comes as NumPy's own kind of number, whose address is another one every time.
    if not isinstance(array, np.ndarray):
        return id(array)
    address: int = array.__array_interface__["data"][0]
    return address


def _constant(tensor: tf.Tensor, value: Any) -> np.ndarray:
    array = np.asarray(value, tensor.dtype.as_numpy_dtype)
    if not tensor.shape.is_compatible_with(array.shape):
        raise RunError(
            f"Runner(feed_dict=): a value of shape {array.shape} does not fit {tensor.name!r}, "
            f"which is {tensor.shape}"
        )
    return array


def _all_finite(values: np.ndarray, what: str, index: int) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        _finite(values[~finite][0], what, index)


def _finite(value: Any, what: str, index: int) -> float:
    value = float(value)
    if not np.isfinite(value):
        raise NumericsError(
            f"chunk {index}: the {what} is {value}: check the data, lower the learning rate, or "
            f"set clip_norm"
        )
    return value
