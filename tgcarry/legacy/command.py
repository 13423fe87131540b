"""The command line of `python -m tgcarry`."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

from tgcarry.engines import ENGINES
from tgcarry.errors import LegacyError
from tgcarry.legacy import execute, imports, lost, modules, rewriting, siblings
from tgcarry.legacy.checking import check
from tgcarry.legacy.python2 import attributes

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130

# The files whose frames stand between a program's own.
_RUNNER = frozenset(
    module.__file__ for module in (execute, imports, lost, modules, siblings, attributes)
)


def main(argv: Sequence[str]) -> int:
    """Runs a program and returns the exit code; `SystemExit` of the program passes through."""
    options = _parser().parse_args(argv)
    try:
        if options.check:
            report = check(options.program)
            print(report.text(), end="")
            return EXIT_ERROR if report.missing else 0
        execute.run(
            options.program,
            options.args,
            engine=options.engine,
            stand_ins=options.stand_ins,
            explain=options.explain,
        )
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt) as error:
        return _stopped(error)
    except LegacyError as error:
        print(f"tgcarry: {error}", file=sys.stderr)
        return EXIT_ERROR
    except SyntaxError as error:
        _report_syntax(error)
        return EXIT_ERROR
    except Exception as error:
        _report(error)
        return EXIT_ERROR
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
    parser.add_argument(
        "--check",
        action="store_true",
        help="do not run it: list what it uses of TensorFlow 1, and what of that is missing",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="tell on standard error what is translated and replaced",
    )
    parser.add_argument("program", help="the program: .py or .ipynb")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="the program's own arguments")
    return parser


def _stopped(error: BaseException) -> int:
    """Ends quietly as a program does that nobody reads, or that its user stopped."""
    if isinstance(error, KeyboardInterrupt):
        _report(error)
        return EXIT_INTERRUPTED
    # Python flushes at its end, and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_ERROR


def _report_syntax(error: SyntaxError) -> None:
    """Prints one line for a program that cannot be parsed; a module's, with who imports it."""
    if any(_is_program(step) for step in _steps(error)):
        _report(error)
        return
    where = f"{error.filename}, line {error.lineno}"
    print(f"tgcarry: {where}: {error.msg}; neither Python 3 nor Python 2", file=sys.stderr)


def _report(error: BaseException) -> None:
    """Prints a traceback that starts at the program, as plain Python's would."""
    steps = _steps(error)
    first = next((place for place, step in enumerate(steps) if _is_program(step)), 0)
    steps = [step for step in steps[first:] if not _is_ours(step)] or steps
    shown = error.with_traceback(_linked(steps))
    traceback.print_exception(type(error), shown, shown.__traceback__, file=sys.stderr)


def _steps(error: BaseException) -> list[TracebackType]:
    steps, step = [], error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    return steps


def _linked(steps: Sequence[TracebackType]) -> TracebackType | None:
    linked: TracebackType | None = None
    for step in reversed(steps):
        linked = TracebackType(linked, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return linked


def _is_program(step: TracebackType) -> bool:
    return rewriting.ATTRIBUTE in step.tb_frame.f_builtins


def _is_ours(step: TracebackType) -> bool:
    """Says whether a step is the runner's, or that of an import in between."""
    file = step.tb_frame.f_code.co_filename
    return file in _RUNNER or file.startswith("<frozen importlib.")
