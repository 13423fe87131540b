"""`scipy.misc`'s images, read and written by Pillow.

Source: SciPy 1.1 `scipy.misc.imread`, `imsave`, `imresize` and `bytescale`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tgcarry.errors import LegacyError

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise LegacyError("scipy.misc's images need Pillow: pip install pillow") from error
    return Image


def imread(name: Any, flatten: bool = False, mode: str | None = None) -> Any:
    """Reads an image as an array `[height, width, colours]`, or without colours if grey."""
    image = _pillow().open(name)
    if mode is not None and mode != image.mode:
        image = image.convert(mode)
    elif mode is None and image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if flatten:
        image = image.convert("F")
    elif image.mode == "1":
        image = image.convert("L")
    return np.array(image)


def bytescale(data: Any, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> Any:
    """Scales an array so that its smallest value is `low` and its largest `high`, as bytes."""
    if data.dtype == np.uint8:
        return data
    least = data.min() if cmin is None else cmin
    most = data.max() if cmax is None else cmax
    scale = float(high - low) / ((most - least) or 1)
    return (((data - least) * scale + low).clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr: Any, high: int = 255, low: int = 0, cmin: Any = None, cmax: Any = None) -> Any:
    """Makes an image of an array, which is scaled to bytes."""
    array = bytescale(np.asarray(arr), cmin, cmax, high, low)
    if array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] not in (3, 4):
        array = array.transpose(1, 2, 0)
    return _pillow().fromarray(np.ascontiguousarray(array))


def imsave(name: Any, arr: Any, format: str | None = None) -> None:
    """Writes an array as an image."""
    toimage(arr).save(name, format)


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> Any:
    """Resizes an image to a percentage (int), a fraction (float) or `(height, width)`."""
    image = toimage(arr)
    if mode is not None:
        image = image.convert(mode)
    if isinstance(size, int | np.integer):
        wanted = tuple((np.array(image.size) * (size / 100.0)).astype(int))
    elif isinstance(size, float | np.floating):
        wanted = tuple((np.array(image.size) * size).astype(int))
    else:
        wanted = (size[1], size[0])
    resized = image.resize(tuple(int(side) for side in wanted), resample=_FILTERS[interp])
    return np.array(resized)


def imshow(arr: Any) -> None:
    """Shows an array as an image."""
    toimage(arr).show()


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> Any:
    """Rotates an image counter-clockwise, by degrees."""
    return np.array(toimage(arr).rotate(angle, resample=_FILTERS[interp]))
