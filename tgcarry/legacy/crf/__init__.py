"""`tf.contrib.crf`: conditional random fields on a chain."""
