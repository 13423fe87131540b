"""What TensorFlow's functions were called, and took, before version 1.0."""
