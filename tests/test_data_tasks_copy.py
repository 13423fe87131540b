"""Copy and repeat copy, read step by step by somebody who knows only the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgcarry.data import copy_task, repeat_copy, split_chunks
from tgcarry.errors import DataError


def answer_copy(x):
    """Listens until the flag, then says what was heard: the scored steps' targets."""
    bits, heard = x.shape[1] - 1, []
    for step, features in enumerate(x):
        if features[bits]:
            assert not features[:bits].any()
            assert not x[step + 1 :].any()
            return step + 1, [list(vector) for vector in heard]
        assert set(features[:bits].tolist()) <= {0.0, 1.0}
        heard.append(features[:bits])
    raise AssertionError("there was no flag")


def answer_repeat_copy(x, low, high):
    """Likewise, as often as it is told, and then the end marker."""
    bits, heard = x.shape[1] - 2, []
    numbers = np.arange(low, high + 1)
    deviation = numbers.std() or 1.0
    for step, features in enumerate(x):
        if features[bits]:
            assert features[bits] == 1
            assert not features[:bits].any()
            assert not x[step + 1 :].any()
            often = features[bits + 1] * deviation + numbers.mean()
            assert often == pytest.approx(round(float(often)), abs=1e-4)
            said = [[*vector, 0.0] for _ in range(round(float(often))) for vector in heard]
            return step + 1, [*said, [0.0] * bits + [1.0]]
        assert features[bits + 1] == 0
        heard.append(features[:bits])
    raise AssertionError("there was no flag")


def check(made, answers):
    """Holds targets, weights, lengths and padding against each stream's (start, answer)."""
    for stream, (start, said) in enumerate(answers):
        end = start + len(said)
        wanted = np.zeros_like(made["y"][stream])
        wanted[start:end] = said
        assert np.array_equal(made["y"][stream], wanted)
        scored = np.zeros(len(wanted))
        scored[start:end] = 1
        assert np.array_equal(made["weight"][stream], scored)
        assert made["lengths"][stream] == end <= len(wanted)


sizes = st.integers(1, 6)


@settings(max_examples=60)
@given(batch=sizes, length=sizes, bits=sizes, seed=st.integers(0, 2**32), data=st.data())
def test_copy_is_what_its_definition_says(batch, length, bits, seed, data):
    shortest = data.draw(st.integers(1, length))
    made = copy_task(batch, length, seed, bits=bits, shortest=shortest)
    assert made["x"].shape == (batch, 2 * length + 1, bits + 1)
    assert made["y"].shape == (batch, 2 * length + 1, bits)
    assert {made[name].dtype for name in ("x", "y", "weight")} == {np.dtype(np.float32)}
    answers = [answer_copy(x) for x in made["x"]]
    check(made, answers)
    assert all(shortest <= len(said) <= length for _, said in answers)


@settings(max_examples=60)
@given(
    batch=sizes,
    length=sizes,
    repeats=sizes,
    bits=sizes,
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_repeat_copy_is_what_its_definition_says(batch, length, repeats, bits, seed, data):
    shortest, fewest = data.draw(st.integers(1, length)), data.draw(st.integers(1, repeats))
    normal = data.draw(st.sampled_from([None, (1, 10), (3, 3)]))
    made = repeat_copy(
        batch, length, repeats, seed, bits=bits, shortest=shortest, fewest=fewest, normal=normal
    )
    steps = length * (repeats + 1) + 2
    assert made["x"].shape == (batch, steps, bits + 2)
    assert made["y"].shape == (batch, steps, bits + 1)
    answers = [answer_repeat_copy(x, *(normal or (fewest, repeats))) for x in made["x"]]
    check(made, answers)
    counts = made["lengths"] - 2
    assert all(shortest * (fewest + 1) <= count <= length * (repeats + 1) for count in counts)


def test_what_the_source_trains_on_is_drawn_evenly():
    made = repeat_copy(4000, 10, 10, seed=2)
    numbers = made["x"][..., 9].sum(1)
    assert numbers.mean() == pytest.approx(0, abs=0.06)
    assert numbers.var() == pytest.approx(1, abs=0.06)
    counts = made["x"][..., 8].argmax(1)
    assert np.bincount(counts, minlength=11)[1:].min() > 300
    heard = np.arange(made["x"].shape[1]) < counts[:, None]
    assert made["x"][..., :8][heard].mean() == pytest.approx(0.5, abs=0.01)
    copied = copy_task(4000, 20, seed=2)["lengths"]
    assert set(copied.tolist()) == set(range(3, 42, 2))


@pytest.mark.parametrize("chunk", [1, 4, 7, 100])
def test_chunks_hold_every_real_step_once(chunk):
    made = repeat_copy(5, 4, 3, seed=7, bits=3)
    lengths = made.pop("lengths")
    chunks = split_chunks(made, chunk, lengths=lengths)
    assert np.array_equal(sum(c.lengths for c in chunks), lengths)
    for name, array in made.items():
        assert np.array_equal(np.concatenate([c.arrays[name] for c in chunks], 1), array)


def test_seeds_repeat_and_differ():
    for make in (lambda seed: copy_task(3, 9, seed), lambda seed: repeat_copy(3, 9, 2, seed)):
        a, b, c = make(0), make(0), make(1)
        assert all(np.array_equal(a[name], b[name]) for name in a)
        assert not np.array_equal(a["x"], c["x"])


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: copy_task(0, 5, 0), "batch 0"),
        (lambda: copy_task(1, 0, 0), "length 0"),
        (lambda: copy_task(1, 5, 0, bits=0), "bits 0"),
        (lambda: copy_task(1, 5, 0, shortest=6), "shortest 6 is above length 5: give 1 to 5"),
        (lambda: copy_task(1, 5, -1), "seed -1"),
        (lambda: repeat_copy(1, 5, 0, 0), "repeats 0"),
        (lambda: repeat_copy(1, 5, 2, 0, fewest=3), "fewest 3 is above repeats 2"),
        (lambda: repeat_copy(1, 5, 2, 0, normal=(4, 3)), r"normal\[0\] 4 is above normal\[1\] 3"),
    ],
)
def test_arguments_out_of_range(make, part):
    with pytest.raises(DataError, match=part):
        make()
