"""Tables of the group `keras`: Keras 2 of `tf_keras`, in the ways of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tgcarry.legacy.table import Table

_REAL = "tf_keras.api._v1.keras"
_HERE = "tgcarry.legacy.old_keras"
_ROOTS = (
    "tensorflow.keras",
    "keras",
    "tensorflow.python.keras",
    "tensorflow.python.keras.api.keras",
    "tensorflow.contrib.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras.python.keras",
)


def _table(*children: str, real: str | None = None, **parts: Any) -> Table:
    """Makes the table of one module of Keras, and of its older names, below all roots.

    Args:
      *children: the module's names below a root, "" for the root itself.
      real: of the real module, below `tf_keras`'s.
      **parts: of the table.
    """
    first = children[0] if real is None else real
    fallback = (f"{_REAL}.{first}" if first else _REAL,)
    names = [f"{root}.{child}" if child else root for child in children for root in _ROOTS]
    return Table(names[0], fallback=fallback, aliases=tuple(names[1:]), **parts)


def _own(module: str, *names: str) -> Mapping[str, str]:
    return {name: f"{_HERE}.{module}:{name}" for name in names}


_MODELS = {
    **_own("models", "Model", "Sequential"),
}

# What programs subclass and build with, from wherever a version of Keras kept it.
_ENGINE = {
    **_MODELS,
    "Container": f"{_HERE}.models:Model",
    "Input": f"{_REAL}.layers:Input",
    "InputLayer": f"{_REAL}.layers:InputLayer",
    "InputSpec": f"{_REAL}.layers:InputSpec",
    "Layer": f"{_REAL}.layers:Layer",
    "Network": f"{_HERE}.models:Model",
    "get_source_inputs": f"{_REAL}.utils:get_source_inputs",
    "merge": f"{_HERE}.layers:merge",
}

_LAYERS = {
    **_own(
        "layers",
        "AveragePooling1D",
        "AveragePooling2D",
        "Conv1D",
        "Conv2D",
        "Dense",
        "Dropout",
        "Embedding",
        "GRU",
        "LSTM",
        "MaxPooling1D",
        "MaxPooling2D",
        "RNN",
        "SimpleRNN",
        "merge",
    ),
    "AtrousConvolution1D": f"{_HERE}.layers:Conv1D",
    "Convolution1D": f"{_HERE}.layers:Conv1D",
    "Convolution2D": f"{_HERE}.layers:Conv2D",
    "TimeDistributedDense": f"{_HERE}.layers:time_distributed_dense",
    "Recurrent": f"{_HERE}.layers:RNN",
}

_LAYERS_MISSING = {
    "Highway": "write T * H(x) + (1 - T) * x with Dense and Lambda layers",
    "MaxoutDense": "take the maximum of Dense layers with layers.Maximum",
    "Merge": "call keras.layers.merge, or use the functional model",
}

# Keras 1 and 2 had layers in modules by their kind.
_LAYER_MODULES = (
    "layers",
    "layers.core",
    "layers.convolutional",
    "layers.embeddings",
    "layers.merge",
    "layers.noise",
    "layers.normalization",
    "layers.pooling",
    "layers.recurrent",
    "layers.wrappers",
    "layers.advanced_activations",
    "layers.cudnn_recurrent",
    "layers.local",
)

_ENGINE_MODULES = (
    "engine",
    "engine.topology",
    "engine.training",
    "engine.network",
    "engine.base_layer",
    "engine.input_layer",
    "engine.input_spec",
    "engine.sequential",
)

_MISSING = {
    "wrappers": "install scikeras for scikit-learn's manner",
    "estimator": "train with model.fit",
}

TABLES = (
    _table(
        "",
        names={
            **_MODELS,
            "__version__": f"{_HERE}.version:VERSION",
            "merge": f"{_HERE}.layers:merge",
        },
        differs={"Model": "is Keras 2 of the tf_keras package"},
        missing=_MISSING,
    ),
    _table("models", names=_MODELS),
    _table(
        *_ENGINE_MODULES,
        real="models",
        names=_ENGINE,
        differs={"Network": "is Model", "Container": "is Model"},
        missing={"Merge": _LAYERS_MISSING["Merge"]},
    ),
    _table(*_LAYER_MODULES, names=_LAYERS, missing=_LAYERS_MISSING),
    _table(
        "utils",
        "utils.np_utils",
        "utils.generic_utils",
        "utils.vis_utils",
        names={
            "plot": f"{_REAL}.utils:plot_model",
        },
        missing={
            "HDF5Matrix": "read the file with h5py",
            "convert_all_kernels_in_model": "there are no Theano kernels",
            "multi_gpu_model": "trains on one device",
        },
    ),
    _table("backend", "backend.tensorflow_backend"),
    _table("preprocessing"),
    _table("preprocessing.sequence"),
    _table("preprocessing.text"),
    _table("preprocessing.image"),
    _table("activations"),
    _table("callbacks"),
    _table("constraints"),
    _table("initializers", "initializations"),
    _table("losses", "objectives"),
    _table("metrics"),
    _table("optimizers"),
    _table("regularizers"),
    _table("applications"),
    _table("datasets"),
    _table(
        "datasets.mnist",
        names={"load_data": f"{_HERE}.data:load_mnist"},
        differs={"load_data": "downloads nothing"},
    ),
    _table(
        "datasets.imdb",
        names={
            "get_word_index": f"{_HERE}.data:word_index",
            "load_data": f"{_HERE}.data:load_imdb",
        },
        differs={"load_data": "downloads nothing", "get_word_index": "downloads nothing"},
    ),
    _table(
        "datasets.reuters",
        names={"load_data": f"{_HERE}.data:load_reuters"},
        differs={"load_data": "downloads nothing"},
    ),
)
