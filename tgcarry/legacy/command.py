"""The command line of `python -m tgcarry`."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

from tgcarry.engines import ENGINES
from tgcarry.legacy.execute import run


def main(argv: Sequence[str]) -> int:
    """Runs a program and returns the exit code; `SystemExit` of the program passes through."""
    options = _parser().parse_args(argv)
    try:
        run(options.program, options.args, engine=options.engine, stand_ins=options.stand_ins)
    except Exception as error:
        _report(error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tgcarry",
        description="Runs a TensorFlow 1 program, unedited, on today's TensorFlow.",
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="see docs/engines.md")
    parser.add_argument(
        "--stand-ins",
        action="store_true",
        help="let made-up data stand in for MNIST where its files are not on this disk",
    )
    parser.add_argument("program", help="the program: .py or .ipynb")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="the program's own arguments")
    return parser


def _report(error: BaseException) -> None:
    """Prints a traceback that starts at the program, as plain Python's would."""
    own = error.__traceback__
    while own is not None and _is_ours(own):
        own = own.tb_next
    traceback.print_exception(type(error), error, own or error.__traceback__, file=sys.stderr)


def _is_ours(step: TracebackType) -> bool:
    return str(step.tb_frame.f_globals.get("__name__", "")).startswith("tgcarry.legacy")
