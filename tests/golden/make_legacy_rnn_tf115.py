"""Writes `legacy_rnn_tf115.npz`: names, numbers and gradients of `tf.contrib.rnn`'s cells.

Needs Python 3.7:

    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_legacy_rnn_tf115.py tests/golden/legacy_rnn_tf115.npz
"""

import os
import sys
import warnings

import legacy_rnn_cases
import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")


def tensorflow_115():
    """Imports it late: what it prints while it is imported depends on the lines above."""
    import tensorflow as tf

    if tf.__version__ != "1.15.5":
        raise SystemExit("needs TensorFlow 1.15.5, not " + tf.__version__)
    tf.compat.v1.logging.set_verbosity("ERROR")
    return tf


def main(path):
    tf = tensorflow_115()
    from tensorflow.contrib import cudnn_rnn, grid_rnn, rnn
    from tensorflow.contrib.rnn.python.ops import rnn_cell

    modules = legacy_rnn_cases.Modules(rnn, cudnn_rnn, grid_rnn, tf.nn.rnn_cell, rnn_cell)
    arrays = {}
    for name in legacy_rnn_cases.CASES:
        for unrolled in (False, True):
            if unrolled and name not in legacy_rnn_cases.UNROLLED:
                continue
            found = legacy_rnn_cases.evaluate(tf, modules, name, unrolled)
            key = "%s|%d|" % (name, unrolled)
            arrays[key + "about"], arrays[key + "row"] = legacy_rnn_cases.packed(found)
    np.savez_compressed(path, **arrays)
    print("%s: %d arrays, %d bytes" % (path, len(arrays), os.path.getsize(path)))


if __name__ == "__main__":
    main(sys.argv[1])
