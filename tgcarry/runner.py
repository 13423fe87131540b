"""The session loop: obeys a policy's schedule and feeds each call's carry into another."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import schedule, states
from tgcarry.budget import MemoryPlan
from tgcarry.calls import Calls
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk
from tgcarry.data.wording import shown
from tgcarry.errors import NumericsError, RunError
from tgcarry.loop import Done, Loop, OnVisit, with_next
from tgcarry.planning import plan_memory, steps_for
from tgcarry.policies import ExactSweep, Policy
from tgcarry.reports import Evaluation, Gradients, Report, add_metrics
from tgcarry.source import ChunkSource


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
        on_visit: OnVisit | None = None,
    ) -> None:
        if not isinstance(chunk, ChunkGraph):
            raise RunError(f"Runner(chunk={shown(chunk)}): give what build_chunk returned")
        if reduce not in ("sum", "mean"):
            raise RunError(f"Runner(reduce={reduce!r}): give 'sum' or 'mean'")
        self._chunk = chunk
        self._policy = self._checked_policy(ExactSweep() if policy is None else policy)
        self._reduce = reduce
        self._feed_dict = dict(feed_dict or {})
        _check_fed(chunk, self._feed_dict)
        _check_session(chunk, session)
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
            if self._chunk.graph.finalized:
                raise RunError(
                    "Runner: the graph is finalized, so that no initialiser can be added: give "
                    "the session= that it was finalized for"
                )
            with self._chunk.graph.as_default():
                init = tf.group(
                    tf.global_variables_initializer(),
                    tf.local_variables_initializer(),
                    tf.tables_initializer(),
                )
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
          chunks: a sequence (read again where the policy revisits, and one chunk ahead in a
            second thread) or any iterable (its chunks are then held until their backward visit).
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
        return self._train(self._loop(chunks, initial_state, self._on_visit))

    def _train(self, loop: Loop) -> Iterator[Report]:
        loop.calls.clear()
        started = time.perf_counter()
        stepped = False
        with loop:
            for step, following in with_next(steps_for(self._policy, loop)):
                loop.source.expect(getattr(following, "chunk", None))
                if not isinstance(step, schedule.Apply):
                    kept = getattr(step, "kept", False)
                    alone = isinstance(following, schedule.Apply) and not (loop.visited or kept)
                    stepped = stepped or (alone and isinstance(step, schedule.Backward))
                    loop.obey(step, update="step" if alone else "gather")
                    continue
                loop.obey(step, update="gather")
                visits = loop.take_visits()
                norm = visits[0].visit.grad_norm
                if not stepped:
                    norm = loop.calls.apply(1 / len(visits) if self._reduce == "mean" else 1.0)
                stepped = False
                self._state = loop.head
                self._steps += 1
                yield _report(self._steps, visits, norm, time.perf_counter() - started)
                started = time.perf_counter()

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
        policy = self._policy if policy is None else self._checked_policy(policy)
        loop = self._loop(chunks, initial_state, self._on_visit)
        loop.calls.clear()
        loss, metrics, first = 0.0, dict.fromkeys(self._chunk.metrics, 0.0), None
        with loop:
            for step, following in with_next(steps_for(policy, loop)):
                loop.source.expect(getattr(following, "chunk", None))
                if isinstance(step, schedule.Apply):
                    loop.source.forget_before(loop.carry_of)
                    continue
                loop.obey(step, update="gather")
                for done in loop.take_visits():
                    loss += done.visit.loss
                    add_metrics(metrics, done.visit.metrics)
                    if done.chunk == 0:
                        first = states.cut_rows(done.visit.state_gradient, done.resets)
        if first is None:
            raise RunError("Runner.gradients: there was no chunk; give at least one")
        variables = loop.calls.accumulated()
        loop.calls.clear()
        _check_finite(variables)
        return Gradients(loss, variables, first, loop.head, metrics)

    def plan(self, chunks: Iterable[Chunk]) -> MemoryPlan:
        """Says what the policy keeps within its memory budget, before anything is trained.

        Reads the first chunk and visits it forwards once, to see what its activations take.

        Args:
          chunks: as for `run`, but no iterator, which could not be read again.

        Returns:
          A `MemoryPlan`. Windows may turn out shorter than planned, where streams start anew.
        """
        if isinstance(chunks, Iterator):
            raise RunError(
                "Runner.plan: an iterator's first chunk would be lost to the run; give a "
                "sequence, or [chunk] for a chunk like it"
            )
        with self._loop(chunks, None) as loop:
            if next(loop.source.breaks(), None) is None:
                raise RunError("Runner.plan: there was no chunk; give at least one")
            return plan_memory(self._policy, loop)

    def evaluate(self, chunks: Iterable[Chunk], initial_state: Any = None) -> Evaluation:
        """Runs forwards over the chunks and sums loss and metrics; changes nothing.

        Args:
          chunks: as for `run`; each is read once.
          initial_state: as for `run`.

        Returns:
          An `Evaluation`.
        """
        loss, metrics, time_steps = 0.0, dict.fromkeys(self._chunk.metrics, 0.0), 0
        with self._loop(chunks, initial_state) as loop:
            for index, _ in enumerate(loop.source.breaks()):
                state, data = loop.enter(index), loop.source[index]
                visit = loop.beside(loop.calls.evaluate, data, state)
                loop.head = visit.final_state
                loop.source.release(index)
                loss += visit.loss
                time_steps += data.time_steps
                add_metrics(metrics, visit.metrics)
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
        _check_redraws(self._chunk, "Runner.carry_norms")
        entering = []
        with self._loop(chunks, initial_state) as loop:
            for index, _ in enumerate(loop.source.breaks()):
                entering.append(loop.enter(index))
                data = loop.source[index]
                loop.head = loop.beside(loop.calls.forward, data, entering[-1])
            if not entering:
                raise RunError("Runner.carry_norms: there was no chunk; give at least one")
            last = len(entering) - 1
            carry = loop.calls.own_gradient(loop.source[last], entering[last])
            norms = [states.nest_norm(carry)]
            for index in range(last - 1, -1, -1):
                carry = states.cut_rows(carry, loop.source.resets(index + 1))
                carry = loop.calls.carry_back(loop.source[index], entering[index], carry)
                norms.append(states.nest_norm(carry))
        return np.array(norms)

    def _ready(self) -> Calls:
        if self._calls is None:
            raise RunError("Runner: no open session; write `with Runner(...) as runner:`")
        return self._calls

    def _loop(
        self, chunks: Iterable[Chunk], initial_state: Any, on_visit: OnVisit | None = None
    ) -> Loop:
        calls = self._ready()
        return Loop(calls, ChunkSource(chunks, calls.ready), initial_state, on_visit)

    def _checked_policy(self, policy: Any) -> Policy:
        if isinstance(policy, type) or not isinstance(policy, Policy):
            raise RunError(f"policy={shown(policy)}: give an object such as tgcarry.ExactSweep()")
        if policy.revisits:
            _check_redraws(self._chunk, str(policy))
        return policy


def _check_redraws(chunk: ChunkGraph, who: str) -> None:
    """Refuses to visit a chunk twice whose second visit would not compute what the first did."""
    if chunk.random_ops:
        raise RunError(
            f"{who} visits chunks again, but {', '.join(chunk.random_ops[:3])} would "
            f"draw other numbers (or the next element) then: draw with tf.random.stateless_* "
            f"from a placeholder 'seed' in feeds, or take Truncated() or Stale()"
        )


def _check_fed(chunk: ChunkGraph, feed_dict: Mapping[tf.Tensor, Any]) -> None:
    given = {tensor.name for tensor in feed_dict}
    missing = [tensor.name for tensor in chunk.unfed if tensor.name not in given]
    if missing:
        raise RunError(
            f"Runner: nothing feeds {', '.join(missing)}: name the data's arrays in "
            f"build_chunk(feeds=), or give a constant in Runner(feed_dict=)"
        )


def _check_session(chunk: ChunkGraph, session: Any) -> None:
    if session is not None and getattr(session, "graph", chunk.graph) is not chunk.graph:
        raise RunError("Runner(session=): it runs another graph; open it on the chunk's graph")


def _check_finite(variables: Mapping[str, np.ndarray]) -> None:
    bad = [name for name, value in variables.items() if not np.isfinite(value).all()]
    if bad:
        raise NumericsError(
            f"the gradient of {', '.join(bad)} is not finite: look for a division by zero, or the "
            f"root or logarithm of zero, on the way to the loss"
        )


def _report(step: int, visits: Sequence[Done], norm: float, seconds: float) -> Report:
    metrics: dict[str, float] = {}
    for done in visits:
        add_metrics(metrics, done.visit.metrics)
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
