"""What programs of Keras 1 and 2 used that Keras 2.16 and later have no longer."""
