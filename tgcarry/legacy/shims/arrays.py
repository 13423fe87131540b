"""NumPy's functions as they were in 2019, where they took or did something else."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

VERSION = "1.18.5"
NINF = -np.inf
PZERO, NZERO = 0.0, -0.0


def _ragged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a function that makes arrays make one of objects from lists of unequal lengths."""

    @functools.wraps(function)
    def make(object: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(object, *args, **_copying(kwargs))
        except ValueError as error:
            if args or kwargs.get("dtype") is not None or "inhomogeneous" not in str(error):
                raise
            return _of_objects(object)

    return make


def _copying(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Says `copy=False` as NumPy 2 does: copy only if it has to be."""
    if kwargs.get("copy", True) is False:
        return {**kwargs, "copy": None if int(np.__version__.partition(".")[0]) > 1 else False}
    return kwargs


def _of_objects(rows: Any) -> Any:
    rows = list(rows)
    made = np.empty(len(rows), dtype=np.object_)
    for place, row in enumerate(rows):
        made[place] = row
    return made


array = _ragged(np.array)
asarray = _ragged(np.asarray)
asanyarray = _ragged(np.asanyarray)


def fromstring(string: Any, dtype: Any = float, count: int = -1, sep: str = "") -> Any:
    """Makes an array of a text's numbers, or of bytes if there is no separator."""
    if sep:
        return np.fromstring(string, dtype=dtype, count=count, sep=sep)
    data = string.encode("latin-1") if isinstance(string, str) else string
    return np.frombuffer(data, dtype=dtype, count=count).copy()


def load(
    file: Any,
    mmap_mode: Any = None,
    allow_pickle: bool = False,
    fix_imports: bool = True,
    encoding: Any = "ASCII",
) -> Any:
    """Loads an array file; of objects only if that is asked for.

    Raises:
      ValueError: it holds objects, and `allow_pickle` is not given.
    """
    try:
        return np.load(file, mmap_mode, allow_pickle, fix_imports, encoding=encoding)
    except ValueError as error:
        if allow_pickle or "allow_pickle" not in str(error):
            raise
        raise ValueError(
            f"{error}: NumPy loads no objects by itself since 1.16.3; if you trust "
            f"{file!r}, say np.load(..., allow_pickle=True) in the program"
        ) from None


def reshape(a: Any, newshape: Any = None, order: str = "C", **kwargs: Any) -> Any:
    """Reshapes; the shape was called `newshape`."""
    return np.reshape(a, kwargs.pop("shape", newshape), order=order, **kwargs)  # type: ignore[call-overload]


def set_printoptions(*args: Any, **kwargs: Any) -> None:
    """Sets how arrays are printed; `threshold="nan"` printed all of them."""
    names = ("precision", "threshold", "edgeitems", "linewidth", "suppress", "nanstr", "infstr")
    options = {**dict(zip(names, args, strict=False)), **kwargs}
    threshold = options.get("threshold")
    if isinstance(threshold, str) or (threshold is not None and not np.isfinite(threshold)):
        # Not sys.maxsize: NumPy adds to it.
        options["threshold"] = 2**31 - 1
    np.set_printoptions(**options)


def asscalar(a: Any) -> Any:
    """Returns an array's only element as a Python number."""
    return a.item()


def msort(a: Any) -> Any:
    """Sorts along the first axis."""
    return np.sort(a, axis=0)


def cast(kind: Any) -> Callable[[Any], Any]:
    """Returns a function that converts to a type."""
    return lambda value: np.asarray(value).astype(kind)


class _Cast:
    def __getitem__(self, kind: Any) -> Callable[[Any], Any]:
        return cast(kind)


cast_by_type = _Cast()


def trapz(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integrates by trapezoids."""
    integrate = getattr(np, "trapezoid", None) or np.trapz  # type: ignore[attr-defined]
    return integrate(y, x=x, dx=dx, axis=axis)


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Tells for each element of the first whether it is in the second, flat."""
    return np.isin(np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


def asfarray(a: Any, dtype: Any = np.float64) -> Any:
    """Makes an array of a floating type."""
    is_float = np.issubdtype(np.dtype(dtype), np.inexact)
    return np.asarray(a, dtype=dtype if is_float else np.float64)


def alen(a: Any) -> int:
    """Returns the length of the first axis."""
    return len(a) if np.ndim(a) else 1


def rank(a: Any) -> int:
    """Returns the number of axes."""
    return int(np.ndim(a))


def find_common_type(array_types: Any, scalar_types: Any) -> Any:
    """Returns the type that arrays and scalars of given types have together."""
    kinds = [np.dtype(kind) for kind in array_types] or [np.dtype(k) for k in scalar_types]
    return np.result_type(*kinds)


def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Draws integers from `low` to `high`, both included, or from 1 to `low`."""
    low, high = (1, low) if high is None else (low, high)
    return np.random.randint(low, int(high) + 1, size)


def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, **kw: Any
) -> Any:
    """Spaces numbers evenly; before 1.18 a float for their number was rounded down."""
    count = operator.index(num) if hasattr(num, "__index__") else int(num)
    space: Any = np.linspace
    return space(start, stop, count, endpoint, retstep, **kw)


def _stacking(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def stack(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        listed = arrays if hasattr(arrays, "__getitem__") else list(arrays)
        return function(listed, *args, **kwargs)

    return stack


vstack = _stacking(np.vstack)
hstack = _stacking(np.hstack)
stack = _stacking(np.stack)
concatenate = _stacking(np.concatenate)
