"""Every configuration in `golden/cells_cases.py` against TensorFlow 1.15.5's own numbers."""

import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from goldens import GOLDEN, error, read

from tgcarry import cells

sys.path.insert(0, str(GOLDEN))
try:
    import cells_cases
finally:
    sys.path.remove(str(GOLDEN))


@pytest.fixture(scope="module")
def golden():
    return read("cells_tf115")


@pytest.mark.parametrize("name", cells_cases.CASES)
def test_same_names_and_numbers_as_tf115(name, golden):
    theirs = {k.split("|")[1]: v for k, v in golden.items() if k.split("|")[0] == name}
    ours = cells_cases.evaluate(tf, cells, name)
    assert ours["names"].tolist() == theirs["names"].tolist()
    assert ours["shapes"].tolist() == theirs["shapes"].tolist()
    assert sorted(ours) == sorted(theirs), "a gradient exists on one side only"
    for key, want in theirs.items():
        if want.dtype.kind == "f":
            assert ours[key].dtype == want.dtype, key
            assert ours[key].shape == want.shape, key
            tolerance = 1e-12 if want.dtype == np.float64 else 1e-6
            assert error(ours[key], want) <= tolerance, key


def test_golden_file_has_exactly_these_cases(golden):
    assert {key.split("|")[0] for key in golden} == set(cells_cases.CASES)
