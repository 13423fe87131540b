"""The visits that train, as a monitored session's own hooks see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import RunError
from tgcarry.hooks import BACKWARD

_APPLIES = ("apply", "apply and learn")


class MonitoredVisits:
    """Makes the visits that train through a `MonitoredSession`, so that its hooks see them.

    Everything else goes to the session behind it, past the hooks: what they fetch may need a
    chunk's data. A sweep's visits are runs of their own, and so is its optimiser's step, which is
    fed what the last visit was. Once the session is to stop, the rest of the sweep goes past the
    hooks, too. Not included: going on in a session that was recovered, whose accumulators and
    weights are other ones.

    Args:
      session: an open `tf.train.MonitoredSession` or `SingularMonitoredSession`.
    """

    def __init__(self, session: Any) -> None:
        self._monitored = session
        self.raw = raw_session(session)
        self._last_visit: dict[tf.Tensor, Any] = {}

    @property
    def stop_requested(self) -> bool:
        """Says whether the session is to stop."""
        return bool(self._monitored.should_stop())

    def takes(self, kind: str) -> bool:
        """Says that backward visits and the optimiser's call are the hooks'."""
        return kind in (*BACKWARD, *_APPLIES)

    def before(self, fetches: Any, feed_dict: Mapping[tf.Tensor, Any]) -> bool:
        """Does nothing: the session tells its hooks by itself."""
        return True

    def prepared(
        self,
        kind: str,
        session: Any,
        fetches: Sequence[tf.Tensor],
        targets: Sequence[tf.Operation],
        feeds: Sequence[tf.Tensor],
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """Prepares a session call that the session's hooks see as long as it is not to stop."""
        wanted, feeds = [*fetches, *targets], list(feeds)
        past_the_hooks = tf1.prepared_call(session, fetches, targets, feeds)

        def call(values: Sequence[Any]) -> list[Any]:
            if self.stop_requested:
                return past_the_hooks(values)
            fed = dict(zip(feeds, values, strict=True))
            if kind in _APPLIES:
                fed = {**self._last_visit, **fed}
            else:
                self._last_visit = fed
            return list(self._monitored.run(wanted, fed)[: len(fetches)])

        return call

    def after(self) -> None:
        """Refuses to go on if the session was recovered meanwhile.

        Raises:
          RunError: it was.
        """
        if raw_session(self._monitored) is not self.raw:
            raise RunError(
                "Runner(session=): the MonitoredSession was recovered, and its weights are those "
                "of its last checkpoint: open a new Runner on it, and go on from the chunk where "
                "that was written"
            )


def is_monitored(session: Any) -> bool:
    """Says whether a session calls hooks of its own."""
    return isinstance(session, tf.train.MonitoredSession | tf.train.SingularMonitoredSession)


def raw_session(session: Any) -> Any:
    """Returns the `tf.Session` behind a monitored one, which calls no hooks."""

    def behind(step_context: Any) -> Any:
        return step_context.session

    return session.run_step_fn(behind)
