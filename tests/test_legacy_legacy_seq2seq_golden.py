"""`tf.contrib.legacy_seq2seq` against what TensorFlow 1.15.5 computes with the same weights."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry
from tgcarry.legacy import behaviour, legacy_seq2seq

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import legacy_legacy_seq2seq_cases as cases

sys.path.pop(0)

# Two versions' float32 kernels round differently; attention takes its softmax in float32.
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "legacy_legacy_seq2seq_tf115.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", cases.CASES)
def test_as_in_tensorflow_115(golden, name):
    found = cases.evaluate(tf, tgcarry.cells, legacy_seq2seq, name)
    assert list(found["names"]) == list(golden[f"{name}|names"])
    tolerance = TOLERANCE[str(golden[f"{name}|values"].dtype)]
    for what in ("values", "gradients"):
        wanted = golden[f"{name}|{what}"]
        assert found[what].shape == wanted.shape
        np.testing.assert_allclose(found[what], wanted, rtol=tolerance, atol=tolerance)
