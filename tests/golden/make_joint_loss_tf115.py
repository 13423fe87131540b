"""Writes what TensorFlow 1.15 computes for two losses that train their own variables.

    pip install tensorflow==1.15.5 'protobuf<3.21'      # Python 3.7
    python tests/golden/make_joint_loss_tf115.py

The model is that of the question on Stack Overflow about stopping gradients in a joint loss: an
embedding [5, 3], logits 1 = vectors . output1 [3, 4], logits 2 = logits 1 . output2 [4, 5], a
sum of softmax cross-entropies over each, float32, one thread. Weights and inputs are not
stored: `numbers()` makes them again, with NumPy only.

In joint_loss_tf115.npz:

    names            [3] str     trainable variables in the order of creation
    counts           [3] int     trainable variables after each of the three is made
    losses           [2]         loss 1 and loss 2, each summed over the batch, at the start
    partition/1      [3, 4]      compute_gradients(loss 1, var_list=[output1])
    partition/2      [4, 5]      compute_gradients(loss 2, var_list=[output2])
    sum/2            [4, 5]      compute_gradients(loss 1 + loss 2, var_list=[output2])
    product/2        [4, 5]      the same of loss 1 * loss 2, of the summed losses
    rows/product/2   [4, 5]      the same of loss 1 * loss 2, row by row, as the question has it
    naive/<name>                 dense gradients of loss 1 + loss 2 at all three
    epoch<k>/<name>              values after k = 1, 2 steps of AdamOptimizer(0.01) with the
                                 partition's pairs
    worked/1..3                  the answer's constants: d(loss 1)/d(weight 1), d(loss 2)/
                                 d(weight 2), d(loss 1 + loss 2)/d(weight 2)
"""

# ruff: noqa: B905 (zip has no strict= in Python 3.7)
from __future__ import absolute_import, division, print_function

import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, VOCABULARY, WIDTH, CLASSES = 100, 5, 3, (4, 5)
NAMES = ["embedding_matrix", "output1", "output2"]
SHAPES = [(VOCABULARY, WIDTH), (WIDTH, CLASSES[0]), CLASSES]


def numbers():
    """Draws the weights and the data.

    Seed 2001. In this order: embedding_matrix, output1 and output2, each standard_normal,
    float32; ids [100], randint(5); labels 1 [100], randint(4); labels 2 [100], randint(5),
    int32.

    Returns:
      (list of 3 weights, ids, labels 1, labels 2)
    """
    rng = np.random.RandomState(2001)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    tops = [VOCABULARY, *CLASSES]
    ids, labels1, labels2 = [rng.randint(top, size=BATCH).astype(np.int32) for top in tops]
    return weights, ids, labels1, labels2


def worked(tf):
    """Makes the answer's constants."""
    inputs = tf.constant([[1, 2, 3]], tf.float32)
    label1 = tf.constant([[1, 2, 3, 4]], tf.float32)
    label2 = tf.constant([[1, 2, 3, 4, 5]], tf.float32)
    weight1 = tf.reshape(tf.range(12, dtype=tf.float32), [3, 4])
    output1 = tf.matmul(inputs, weight1)
    loss1 = tf.reduce_sum(output1 - label1)
    weight2 = tf.reshape(tf.range(20, dtype=tf.float32), [4, 5])
    loss2 = tf.reduce_sum(tf.matmul(output1, weight2) - label2)
    pairs = [(loss1, weight1), (loss2, weight2), (loss1 + loss2, weight2)]
    return [tf.gradients(loss, weight)[0] for loss, weight in pairs]


def main():
    import tensorflow as tf

    kept = {}
    weights, ids, labels1, labels2 = numbers()
    data, output1, output2 = [tf.placeholder(tf.int32, [None]) for _ in range(3)]
    counts = []

    def variable(place):
        made = tf.get_variable(NAMES[place], SHAPES[place], tf.float32)
        counts.append(len(tf.trainable_variables()))
        return made

    vectors = tf.nn.embedding_lookup(params=variable(0), ids=data)
    logits1 = tf.matmul(vectors, variable(1))
    logits2 = tf.matmul(logits1, variable(2))
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    rows1, rows2 = entropy(labels=output1, logits=logits1), entropy(labels=output2, logits=logits2)
    loss1, loss2 = tf.reduce_sum(rows1), tf.reduce_sum(rows2)
    params = tf.trainable_variables()
    opt = tf.train.AdamOptimizer(0.01)
    pairs = opt.compute_gradients(loss1, var_list=params[1:2])
    pairs += opt.compute_gradients(loss2, var_list=params[2:])
    joint = [loss1 + loss2, loss1 * loss2, rows1 * rows2]
    fetches = [pairs[0][0], pairs[1][0]]
    fetches += [opt.compute_gradients(loss, var_list=params[2:])[0][0] for loss in joint]
    naive = [tf.convert_to_tensor(g) for g in tf.gradients(loss1 + loss2, params)]
    train_op = opt.apply_gradients(pairs)
    threads = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}
    with tf.Session(config=tf.ConfigProto(**threads)) as sess:
        sess.run(tf.global_variables_initializer())
        for one, value in zip(params, weights):
            one.load(value, sess)
        feed = {data: ids, output1: labels1, output2: labels2}
        kept["names"] = np.array([v.op.name for v in params])
        kept["counts"] = np.array(counts)
        kept["losses"] = np.array(sess.run([loss1, loss2], feed))
        keys = ["partition/1", "partition/2", "sum/2", "product/2", "rows/product/2"]
        kept.update(zip(keys, sess.run(fetches, feed)))
        kept.update(zip(["naive/" + name for name in NAMES], sess.run(naive, feed)))
        for epoch in (1, 2):
            sess.run(train_op, feed)
            for name, value in zip(NAMES, sess.run(params)):
                kept["epoch%d/%s" % (epoch, name)] = value
        for number, value in enumerate(sess.run(worked(tf)), 1):
            kept["worked/%d" % number] = value
    np.savez_compressed(os.path.join(HERE, "joint_loss_tf115.npz"), **kept)
    for name in sorted(kept):
        print(name, kept[name].shape, kept[name].dtype)


if __name__ == "__main__":
    main()
