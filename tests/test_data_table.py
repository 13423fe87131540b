"""Tables: bounds, holding out, next-step targets and scaling."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgcarry.data import Scale, Table, hold_out, next_step, standardise
from tgcarry.errors import DataError


def table(*lengths, start=0):
    bounds = np.cumsum([start, *lengths])
    x = np.arange(bounds[-1] * 2, dtype=np.float64).reshape(-1, 2)
    return Table({"x": x, "y": x[:, 0]}, bounds, source="rows.csv")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.floats(0.001, 0.999))
def test_hold_out_takes_enough_and_leaves_something(lengths, fraction):
    whole = table(*lengths)
    if whole.steps < 2:
        return
    train, held = hold_out(whole, fraction)
    assert train.steps >= 1 and held.steps >= 1
    assert train.steps + held.steps == whole.steps
    assert train.bounds[-1] == held.bounds[0]
    if whole.sequences == 1:
        assert held.steps == min(max(1, np.ceil(fraction * whole.steps - 1e-6)), whole.steps - 1)
    else:
        assert train.sequences + held.sequences == whole.sequences
        assert held.steps >= fraction * whole.steps - 1e-6 or train.sequences == 1
        fewer = held.bounds[-1] - held.bounds[1]
        assert held.sequences == 1 or fewer < fraction * whole.steps


def test_hold_out_nothing():
    whole = table(4, 4)
    assert hold_out(whole, 0) == (whole, None)


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.0, 2, float("nan"), "0.1", True, None])
def test_a_fraction_out_of_range(fraction):
    with pytest.raises(DataError, match=str(fraction)):
        hold_out(table(4), fraction)


def test_one_step_cannot_be_split():
    with pytest.raises(DataError, match=r"rows\.csv has 1 step"):
        hold_out(table(1), 0.5)


@pytest.mark.parametrize("bounds", [[0], [0, 0], [0, 3, 2], [-1, 3], [[0, 3]]])
def test_bounds_have_to_rise(bounds):
    with pytest.raises(DataError, match="bounds"):
        Table({"x": np.zeros(3)}, np.array(bounds))


def test_columns_have_to_reach_the_end():
    with pytest.raises(DataError, match=r"'y' has 2 rows but bounds end at 3"):
        Table({"x": np.zeros(3), "y": np.zeros(2)}, np.array([0, 3]))
    with pytest.raises(DataError, match="at least one column"):
        Table({}, np.array([0, 3]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(2, 6), min_size=1, max_size=5), st.data())
def test_next_step_pairs_rows_of_one_sequence(lengths, data):
    bounds = np.cumsum([0, *lengths])
    rows = np.arange(bounds[-1])
    x, y, shorter = next_step(rows, bounds, "rows")
    parts = [rows[a:b] for a, b in itertools.pairwise(bounds)]
    whole_x = np.concatenate([part[:-1] for part in parts])
    whole_y = np.concatenate([part[1:] for part in parts])
    assert len(x) == len(y) == len(whole_x) == shorter[-1]
    start = data.draw(st.integers(0, len(x)))
    stop = data.draw(st.integers(0, len(x)))
    assert np.array_equal(x[start:stop], whole_x[start:stop])
    assert np.array_equal(y[start:stop], whole_y[start:stop])
    assert np.array_equal(np.diff(shorter), np.diff(bounds) - 1)


def test_next_step_needs_two_rows_of_each_sequence():
    with pytest.raises(DataError, match=r"^rows: sequence 1 has one step"):
        next_step(np.arange(5), np.array([0, 4, 5]), "rows")


def test_standardise_measures_the_part_it_is_given(rng):
    x = rng.normal(1e6, 3, (70_000, 3))
    x[:, 2] = 5
    y = rng.normal(-2, 0.1, 70_000)
    columns = {"x": x, "y": y, "weight": np.full(70_000, 7.0)}
    train, held = hold_out(Table(columns, np.array([0, 70_000])), 0.25)
    scaled, scale = standardise(train)
    cut = train.steps
    np.testing.assert_allclose(scale.mean["x"], x[:cut].mean(0), rtol=1e-12)
    np.testing.assert_allclose(scale.std["x"][:2], x[:cut, :2].std(0), rtol=1e-9)
    assert scale.std["x"][2] == 1
    rows = scaled.columns["x"][0:cut]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(rows[:, :2].std(0), 1, atol=1e-5)
    assert scaled.columns["weight"][0:2].tolist() == [7, 7]
    again, same = standardise(held, scale)
    assert same is scale
    np.testing.assert_allclose(
        scale.undo("y", again.columns["y"][cut : cut + 9]), y[cut : cut + 9], atol=1e-6
    )
    assert scale.undo("other", [1, 2]).tolist() == [1, 2]


def test_standardise_leaves_ids_and_classes():
    ids = np.arange(4, dtype=np.uint8)
    scaled, scale = standardise(Table({"x": ids, "y": ids}, np.array([0, 4])))
    assert scaled.columns["x"] is ids and not scale.mean


def test_standardise_refuses_what_is_not_finite():
    x = np.zeros((10, 2))
    x[6, 1] = np.nan
    with pytest.raises(DataError, match=r"rows: 'x' holds nan at row 6, column 1: "):
        standardise(Table({"x": x}, np.array([0, 10]), source="rows"))
    standardise(Table({"x": x}, np.array([0, 6])))


def test_a_scale_of_other_features():
    scale = Scale({"x": np.zeros(3)}, {"x": np.ones(3)})
    with pytest.raises(DataError, match=r"shape \[2\].*'x': \[3\]"):
        standardise(table(4), scale)


def test_standardise_refuses_a_nan_that_signals_without_a_warning():
    x = np.array([[0], [0x7FA00000], [0]], np.uint32).view(np.float32)
    with pytest.raises(DataError, match="holds nan at row 1"):
        standardise(Table({"x": x}, np.array([0, 3]), source="rows"))
