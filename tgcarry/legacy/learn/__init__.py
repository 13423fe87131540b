"""What `tf.contrib.learn` had: estimators in scikit-learn's manner, and text as numbers."""
