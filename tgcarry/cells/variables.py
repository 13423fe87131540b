"""A cell's variables: found under one scope, made at the first call, listed for optimisers.

The rules are TensorFlow 1's, because checkpoints hold the names they make.
"""

from __future__ import annotations

import contextlib
import copy
import re
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError

_names_taken: weakref.WeakKeyDictionary[Any, Counter[str]] = weakref.WeakKeyDictionary()


def default_name(cls: type) -> str:
    """Returns the variable scope that a class gets by default: `GRUCell` makes `gru_cell`."""
    # Two passes, as 1.15 makes them: where they disagree with a nicer rule, checkpoints
    # hold the names of these.
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", cls.__name__)
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    return f"private{words}" if words.startswith("_") else words


def _numbered(base: str) -> str:
    taken = _names_taken.setdefault(tf.get_default_graph(), Counter())
    taken[base] += 1
    return f"{base}_{taken[base]}"


def is_trainable(variable: Any) -> bool:
    """Tells whether a variable, whole or in parts, is one that optimisers see by default."""
    if not hasattr(variable, "trainable") and not tf.is_tensor(variable):
        variable = next(iter(variable), None)
    return bool(getattr(variable, "trainable", False))


def add_once(where: list[Any], variable: Any) -> None:
    """Appends a variable to a list unless that very object is there already."""
    if all(variable is not known for known in where):
        where.append(variable)


class ScopedVariables:
    """Is something with a name, a variable scope of its own, and variables in it.

    It finds the scope at the first use and goes back to it ever after.

    Args: see `RNNCell`, which adds the recurrence.
    """

    def __init__(
        self, trainable: bool = True, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        self._reuse = kwargs.pop("_reuse", None)
        scope = kwargs.pop("_scope", None)
        if kwargs:
            raise TypeError(
                f"{type(self).__name__} does not know the argument {next(iter(kwargs))!r}: "
                f"remove it (RNNCell takes trainable, name and dtype)"
            )
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name={name!r} is not a string: pass e.g. name='encoder_cell'")
        self.trainable = trainable
        self.built = False
        self._base_name = name or default_name(type(self))
        self._name = name or _numbered(self._base_name)
        self._dtype = None if dtype is None else tf.as_dtype(dtype).base_dtype
        self._trainable_weights: list[Any] = []
        self._non_trainable_weights: list[Any] = []
        self._built_in: Any = None
        self._scope: Any = None
        self._around: Any = None
        if scope:
            with tf.variable_scope(scope) as captured:
                self._scope = captured

    @property
    def name(self) -> str:
        """The name given, or the class name in snake case with a number."""
        return self._name

    @property
    def scope_name(self) -> str:
        """The variable scope found at the first call; CellError before it."""
        if self._scope is None:
            raise CellError(f"{self._name} has no variable scope yet: call the cell first")
        return str(self._scope.name)

    @property
    def dtype(self) -> tf.DType | None:
        """The variables' dtype; None while it waits for the first inputs."""
        return self._dtype

    @property
    def reuse(self) -> Any:
        """The constructor's `reuse`: None, True or `tf.AUTO_REUSE`."""
        return self._reuse

    @reuse.setter
    def reuse(self, value: Any) -> None:
        self._reuse = value

    @property
    def trainable_weights(self) -> list[Any]:
        """The variables that optimisers see, in order of creation."""
        return list(self._trainable_weights) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other variables; all of them if the cell is not trainable."""
        hidden = [] if self.trainable else self._trainable_weights
        return [*hidden, *self._non_trainable_weights]

    @property
    def weights(self) -> list[Any]:
        """All variables, the trainable ones first."""
        return self.trainable_weights + self.non_trainable_weights

    @property
    def trainable_variables(self) -> list[Any]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def variables(self) -> list[Any]:
        """The same as `weights`."""
        return self.weights

    # Their values in a session.

    def get_weights(self) -> list[Any]:
        """Returns the values of `weights` in the default session, as arrays."""
        values: list[Any] = self._session("get_weights").run(self.weights)
        return values

    def set_weights(self, values: Any) -> None:
        """Puts arrays into `weights`, in their order, in the default session.

        Raises:
          CellError: not one array for each variable, or no session to put them into.
          ValueError: an array of another shape than its variable, as TensorFlow raises it.
        """
        session = self._session("set_weights")
        if len(values) != len(self.weights):
            raise CellError(
                f"{self._name}.set_weights got {len(values)} arrays for {len(self.weights)} "
                f"variables: pass one for each of cell.weights"
            )
        for variable, value in zip(self.weights, values, strict=True):
            variable.load(value, session)

    def _session(self, asking: str) -> Any:
        session = tf.get_default_session()
        if session is None:
            raise CellError(f"{self._name}.{asking} needs a session: `with tf.Session():`")
        return session

    # The scope and the variables in it.

    def _find_scope(self, scope: Any) -> None:
        if self._scope is not None:
            return
        if self._reuse:
            found = tf.variable_scope(self._base_name if scope is None else scope)
        else:
            found = tf.variable_scope(scope, default_name=self._base_name)
        with found as captured:
            self._scope = captured

    @contextlib.contextmanager
    def _own_scope(self, scope: Any = None) -> Iterator[Any]:
        self._find_scope(scope)
        reuse = True if self.built else self._reuse
        # The operations go back to the name scope of the first call too.
        with (
            tf.variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as current,
            tf.name_scope(current.original_name_scope),
        ):
            yield current

    def _tracking_getter(self, getter: Any, *args: Any, **kwargs: Any) -> Any:
        variable = getter(*args, **kwargs)
        self._track(variable)
        return variable

    def _track(self, variable: Any) -> None:
        trainable = is_trainable(variable)
        add_once(self._trainable_weights if trainable else self._non_trainable_weights, variable)

    def add_variable(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Makes, or finds again, a variable under the cell's scope; for use in `build`.

        Args:
          name: str, relative to the scope; may hold slashes.
          shape: the variable's.
          dtype: by default the cell's, else float32.
          initializer: by default the variable scope's, else Glorot uniform.
          regularizer: function from the variable to a loss, or None.
          trainable: by default the cell's.
          **kwargs: passed to `tf.get_variable`.

        Returns:
          The variable.
        """
        with self._own_scope():
            variable = tf.get_variable(
                name,
                shape,
                dtype=tf.as_dtype(dtype or self._dtype or tf.float32).base_dtype,
                initializer=initializer,
                regularizer=regularizer,
                trainable=(trainable is not False) and self.trainable,
                **kwargs,
            )
        self._track(variable)
        return variable

    def add_weight(self, name: str, shape: Any, *args: Any, **kwargs: Any) -> Any:
        """Does what `add_variable` does, under Keras' name for it."""
        return self.add_variable(name, shape, *args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> ScopedVariables:
        # Tensors, variables and scopes belong to the graph: a copy refers to the same ones.
        shared = [self._scope, self._around, self._built_in, *self._trainable_weights]
        shared += self._non_trainable_weights
        shared += [
            leaf
            for leaf in tf.nest.flatten(list(self.__dict__.values()))
            if tf.is_tensor(leaf) or isinstance(leaf, tf.Variable)
        ]
        memo.update((id(leaf), leaf) for leaf in shared if leaf is not None)
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        for key, value in self.__dict__.items():
            new.__dict__[key] = copy.deepcopy(value, memo)
        return new
