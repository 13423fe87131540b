"""Writes `legacy_numbers_tf115.npz`: what the programs `numbers_*.py` find on TensorFlow 1.15.5.

Needs Python 3.7:

    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_legacy_numbers_tf115.py tests/golden/legacy_numbers_tf115.npz
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "legacy_programs")


def output(program, folder, suffix):
    """Runs a program that writes a file, and returns the file's name."""
    path = os.path.join(folder, program + suffix)
    subprocess.check_call([sys.executable, os.path.join(PROGRAMS, program + ".py"), path])
    return path


def main(path):
    import tensorflow as tf

    if tf.__version__ != "1.15.5":
        raise SystemExit("needs TensorFlow 1.15.5, not " + tf.__version__)
    arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        for program in ("numbers_training", "numbers_chained"):
            with np.load(output(program, folder, ".npz")) as found:
                arrays.update({program + "|" + key: found[key] for key in found})
        with open(output("numbers_counts", folder, ".txt")) as file:
            arrays["numbers_counts"] = np.array(file.read().splitlines())
    np.savez_compressed(path, **arrays)
    print("%s: %d arrays, %d bytes" % (path, len(arrays), os.path.getsize(path)))


if __name__ == "__main__":
    main(sys.argv[1])
