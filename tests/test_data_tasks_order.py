"""Temporal order, read symbol by symbol by somebody who knows only the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgcarry.data import temporal_order
from tgcarry.data.tasks_order import SYMBOLS
from tgcarry.errors import DataError

# The source's own tables.
CLASSES = {
    **{"XX": 0, "XY": 1, "YX": 2, "YY": 3},
    **{"XXX": 0, "XXY": 1, "XYX": 2, "XYY": 3, "YXX": 4, "YXY": 5, "YYX": 6, "YYY": 7},
}
PLACES = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}


def spell(x):
    """Writes a sequence out in letters, up to its padding."""
    letters = []
    for features in x:
        if not features.any():
            break
        assert sorted(features.tolist()) == [0.0] * 7 + [1.0]
        letters.append(SYMBOLS[int(features.argmax())])
    assert not x[len(letters) :].any()
    return "".join(letters)


@settings(max_examples=60)
@given(
    batch=st.integers(1, 5),
    length=st.integers(10, 250),
    relevant=st.sampled_from([2, 3]),
    seed=st.integers(0, 2**32),
)
def test_it_is_what_its_definition_says(batch, length, relevant, seed):
    made = temporal_order(batch, length, seed, relevant=relevant)
    assert made["x"].shape == (batch, length + length // 10, 8)
    assert made["x"].dtype == made["weight"].dtype == np.float32
    assert made["y"].dtype == np.int32
    for k in range(batch):
        text = spell(made["x"][k])
        assert length <= len(text) == made["lengths"][k] <= length + length // 10
        assert text[0] == "E"
        assert text[-1] == "B"
        places = [step for step, letter in enumerate(text) if letter in "XY"]
        assert len(places) == relevant
        for place, (low, high) in zip(places, PLACES[relevant], strict=True):
            assert low * length // 100 <= place <= high * length // 100
        assert set(text) - set("XYEB") <= set("abcd")
        assert text.count("E") == text.count("B") == 1
        wanted = np.zeros(made["y"].shape[1])
        wanted[len(text) - 1] = CLASSES["".join(text[place] for place in places)]
        assert np.array_equal(made["y"][k], wanted)
        assert np.array_equal(np.flatnonzero(made["weight"][k]), [len(text) - 1])


@pytest.mark.parametrize("relevant", [2, 3])
def test_the_source_s_numbers_are_drawn_evenly(relevant):
    made = temporal_order(3000, 100, seed=4, relevant=relevant)
    texts = [spell(x) for x in made["x"]]
    assert {len(text) for text in texts} == set(range(100, 111))
    classes = np.bincount(made["y"].max(1), minlength=2**relevant)
    assert classes == pytest.approx(3000 / 2**relevant, abs=110)
    for number, (low, high) in enumerate(PLACES[relevant]):
        places = [[i for i, c in enumerate(text) if c in "XY"][number] for text in texts]
        counts = np.bincount(places)
        assert counts[low : high + 1] == pytest.approx(3000 / 11, abs=85)
        assert counts.sum() == counts[low : high + 1].sum()
    letters = "".join(texts)
    shares = [letters.count(letter) for letter in "abcd"]
    assert shares == pytest.approx(np.full(4, np.mean(shares)), rel=0.03)


def test_seeds_repeat_and_differ():
    a, b, c = (temporal_order(3, 30, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["x"], c["x"])


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: temporal_order(0, 100, 0), "batch 0"),
        (lambda: temporal_order(1, 9, 0), "length 9 is too small: give at least 10"),
        (lambda: temporal_order(1, 100, 0, relevant=4), "relevant 4: give 2"),
        (lambda: temporal_order(1, 100, 0, relevant=True), "relevant True"),
        (lambda: temporal_order(1, 100, -1), "seed -1"),
    ],
)
def test_arguments_out_of_range(make, part):
    with pytest.raises(DataError, match=part):
        make()
