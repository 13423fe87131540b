"""A job whose streams are shared out logs what one process with all streams does.

Ranks are threads here; tests/test_script_launch.py has processes.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from rank_threads import ranks
from scripts_run import metric_lines

from tgcarry import training
from tgcarry.cluster import of_chief
from tgcarry.dataset import DataOptions, open_dataset
from tgcarry.errors import LostRankError
from tgcarry.options import JobOptions, TrainOptions
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


@pytest.mark.parametrize(
    ("batch", "size", "parallel", "wanted"),
    [
        (7, 1, "streams", [None]),
        (8, 1, "streams", [8]),
        (15, 2, "streams", [None, 8]),
        (16, 2, "streams", [8, 8]),
        (16, 2, "sequence", [None, None]),
    ],
)
def test_a_graph_is_made_for_the_streams_that_its_process_has(batch, size, parallel, wanted):
    of = replace(OPTIONS.data, batch=batch, chunk=5)
    options, dataset = replace(OPTIONS, parallel=parallel, data=of), open_dataset(of)

    def known(group):
        return training._streams_of_all(options, dataset, group)

    assert (ranks(size, known) if size > 1 else [known(None)]) == wanted
    # Fewer streams to validate on: then for any.
    held = [chunk._replace(resets=chunk.resets[:3]) for chunk in dataset.validation]
    fewer = dataset._replace(validation=held)
    assert training._streams_of_all(options, fewer, None) is None


@pytest.mark.slow
def test_ranks_with_graphs_for_different_streams_leave_what_any_number_goes_on_from(tmp_path):
    options = replace(OPTIONS, data=replace(OPTIONS.data, batch=15, chunk=5))
    quietly(options, tmp_path / "alone")
    half = replace(options, steps=3)
    ranks(2, lambda group: quietly(half, tmp_path / "ranks", group=group))
    care = JobOptions(override_config=True)
    quietly(options, tmp_path / "ranks", care=care)
    one, two = metric_lines(tmp_path / "alone"), metric_lines(tmp_path / "ranks")
    losses = [[line["loss"] for line in lines if "loss" in line] for lines in (one, two)]
    assert len(losses[0]) > 5
    np.testing.assert_allclose(losses[1], losses[0], 1e-5)


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
