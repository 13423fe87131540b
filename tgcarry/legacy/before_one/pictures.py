"""Picture functions in the argument order of before version 1.0."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.before_one.arguments import is_scalar


def resize_images(*args: Any, **kwargs: Any) -> Any:
    """Resizes pictures: `(images, size, method)`, or before 1.0 `(images, height, width, method)`.

    Args:
      *args: images, size, method, align_corners and preserve_aspect_ratio, or images,
        new_height, new_width, method and align_corners.
      **kwargs: the same by keyword.

    Returns:
      Pictures of the new size.

    Source: TensorFlow 1.15 and 0.12 `tf.image.resize_images`.
    """
    if "new_height" in kwargs or (len(args) > 1 and is_scalar(args[1])):
        return _resize_to(*args, **kwargs)
    return tf.image.resize_images(*args, **kwargs)


def _resize_to(
    images: Any,
    new_height: Any,
    new_width: Any,
    method: Any = tf.image.ResizeMethod.BILINEAR,
    align_corners: bool = False,
) -> Any:
    return tf.image.resize_images(images, [new_height, new_width], method, align_corners)
