"""What other packages than TensorFlow had lost or moved, as old programs used it."""
