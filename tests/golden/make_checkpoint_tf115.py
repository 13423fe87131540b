"""Writes two checkpoints of TensorFlow 1.15 and what its training did after saving them.

    pip install tensorflow==1.15.5 'protobuf<3.21'      # Python 3.7
    python tests/golden/make_checkpoint_tf115.py

Two small character models are trained for 15 steps with Adam(0.01), one chunk of text a step,
and saved by a plain `tf.train.Saver` (all global variables) after 5 of them. No meta graph.

    checkpoint_tf115/model.ckpt-5*          MultiRNNCell([GRUCell(5), GRUCell(4)],
                                            state_is_tuple=False); the state is carried from
                                            chunk to chunk through a placeholder [B, 9]
    checkpoint_tf115_lstm/model.ckpt-5*     MultiRNNCell([LSTMCell(4, use_peepholes=True,
                                            num_proj=3), BasicLSTMCell(3)]); state tuples,
                                            every chunk starts from zeros

Both end in `output/weights`, `output/bias` and a sum of softmax cross-entropies.

Beside each folder lies an .npz of the same name (B = 3 streams, T = 6 steps, I = 5 letters):

    x        [15, B, T, I] float32   the chunks, one-hot letters plus a little noise
    y        [15, B, T] int32        the next letters
    losses   [15] float32            the loss before each of the 15 updates
    state_0  [B, 9] float32          fed to the first chunk (GRU model only)
    state_5  [B, 9] float32          fed to the sixth, first after saving (GRU model only)
    state_15 [B, 9] float32          the last final state (GRU model only)
    names    [n] str                 the names of all global variables, sorted
    value/<name>                     each of them after 15 steps
"""

from __future__ import absolute_import, division, print_function

import os

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
STREAMS, STEPS, LETTERS = 3, 6, 5
BEFORE, AFTER = 5, 10


def text(seed):
    """Makes 15 chunks of a walk over the letters: mostly forward, sometimes anywhere."""
    rng = np.random.RandomState(seed)
    total = (BEFORE + AFTER) * STEPS + 1
    letters = np.zeros([STREAMS, total], np.int32)
    for t in range(1, total):
        anywhere = rng.randint(LETTERS, size=STREAMS)
        forward = (letters[:, t - 1] + 1) % LETTERS
        letters[:, t] = np.where(rng.uniform(size=STREAMS) < 0.3, anywhere, forward)
    x = np.eye(LETTERS)[letters[:, :-1]] + 0.1 * rng.standard_normal([STREAMS, total - 1, LETTERS])
    x = x.reshape([STREAMS, BEFORE + AFTER, STEPS, LETTERS]).swapaxes(0, 1)
    y = letters[:, 1:].reshape([STREAMS, BEFORE + AFTER, STEPS]).swapaxes(0, 1)
    return x.astype(np.float32), y.astype(np.int32)


def build(cell, carried):
    """Builds the graph; `carried` says whether the state comes in through a placeholder."""
    x = tf.placeholder(tf.float32, [STREAMS, STEPS, LETTERS], name="x")
    y = tf.placeholder(tf.int32, [STREAMS, STEPS], name="y")
    if carried:
        initial = tf.placeholder(tf.float32, [STREAMS, cell.state_size], name="initial_state")
    else:
        initial = cell.zero_state(STREAMS, tf.float32)
    outputs, final = tf.nn.dynamic_rnn(cell, x, initial_state=initial)
    with tf.variable_scope("output"):
        weights = tf.get_variable("weights", [cell.output_size, LETTERS])
        bias = tf.get_variable("bias", [LETTERS])
    logits = tf.tensordot(outputs, weights, 1) + bias
    loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.01).minimize(loss, global_step=step)
    return x, y, initial, final, loss, train


def run(name, make_cell, carried, seed):
    """Trains, saves after 5 steps, trains on, and writes the .npz."""
    xs, ys = text(seed)
    rng = np.random.RandomState(seed + 1)
    kept = {"x": xs, "y": ys}
    with tf.Graph().as_default(), tf.Session() as sess:
        x, y, initial, final, loss, train = build(make_cell(), carried)
        sess.run(tf.global_variables_initializer())
        for variable in sorted(tf.trainable_variables(), key=lambda v: v.op.name):
            shape = variable.shape.as_list()
            variable.load(rng.uniform(-0.5, 0.5, shape).astype(np.float32), sess)
        saver = tf.train.Saver(save_relative_paths=True)
        if carried:
            state = rng.uniform(-0.5, 0.5, initial.shape.as_list()).astype(np.float32)
            kept["state_0"] = state
        losses = []
        for n in range(BEFORE + AFTER):
            if n == BEFORE:
                prefix = os.path.join(HERE, name, "model.ckpt")
                saver.save(sess, prefix, global_step=n, write_meta_graph=False)
                if carried:
                    kept["state_5"] = state
            feed = {x: xs[n], y: ys[n]}
            if carried:
                feed[initial] = state
            value, state, _ = sess.run([loss, final, train], feed)
            losses.append(value)
        if carried:
            kept["state_15"] = state
        kept["losses"] = np.array(losses, np.float32)
        variables = sorted(tf.global_variables(), key=lambda v: v.op.name)
        kept["names"] = np.array([v.op.name for v in variables])
        for variable in variables:
            kept["value/" + variable.op.name] = sess.run(variable)
    np.savez_compressed(os.path.join(HERE, name + ".npz"), **kept)
    print(name, kept["losses"])
    print("\n".join(kept["names"]))


def grus():
    return tf.nn.rnn_cell.MultiRNNCell(
        [tf.nn.rnn_cell.GRUCell(5), tf.nn.rnn_cell.GRUCell(4)], state_is_tuple=False
    )


def lstms():
    return tf.nn.rnn_cell.MultiRNNCell(
        [
            tf.nn.rnn_cell.LSTMCell(4, use_peepholes=True, num_proj=3),
            tf.nn.rnn_cell.BasicLSTMCell(3),
        ]
    )


if __name__ == "__main__":
    for folder in ["checkpoint_tf115", "checkpoint_tf115_lstm"]:
        if not os.path.isdir(os.path.join(HERE, folder)):
            os.mkdir(os.path.join(HERE, folder))
    run("checkpoint_tf115", grus, True, 115)
    run("checkpoint_tf115_lstm", lstms, False, 215)
