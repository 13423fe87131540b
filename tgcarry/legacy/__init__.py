"""Old TensorFlow 1 programs, run as they are.

`python -m tgcarry PROGRAM [ARGS...]` is the command, `run` the function; `facade` is for code
that is not in a file, and `check` tells what a program uses without running it.
"""

from tgcarry.legacy.checking import check
from tgcarry.legacy.execute import run
from tgcarry.legacy.facade import facade
from tgcarry.legacy.settings import Settings

__all__ = ["Settings", "check", "facade", "run"]
