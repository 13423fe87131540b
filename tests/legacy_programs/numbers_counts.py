"""Prints, for many constructs, the number that the next random operation's seed would get.

    python numbers_counts.py OUTPUT [CASE]

The numbers are those of the operations made so far. A line of OUTPUT holds a case's name, its
number, and the seeds of the random operations that are part of it. With CASE (or "all") the operations
are printed too.
"""

import sys

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import random_seed

tf.logging.set_verbosity(tf.logging.ERROR)

CASES = []
F = tf.float32


def case(function):
    CASES.append((function.__name__, function))
    return function


def cases(prefix, build, choices):
    for name in sorted(choices):
        CASES.append((prefix + "_" + name, lambda choice=choices[name]: build(choice)))


def inputs(batch=None, steps=5, width=3):
    return tf.placeholder(F, [batch, steps, width])


def rows(batch=None, width=3):
    return tf.placeholder(F, [batch, width])


# Variables.


@case
def empty():
    pass


@case
def variable():
    tf.Variable(tf.random_normal([3, 4]))
    tf.Variable(tf.truncated_normal([3, 4], stddev=0.1), name="w", trainable=False)
    tf.Variable(tf.zeros([4]), dtype=F)
    tf.Variable(0.5)
    tf.Variable(np.ones([2, 2], np.float32))
    tf.Variable(lambda: tf.random_uniform([2], -1, 1))
    tf.random_normal([1])


INITIALIZERS = {
    "default": None,
    "normal": tf.random_normal_initializer(stddev=0.1),
    "truncated": tf.truncated_normal_initializer(stddev=0.1),
    "uniform": tf.random_uniform_initializer(-1, 1),
    "constant": tf.constant_initializer(0.5),
    "constants": tf.constant_initializer([[1.0, 2, 3, 4]] * 3),
    "zeros": tf.zeros_initializer(),
    "ones": tf.ones_initializer(),
    "orthogonal": tf.orthogonal_initializer(),
    "identity": tf.initializers.identity(),
    "scaling": tf.variance_scaling_initializer(),
    "unit_scaling": tf.uniform_unit_scaling_initializer(),
    "glorot_normal": tf.glorot_normal_initializer(),
    "glorot_uniform": tf.glorot_uniform_initializer(),
    "he_normal": tf.initializers.he_normal(),
    "lecun": tf.initializers.lecun_uniform(),
}


def initialized(initializer):
    with tf.variable_scope("scope", initializer=initializer):
        tf.get_variable("v", [3, 4])
        tf.get_variable("w", [4, 4], initializer=initializer)
    tf.random_normal([1])


cases("get_variable", initialized, {k: v for k, v in INITIALIZERS.items() if k != "constants"})


@case
def get_variable_constants():
    tf.get_variable("v", [3, 4], initializer=INITIALIZERS["constants"])
    tf.get_variable("w", initializer=np.ones([3, 4], np.float32))
    tf.get_variable("u", initializer=tf.random_normal([3]))
    tf.get_variable("i", [], tf.int32, tf.zeros_initializer, trainable=False)


@case
def get_variable_regularized():
    tf.get_variable("v", [3, 4], regularizer=tf.nn.l2_loss)
    with tf.variable_scope("s", regularizer=lambda v: 0.1 * tf.nn.l2_loss(v)):
        tf.get_variable("v", [3, 4])


@case
def get_variable_partitioned():
    tf.get_variable("v", [6, 4], partitioner=tf.fixed_size_partitioner(3))
    tf.random_normal([1])


@case
def get_variable_reused():
    with tf.variable_scope("s"):
        tf.get_variable("v", [6, 4])
    with tf.variable_scope("s", reuse=True):
        tf.get_variable("v", [6, 4])
    with tf.variable_scope("s", reuse=tf.AUTO_REUSE):
        tf.get_variable("v", [6, 4])
        tf.get_variable("w", [6, 4])


# Operations.


def op(function):
    function()
    tf.random_normal([1])


OPERATIONS = {
    "add": lambda: (rows() * 2.0 + 1.0) / 3.0 - rows() ** 2,
    "accuracy": lambda: tf.reduce_mean(
        tf.cast(tf.equal(tf.argmax(rows(), 1), tf.argmax(rows(), 1)), F)
    ),
    "assign": lambda: tf.assign(tf.get_variable("v", []), 3.0),
    "batch_matmul": lambda: tf.matmul(inputs(2), tf.transpose(inputs(2), [0, 2, 1])),
    "boolean_mask": lambda: tf.boolean_mask(inputs(), tf.placeholder(tf.bool, [None, 5])),
    "clip": lambda: tf.clip_by_value(rows(), -1.0, 1.0),
    "clip_norm": lambda: tf.clip_by_norm(rows(), 5.0),
    "concat": lambda: tf.concat([rows(), rows()], 1),
    "cond": lambda: tf.cond(rows()[0, 0] > 0, lambda: rows() + 1, lambda: rows() - 1),
    "control": lambda: _control(),
    "conv": lambda: tf.nn.conv2d(
        tf.placeholder(F, [None, 8, 8, 3]),
        tf.get_variable("k", [3, 3, 3, 4]),
        [1, 1, 1, 1],
        "SAME",
    ),
    "cumsum": lambda: tf.cumsum(rows()),
    "div": lambda: tf.div(rows(), 2.0),
    "dropout": lambda: tf.nn.dropout(rows(), 0.5),
    "dropout_keep": lambda: tf.nn.dropout(rows(), keep_prob=0.5),
    "dropout_rate": lambda: tf.nn.dropout(rows(), rate=0.3),
    "dropout_one": lambda: tf.nn.dropout(rows(), 1.0),
    "dropout_tensor": lambda: tf.nn.dropout(rows(), tf.placeholder(F)),
    "dropout_default": lambda: tf.nn.dropout(
        rows(), tf.placeholder_with_default(tf.constant(1.0), [])
    ),
    "dropout_static": lambda: tf.nn.dropout(rows(4), 0.5),
    "dropout_shape": lambda: tf.nn.dropout(inputs(), 0.5, noise_shape=[4, 1, 3]),
    "dropout_seed": lambda: tf.nn.dropout(rows(), 0.5, seed=3),
    "dropout_constant": lambda: tf.nn.dropout(rows(), tf.constant(0.5)),
    "dropout_half": lambda: tf.nn.dropout(tf.cast(rows(), tf.float64), 0.5),
    "einsum": lambda: tf.einsum("bts,sk->btk", inputs(), tf.get_variable("e", [3, 4])),
    "embedding": lambda: tf.nn.embedding_lookup(
        tf.get_variable("e", [7, 3]), tf.placeholder(tf.int32, [None, 5])
    ),
    "expand": lambda: tf.expand_dims(rows(), 1),
    "fill": lambda: tf.fill([2, 3], 1.0),
    "gather": lambda: tf.gather(rows(), [0, 1]),
    "gather_nd": lambda: tf.gather_nd(rows(), [[0, 1]]),
    "identity": lambda: tf.identity(rows()),
    "in_top_k": lambda: tf.nn.in_top_k(rows(), tf.placeholder(tf.int32, [None]), 1),
    "l2_loss": lambda: tf.nn.l2_loss(rows()),
    "l2_normalize": lambda: tf.nn.l2_normalize(rows(), 1),
    "lrn": lambda: tf.nn.lrn(tf.placeholder(F, [None, 8, 8, 3])),
    "logical": lambda: tf.logical_and(rows() > 0, rows() < 1),
    "map_fn": lambda: tf.map_fn(lambda a: a * 2, inputs()),
    "foldl": lambda: tf.foldl(lambda a, b: a + b, inputs()),
    "max_pool": lambda: tf.nn.max_pool(
        tf.placeholder(F, [None, 8, 8, 3]), [1, 2, 2, 1], [1, 2, 2, 1], "SAME"
    ),
    "mod": lambda: tf.placeholder(tf.int32, []) % 2,
    "moments": lambda: tf.nn.moments(rows(), [0]),
    "moments_keep": lambda: tf.nn.moments(rows(), [0], keep_dims=True),
    "batch_norm": lambda: tf.nn.batch_normalization(
        rows(), tf.zeros([3]), tf.ones([3]), tf.zeros([3]), tf.ones([3]), 1e-3
    ),
    "multinomial": lambda: tf.multinomial(rows(), 1),
    "categorical": lambda: tf.random.categorical(rows(), 2),
    "nce": lambda: tf.nn.nce_loss(
        tf.get_variable("w", [20, 3]),
        tf.zeros([20]),
        tf.placeholder(tf.int64, [4, 1]),
        rows(4),
        5,
        20,
    ),
    "sampled": lambda: tf.nn.sampled_softmax_loss(
        tf.get_variable("w", [20, 3]),
        tf.zeros([20]),
        tf.placeholder(tf.int64, [4, 1]),
        rows(4),
        5,
        20,
    ),
    "norm": lambda: tf.norm(rows()),
    "global_norm": lambda: tf.global_norm([rows(), rows()]),
    "one_hot": lambda: tf.one_hot(tf.placeholder(tf.int32, [None, 3]), 5),
    "ones_like": lambda: (tf.ones_like(rows()), tf.zeros_like(rows(2))),
    "pad": lambda: tf.pad(rows(), [[0, 0], [1, 1]]),
    "pow": lambda: tf.pow(rows(), 2),
    "random_crop": lambda: tf.random_crop(tf.zeros([8, 8]), [3, 3]),
    "random_gamma": lambda: tf.random_gamma([3], 1.0),
    "random_int": lambda: tf.random_uniform([3], 0, 9, tf.int32),
    "random_normal": lambda: tf.random_normal(tf.shape(rows()), 1.0, 2.0),
    "random_shuffle": lambda: tf.random_shuffle(rows()),
    "random_uniform": lambda: tf.random_uniform([3, 2]),
    "range": lambda: tf.range(5),
    "reduce": lambda: (
        tf.reduce_sum(rows()),
        tf.reduce_max(rows(), 1),
        tf.reduce_mean(rows(), axis=[0, 1]),
        tf.reduce_logsumexp(rows(), 1),
    ),
    "relu": lambda: (tf.nn.relu(rows()), tf.nn.leaky_relu(rows()), tf.nn.elu(rows())),
    "reshape": lambda: tf.reshape(inputs(), [-1, 3]),
    "reshape_dynamic": lambda: tf.reshape(inputs(), [-1, tf.shape(rows())[0], 3]),
    "reverse": lambda: tf.reverse(rows(), [0]),
    "reverse_sequence": lambda: tf.reverse_sequence(
        inputs(), tf.placeholder(tf.int32, [None]), seq_axis=1, batch_axis=0
    ),
    "scan": lambda: tf.scan(lambda a, b: a + b, inputs()),
    "scan_start": lambda: tf.scan(lambda a, b: a + b, inputs(), tf.zeros([5, 3])),
    "scatter": lambda: tf.scatter_nd([[1]], [2.0], [4]),
    "sequence_mask": lambda: tf.sequence_mask(tf.placeholder(tf.int32, [None]), 5),
    "sequence_mask_open": lambda: tf.sequence_mask(tf.placeholder(tf.int32, [None])),
    "shape": lambda: (tf.shape(rows())[0], tf.size(rows()), tf.rank(rows())),
    "sigmoid_loss": lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=rows(), logits=rows()),
    "slice": lambda: (inputs()[:, -1, :], inputs()[:, 1:3], tf.slice(rows(), [0, 0], [-1, 2])),
    "softmax": lambda: (tf.nn.softmax(rows()), tf.nn.log_softmax(rows())),
    "softmax3": lambda: (tf.nn.softmax(inputs()), tf.nn.softmax(inputs(), 1)),
    "softmax_loss": lambda: tf.nn.softmax_cross_entropy_with_logits(labels=rows(), logits=rows()),
    "softmax_loss_v2": lambda: tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=rows(), logits=rows()
    ),
    "sparse_loss": lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.placeholder(tf.int32, [None]), logits=rows()
    ),
    "sparse_loss3": lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.placeholder(tf.int32, [None, 5]), logits=inputs()
    ),
    "sparse": lambda: tf.sparse_tensor_to_dense(tf.sparse_placeholder(tf.int32)),
    "split": lambda: tf.split(inputs(), 5, 1),
    "split_axis": lambda: tf.split(axis=1, num_or_size_splits=5, value=inputs()),
    "split_sizes": lambda: tf.split(inputs(), [2, 3], 1),
    "squared_difference": lambda: tf.squared_difference(rows(), rows()),
    "squeeze": lambda: tf.squeeze(inputs(steps=1), [1]),
    "stack": lambda: tf.stack([rows(), rows()], 1),
    "strings": lambda: (tf.as_string(rows()), tf.string_join(["a", "b"])),
    "summaries": lambda: (
        tf.summary.scalar("a", tf.reduce_sum(rows())),
        tf.summary.histogram("h", rows()),
        tf.summary.merge_all(),
    ),
    "tensor_array": lambda: _tensor_array(),
    "tensordot": lambda: tf.tensordot(inputs(), tf.get_variable("w", [3, 4]), [[2], [0]]),
    "tensordot_static": lambda: tf.tensordot(inputs(2), tf.get_variable("w", [3, 4]), 1),
    "tile": lambda: tf.tile(rows(), [1, 2]),
    "top_k": lambda: tf.nn.top_k(rows(), 2),
    "transpose": lambda: (tf.transpose(rows()), tf.transpose(inputs(), [1, 0, 2])),
    "unstack": lambda: tf.unstack(inputs(), 5, 1),
    "weighted": lambda: tf.nn.weighted_cross_entropy_with_logits(rows(), rows(), 2.0),
    "where": lambda: tf.where(rows() > 0, rows(), rows()),
    "while": lambda: tf.while_loop(lambda i, a: i < 10, lambda i, a: (i + 1, a * 2.0), [0, 1.0]),
    "while_shapes": lambda: tf.while_loop(
        lambda i, a: tf.less(i, 10),
        lambda i, a: (i + 1, tf.concat([a, a], 0)),
        [tf.constant(0), tf.zeros([1, 2])],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 2])],
    ),
    "xw_plus_b": lambda: tf.nn.xw_plus_b(rows(), tf.get_variable("w", [3, 4]), tf.zeros([4])),
    "py_func": lambda: tf.py_func(lambda a: a, [rows()], F),
    "image": lambda: (
        tf.image.resize_images(tf.placeholder(F, [None, 8, 8, 3]), [4, 4]),
        tf.image.random_flip_left_right(tf.placeholder(F, [8, 8, 3])),
    ),
    "ctc": lambda: tf.nn.ctc_loss(
        tf.sparse_placeholder(tf.int32), inputs(5, 2), tf.placeholder(tf.int32, [2])
    ),
    "ctc_decode": lambda: tf.nn.ctc_greedy_decoder(inputs(5, 2), tf.placeholder(tf.int32, [2])),
    "edit_distance": lambda: tf.edit_distance(
        tf.sparse_placeholder(tf.int64), tf.sparse_placeholder(tf.int64)
    ),
    "ema": lambda: tf.train.ExponentialMovingAverage(0.9).apply([tf.get_variable("v", [2])]),
    "metrics": lambda: tf.metrics.accuracy(
        tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    ),
    "metrics_mean": lambda: tf.metrics.mean(rows()),
    "losses": lambda: (
        tf.losses.mean_squared_error(rows(), rows()),
        tf.losses.softmax_cross_entropy(rows(), rows()),
        tf.losses.sparse_softmax_cross_entropy(tf.placeholder(tf.int32, [None]), rows()),
        tf.losses.absolute_difference(rows(), rows()),
        tf.losses.sigmoid_cross_entropy(rows(), rows()),
        tf.losses.get_total_loss(),
    ),
    "losses_mse": lambda: tf.losses.mean_squared_error(rows(), rows()),
    "losses_softmax": lambda: tf.losses.softmax_cross_entropy(rows(), rows()),
    "losses_sparse": lambda: tf.losses.sparse_softmax_cross_entropy(
        tf.placeholder(tf.int32, [None]), rows()
    ),
    "data": lambda: (
        tf.data.Dataset.from_tensor_slices(np.arange(12.0).reshape([6, 2]))
        .shuffle(6)
        .repeat()
        .batch(2)
        .make_one_shot_iterator()
        .get_next()
    ),
    "data_initializable": lambda: (
        tf.data.Dataset.from_tensor_slices(np.arange(6.0))
        .batch(2)
        .make_initializable_iterator()
        .get_next()
    ),
    "data_zip": lambda: (
        tf.data.Dataset.zip(
            (tf.data.Dataset.range(4), tf.data.Dataset.range(4).map(lambda i: i + 1))
        )
        .prefetch(1)
        .make_one_shot_iterator()
        .get_next()
    ),
}
cases("op", op, OPERATIONS)


def _control():
    with tf.control_dependencies([rows()]):
        tf.identity(rows())
        tf.no_op()
    tf.group(rows(), rows())
    tf.tuple([rows(), rows()])
    with tf.device("/cpu:0"), tf.name_scope("name"):
        tf.stop_gradient(rows())


def _tensor_array():
    array = tf.TensorArray(F, 5).unstack(tf.transpose(inputs(), [1, 0, 2]))
    array.read(0)
    array.stack()
    other = tf.TensorArray(F, size=0, dynamic_size=True, element_shape=[3])
    other.write(0, tf.zeros([3])).stack()
    other.size()


# Layers.


def image():
    return tf.placeholder(F, [None, 8, 8, 3])


LAYERS = {
    "dense": lambda: tf.layers.dense(rows(), 4),
    "dense_relu": lambda: tf.layers.dense(rows(), 4, activation=tf.nn.relu, name="d"),
    "dense_plain": lambda: tf.layers.dense(rows(), 4, use_bias=False),
    "dense_start": lambda: tf.layers.dense(
        rows(),
        4,
        tf.nn.tanh,
        kernel_initializer=tf.truncated_normal_initializer(stddev=0.1),
        bias_initializer=tf.constant_initializer(0.1),
    ),
    "dense_penalty": lambda: tf.layers.dense(rows(), 4, kernel_regularizer=tf.nn.l2_loss),
    "dense3": lambda: tf.layers.dense(inputs(), 4, tf.nn.relu),
    "dense3_static": lambda: tf.layers.dense(inputs(2), 4),
    "dense_object": lambda: tf.layers.Dense(4, use_bias=False)(rows()),
    "flatten": lambda: tf.layers.flatten(inputs()),
    "flatten_static": lambda: tf.layers.flatten(inputs(2)),
    "dropout": lambda: tf.layers.dropout(rows(), 0.3, training=True),
    "dropout_off": lambda: tf.layers.dropout(rows(), 0.3),
    "dropout_placeholder": lambda: tf.layers.dropout(
        rows(), 0.3, training=tf.placeholder(tf.bool, [])
    ),
    "conv2d": lambda: tf.layers.conv2d(image(), 4, 3, padding="same", activation=tf.nn.relu),
    "conv1d": lambda: tf.layers.conv1d(inputs(), 4, 3),
    "max_pool": lambda: tf.layers.max_pooling2d(image(), 2, 2),
    "average_pool": lambda: tf.layers.average_pooling2d(image(), 2, 2),
    "batch_norm": lambda: tf.layers.batch_normalization(rows(), training=True),
    "batch_norm_test": lambda: tf.layers.batch_normalization(rows()),
    "batch_norm_image": lambda: tf.layers.batch_normalization(image(), training=True),
    "batch_norm_placeholder": lambda: tf.layers.batch_normalization(
        rows(), training=tf.placeholder(tf.bool, [])
    ),
}
cases("layer", op, LAYERS)

# Cells and their unrolling.

rnn_cell = tf.nn.rnn_cell
CELLS = {
    "gru": lambda: rnn_cell.GRUCell(4),
    "basic": lambda: rnn_cell.BasicRNNCell(4),
    "blstm": lambda: rnn_cell.BasicLSTMCell(4),
    "blstm_flat": lambda: rnn_cell.BasicLSTMCell(4, state_is_tuple=False),
    "lstm": lambda: rnn_cell.LSTMCell(4, initializer=tf.random_uniform_initializer(-1, 1)),
    "lstm_flat": lambda: rnn_cell.LSTMCell(4, state_is_tuple=False),
    "lstm_peepholes": lambda: rnn_cell.LSTMCell(4, use_peepholes=True, cell_clip=2.0),
    "lstm_projection": lambda: rnn_cell.LSTMCell(4, num_proj=2, proj_clip=1.0),
    "multi": lambda: rnn_cell.MultiRNNCell([rnn_cell.GRUCell(4), rnn_cell.BasicLSTMCell(4)]),
    "multi_flat": lambda: rnn_cell.MultiRNNCell(
        [rnn_cell.GRUCell(4), rnn_cell.GRUCell(4)], state_is_tuple=False
    ),
    "dropout": lambda: rnn_cell.DropoutWrapper(rnn_cell.GRUCell(4), output_keep_prob=0.5),
    "dropouts": lambda: rnn_cell.DropoutWrapper(
        rnn_cell.BasicLSTMCell(4), 0.5, 0.7, state_keep_prob=0.9
    ),
    "dropout_tensor": lambda: rnn_cell.DropoutWrapper(
        rnn_cell.BasicLSTMCell(4), output_keep_prob=tf.placeholder(F)
    ),
    "dropout_one": lambda: rnn_cell.DropoutWrapper(
        rnn_cell.BasicLSTMCell(4), output_keep_prob=1.0
    ),
    "dropout_variational": lambda: rnn_cell.DropoutWrapper(
        rnn_cell.BasicLSTMCell(4),
        0.5,
        0.5,
        0.5,
        variational_recurrent=True,
        input_size=3,
        dtype=F,
    ),
    "dropout_multi": lambda: rnn_cell.MultiRNNCell(
        [
            rnn_cell.DropoutWrapper(rnn_cell.BasicLSTMCell(4), output_keep_prob=0.5)
            for _ in range(2)
        ]
    ),
    "residual": lambda: rnn_cell.ResidualWrapper(rnn_cell.GRUCell(3)),
    "device": lambda: rnn_cell.DeviceWrapper(rnn_cell.GRUCell(3), "/cpu:0"),
}
UNROLLED = {
    "step": lambda cell: cell(rows(2), cell.zero_state(2, F)),
    "steps": lambda cell: _steps(cell),
    "zero": lambda cell: cell.zero_state(tf.placeholder(tf.int32, []), F),
    "dynamic": lambda cell: tf.nn.dynamic_rnn(cell, inputs(), dtype=F),
    "dynamic_lengths": lambda cell: tf.nn.dynamic_rnn(
        cell, inputs(), tf.placeholder(tf.int32, [None]), dtype=F
    ),
    "static": lambda cell: tf.nn.static_rnn(cell, tf.unstack(inputs(), 5, 1), dtype=F),
    "static_lengths": lambda cell: tf.nn.static_rnn(
        cell, tf.unstack(inputs(), 5, 1), dtype=F, sequence_length=tf.placeholder(tf.int32, [None])
    ),
}


def _steps(cell):
    state = cell.zero_state(2, F)
    with tf.variable_scope("RNN"):
        for step in range(3):
            if step > 0:
                tf.get_variable_scope().reuse_variables()
            _, state = cell(rows(2), state)


for way in sorted(UNROLLED):
    for kind in sorted(CELLS):
        CASES.append(
            (
                way + "_" + kind,
                lambda way=way, kind=kind: (UNROLLED[way](CELLS[kind]()), tf.random_normal([1])),
            )
        )


@case
def bidirectional_dynamic():
    tf.nn.bidirectional_dynamic_rnn(rnn_cell.GRUCell(4), rnn_cell.GRUCell(4), inputs(), dtype=F)


@case
def bidirectional_dynamic_lengths():
    tf.nn.bidirectional_dynamic_rnn(
        rnn_cell.BasicLSTMCell(4),
        rnn_cell.BasicLSTMCell(4),
        inputs(),
        tf.placeholder(tf.int32, [None]),
        dtype=F,
    )


@case
def bidirectional_static():
    tf.nn.static_bidirectional_rnn(
        rnn_cell.GRUCell(4), rnn_cell.GRUCell(4), tf.unstack(inputs(), 5, 1), dtype=F
    )


@case
def raw():
    cell = rnn_cell.GRUCell(4)
    array = tf.TensorArray(F, 5).unstack(tf.transpose(inputs(2), [1, 0, 2]))

    def loop(time, output, state, loop_state):
        done = time >= tf.constant([5, 5])
        following = tf.cond(
            tf.reduce_all(done), lambda: tf.zeros([2, 3]), lambda: array.read(time)
        )
        state = cell.zero_state(2, F) if output is None else state
        return done, following, state, output, None

    tf.nn.raw_rnn(cell, loop)


# Gradients and training.


def mlp():
    return tf.reduce_mean(tf.square(tf.layers.dense(rows(), 4, tf.nn.tanh)))


def softmax_model(unroll, cell=None):
    cell = cell or rnn_cell.BasicLSTMCell(4)
    x = inputs()
    outputs = unroll(cell, x)
    weights = tf.Variable(tf.random_normal([4, 2]))
    bias = tf.Variable(tf.zeros([2]))
    logits = tf.matmul(outputs, weights) + bias
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=rows(width=2))
    )


def last_dynamic(cell, x):
    return tf.nn.dynamic_rnn(cell, x, dtype=F)[0][:, -1]


def last_transposed(cell, x):
    return tf.transpose(tf.nn.dynamic_rnn(cell, x, dtype=F)[0], [1, 0, 2])[-1]


def last_static(cell, x):
    return tf.nn.static_rnn(cell, tf.unstack(x, 5, 1), dtype=F)[0][-1]


def last_lengths(cell, x):
    return tf.nn.dynamic_rnn(cell, x, tf.placeholder(tf.int32, [None]), dtype=F)[0][:, -1]


def language_model(cell, batch=2, steps=5):
    data = tf.placeholder(tf.int32, [batch, steps])
    targets = tf.placeholder(tf.int32, [batch, steps])
    embedding = tf.get_variable("embedding", [7, 3])
    x = tf.nn.embedding_lookup(embedding, data)
    x = tf.nn.dropout(x, 0.9)
    state = cell.zero_state(batch, F)
    outputs, state = tf.nn.dynamic_rnn(cell, x, initial_state=state)
    flat = tf.reshape(outputs, [-1, 4])
    logits = tf.matmul(flat, tf.get_variable("w", [4, 7])) + tf.get_variable("b", [7])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(targets, [-1]), logits=logits
    )
    return tf.reduce_sum(loss) / batch


def gradient(loss):
    tf.gradients(loss, tf.trainable_variables())
    tf.random_normal([1])


LOSSES = {
    "mlp": mlp,
    "dynamic_blstm": lambda: softmax_model(last_dynamic),
    "dynamic_gru": lambda: softmax_model(last_dynamic, rnn_cell.GRUCell(4)),
    "dynamic_basic": lambda: softmax_model(last_dynamic, rnn_cell.BasicRNNCell(4)),
    "dynamic_lstm": lambda: softmax_model(last_dynamic, rnn_cell.LSTMCell(4)),
    "dynamic_flat": lambda: softmax_model(last_dynamic, CELLS["blstm_flat"]()),
    "dynamic_dropout": lambda: softmax_model(last_dynamic, CELLS["dropout"]()),
    "dynamic_multi": lambda: softmax_model(last_dynamic, CELLS["multi"]()),
    "transposed": lambda: softmax_model(last_transposed),
    "static_blstm": lambda: softmax_model(last_static),
    "static_gru": lambda: softmax_model(last_static, rnn_cell.GRUCell(4)),
    "static_dropout": lambda: softmax_model(last_static, CELLS["dropouts"]()),
    "lengths_blstm": lambda: softmax_model(last_lengths),
    "lengths_gru": lambda: softmax_model(last_lengths, rnn_cell.GRUCell(4)),
    "language": lambda: language_model(CELLS["dropout_multi"]()),
    "square": lambda: tf.reduce_sum(tf.square(tf.matmul(rows(), tf.get_variable("w", [3, 2])))),
    "mean": lambda: tf.reduce_mean(tf.get_variable("w", [3, 2]) - tf.zeros([3, 2])),
    "mean_axis": lambda: tf.reduce_mean(rows() * tf.get_variable("w", [3]), 1),
    "log": lambda: (
        -tf.reduce_mean(
            tf.reduce_sum(
                rows() * tf.log(tf.nn.softmax(tf.matmul(rows(), tf.get_variable("w", [3, 3])))), 1
            )
        )
    ),
    "clip": lambda: tf.reduce_sum(tf.clip_by_value(tf.get_variable("w", [3]), 1e-10, 1.0)),
    "divide": lambda: tf.reduce_sum(tf.get_variable("w", [3]) / 2.0 + 1.0 - rows() ** 2),
    "conv": lambda: tf.reduce_mean(
        tf.nn.max_pool(
            tf.nn.relu(
                tf.nn.conv2d(image(), tf.get_variable("k", [3, 3, 3, 4]), [1, 1, 1, 1], "SAME")
            ),
            [1, 2, 2, 1],
            [1, 2, 2, 1],
            "SAME",
        )
    ),
    "dropout": lambda: tf.reduce_sum(
        tf.nn.dropout(tf.matmul(rows(), tf.get_variable("w", [3, 2])), 0.5)
    ),
    "dense3": lambda: tf.reduce_sum(tf.layers.dense(inputs(), 4, tf.nn.relu)),
    "split": lambda: tf.add_n(
        [tf.reduce_sum(s) for s in tf.split(tf.get_variable("w", [3, 4]), 2, 1)]
    ),
    "concat": lambda: tf.reduce_sum(
        tf.concat([tf.get_variable("w", [3, 4]), tf.get_variable("v", [3, 4])], 1)
    ),
    "gather": lambda: tf.reduce_sum(
        tf.nn.embedding_lookup(tf.get_variable("w", [3, 4]), tf.placeholder(tf.int32, [None]))
    ),
    "tensordot": lambda: tf.reduce_sum(
        tf.tensordot(inputs(), tf.get_variable("w", [3, 4]), [[2], [0]])
    ),
    "scan": lambda: tf.reduce_sum(
        tf.scan(lambda a, b: a * tf.get_variable("w", []), inputs(), tf.zeros([5, 3]))
    ),
    "batch_norm": lambda: tf.reduce_sum(
        tf.layers.batch_normalization(tf.layers.dense(rows(), 4), training=True)
    ),
    "l2": lambda: mlp() + 0.1 * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()]),
    "abs": lambda: tf.reduce_sum(tf.abs(tf.get_variable("w", [3]) - rows())),
    "stack": lambda: tf.reduce_sum(tf.stack([tf.get_variable("w", [3])] * 2) * rows(2)),
    "sqrt": lambda: tf.sqrt(tf.reduce_mean(tf.square(tf.get_variable("w", [3]) - rows()))),
    "losses": lambda: tf.losses.mean_squared_error(rows(width=4), tf.layers.dense(rows(), 4)),
    "losses_softmax": lambda: tf.losses.softmax_cross_entropy(
        rows(width=4), tf.layers.dense(rows(), 4)
    ),
    "losses_sparse": lambda: tf.losses.sparse_softmax_cross_entropy(
        tf.placeholder(tf.int32, [None]), tf.layers.dense(rows(), 4)
    ),
    "sparse_loss3": lambda: tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.placeholder(tf.int32, [None, 5]),
            logits=tf.nn.dynamic_rnn(rnn_cell.GRUCell(4), inputs(), dtype=F)[0],
        )
    ),
    "masked": lambda: (
        tf.reduce_sum(tf.nn.relu(tf.matmul(rows(), tf.get_variable("w", [3, 3]))) * rows())
        / tf.reduce_sum(rows())
    ),
}
cases("gradient", lambda loss: gradient(loss()), LOSSES)


def clipped(optimizer):
    variables = tf.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf.gradients(mlp(), tf.trainable_variables()), 5.0)
    optimizer.apply_gradients(zip(gradients, tf.trainable_variables()))
    return variables


train = tf.train
OPTIMIZERS = {
    "sgd": lambda: train.GradientDescentOptimizer(0.1),
    "adam": lambda: train.AdamOptimizer(),
    "adam_rate": lambda: train.AdamOptimizer(tf.placeholder(F)),
    "momentum": lambda: train.MomentumOptimizer(0.1, 0.9),
    "rmsprop": lambda: train.RMSPropOptimizer(0.1),
    "adagrad": lambda: train.AdagradOptimizer(0.1),
    "adadelta": lambda: train.AdadeltaOptimizer(0.1),
    "ftrl": lambda: train.FtrlOptimizer(0.1),
    "adam_embedding": lambda: train.AdamOptimizer(),
}


def trained(optimizer):
    optimizer().minimize(mlp(), global_step=tf.train.get_or_create_global_step())
    tf.random_normal([1])


cases("minimize", trained, OPTIMIZERS)
cases("clipped", lambda optimizer: clipped(optimizer()), OPTIMIZERS)


@case
def minimize_embedding():
    embedded = tf.nn.embedding_lookup(
        tf.get_variable("e", [7, 3]), tf.placeholder(tf.int32, [None])
    )
    train.AdamOptimizer().minimize(tf.reduce_sum(embedded))


@case
def clipped_values():
    optimizer = train.AdamOptimizer(0.1)
    pairs = optimizer.compute_gradients(mlp())
    optimizer.apply_gradients([(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in pairs])


@case
def clipped_embedding():
    embedded = tf.nn.embedding_lookup(
        tf.get_variable("e", [7, 3]), tf.placeholder(tf.int32, [None])
    )
    loss = tf.reduce_sum(tf.matmul(embedded, tf.get_variable("w", [3, 3])))
    gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, tf.trainable_variables()), 5.0)
    train.AdamOptimizer().apply_gradients(zip(gradients, tf.trainable_variables()))


@case
def ends():
    tf.get_variable("v", [3, 4])
    tf.global_variables_initializer()
    tf.local_variables_initializer()
    tf.tables_initializer()
    tf.train.Saver(max_to_keep=3)


@case
def saver_two():
    tf.get_variable("v", [3, 4])
    tf.get_variable("w", [3, 4])
    tf.train.Saver()
    tf.train.Saver([tf.get_variable("u", [2])])


STEP = {
    "exponential": lambda step: train.exponential_decay(0.1, step, 10, 0.9, staircase=True),
    "polynomial": lambda step: train.polynomial_decay(0.1, step, 10),
    "piecewise": lambda step: train.piecewise_constant(step, [5], [0.1, 0.2]),
    "inverse": lambda step: train.inverse_time_decay(0.1, step, 10, 0.5),
}
cases("rate", lambda decay: decay(tf.Variable(0, trainable=False)), STEP)


def seeds_of(graph):
    return [op.get_attr("seed2") for op in graph.get_operations() if "seed2" in op.node_def.attr]


def main(path, wanted=None):
    lines = []
    for name, function in CASES:
        if wanted not in (None, "all", name):
            continue
        with tf.Graph().as_default() as graph:
            tf.set_random_seed(1)
            try:
                function()
                count = random_seed.get_seed(None)[1]
                line = " ".join(str(part) for part in [name, count] + seeds_of(graph))
            except Exception as error:
                line = "%s failed %s" % (name, str(error).replace("\n", " ")[:200])
            lines.append(line)
            if wanted:
                print("=== " + name)
                for made in graph.get_operations():
                    print("%s %s" % (made.type, made.name))
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
