"""One step of the three cells: shapes of inputs, states, variables and outputs."""
import numpy as np
import tensorflow as tf

batch_size, input_dim, output_dim = 3, 2, 4
for make in (tf.contrib.rnn.BasicRNNCell, tf.contrib.rnn.BasicLSTMCell, tf.contrib.rnn.GRUCell):
    tf.reset_default_graph()
    tf.set_random_seed(10)
    inputs = tf.placeholder(dtype=tf.float32, shape=(batch_size, input_dim))
    cell = make(num_units=output_dim)
    previous_state = cell.zero_state(batch_size, dtype=tf.float32)
    output, state = cell(inputs, previous_state)
    kernel = cell.variables
    X = np.ones(shape=(batch_size, input_dim))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        output, state, kernel = sess.run([output, state, kernel], feed_dict={inputs: X})
        print(cell.name, cell.state_size, X.shape, [k.shape for k in kernel], output.shape)
        print(np.asarray(state).shape, "%.5f" % output.sum())
    print(previous_state)
