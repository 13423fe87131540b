"""Writes `legacy_seq2seq_tf115.npz`: what TensorFlow 1.15.5's own contrib.seq2seq computes.

Needs Python 3.7:

    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_legacy_seq2seq_tf115.py tests/golden/legacy_seq2seq_tf115.npz
"""

import os
import sys
import warnings

import legacy_seq2seq_cases as cases
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
    arrays = {}
    for name in cases.CASES:
        found = cases.evaluate(tf, tf.contrib.seq2seq, tf.nn.rnn_cell, tf.layers.Dense, name)
        for key, value in found.items():
            arrays[name + "|" + key] = value
    np.savez_compressed(path, **arrays)
    print("%s: %d cases, %d bytes" % (path, len(cases.CASES), os.path.getsize(path)))


if __name__ == "__main__":
    main(sys.argv[1])
