"""Variables given their values in one session call.

`Variable.load` is a call for each variable, and TensorFlow optimises the graph anew for each
thing that is asked of it for the first time: where a graph runs once, that is most of the time.
"""

import tensorflow.compat.v1 as tf


def load_all(values, session):
    """Assigns values to variables; `values` maps the one to the other."""
    session.run([variable.initializer for variable in values], _feeds(values))


def start_with(values, session):
    """Initialises all variables of the graph, those in `values` with these values."""
    session.run(tf.global_variables_initializer(), _feeds(values))


def _feeds(values):
    feeds = {variable.initializer.inputs[1]: value for variable, value in values.items()}
    assert len(feeds) == len(values), "variables that share an initial value"
    return feeds
