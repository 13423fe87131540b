"""What `tf.estimator` was: a model function, trained, evaluated and asked in sessions.

TensorFlow has had none since 2.16. This one trains on one machine.
"""
