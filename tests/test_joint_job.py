"""A job whose streams are shared out logs what one process with all streams does.

Ranks are threads here; tests/test_script_launch.py has processes.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from rank_threads import ranks
from scripts_run import metric_lines

from tgcarry.cluster import of_chief
from tgcarry.dataset import DataOptions
from tgcarry.errors import LostRankError
from tgcarry.options import TrainOptions
from tgcarry.training import train

OPTIONS = TrainOptions(
    data=DataOptions(data="series", batch=5, chunk=20),
    units=(4,),
    engine="loop",
    policy="stale",
    steps=6,
    eval_every=3,
)
CASES = {"stale": OPTIONS, "exact": replace(OPTIONS, policy="exact", window=3, clip_carry=1e-4)}


def quietly(options, folder, **more):
    return train(options, folder, on_text=lambda text: None, **more)


@pytest.mark.parametrize("name", ["stale", pytest.param("exact", marks=pytest.mark.slow)])
def test_what_is_logged_is_of_all_streams(tmp_path, name):
    alone, options = tmp_path / "alone", CASES[name]
    quietly(options, alone)
    folder = tmp_path / "ranks"
    ranks(2, lambda group: quietly(options, folder, group=group))
    one, two = metric_lines(alone), metric_lines(folder)
    assert [line.keys() for line in one] == [line.keys() for line in two]
    assert max(line.get("upstream_norm", 0) for line in one) > 0
    for wanted, got in zip(one, two, strict=True):
        for key in wanted.keys() - {"seconds", "memory_mib", "kind"}:
            assert got[key] == pytest.approx(wanted[key], rel=1e-4, abs=1e-9), (key, wanted)
    norms = [json.loads((f / "summary.json").read_text())["carry_norms"] for f in (alone, folder)]
    assert len(norms[0]) > 3
    np.testing.assert_allclose(norms[1], norms[0], 1e-4)


class TestOfChief:
    def test_rank_0_alone_works_and_nobody_leaves_before(self):
        done = []

        def work():
            done.append("work")
            return 7

        def one(group):
            found = of_chief(group, work)
            done.append("left")
            return found

        assert ranks(3, one) == [7, None, None]
        assert done == ["work", "left", "left", "left"]

    def test_its_error_is_rank_0s(self):
        def work():
            raise ValueError("no room for plots")

        def one(group):
            if group.rank:
                return of_chief(group, work)
            with pytest.raises(ValueError, match="no room"):
                of_chief(group, work)
            return "raised"

        assert ranks(2, one) == ["raised", None]

    def test_whoever_waits_notices_that_rank_0_is_lost(self):
        def one(group):
            if not group.rank:
                raise LostRankError("as if killed")
            return of_chief(group, lambda: None)

        with pytest.raises(LostRankError):
            ranks(2, one)
