"""The small modules of `tf.contrib`: random fields, metrics, tables, optimizers and the rest."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.contrib_layers"
_CRF = "tgcarry.legacy.crf"
_LOOKUP = "tensorflow.python.ops.lookup_ops"
_META_GRAPH = "tensorflow.python.framework.meta_graph"
_V1 = "tensorflow.compat.v1"


def _in(module: str, *names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names}


_CRF_NAMES = {
    **_in(
        f"{_CRF}.scores",
        "crf_binary_score",
        "crf_log_likelihood",
        "crf_log_norm",
        "crf_multitag_sequence_score",
        "crf_sequence_score",
        "crf_unary_score",
    ),
    **_in(f"{_CRF}.decoding", "crf_decode", "viterbi_decode"),
    **_in(
        f"{_CRF}.cells",
        "CrfDecodeBackwardRnnCell",
        "CrfDecodeForwardRnnCell",
        "CrfForwardRnnCell",
    ),
}

_METRICS = {
    **_in(
        f"{_HERE}.metrics",
        "accuracy",
        "aggregate_metric_map",
        "aggregate_metrics",
        "streaming_accuracy",
        "streaming_auc",
        "streaming_false_negatives",
        "streaming_false_positives",
        "streaming_mean_absolute_error",
        "streaming_mean_cosine_distance",
        "streaming_mean_iou",
        "streaming_mean_relative_error",
        "streaming_mean_squared_error",
        "streaming_precision",
        "streaming_recall",
        "streaming_root_mean_squared_error",
        "streaming_sparse_precision_at_k",
        "streaming_sparse_recall_at_k",
        "streaming_true_negatives",
        "streaming_true_positives",
    ),
    "confusion_matrix": f"{_V1}:confusion_matrix",
    "set_difference": f"{_V1}.sets:set_difference",
    "set_intersection": f"{_V1}.sets:set_intersection",
    "set_size": f"{_V1}.sets:set_size",
    "set_union": f"{_V1}.sets:set_union",
    "streaming_mean": f"{_V1}.metrics:mean",
    "streaming_mean_tensor": f"{_V1}.metrics:mean_tensor",
    "streaming_percentage_less": f"{_V1}.metrics:percentage_below",
}

_TABLES = {
    **_in(
        f"{_HERE}.lookup",
        "index_table_from_tensor",
        "index_to_string",
        "index_to_string_table_from_tensor",
        "string_to_index",
        "string_to_index_table_from_file",
        "string_to_index_table_from_tensor",
    ),
    **_in(
        _LOOKUP,
        "FastHashSpec",
        "HasherSpec",
        "IdTableWithHashBuckets",
        "KeyValueTensorInitializer",
        "LookupInterface",
        "MutableHashTable",
        "StrongHashSpec",
        "TableInitializerBase",
        "TextFileIdTableInitializer",
        "TextFileIndex",
        "TextFileInitializer",
        "TextFileStringTableInitializer",
        "index_table_from_file",
        "index_to_string_table_from_file",
    ),
    "HashTable": f"{_LOOKUP}:StaticHashTableV1",
    "InitializableLookupTableBase": f"{_LOOKUP}:InitializableLookupTableBase",
    "MutableDenseHashTable": f"{_LOOKUP}:DenseHashTable",
}

_OPTIMIZERS = _in(f"{_HERE}.optimizers", "AdamWOptimizer", "LazyAdamOptimizer", "NadamOptimizer")
_WRITE_OPTIMIZER = "write its step as a tf.train.Optimizer, or take one of tf.train"
_NO_OPTIMIZERS = {
    name: _WRITE_OPTIMIZER
    for name in (
        "AGNOptimizer",
        "AdaMaxOptimizer",
        "AddSignOptimizer",
        "GGTOptimizer",
        "LARSOptimizer",
        "MomentumWOptimizer",
        "MultitaskOptimizerWrapper",
        "PowerSignOptimizer",
        "RegAdagradOptimizer",
        "ShampooOptimizer",
        "VariableClippingOptimizer",
        "extend_with_decoupled_weight_decay",
    )
} | {
    "DropStaleGradientOptimizer": "one machine has no stale gradients",
    "ElasticAverageOptimizer": "trains on one machine: use the optimizer itself",
    "ExternalOptimizerInterface": "minimise with SciPy around session.run",
    "ModelAverageOptimizer": "trains on one machine: use the optimizer itself",
    "MovingAverageOptimizer": "use tf.train.ExponentialMovingAverage",
    "ScipyOptimizerInterface": "minimise with SciPy around session.run",
    "clip_gradients_by_global_norm": "use tf.clip_by_global_norm",
}

_PROJECTOR = _in(
    f"{_HERE}.projector",
    "EmbeddingInfo",
    "ProjectorConfig",
    "SpriteMetadata",
    "visualize_embeddings",
)

_NN = {
    "alpha_dropout": f"{_HERE}.activations:alpha_dropout",
    "conv1d_transpose": f"{_V1}.nn:conv1d_transpose",
    "deprecated_flipped_sigmoid_cross_entropy_with_logits": (
        f"{_HERE}.activations:flipped_sigmoid_cross_entropy"
    ),
    "deprecated_flipped_softmax_cross_entropy_with_logits": (
        f"{_HERE}.activations:flipped_softmax_cross_entropy"
    ),
    "deprecated_flipped_sparse_softmax_cross_entropy_with_logits": (
        f"{_HERE}.activations:flipped_sparse_softmax_cross_entropy"
    ),
    "nth_element": "tensorflow.python.ops.nn_ops:nth_element",
    "scaled_softplus": f"{_HERE}.activations:scaled_softplus",
}

# Modules of `tf.contrib` that are not there; for the table of `tensorflow.contrib`.
MISSING = {
    "autograph": "write tf.cond and tf.while_loop out, or use tf.autograph",
    "batching": "batch what you feed",
    "bayesflow": "use tf.distributions",
    "boosted_trees": "use a package for trees",
    "cloud": "runs on one machine",
    "cluster_resolver": "runs on one machine",
    "cmake": "there is nothing to build",
    "compiler": "see --engine of `python -m tgcarry`",
    "copy_graph": "use tf.import_graph_def",
    "decision_trees": "use a package for trees",
    "distribute": "runs on one machine",
    "eager": "old programs run as graphs; with eager execution use today's TensorFlow itself",
    "factorization": "use scikit-learn",
    "ffmpeg": "decode audio before the program",
    "graph_editor": "change the program that makes the graph",
    "input_pipeline": "use tf.data",
    "integrate": "use SciPy, or write the steps out",
    "kernel_methods": "use scikit-learn",
    "labeled_tensor": "use plain tensors",
    "linear_optimizer": "use tf.train",
    "memory_stats": "use the operating system's tools",
    "meta_graph_transform": "use tf.graph_util",
    "mpi": "runs on one machine",
    "predictor": "use tf.train.Saver and a session",
    "quantization": "use today's TensorFlow Lite",
    "quantize": "use today's TensorFlow Lite",
    "receptive_field": "work it out by hand",
    "reduce_slice_ops": "use tf.reduce_sum of slices",
    "resampler": "use tf.gather and interpolate",
    "session_bundle": "use tf.saved_model",
    "solvers": "use tf.linalg",
    "sparsemax": "write the projection out",
    "specs": "write the layers out",
    "stat_summarizer": "use tf.profiler",
    "tensor_forest": "use a package for trees",
    "tensorrt": "use today's TensorFlow",
    "testing": "use unittest",
    "tfprof": "use tf.profiler",
    "timeseries": "write the model with tf.nn.dynamic_rnn",
    "tpu": "runs on this machine's processor",
    "verbs": "runs on one machine",
}

TABLES = (
    Table(
        "tensorflow.contrib.crf",
        names=_CRF_NAMES,
        differs={
            "crf_decode": "unrolled without tf.cond: other operations, same numbers",
            "crf_log_norm": "unrolled without tf.cond: other operations, same numbers",
        },
        aliases=("tensorflow.contrib.crf.python.ops.crf", "tensorflow.contrib.crf.python.ops"),
    ),
    Table(
        "tensorflow.contrib.metrics",
        names=_METRICS,
        aliases=("tensorflow.contrib.slim.metrics",),
    ),
    Table(
        "tensorflow.contrib.distributions",
        fallback=(f"{_V1}.distributions",),
        aliases=("tensorflow.contrib.distributions.python.ops",),
    ),
    Table(
        "tensorflow.contrib.lookup",
        names=_TABLES,
        aliases=("tensorflow.contrib.lookup.lookup_ops",),
    ),
    Table("tensorflow.contrib.nn", names=_NN),
    Table("tensorflow.contrib.opt", names=_OPTIMIZERS, missing=_NO_OPTIMIZERS),
    Table(
        "tensorflow.contrib.tensorboard.plugins.projector",
        names=_PROJECTOR,
        differs={"ProjectorConfig": "is written to a file; cannot be read back"},
    ),
    Table(
        "tensorflow.contrib.util",
        names={
            "constant_value": f"{_V1}:get_static_value",
            "make_ndarray": f"{_V1}:make_ndarray",
            "make_tensor_proto": f"{_V1}:make_tensor_proto",
            "ops_used_by_graph_def": f"{_META_GRAPH}:ops_used_by_graph_def",
            "stripped_op_list_for_graph": f"{_META_GRAPH}:stripped_op_list_for_graph",
        },
    ),
    Table(
        "tensorflow.contrib.stateless",
        names={
            "stateless_multinomial": f"{_V1}.random:stateless_multinomial",
            "stateless_random_normal": f"{_V1}.random:stateless_normal",
            "stateless_random_uniform": f"{_V1}.random:stateless_uniform",
            "stateless_truncated_normal": f"{_V1}.random:stateless_truncated_normal",
        },
    ),
    Table(
        "tensorflow.contrib.ctc",
        names=_in(f"{_V1}.nn", "ctc_beam_search_decoder", "ctc_greedy_decoder", "ctc_loss"),
        missing={"sparse_softmax": "use tf.sparse.softmax"},
    ),
    Table(
        "tensorflow.contrib.image",
        missing={
            name: "prepare the pictures with NumPy, or use tf.image"
            for name in ("rotate", "transform", "translate")
        },
    ),
    Table("tensorflow.contrib.signal", fallback=(f"{_V1}.signal",)),
    Table(
        "tensorflow.contrib.checkpoint",
        missing={
            "NoDependency": "keep the value in a plain attribute",
        },
    ),
    Table("tensorflow.contrib.saved_model", fallback=(f"{_V1}.saved_model",)),
    Table(
        "tensorflow.contrib.summary",
        names={
            "summary": f"{_V1}.summary",
        },
        missing={
            "always_record_summaries": "use tf.summary.merge_all and a FileWriter",
            "create_file_writer": "use tf.summary.FileWriter",
            "histogram": "use tf.summary.histogram",
            "image": "use tf.summary.image",
            "record_summaries_every_n_global_steps": "write the summaries when you want them",
            "scalar": "use tf.summary.scalar",
        },
    ),
)
