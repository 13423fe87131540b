"""Which variables start from another model's checkpoint."""

from __future__ import annotations

from typing import Any, NamedTuple


class WarmStartSettings(NamedTuple):
    """Holds the arguments of `tf.train.warm_start`.

    Source: TensorFlow 1.15 `tf.estimator.WarmStartSettings`.
    """

    ckpt_to_initialize_from: str
    vars_to_warm_start: Any = ".*"
    var_name_to_vocab_info: Any = None
    var_name_to_prev_var_name: Any = None
