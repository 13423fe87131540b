"""`tf.layers` and the modules behind it, which programs imported directly."""

from __future__ import annotations

from collections.abc import Iterable

from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.layers"
_BASE = "tf_keras.src.legacy_tf_layers.base"


def _all(module: str, names: Iterable[str]) -> dict[str, str]:
    return {name: f"{_HERE}.{module}:{name}" for name in names}


def _renamed(module: str, names: dict[str, str]) -> dict[str, str]:
    return {name: f"{_HERE}.{module}:{target}" for name, target in names.items()}


_CORE = _all("core", ("Dense", "Dropout", "Flatten", "dense", "dropout", "flatten"))
_CONVOLUTION = _all(
    "convolution",
    (
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "SeparableConv1D",
        "SeparableConv2D",
        "conv1d",
        "conv2d",
        "conv2d_transpose",
        "conv3d",
        "conv3d_transpose",
        "separable_conv1d",
        "separable_conv2d",
    ),
)
_POOLING = _all(
    "pooling",
    (
        "AveragePooling1D",
        "AveragePooling2D",
        "AveragePooling3D",
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "average_pooling1d",
        "average_pooling2d",
        "average_pooling3d",
        "max_pooling1d",
        "max_pooling2d",
        "max_pooling3d",
    ),
)
_NORMALIZATION = _all("normalization", ("BatchNormalization", "batch_normalization"))
_BASES = {"InputSpec": "tf_keras.layers:InputSpec", "Layer": f"{_BASE}:Layer"}
_STYLE = {
    "keras_style_scope": f"{_BASE}:keras_style_scope",
    "set_keras_style": f"{_BASE}:set_keras_style",
}

_OLD_CONVOLUTION = _renamed(
    "convolution",
    {
        "Convolution1D": "Conv1D",
        "Convolution2D": "Conv2D",
        "Convolution2DTranspose": "Conv2DTranspose",
        "Convolution3D": "Conv3D",
        "Convolution3DTranspose": "Conv3DTranspose",
        "Deconv2D": "Conv2DTranspose",
        "Deconv3D": "Conv3DTranspose",
        "Deconvolution2D": "Conv2DTranspose",
        "Deconvolution3D": "Conv3DTranspose",
        "SeparableConvolution2D": "SeparableConv2D",
        "convolution1d": "conv1d",
        "convolution2d": "conv2d",
        "convolution2d_transpose": "conv2d_transpose",
        "convolution3d": "conv3d",
        "convolution3d_transpose": "conv3d_transpose",
        "deconv2d": "conv2d_transpose",
        "deconv3d": "conv3d_transpose",
        "deconvolution2d": "conv2d_transpose",
        "deconvolution3d": "conv3d_transpose",
        "separable_convolution2d": "separable_conv2d",
    },
)
_OLD_POOLING = _renamed(
    "pooling",
    {
        "AvgPool2D": "AveragePooling2D",
        "MaxPool2D": "MaxPooling2D",
        "avg_pool2d": "average_pooling2d",
        "max_pool2d": "max_pooling2d",
    },
)
_EVERYTHING = {**_BASES, **_CORE, **_CONVOLUTION, **_POOLING, **_NORMALIZATION}

TABLES = (
    Table(
        "tensorflow.layers",
        names=_EVERYTHING,
        differs={
            "BatchNormalization": "tf_keras' layer: same numbers, not the same operations",
            "set_keras_style": "cannot be undone in the process",
        },
        aliases=("tensorflow.python.layers.layers",),
    ),
    Table("tensorflow.layers.experimental", names=_STYLE),
    Table("tensorflow.python.layers"),
    Table("tensorflow.python.layers.base", names={**_BASES, **_STYLE}, fallback=(_BASE,)),
    Table(
        "tensorflow.python.layers.core",
        names={
            **_CORE,
            "FullyConnected": f"{_HERE}.core:Dense",
            "fully_connected": f"{_HERE}.core:dense",
        },
    ),
    Table("tensorflow.python.layers.convolutional", names={**_CONVOLUTION, **_OLD_CONVOLUTION}),
    Table("tensorflow.python.layers.pooling", names={**_POOLING, **_OLD_POOLING}),
    Table(
        "tensorflow.python.layers.normalization",
        names={
            **_NORMALIZATION,
            "BatchNorm": f"{_HERE}.normalization:BatchNormalization",
            "batch_norm": f"{_HERE}.normalization:batch_normalization",
        },
    ),
    Table(
        "tensorflow.python.layers.utils",
        names={
            "constant_value": f"{_HERE}.conditions:constant",
            "smart_cond": f"{_HERE}.conditions:either",
        },
        fallback=("tensorflow.python.layers.utils",),
    ),
)
