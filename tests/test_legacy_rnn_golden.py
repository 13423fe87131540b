"""The cells of `tf.contrib.rnn` against TensorFlow 1.15.5's own names, numbers and gradients."""

import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from goldens import GOLDEN, read

from tgcarry.legacy import behaviour, registry
from tgcarry.legacy.modules import Facade

sys.path.insert(0, str(GOLDEN))
try:
    import legacy_rnn_cases as cases
finally:
    sys.path.remove(str(GOLDEN))

KINDS = [
    (name, unrolled)
    for name in cases.CASES
    for unrolled in (False, True)
    if name in cases.UNROLLED or not unrolled
]


@pytest.fixture(scope="module", autouse=True)
def version1():
    # The switches want an empty graph stack: each case has a graph of its own.
    with behaviour.tensorflow1():
        yield


@pytest.fixture(autouse=True)
def graph():
    """Takes the place of the graph that tests usually get."""


@pytest.fixture(scope="module")
def golden():
    return read("legacy_rnn_tf115")


@pytest.fixture(scope="module")
def modules():
    facade = Facade(registry.by_module())
    return cases.Modules(
        facade.find("tensorflow.contrib.rnn"),
        facade.find("tensorflow.contrib.cudnn_rnn"),
        facade.find("tensorflow.contrib.grid_rnn"),
        facade.find("tensorflow.nn.rnn_cell"),
        facade.find("tensorflow.contrib.rnn.python.ops.rnn_cell"),
    )


def error(ours, theirs):
    """Returns max |a - b| / max(1, max |b|)."""
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize(("name", "unrolled"), KINDS)
def test_same_names_and_numbers_as_tf115(name, unrolled, golden, modules):
    start = f"{name}|{int(unrolled)}|"
    theirs = cases.unpacked(golden[f"{start}about"], golden[f"{start}row"])
    ours = cases.evaluate(tf, modules, name, unrolled)
    for key in ("names", "shapes", "trainable"):
        assert ours[key].tolist() == theirs[key]
    assert sorted(ours) == sorted(theirs), "a gradient exists on one side only"
    for key, want in theirs.items():
        if isinstance(want, np.ndarray):
            assert ours[key].dtype == want.dtype, key
            assert ours[key].shape == want.shape, key
            tolerance = 1e-10 if want.dtype == np.float64 else 1e-5
            assert error(ours[key], want) <= tolerance, key


def test_golden_file_has_exactly_these_cases(golden):
    found = {tuple(key.split("|")[:2]) for key in golden}
    assert found == {(name, str(int(unrolled))) for name, unrolled in KINDS}
