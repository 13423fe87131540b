"""A TensorFlow 1 program: recurrent layers of Keras with fixed weights, trained a bit."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import backend, layers, models
from tensorflow.python.keras.preprocessing import sequence

random = np.random.RandomState(0)
x = random.randint(0, 11, (16, 6))
y = random.randn(16, 2)
results = {"padded": sequence.pad_sequences([[1, 2], [3], [4, 5, 6, 7]], maxlen=3)}


def fixed(model):
    draw = np.random.RandomState(5)
    model.set_weights([draw.randn(*w.shape) * 0.3 for w in model.get_weights()])


recurrent = {
    "lstm": lambda **how: layers.LSTM(4, **how),
    "gru": lambda **how: layers.GRU(4, **how),
    "simple": lambda **how: layers.SimpleRNN(4, **how),
    "cell": lambda **how: layers.RNN(layers.LSTMCell(4), **how),
    "both": lambda **how: layers.Bidirectional(layers.LSTM(4, **how)),
}
for name in sorted(recurrent):
    backend.clear_session()
    model = models.Sequential()
    model.add(layers.Embedding(11, 3, input_length=6))
    model.add(recurrent[name](return_sequences=True))
    model.add(recurrent[name]())
    model.add(layers.Dense(2))
    model.compile(loss="mse", optimizer=tf.keras.optimizers.SGD(lr=0.1), metrics=["mae"])
    fixed(model)
    results[name + "_before"] = model.predict(x)
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    results[name + "_after"] = model.predict(x)
    results[name + "_loss"] = np.array(history.history["loss"])
    results[name + "_history"] = np.array(sorted(history.history))
    results[name + "_names"] = np.array([w.name for w in model.weights])

backend.clear_session()
values = random.randn(5, 4, 3).astype(np.float32)
inputs = tf.placeholder(tf.float32, [None, 4, 3])
outputs = layers.LSTM(3, kernel_initializer="ones", recurrent_initializer="ones")(inputs)
session = backend.get_session()
session.run(tf.global_variables_initializer())
results["raw"] = session.run(outputs, {inputs: values})
results["raw_names"] = np.array([v.name for v in tf.trainable_variables()])
