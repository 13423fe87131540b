"""Writes `legacy_crf_tf115.npz`: chains in TensorFlow 1.15.5.

Needs Python 3.7:

    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_legacy_crf_tf115.py tests/golden/legacy_crf_tf115.npz
"""

import os
import sys
import warnings

import legacy_crf_cases
import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")


def main(path):
    import tensorflow as tf

    if tf.__version__ != "1.15.5":
        raise SystemExit("needs TensorFlow 1.15.5, not " + tf.__version__)
    tf.compat.v1.logging.set_verbosity("ERROR")
    import tensorflow.contrib as contrib

    arrays = {}
    for name in legacy_crf_cases.CASES:
        for key, value in legacy_crf_cases.evaluate(tf, contrib.crf, name).items():
            arrays[name + "|" + key] = value
    np.savez_compressed(path, **arrays)
    print("%s: %d cases, %d bytes" % (path, len(legacy_crf_cases.CASES), os.path.getsize(path)))


if __name__ == "__main__":
    main(sys.argv[1])
