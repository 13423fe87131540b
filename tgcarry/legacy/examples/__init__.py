"""The example data sets that TensorFlow 1 came with, read from files on this disk."""
