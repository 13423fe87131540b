"""Checkpoints and graphs that TensorFlow 1.15.5 wrote load in an old program as they did."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from tgcarry import legacy

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def graph():
    """Stands aside: a program starts with the process's own default graph."""


@pytest.mark.parametrize("engine", ["auto", "stock"])
def test_training_goes_on_from_the_graph_and_from_the_names(engine):
    golden = HERE / "golden" / "legacy_meta_tf115"
    arguments = [str(golden / "model.ckpt-3"), str(golden.with_suffix(".npz"))]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        legacy.run(HERE / "legacy_programs" / "load_meta.py", arguments, engine=engine)
    *printed, step = out.getvalue().split()
    with np.load(golden.with_suffix(".npz")) as file:
        wanted = file["losses"][3:]
    np.testing.assert_allclose(np.float64(printed), [*wanted, *wanted], rtol=1e-5, atol=1e-6)
    assert step == "5"
