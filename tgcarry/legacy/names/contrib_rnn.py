"""`tf.contrib.rnn`, `cudnn_rnn` and `grid_rnn`, and the modules their parts lived in."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HOME = "tgcarry.legacy.rnn"

# Written as before TensorFlow 1.1, they take the inputs' width too.
_CORE = {
    name: f"tgcarry.legacy.before_one.cells:{name}"
    for name in (
        "BasicLSTMCell",
        "BasicRNNCell",
        "DropoutWrapper",
        "GRUCell",
        "LSTMCell",
        "MultiRNNCell",
    )
}
_CORE |= {
    "DeviceWrapper": f"{_HOME}.wrappers:DeviceWrapper",
    "LSTMStateTuple": "tgcarry.cells:LSTMStateTuple",
    "LayerRNNCell": "tgcarry.cells.base:LayerRNNCell",
    "RNNCell": "tgcarry.cells:RNNCell",
    "ResidualWrapper": "tgcarry.cells:ResidualWrapper",
}

_LINEAR = {
    "_BIAS_VARIABLE_NAME": f"{_HOME}.linear:BIAS_NAME",
    "_WEIGHTS_VARIABLE_NAME": f"{_HOME}.linear:WEIGHTS_NAME",
    "_Linear": f"{_HOME}.linear:Linear",
    "_linear": f"{_HOME}.linear:linear",
    # The name that some copies of the module gave it.
    "linear": f"{_HOME}.linear:linear",
}

# Modules that programs reached through the cells' module.
_MODULES = {
    "array_ops": "tensorflow.python.ops.array_ops",
    "clip_ops": "tensorflow.python.ops.clip_ops",
    "dtypes": "tensorflow.python.framework.dtypes",
    "embedding_ops": "tensorflow.python.ops.embedding_ops",
    "init_ops": "tensorflow.python.ops.init_ops",
    "logging": "tensorflow.python.platform.tf_logging",
    "math_ops": "tensorflow.python.ops.math_ops",
    "nest": "tensorflow.python.util.nest",
    "nn_ops": "tensorflow.python.ops.nn_ops",
    "ops": "tensorflow.python.framework.ops",
    "partitioned_variables": "tensorflow.python.ops.partitioned_variables",
    "tensor_shape": "tensorflow.python.framework.tensor_shape",
    "variable_scope": "tensorflow.python.ops.variable_scope",
    "vs": "tensorflow.python.ops.variable_scope",
}

_PROJECTIONS = {
    name: f"{_HOME}.projection:{name}"
    for name in ("EmbeddingWrapper", "InputProjectionWrapper", "OutputProjectionWrapper")
}

# For `tensorflow.nn.rnn_cell` and `tensorflow.python.ops.rnn_cell*`, besides the nine cells.
CELL_MODULE_NAMES: dict[str, str] = {
    **_MODULES,
    **_LINEAR,
    **_PROJECTIONS,
    "ASSERT_LIKE_RNNCELL_ERROR_REGEXP": f"{_HOME}.helpers:NOT_A_CELL",
    "DeviceWrapper": _CORE["DeviceWrapper"],
    "LayerRNNCell": _CORE["LayerRNNCell"],
    "_LayerRNNCell": _CORE["LayerRNNCell"],
    "_RNNCell": _CORE["RNNCell"],
    "_checked_scope": f"{_HOME}.helpers:checked_scope",
    "_concat": f"{_HOME}.helpers:concat_shapes",
    "_default_dropout_state_filter_visitor": "tgcarry.cells.dropout:all_but_memory",
    "_hasattr": f"{_HOME}.helpers:has_attribute",
    "_like_rnncell": f"{_HOME}.helpers:is_like_cell",
    "_zero_state_tensors": f"{_HOME}.helpers:zero_state_tensors",
    "assert_like_rnncell": f"{_HOME}.helpers:assert_like_rnncell",
}

# For `tensorflow.python.ops.rnn`.
UNROLLING_MODULE_NAMES: dict[str, str] = {
    "_best_effort_input_batch_size": f"{_HOME}.helpers:best_effort_input_batch_size",
    "_concat": f"{_HOME}.helpers:concat_shapes",
    "_infer_state_dtype": f"{_HOME}.helpers:infer_state_dtype",
    "_like_rnncell": f"{_HOME}.helpers:is_like_cell",
    "_transpose_batch_time": f"{_HOME}.helpers:transpose_batch_time",
    "assert_like_rnncell": f"{_HOME}.helpers:assert_like_rnncell",
}

_BLOCKS = {
    "LSTMBlockCell": f"{_HOME}.lstm_blocks:LSTMBlockCell",
    "LSTMBlockFusedCell": f"{_HOME}.lstm_blocks:LSTMBlockFusedCell",
    "LSTMBlockWrapper": f"{_HOME}.lstm_blocks:LSTMBlockWrapper",
}
_GRU_BLOCKS = {
    "GRUBlockCell": f"{_HOME}.gru_blocks:GRUBlockCell",
    "GRUBlockCellV2": f"{_HOME}.gru_blocks:GRUBlockCellV2",
}
_FUSED = {
    name: f"{_HOME}.fused:{name}"
    for name in ("FusedRNNCell", "FusedRNNCellAdaptor", "TimeReversedFusedRNN")
}
_STACKED = {
    name: f"{_HOME}.stacked:{name}"
    for name in ("stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn")
}
_UNROLLING = {
    name: f"tgcarry.legacy.unrolling:{name}"
    for name in ("static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn")
}

_CELLS = {
    "AttentionCellWrapper": f"{_HOME}.attention:AttentionCellWrapper",
    "BidirectionalGridLSTMCell": f"{_HOME}.frequency_grid_both_ways:BidirectionalGridLSTMCell",
    "CompiledWrapper": f"{_HOME}.wrappers:CompiledWrapper",
    "Conv1DLSTMCell": f"{_HOME}.convolutional:Conv1DLSTMCell",
    "Conv2DLSTMCell": f"{_HOME}.convolutional:Conv2DLSTMCell",
    "Conv3DLSTMCell": f"{_HOME}.convolutional:Conv3DLSTMCell",
    "ConvLSTMCell": f"{_HOME}.convolutional:ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell": f"{_HOME}.coupled:CoupledInputForgetGateLSTMCell",
    "GLSTMCell": f"{_HOME}.groups:GLSTMCell",
    "GridLSTMCell": f"{_HOME}.frequency_grid:GridLSTMCell",
    "HighwayWrapper": f"{_HOME}.wrappers:HighwayWrapper",
    "IndRNNCell": f"{_HOME}.independent:IndRNNCell",
    "IndyGRUCell": f"{_HOME}.independent:IndyGRUCell",
    "IndyLSTMCell": f"{_HOME}.independent:IndyLSTMCell",
    "IntersectionRNNCell": f"{_HOME}.update_gates:IntersectionRNNCell",
    "LayerNormBasicLSTMCell": f"{_HOME}.layer_norm_lstm:LayerNormBasicLSTMCell",
    "NASCell": f"{_HOME}.nas:NASCell",
    "PhasedLSTMCell": f"{_HOME}.phased:PhasedLSTMCell",
    "SRUCell": f"{_HOME}.simple:SRUCell",
    "TimeFreqLSTMCell": f"{_HOME}.frequency:TimeFreqLSTMCell",
    "UGRNNCell": f"{_HOME}.update_gates:UGRNNCell",
}
# 1.15 has these only in the module, not in the package.
_MODULE_CELLS = {
    "CFNCell": f"{_HOME}.simple:CFNCell",
    "LayerNormLSTMCell": f"{_HOME}.layer_norm_lstm:LayerNormLSTMCell",
    "MinimalRNNCell": f"{_HOME}.simple:MinimalRNNCell",
    "NTMCell": f"{_HOME}.turing:NTMCell",
    "NTMControllerState": f"{_HOME}.turing:NTMControllerState",
    "WeightNormLSTMCell": f"{_HOME}.weight_norm:WeightNormLSTMCell",
}

_CUDNN = {
    "CudnnCompatibleGRUCell": f"{_HOME}.cudnn_cells:CudnnCompatibleGRUCell",
    "CudnnCompatibleLSTMCell": f"{_HOME}.cudnn_cells:CudnnCompatibleLSTMCell",
    **{
        name: f"{_HOME}.cudnn_layers:{name}"
        for name in ("CudnnGRU", "CudnnLSTM", "CudnnRNNRelu", "CudnnRNNTanh")
    },
}
_GRIDS = {
    "GridRNNCell": f"{_HOME}.grid:GridRNNCell",
    **{
        name: f"{_HOME}.grid_kinds:{name}"
        for name in (
            "Grid1BasicLSTMCell",
            "Grid1BasicRNNCell",
            "Grid1LSTMCell",
            "Grid2BasicLSTMCell",
            "Grid2BasicRNNCell",
            "Grid2GRUCell",
            "Grid2LSTMCell",
            "Grid3LSTMCell",
        )
    },
}

_NO_XLA = "runs like any other cell, not compiled by XLA"
_NO_OPAQUE = "tf.train.Saver saves the layers' own variables, under the names these wrote"
_CUDNN_DIFFERS = {
    name: "computed by ordinary operations on any device; its variables are the kernels and "
    "biases that 1.15 saved, not one opaque_kernel"
    for name in ("CudnnGRU", "CudnnLSTM", "CudnnRNNRelu", "CudnnRNNTanh")
}
_CUDNN_MISSING = {
    name: _NO_OPAQUE
    for name in (
        "CudnnGRUSaveable",
        "CudnnLSTMSaveable",
        "CudnnOpaqueParamsSaveable",
        "CudnnParamsFormatConverterGRU",
        "CudnnParamsFormatConverterLSTM",
        "CudnnParamsFormatConverterRelu",
        "CudnnParamsFormatConverterTanh",
        "CudnnRNNReluSaveable",
        "CudnnRNNTanhSaveable",
        "RNNParamsSaveable",
    )
}

_OPS = "tensorflow.contrib.rnn.python.ops"

TABLES: tuple[Table, ...] = (
    Table(
        "tensorflow.contrib.rnn",
        names={
            **_CORE,
            **_PROJECTIONS,
            **_BLOCKS,
            **_GRU_BLOCKS,
            **_FUSED,
            **_STACKED,
            **_UNROLLING,
            **_CELLS,
            **_MODULE_CELLS,
            "best_effort_input_batch_size": f"{_HOME}.helpers:best_effort_input_batch_size",
            "transpose_batch_time": f"{_HOME}.helpers:transpose_batch_time",
        },
        differs={"CompiledWrapper": _NO_XLA},
    ),
    Table(
        f"{_OPS}.core_rnn_cell",
        names={**_CORE, **CELL_MODULE_NAMES},
        aliases=(
            f"{_OPS}.core_rnn_cell_impl",
            "tensorflow.contrib.rnn.core_rnn_cell",
            "tensorflow.contrib.rnn.core_rnn_cell_impl",
        ),
    ),
    Table(
        f"{_OPS}.core_rnn",
        names={**_UNROLLING, **UNROLLING_MODULE_NAMES},
        aliases=("tensorflow.contrib.rnn.core_rnn",),
    ),
    Table(
        f"{_OPS}.rnn_cell",
        names={
            **_CORE,
            **CELL_MODULE_NAMES,
            **_CELLS,
            **_MODULE_CELLS,
            "_conv": f"{_HOME}.convolutional:convolved",
            "_get_concat_variable": f"{_HOME}.sharding:sharded_variable",
            "_get_sharded_variable": f"{_HOME}.sharding:shards",
            "_norm": f"{_HOME}.norm:gate_norm",
            "_random_exp_initializer": f"{_HOME}.phased:log_uniform",
        },
        differs={"CompiledWrapper": _NO_XLA},
        aliases=("tensorflow.contrib.rnn.rnn_cell",),
    ),
    Table(f"{_OPS}.rnn", names=_STACKED),
    Table(
        f"{_OPS}.lstm_ops",
        names={
            **_BLOCKS,
            "LayerRNNCell": _CORE["LayerRNNCell"],
            "_block_lstm": f"{_HOME}.lstm_kernels:block_lstm",
            "_lstm_block_cell": f"{_HOME}.lstm_kernels:lstm_block_cell",
        },
    ),
    Table(f"{_OPS}.gru_ops", names={**_GRU_BLOCKS, "LayerRNNCell": _CORE["LayerRNNCell"]}),
    Table(f"{_OPS}.fused_rnn_cell", names=_FUSED),
    Table(
        "tensorflow.contrib.cudnn_rnn",
        names=_CUDNN,
        differs=_CUDNN_DIFFERS,
        missing=_CUDNN_MISSING,
        aliases=(
            "tensorflow.contrib.cudnn_rnn.python.layers",
            "tensorflow.contrib.cudnn_rnn.python.layers.cudnn_rnn",
        ),
    ),
    Table(
        "tensorflow.contrib.cudnn_rnn.python.ops.cudnn_rnn_ops",
        names={name: _CUDNN[name] for name in _CUDNN if "Compatible" in name},
        missing={
            **_CUDNN_MISSING,
            **{
                name: "use the layer of that name in tf.contrib.cudnn_rnn"
                for name in ("CudnnGRU", "CudnnLSTM", "CudnnRNNRelu", "CudnnRNNTanh")
            },
        },
    ),
    Table(
        "tensorflow.contrib.grid_rnn",
        names=_GRIDS,
        aliases=("tensorflow.contrib.grid_rnn.python.ops.grid_rnn_cell",),
    ),
    Table(
        "tensorflow.contrib.recurrent",
        missing={
            "Recurrent": "write the recurrence as a cell, and use tf.nn.dynamic_rnn",
            "bidirectional_functional_rnn": "use tf.nn.bidirectional_dynamic_rnn",
            "functional_rnn": "use tf.nn.dynamic_rnn",
        },
    ),
)
