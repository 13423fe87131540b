"""The same digits with dynamic_rnn, stacked cells, dropout by a placeholder and tf.layers."""
import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.app.flags
flags.DEFINE_integer("steps", 20, "training steps")
flags.DEFINE_float("rate", 0.005, "learning rate")
flags.DEFINE_string("data_dir", "MNIST_small", "where the data are")
FLAGS = flags.FLAGS


def lstm(units, keep):
    cell = tf.contrib.rnn.LSTMCell(units, initializer=tf.orthogonal_initializer())
    return tf.contrib.rnn.DropoutWrapper(cell, output_keep_prob=keep)


def main(_):
    mnist = input_data.read_data_sets(FLAGS.data_dir, validation_size=50)
    np.random.seed(0)
    tf.set_random_seed(11)
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.placeholder(tf.int64, [None])
    keep = tf.placeholder(tf.float32)
    image = tf.reshape(x, [-1, 28, 28])
    cell = tf.contrib.rnn.MultiRNNCell([lstm(16, keep) for _ in range(2)])
    outputs, state = tf.nn.dynamic_rnn(cell, image, dtype=tf.float32)
    logits = tf.layers.dense(outputs[:, -1, :], 10)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    train = tf.train.AdamOptimizer(FLAGS.rate).minimize(loss)
    _, accuracy = tf.metrics.accuracy(labels=y, predictions=tf.argmax(logits, axis=1))
    init = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
    with tf.Session() as sess:
        sess.run(init)
        for step in range(FLAGS.steps):
            bx, by = mnist.train.next_batch(25)
            _, value = sess.run([train, loss], {x: bx, y: by, keep: 0.8})
            if step % 5 == 0:
                print("step %d loss %.4f" % (step, value))
        print("test accuracy %.2f" % sess.run(
            accuracy, {x: mnist.test.images, y: mnist.test.labels, keep: 1.0}))
        for v in tf.trainable_variables():
            print(v.name, v.get_shape().as_list())


if __name__ == "__main__":
    tf.app.run()
