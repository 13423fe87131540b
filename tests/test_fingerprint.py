"""fingerprint: what a run's numbers follow from, in brief."""

import json

import numpy as np
import pytest

from tgcarry import fingerprint
from tgcarry.data import Chunk, Scale
from tgcarry.dataset import DataOptions, open_dataset


@pytest.fixture(scope="module")
def dataset():
    return open_dataset(DataOptions(data="series", batch=4, chunk=10))


def changed(dataset, part, index, name="x"):
    """Changes one number of one chunk."""
    chunks = list(getattr(dataset, part))
    array = np.array(chunks[index].arrays[name])
    array[1, 2] += 1e-3
    chunks[index] = chunks[index]._replace(arrays={**chunks[index].arrays, name: array})
    return dataset._replace(**{part: chunks})


def test_the_same_data_have_the_same_checksum(dataset):
    again = open_dataset(DataOptions(data="series", batch=4, chunk=10))
    assert fingerprint.of_dataset(dataset) == fingerprint.of_dataset(again)


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize("index", [0, -1])
def test_one_number_makes_another(dataset, part, name, index):
    other = changed(dataset, part, index, name)
    assert fingerprint.of_dataset(other) != fingerprint.of_dataset(dataset)


def test_so_do_flags_lengths_and_the_number_of_chunks(dataset):
    whole = fingerprint.of_dataset(dataset)
    chunk = dataset.train[3]
    for other in (
        chunk._replace(resets=~chunk.resets),
        chunk._replace(lengths=chunk.lengths - 1),
    ):
        chunks = [*dataset.train[:3], other, *dataset.train[4:]]
        assert fingerprint.of_dataset(dataset._replace(train=chunks)) != whole
    assert fingerprint.of_dataset(dataset._replace(train=dataset.train[:-1])) != whole


def test_so_do_scale_and_names(dataset):
    whole = fingerprint.of_dataset(dataset)
    scale = Scale({"x": np.zeros(1)}, {"x": np.ones(1)})
    for change in ({"scale": scale}, {"vocabulary": ("a",)}, {"classes": ("a",)}, {"inputs": 9}):
        assert fingerprint.of_dataset(dataset._replace(**change)) != whole


def test_of_many_chunks_some_are_read(dataset):
    class Counted(list):
        read = 0

        def __getitem__(self, index):
            Counted.read += 1
            return super().__getitem__(index)

    one = Chunk({"x": np.zeros([1, 1])}, np.zeros(1, bool), np.ones(1, np.int32))
    fingerprint.of_dataset(dataset._replace(train=Counted([one] * 5000), validation=None))
    assert 200 < Counted.read <= 256


def test_the_environment_is_json_and_says_what_the_process_was_told(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_mkl_dnn=false")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = fingerprint.environment()
    assert json.loads(json.dumps(found)) == found
    assert found["settings"]["XLA_FLAGS"] == "--xla_cpu_use_mkl_dnn=false"
    assert "OMP_NUM_THREADS" not in found["settings"] and found["cores"] >= 1


def test_differences_are_named_by_their_path():
    before = {"a": 1, "data": {"batch": 4, "file": "x.csv"}, "gone": None, "same": [1, 2]}
    now = {"a": 1, "data": {"batch": 8, "file": "x.csv"}, "new": True, "same": [1, 2]}
    assert fingerprint.differences(before, now) == [
        "data.batch: 4 -> 8",
        "new: None -> True",
    ]
    assert fingerprint.differences({"a": 1}, {"a": True}) == ["a: 1 -> True"]
    assert fingerprint.differences(None, {"a": 1}) == [": None -> {'a': 1}"]
