"""The session loop: obeys a policy's schedule and feeds each call's carry into another."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, cast

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import schedule, states
from tgcarry.budget import MemoryPlan
from tgcarry.calls import Calls
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk, check_chunk
from tgcarry.data.mending import bad_streams, mended
from tgcarry.data.wording import shown
from tgcarry.drive import BadNumbers, Drive, OnBadNumbers, always
from tgcarry.errors import DataError, RunError
from tgcarry.feeding import check_redraws, seed_apart
from tgcarry.hooks import Visits
from tgcarry.joint import JointDrive
from tgcarry.loop import Loop, OnVisit, with_next
from tgcarry.monitored import is_monitored
from tgcarry.peers import Peers, figures_of_all, sums_of_all
from tgcarry.planning import plan_memory, steps_for
from tgcarry.policies import ExactSweep, Policy, Synthetic
from tgcarry.position import Position
from tgcarry.reports import Evaluation, Gradients, Report, add_metrics, check_finite
from tgcarry.sessions import HeldSession, visit_hooks
from tgcarry.source import ChunkSource


class Runner:
    """Loops through chunks, carrying states forward and gradients where the policy says.

    Use it as a context manager. Without a session of yours it opens one and initialises all
    variables; with one it initialises only its own accumulators.

    A reset flag cuts a stream's state and gradient at the start of its chunk; everything
    begins at `initial_state`, zeros by default. Not included: epochs, shuffling, checkpoints.

    Args:
      chunk: of `build_chunk`.
      policy: `ExactSweep()`, another of `tgcarry.policies`, or one of your own.
      session: an open session on the chunk's graph; closed by whoever opened it. The hooks of a
        `MonitoredSession` see the visits that train, and nothing else.
      config: `tf.ConfigProto` for a session of the runner's own.
      scaffold: `tf.train.Scaffold` that initialises a session of the runner's own.
      hooks: of `tf.train.SessionRunHook`, called around the visits that train (see
        `tgcarry.hooks.VisitHooks`). A stop that one asks for ends `run` with the next step.
      feed_dict: values fed at every call, such as a dropout rate.
      reduce: "sum" applies the sum of a sweep's chunk gradients (that of the whole window),
        "mean" divides it by the number of chunks, so that learning rate and clipping mean
        the same for every policy.
      seed: first half of the "seed" feed of chunks that ask for one.
      on_visit: called with (chunk number, visit) after each backward visit, for progress.
      on_rest: called between two visits of a sweep; `position` can be asked for then.
      on_nan: what becomes of a sweep where a number is not finite: "stop" raises its error,
        "skip" leaves the rest of it out, applies nothing of it and starts every stream from
        zeros behind it. A function of a `tgcarry.drive.BadNumbers` may say one or the other.
        Where it is said of a chunk's data, only the streams that they are in have no steps there.
      group: an open `tgcarry.Group` of processes that take every optimiser step together, each
        with streams of its own; None for this one alone.

    Raises:
      RunError: the chunk draws random numbers anew at each visit and the policy revisits; or
        hooks in a group.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        policy: Policy | None = None,
        *,
        session: Any = None,
        config: tf.ConfigProto | None = None,
        scaffold: tf.train.Scaffold | None = None,
        hooks: Iterable[tf.train.SessionRunHook] = (),
        feed_dict: Mapping[tf.Tensor, Any] | None = None,
        reduce: str = "sum",
        seed: int = 0,
        on_visit: OnVisit | None = None,
        on_rest: Callable[[], None] | None = None,
        on_nan: Literal["stop", "skip"] | OnBadNumbers = "stop",
        group: Peers | None = None,
    ) -> None:
        if not isinstance(chunk, ChunkGraph):
            raise RunError(f"Runner(chunk={shown(chunk)}): give what build_chunk returned")
        if reduce not in ("sum", "mean"):
            raise RunError(f"Runner(reduce={reduce!r}): give 'sum' or 'mean'")
        self._chunk = chunk
        self._group = group
        self._policy = self._checked_policy(ExactSweep() if policy is None else policy)
        self._reduce = reduce
        self._feed_dict = dict(feed_dict or {})
        called = visit_hooks(hooks, chunk, self._feed_dict, self._policy.revisits)
        if group is not None and (called is not None or is_monitored(session)):
            raise RunError(
                "Runner(group=): hooks and monitored sessions know nothing of the other ranks: "
                "leave them out"
            )
        self._held = HeldSession(chunk, session, config, scaffold, called)
        # Every rank draws numbers of its own.
        self._seed = seed if group is None else seed_apart(seed, group.rank)
        self._calls: Calls | None = None
        self._training_calls: Calls | None = None
        self._on_visit = on_visit
        self._on_rest = on_rest
        self._on_bad_numbers = _checked_on_nan(on_nan)
        self._drive: Drive | None = None
        self._told: set[int] = set()
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
        ended = (StopIteration, tf.errors.OutOfRangeError)
        self._close(failed=kind is not None and not issubclass(kind, ended))

    def open(self) -> None:
        """Opens the session and initialises what is the runner's to initialise."""
        if self._calls is not None:
            return
        held = self._held
        held.open()
        self._calls = self._training_calls = self._make_calls(None)
        if held.visits is not None:
            self._training_calls = self._make_calls(held.visits)

    def close(self) -> None:
        """Closes the session, unless it was given."""
        self._close(failed=False)

    @property
    def chunk(self) -> ChunkGraph:
        """The graph that this runs."""
        return self._chunk

    @property
    def policy(self) -> Policy:
        """Where this takes upstreams from."""
        return self._policy

    @property
    def session(self) -> Any:
        """The open session, to restore, save or look into variables."""
        self._ready()
        return self._held.session

    @property
    def state(self) -> Any:
        """The state behind the last chunk that was run, as a nest of arrays."""
        if self._state is None:
            raise RunError("Runner.state: nothing was run yet; iterate over run(...) first")
        return self._state

    def run(
        self,
        chunks: Iterable[Chunk],
        initial_state: Any = None,
        *,
        resume: Position | None = None,
    ) -> Iterator[Report]:
        """Trains on chunks and yields a report per optimiser step; work is done as you iterate.

        Args:
          chunks: a sequence (read again where the policy revisits, and one chunk ahead in a
            second thread) or any iterable (its chunks are then held until their backward visit).
          initial_state: nest of `[B, H]` arrays that the first chunk starts from; zeros if None.
          resume: where an earlier run stood, on the same chunks, from the first on, and under
            the same policy. Restore the variables of that moment before.

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
        start = Position(steps=self._steps) if resume is None else resume
        if resume is not None and initial_state is not None:
            raise RunError(
                "Runner.run(initial_state=, resume=): the position has a state; leave one out"
            )
        loop = self._loop(chunks, initial_state, self._on_visit, start)
        on_bad = self._on_bad_numbers
        plan = (loop, self._policy, self._reduce, start, self._on_rest, on_bad)
        self._drive = Drive(*plan) if self._group is None else JointDrive(self._group, *plan)
        return self._reports(self._drive, loop)

    def _reports(self, drive: Drive, loop: Loop) -> Iterator[Report]:
        if self._group is not None:
            with self._chunk.graph.as_default():
                self._group.align(self.session, tf.global_variables())
        for report in drive.reports():
            self._state, self._steps = loop.head, report.step
            yield report

    def stop(self) -> None:
        """Has `run` end after the visit that is being made; `position` says where that is.

        For callbacks and other threads, such as one that waits for a signal. Without a run that
        is under way nothing happens.
        """
        if self._drive is not None:
            self._drive.stop()

    @property
    def position(self) -> Position:
        """Where the last `run` stands, to go on from with `run(chunks, resume=)`.

        It can be asked for whenever `run` has yielded or ended, and in `on_rest`. Together with
        the graph's variables of the same moment it is all that it takes to end with the same
        weights, bit by bit, as without an interruption.

        Raises:
          RunError: in the middle of a visit.
        """
        return Position(steps=self._steps) if self._drive is None else self._drive.position

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
        loop.clip, loop.whole_norm = getattr(policy, "clip_norm", None), self._whole_norm
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
        loss, metrics, _ = figures_of_all(self._group, loss, metrics, 0)
        variables = sums_of_all(self._group, loop.calls.accumulated())
        loop.calls.clear()
        check_finite(variables)
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
        figures = figures_of_all(self._group, loss, metrics, time_steps)
        return Evaluation(*figures, loop.head)

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
        check_redraws(self._chunk, "Runner.carry_norms")
        for _, carries in self.carries(chunks, initial_state):
            return np.array([states.nest_norm(carry) for carry in carries])
        raise RunError("Runner.carry_norms: there was no chunk; give at least one")

    def carries(
        self,
        chunks: Iterable[Chunk],
        initial_state: Any = None,
        *,
        ends: Iterable[int] | None = None,
        depth: int | None = None,
    ) -> Iterator[tuple[int, list[Any]]]:
        """Carries single chunks' own losses back to the starts of the chunks before them.

            d loss_K / d s_{K-j}      j = 0, 1, ...

        with s_k the state that enters chunk k. Nothing is applied, whatever the policy.

        Args:
          chunks: as for `run`; all are read forwards first, and each state at a start is held.
          initial_state: as for `run`.
          ends: the chunks K; the last one if None.
          depth: most starts to carry back to; None for all.

        Yields:
          K, and a list of nests like the state, from chunk K's start on. Rows are zero where the
          stream started anew in between.

        Raises:
          RunError: there is no such chunk, or the graph draws random numbers anew at each visit.
        """
        check_redraws(self._chunk, "Runner.carries")
        entering = []
        with self._loop(chunks, initial_state) as loop:
            for index, _ in enumerate(loop.source.breaks()):
                entering.append(loop.enter(index))
                data = loop.source[index]
                loop.head = loop.beside(loop.calls.forward, data, entering[-1])
            for end in range(len(entering))[-1:] if ends is None else ends:
                if not 0 <= end < len(entering):
                    raise RunError(
                        f"Runner.carries(ends=): {end} of {len(entering)} chunks: count from 0"
                    )
                carry = loop.calls.own_gradient(loop.source[end], entering[end])
                found = [carry]
                first = 0 if depth is None else max(0, end - depth + 1)
                for index in range(end - 1, first - 1, -1):
                    carry = states.cut_rows(carry, loop.source.resets(index + 1))
                    carry = loop.calls.carry_back(loop.source[index], entering[index], carry)
                    found.append(carry)
                yield end, found

    def _close(self, failed: bool) -> None:
        self._calls = self._training_calls = None
        self._held.close(failed)

    def _make_calls(self, visits: Visits | None) -> Calls:
        return Calls(self._chunk, self._held.raw, self._feed_dict, self._seed, visits)

    def _ready(self) -> Calls:
        if self._calls is None:
            raise RunError("Runner: no open session; write `with Runner(...) as runner:`")
        return self._calls

    def _loop(
        self,
        chunks: Iterable[Chunk],
        initial_state: Any,
        on_visit: OnVisit | None = None,
        start: Position | None = None,
    ) -> Loop:
        """Makes a pass; one with a start trains, which hooks are told of."""
        calls = self._ready()
        if start is not None and self._training_calls is not None:
            calls = self._training_calls
        start = start or Position()
        source = ChunkSource(
            chunks,
            calls.ready,
            first=start.first,
            breaks=start.breaks.tolist(),
            resets=start.resets,
            idle=start.idle,
            mend=self._mended,
        )
        return Loop(calls, source, initial_state, on_visit)

    def _whole_norm(self, norm: float) -> float:
        """Returns the norm over all ranks' streams, given this rank's part of it."""
        return math.sqrt(figures_of_all(self._group, norm * norm, {}, 0)[0])

    def _mended(self, chunk: Chunk, index: int) -> Chunk:
        """Leaves out streams whose data are not finite, if that is what is wanted."""
        try:
            check_chunk(chunk, index)
        except DataError as error:
            if self._on_bad_numbers is None:
                raise
            readable = mended(chunk, index)
            if index not in self._told:
                if self._on_bad_numbers(BadNumbers(error, self._steps, None)) != "skip":
                    raise
                self._told.add(index)
                warnings.warn(
                    f"chunk {index} has numbers that are not finite: streams "
                    f"{np.flatnonzero(bad_streams(chunk)).tolist()} have no steps there",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return readable
        return chunk

    def _checked_policy(self, policy: Any) -> Policy:
        if isinstance(policy, type) or not isinstance(policy, Policy):
            raise RunError(f"policy={shown(policy)}: give an object such as tgcarry.ExactSweep()")
        if policy.revisits:
            check_redraws(self._chunk, str(policy))
        if isinstance(policy, Synthetic):
            self._check_synthetic(policy)
        return policy

    def _check_synthetic(self, policy: Synthetic) -> None:
        if self._chunk.synthetic is None:
            raise RunError(
                f"{policy} predicts upstreams, and the chunk has nothing to predict them with: "
                f"give build_chunk(..., synthetic=tgcarry.SyntheticGradient())"
            )


def _checked_on_nan(on_nan: Any) -> OnBadNumbers | None:
    if callable(on_nan):
        return cast(OnBadNumbers, on_nan)
    if on_nan not in ("stop", "skip"):
        raise RunError(f"Runner(on_nan={shown(on_nan)}): give 'stop', 'skip' or a function")
    return always if on_nan == "skip" else None
