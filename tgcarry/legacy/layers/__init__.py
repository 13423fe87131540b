"""`tf.layers` of TensorFlow 1.15: tf_keras' layers for it, with 1.15's operations in front."""
