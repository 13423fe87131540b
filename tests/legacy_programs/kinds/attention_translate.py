"""Reverses sequences with an encoder, Luong attention, greedy and beam-search decoders."""
import numpy as np
import tensorflow as tf
from tensorflow.python.layers.core import Dense

tf.set_random_seed(21)
np.random.seed(21)
VOCAB, UNITS, BATCH, LENGTH, START, END = 9, 24, 16, 5, 0, 1


def build(mode):
    source = tf.placeholder(tf.int32, [None, None], name="source")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    target_in = tf.placeholder(tf.int32, [None, None], name="target_in")
    target_out = tf.placeholder(tf.int32, [None, None], name="target_out")
    target_len = tf.placeholder(tf.int32, [None], name="target_len")
    embedding = tf.get_variable("embedding", [VOCAB, UNITS])
    with tf.variable_scope("encoder"):
        fw, bw = tf.contrib.rnn.GRUCell(UNITS // 2), tf.contrib.rnn.GRUCell(UNITS // 2)
        outputs, states = tf.nn.bidirectional_dynamic_rnn(
            fw, bw, tf.nn.embedding_lookup(embedding, source), sequence_length=lengths, dtype=tf.float32)
        memory, final = tf.concat(outputs, 2), tf.concat(states, 1)
    with tf.variable_scope("decoder"):
        beams = 3 if mode == "beam" else 1
        if mode == "beam":
            memory = tf.contrib.seq2seq.tile_batch(memory, multiplier=beams)
            final = tf.contrib.seq2seq.tile_batch(final, multiplier=beams)
            mem_len = tf.contrib.seq2seq.tile_batch(lengths, multiplier=beams)
        else:
            mem_len = lengths
        mechanism = tf.contrib.seq2seq.LuongAttention(UNITS, memory, memory_sequence_length=mem_len)
        cell = tf.contrib.seq2seq.AttentionWrapper(
            tf.contrib.rnn.GRUCell(UNITS), mechanism, attention_layer_size=UNITS)
        batch = tf.shape(source)[0]
        state = cell.zero_state(batch * beams, tf.float32).clone(cell_state=final)
        projection = Dense(VOCAB, use_bias=False, name="projection")
        if mode == "train":
            helper = tf.contrib.seq2seq.TrainingHelper(
                tf.nn.embedding_lookup(embedding, target_in), target_len)
            decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, state, projection)
            out, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder)
            weights = tf.sequence_mask(target_len, dtype=tf.float32)
            loss = tf.contrib.seq2seq.sequence_loss(out.rnn_output, target_out, weights)
            optimizer = tf.train.AdamOptimizer(0.01)
            grads, variables = zip(*optimizer.compute_gradients(loss))
            grads, _ = tf.clip_by_global_norm(grads, 5.0)
            return loss, optimizer.apply_gradients(zip(grads, variables))
        start = tf.fill([batch], START)
        if mode == "greedy":
            helper = tf.contrib.seq2seq.GreedyEmbeddingHelper(embedding, start, END)
            decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, state, projection)
            out, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=8)
            return out.sample_id
        decoder = tf.contrib.seq2seq.BeamSearchDecoder(
            cell, embedding, start, END, state, beam_width=beams, output_layer=projection)
        out, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=8)
        return out.predicted_ids


def batch():
    x = np.random.randint(2, VOCAB, (BATCH, LENGTH))
    y = x[:, ::-1]
    start = np.full((BATCH, 1), START)
    end = np.full((BATCH, 1), END)
    return {"model/source:0": x, "model/lengths:0": [LENGTH] * BATCH,
            "model/target_in:0": np.hstack([start, y]), "model/target_out:0": np.hstack([y, end]),
            "model/target_len:0": [LENGTH + 1] * BATCH}


with tf.variable_scope("model"):
    loss, train = build("train")
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(150):
        value, _ = sess.run([loss, train], batch())
        if i in (0, 1, 2, 10, 149):
            print("loss at %d: %.2f" % (i, value) if i > 10 else "loss at %d: %.4f" % (i, value))
    tf.train.Saver().save(sess, "./reverse")
for mode in ("greedy", "beam"):
    tf.reset_default_graph()
    with tf.variable_scope("model"):
        ids = build(mode)
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, "./reverse")
        got = sess.run(ids, {"model/source:0": [[2, 3, 4, 5, 6]], "model/lengths:0": [5]})
        print(mode, got.shape if mode == "beam" else got.shape[:1])
for v in tf.trainable_variables():
    print(v.name, v.shape)
