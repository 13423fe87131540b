"""Hyperparameters as the protocol buffer `HParamDef` that TensorFlow 1 wrote."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any

from tgcarry.errors import DataError

# TensorFlow installs the package; it comes without types.
descriptor_pb2 = importlib.import_module("google.protobuf.descriptor_pb2")
descriptor_pool = importlib.import_module("google.protobuf.descriptor_pool")
message_factory = importlib.import_module("google.protobuf.message_factory")

_PACKAGE = "tensorflow"
_MESSAGE = "HParamDef"
_Field = descriptor_pb2.FieldDescriptorProto

# Type to the field's name, its type and the numbers of the single value and of the list.
# A bool is an int too, so it stands first.
_KINDS: dict[Any, tuple[str, Any, int, int]] = {
    bool: ("bool", _Field.TYPE_BOOL, 7, 8),
    int: ("int64", _Field.TYPE_INT64, 1, 4),
    (str, bytes): ("bytes", _Field.TYPE_BYTES, 3, 6),
    float: ("float", _Field.TYPE_FLOAT, 2, 5),
}


def encoded(values: Mapping[str, Any], types: Mapping[str, tuple[type, bool]]) -> Any:
    """Returns hyperparameters as a message.

    Args:
      values: name to value.
      types: name to the type of the value, or of a list's elements, and whether it is a list.

    Raises:
      DataError: a value that is no number, bool or text.
    """
    message = _message_class()()
    for name, value in values.items():
        kind, is_list = types[name]
        field = _field(name, kind)
        stored = [_raw(one) for one in value] if is_list else _raw(value)
        if is_list:
            getattr(message.hparam[name], f"{field}_list").value.extend(stored)
        else:
            setattr(message.hparam[name], f"{field}_value", stored)
    return message


def decoded(message: Any) -> dict[str, Any]:
    """Returns name to value from a message.

    Raises:
      DataError: something else than an `HParamDef`.
    """
    descriptor = getattr(message, "DESCRIPTOR", None)
    if getattr(descriptor, "full_name", None) != f"{_PACKAGE}.{_MESSAGE}":
        raise DataError(f"hparam_def is {message!r}: give what HParams.to_proto returns")
    return {name: _value(entry) for name, entry in message.hparam.items()}


def _value(entry: Any) -> Any:
    field = entry.WhichOneof("kind")
    stored = getattr(entry, field)
    if field.endswith("_list"):
        return [_text(one) for one in stored.value]
    return _text(stored)


def _field(name: str, kind: type) -> str:
    for types, (field, *_) in _KINDS.items():
        if issubclass(kind, types):
            return field
    raise DataError(f"hyperparameter {name!r} is of type {kind}: a protocol buffer cannot hold it")


def _raw(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@functools.cache
def _message_class() -> Any:
    """Makes the message's class in a pool of its own: TensorFlow 1's file is not shipped."""
    file = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/contrib/training/python/training/hparam.proto",
        package=_PACKAGE,
        syntax="proto3",
    )
    outer = file.message_type.add(name=_MESSAGE)
    path = f".{_PACKAGE}.{_MESSAGE}"
    value = outer.nested_type.add(name="HParamType")
    value.oneof_decl.add(name="kind")
    for field, kind, single, several in _KINDS.values():
        listed = outer.nested_type.add(name=f"{field.capitalize()}List")
        listed.field.add(name="value", number=1, label=_Field.LABEL_REPEATED, type=kind)
        _add(value, f"{field}_value", single, kind)
        _add(value, f"{field}_list", several, _Field.TYPE_MESSAGE, f"{path}.{listed.name}")
    entry = outer.nested_type.add(name="HparamEntry")
    entry.options.map_entry = True
    for name, number, kind, of in (
        ("key", 1, _Field.TYPE_STRING, None),
        ("value", 2, _Field.TYPE_MESSAGE, f"{path}.HParamType"),
    ):
        entry.field.add(
            name=name, number=number, label=_Field.LABEL_OPTIONAL, type=kind, type_name=of
        )
    outer.field.add(
        name="hparam",
        number=1,
        label=_Field.LABEL_REPEATED,
        type=_Field.TYPE_MESSAGE,
        type_name=f"{path}.{entry.name}",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{_MESSAGE}"))


def _add(message: Any, name: str, number: int, kind: Any, type_name: str | None = None) -> None:
    """Adds one of the fields of which a hyperparameter has exactly one."""
    message.field.add(
        name=name,
        number=number,
        label=_Field.LABEL_OPTIONAL,
        type=kind,
        type_name=type_name,
        oneof_index=0,
    )
