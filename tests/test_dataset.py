"""open_dataset: whatever --data names, as chunks."""

import os

import numpy as np
import pytest
from scripts_run import write_data

from tgcarry.data import check_chunk
from tgcarry.dataset import BUILTIN, DataOptions, open_dataset
from tgcarry.errors import DataError

SMALL = {"batch": 4, "chunk": 10, "limit_bytes": 5000, "sequence": 30, "sequences": 3}


def opened(data, **options):
    return open_dataset(DataOptions(data=str(data), **{**SMALL, **options}))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Is a folder of small files."""
    return write_data(tmp_path_factory.mktemp("data"))


def test_every_builtin_opens():
    kinds = {name: opened(name) for name in BUILTIN}
    assert {name: (d.kind, d.inputs, d.outputs) for name, d in kinds.items()} == {
        "stdlib": ("characters", 96, 96),
        "series": ("regression", 1, 1),
        "regimes": ("classification", 200, 3),
        "recall": ("classification", 9, 4),
        "adding": ("regression", 2, 1),
        "temporal_order": ("classification", 8, 4),
        "temporal_order_3": ("classification", 8, 8),
        "copy": ("bits", 9, 8),
        "repeat_copy": ("bits", 10, 9),
        "digits": ("classification", 1, 10),
    }
    for dataset in kinds.values():
        for index, chunk in enumerate(dataset.train[:3]):
            check_chunk(chunk, index)
            assert chunk.batch == 4 and chunk.length == 10
        assert len(dataset.validation) > 0
        assert dataset.description


@pytest.mark.parametrize(
    "name", ["good.csv", "x.npy", "classes.npz", "text.txt", "records.tfrecord"]
)
def test_every_format_opens(files, name):
    options = {"stream": "id", "target": "b"} if name.endswith("csv") else {}
    dataset = opened(files / name, batch=2, **options)
    wanted = {"text.txt": "characters", "classes.npz": "classification"}.get(name, "regression")
    assert dataset.kind == wanted
    assert dataset.train[0].batch == 2


def test_validation_is_the_tail_and_the_share_asked_for(files):
    dataset = opened(files / "text.txt", validation=0.25)
    train = sum(int(c.lengths.sum()) for c in dataset.train)
    held = sum(int(c.lengths.sum()) for c in dataset.validation)
    assert held / (train + held) == pytest.approx(0.25, abs=0.01)
    assert opened(files / "text.txt", validation=0.0).validation is None


def test_the_scale_is_measured_on_the_training_part(files):
    dataset = opened(files / "x.npy", validation=0.5)
    raw = np.load(files / "x.npy")[:-1]
    assert dataset.scale.mean["x"] == pytest.approx(raw[:299].mean(0), abs=0.02)
    scaled = np.concatenate([c.arrays["x"].reshape(-1, 3) for c in dataset.train])
    assert scaled.mean(0) == pytest.approx(np.zeros(3), abs=0.05)
    assert scaled.std(0) == pytest.approx(np.ones(3), abs=0.05)


@pytest.mark.parametrize("name", ["recall", "adding"])
class TestMemoryTasks:
    def test_a_batch_is_cut_into_chunks_that_start_anew(self, name):
        # The adding problem's sequences may be longer by a tenth.
        dataset, pieces = opened(name), 3 + (name == "adding")
        assert len(dataset.train) == 3 * pieces
        starts = [bool(chunk.resets.all()) for chunk in dataset.train]
        assert starts == [k % pieces == 0 and k > 0 for k in range(3 * pieces)]
        for k in range(3):
            parts = [dataset.train[k * pieces + piece] for piece in range(pieces)]
            weights = np.concatenate([c.arrays["weight"] for c in parts], 1)
            assert weights.sum(1).tolist() == [1.0] * 4
            last = sum(c.lengths for c in parts) - 1
            assert np.array_equal(np.argmax(weights, 1), last)

    def test_chunks_are_the_same_in_any_order(self, name):
        one, two = opened(name), opened(name)
        backwards = {k: two.train[k] for k in reversed(range(9))}
        for k in range(9):
            assert np.array_equal(one.train[k].arrays["x"], backwards[k].arrays["x"])

    def test_batches_and_seeds_and_validation_all_differ(self, name):
        first, other = opened(name), opened(name, seed=1)
        starts = [first.train[0], first.train[3], first.validation[0], other.train[0]]
        drawn = {chunk.arrays["x"].tobytes() for chunk in starts}
        assert len(drawn) == 4

    def test_the_batch_size_is_what_the_loss_is_divided_by(self, name):
        assert opened(name).scored == 4.0


def test_options_of_a_task_alone():
    assert opened("copy", bits=3).inputs == 4
    more = opened("repeat_copy", bits=2, repeats=7, sequence=3)
    assert (more.inputs, more.outputs) == (4, 3)
    assert "up to 26 steps" in more.description
    assert (
        opened("repeat_copy").train[0].arrays["x"].tobytes() != more.train[0].arrays["x"].tobytes()
    )


@pytest.mark.parametrize("name", ["copy", "repeat_copy"])
def test_what_is_scored_over_many_chunks_is_their_average(name):
    dataset = opened(name, sequences=100, chunk=9, sequence=8)
    scored = np.mean([chunk.arrays["weight"].sum() for chunk in dataset.train])
    assert dataset.scored == pytest.approx(scored, rel=0.1)
    assert dataset.weighted


def test_digits_are_scored_once_an_image():
    dataset = opened("digits", batch=32, chunk=16, validation=0.2)
    assert dataset.weighted
    assert dataset.scored == pytest.approx(8, rel=0.05)
    pixels = np.concatenate([chunk.arrays["x"].ravel() for chunk in dataset.train[:40]])
    assert pixels.mean() == pytest.approx(0, abs=0.1)
    held = sum(int(chunk.arrays["weight"].sum()) for chunk in dataset.validation)
    assert held == pytest.approx(1797 / 5, abs=1)


def test_a_regime_is_not_both_trained_and_validated_on():
    dataset = opened("regimes", batch=4, validation=0.5)
    train = {dataset.train[0].arrays["x"][k].tobytes() for k in range(4)}
    held = dataset.validation[0].arrays["x"]
    assert len(held) == 2
    assert not train & {row.tobytes() for row in held}


@pytest.mark.parametrize(
    ("data", "options", "facts"),
    [
        ("nothing.csv", {}, ["nothing.csv", "stdlib"]),
        ("series", {"validation": 1.0}, ["validation", "1"]),
        ("series", {"validation": -0.1}, ["validation", "-0.1"]),
        ("series", {"validation": float("nan")}, ["validation", "nan"]),
        ("series", {"batch": 100000}, ["100000"]),
        ("series", {"batch": 0}, ["batch", "0"]),
        ("series", {"chunk": 0}, ["chunk", "0"]),
        ("regimes", {"batch": 0}, ["batch", "0"]),
        ("recall", {"sequences": 0}, ["sequences", "0"]),
        ("recall", {"sequence": 1}, ["sequence", "1"]),
        ("series", {"target": "load"}, ["target", "series"]),
        ("stdlib", {"stream": "id"}, ["stream", "stdlib"]),
        ("recall", {"features": ("a",)}, ["features", "recall"]),
        ("recall", {"bits": 3}, ["bits 3", "copy and repeat_copy", "'recall'"]),
        ("copy", {"repeats": 3}, ["repeats 3", "repeat_copy", "'copy'"]),
        ("series", {"repeats": 3}, ["repeats 3", "'series'"]),
        ("copy", {"bits": 0}, ["bits 0", "copy"]),
        ("copy", {"bits": "x"}, ["bits 'x'", "copy"]),
        ("repeat_copy", {"repeats": 0}, ["repeats 0"]),
        ("temporal_order", {"sequence": 9}, ["sequence 9", "temporal_order", "10"]),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_option(data, options, facts):
    with pytest.raises(DataError) as error:
        opened(data, **options)
    assert all(fact in str(error.value) for fact in facts), str(error.value)
    assert "\n" not in str(error.value)


def test_paths_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for path, fact in (
        (tmp_path, "is a directory"),
        (tmp_path / "pipe.csv", "not a regular file"),
        (tmp_path / "loop.csv", "loop.csv"),
        ("x" * 5000, "neither a file nor built in"),
        ("a\x00b.csv", "neither a file nor built in"),
    ):
        with pytest.raises(DataError, match=fact) as error:
            opened(str(path))
        assert "\n" not in str(error.value)


def test_a_format_that_is_unknown(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"format 'xls' is unknown: choose among csv, npy"):
        opened(str(tmp_path / "a.csv"), format="xls")
