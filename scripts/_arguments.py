"""Command lines read without TensorFlow, and those of them that name log folders."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn


class OneLine(argparse.ArgumentParser):
    """Reads a command line; a wrong one is one line on standard error and exit code 2.

    Args:
      description: the script's docstring.
    """

    def __init__(self, description: str | None) -> None:
        super().__init__(
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Leaves with the message."""
        print(f"{self.prog}: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(2)


class Arguments(OneLine):
    """Reads a command line that names log folders."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description)
        self.add_argument("logdir", nargs="+", help="Log folder of a training run.")
