"""Keras 1's keyword arguments under Keras 2's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WEIGHTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_FORGOTTEN = ("consume_less", "forget_bias_init", "weights_path")

DENSE = {"output_dim": "units", **_WEIGHTS}
RECURRENT = {
    "output_dim": "units",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    **_WEIGHTS,
}
EMBEDDING = {
    "init": "embeddings_initializer",
    "W_regularizer": "embeddings_regularizer",
    "W_constraint": "embeddings_constraint",
}
DROPOUT = {"p": "rate"}
CONVOLUTION = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    **_WEIGHTS,
}
POOLING = {
    "pool_length": "pool_size",
    "stride": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
}
FIT = {"nb_epoch": "epochs", "nb_worker": "workers", "nb_val_samples": "validation_steps"}
MODEL = {"input": "inputs", "output": "outputs"}
_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Returns keyword arguments under their new names, without those that are no more."""
    kept = {name: value for name, value in given.items() if name not in _FORGOTTEN}
    rows, columns = kept.pop("nb_row", None), kept.pop("nb_col", None)
    if rows is not None:
        kept["kernel_size"] = (rows, columns)
    if kept.get("dim_ordering") in _ORDERINGS:
        kept["dim_ordering"] = _ORDERINGS[kept["dim_ordering"]]
    return {names.get(name, name): value for name, value in kept.items()}
