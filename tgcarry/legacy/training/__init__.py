"""What `tf.contrib.training` had: hyperparameters, buckets, saved sequence states, loops."""
