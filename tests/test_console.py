"""console: one-line errors and tables."""

import subprocess
import sys

import pytest
from scripts_run import ROOT, environment

from tgcarry import console
from tgcarry.errors import DataError, LogError


def test_an_error_of_ours_becomes_one_line(capsys):
    with pytest.raises(SystemExit) as left, console.one_line_errors("prog.py"):
        raise DataError("the file\n  is   broken")
    assert left.value.code == console.EXIT_ERROR == 1
    assert capsys.readouterr() == ("", "prog.py: the file is broken\n")


def test_a_programmers_error_keeps_its_traceback():
    with pytest.raises(ValueError, match=r"^a bug$"), console.one_line_errors("prog.py"):
        raise ValueError("a bug")


def test_an_os_error_of_ours_is_one_of_them_too(capsys):
    with pytest.raises(SystemExit), console.one_line_errors("prog.py"):
        raise LogError("no room")
    assert capsys.readouterr().err == "prog.py: no room\n"


def test_nothing_happens_without_an_error(capsys):
    with console.one_line_errors("prog.py"):
        print("fine")
    assert capsys.readouterr() == ("fine\n", "")


def test_a_reader_that_goes_away_is_not_a_traceback():
    code = (
        "from tgcarry import console\n"
        "with console.one_line_errors('prog.py'):\n"
        "    for number in range(100000):\n"
        "        print('x' * 100, flush=True)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment(), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "x" * 100 + "\n"
    program.stdout.close()
    with program.stderr as errors:
        said = errors.read()
    assert program.wait(60) == 1
    assert "Traceback" not in said and "BrokenPipe" not in said


class TestTable:
    def test_aligns_the_first_column_left_and_the_others_right(self):
        text = console.table(["run", "value"], [["loss", "0.5"], ["a", "12345678"]])
        assert text.splitlines() == [
            "run      value",
            "----  --------",
            "loss       0.5",
            "a     12345678",
        ]

    def test_without_rows_is_a_header(self):
        assert console.table(["a", "bc"], []).splitlines() == ["a  bc", "-  --"]
