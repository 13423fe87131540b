"""Hyperparameters by name, with types that their first values give."""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping
from typing import Any

from tgcarry.errors import DataError
from tgcarry.legacy.training import hparams_message
from tgcarry.legacy.training.assignments import parse_values


class HParams:
    """Holds hyperparameters as attributes.

    Args:
      hparam_def: an `HParamDef` protocol buffer that gives names and values, instead of
        `kwargs`.
      model_structure: anything, kept for `get_model_structure`.
      **kwargs: name to value: int, float, bool, str, None, or a list of one of these.

    Raises:
      DataError: a name is reserved, a list empty, or `hparam_def` of another type or not alone.

    Source: TensorFlow 1.15 `tf.contrib.training.HParams`.
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        if hparam_def and kwargs:
            raise DataError(f"got hparam_def and {sorted(kwargs)}: give one or the other")
        self._hparam_types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        values = hparams_message.decoded(hparam_def) if hparam_def else kwargs
        for name, value in values.items():
            self.add_hparam(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"HParams has no {name!r}; add_hparam({name!r}, value) adds it")

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a hyperparameter.

        Raises:
          DataError: the name is taken or reserved, or the value an empty list.
        """
        if getattr(self, name, None) is not None:
            raise DataError(f"hyperparameter {name!r} exists or is reserved: take another name")
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise DataError(f"hyperparameter {name!r} is an empty list: give it an element")
        self._hparam_types[name] = (type(value[0] if is_list else value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Sets a hyperparameter that exists.

        Raises:
          KeyError: there is none of that name.
          DataError: the value is of another type.
        """
        kind, is_list = self._hparam_types[name]
        if isinstance(value, list) != is_list:
            rule = "Must pass a list" if is_list else "Must not pass a list"
            raise DataError(f"{rule} for hyperparameter {name!r}, but got {value!r}")
        setattr(self, name, _cast(name, kind, value))

    def del_hparam(self, name: str) -> None:
        """Removes a hyperparameter if there is one of that name."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> HParams:
        """Sets hyperparameters from `name=value,...`; see `parse_values`. Returns itself."""
        types = {name: kind for name, (kind, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, types))

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> HParams:
        """Sets hyperparameters by name and returns itself."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map: Mapping[str, Any]) -> HParams:
        """Is the older name of `override_from_dict`."""
        return self.override_from_dict(values_map)

    def parse_json(self, values_json: str) -> HParams:
        """Sets hyperparameters from a JSON object and returns itself."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """Returns the hyperparameters as a JSON object; see `json.dumps` for the arguments."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def to_proto(self, export_scope: Any = None) -> Any:
        """Returns the hyperparameters as an `HParamDef` protocol buffer.

        Raises:
          DataError: a value that such a buffer cannot hold.
        """
        return hparams_message.encoded(self.values(), self._hparam_types)

    @staticmethod
    def from_proto(hparam_def: Any, import_scope: Any = None) -> HParams:
        """Returns the hyperparameters of an `HParamDef` protocol buffer."""
        return HParams(hparam_def=hparam_def)

    def values(self) -> dict[str, Any]:
        """Returns name to value."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a value, or `default` if there is none of that name.

        Raises:
          DataError: `default` is of another type than the hyperparameter.
        """
        if key not in self._hparam_types:
            return default
        kind, is_list = self._hparam_types[key]
        if default is not None:
            if isinstance(default, list) != is_list:
                raise DataError(f"default {default!r} for {key!r}: give one of its own type")
            _cast(key, kind, default)
        return getattr(self, key)

    def set_model_structure(self, model_structure: Any) -> None:
        """Keeps an object for `get_model_structure`."""
        self._model_structure = model_structure

    def get_model_structure(self) -> Any:
        """Returns the object that was kept."""
        return self._model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.values().items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.values().items())})"


def _cast(name: str, kind: type, value: Any) -> Any:
    """Returns a value, or a list's elements, as `kind`, if nothing is lost by that."""
    if isinstance(value, list):
        return [_cast(name, kind, element) for element in value]
    if type(value) is kind or kind is type(None):
        return value
    text = (str, bytes)
    fits = (
        issubclass(kind, bool) == isinstance(value, bool)
        and (not issubclass(kind, text) or isinstance(value, text))
        and (not issubclass(kind, numbers.Integral) or isinstance(value, numbers.Integral))
        and (not issubclass(kind, numbers.Number) or isinstance(value, numbers.Number))
    )
    if not fits:
        raise DataError(f"hyperparameter {name!r} = {value!r}: give a value of type {kind}")
    return kind(value)
