"""Trains small models for some steps, and draws random numbers in every usual way.

    python numbers_training.py OUTPUT [CASE]

OUTPUT is a NumPy archive: by case, the variables' first values, the losses of the first steps,
and what was drawn.
"""

import sys

import numpy as np
import tensorflow as tf

tf.logging.set_verbosity(tf.logging.ERROR)

STEPS = 6
CASES = []
F = tf.float32
rnn_cell = tf.nn.rnn_cell


def case(function):
    CASES.append((function.__name__, function))
    return function


def numbers(*shape):
    return np.sin(np.arange(np.prod(shape), dtype=np.float64) * 1.7).reshape(shape)


def labels(rows, classes):
    return np.arange(rows) * 5 % classes


def one_hot(rows, classes):
    return np.eye(classes)[labels(rows, classes)]


def softmax_loss(logits, y):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))


# A case returns a training operation, a loss, feeds, and tensors drawn from.


@case
def images_dynamic():
    x = tf.placeholder(F, [None, 8, 7])
    y = tf.placeholder(F, [None, 3])
    weights = {
        "in": tf.Variable(tf.random_normal([7, 6])),
        "out": tf.Variable(tf.random_normal([6, 3])),
    }
    biases = {
        "in": tf.Variable(tf.constant(0.1, shape=[6])),
        "out": tf.Variable(tf.constant(0.1, shape=[3])),
    }
    flat = tf.matmul(tf.reshape(x, [-1, 7]), weights["in"]) + biases["in"]
    cell = rnn_cell.BasicLSTMCell(6, forget_bias=1.0, state_is_tuple=True)
    state = cell.zero_state(10, F)
    _, final = tf.nn.dynamic_rnn(cell, tf.reshape(flat, [-1, 8, 6]), initial_state=state)
    loss = softmax_loss(tf.matmul(final[1], weights["out"]) + biases["out"], y)
    train = tf.train.AdamOptimizer(0.01).minimize(loss)
    return train, loss, {x: numbers(10, 8, 7), y: one_hot(10, 3)}, []


@case
def images_static():
    x = tf.placeholder(F, [None, 6, 4])
    y = tf.placeholder(F, [None, 3])
    steps = tf.unstack(x, 6, 1)
    outputs, _ = tf.nn.static_rnn(rnn_cell.LSTMCell(5), steps, dtype=F)
    w = tf.Variable(tf.truncated_normal([5, 3], stddev=0.1))
    b = tf.Variable(tf.random_uniform([3], -0.1, 0.1))
    loss = softmax_loss(tf.matmul(outputs[-1], w) + b, y)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    return train, loss, {x: numbers(9, 6, 4), y: one_hot(9, 3)}, []


@case
def characters():
    data = tf.placeholder(tf.int32, [4, 6])
    targets = tf.placeholder(tf.int32, [4, 6])
    cells = []
    for _ in range(2):
        cell = rnn_cell.GRUCell(8)
        cells.append(rnn_cell.DropoutWrapper(cell, input_keep_prob=0.8, output_keep_prob=0.7))
    cell = rnn_cell.MultiRNNCell(cells, state_is_tuple=True)
    with tf.variable_scope("rnnlm"):
        w = tf.get_variable("softmax_w", [8, 11])
        b = tf.get_variable("softmax_b", [11])
        embedding = tf.get_variable("embedding", [11, 8])
    x = tf.nn.dropout(tf.nn.embedding_lookup(embedding, data), 0.9)
    outputs = []
    state = cell.zero_state(4, F)
    with tf.variable_scope("decoder"):
        for i, step in enumerate(tf.split(x, 6, 1)):
            if i > 0:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(tf.squeeze(step, [1]), state)
            outputs.append(output)
    flat = tf.reshape(tf.concat(outputs, 1), [-1, 8])
    logits = tf.matmul(flat, w) + b
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(targets, [-1]), logits=logits
        )
    )
    drawn = [tf.multinomial(logits, 3)]
    variables = tf.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5.0)
    train = tf.train.AdamOptimizer(0.02).apply_gradients(zip(gradients, variables))
    text = np.arange(24).reshape(4, 6) * 7 % 11
    return train, loss, {data: text, targets: (text + 1) % 11}, drawn


@case
def language_model():
    data = tf.placeholder(tf.int32, [5, 7])
    targets = tf.placeholder(tf.int32, [5, 7])
    scale = tf.random_uniform_initializer(-0.1, 0.1)
    with tf.variable_scope("Model", reuse=None, initializer=scale):
        cell = rnn_cell.MultiRNNCell(
            [
                rnn_cell.DropoutWrapper(
                    rnn_cell.BasicLSTMCell(6, forget_bias=0.0), output_keep_prob=0.5
                )
                for _ in range(2)
            ]
        )
        with tf.device("/cpu:0"):
            embedding = tf.get_variable("embedding", [13, 6])
            x = tf.nn.embedding_lookup(embedding, data)
        x = tf.nn.dropout(x, 0.5)
        state = cell.zero_state(5, F)
        outputs, _ = tf.nn.dynamic_rnn(cell, x, initial_state=state)
        w = tf.get_variable("softmax_w", [6, 13])
        b = tf.get_variable("softmax_b", [13])
        logits = tf.nn.xw_plus_b(tf.reshape(outputs, [-1, 6]), w, b)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(targets, [-1]), logits=logits
        )
        loss = tf.reduce_sum(losses) / 5
        rate = tf.Variable(0.0, trainable=False)
        variables = tf.trainable_variables()
        gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5)
        optimizer = tf.train.GradientDescentOptimizer(rate + 1.0)
        train = optimizer.apply_gradients(zip(gradients, variables))
    text = np.arange(35).reshape(5, 7) * 3 % 13
    return train, loss, {data: text, targets: (text + 1) % 13}, []


@case
def sine_wave():
    x = tf.placeholder(F, [None, 10, 1])
    y = tf.placeholder(F, [None, 10, 1])
    outputs, _ = tf.nn.dynamic_rnn(
        rnn_cell.BasicRNNCell(num_units=8, activation=tf.nn.relu), x, dtype=F
    )
    stacked = tf.layers.dense(tf.reshape(outputs, [-1, 8]), 1)
    loss = tf.reduce_mean(tf.square(tf.reshape(stacked, [-1, 10, 1]) - y))
    train = tf.train.AdamOptimizer(learning_rate=0.01).minimize(loss)
    return train, loss, {x: numbers(8, 10, 1), y: np.roll(numbers(8, 10, 1), 1)}, []


@case
def bidirectional():
    data = tf.placeholder(tf.int32, [None, 9])
    lengths = tf.placeholder(tf.int32, [None])
    y = tf.placeholder(tf.int32, [None])
    embedding = tf.Variable(tf.random_uniform([12, 4], -1.0, 1.0))
    x = tf.nn.embedding_lookup(embedding, data)
    with tf.name_scope("layer"):
        outputs, _ = tf.nn.bidirectional_dynamic_rnn(
            rnn_cell.GRUCell(5), rnn_cell.GRUCell(5), x, lengths, dtype=F
        )
    both = tf.reduce_mean(tf.concat(outputs, 2), 1)
    both = tf.layers.dropout(both, 0.3, training=True)
    logits = tf.layers.dense(both, 2, kernel_initializer=tf.orthogonal_initializer())
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    train = tf.train.RMSPropOptimizer(0.01).minimize(loss)
    feeds = {
        data: np.arange(54).reshape(6, 9) * 5 % 12,
        lengths: [9, 3, 1, 7, 5, 2],
        y: labels(6, 2),
    }
    return train, loss, feeds, []


@case
def identity_network():
    x = tf.placeholder(F, [None, 6, 3])
    y = tf.placeholder(F, [None, 1])
    with tf.variable_scope("irnn", initializer=tf.initializers.identity(0.5)):
        recurrent = tf.get_variable("recurrent", [5, 5])
    w = tf.get_variable("w", [3, 5], initializer=tf.random_normal_initializer(0, 0.01))
    state = tf.zeros([4, 5])
    for step in tf.unstack(x, axis=1):
        state = tf.nn.relu(tf.matmul(step, w) + tf.matmul(state, recurrent))
    loss = tf.reduce_mean(tf.squared_difference(tf.layers.dense(state, 1), y))
    train = tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss)
    return train, loss, {x: numbers(4, 6, 3), y: numbers(4, 1)}, []


@case
def convolutions():
    x = tf.placeholder(F, [None, 8, 8, 1])
    y = tf.placeholder(F, [None, 4])
    hidden = tf.layers.conv2d(x, 3, 3, padding="same", activation=tf.nn.relu)
    hidden = tf.layers.max_pooling2d(hidden, 2, 2)
    hidden = tf.layers.dense(tf.layers.flatten(hidden), 6, activation=tf.nn.relu)
    hidden = tf.layers.dropout(hidden, rate=0.4, training=True)
    loss = softmax_loss(tf.layers.dense(hidden, 4), y)
    train = tf.train.AdagradOptimizer(0.1).minimize(loss)
    return train, loss, {x: numbers(5, 8, 8, 1), y: one_hot(5, 4)}, []


@case
def variational():
    x = tf.placeholder(F, [3, 5, 4])
    cell = rnn_cell.DropoutWrapper(
        rnn_cell.LSTMCell(6, initializer=tf.glorot_normal_initializer()),
        0.8,
        0.7,
        0.9,
        variational_recurrent=True,
        input_size=4,
        dtype=F,
    )
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=F)
    loss = tf.reduce_mean(tf.square(tf.layers.dense(outputs, 2) - 1))
    return tf.train.AdamOptimizer(0.05).minimize(loss), loss, {x: numbers(3, 5, 4)}, []


@case
def flat_states():
    x = tf.placeholder(F, [4, 5, 3])
    cell = rnn_cell.MultiRNNCell(
        [rnn_cell.LSTMCell(4, state_is_tuple=False) for _ in range(2)], state_is_tuple=False
    )
    outputs, state = tf.nn.dynamic_rnn(cell, x, initial_state=cell.zero_state(4, F))
    w = tf.get_variable("w", [4, 1], initializer=tf.uniform_unit_scaling_initializer())
    loss = tf.reduce_sum(tf.square(tf.matmul(outputs[:, -1], w) - 0.5)) + tf.nn.l2_loss(state)
    return tf.train.AdamOptimizer(0.05).minimize(loss), loss, {x: numbers(4, 5, 3)}, []


@case
def drawn():
    logits = tf.placeholder(F, [2, 4])
    draws = [
        tf.random_normal([5], 1.0, 2.0),
        tf.truncated_normal([5], stddev=0.5),
        tf.random_uniform([5]),
        tf.random_uniform([5], -2, 2),
        tf.random_uniform([5], 0, 50, tf.int32),
        tf.random_uniform([5], dtype=tf.float64),
        tf.multinomial(logits, 6),
        tf.random_shuffle(tf.range(12)),
        tf.nn.dropout(tf.ones([12]), 0.5),
        tf.nn.dropout(tf.ones([12]), rate=0.2, seed=7),
        tf.random_crop(tf.reshape(tf.range(36), [6, 6]), [2, 2]),
        tf.random_normal([4], seed=5),
        tf.layers.dropout(tf.ones([3, 4]), 0.5, training=True),
        tf.random_normal([3], dtype=tf.float64),
    ]
    loss = tf.get_variable("v", [3])[0]
    return tf.no_op(), loss, {logits: numbers(2, 4)}, draws


@case
def two_models():
    x = tf.placeholder(F, [6, 5, 3])
    losses = []
    for reuse in (None, True):
        with tf.variable_scope("model", reuse=reuse):
            cell = rnn_cell.GRUCell(4)
            if reuse is None:
                cell = rnn_cell.DropoutWrapper(cell, output_keep_prob=0.6)
            outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=F)
            logits = tf.layers.dense(outputs[:, -1], 1, name="out")
            losses.append(tf.reduce_mean(tf.square(logits - 1)))
    penalty = 0.01 * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])
    train = tf.train.AdamOptimizer(0.05).minimize(losses[0] + penalty)
    return train, losses[1], {x: numbers(6, 5, 3)}, []


def main(path, wanted=None):
    found = {}
    for name, build in CASES:
        if wanted not in (None, name):
            continue
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(20 + len(name))
            train, loss, feeds, draws = build()
            sess.run(tf.global_variables_initializer())
            for variable, value in zip(
                tf.trainable_variables(), sess.run(tf.trainable_variables())
            ):
                found["%s|variable|%s" % (name, variable.op.name)] = value
            for i, values in enumerate(sess.run(draws, feeds)):
                found["%s|drawn|%d" % (name, i)] = values
            losses = []
            for _ in range(STEPS):
                # Apart: the loss must not see half of a step.
                losses.append(sess.run(loss, feeds))
                sess.run(train, feeds)
            found["%s|losses" % name] = losses
    np.savez_compressed(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
