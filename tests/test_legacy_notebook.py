"""Runs notebooks as programs."""

import json

import pytest

from tgcarry import errors
from tgcarry.legacy import run


def cell(source, kind="code"):
    return {"cell_type": kind, "source": source, "metadata": {}, "outputs": []}


def saved(tmp_path, notebook):
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return str(path)


def test_code_cells_run_in_order(tmp_path, capsys):
    cells = [
        cell("# title", "markdown"),
        cell(["%matplotlib inline\n", "import tensorflow as tf\n", "x = [tf.__version__]"]),
        cell("x.append(len(x))\nx"),
    ]
    names = run(saved(tmp_path, {"nbformat": 4, "cells": cells}))
    assert names["x"] == ["1.15.5", 1]
    out, err = capsys.readouterr()
    assert out == "", "as nbconvert's scripts, which print no last expression"
    assert err == ""


def test_magics_and_shell_lines_are_left_out_and_told(tmp_path, capsys):
    lines = "!pip install x\nif True:\n    %timeit f()\nfiles = !ls\nhelp?\ns = '''\n%d\n''' % 3"
    cells = [cell(lines), cell("%%bash\necho hi"), cell("%%time\ny = 7")]
    names = run(saved(tmp_path, {"nbformat": 4, "cells": cells}))
    assert (names["files"], names["s"], names["y"]) == ([], "\n3\n", 7)
    err = capsys.readouterr().err
    for told in ("!pip install x", "%timeit f()", "files = !ls", "help?", "%%bash"):
        assert f"left out {told!r}" in err


def test_format_3_and_python_2(tmp_path, capsys):
    cells = [{"cell_type": "code", "input": ["print 7 / 2"], "language": "python"}]
    run(saved(tmp_path, {"nbformat": 3, "worksheets": [{"cells": cells}]}))
    kernel = {"kernelspec": {"name": "python2"}}
    cells = [cell("print(7 / 2)")]
    run(saved(tmp_path, {"nbformat": 4, "cells": cells, "metadata": kernel}))
    assert capsys.readouterr().out == "3\n3\n"


def test_what_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "book.ipynb"
    path.write_text("x = 1")
    with pytest.raises(errors.LegacyError, match="not a notebook"):
        run(str(path))
