"""Reads programs as they were saved: encodings, tabs, line ends."""

import pytest

from tgcarry import errors
from tgcarry.legacy import run, source
from tgcarry.legacy.translation import translate


def text_of(tmp_path, raw, name="prog.py"):
    path = tmp_path / name
    path.write_bytes(raw)
    return source.read(str(path))


@pytest.mark.parametrize(
    "raw",
    [
        b"# -*- coding: latin-1 -*-\ns = '\xe9'\n",
        b"# vim: set fileencoding=latin-1 :\ns = '\xe9'\n",
        b"\xef\xbb\xbfs = '\xc3\xa9'\r\n",
        b"#!/usr/bin/python\n# coding=utf-8\ns = '\xc3\xa9'\n",
        "s = 'é'\n".encode("utf-16"),
    ],
    ids=["cookie", "vim", "mark", "second line", "utf-16"],
)
def test_the_encoding_is_found(tmp_path, raw):
    found = text_of(tmp_path, raw)
    names = {}
    exec(found.text.lstrip("\ufeff"), names)
    assert names["s"] == "é"
    assert found.notes == ()


def test_latin1_without_a_cookie_is_read_with_a_note(tmp_path):
    found = text_of(tmp_path, b"# caf\xe9\nx = 1\n")
    assert "café" in found.text
    assert "Latin-1" in found.notes[0]


def test_an_unknown_coding_line_is_no_obstacle(tmp_path):
    assert "x = 1" in text_of(tmp_path, b"# -*- coding: nonsense -*-\nx = 1\n").text


def test_tabs_and_spaces_mix_as_in_python_2(tmp_path):
    raw = b"def f():\n\tx = 1\n        y = '''a\n\tb'''\n\treturn x, y\n"
    names = {}
    exec(translate(text_of(tmp_path, raw)).code(), names)
    assert names["f"]() == (1, "a\n\tb")


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_other_line_ends(tmp_path, end):
    assert text_of(tmp_path, b"x = 1" + end + b"y = 2").text == "x = 1\ny = 2\n"


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(errors.LegacyError, match="no such file"):
        run(str(tmp_path / "absent.py"))
    with pytest.raises(errors.LegacyError, match="folder without"):
        run(str(tmp_path))
    with pytest.raises(errors.LegacyError, match="null bytes"):
        text_of(tmp_path, b"\x7fELF\0\0")


def test_an_empty_program_runs(tmp_path):
    (tmp_path / "prog.py").write_bytes(b"")
    assert run(str(tmp_path / "prog.py"))["__name__"] == "__main__"
