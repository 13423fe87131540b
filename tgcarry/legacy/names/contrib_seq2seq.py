"""`tensorflow.contrib.seq2seq`: decoders, helpers, attention and beam search."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HOME = "tgcarry.legacy.seq2seq"
_OPS = "tensorflow.contrib.seq2seq.python.ops"


def _from(module: str, *names: str) -> dict[str, str]:
    return {name: f"{_HOME}.{module}:{name}" for name in names}


_ATTENTION = {
    **_from("mechanism", "AttentionMechanism", "hardmax"),
    **_from("attention_state", "AttentionWrapperState"),
    **_from("attention_wrapper", "AttentionWrapper"),
    **_from("luong", "LuongAttention", "LuongMonotonicAttention"),
    **_from("bahdanau", "BahdanauAttention", "BahdanauMonotonicAttention"),
    **_from("monotonic", "monotonic_attention", "safe_cumprod"),
}

_BEAM_SEARCH = {
    **_from("beam_decoder", "BeamSearchDecoder"),
    **_from(
        "beam_types",
        "BeamSearchDecoderOutput",
        "BeamSearchDecoderState",
        "FinalBeamSearchDecoderOutput",
    ),
    **_from("tile", "tile_batch"),
}

# Published beam searches of one's own are built of these.
_BEAM_PARTS = {
    "_beam_search_step": f"{_HOME}.beam_step:beam_search_step",
    "_check_batch_beam": f"{_HOME}.beam_checks:assert_beams",
    "_check_maybe": f"{_HOME}.beam_checks:check_rank_of_tensor",
    "_check_ndims": f"{_HOME}.beam_shapes:check_rank",
    "_check_static_batch_beam_maybe": f"{_HOME}.beam_checks:may_hold_beams",
    "_get_scores": f"{_HOME}.beam_scores:beam_scores",
    "_length_penalty": f"{_HOME}.beam_scores:length_penalty",
    "_mask_probs": f"{_HOME}.beam_step:only_end",
    "_maybe_tensor_gather_helper": f"{_HOME}.beam_gather:maybe_gather_beams",
    "_tensor_gather_helper": f"{_HOME}.beam_gather:gather_beams",
    "_tile_batch": f"{_HOME}.tile:tile_rows",
    "attention_probs_from_attn_state": f"{_HOME}.beam_scores:mean_alignments",
    "get_attention_probs": f"{_HOME}.beam_scores:attention_probs",
}

_HELPERS = {
    **_from("helper", "CustomHelper", "Helper", "InferenceHelper"),
    **_from("training_helper", "TrainingHelper"),
    **_from("embedding_helpers", "GreedyEmbeddingHelper", "SampleEmbeddingHelper"),
    **_from(
        "scheduled_helpers",
        "ScheduledEmbeddingTrainingHelper",
        "ScheduledOutputTrainingHelper",
    ),
}

_BASIC = _from("basic_decoder", "BasicDecoder", "BasicDecoderOutput")
_DECODE = {**_from("decoder", "Decoder"), **_from("decode", "dynamic_decode")}
_LOSS = _from("losses", "sequence_loss")
_TREE = _from("gather_tree", "gather_tree")

# TensorFlow 1.0's and 1.1's, gone long before 1.15.
_OLD_ATTENTION = {
    **_from("prepare_attention", "prepare_attention"),
    **_from("decoder_fn", "attention_decoder_fn_train", "attention_decoder_fn_inference"),
}
_OLD_SIMPLE = _from("decoder_fn", "simple_decoder_fn_train", "simple_decoder_fn_inference")
_OLD_LOOP = _from("rnn_decoder", "dynamic_rnn_decoder")
_OLD_WRAPPER = _from(
    "dynamic_attention_wrapper", "DynamicAttentionWrapper", "DynamicAttentionWrapperState"
)

_WITHOUT_KERAS = "Keras' layer is not there: use the class without V2, which 1.15 has too"

_DIFFERS = {
    "AttentionWrapperState": "clone checks unknown shapes with fewer operations",
    "DynamicAttentionWrapper": "TensorFlow 1.1's, but probability_fn goes to the mechanism",
    "dynamic_rnn_decoder": "TensorFlow 1.0's; two names take two results, as in 0.12",
    "prepare_attention": "TensorFlow 1.0's",
    "simple_decoder_fn_train": "TensorFlow 1.0's",
    "simple_decoder_fn_inference": "TensorFlow 1.0's",
    "attention_decoder_fn_train": "TensorFlow 1.0's",
    "attention_decoder_fn_inference": "TensorFlow 1.0's",
    "dynamic_decode": "an assignment to two names takes two of the three results, as in 1.1",
    "gather_tree": "ordinary operations instead of a kernel",
    "BeamSearchDecoder": "a state may have any rank",
    "BeamSearchDecoderState": "accumulated_attention_probs may be left out, as before 1.6",
    "ScheduledOutputTrainingHelper": "also takes next_input_layer, the name of before 1.4",
}

TABLES: tuple[Table, ...] = (
    Table(
        "tensorflow.contrib.seq2seq",
        names={
            **_ATTENTION,
            **_BEAM_SEARCH,
            **_HELPERS,
            **_BASIC,
            **_DECODE,
            **_LOSS,
            **_TREE,
            **_OLD_ATTENTION,
            **_OLD_SIMPLE,
            **_OLD_LOOP,
            **_OLD_WRAPPER,
        },
        differs=_DIFFERS,
    ),
    Table(
        f"{_OPS}.attention_wrapper",
        # Published attention mechanisms of one's own are built of these.
        names={
            **_ATTENTION,
            "_BaseAttentionMechanism": f"{_HOME}.mechanism:MemoryAttention",
            "_BaseMonotonicAttentionMechanism": f"{_HOME}.monotonic:MonotonicAttention",
            "_bahdanau_score": f"{_HOME}.bahdanau:bahdanau_score",
            "_compute_attention": f"{_HOME}.attention_wrapper:attend",
            "_luong_score": f"{_HOME}.luong:luong_score",
            "_maybe_mask_score": f"{_HOME}.masking:masked_score",
            "_monotonic_probability_fn": f"{_HOME}.monotonic:monotonic_probability",
            "_prepare_memory": f"{_HOME}.masking:masked_memory",
            "_zero_state_tensors": f"{_HOME}.arrays:zeros_like_sizes",
        },
        missing={
            f"{name}V2": _WITHOUT_KERAS
            for name in (
                "BahdanauAttention",
                "BahdanauMonotonicAttention",
                "LuongAttention",
                "LuongMonotonicAttention",
            )
        },
    ),
    Table(
        f"{_OPS}.basic_decoder",
        names=_BASIC,
        missing={"BasicDecoderV2": _WITHOUT_KERAS},
    ),
    Table(
        f"{_OPS}.beam_search_decoder",
        names={
            **_BEAM_SEARCH,
            **_from("gather_tree", "gather_tree_from_array"),
            **_from("attention_wrapper", "AttentionWrapper"),
            **_BEAM_PARTS,
        },
        missing={"BeamSearchDecoderV2": _WITHOUT_KERAS},
    ),
    Table(f"{_OPS}.beam_search_ops", names=_TREE),
    Table(
        f"{_OPS}.decoder",
        names={
            **_DECODE,
            "_create_zero_outputs": f"{_HOME}.arrays:zero_outputs",
            "_transpose_batch_time": f"{_HOME}.arrays:swap_batch_and_time",
        },
        missing={"BaseDecoder": _WITHOUT_KERAS},
    ),
    Table(
        f"{_OPS}.helper",
        names={
            **_HELPERS,
            **_from("sampling", "bernoulli_sample", "categorical_sample"),
            "_call_sampler": f"{_HOME}.sampling:call_sampler",
            "_transpose_batch_time": f"{_HOME}.arrays:swap_batch_and_time",
            "_unstack_ta": f"{_HOME}.arrays:step_array",
        },
    ),
    Table(
        f"{_OPS}.loss",
        names={**_LOSS, **_from("loss_layer", "SequenceLoss")},
    ),
    Table(f"{_OPS}.attention_decoder_fn", names=_OLD_ATTENTION),
    Table(f"{_OPS}.decoder_fn", names=_OLD_SIMPLE),
    Table(f"{_OPS}.seq2seq", names=_OLD_LOOP),
    Table(f"{_OPS}.dynamic_attention_wrapper", names={**_ATTENTION, **_OLD_WRAPPER}),
)
