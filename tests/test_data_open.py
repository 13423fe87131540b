"""open_table: the reader that a name asks for."""

import subprocess
import sys

import numpy as np
import pytest

import tgcarry.data
from tgcarry.data import open_table
from tgcarry.errors import DataError


def refused(*args, **options):
    with pytest.raises(DataError) as info:
        open_table(*args, **options)
    assert "\n" not in str(info.value)
    return str(info.value)


def test_names_choose_the_reader(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    np.savez(tmp_path / "a.NPZ.npz", x=np.zeros((5, 2)))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "a.tsv").write_text("a\tb\n1\t2\n3\t4\n")
    (tmp_path / "a.txt").write_text("text")
    found = {path.name: open_table(path).steps for path in tmp_path.iterdir()}
    assert found == {"a.npy": 3, "a.NPZ.npz": 4, "a.csv": 1, "a.tsv": 1, "a.txt": 3}
    assert open_table([tmp_path / "a.txt", str(tmp_path / "a.csv")]).steps == 15
    assert open_table(str(tmp_path / "a.csv"), format="text").vocabulary is not None
    assert open_table(tmp_path / "a.csv", target="b").target_name == "b"


def test_what_the_name_does_not_say(tmp_path):
    message = refused(tmp_path / "data.parquet")
    for part in ("data.parquet", "'.parquet'", ".npy", ".csv", ".txt", ".tfrecord", "format="):
        assert part in message
    assert "''" in refused("data")
    assert "'xml'" in refused("data.csv", format="xml")
    assert "several" in refused(["a.csv", "b.csv"], format="csv")


def test_an_option_of_another_reader(tmp_path):
    message = refused("data.npy", target="price")
    for part in ("read_npy", "'target'", "'price'", "path_y, task"):
        assert part in message


def test_names_are_listed_and_sorted():
    assert sorted(tgcarry.data.__all__) == tgcarry.data.__all__
    assert all(getattr(tgcarry.data, name).__doc__ for name in tgcarry.data.__all__)


def test_tensorflow_is_not_needed():
    program = """
import importlib.util, sys, types
package = types.ModuleType("tgcarry")
package.__path__ = [sys.argv[1]]
sys.modules["tgcarry"] = package
import tgcarry.data
assert "tensorflow" not in sys.modules
"""
    root = tgcarry.__path__[0]
    subprocess.run([sys.executable, "-c", program, root], check=True)
