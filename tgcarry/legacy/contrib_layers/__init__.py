"""`tf.contrib.layers`, `slim`, `framework`, `losses` and their like of TensorFlow 1.15."""
