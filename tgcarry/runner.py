"""The session loop: obeys a policy's schedule and feeds each call's carry into another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import schedule, states
from tgcarry.calls import Calls, Visit
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk
from tgcarry.errors import RunError
from tgcarry.policies import ExactSweep, Policy
from tgcarry.source import ChunkSource


class Report(NamedTuple):
    """Tells of one optimiser step: one chunk's, or one sweep's over several chunks."""

    step: int
    """Optimiser steps taken by this runner so far, this one included."""
    chunks: range
    """Numbers of the chunks in the step, within this run."""
    loss: float
    """Sum of the chunks' losses."""
    chunk_losses: tuple[float, ...]
    """Loss of each chunk, in the order of `chunks`."""
    metrics: dict[str, float]
    """Sums of `build_chunk(metrics=)` over the chunks."""
    time_steps: int
    """Real time steps in the chunks, over all streams."""
    grad_norm: float
    """Global norm of the applied gradient, before clipping."""
    upstream_norms: tuple[float, ...]
    """Norm of the upstream that entered each chunk's end, in the order of `chunks`."""
    seconds: float
    """Wall time since the step before."""


class Gradients(NamedTuple):
    """Holds the gradient of a whole run of chunks; nothing was applied."""

    loss: float
    """Sum of the chunks' losses."""
    variables: dict[str, np.ndarray]
    """Gradient by variable name."""
    initial_state: Any
    """Nest like the state: gradient at the state that the run began with."""
    final_state: Any
    """Nest like the state: the state behind the last chunk."""
    metrics: dict[str, float]
    """Sums of the metrics."""


class Evaluation(NamedTuple):
    """Holds the result of a forward run over chunks."""

    loss: float
    """Sum of the chunks' losses."""
    metrics: dict[str, float]
    """Sums of the metrics."""
    time_steps: int
    """Real time steps in the chunks, over all streams."""
    final_state: Any
    """Nest like the state: the state behind the last chunk."""


class Runner:
    """Loops through chunks, carrying states forward and gradients where the policy says.

    Use it as a context manager. Without a session of yours it opens one and initialises all
    variables; with one it initialises only its own accumulators.

    A reset flag cuts a stream's state and gradient at the start of its chunk; everything
    begins at `initial_state`, zeros by default. Not included: epochs, shuffling, checkpoints.

    Args:
      chunk: of `build_chunk`.
      policy: `Truncated()`, `Stale()`, `ExactSweep()` or one of your own.
      session: an open session on the chunk's graph; closed by whoever opened it.
      config: `tf.ConfigProto` for a session of the runner's own.
      feed_dict: values fed at every call, such as a dropout rate.
      reduce: "sum" applies the sum of a sweep's chunk gradients (that of the whole window),
        "mean" divides it by the number of chunks, so that learning rate and clipping mean
        the same for every policy.
      seed: first half of the "seed" feed of chunks that ask for one.
      on_visit: called with (chunk number, visit) after each backward visit, for progress.

    Raises:
      RunError: the chunk draws random numbers anew at each visit and the policy revisits.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        policy: Policy | None = None,
        *,
        session: Any = None,
        config: tf.ConfigProto | None = None,
        feed_dict: Mapping[tf.Tensor, Any] | None = None,
        reduce: str = "sum",
        seed: int = 0,
        on_visit: Callable[[int, Visit], None] | None = None,
    ) -> None:
        self._chunk = chunk
        self._policy: Policy = ExactSweep() if policy is None else policy
        if not isinstance(self._policy, Policy):
            raise RunError(
                f"Runner(policy={policy!r}): give an object such as tgcarry.ExactSweep()"
            )
        if reduce not in ("sum", "mean"):
            raise RunError(f"Runner(reduce={reduce!r}): give 'sum' or 'mean'")
        self._check_random(self._policy)
        self._reduce = reduce
        self._feed_dict = dict(feed_dict or {})
        self._seed = seed
        self._config = config
        self._given_session = session
        self._session: Any = None
        self._calls: Calls | None = None
        self._on_visit = on_visit
        self._steps = 0
        self._state: Any = None

    def __enter__(self) -> Runner:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Opens the session and initialises what is the runner's to initialise."""
        if self._session is not None:
            return
        if self._given_session is None:
            with self._chunk.graph.as_default():
                init = tf.group(tf.global_variables_initializer(), tf.tables_initializer())
            self._session = tf.Session(graph=self._chunk.graph, config=self._config)
            self._session.run(init)
        else:
            self._session = self._given_session
        self._session.run(self._chunk.updates.initialize)
        self._calls = Calls(self._chunk, self._session, self._feed_dict, self._seed)

    def close(self) -> None:
        """Closes the session, unless it was given."""
        if self._session is not None and self._given_session is None:
            self._session.close()
        self._session, self._calls = None, None

    @property
    def chunk(self) -> ChunkGraph:
        """The graph that this runs."""
        return self._chunk

    @property
    def session(self) -> Any:
        """The open session, to restore, save or look into variables."""
        self._ready()
        return self._session

    @property
    def state(self) -> Any:
        """The state behind the last chunk that was run, as a nest of arrays."""
        if self._state is None:
            raise RunError("Runner.state: nothing was run yet; iterate over run(...) first")
        return self._state

    def run(self, chunks: Iterable[Chunk], initial_state: Any = None) -> Iterator[Report]:
        """Trains on chunks and yields a report per optimiser step; work is done as you iterate.

        Args:
          chunks: a sequence (read again where the policy revisits) or any iterable (its chunks
            are then held until their backward visit).
          initial_state: nest of `[B, H]` arrays that the first chunk starts from; zeros if None.

        Yields:
          A `Report` per optimiser step.

        Raises:
          RunError: no optimiser, or chunks that do not fit the graph.
          DataError: a chunk with a NaN, or inconsistent arrays.
          NumericsError: a loss or gradient that is not finite; nothing of it was applied.
        """
        if self._chunk.updates.apply is None:
            raise RunError(
                "Runner.run: build_chunk had no optimizer=; give one, or use gradients()"
            )
        loop = _Loop(self._ready(), ChunkSource(chunks), initial_state, self._on_visit)
        return self._train(loop)

    def _train(self, loop: _Loop) -> Iterator[Report]:
        loop.calls.clear()
        started = time.perf_counter()
        for step, following in _with_next(self._policy.schedule(loop.source.breaks())):
            if not isinstance(step, schedule.Apply):
                alone = isinstance(following, schedule.Apply) and not loop.visited
                loop.obey(step, update="step" if alone else "gather")
                continue
            loop.obey(step, update="gather")
            visits = loop.take_visits()
            norm = visits[0].visit.grad_norm
            if len(visits) > 1:
                norm = loop.calls.apply(1 / len(visits) if self._reduce == "mean" else 1.0)
            self._state = loop.head
            self._steps += 1
            now = time.perf_counter()
            yield _report(self._steps, visits, norm, now - started)
            started = now

    def gradients(
        self, chunks: Iterable[Chunk], initial_state: Any = None, policy: Policy | None = None
    ) -> Gradients:
        """Computes the gradient of the chunks' summed loss as the policy does; applies nothing.

        Under `ExactSweep()` this is the gradient of the unbroken sequence.

        Args:
          chunks: as for `run`.
          initial_state: as for `run`.
          policy: another policy than the runner's.

        Returns:
          `Gradients`; those of the initial state are zero in rows that the first chunk resets.

        Raises:
          RunError, DataError, NumericsError: as `run`.
        """
        policy = self._policy if policy is None else policy
        self._check_random(policy)
        loop = _Loop(self._ready(), ChunkSource(chunks), initial_state, self._on_visit)
        loop.calls.clear()
        loss, metrics, first = 0.0, dict.fromkeys(self._chunk.metrics, 0.0), None
        for step in policy.schedule(loop.source.breaks()):
            loop.obey(step, update="gather")
            for done in loop.take_visits():
                loss += done.visit.loss
                _add(metrics, done.visit.metrics)
                if done.chunk == 0:
                    first = states.cut_rows(done.visit.state_gradient, done.resets)
        if first is None:
            raise RunError("Runner.gradients: there was no chunk; give at least one")
        variables = loop.calls.accumulated()
        loop.calls.clear()
        return Gradients(loss, variables, first, loop.head, metrics)

    def evaluate(self, chunks: Iterable[Chunk], initial_state: Any = None) -> Evaluation:
        """Runs forwards over the chunks and sums loss and metrics; changes nothing.

        Args:
          chunks: as for `run`; each is read once.
          initial_state: as for `run`.

        Returns:
          An `Evaluation`.
        """
        loop = _Loop(self._ready(), ChunkSource(chunks), initial_state, None)
        loss, metrics, time_steps = 0.0, dict.fromkeys(self._chunk.metrics, 0.0), 0
        for index, _ in enumerate(loop.source.breaks()):
            data = loop.source[index]
            visit = loop.calls.evaluate(data, index, loop.enter(index))
            loop.head = visit.final_state
            loop.source.release(index)
            loss += visit.loss
            time_steps += int(data.lengths.sum())
            _add(metrics, visit.metrics)
        if loop.head is None:
            raise RunError("Runner.evaluate: there was no chunk; give at least one")
        return Evaluation(loss, metrics, time_steps, loop.head)

    def carry_norms(self, chunks: Iterable[Chunk], initial_state: Any = None) -> np.ndarray:
        """Measures how far back the last chunk's loss reaches.

            n_j = | d loss_K / d s_{K-j} |      j = 0 .. K

        with s_k the state that enters chunk k and K the last one; the norm is over all streams
        and leaves. Losses of other chunks are not included.

        Args:
          chunks: as for `run`.
          initial_state: as for `run`.

        Returns:
          float64 `[K + 1]`, in loss per unit of state.
        """
        loop = _Loop(self._ready(), ChunkSource(chunks), initial_state, None)
        entering = []
        for index, _ in enumerate(loop.source.breaks()):
            entering.append(loop.enter(index))
            loop.head = loop.calls.forward(loop.source[index], index, entering[-1])
        if not entering:
            raise RunError("Runner.carry_norms: there was no chunk; give at least one")
        last = len(entering) - 1
        carry = loop.calls.own_gradient(loop.source[last], last, entering[last])
        norms = [states.nest_norm(carry)]
        for index in range(last - 1, -1, -1):
            carry = states.cut_rows(carry, loop.source[index + 1].resets)
            carry = loop.calls.carry_back(loop.source[index], index, entering[index], carry)
            norms.append(states.nest_norm(carry))
        return np.array(norms)

    def _ready(self) -> Calls:
        if self._calls is None:
            raise RunError("Runner: no open session; write `with Runner(...) as runner:`")
        return self._calls

    def _check_random(self, policy: Policy) -> None:
        if policy.revisits and self._chunk.random_ops:
            names = ", ".join(self._chunk.random_ops[:3])
            raise RunError(
                f"{policy} visits chunks again, but {names} would draw other numbers the second "
                f"time: draw with tf.random.stateless_* from a placeholder 'seed' in feeds, or "
                f"take Truncated() or Stale()"
            )


class _Done(NamedTuple):
    """A backward visit that was made, with what the reports need of its data."""

    chunk: int
    visit: Visit
    time_steps: int
    resets: np.ndarray
    upstream_norm: float


class _Loop:
    """Keeps the head, the saved states and the carry of one run, and obeys single steps."""

    def __init__(
        self,
        calls: Calls,
        source: ChunkSource,
        initial_state: Any,
        on_visit: Callable[[int, Visit], None] | None,
    ) -> None:
        self.calls = calls
        self.source = source
        self.head = initial_state
        self._on_visit = on_visit
        self._saved: dict[int, Any] = {}
        self._loaded: Any = None
        self._carry: Any = None
        self._carry_of = -1
        self._done: list[_Done] = []

    def enter(self, index: int) -> Any:
        """Returns the head as chunk `index` sees it: zeros at first, cut where flagged."""
        data = self.source[index]
        if self.head is None:
            self.head = self.calls.zero_state(data.batch)
        self._check_batch(index, data)
        return states.cut_rows(self.head, data.resets)

    def obey(self, step: schedule.Step, update: Literal["step", "gather"]) -> None:
        """Carries out one step of a schedule; the optimiser's part of `Apply` is the caller's."""
        if isinstance(step, schedule.Save):
            self._saved[step.chunk] = self.enter(step.chunk)
        elif isinstance(step, schedule.Forward):
            state = self.enter(step.chunk)
            self.head = self.calls.forward(self.source[step.chunk], step.chunk, state)
        elif isinstance(step, schedule.Load):
            self._loaded = self._saved.pop(step.chunk)
        elif isinstance(step, schedule.Backward):
            self._backward(step, update)
        else:
            self.source.forget_before(self._carry_of)

    @property
    def visited(self) -> bool:
        """Says whether backward visits were made since the last `take_visits`."""
        return bool(self._done)

    def take_visits(self) -> list[_Done]:
        """Returns the backward visits made since the last call, by chunk number."""
        done, self._done = sorted(self._done, key=lambda d: d.chunk), []
        return done

    def _backward(self, step: schedule.Backward, update: Literal["step", "gather"]) -> None:
        data = self.source[step.chunk]
        state = self.enter(step.chunk) if self._loaded is None else self._loaded
        self._loaded = None
        upstream = self._upstream(step, data)
        call = self.calls.step if update == "step" else self.calls.gather
        visit = call(data, step.chunk, state, upstream, step.advance)
        if step.advance:
            self.head = visit.final_state
        self._carry, self._carry_of = visit.state_gradient, step.chunk
        self._done.append(
            _Done(
                step.chunk,
                visit,
                int(data.lengths.sum()),
                data.resets,
                states.nest_norm(upstream),
            )
        )
        self.source.release(step.chunk)
        if self._on_visit is not None:
            self._on_visit(step.chunk, visit)

    def _upstream(self, step: schedule.Backward, data: Chunk) -> Any:
        if step.upstream == "zero":
            return self.calls.zero_state(data.batch)
        if step.upstream == "following":
            if self._carry_of != step.chunk + 1:
                raise RunError(
                    f"schedule: {step}, but the carry is chunk {self._carry_of}'s: visit chunk "
                    f"{step.chunk + 1} right before"
                )
            return states.cut_rows(self._carry, self.source.resets(step.chunk + 1))
        if not 0 <= self._carry_of < step.chunk:
            raise RunError(f"schedule: {step}, but the carry is chunk {self._carry_of}'s")
        since = [self.source.resets(k) for k in range(self._carry_of + 1, step.chunk + 1)]
        carry = states.cut_rows(self._carry, np.any(since, axis=0))
        return states.map_numpy(lambda leaf: leaf.dtype.type(step.scale) * leaf, carry)

    def _check_batch(self, index: int, data: Chunk) -> None:
        for leaf in tf.nest.flatten(self.head):
            if leaf.shape[0] != data.batch:
                raise RunError(
                    f"chunk {index} has {data.batch} streams, but the state carried into it has "
                    f"{leaf.shape[0]}: keep the number of streams the same through a run, and "
                    f"give an initial_state of as many rows"
                )


def _with_next(
    steps: Iterable[schedule.Step],
) -> Iterator[tuple[schedule.Step, schedule.Step | None]]:
    """Pairs each step with the one after it (None at the end)."""
    iterator = iter(steps)
    step = next(iterator, None)
    while step is not None:
        following = next(iterator, None)
        yield step, following
        step = following


def _report(step: int, visits: list[_Done], norm: float, seconds: float) -> Report:
    metrics: dict[str, float] = {}
    for done in visits:
        _add(metrics, done.visit.metrics)
    losses = tuple(done.visit.loss for done in visits)
    return Report(
        step=step,
        chunks=range(visits[0].chunk, visits[-1].chunk + 1),
        loss=sum(losses),
        chunk_losses=losses,
        metrics=metrics,
        time_steps=sum(done.time_steps for done in visits),
        grad_norm=norm,
        upstream_norms=tuple(done.upstream_norm for done in visits),
        seconds=seconds,
    )


def _add(totals: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        totals[name] = totals.get(name, 0.0) + value
