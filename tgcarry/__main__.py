"""`python -m tgcarry PROGRAM [ARGS...]`: runs an old TensorFlow 1 program."""

from __future__ import annotations

import sys

from tgcarry.legacy.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
