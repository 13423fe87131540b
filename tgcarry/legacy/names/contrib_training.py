"""Tables of the group `contrib_training`: `tf.contrib.training` and `tf.contrib.data`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.training"
_EVALUATION = "tensorflow.python.training.evaluation"

_INNER = "tensorflow.contrib.training.python.training"

_HPARAM = {
    "HParams": f"{_HERE}.hparams:HParams",
    "parse_values": f"{_HERE}.assignments:parse_values",
}

_NAMES = {
    **_HPARAM,
    "NextQueuedSequenceBatch": f"{_HERE}.state_batch:NextQueuedSequenceBatch",
    "SequenceQueueingStateSaver": f"{_HERE}.state_saver:SequenceQueueingStateSaver",
    "StopAfterNEvalsHook": f"{_EVALUATION}:_StopAfterNEvalsHook",
    "SummaryAtEndHook": f"{_HERE}.evaluation:SummaryAtEndHook",
    "add_gradients_summaries": f"{_HERE}.steps:add_gradients_summaries",
    "batch_sequences_with_states": f"{_HERE}.state_batching:batch_sequences_with_states",
    "bucket": f"{_HERE}.buckets:bucket",
    "bucket_by_sequence_length": f"{_HERE}.buckets:bucket_by_sequence_length",
    "checkpoints_iterator": "tensorflow.compat.v1.train:checkpoints_iterator",
    "clip_gradient_norms": f"{_HERE}.steps:clip_gradient_norms",
    "clip_gradient_norms_fn": f"{_HERE}.steps:clip_gradient_norms_fn",
    "create_train_op": f"{_HERE}.steps:create_train_op",
    "evaluate_once": f"{_EVALUATION}:_evaluate_once",
    "evaluate_repeatedly": f"{_HERE}.evaluation:evaluate_repeatedly",
    "get_or_create_eval_step": f"{_EVALUATION}:_get_or_create_eval_step",
    "multiply_gradients": f"{_HERE}.steps:multiply_gradients",
    "rejection_sample": f"{_HERE}.resampling:rejection_sample",
    "resample_at_rate": f"{_HERE}.resampling:resample_at_rate",
    "stratified_sample": f"{_HERE}.resampling:stratified_sample",
    "train": f"{_HERE}.steps:train",
    "wait_for_new_checkpoint": (
        "tensorflow.python.training.checkpoint_utils:wait_for_new_checkpoint"
    ),
    "weighted_resample": f"{_HERE}.resampling:weighted_resample",
}

_TODAY = "tensorflow.compat.v1.data"
_DATA = {
    **{
        name: f"{_TODAY}.experimental:{name}"
        for name in (
            "AUTOTUNE",
            "Counter",
            "CsvDataset",
            "Optional",
            "RandomDataset",
            "Reducer",
            "SqlDataset",
            "TFRecordWriter",
            "bucket_by_sequence_length",
            "choose_from_datasets",
            "copy_to_device",
            "dense_to_sparse_batch",
            "enumerate_dataset",
            "get_next_as_optional",
            "get_single_element",
            "group_by_reducer",
            "group_by_window",
            "ignore_errors",
            "make_batched_features_dataset",
            "make_csv_dataset",
            "make_saveable_from_iterator",
            "map_and_batch",
            "parallel_interleave",
            "parse_example_dataset",
            "prefetch_to_device",
            "rejection_resample",
            "sample_from_datasets",
            "scan",
            "shuffle_and_repeat",
            "unbatch",
            "unique",
        )
    },
    **{
        name: f"{_HERE}.transformations:{name}"
        for name in (
            "assert_element_shape",
            "batch_and_drop_remainder",
            "padded_batch_and_drop_remainder",
            "read_batch_features",
            "reduce_dataset",
            "sliding_window_batch",
            "sloppy_interleave",
        )
    },
    "Dataset": f"{_HERE}.datasets:Dataset",
    "FixedLengthRecordDataset": f"{_HERE}.datasets:fixed_length_record_dataset",
    "Iterator": f"{_TODAY}:Iterator",
    "TFRecordDataset": f"{_HERE}.datasets:tf_record_dataset",
    "TextLineDataset": f"{_HERE}.datasets:text_line_dataset",
}

_CONTRIB_DATA = Table(
    "tensorflow.contrib.data",
    names=_DATA,
    differs={"Dataset": "is today's, with the older methods"},
    missing={
        "CheckpointInputPipelineHook": "use tf.train.Saver on make_saveable_from_iterator",
        "LMDBDataset": "read the file with the lmdb package and Dataset.from_generator",
    },
    aliases=(
        "tensorflow.contrib.data.python.ops",
        "tensorflow.contrib.data.python.ops.dataset_ops",
        "tensorflow.contrib.data.python.ops.grouping",
        "tensorflow.contrib.data.python.ops.batching",
    ),
)

TABLES = (
    _CONTRIB_DATA,
    Table(
        "tensorflow.contrib.training",
        names=_NAMES,
        differs={
            "stratified_sample": "does not check labels and proportions while it runs",
        },
        missing={
            "FeedingQueueRunner": "feed minibatches with feed_dict",
            "GreedyLoadBalancingStrategy": "one machine has nothing to balance",
            "RandomStrategy": "one machine has nothing to balance",
            "byte_size_load_fn": "one machine has nothing to balance",
        },
        aliases=(
            _INNER,
            *(
                f"{_INNER}.{module}"
                for module in (
                    "bucket_ops",
                    "evaluation",
                    "resample",
                    "sampling_ops",
                    "sequence_queueing_state_saver",
                    "training",
                )
            ),
        ),
    ),
    Table(
        f"{_INNER}.hparam",
        names=_HPARAM,
        aliases=("tensorflow.contrib.training.hparam",),
    ),
)
