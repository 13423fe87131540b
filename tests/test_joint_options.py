"""Ranks that were asked for different things are told so before anything is written.

Ranks are threads here.
"""

from dataclasses import replace

import numpy as np
import pytest
from rank_threads import ranks

from tgcarry import logs
from tgcarry.dataset import DataOptions
from tgcarry.errors import ClusterError
from tgcarry.options import JobOptions, TrainOptions
from tgcarry.training import train

OPTIONS = TrainOptions(
    data=DataOptions(data="series", batch=4, chunk=20),
    units=(4,),
    engine="loop",
    window=2,
    steps=2,
    eval_every=100,
)


def refused(folder, *each, care=(None, None)):
    """Has each rank train as it is told; returns what all of them say."""

    def one(group):
        with pytest.raises(ClusterError) as caught:
            train(
                each[group.rank],
                folder,
                care[group.rank],
                on_text=lambda text: None,
                group=group,
            )
        return str(caught.value)

    said = set(ranks(len(each), one))
    assert len(said) == 1 and not folder.exists()
    return said.pop()


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"learning_rate": 2e-3}, "learning_rate: 0.001 -> 0.002"),
        ({"clip_norm": None, "steps": 3}, "clip_norm: 1.0 -> None; steps: 2 -> 3"),
        ({"optimizer": "sgd"}, "optimizer: 'adam' -> 'sgd'"),
        ({"data": replace(OPTIONS.data, seed=1)}, "data.seed: 0 -> 1"),
    ],
)
def test_other_options_are_named_with_the_rank(tmp_path, changes, fact):
    said = refused(tmp_path / "run", OPTIONS, replace(OPTIONS, **changes))
    assert said.startswith(f"rank 1 has other options than rank 0 ({fact}): start all ranks")


def test_so_is_another_way_of_taking_bad_numbers(tmp_path):
    care = JobOptions(), JobOptions(on_nan="skip")
    said = refused(tmp_path / "run", OPTIONS, OPTIONS, care=care)
    assert "rank 1 has other options than rank 0 (on_nan: 'stop' -> 'skip')" in said


def of_files(folder, *values):
    options = []
    for place, data in enumerate(values):
        path = folder / str(place) / "numbers.npy"
        path.parent.mkdir()
        np.save(path, data)
        options.append(replace(OPTIONS, data=replace(OPTIONS.data, data=str(path))))
    return options


def test_an_older_file_of_the_same_shape_is_found(tmp_path):
    new = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    old = new.copy()
    old[7] += 1e-3
    said = refused(tmp_path / "run", *of_files(tmp_path, new, new, old)[::2])
    assert said.startswith("rank 1 reads other data than rank 0, though the options are the same")


def test_the_same_file_may_lie_elsewhere(tmp_path):
    same = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    options = of_files(tmp_path, same, same)

    def one(group):
        return train(options[group.rank], tmp_path / "run", on_text=lambda text: None, group=group)

    assert [summary["steps"] for summary in ranks(2, one)] == [2, 2]


def test_a_launch_overwrites_once(tmp_path):
    folder = tmp_path / "run"

    def begun(launch, **more):
        told = []
        train(
            replace(OPTIONS, **more),
            folder,
            JobOptions(overwrite=True),
            on_text=told.append,
            launch=launch,
        )
        return told

    def attempts():
        return len((folder / logs.ATTEMPTS).read_text().splitlines())

    begun("first")
    (folder / logs.SUMMARY).unlink()
    assert any(line.startswith("goes on from step 2") for line in begun("first"))
    assert attempts() == 4
    begun("second", units=(3,))
    assert attempts() == 2
