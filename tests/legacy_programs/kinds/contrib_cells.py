"""Many of contrib's cells, wrapped and bare, static and dynamic."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn

tf.set_random_seed(31)
x = tf.placeholder(tf.float32, [4, 5, 6])
cells = [
    ("LayerNormBasicLSTMCell", lambda: rnn.LayerNormBasicLSTMCell(6)),
    ("NASCell", lambda: rnn.NASCell(6)),
    ("UGRNNCell", lambda: rnn.UGRNNCell(6)),
    ("IntersectionRNNCell", lambda: rnn.IntersectionRNNCell(6)),
    ("CoupledInputForgetGateLSTMCell", lambda: rnn.CoupledInputForgetGateLSTMCell(6, state_is_tuple=True)),
    ("GRUBlockCell", lambda: rnn.GRUBlockCell(6)),
    ("GRUBlockCellV2", lambda: rnn.GRUBlockCellV2(6)),
    ("LSTMBlockCell", lambda: rnn.LSTMBlockCell(6)),
    ("LSTMCell peepholes", lambda: rnn.LSTMCell(6, use_peepholes=True, num_proj=3, cell_clip=1.0)),
    ("AttentionCellWrapper", lambda: rnn.AttentionCellWrapper(rnn.GRUCell(6), 3, state_is_tuple=True)),
    ("InputProjectionWrapper", lambda: rnn.InputProjectionWrapper(rnn.GRUCell(6), 5)),
    ("OutputProjectionWrapper", lambda: rnn.OutputProjectionWrapper(rnn.GRUCell(6), 2)),
    ("ResidualWrapper", lambda: rnn.ResidualWrapper(rnn.GRUCell(6))),
    ("HighwayWrapper", lambda: rnn.HighwayWrapper(rnn.GRUCell(6))),
    ("PhasedLSTMCell", None),
]
value = np.random.RandomState(3).randn(4, 5, 6)
outputs = []
for name, make in cells:
    if make is None:
        continue
    with tf.variable_scope(name.replace(" ", "_")):
        outputs.append(tf.nn.dynamic_rnn(make(), x, dtype=tf.float32)[0])
with tf.variable_scope("fused"):
    fused = rnn.LSTMBlockFusedCell(6)
    outputs.append(fused(tf.transpose(x, [1, 0, 2]), dtype=tf.float32)[0])
with tf.variable_scope("stacked"):
    out, fw, bw = rnn.stack_bidirectional_dynamic_rnn(
        [rnn.GRUCell(3), rnn.GRUCell(2)], [rnn.GRUCell(3), rnn.GRUCell(2)], x, dtype=tf.float32)
    outputs.append(out)
loss = tf.add_n([tf.reduce_sum(tf.square(o)) for o in outputs])
grads = tf.gradients(loss, tf.trainable_variables())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for v in tf.trainable_variables():
        # weights that no generator drew, so that the arithmetic alone is compared
        n = int(np.prod(v.get_shape().as_list()))
        v.load(np.sin(np.arange(n) * 0.7 + len(v.name)).reshape(v.get_shape().as_list()) * 0.3, sess)
    for (name, _), got in zip(cells + [("stack", None)], sess.run(outputs, {x: value})):
        print(name, got.shape, "%.4f" % got.sum())
    for v, g in zip(tf.trainable_variables(), sess.run(grads, {x: value})):
        print(v.name, "%.3f" % np.abs(g).sum())
