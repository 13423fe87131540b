"""Synthetic tasks: what they promise."""

import numpy as np
import pytest

from tgcarry.data import adding_problem, delayed_recall, hold_out, regimes, streams
from tgcarry.errors import DataError


@pytest.mark.parametrize("length", [6, 9, 100])
def test_adding_problem(length):
    made = adding_problem(batch=500, length=length, seed=3)
    x, y, weight = made["x"], made["y"], made["weight"]
    assert x.shape == (500, length, 2) and x.dtype == y.dtype == weight.dtype == np.float32
    marked = x[:, :, 1] == 1
    assert (marked.sum(1) == 2).all()
    assert not marked[:, max(10, length // 2 - 1) :].any()
    np.testing.assert_allclose(y[:, -1], 0.5 + (x[:, :, 0] * marked).sum(1) / 4, atol=1e-6)
    assert (x[marked[:, 0], 0, 0] == 0).sum() >= 1
    assert (x[:, -1, 1] == -1).all() and (x[~marked[:, 0], 0, 1] == -1).all()
    assert (weight.sum(1) == 1).all() and (weight[:, -1] == 1).all() and not y[:, :-1].any()
    assert y.min() >= 0 and y.max() < 1


def add_slowly(x, length):
    """Reads one sequence of the adding problem step by step, as its definition says."""
    assert x[0, 1] in (-1, 1)
    assert x[length - 1, 1] == -1
    marked = []
    for step in range(length):
        number, marker = x[step]
        assert -1 <= number < 1
        if marker == 1:
            marked.append((step, number))
        elif step not in (0, length - 1):
            assert marker == 0
    (place, one), (other, two) = marked
    assert min(place, other) < 10
    return 0.5 + (float(one) + float(two)) / 4


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("length", [6, 10, 25, 100])
def test_adding_problem_read_step_by_step(length, varied):
    made = adding_problem(batch=200, length=length, seed=1, varied=varied)
    x, y, weight = made["x"], made["y"], made["weight"]
    lengths = made.get("lengths", np.full(200, length))
    most = length + length // 10 if varied else length
    assert x.shape == (200, most, 2)
    assert set(lengths.tolist()) == set(range(length, most + 1))
    for k, real in enumerate(lengths):
        assert y[k, real - 1] == pytest.approx(add_slowly(x[k], real), abs=1e-6)
        assert np.array_equal(np.flatnonzero(weight[k]), [real - 1])
        assert np.count_nonzero(y[k]) <= 1
        assert not x[k, real:].any()
        assert np.count_nonzero(x[k, 1 : real - 1, 0]) == real - 2
        # T is what the markers' places go by, however long the sequence comes out.
        assert np.flatnonzero(x[k, :, 1] == 1).max() < max(10, length // 2 - 1)


def test_the_adding_problem_of_one_length_is_what_it_was():
    made = adding_problem(batch=2, length=6, seed=0)
    assert made["y"][:, -1].tolist() == pytest.approx([0.15538, 0.63656], abs=1e-5)
    assert sorted(made) == ["weight", "x", "y"]


@pytest.mark.parametrize(("length", "lag"), [(20, 19), (20, 5), (2, 1)])
def test_delayed_recall(length, lag):
    made = delayed_recall(batch=60, length=length, lag=lag, symbols=4, seed=1)
    x, y, weight = made["x"], made["y"], made["weight"]
    assert x.shape == (60, length, 9) and y.dtype == np.int32
    at = length - 1 - lag
    assert np.array_equal(x[:, at, :4].argmax(1), y[:, -1])
    assert (x[:, :, :4].sum((1, 2)) == 1).all()
    assert (x[:, :, 8].sum(1) == 1).all() and (x[:, -1, 8] == 1).all()
    assert (x.sum(2) == 1).all()
    assert (weight.sum(1) == 1).all() and (weight[:, -1] == 1).all()
    assert len(set(y[:, -1].tolist())) == 4


def test_seeds_repeat():
    for make in (
        lambda seed: adding_problem(3, 30, seed),
        lambda seed: delayed_recall(3, 30, 20, 4, seed),
    ):
        a, b, c = make(0), make(0), make(1)
        assert all(np.array_equal(a[name], b[name]) for name in a)
        assert not np.array_equal(a["x"], c["x"])


def test_regimes():
    table = regimes(streams=6, steps=400, features=80, classes=3, seed=5, dwell=50)
    again = regimes(streams=6, steps=400, features=80, classes=3, seed=5, dwell=50)
    assert table.sequences == 6 and table.num_classes == 3
    x, y = table.columns["x"][0:2400], table.columns["y"][0:2400]
    assert np.array_equal(x, again.columns["x"][0:2400])
    assert x.dtype == np.float32 and y.dtype == np.int32
    assert set(y.tolist()) == {0, 1, 2}
    starts = np.append(True, y[1:] != y[:-1]) | (np.arange(2400) % 400 == 0)
    assert 6 * 4 < starts.sum() < 6 * 16
    since = np.arange(2400) - np.maximum.accumulate(np.where(starts, np.arange(2400), 0))
    # An announcement's mean over its class is the pattern; afterwards it is nothing.
    told = [x[(since < 5) & (y == k)].mean(0) for k in range(3)]
    quiet = [x[(since >= 5) & (y == k)].mean(0) for k in range(3)]
    assert all(np.abs(mean).mean() > 0.2 for mean in told)
    assert all(np.abs(mean).mean() < 0.1 for mean in quiet)
    train, held = hold_out(table, 0.3)
    assert (train.sequences, held.sequences) == (4, 2)
    assert len(streams(train, 4, 100)) == 4


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: adding_problem(0, 10, 0), "batch 0"),
        (lambda: adding_problem(1, 5, 0), "length 5"),
        (lambda: adding_problem(1, 6.5, 0), "length 6.5"),
        (lambda: adding_problem(1, 6, -1), "seed -1"),
        (lambda: delayed_recall(1, 10, 10, 3, 0), "lag 10 does not fit into 10 steps"),
        (lambda: delayed_recall(1, 10, 0, 3, 0), "lag 0"),
        (lambda: delayed_recall(1, 10, 5, 1, 0), "symbols 1"),
        (lambda: regimes(classes=1), "classes 1"),
        (lambda: regimes(dwell=0), "dwell 0"),
        (lambda: regimes(streams=1, steps=5, strength=float("nan")), "strength nan"),
    ],
)
def test_arguments_out_of_range(make, part):
    with pytest.raises(DataError, match=part):
        make()
