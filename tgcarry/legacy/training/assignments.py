"""Assignments as a command line writes them: `name=1,list=[1,2],list[0]=3`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tgcarry.errors import DataError

_NAME = re.compile(r"([a-zA-Z][\w.]*)(?:\[\s*(\d+)\s*\])?\s*=\s*")
_END = re.compile(r"\s*(?:,\s*|$)")
_LIST = re.compile(r"\[([^\]]*)\]")
_SCALAR = re.compile(r"[^,\[]*")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


class _Clause(NamedTuple):
    name: str
    place: int | None
    text: str
    is_list: bool


def parse_values(
    values: str, type_map: Mapping[str, type], ignore_unknown: bool = False
) -> dict[str, Any]:
    """Reads assignments of numbers, booleans and strings.

    Args:
      values: str, `name=value` pairs with commas between them; a list is in brackets, and
        `name[index]=value` is one element of a list.
      type_map: name to the type of the value, or of a list's elements.
      ignore_unknown: whether to skip names that `type_map` does not have.

    Returns:
      Name to a value, a list of values, or a dict from indices to values.

    Raises:
      DataError: cannot be read, assigns twice, or names what is not in `type_map`.

    Source: TensorFlow 1.15 `tf.contrib.training.parse_values`.
    """
    found: dict[str, Any] = {}
    for clause in _clauses(values):
        if clause.name not in type_map:
            if ignore_unknown:
                continue
            raise DataError(
                f"Unknown hyperparameter type for {clause.name} in {values!r}: "
                "give it one in type_map, or define the hyperparameter"
            )
        reader = _reader(type_map[clause.name])
        try:
            value = _value(clause, reader)
        except ValueError as error:
            raise DataError(
                f"Could not parse {clause.name}={clause.text} in {values!r}: give a value of "
                f"type {type_map[clause.name].__name__}"
            ) from error
        _assign(found, clause, value, values)
    return found


def _clauses(values: str) -> Iterator[_Clause]:
    at = 0
    while at < len(values):
        name = _NAME.match(values, at)
        if name is None:
            raise DataError(f"cannot read {values[at:]!r}: write name=value,name=value")
        value = _LIST.match(values, name.end()) or _SCALAR.match(values, name.end())
        end = _END.match(values, value.end()) if value else None
        if value is None or end is None:
            raise DataError(f"cannot read {values[at:]!r}: write name=value,name=value")
        at = end.end()
        index = None if name[2] is None else int(name[2])
        is_list = value.re is _LIST
        yield _Clause(name[1], index, value[1] if is_list else value[0], is_list)


def _reader(kind: type) -> Callable[[str], Any]:
    return _boolean if kind is bool else kind


def _boolean(text: str) -> bool:
    return _BOOLEANS[text] if text in _BOOLEANS else bool(int(text))


def _value(clause: _Clause, reader: Callable[[str], Any]) -> Any:
    if clause.is_list:
        return [reader(element) for element in re.split("[ ,]", clause.text) if element]
    return reader(clause.text)


def _assign(found: dict[str, Any], clause: _Clause, value: Any, values: str) -> None:
    place = clause.name
    if clause.place is None:
        taken = clause.name in found
        found.setdefault(clause.name, value)
    elif clause.is_list:
        raise DataError(
            f"Assignment of a list to a list index, {clause.name}[{clause.place}] in {values!r}: "
            "give one value"
        )
    else:
        elements = found.setdefault(clause.name, {})
        taken = not isinstance(elements, dict)
        if not taken:
            place = f"{clause.name}[{clause.place}]"
            taken = clause.place in elements
            elements.setdefault(clause.place, value)
    if taken:
        raise DataError(f"Multiple assignments to variable {place!r} in {values!r}: keep one")
