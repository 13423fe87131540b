"""Old TensorFlow 1 programs, run as they are.

python -m tgcarry PROGRAM [ARGS...]
"""

from tgcarry.legacy.execute import run
from tgcarry.legacy.settings import Settings

__all__ = ["Settings", "run"]
