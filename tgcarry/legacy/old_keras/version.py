"""The version of Keras that an old program is told: the one of TensorFlow 1.15."""

VERSION = "2.2.4-tf"
