"""Every case in `golden/legacy_seq2seq_cases.py` against TensorFlow 1.15.5's own numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells, tf1
from tgcarry.legacy import behaviour, registry
from tgcarry.legacy.modules import Facade

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
try:
    import legacy_seq2seq_cases as cases
finally:
    sys.path.remove(str(GOLDEN))


@pytest.fixture(autouse=True)
def graph():
    """Runs each test as an old program is run, with reference variables and v1 loops."""
    with behaviour.tensorflow1():
        yield


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "legacy_seq2seq_tf115.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def seq2seq():
    tables = {"tensorflow.contrib.seq2seq": registry.by_module()["tensorflow.contrib.seq2seq"]}
    return Facade(tables).module("tensorflow.contrib.seq2seq")


def error(ours, theirs):
    """Returns max |a - b| / max(1, max |b|), infinities alike."""
    if not theirs.size:
        return 0.0
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    ours, theirs = ours[np.isfinite(theirs)], theirs[np.isfinite(theirs)]
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize("name", cases.CASES)
def test_same_names_shapes_and_numbers_as_tf115(name, golden, seq2seq):
    theirs = {k.split("|")[1]: v for k, v in golden.items() if k.split("|")[0] == name}
    ours = cases.evaluate(tf, seq2seq, cells, tf1.dense_layer, name)
    assert ours["names"].tolist() == theirs["names"].tolist()
    assert ours["shapes"].tolist() == theirs["shapes"].tolist()
    assert sorted(ours) == sorted(theirs), "a gradient exists on one side only"
    for key, want in theirs.items():
        got = ours[key]
        if key in ("names", "shapes"):
            continue
        assert got.dtype == want.dtype, key
        assert got.shape == want.shape, key
        if want.dtype.kind == "f":
            tolerance = 1e-10 if want.dtype == np.float64 else 1e-5
            assert error(got, want) <= tolerance, key
        else:
            assert np.array_equal(got, want), key


def test_golden_file_has_exactly_these_cases(golden):
    assert {key.split("|")[0] for key in golden} == set(cases.CASES)
