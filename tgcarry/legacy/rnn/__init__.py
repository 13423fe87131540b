"""The recurrent cells and functions that TensorFlow 1 kept in `tf.contrib`."""
