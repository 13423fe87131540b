"""Old TensorFlow 1 programs, run as they are.

`python -m tgcarry PROGRAM [ARGS...]` is the command, `run` the function.
"""

from tgcarry.legacy.execute import run
from tgcarry.legacy.settings import Settings

__all__ = ["Settings", "run"]
