"""`tf.flags` and `tf.app.flags`: a program's own options, of one run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf
from absl import flags as absl_flags

_VALUES = "__flags"
_BY_MODULE = "__flags_by_module"


class _Shown:
    """Is a flag's value that has the flag's `value`, too: both were `FLAGS.__flags`' items."""

    value: Any


def _shown(value: Any) -> Any:
    """Returns a value as TensorFlow before 1.5 gave it, with `.value` as it is since."""
    if type(value) not in (int, float, str, list):
        return value
    kind = type(f"{type(value).__name__}", (type(value), _Shown), {})
    shown = kind(value)
    shown.value = value
    return shown


class Flags:
    """Is `tf.flags.FLAGS`: reads `sys.argv` when a flag is first asked for.

    Source: TF 1.15 `tf.flags.FLAGS`, and of TensorFlow before 1.5 `_parse_flags`, `__flags`
      and the setting of names that are no flags.
    """

    def __getattr__(self, name: str) -> Any:
        """Returns a flag's value."""
        if name == _VALUES:
            return self._values()
        if name == "_parse_flags":
            return self._parse
        if name in absl_flags.FLAGS:
            _parse_once()
        return getattr(tf.flags.FLAGS, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in absl_flags.FLAGS:
            setattr(tf.flags.FLAGS, name, value)
        else:
            vars(self)[name] = value

    def __delattr__(self, name: str) -> None:
        delattr(tf.flags.FLAGS, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Reads arguments."""
        return tf.flags.FLAGS(*args, **kwargs)

    def __getitem__(self, name: str) -> Any:
        return absl_flags.FLAGS[name]

    def __contains__(self, name: str) -> bool:
        return name in absl_flags.FLAGS

    def __iter__(self) -> Iterator[str]:
        return iter(absl_flags.FLAGS)

    def __len__(self) -> int:
        return len(absl_flags.FLAGS)

    def __dir__(self) -> list[str]:
        return dir(absl_flags.FLAGS)

    def _parse(self, args: Any = None) -> dict[str, Any]:
        """Reads the arguments at once."""
        del args
        _parse_once()
        return self._values()

    def _values(self) -> dict[str, Any]:
        _parse_once()
        own = {
            flag.name
            for module, found in absl_flags.FLAGS.flags_by_module_dict().items()
            if not module.startswith(("absl", "tensorflow", "tgcarry"))
            for flag in found
        }
        return {name: _shown(getattr(tf.flags.FLAGS, name)) for name in sorted(own)}


FLAGS = Flags()


def _parse_once() -> None:
    """Reads `sys.argv` if nobody has; what is no flag is left to the program."""
    if not absl_flags.FLAGS.is_parsed():
        absl_flags.FLAGS(sys.argv, known_only=True)


def _definer(name: str) -> Callable[..., Any]:
    def define(*args: Any, **kwargs: Any) -> Any:
        # The flag belongs to the module that calls this.
        absl_flags.disclaim_key_flags()
        options = {_RENAMED.get(key, key): value for key, value in kwargs.items()}
        options |= dict(zip(_ARGUMENTS.get(name, _USUAL), args, strict=False))
        options.setdefault("help", "")
        # TensorFlow's own packages have flags of common names today: `log_dir`, `v`.
        _forget(options["name"])
        return getattr(absl_flags, name)(**options)

    define.__name__ = name
    return define


# What arguments were called before TensorFlow 1.5.
_RENAMED = {"default_value": "default", "docstring": "help", "flag_name": "name"}
_USUAL = ("name", "default", "help")
_ARGUMENTS = {
    "DEFINE_enum": ("name", "default", "enum_values", "help"),
    "DEFINE_multi_enum": ("name", "default", "enum_values", "help"),
}


def _forget(flag: str) -> None:
    """Makes room for a program's flag where a package has one of that name."""
    known = absl_flags.FLAGS
    if flag not in known:
        return
    module = known.find_module_defining_flag(flag) or ""
    if module.startswith(("absl", "tensorflow", "tgcarry")):
        delattr(known, flag)


def __getattr__(name: str) -> Any:
    if name.startswith("DEFINE_"):
        return _definer(name)
    return getattr(tf.flags, name)


@contextlib.contextmanager
def of_this_run() -> Iterator[None]:
    """Forgets the flags that are defined inside the block, and brings hidden ones back."""
    inner = vars(absl_flags.FLAGS)
    kept = {name: _copied(value) for name, value in inner.items()}
    parsed_again = absl_flags.FLAGS.is_parsed()
    if parsed_again:
        # The host's arguments are not the program's.
        absl_flags.FLAGS.unparse_flags()
    try:
        yield
    finally:
        inner.clear()
        inner.update(kept)
        vars(FLAGS).clear()
        if parsed_again:
            absl_flags.FLAGS.mark_as_parsed()


def _copied(value: Any) -> Any:
    """Copies a table, and the lists in it, but no flag."""
    if not isinstance(value, dict):
        return value
    return {key: list(item) if isinstance(item, list) else item for key, item in value.items()}
