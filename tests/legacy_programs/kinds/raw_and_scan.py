"""The same recurrence five ways: raw_rnn, dynamic_rnn, static_rnn, scan and while_loop."""
import numpy as np
import tensorflow as tf

tf.set_random_seed(12)
B, T, I, H = 3, 6, 2, 4
x = tf.placeholder(tf.float32, [B, T, I])
lengths = tf.placeholder(tf.int32, [B])
cell = tf.contrib.rnn.BasicRNNCell(H)
inputs_ta = tf.TensorArray(dtype=tf.float32, size=T).unstack(tf.transpose(x, [1, 0, 2]))


def loop_fn(time, cell_output, cell_state, loop_state):
    emit_output = cell_output
    next_state = cell.zero_state(B, tf.float32) if cell_output is None else cell_state
    finished = (time >= lengths)
    done = tf.reduce_all(finished)
    next_input = tf.cond(done, lambda: tf.zeros([B, I], tf.float32), lambda: inputs_ta.read(time))
    return finished, next_input, next_state, emit_output, None


with tf.variable_scope("rnn") as scope:
    outputs_ta, final, _ = tf.nn.raw_rnn(cell, loop_fn, scope=scope)
raw = tf.transpose(outputs_ta.stack(), [1, 0, 2])
kernel, bias = cell.weights
with tf.variable_scope("rnn", reuse=True) as scope:
    dynamic, dynamic_final = tf.nn.dynamic_rnn(
        tf.contrib.rnn.BasicRNNCell(H), x, sequence_length=lengths, dtype=tf.float32, scope=scope)
    static, static_final = tf.nn.static_rnn(
        tf.contrib.rnn.BasicRNNCell(H), tf.unstack(x, axis=1), sequence_length=lengths, dtype=tf.float32, scope=scope)
step = lambda h, v: tf.tanh(tf.matmul(tf.concat([v, h], 1), kernel) + bias)
scanned = tf.scan(step, tf.transpose(x, [1, 0, 2]), initializer=tf.zeros([B, H]))
_, looped = tf.while_loop(lambda t, h: t < T, lambda t, h: (t + 1, step(h, x[:, t])),
                          [0, tf.zeros([B, H])])
grads = [tf.gradients(tf.reduce_sum(tf.square(v)), [kernel, bias]) for v in (raw, dynamic, static, scanned, looped)]
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: np.random.RandomState(1).randn(B, T, I), lengths: [6, 3, 1]}
    for name, v in zip(["raw", "final", "dynamic", "dynamic final", "static", "static final", "scan", "while"],
                       [raw, final, dynamic, dynamic_final, static, static_final, scanned, looped]):
        got = np.asarray(sess.run(v, feed))
        print(name, got.shape, "%.5f" % got.sum())
    for k, b in sess.run(grads, feed):
        print("%.5f %.5f" % (k.sum(), b.sum()))
    print([v.name for v in tf.global_variables()])
