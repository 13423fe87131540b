"""Checks programs without running them."""

import ast
import importlib.util
from pathlib import Path

import pytest

from tgcarry import errors
from tgcarry.legacy import check
from tgcarry.legacy.checking.status import Lookup
from tgcarry.legacy.checking.symbols import uses
from tgcarry.legacy.command import main
from tgcarry.legacy.table import Table

ROOT = Path(__file__).parent.parent

PROGRAM = """
import tensorflow as tf
import numpy as np
from tensorflow.contrib import nowhere
import helper
rnn_cell = tf.nn.rnn_cell
cell = rnn_cell.GRUCell(3)
x = tf.placeholder(tf.float32)
y = np.float(3), np.zeros(2)
tf.train.NoSuchOptimizer
print "not run", 1 / 0
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "helper.py").write_text("import tensorflow as T\nT.placeholder(T.int32)\n")
    path = tmp_path / "prog.py"
    path.write_text(PROGRAM)
    return path


def test_names_are_listed_with_their_lines(program, monkeypatch):
    monkeypatch.chdir(program.parent)
    report = check(str(program))
    rows = {row.name: row for row in report.rows}
    assert rows["tensorflow.placeholder"].places == ("prog.py:8", "helper.py:2")
    assert rows["tensorflow.nn.rnn_cell.GRUCell"].places == ("prog.py:7",)
    assert [row.name for row in report.missing] == [
        "tensorflow.contrib.nowhere",
        "tensorflow.train.NoSuchOptimizer",
    ]
    assert rows["numpy.float"].status == "supported"
    assert "numpy.zeros" not in rows
    assert "translated from Python 2" in report.text()


def test_the_exit_code_tells(program, tmp_path, capsys):
    assert main(["--check", str(program)]) == 1
    assert "missing: the program stops there" in capsys.readouterr().out
    fine = tmp_path / "fine.py"
    fine.write_text("import tensorflow as tf\ntf.Session()\n")
    assert main(["--check", str(fine)]) == 0


def test_guarded_names_are_not_missing(tmp_path):
    path = tmp_path / "prog.py"
    path.write_text(
        "try:\n    from tensorflow.contrib import nowhere\nexcept ImportError:\n    pass\n"
        "try:\n    import not_there_either\nexcept ImportError:\n    pass\n"
    )
    assert not check(str(path)).missing
    path.write_text("import not_there_either\n")
    assert [row.name for row in check(str(path)).missing] == ["not_there_either"]


def test_the_tables_are_asked():
    table = Table(
        "pack",
        names={"a": "math:pi", "b": "math:e"},
        differs={"b": "in its sign"},
        missing={"c": "use a"},
    )
    lookup = Lookup({"pack": table})
    assert lookup.status("pack.a.real").name == "pack.a"
    assert lookup.status("pack.b")[1:] == ("differs", "in its sign")
    assert lookup.status("pack.c")[1:] == ("missing", "use a")


def test_aliases_are_followed():
    text = "import tensorflow.contrib.rnn as r\nL = r.A\nL.b\nimport tensorflow\ntensorflow.c\n"
    names = [use.name for use in uses(ast.parse(text), ["tensorflow"])]
    root = "tensorflow.contrib.rnn"
    assert names == [root, f"{root}.A", f"{root}.A.b", "tensorflow", "tensorflow.c"]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(errors.LegacyError, match="no such file"):
        check(str(tmp_path / "absent.py"))


def test_the_page_is_up_to_date():
    path = ROOT / "scripts" / "legacy_table.py"
    spec = importlib.util.spec_from_file_location("legacy_table", path)
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.filled(page) == page, "run scripts/legacy_table.py"
