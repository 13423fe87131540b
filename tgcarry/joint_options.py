"""Makes sure that ranks which train together were asked to do the same, with the same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tgcarry import fingerprint
from tgcarry.cluster import Group
from tgcarry.errors import ClusterError
from tgcarry.options import JobOptions

# Of how a job is looked after, what every rank decides by itself.
_DECIDED_APART = ("on_nan", "on_storage_error")


def check_same(group: Group | None, config: Mapping[str, Any], care: JobOptions) -> None:
    """Compares what all ranks are about to train with; each of them calls this.

    Steps that are added up would fit all the same: with another learning rate, or an older data
    file, a rank's weights drift away from the others' without a sign.

    Args:
      group: the ranks; None for this process alone.
      config: of the run; "options" and "data", a checksum, count. Where the data lie does not.
      care: how the job is looked after.

    Raises:
      ClusterError: on every rank, if they differ; rank and differences are named.
    """
    if group is None:
        return
    mine = {"options": _compared(config["options"], care), "data": config["data"]}
    told = [json.loads(text) for text in group.exchange(json.dumps(mine).encode())]
    for rank, other in enumerate(told):
        found = fingerprint.differences(told[0]["options"], other["options"])
        if found:
            raise ClusterError(
                f"rank {rank} has other options than rank 0 ({'; '.join(found)}): start all "
                f"ranks with the same flags"
            )
    for rank, other in enumerate(told):
        if other["data"] != told[0]["data"]:
            raise ClusterError(
                f"rank {rank} reads other data than rank 0, though the options are the same: "
                f"give every rank the same files, and the same versions of them"
            )


def _compared(options: Mapping[str, Any], care: JobOptions) -> dict[str, Any]:
    """Returns the options that have to be the same on all ranks."""
    # Hosts may keep the same data in different places.
    data = {name: value for name, value in options["data"].items() if name != "data"}
    apart = {name: getattr(care, name) for name in _DECIDED_APART}
    return {**options, "data": data, **apart}
