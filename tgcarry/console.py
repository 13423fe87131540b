"""What the scripts share at the terminal: one-line errors, tables, quiet TensorFlow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tgcarry.errors import TgcarryError

EXIT_ERROR = 1


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turns a `TgcarryError` into one line on standard error and exit code 1."""
    try:
        yield
    except TgcarryError as error:
        text = " ".join(str(error).split())
        print(f"{program}: {text}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:
        # The reader of our output went away; point the descriptor elsewhere so that the
        # interpreter's own flush at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)


def quiet_tensorflow() -> None:
    """Silences TensorFlow's advice about its old interfaces; for a script's `main` only."""
    # Tables and errors are to be had without it.
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes rows under a header in aligned columns: the first to the left, others right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join([first, *rest]).rstrip()

    return "\n".join([line(header), line(["-" * w for w in widths]), *map(line, rows)])
