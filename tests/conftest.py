"""Fixtures that every test file shares."""

import gc
import os

import hypothesis
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Compiling takes most of these tests' time; the program that is compiled is the same.
os.environ.setdefault("XLA_FLAGS", "--xla_llvm_disable_expensive_passes=true")

# A busy machine is no failure; a failing example is printed so that it can be run again.
hypothesis.settings.register_profile("tgcarry", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tgcarry")


# The files that take longest, by CPU time: begun last, one of them would run on alone.
LONGEST = (
    *("test_script_train", "test_kills", "test_ranks", "test_reference_graph"),
    *("test_interruptions", "test_legacy_programs", "test_chain", "test_exactness"),
    *("test_runner", "test_kernels", "test_unroll", "test_training", "test_joint_checkpoints"),
    *("test_position", "test_evaluation", "test_model", "test_words", "test_docs"),
    "test_legacy_numbers",
)


def pytest_collection_modifyitems(items):
    """Puts the longest files first; a file's own tests keep their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True, scope="module")
def swept():
    """Collects what the files before left, and has the collector leave alone what stays.

    Otherwise every full collection goes through all of TensorFlow's own objects again.
    """
    import tensorflow.compat.v1  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def graph():
    """Gives each test a fresh default graph."""
    # Not at the top: TensorFlow's start-up messages would follow the summary of a parallel run.
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture
def rng(request):
    """Gives a seeded NumPy generator whose seed is shown when the test fails."""
    seed = 20
    print(f"{request.node.name}: numpy seed {seed}")
    return np.random.default_rng(seed)
