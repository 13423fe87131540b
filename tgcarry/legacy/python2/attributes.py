"""Attributes as Python 2's objects had them, looked up when the program runs."""

from __future__ import annotations

import binascii
import codecs
import functools
from collections.abc import Callable
from typing import Any

from tgcarry.legacy.lost import LOST

# What an object answers to that does not have the attribute itself.
_RENAMED: dict[str, str] = {
    "func_closure": "__closure__",
    "func_code": "__code__",
    "func_defaults": "__defaults__",
    "func_doc": "__doc__",
    "func_globals": "__globals__",
    "func_name": "__name__",
    "im_class": "__class__",
    "im_func": "__func__",
    "im_self": "__self__",
    "iteritems": "items",
    "iterkeys": "keys",
    "itervalues": "values",
    "next": "__next__",
    "viewitems": "items",
    "viewkeys": "keys",
    "viewvalues": "values",
    "xreadlines": "readlines",
}
_LISTED = frozenset({"items", "keys", "values"})
_READING = frozenset({"read", "readline", "readlines"})
_ITERATED = frozenset({"iteritems", "iterkeys", "itervalues"})


def attribute(value: Any, name: str) -> Any:
    """Returns `value.name` as a Python 2 program expects it.

    Raises:
      AttributeError: there is nothing like it.
    """
    special = _SPECIAL.get(name)
    if special is not None and isinstance(value, special[0]):
        return functools.partial(special[1], value)
    try:
        found = getattr(value, name)
    except AttributeError as error:
        return _elsewhere(value, name, error)
    if name in _LISTED and isinstance(value, dict):
        return functools.partial(_listed, found)
    if name in _READING and callable(found):
        return functools.partial(_read, found)
    return found


def _elsewhere(value: Any, name: str, error: AttributeError) -> Any:
    if name == "message" and isinstance(value, BaseException):
        return str(value.args[0]) if value.args else ""
    if name == "has_key":
        return functools.partial(_has_key, value)
    if name in _RENAMED and hasattr(value, _RENAMED[name]):
        found = getattr(value, _RENAMED[name])
        return functools.partial(_iterator, found) if name in _ITERATED else found
    if name in LOST:
        try:
            return LOST[name](value)
        except AttributeError:
            pass
    raise error from None


def _has_key(value: Any, key: Any) -> bool:
    return key in value


def _listed(method: Callable[[], Any]) -> list[Any]:
    return list(method())


def _iterator(method: Callable[[], Any]) -> Any:
    return iter(method())


def _read(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return as_text(method(*args, **kwargs))


def as_text(value: Any) -> Any:
    """Returns bytes that are text as a string; Python 2 knew no difference."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if type(value) is not bytes or b"\0" in value:
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _decode(text: str, encoding: str = "ascii", errors: str = "strict") -> Any:
    """Decodes what is text already; codecs that are no encodings do their work."""
    match encoding.lower().replace("-", "_"):
        case "hex" | "hex_codec":
            return as_text(binascii.unhexlify(text))
        case "base64" | "base64_codec":
            return as_text(binascii.a2b_base64(text))
        case "rot13" | "rot_13":
            return codecs.decode(text, "rot13")
        case "string_escape" | "unicode_escape":
            return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
        case "ascii" | "us_ascii" if errors != "strict":
            return text.encode("ascii", errors).decode("ascii")
    return text


def _encode(text: str, encoding: str = "ascii", errors: str = "strict") -> Any:
    """Encodes to a string: what cannot be said in the encoding is dropped, as asked."""
    match encoding.lower().replace("-", "_"):
        case "hex" | "hex_codec":
            return binascii.hexlify(text.encode("utf-8")).decode()
        case "base64" | "base64_codec":
            return codecs.encode(text.encode("utf-8"), "base64").decode()
        case "rot13" | "rot_13":
            return codecs.encode(text, "rot13")
        case "string_escape" | "unicode_escape":
            return text.encode("unicode_escape").decode("ascii")
    return text.encode(encoding, errors).decode(encoding)


def _translate(text: str, table: Any, delete: str = "") -> str:
    kept = "".join(character for character in text if character not in delete)
    return kept if table is None else kept.translate(table)


def _sort(items: list[Any], cmp: Any = None, key: Any = None, reverse: bool = False) -> None:
    items.sort(key=sort_key(cmp, key), reverse=reverse)


def sort_key(cmp: Any, key: Any) -> Any:
    """Returns one `key` function for Python 2's `cmp` and `key`."""
    if cmp is None:
        return key
    by_comparison = functools.cmp_to_key(cmp)
    return by_comparison if key is None else lambda item: by_comparison(key(item))


# Methods that another type's method of the same name does not have.
_SPECIAL: dict[str, tuple[type, Callable[..., Any]]] = {
    "decode": (str, _decode),
    "encode": (str, _encode),
    "sort": (list, _sort),
    "translate": (str, _translate),
}

NAMES = frozenset({*_RENAMED, *_LISTED, *_READING, *_SPECIAL, *LOST, "has_key", "message"})
