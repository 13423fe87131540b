"""Fixtures that every test file shares."""

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
