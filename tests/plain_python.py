"""Runs scripts in a Python of their own, in which tgcarry's rooms load without TensorFlow."""

import pathlib
import subprocess
import sys
import textwrap

import tgcarry

_START = f"""
import sys, types
sys.modules["tensorflow"] = None
package = types.ModuleType("tgcarry")
package.__path__ = [{str(pathlib.Path(tgcarry.__file__).parent)!r}]
sys.modules["tgcarry"] = package
"""


def command(script, *arguments):
    """Gives the command line that runs a script."""
    return [sys.executable, "-c", _START + textwrap.dedent(script), *map(str, arguments)]


def run(script, *arguments, before=()):
    """Runs a script to its end and returns the lines that it printed."""
    got = subprocess.run(
        [*before, *command(script, *arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-3000:]
    return got.stdout.splitlines()
