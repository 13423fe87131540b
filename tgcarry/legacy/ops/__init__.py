"""Functions that make the operations of TensorFlow 1.15 one by one, in its order."""
