"""Arrays that real TensorFlow 1.15.5 wrote, and how far others are from them."""

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"


def read(name):
    """Reads `tests/golden/NAME.npz`."""
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def error(ours, theirs):
    """Returns max |a - b| / max(1, max |b|)."""
    if not theirs.size:
        return 0.0
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))
