"""`tf.contrib.layers`, `tf.contrib.slim`, `tf.contrib.framework` and `tf.contrib.losses`."""

from __future__ import annotations

from tgcarry.legacy.names import contrib_layers_missing
from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.contrib_layers"
_V1 = "tensorflow.compat.v1"


def _in(module: str, *names: str) -> dict[str, str]:
    return {name: f"{_HERE}.{module}:{name}" for name in names}


def _v1(module: str, *names: str) -> dict[str, str]:
    return {name: f"{_V1}{module}:{name}" for name in names}


_DENSE = _in(
    "dense",
    "elu",
    "fully_connected",
    "legacy_fully_connected",
    "legacy_linear",
    "legacy_relu",
    "linear",
    "relu",
    "relu6",
)
_CONVOLUTION = {
    **_in(
        "convolution",
        "conv1d",
        "conv2d",
        "conv2d_transpose",
        "conv3d",
        "conv3d_transpose",
        "convolution",
        "convolution1d",
        "convolution2d",
        "convolution2d_transpose",
        "convolution3d",
        "convolution3d_transpose",
    ),
    **_in("separable", "separable_conv2d", "separable_convolution2d"),
    **_in("pooling", "avg_pool2d", "avg_pool3d", "max_pool2d", "max_pool3d"),
}
_NORMALIZATION = {
    **_in("batch_norm", "batch_norm"),
    **_in("normalization", "group_norm", "instance_norm", "layer_norm"),
}
_IMAGES = _in(
    "images",
    "conv2d_in_plane",
    "convolution2d_in_plane",
    "images_to_sequence",
    "scale_gradient",
    "sequence_to_images",
    "spatial_softmax",
)
_SHAPING = _in(
    "shaping",
    "bias_add",
    "dropout",
    "flatten",
    "maxout",
    "one_hot_encoding",
    "repeat",
    "softmax",
    "stack",
    "unit_norm",
)
_INITIALIZERS = {
    **_in("initializers", "variance_scaling_initializer", "xavier_initializer"),
    "xavier_initializer_conv2d": f"{_HERE}.initializers:xavier_initializer",
}
_REGULARIZERS = _in(
    "regularizers",
    "apply_regularization",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "sum_regularizer",
)
_OPTIMIZATION = {
    **_in("optimization", "OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "optimize_loss"),
    **_in("gradient_changes", "adaptive_clipping_fn"),
}
_SUMMARIES = _in(
    "summaries",
    "summarize_activation",
    "summarize_activations",
    "summarize_biases",
    "summarize_collection",
    "summarize_tensor",
    "summarize_tensors",
    "summarize_variables",
    "summarize_weights",
)
_EMBEDDINGS = _in(
    "embeddings",
    "bow_encoder",
    "dense_to_sparse",
    "embed_sequence",
    "embedding_lookup_unique",
    "safe_embedding_lookup_sparse",
)
_LAYERS = {
    **_DENSE,
    **_CONVOLUTION,
    **_NORMALIZATION,
    **_IMAGES,
    **_SHAPING,
    **_INITIALIZERS,
    **_REGULARIZERS,
    **_OPTIMIZATION,
    **_SUMMARIES,
    **_EMBEDDINGS,
}

_SCOPES = {
    **_in(
        "scopes",
        "add_arg_scope",
        "arg_scope",
        "arg_scope_func_key",
        "arg_scoped_arguments",
        "current_arg_scope",
        "has_arg_scope",
    )
}
_STEPS = _v1(".train", "create_global_step", "get_global_step", "get_or_create_global_step")
_VARIABLES = {
    **_in(
        "variables",
        "add_model_variable",
        "filter_variables",
        "get_local_variables",
        "get_model_variables",
        "get_trainable_variables",
        "get_unique_variable",
        "get_variable_full_name",
        "get_variables",
        "get_variables_by_name",
        "get_variables_by_suffix",
        "get_variables_to_restore",
        "global_variable",
        "local_variable",
        "model_variable",
        "variable",
    ),
    **_in(
        "restoring",
        "assign_from_checkpoint",
        "assign_from_checkpoint_fn",
        "assign_from_values",
        "assign_from_values_fn",
    ),
    **_STEPS,
    "assert_global_step": f"{_V1}.train:assert_global_step",
}
_FRAMEWORK = {
    **_SCOPES,
    **_VARIABLES,
    **_v1(
        ".train",
        "init_from_checkpoint",
        "list_variables",
        "load_checkpoint",
        "load_variable",
    ),
    **_v1("", "TensorSpec", "argsort", "convert_to_tensor_or_sparse_tensor", "is_tensor", "sort"),
    "assert_same_float_dtype": f"{_V1}.debugging:assert_same_float_dtype",
    "assert_scalar": f"{_V1}.debugging:assert_scalar",
    "BoundedTensorSpec": "tensorflow.python.framework.tensor:BoundedTensorSpec",
    "convolutional_delta_orthogonal": (
        "tensorflow.python.ops.init_ops:ConvolutionDeltaOrthogonal"
    ),
    "convolutional_orthogonal_1d": "tensorflow.python.ops.init_ops:ConvolutionOrthogonal1D",
    "convolutional_orthogonal_2d": "tensorflow.python.ops.init_ops:ConvolutionOrthogonal2D",
    "deprecated": "tensorflow.python.util.deprecation:deprecated",
    "deprecated_arg_values": "tensorflow.python.util.deprecation:deprecated_arg_values",
    "deprecated_args": "tensorflow.python.util.deprecation:deprecated_args",
    "nest": "tensorflow.python.util.nest",
    "py_func": f"{_V1}:py_func",
    "remove_squeezable_dimensions": (
        "tensorflow.python.ops.confusion_matrix:remove_squeezable_dimensions"
    ),
    "smart_case": "tensorflow.python.framework.smart_cond:smart_case",
    "smart_cond": f"{_HERE.rpartition('.')[0]}.layers.conditions:either",
    "smart_constant_value": f"{_HERE.rpartition('.')[0]}.layers.conditions:constant",
}
_LOSSES = _in(
    "losses",
    "absolute_difference",
    "add_loss",
    "compute_weighted_loss",
    "cosine_distance",
    "get_losses",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "log_loss",
    "mean_pairwise_squared_error",
    "mean_squared_error",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
)
_UTILS = {
    **_in("tools", "collect_named_outputs", "convert_collection_to_dict", "get_tensor_aliases"),
    "constant_value": f"{_HERE.rpartition('.')[0]}.layers.conditions:constant",
    "smart_cond": f"{_HERE.rpartition('.')[0]}.layers.conditions:either",
}

_PYTHON = "tensorflow.contrib.layers.python"

TABLES = (
    Table(
        "tensorflow.contrib.layers",
        names=_LAYERS,
        differs=contrib_layers_missing.LAYERS_DIFFER,
        missing=contrib_layers_missing.NO_LAYERS,
        aliases=(
            f"{_PYTHON}.layers",
            f"{_PYTHON}.layers.embedding_ops",
            f"{_PYTHON}.layers.encoders",
            f"{_PYTHON}.layers.feature_column",
            f"{_PYTHON}.layers.feature_column_ops",
            f"{_PYTHON}.layers.initializers",
            f"{_PYTHON}.layers.layers",
            f"{_PYTHON}.layers.normalization",
            f"{_PYTHON}.layers.optimizers",
            f"{_PYTHON}.layers.regularizers",
            "tensorflow.contrib.layers.summaries",
            "tensorflow.contrib.slim.layers",
        ),
    ),
    Table(f"{_PYTHON}.layers.utils", names=_UTILS),
    Table(
        "tensorflow.contrib.framework",
        names=_FRAMEWORK,
        missing=contrib_layers_missing.NO_FRAMEWORK,
        aliases=(
            "tensorflow.contrib.framework.python.ops",
            "tensorflow.contrib.framework.python.ops.arg_scope",
            "tensorflow.contrib.framework.python.ops.variables",
            "tensorflow.contrib.framework.python.framework",
            "tensorflow.contrib.framework.python.framework.checkpoint_utils",
        ),
    ),
    Table(
        "tensorflow.contrib.losses",
        names=_LOSSES,
        aliases=(
            "tensorflow.contrib.losses.python.losses",
            "tensorflow.contrib.losses.python.losses.loss_ops",
            "tensorflow.contrib.slim.losses",
        ),
        missing={"metric_learning": "write the loss out"},
    ),
    Table(
        "tensorflow.contrib.slim",
        names={
            **_LAYERS,
            **_SCOPES,
            **_VARIABLES,
            "fc": f"{_HERE}.dense:fully_connected",
            "train": f"{_HERE}.slim_learning:train",
        },
        differs=contrib_layers_missing.LAYERS_DIFFER,
        missing={
            **contrib_layers_missing.NO_LAYERS,
            "dataset": "use tf.data",
            "dataset_data_provider": "use tf.data",
            "evaluation": "use tf.contrib.training.evaluate_once",
            "nets": "copy the network's definition into the program",
            "tfexample_decoder": "use tf.parse_single_example",
        },
    ),
    Table(
        "tensorflow.contrib.slim.learning",
        names=_in("slim_learning", "create_train_op", "train", "train_step")
        | {
            name: f"tgcarry.legacy.training.steps:{name}"
            for name in ("add_gradients_summaries", "clip_gradient_norms", "multiply_gradients")
        },
        differs={"train": "one machine, no traces"},
        aliases=("tensorflow.contrib.slim.python.slim.learning",),
    ),
)
