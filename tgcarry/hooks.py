"""Session hooks around the visits that train, called as TensorFlow 1's monitored session does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.data.wording import shown
from tgcarry.errors import RunError

# Options of which TensorFlow takes the larger one of two; others are joined.
_LARGER = ("trace_level", "timeout_in_ms", "inter_op_thread_pool")
_GRACE_SECONDS = 120
# The kinds of session call that are backward visits.
BACKWARD = (
    "gather",
    "gather kept",
    "gather predicted",
    "learn predicted",
    "step",
    "step predicted",
)


class Visits(Protocol):
    """Is told of the visits that train, and makes their session calls."""

    def takes(self, kind: str) -> bool:
        """Says whether session calls of a kind are made by `prepared`."""
        ...

    def before(self, fetches: Any, feed_dict: Mapping[tf.Tensor, Any]) -> bool:
        """Is called before a visit; False ends the training there."""
        ...

    def prepared(
        self,
        kind: str,
        session: Any,
        fetches: Sequence[tf.Tensor],
        targets: Sequence[tf.Operation],
        feeds: Sequence[tf.Tensor],
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """Prepares a session call of a kind, as `tf1.prepared_call` does."""
        ...

    def after(self) -> None:
        """Is called behind a visit; behind the optimiser's step, if one follows it."""
        ...

    @property
    def stop_requested(self) -> bool:
        """Says whether the training is to end with the optimiser's next step."""
        ...


class VisitHooks:
    """Calls hooks around each visit that trains, in TensorFlow 1's order.

        begin                                        before the session exists
        after_create_session                         when its variables have values
        before_run, session.run, after_run           for every backward visit
        end                                          before the session is closed

    A hook's own fetches and feeds are merged into the visit's session call. Behind a sweep's last
    visit `after_run` waits for the optimiser's step, so that hooks see both as one run:
    `global_step` is counted up by the last visit of a sweep, and by no other. As in TensorFlow, a
    `StopIteration` out of `before_run` ends the training, and after an error neither `after_run`
    nor `end` is called. Not included: visits that do not train, forward ones,
    and those that correct what was missed in predicting.

    Args:
      hooks: of `tf.train.SessionRunHook`.
      graph: the chunk's.
      frozen: tensors that a second visit has to find as the first did; no hook may feed what
        they depend on.
      unfed: placeholders that hooks have to feed.

    Raises:
      RunError: something else than a hook.
    """

    def __init__(
        self,
        hooks: Iterable[tf.train.SessionRunHook],
        graph: tf.Graph,
        frozen: Sequence[tf.Tensor] = (),
        unfed: Sequence[tf.Tensor] = (),
    ) -> None:
        self._hooks = list(hooks)
        for hook in self._hooks:
            _check_hook(hook)
        self._graph = graph
        self._frozen = tf1.operations_before(frozen)
        self._unfed = list(unfed)
        self._coordinator: Any = None
        self._session: Any = None
        self._context: Any = None
        self._asked: dict[Any, Any] = {}
        self._feeds: dict[tf.Tensor, Any] = {}
        self._options: Any = None
        self._got: tuple[dict[Any, Any], Any] | None = None
        self._stopped = False

    def begin(self) -> None:
        """Lets the hooks add to the graph."""
        with self._graph.as_default():
            for hook in self._hooks:
                hook.begin()

    def opened(self, session: Any) -> None:
        """Tells the hooks of a session that is ready."""
        self._session, self._stopped = session, False
        self._coordinator = tf.train.Coordinator(clean_stop_exception_types=[])
        with self._graph.as_default():
            for hook in self._hooks:
                hook.after_create_session(session, self._coordinator)

    def closing(self, failed: bool) -> None:
        """Tells the hooks, unless something failed, that the session will be closed."""
        try:
            if self._session is not None and not failed:
                with self._graph.as_default():
                    for hook in self._hooks:
                        hook.end(self._session)
        finally:
            self._session = self._context = self._got = None
            if self._coordinator is not None:
                self._coordinator.request_stop()
                self._coordinator.join((), _GRACE_SECONDS, ignore_live_threads=True)

    @property
    def stop_requested(self) -> bool:
        """Says whether a hook asked for the end since the session was opened."""
        return self._stopped

    def takes(self, kind: str) -> bool:
        """Says that backward visits are the hooks'; the optimiser's own call is none."""
        return kind in BACKWARD

    def before(self, fetches: Any, feed_dict: Mapping[tf.Tensor, Any]) -> bool:
        """Asks the hooks what they want of the visit that comes next.

        Args:
          fetches: what the visit is for, as the hooks are told.
          feed_dict: the chunk's data.

        Returns:
          False if a hook ended the training.

        Raises:
          RunError: two hooks feed the same tensor, or one that may not be fed.
        """
        original = tf.train.SessionRunArgs(fetches, dict(feed_dict))
        self._context = tf.train.SessionRunContext(original, self._session)
        self._asked, self._feeds, self._options, self._got = {}, {}, None, None
        try:
            with self._graph.as_default():
                for hook in self._hooks:
                    self._ask(hook)
        except (StopIteration, tf.errors.OutOfRangeError):
            self._stopped = True
            return False
        self._check_unfed()
        return True

    def prepared(
        self,
        kind: str,
        session: Any,
        fetches: Sequence[tf.Tensor],
        targets: Sequence[tf.Operation],
        feeds: Sequence[tf.Tensor],
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """Prepares a visit's session call, into which the hooks' wishes are merged."""
        wanted, feeds = [*fetches, *targets], list(feeds)

        def call(values: Sequence[Any]) -> list[Any]:
            feed_dict = _merged(dict(zip(feeds, values, strict=True)), self._feeds)
            asked = {"visit": wanted, **self._asked}
            metadata = tf.RunMetadata()
            if self._options is None:
                got = session.run(asked, feed_dict)
            else:
                got = session.run(asked, feed_dict, self._options, metadata)
            self._got = got, metadata
            return list(got["visit"][: len(fetches)])

        return call

    def after(self) -> None:
        """Gives the hooks what they asked for, if a visit was made since they were."""
        if self._got is None:
            return
        (results, metadata), self._got = self._got, None
        options = tf.RunOptions() if self._options is None else self._options
        with self._graph.as_default():
            for hook in self._hooks:
                mine = tf.train.SessionRunValues(results.get(hook), options, metadata)
                hook.after_run(self._context, mine)
        self._stopped = self._stopped or self._context.stop_requested

    def _ask(self, hook: tf.train.SessionRunHook) -> None:
        request = hook.before_run(self._context)
        if request is None:
            return
        if request.fetches is not None:
            self._asked[hook] = request.fetches
        for tensor in request.feed_dict or ():
            if tensor.op in self._frozen:
                raise RunError(
                    f"Runner(hooks=): {type(hook).__name__} feeds {tensor.name}, which the chunk "
                    f"depends on, at backward visits alone; a policy that visits chunks again "
                    f"needs the same at every visit: give it in Runner(feed_dict=), or take "
                    f"Truncated() or Stale()"
                )
        self._feeds = _merged(self._feeds, request.feed_dict or {})
        if request.options:
            self._options = _merged_options(self._options, request.options)

    def _check_unfed(self) -> None:
        given = {tensor.name for tensor in self._feeds}
        check_fed((t.name for t in self._unfed if t.name not in given), "or have a hook feed it")


def check_fed(missing: Iterable[str], remedy: str = "", who: str = "Runner") -> None:
    """Refuses placeholders that nothing feeds."""
    names = list(missing)
    if names:
        raise RunError(
            f"{who}: nothing feeds {', '.join(names)}: name the data's arrays in "
            f"build_chunk(feeds=), or give a constant in {who}(feed_dict=){', ' * bool(remedy)}"
            f"{remedy}"
        )


def _merged(feeds: Mapping[tf.Tensor, Any], more: Mapping[tf.Tensor, Any]) -> dict[tf.Tensor, Any]:
    twice = {tensor.name for tensor in feeds} & {tensor.name for tensor in more}
    if twice:
        raise RunError(
            f"Runner(hooks=): {', '.join(sorted(twice))} is fed twice, by a hook and by another "
            f"one or the runner: leave it to one of them"
        )
    return {**feeds, **more}


def _merged_options(options: Any, more: Any) -> Any:
    merged = tf.RunOptions()
    if options is not None:
        merged.CopyFrom(options)
    larger = {name: max(getattr(merged, name), getattr(more, name)) for name in _LARGER}
    merged.MergeFrom(more)
    for name, value in larger.items():
        setattr(merged, name, value)
    return merged


def _check_hook(hook: Any) -> None:
    if not isinstance(hook, tf.train.SessionRunHook):
        raise RunError(f"Runner(hooks=[{shown(hook)}]): give objects of tf.train.SessionRunHook")
