"""Memory budgets as people write them, and what a plan says of them."""

import dataclasses

import pytest

import tgcarry as tgc
from tgcarry.budget import MemoryPlan, shown_bytes, to_bytes

MIB = 2**20


@pytest.mark.parametrize(
    ("amount", "wanted"),
    [
        (None, 0),
        (0, 0),
        (123, 123),
        ("0", 0),
        ("77", 77),
        ("77B", 77),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("2MB", 2_000_000),
        ("512MiB", 512 * MIB),
        (" 512 MiB ", 512 * MIB),
        ("1.5GiB", 1536 * MIB),
        (".5GB", 500_000_000),
        ("3.GB", 3_000_000_000),
    ],
)
def test_an_amount_of_memory(amount, wanted):
    assert to_bytes(amount) == wanted


@pytest.mark.parametrize(
    "amount", ["", "MiB", "512mib", "512 M", "-1", "1e3", "1,5GB", "12MiBs", -1, 1.5, True, [1]]
)
def test_what_is_no_amount_of_memory(amount):
    with pytest.raises(tgc.PolicyError) as caught:
        tgc.ExactSweep(memory_budget=amount)
    message = str(caught.value)
    assert f"ExactSweep(memory_budget={amount!r})" in message
    assert "512MiB" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10 * MIB, "10.0 MiB"),
        (3 * 2**29, "1.5 GiB"),
    ],
)
def test_an_amount_is_shown_with_a_unit(count, text):
    assert shown_bytes(count) == text


def plan(budget, chunks, chunk_bytes=10 * MIB, state_bytes=MIB, **more):
    return MemoryPlan(budget, chunk_bytes, state_bytes, chunks, **more)


@pytest.mark.parametrize(
    ("budget", "chunks", "kept", "recomputed"),
    [
        (0, 10, 0, 9),
        (10 * MIB - 1, 10, 0, 9),
        (10 * MIB, 10, 1, 8),
        (55 * MIB, 10, 5, 4),
        (90 * MIB, 10, 9, 0),
        (900 * MIB, 10, 9, 0),
        (900 * MIB, 1, 0, 0),
        (900 * MIB, 0, 0, 0),
        (55 * MIB, None, 5, None),
    ],
)
def test_as_many_chunks_as_fit_are_kept_but_never_the_last(budget, chunks, kept, recomputed):
    got = plan(budget, chunks)
    assert got.kept == kept
    assert got.kept * got.chunk_bytes <= budget
    assert got.recomputed == recomputed
    if chunks is None:
        assert got.extra_forward is got.predicted_bytes is None
    else:
        assert got.extra_forward == pytest.approx(recomputed / max(chunks, 1))
        assert got.predicted_bytes == kept * 10 * MIB + max(chunks - 1, 0) * MIB


def test_an_obstacle_is_above_any_budget():
    got = plan(10**12, 10, obstacle="'rnn/while:9' is variant")
    assert (got.kept, got.recomputed) == (0, 9)
    assert "'rnn/while:9' is variant" in str(got)


def test_a_plan_is_a_value_that_can_be_asked_what_if():
    one = plan(0, 10)
    other = dataclasses.replace(one, budget=30 * MIB)
    assert (one.kept, other.kept) == (0, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.budget = 1


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            plan(35 * MIB, 10),
            "memory budget 35.0 MiB: keeps the activations of 3 of 10 chunks, 10.0 MiB each; with "
            "the states 39.0 MiB. Computes 6 chunks forwards twice (60% of a forward pass)",
        ),
        (
            plan(5 * MIB, 10),
            "memory budget 5.0 MiB: keeps no activations, which are 10.0 MiB a chunk; with the "
            "states 9.0 MiB. Computes 9 chunks forwards twice (90% of a forward pass)",
        ),
        (
            plan(35 * MIB, None),
            "memory budget 35.0 MiB: keeps the activations of the first 3 chunks of a window, "
            "10.0 MiB each",
        ),
        (
            plan(35 * MIB, 1),
            "memory budget 35.0 MiB: every chunk is visited once, so that nothing has to be kept",
        ),
    ],
    ids=["some", "none", "unknown", "one"],
)
def test_a_plan_in_words(given, text):
    assert str(given) == text
