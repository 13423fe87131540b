"""How far back credit travels in the model of a log folder."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tgcarry import logs
from tgcarry.credit.measure import Credit, measure_credit
from tgcarry.data import Chunk
from tgcarry.data.wording import because, named
from tgcarry.dataset import open_dataset
from tgcarry.errors import LogError
from tgcarry.evaluation import Trained, read_trained, restored
from tgcarry.options import make_policy
from tgcarry.policies import Policy


class RunCredit(NamedTuple):
    """Holds what was measured of a run."""

    step: int
    """Optimiser steps of the checkpoint."""
    policy: Policy
    """That the run was trained under."""
    chunk: int
    """Steps of a chunk."""
    credit: Credit

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as plain numbers, which JSON can hold: all are finite."""
        found = self.credit.diagnosis
        return {
            "step": self.step,
            "policy": str(self.policy),
            "chunk": self.chunk,
            "losses": list(self.credit.steps),
            "curve": self.credit.curve.tolist(),
            "arriving": self.credit.arriving.tolist(),
            "diagnosis": {
                "kind": found.kind,
                "factor": found.factor if math.isfinite(found.factor) else None,
                "reach": found.reach,
                "cut": found.cut,
                "sentence": found.sentence,
            },
        }


def credit_of_run(log_dir: Path, depth: int = 100, *, losses: int = 8) -> RunCredit:
    """Restores a run's newest checkpoint and measures on its held-out data.

    Reads as many chunks as it takes for twice `depth` steps; of the training data if nothing was
    held out.

    Args:
      log_dir: the log folder.
      depth: most steps back.
      losses: how many losses to follow back.

    Returns:
      A `RunCredit`.

    Raises:
      TgcarryError: the folder, the checkpoint or the data cannot be used.
    """
    trained = read_trained(log_dir)
    policy = _policy(log_dir)
    length = trained.options.chunk
    count = max(2, -(-2 * depth // length))
    chunks = _chunks(trained, count)
    with restored(trained, log_dir) as (runner, _, step):
        credit = measure_credit(runner, chunks, depth, losses=losses, policy=policy)
    return RunCredit(step, policy, length, credit)


def _chunks(trained: Trained, count: int) -> list[Chunk]:
    dataset = open_dataset(
        trained.options,
        vocabulary=trained.vocabulary,
        classes=trained.classes,
        scale=trained.scale,
    )
    source = dataset.train if dataset.validation is None else dataset.validation
    return list(islice(source, count))


def _policy(log_dir: Path) -> Policy:
    options = logs.read_config(log_dir)["options"]
    try:
        return make_policy(
            options["policy"],
            options["window"],
            options["decay"],
            None,
            options["clip_carry"],
            options["cut"],
            options["seed"],
            # Runs of earlier versions had none.
            options.get("trunk", 0.0),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LogError(
            f"{named(log_dir / logs.CONFIG)}: not a run's configuration: {because(error)}"
        ) from error
