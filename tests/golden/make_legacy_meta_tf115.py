"""Writes, with TensorFlow 1.15.5, a checkpoint with its graph, and what two more steps give."""

import os
import shutil

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "legacy_meta_tf115")


def main():
    """Trains a small stack of cells for three steps, saves it, and goes on for two."""
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    tf.set_random_seed(6)
    x = tf.placeholder(tf.float32, [None, 5, 3], name="x")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    cells = [tf.nn.rnn_cell.LSTMCell(4), tf.nn.rnn_cell.GRUCell(3)]
    cell = tf.nn.rnn_cell.MultiRNNCell(cells)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
    y = tf.layers.dense(outputs, 1, name="head")
    loss = tf.reduce_mean(tf.square(y - 1.0), name="loss")
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.01).minimize(loss, global_step=step, name="train")
    value = np.cos(np.arange(60)).reshape(4, 5, 3)
    feed = {x: value, lengths: [5, 2, 0, 4]}
    losses = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(5):
            if i == 3:
                tf.train.Saver().save(sess, os.path.join(OUT, "model.ckpt"), global_step=step)
            losses.append(sess.run(loss, feed))
            sess.run(train, feed)
    # It holds this folder's path.
    os.remove(os.path.join(OUT, "checkpoint"))
    np.savez(OUT + ".npz", x=value, losses=losses)


if __name__ == "__main__":
    main()
