"""Keras inside TensorFlow 1: a Sequential LSTM, fitted, saved and loaded."""
import numpy as np
import tensorflow as tf
from tensorflow.python.keras.layers import LSTM, Dense, Embedding
from tensorflow.keras.models import Sequential

np.random.seed(3)
tf.set_random_seed(3)
x = np.random.randint(0, 10, (80, 6))
y = (x[:, -1] > 4).astype("float32")
model = Sequential()
model.add(Embedding(10, 6, input_length=6))
model.add(LSTM(12))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.Adam(0.05), metrics=["accuracy"])
history = model.fit(x, y, epochs=15, batch_size=20, verbose=0)
print(sorted(history.history), len(history.history["loss"]))
loss, accuracy = model.evaluate(x, y, verbose=0)
print("learned:", accuracy > 0.9, model.predict(x[:3]).shape)
model.save_weights("weights.h5")
again = tf.keras.models.Sequential([
    tf.keras.layers.Embedding(10, 6, input_length=6), tf.keras.layers.LSTM(12),
    tf.keras.layers.Dense(1, activation="sigmoid")])
again.load_weights("weights.h5")
print(np.allclose(again.predict(x), model.predict(x), atol=1e-6), model.count_params())
