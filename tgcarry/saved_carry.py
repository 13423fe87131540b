"""A carry in the graph's variables, so that a checkpoint of the weights holds it too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf


class SavedCarry:
    """Keeps a state and a gradient in global variables that are not trained.

    Their number of streams is open, and 0 while nothing was carried: a graph need not know it,
    and a checkpoint from before the first run says so.

    Args:
      ports: placeholders like the state and the gradient.
      name: scope of the variables, `name/state_0`, ..., `name/gradient_0`, ...
    """

    def __init__(self, ports: Any, name: str) -> None:
        self._ports = ports
        self._session: Any = None
        with tf.name_scope(None), tf.variable_scope(tf.VariableScope(reuse=False)):
            self._state = _variables(ports.initial_state, f"{name}/state")
            self._gradient = _variables(ports.upstream, f"{name}/gradient")
            self._values = [
                tf.placeholder(v.dtype, v.shape) for v in (*self._state, *self._gradient)
            ]
            self._put = tf.group(*_assign([*self._state, *self._gradient], self._values))

    def write(
        self, state: Sequence[tf.Tensor], gradient: Sequence[tf.Tensor] | None = None
    ) -> tf.Operation:
        """Makes the operation that keeps a run's outcome; a gradient that is None stays."""
        found = _assign(self._state, state)
        if gradient is not None:
            found += _assign(self._gradient, gradient)
        return tf.group(*found, name="keep_carry")

    def take_up(self, session: tf.Session) -> tuple[Any, Any]:
        """Returns what a session's variables hold, and writes there from now on.

        Returns:
          State and gradient as nests of arrays; two None if nothing was carried yet.
        """
        self._session = session
        state, gradient = session.run([self._state, self._gradient])
        rows = len(state[0])
        if not rows:
            return None, None
        if not len(gradient[0]):
            gradient = [np.zeros([rows, *leaf.shape[1:]], leaf.dtype) for leaf in gradient]
        return _pack(self._ports.initial_state, state), _pack(self._ports.upstream, gradient)

    def put(self, state: Any, gradient: Any) -> None:
        """Writes a carry that was changed outside of a run, if there is a session."""
        if self._session is not None:
            values = [*tf.nest.flatten(state), *tf.nest.flatten(gradient)]
            self._session.run(self._put, dict(zip(self._values, values, strict=True)))

    def let_go(self) -> None:
        """Forgets the session."""
        self._session = None


def _variables(ports: Any, name: str) -> list[tf.Variable]:
    def empty(port: tf.Tensor) -> tf.Tensor:
        return tf.zeros([0, *port.shape.as_list()[1:]], port.dtype)

    return [
        tf.Variable(
            lambda port=port: empty(port),
            trainable=False,
            name=f"{name}_{place}",
            shape=[None, *port.shape.as_list()[1:]],
            dtype=port.dtype,
            use_resource=True,
        )
        for place, port in enumerate(tf.nest.flatten(ports))
    ]


def _assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> list[tf.Operation]:
    return [
        variable.assign(value, read_value=False)
        for variable, value in zip(variables, values, strict=True)
    ]


def _pack(structure: Any, leaves: Sequence[np.ndarray]) -> Any:
    return tf.nest.pack_sequence_as(structure, leaves)
