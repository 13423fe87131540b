"""Tables of the group `legacy_seq2seq`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_LIBRARY = "tgcarry.legacy.legacy_seq2seq"

_NAMES = {
    name: f"{_LIBRARY}:{name}"
    for name in (
        "attention_decoder",
        "basic_rnn_seq2seq",
        "embedding_attention_decoder",
        "embedding_attention_seq2seq",
        "embedding_rnn_decoder",
        "embedding_rnn_seq2seq",
        "embedding_tied_rnn_seq2seq",
        "model_with_buckets",
        "one2many_rnn_seq2seq",
        "rnn_decoder",
        "sequence_loss",
        "sequence_loss_by_example",
        "tied_rnn_seq2seq",
    )
}

# What programs took from the file behind the module.
_INSIDE = {
    "_extract_argmax_and_embed": f"{_LIBRARY}:extract_argmax_and_embed",
    "Linear": "tgcarry.legacy.rnn.linear:Linear",
}

_ANY_ORDER = (
    "a softmax_loss_function without the keywords labels and logits is called in the order that "
    "its arguments' names tell, as before 1.1"
)
_BUILT = "a cell that was called before is copied without its variables; 1.15 cannot copy it"

TABLES: tuple[Table, ...] = (
    Table(
        "tensorflow.contrib.legacy_seq2seq",
        names={**_NAMES, **_INSIDE},
        differs={
            "basic_rnn_seq2seq": _BUILT,
            "embedding_attention_seq2seq": _BUILT,
            "embedding_rnn_seq2seq": _BUILT,
            "model_with_buckets": _ANY_ORDER,
            "sequence_loss": _ANY_ORDER,
            "sequence_loss_by_example": _ANY_ORDER,
        },
        aliases=(
            "tensorflow.contrib.legacy_seq2seq.python.ops.seq2seq",
            "tensorflow.models.rnn.seq2seq",
            "tensorflow.nn.seq2seq",
            "tensorflow.python.ops.seq2seq",
        ),
    ),
)
