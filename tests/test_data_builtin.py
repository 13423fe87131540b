"""Data that comes with the package or with Python."""

import numpy as np
import pytest

from tgcarry.data import builtin, decode, series, stdlib_text, streams
from tgcarry.errors import DataError


def text_of(table):
    return decode(table.columns["x"][0 : len(table.columns["x"])], table.vocabulary)


def test_the_library_as_text():
    table = stdlib_text(200_000)
    assert table.num_classes == 96 and table.vocabulary == builtin.ASCII
    assert table.columns["x"].dtype == np.uint8
    text = text_of(table)
    assert 190_000 < len(text) < 200_000 and "import" in text and "\t" not in text
    assert stdlib_text(1000).steps <= 999
    assert streams(table, 4, 50)[0].arrays["y"].shape == (4, 50)


def test_all_characters():
    table = stdlib_text(300_000, ascii_only=False)
    assert list(table.vocabulary) == sorted(set(text_of(table)))


def test_what_is_left_out(tmp_path, monkeypatch):
    for name in ("b.py", "a/x.py", "a/test/x.py", "site-packages/x.py", "idlelib/x.py", "a.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    (tmp_path / "z.py").write_bytes(b"\t\xc3\xa9\n")
    monkeypatch.setattr(builtin.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    assert text_of(stdlib_text()) == "# a/x.py\n# b.py\n??"
    assert text_of(stdlib_text(ascii_only=False)) == "# a/x.py\n# b.py\n\t\xe9"
    assert text_of(stdlib_text(12)) == "# a/x.py\n# "
    with pytest.raises(DataError, match="limit_bytes 1"):
        stdlib_text(1)
    monkeypatch.setattr(builtin.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path / "0")})
    with pytest.raises(DataError, match="no Python source"):
        stdlib_text()


def test_the_series():
    table = series()
    assert table.feature_names == ("change",) and table.sequences == 1
    assert table.columns["x"].shape == table.columns["y"].shape == (table.steps, 1)
    x, y = (table.columns[name][0 : table.steps] for name in ("x", "y"))
    assert np.array_equal(x[1:], y[:-1]) and np.isfinite(x).all()
    assert x[0, 0] == pytest.approx(317.3 - 316.1)


def test_a_series_that_is_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        builtin._series(tmp_path / "series.csv")
