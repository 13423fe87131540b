"""Chains of `tf.contrib.crf`, for TensorFlow 1.15.5 and for tgcarry's facade alike."""

import numpy as np

# Batch, length and tags; lengths; and whether the length is known while building.
CASES = {
    "usual": (3, 5, 4, [5, 3, 1], True),
    "empty": (3, 4, 3, [4, 0, 2], True),
    "unknown_length": (2, 6, 3, [6, 4], False),
    "one_step": (2, 1, 3, [1, 1], True),
    "int64": (2, 4, 5, [2, 4], True),
}


def evaluate(tf, crf, name):
    batch, length, tags, lengths, known = CASES[name]
    rng = np.random.RandomState(len(name))
    scores = rng.randn(batch, length, tags).astype("float32")
    transitions = rng.randn(tags, tags).astype("float32")
    kind = "int64" if name == "int64" else "int32"
    chosen = rng.randint(0, tags, (batch, length)).astype(kind)
    bitmap = rng.rand(batch, length, tags) > 0.3
    bitmap[..., 0] = True
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = tf.placeholder(tf.float32, [None, length if known else None, tags])
        moves = tf.constant(transitions)
        labels = tf.placeholder_with_default(chosen, [None, length if known else None])
        sizes = tf.constant(lengths, tf.as_dtype(kind))
        likelihood, _ = crf.crf_log_likelihood(inputs, labels, sizes, moves)
        by_inputs, by_moves = tf.gradients(-tf.reduce_mean(likelihood), [inputs, moves])
        decoded, best = crf.crf_decode(inputs, moves, sizes)
        fetches = {
            "likelihood": likelihood,
            "by_inputs": by_inputs,
            "by_moves": by_moves,
            "decoded": decoded,
            "best": best,
            "norm": crf.crf_log_norm(inputs, sizes, moves),
            "score": crf.crf_sequence_score(inputs, labels, sizes, moves),
            "unary": crf.crf_unary_score(labels, sizes, inputs),
            "binary": crf.crf_binary_score(labels, sizes, moves),
            "multitag": crf.crf_multitag_sequence_score(inputs, tf.constant(bitmap), sizes, moves),
        }
        # One step has no transitions, and so no gradient by them.
        fetches = {key: value for key, value in fetches.items() if value is not None}
        found = {
            key: np.asarray(value) for key, value in session.run(fetches, {inputs: scores}).items()
        }
    path, score = crf.viterbi_decode(scores[0], transitions)
    found["viterbi"], found["viterbi_score"] = np.array(path), np.array(score)
    with tf.Graph().as_default():
        crf.crf_log_likelihood(tf.constant(scores), tf.constant(chosen), tf.constant(lengths))
        found["names"] = np.array([v.op.name for v in tf.global_variables()])
    return found
