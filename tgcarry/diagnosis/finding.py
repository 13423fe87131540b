"""Where numbers stop being finite in a chunk, looked for in the order of cause and effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import because, listed
from tgcarry.diagnosis import stages
from tgcarry.diagnosis.narrowing import bad_streams, first_bad_step
from tgcarry.diagnosis.outcome import Diagnosis
from tgcarry.diagnosis.replay import Replay
from tgcarry.diagnosis.stages import Stage
from tgcarry.engines import engine_notes

# Visits that the search for streams may cost.
_MOST_VISITS = 64


def diagnose(
    chunk: ChunkGraph,
    session: Any,
    arrays: Sequence[np.ndarray],
    state: Any,
    upstream: Any = None,
    number: int | None = None,
    *,
    feed_dict: Mapping[tf.Tensor, Any] | None = None,
    narrow: bool = True,
) -> Diagnosis:
    """Computes a chunk again, stage by stage, and says what is the first that is not finite.

    What is fed and the variables come first, then the forward pass, then the gradients. No
    variable is changed, unless the model itself does so whenever its loss is computed. The
    streams to blame are the rows of what has rows; those of the loss and of the variables'
    gradients are found by visits of some streams alone, by halves and 64 at the most, and the
    first step by visits of the first steps alone, where the placeholders leave those sizes
    open. Compiled engines are shown what is left out as padding, where the graph takes any.

    Not included: mending it. A chunk that draws random numbers anew may not fail again.

    Args:
      chunk: the graph.
      session: an open session with the weights that the chunk failed with.
      arrays: what was fed, one per entry of `chunk.feeds` in that order.
      state: nest of `[B, H]` arrays that the chunk was fed.
      upstream: nest like `chunk.ports.upstream`; None where nothing was computed backwards.
      number: of the chunk, for the message.
      feed_dict: constants, as `Runner(feed_dict=)` has them.
      narrow: whether to look for streams and steps by further visits. Where a compiled engine
        takes no padding, it compiles for every size anew.

    Returns:
      A `Diagnosis`.
    """
    search = _Search(chunk, session, arrays, state, upstream, feed_dict or {}, number, narrow)
    return search.first_bad()


class _Search:
    """Goes through the stages until one is not finite."""

    def __init__(
        self,
        chunk: ChunkGraph,
        session: Any,
        arrays: Sequence[np.ndarray],
        state: Any,
        upstream: Any,
        constants: Mapping[tf.Tensor, Any],
        number: int | None,
        narrow: bool,
    ) -> None:
        self._chunk = chunk
        self._arrays = dict(zip(chunk.feeds, arrays, strict=True))
        self._state = state
        self._upstream = upstream
        self._constants = constants
        self._number = number
        self._narrow = narrow
        self._replay = Replay(chunk, session, arrays, state, upstream, constants)
        self._fine: list[str] = []

    def first_bad(self) -> Diagnosis:
        """Returns the first stage that is bad, or a diagnosis that none is."""
        try:
            for look in (self._fed, self._variables, self._computed):
                for found in look():
                    if found is not None:
                        return found
        except tf.errors.OpError as error:
            return self._diagnosis("", {}, remark=f"as far as it could be: {because(error)}")
        return self._diagnosis("", {})

    def _fed(self) -> Iterator[Diagnosis | None]:
        yield self._data()
        constants = {f"constant {t.name!r}": np.asarray(v) for t, v in self._constants.items()}
        yield self._at_hand("constants", constants, rows=False)
        ports = self._chunk.ports
        state = stages.leaves("fed state", ports.initial_state, self._state)
        yield self._at_hand("fed state", state, rows=True)
        if self._upstream is not None:
            upstream = stages.leaves("upstream", ports.upstream, self._upstream)
            yield self._at_hand("upstream", upstream, rows=True)

    def _data(self) -> Diagnosis | None:
        named = {f"array {name!r}": array for name, array in self._arrays.items()}
        bad = {name: array for name, array in named.items() if _is_bad(array)}
        if not bad:
            self._fine.append("data")
            return None
        rows: set[int] = set()
        steps: list[int] = []
        for array in bad.values():
            places = np.argwhere(~np.isfinite(array))
            if array.ndim > 1:
                rows |= set(places[:, 0].tolist())
                steps.append(int(places[:, 1].min()))
        return self._diagnosis("data", bad, tuple(sorted(rows)), min(steps, default=None))

    def _variables(self) -> Iterator[Diagnosis | None]:
        bad = {}
        for variable in stages.variables(self._chunk):
            # One by one: all of a large model's would take its memory once more.
            (value,) = self._replay.values([variable])
            if _is_bad(value):
                bad[variable.op.name] = value
        if bad:
            yield self._diagnosis("variables", bad)
        self._fine.append("variables")

    def _computed(self) -> Iterator[Diagnosis | None]:
        chunk = self._chunk
        final = stages.leaves("final state", chunk.final_state, chunk.final_state)
        yield self._compute(Stage("final state", final, rows=True, forward=True))
        yield self._compute(Stage("loss", stages.losses(chunk), forward=True))
        metrics = {f"metric {name!r}": tensor for name, tensor in chunk.metrics.items()}
        yield self._compute(Stage("metrics", metrics, forward=True))
        if self._upstream is not None:
            yield from self._gradients()
        twins = stages.leaves("final state", chunk.forward_state, chunk.forward_state)
        if any(twins[name] is not final[name] for name in final):
            # Computed for its own sake, without what a backward pass would need.
            yield self._compute(Stage("forward pass", twins, rows=True))

    def _gradients(self) -> Iterator[Diagnosis | None]:
        chunk = self._chunk
        gradients = chunk.gradients
        start = stages.leaves("state gradient", gradients.initial_state, gradients.initial_state)
        yield self._compute(Stage("state gradient", start, rows=True))
        pairs = zip(chunk.slots, gradients.variables, strict=True)
        yield self._compute(Stage("gradients", stages.gradients(pairs)))
        sums = zip(chunk.slots, chunk.updates.accumulators, strict=True)
        gathered = {f"gradient of {v.op.name} gathered before": a for v, a in sums}
        yield self._compute(Stage("gathered gradients", gathered, alone=True))
        norm = {"gradient's global norm": chunk.updates.step_norm}
        yield self._compute(Stage("gradient norm", norm))

    def _at_hand(
        self, stage: str, values: Mapping[str, np.ndarray], *, rows: bool
    ) -> Diagnosis | None:
        bad = {name: value for name, value in values.items() if _is_bad(value)}
        if bad:
            return self._diagnosis(stage, bad, _bad_rows(bad) if rows else ())
        if values:
            self._fine.append(stage)
        return None

    def _compute(self, stage: Stage) -> Diagnosis | None:
        """Looks at what the graph computes."""
        tensors = [stages.dense(tensor) for tensor in stage.tensors.values()]
        if not tensors:
            return None
        try:
            values = self._replay.values(tensors)
        except tf.errors.OpError as error:
            if stage.alone:  # Nobody has made them yet.
                return None
            return self._diagnosis(stage.name, {}, remark=because(error), names=(stage.name,))
        found = dict(zip(stage.tensors, map(np.asarray, values), strict=True))
        bad = {name: value for name, value in found.items() if _is_bad(value)}
        if not bad:
            self._fine.append(stage.name)
            return None
        if stage.alone:
            return self._diagnosis(stage.name, bad)
        if self._narrow:
            self._replay.pads = self._may_pad([stages.dense(t) for t in stage.tensors.values()])
        places = [stages.dense(stage.tensors[name]) for name in bad]
        streams = _bad_rows(bad) if stage.rows else self._streams(places)
        return self._diagnosis(
            stage.name, bad, streams, self._first_step(places) if stage.forward else None
        )

    def _may_pad(self, tensors: Sequence[Any]) -> bool:
        """Says whether parts of the chunk can be left out as padding, and had better be.

        That is where other shapes would have to be compiled, and where what is left out does no
        harm: the logarithm of padding, say, is not finite either.
        """
        replay = self._replay
        compiled = any(note.startswith("engine fused") for note in engine_notes(self._chunk.graph))
        if not (compiled and replay.takes_padding and replay.length is not None):
            return False
        replay.pads = True
        return _unless_failing(lambda: self._are_bad(tensors, streams=[])) is False

    def _streams(self, tensors: Sequence[Any]) -> tuple[int, ...]:
        if not self._narrow:
            return ()
        batch = self._replay.batch
        if batch == 1:
            return (0,)
        found = _unless_failing(
            lambda: bad_streams(
                lambda streams: self._are_bad(tensors, streams=streams), batch, _MOST_VISITS
            )
        )
        return () if found is None else found[0]

    def _first_step(self, tensors: Sequence[Any]) -> int | None:
        if not (self._narrow and self._replay.can_be_cut):
            return None
        length = self._replay.length or 0
        return _unless_failing(
            lambda: first_bad_step(lambda steps: self._are_bad(tensors, steps=steps), length)
        )

    def _are_bad(self, tensors: Sequence[Any], **part: Any) -> bool:
        return any(_is_bad(value) for value in self._replay.values(tensors, **part))

    def _diagnosis(
        self,
        stage: str,
        bad: Mapping[str, Any],
        streams: tuple[int, ...] = (),
        step: int | None = None,
        *,
        remark: str = "",
        names: tuple[str, ...] = (),
    ) -> Diagnosis:
        random = self._chunk.random_ops
        if random and not remark:
            remark = f"{listed(random, 3)} drew other numbers than before"
        return Diagnosis(
            chunk=self._number,
            stage=stage,
            names=tuple(bad) or names,
            streams=streams,
            step=step,
            value=_first_value(next(iter(bad.values()))) if bad else "",
            fine=tuple(self._fine),
            remark=remark,
            feeds=tuple(self._chunk.feeds),
        )


def _is_bad(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind not in "biuSUOM" and not np.isfinite(array).all()


def _bad_rows(bad: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    rows: set[int] = set()
    for array in bad.values():
        if array.ndim:
            rows |= set(np.argwhere(~np.isfinite(array))[:, 0].tolist())
    return tuple(sorted(rows))


def _first_value(value: Any) -> str:
    array = np.asarray(value)
    return str(array[~np.isfinite(array)][0])


def _unless_failing(search: Callable[[], Any]) -> Any:
    """Returns what a search finds; None where the graph does not take a part of the chunk."""
    try:
        return search()
    except (tf.errors.OpError, ValueError):
        return None
