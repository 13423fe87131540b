"""The machine's peak, which no row can be above."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark_peers.cases import CASES
from benchmark_peers.peers import GEMM
from benchmark_peers.process import Worker


class Gemm:
    """Measures the machine's peak in GFLOP/s: by TensorFlow's matrix product and by NumPy's."""

    def __init__(self, timeout: float, folder: Path) -> None:
        self._found = folder / "gemm.npz"
        self._worker = Worker(GEMM, timeout)
        nothing = folder / "nothing.npz"
        np.savez(nothing)
        self._worker.prepare(CASES["tiny"].work("rnn"), nothing, dict(GEMM.options))

    def close(self) -> None:
        """Ends the worker."""
        self._worker.close()

    def measure(self, times: int = 6) -> dict[str, float]:
        """Measures some more, and returns the best so far: the clock rate drifts."""
        self._worker.run(times)
        found = self._worker.gradients(self._found)
        return {name: float(rate) for name, rate in found.items()}
