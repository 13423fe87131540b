"""Figures of a run: loss and accuracy per scored step, and the memory that it took."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from tgcarry.reports import Evaluation


def score(evaluation: Evaluation, kind: str) -> dict[str, float]:
    """Turns an evaluation's sums into figures per scored step.

    Returns:
      "loss" (nats, or half the squared error, in the scaled units that were trained on), and
      "accuracy" for classes and bits, "bits" of information per step for text and bits, or "rmse"
      for a regression.
    """
    metrics = evaluation.metrics
    scored = max(metrics["scored"], 1.0)
    values = {"loss": metrics["total"] / scored}
    if kind == "regression":
        values["rmse"] = float(np.sqrt(metrics["correct"] / scored))
    else:
        values["accuracy"] = metrics["correct"] / scored
    if kind in ("characters", "bits"):
        values["bits"] = values["loss"] / float(np.log(2))
    return values


def peak_memory() -> int:
    """Returns the most memory that this process ever had resident, in bytes."""
    # On Linux ru_maxrss starts from the parent's peak; the high-water mark does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)
