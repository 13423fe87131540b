"""What the runner says beside the program, on standard error."""

from __future__ import annotations

import sys

from tgcarry.legacy import settings


def say(text: str) -> None:
    """Prints one line about the program that its user should see."""
    print(f"tgcarry: {text}", file=sys.stderr)


def explain(text: str) -> None:
    """Prints one line about what was translated or replaced, if the run is to tell that."""
    if settings.current().explain:
        say(text)
