"""Every case in `golden/legacy_layers_cases.py` against TensorFlow 1.15.5."""

import sys

import pytest
import tensorflow.compat.v1 as tf
from goldens import GOLDEN, error, read

from tgcarry.legacy import behaviour
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.registry import by_module

sys.path.insert(0, str(GOLDEN))
try:
    import legacy_layers_cases
finally:
    sys.path.remove(str(GOLDEN))


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def golden():
    return read("legacy_layers_tf115")


@pytest.fixture(scope="module")
def facade():
    return Facade(by_module())


@pytest.mark.parametrize("name", legacy_layers_cases.CASES)
def test_same_names_collections_and_numbers_as_tf115(name, golden, facade):
    theirs = {k.split("|")[1]: v for k, v in golden.items() if k.split("|")[0] == name}
    ours = legacy_layers_cases.evaluate(
        facade.find("tensorflow"), facade.find("tensorflow.contrib"), name
    )
    for key in ("names", "shapes", "collections", "updates", "loss_names", "output_name"):
        assert ours[key].tolist() == theirs[key].tolist(), key
    assert sorted(ours) == sorted(theirs)
    for key, want in theirs.items():
        if want.dtype.kind == "f":
            assert ours[key].dtype == want.dtype, key
            assert ours[key].shape == want.shape, key
            assert error(ours[key], want) <= 1e-5, key


def test_golden_file_has_exactly_these_cases(golden):
    assert {key.split("|")[0] for key in golden} == set(legacy_layers_cases.CASES)
