"""Runs the programs of tests/legacy_programs/kinds on real TensorFlow and keeps what they print.

    python tests/golden/make_legacy_programs_tf115.py [NAME...]

Needs Python 3.7 with tensorflow==1.15.5 and 'protobuf<3.21'; `python2_words` Python 2.7 with
tensorflow==1.15.0, and `before_one` Python 2.7 with tensorflow==0.12.1. Each program runs in a
folder of its own that holds small MNIST-like files, see `write_digits`.
"""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(os.path.dirname(HERE), "legacy_programs", "kinds")
OUT = os.path.join(HERE, "legacy_programs")


def write_digits(folder):
    """Writes MNIST's four files with few, made-up images: a bar whose height tells the class."""
    os.makedirs(folder)
    rng = np.random.RandomState(0)
    for part, count in (("train", 300), ("t10k", 80)):
        labels = rng.randint(0, 10, count)
        images = rng.randint(0, 60, (count, 28, 28))
        for i, label in enumerate(labels):
            images[i, 2 * label : 2 * label + 6, 4:24] += 180
        images = images.clip(0, 255).astype(np.uint8)
        for kind, header, body in (
            ("images-idx3", struct.pack(">IIII", 2051, count, 28, 28), images),
            ("labels-idx1", struct.pack(">II", 2049, count), labels.astype(np.uint8)),
        ):
            with gzip.open(os.path.join(folder, "%s-%s-ubyte.gz" % (part, kind)), "wb") as file:
                file.write(header + body.tobytes())


def main(names):
    """Runs the named programs, or all."""
    other = {"python2_words", "before_one"} - set(names)
    found = {name[:-3] for name in os.listdir(PROGRAMS) if name.endswith(".py")}
    programs = sorted(found - other)
    for name in names or programs:
        folder = tempfile.mkdtemp()
        write_digits(os.path.join(folder, "MNIST_small"))
        path = os.path.join(PROGRAMS, name + ".py")
        printed = subprocess.check_output([sys.executable, path], cwd=folder)
        shutil.rmtree(folder)
        with open(os.path.join(OUT, name + ".txt"), "wb") as file:
            file.write(printed)


if __name__ == "__main__":
    main(sys.argv[1:])
