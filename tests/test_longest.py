"""The list of files that are begun first names files that there are."""

import pathlib

from conftest import LONGEST


def test_each_is_a_file():
    tests = pathlib.Path(__file__).parent
    assert set(LONGEST) <= {path.stem for path in tests.rglob("test_*.py")}
    assert len(set(LONGEST)) == len(LONGEST)
