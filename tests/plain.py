"""How to configure the session of a very short run."""

import tensorflow.compat.v1 as tf

# Most of the time of so short a run is TensorFlow's, looking for a faster graph.
PLAIN = tf.ConfigProto()
PLAIN.graph_options.rewrite_options.disable_meta_optimizer = True
