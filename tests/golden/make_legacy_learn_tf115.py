"""Writes what the programs `legacy_*_program.py` give on TensorFlow 1.15.5.

Needs Python 3.7:

    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_legacy_learn_tf115.py tests/golden
"""

import os
import runpy
import sys
import warnings

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")

TOPICS = ("decoding", "examples", "keras", "learn", "training")


def main(folder):
    import tensorflow as tf

    if tf.__version__ != "1.15.5":
        raise SystemExit("needs TensorFlow 1.15.5, not " + tf.__version__)
    tf.compat.v1.logging.set_verbosity("ERROR")
    for topic in TOPICS:
        program = os.path.join(folder, "legacy_%s_program.py" % topic)
        results = runpy.run_path(program, run_name="__main__")["results"]
        path = os.path.join(folder, "legacy_%s_tf115.npz" % topic)
        np.savez_compressed(path, **results)
        print("%s: %d arrays, %d bytes" % (path, len(results), os.path.getsize(path)))


if __name__ == "__main__":
    main(sys.argv[1])
