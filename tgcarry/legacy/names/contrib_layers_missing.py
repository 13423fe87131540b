"""What `tf.contrib.layers` and `tf.contrib.framework` had and the facade has not, or not so."""

from __future__ import annotations

_COLUMN = "use tf.feature_column, or feed the tensors themselves"
_NO_COLUMNS = {
    name: _COLUMN
    for name in (
        "bucketized_column",
        "check_feature_columns",
        "create_feature_spec_for_parsing",
        "crossed_column",
        "embedding_column",
        "infer_real_valued_columns",
        "input_from_feature_columns",
        "joint_weighted_sum_from_feature_columns",
        "make_place_holder_tensors_for_base_features",
        "multi_class_target",
        "one_hot_column",
        "parse_feature_columns_from_examples",
        "parse_feature_columns_from_sequence_examples",
        "real_valued_column",
        "regression_target",
        "scattered_embedding_column",
        "sequence_input_from_feature_columns",
        "shared_embedding_columns",
        "sparse_column_with_hash_bucket",
        "sparse_column_with_integerized_feature",
        "sparse_column_with_keys",
        "sparse_column_with_vocabulary_file",
        "transform_features",
        "weighted_sparse_column",
        "weighted_sum_from_feature_columns",
    )
}
NO_LAYERS = {
    **_NO_COLUMNS,
    "GDN": "normalise with layer_norm or batch_norm",
    "RevBlock": "keep the activations: nothing is recomputed",
    "gdn": "normalise with layer_norm or batch_norm",
    "recompute_grad": "use tf.recompute_grad",
    "rev_block": "keep the activations: nothing is recomputed",
}
LAYERS_DIFFER = {
    "batch_norm": "takes as many operations, not always of the same names",
    "conv2d_transpose": "fewer operations: seeds of later operations may differ",
    "group_norm": "other operations, same numbers",
    "unit_norm": "fewer operations: seeds of later operations may differ",
}
NO_FRAMEWORK = {
    "VariableDeviceChooser": "trains on one machine: leave the device out",
    "assert_or_get_global_step": "use tf.train.get_or_create_global_step",
    "fuse_op": "was for graphs on phones",
    "load_and_remap_matrix_initializer": "use tf.train.warm_start",
    "load_embedding_initializer": "use tf.train.warm_start",
    "with_same_shape": "use tf.debugging.assert_equal of both shapes",
    "with_shape": "use tf.ensure_shape",
    "zero_initializer": "use tf.zeros_initializer",
}
