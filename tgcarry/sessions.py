"""The runner's session: a new one or a user's, with the hooks that are called in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.carry_hook import CarryHook
from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import shown
from tgcarry.errors import RunError
from tgcarry.hooks import VisitHooks, Visits, check_fed
from tgcarry.monitored import MonitoredVisits, is_monitored


class HeldSession:
    """Opens a session, or takes a user's, and tells hooks of it.

    Args:
      chunk: the graph.
      session: a user's open session, which stays open; None for a new one.
      config: `tf.ConfigProto` of a new session.
      scaffold: `tf.train.Scaffold` of a new session; with hooks TensorFlow's own by default.
      hooks: to be called, or None.

    Raises:
      RunError: arguments that exclude one another, or a session on another graph.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        session: Any = None,
        config: tf.ConfigProto | None = None,
        scaffold: tf.train.Scaffold | None = None,
        hooks: VisitHooks | None = None,
    ) -> None:
        _check_session(chunk.graph, session, scaffold, hooks)
        self._chunk = chunk
        self._given = session
        self._config = config
        self._scaffold = tf.train.Scaffold() if scaffold is None and hooks else scaffold
        self._hooks = hooks
        self._finalized = False
        self.session: Any = None
        """As the user sees it; None while it is not open."""
        self.raw: Any = None
        """The one without hooks of its own."""
        self.visits: Visits | None = None
        """Sees the visits that train; None if nobody does."""

    def open(self) -> None:
        """Opens it and initialises what is the runner's to initialise."""
        try:
            self._open()
        except BaseException:
            self.close(failed=True)
            raise

    def _open(self) -> None:
        graph, hooks = self._chunk.graph, self._hooks
        if self._given is None:
            if hooks is not None and not graph.finalized:
                hooks.begin()
            self.session = new_session(graph, self._config, self._scaffold)
            self._finalized = graph.finalized
        else:
            if hooks is not None:
                begin_late(hooks, graph, self._given)
            self.session = self._given
        self.raw, self.visits = self.session, hooks
        if is_monitored(self.session):
            monitored = MonitoredVisits(self.session)
            self.raw, self.visits = monitored.raw, monitored
        self.raw.run(self._chunk.updates.initialize)
        if hooks is not None:
            hooks.opened(self.session)

    def close(self, failed: bool = False) -> None:
        """Closes it, unless it was given; after a failure hooks are not told of the end."""
        session, self.session = self.session, None
        try:
            if self._hooks is not None and session is not None:
                self._hooks.closing(failed)
        finally:
            if session is not None and self._given is None:
                session.close()
            if self._finalized:
                tf1.unfinalize(self._chunk.graph)
            self._finalized = False


def visit_hooks(
    hooks: Iterable[Any], chunk: ChunkGraph, feed_dict: Mapping[tf.Tensor, Any], revisits: bool
) -> VisitHooks | None:
    """Makes the hooks of a runner; None for none.

    Raises:
      RunError: no hooks, or a placeholder that neither data nor constants nor a hook may feed.
    """
    if isinstance(hooks, tf.train.SessionRunHook) or not isinstance(hooks, Iterable):
        raise RunError(f"Runner(hooks={shown(hooks)}): give a list of tf.train.SessionRunHook")
    hooks = list(hooks)
    if any(isinstance(hook, CarryHook) for hook in hooks):
        raise RunError(
            "Runner(hooks=[CarryHook(...)]): the runner carries by itself; a CarryHook is for the "
            "loop of a MonitoredSession"
        )
    given = {tensor.name for tensor in feed_dict}
    unfed = [tensor for tensor in chunk.unfed if tensor.name not in given]
    if not hooks or revisits:
        check_fed(tensor.name for tensor in unfed)
    if not hooks:
        return None
    frozen = [chunk.loss, *tf.nest.flatten(chunk.final_state)] if revisits else []
    return VisitHooks(hooks, chunk.graph, frozen, unfed)


def new_session(graph: tf.Graph, config: Any, scaffold: Any = None) -> Any:
    """Opens a session in which every variable and table is initialised.

    Args:
      graph: to be run.
      config: `tf.ConfigProto` or None.
      scaffold: `tf.train.Scaffold` that says how, and finalizes the graph; None for TensorFlow's
        own initialisers.

    Raises:
      RunError: the graph is finalized, or the scaffold leaves a variable without a value.
    """
    if graph.finalized:
        raise RunError(
            "Runner: the graph is finalized, so that no initialiser can be added: give the "
            "session= that it was finalized for"
        )
    with graph.as_default():
        if scaffold is None:
            init = tf.group(
                tf.global_variables_initializer(),
                tf.local_variables_initializer(),
                tf.tables_initializer(),
            )
            session = tf.Session(graph=graph, config=config)
            session.run(init)
            return session
        try:
            return tf.train.ChiefSessionCreator(scaffold, config=config).create_session()
        except RuntimeError as error:
            raise RunError(
                f"Runner(scaffold=): {' '.join(str(error).split())}: have init_op, init_fn and "
                f"local_init_op give every variable a value (chunk.updates.initialize does so "
                f"for the runner's own)"
            ) from error


def begin_late(hooks: VisitHooks, graph: tf.Graph, session: Any) -> None:
    """Lets hooks add to the graph of a session that is open, and initialises what they add.

    Raises:
      RunError: the graph is finalized, and they have something to add.
    """
    with graph.as_default():
        before = {variable.op.name for variable in _variables()}
        try:
            hooks.begin()
        except RuntimeError as error:
            if not graph.finalized:
                raise
            raise RunError(
                "Runner(hooks=, session=): the graph is finalized, and the hooks have to add to "
                "it: give the hooks to what finalized it, or leave session= out"
            ) from error
        added = [v.initializer for v in _variables() if v.op.name not in before]
    if added:
        session.run(added)


def _variables() -> list[tf.Variable]:
    return [*tf.global_variables(), *tf.local_variables()]


def _check_session(graph: tf.Graph, session: Any, scaffold: Any, hooks: Any) -> None:
    if scaffold is not None and not isinstance(scaffold, tf.train.Scaffold):
        raise RunError(f"Runner(scaffold={shown(scaffold)}): give a tf.train.Scaffold")
    if session is None:
        return
    if getattr(session, "graph", graph) is None:
        raise RunError("Runner(session=): the MonitoredSession is closed; give one that is open")
    if getattr(session, "graph", graph) is not graph:
        raise RunError("Runner(session=): it runs another graph; open it on the chunk's graph")
    if scaffold is not None:
        raise RunError(
            "Runner(session=, scaffold=): a session that is open has its values; give the "
            "scaffold to what opened it, or leave session= out"
        )
    if hooks is not None and is_monitored(session):
        raise RunError(
            "Runner(session=, hooks=): a MonitoredSession calls hooks by itself; give them to it"
        )
