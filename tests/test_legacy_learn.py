"""Programs of data sets, Keras, estimators and training, against TensorFlow 1.15.5."""

from pathlib import Path

import numpy as np
import pytest

from tgcarry import legacy

GOLDEN = Path(__file__).parent / "golden"


# Keras says that `lr` is old, as it should.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("topic", ["examples", "keras", "learn", "training"])
def test_a_program_gives_what_tf115_gave(topic):
    ours = legacy.run(GOLDEN / f"legacy_{topic}_program.py")["results"]
    with np.load(GOLDEN / f"legacy_{topic}_tf115.npz") as file:
        theirs = {key: file[key] for key in file.files}
    assert sorted(ours) == sorted(theirs)
    for key, want in theirs.items():
        got = np.asarray(ours[key])
        if want.dtype.kind == "f":
            assert got.shape == want.shape, key
            # Both are computed in float32, in another order of sums.
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=key)
        else:
            assert got.tolist() == want.tolist(), key
