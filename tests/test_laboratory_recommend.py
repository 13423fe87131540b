"""laboratory.recommend: each branch with made-up figures."""

import pytest

from tgcarry.laboratory.recommend import Budget, Figures, Setting, recommend

TIME = Budget(seconds=10)


def setting(policy, loss, **more):
    kind, _, rest = policy.partition(":")
    window = {"exact": 8, "random": 8}.get(kind)
    if kind == "exact" and rest:
        window = int(rest)
    values = {
        "policy": policy,
        "kind": kind,
        "chunk": 10,
        "window": window,
        "bias": 0.0 if kind in ("exact", "random") else 0.6,
        "variance": 0.0,
        "loss": loss,
        "early": loss,
        "steps": 100,
        "peak_mib": 700.0,
        "bounded": kind == "exact" and bool(rest),
    }
    return Setting(**{**values, **more})


def say(*settings, budget=TIME, first=2.0, reach=()):
    return recommend(Figures(settings, first, reach), budget)


def test_credit_beyond_a_chunk_does_not_matter():
    text = say(setting("truncated", 1.0, bias=0.03), setting("exact", 1.01), setting("exact:2", 1))
    assert text.startswith("Take Truncated() in chunks of 10 (--policy=truncated --chunk=10)")
    assert "off by 3.0% only" in text
    assert "beyond a chunk of 10 steps matters little" in text


def test_it_matters_and_a_window_holds_it():
    text = say(
        setting("truncated", 1.9),
        setting("exact", 1.0),
        setting("exact:4", 1.02, bias=0.04),
        setting("exact:2", 1.7, bias=0.3),
    )
    first = text.splitlines()[0]
    assert first.startswith("Take ExactSweep(4) in chunks of 10 (--policy=exact --chunk=10 --wi")
    assert "--window=4" in first and "for 10 s of training" in first
    assert "the best truncation, in chunks of 10, came to 1.9, with a gradient off by 60%" in text
    assert "A window of 4 chunks, 40 steps, is enough: its gradient is off by 4%" in text
    assert "Windows of 4 chunks of 10 hold nearly all" in text
    assert (
        "Credit beyond a chunk of 10 steps matters: truncation misses the gradient by 60%" in text
    )


def test_it_matters_and_only_the_whole_sequence_holds_it():
    text = say(setting("truncated", 1.9), setting("exact", 1.0), setting("exact:4", 1.8, bias=0.4))
    assert text.startswith("Take ExactSweep(8) in chunks of 10")
    assert "Its gradient is the exact one, and no shorter window did as well." in text
    assert "hold nearly all" not in text


def test_nothing_is_said_of_shorter_windows_where_none_was_tried():
    text = say(setting("truncated", 1.9), setting("exact", 1.0), setting("random:0.3", 1.5))
    assert "Its gradient is the exact one.\n" in text
    assert "shorter window" not in text


def test_truncation_is_ahead_by_the_number_of_its_steps():
    text = say(
        setting("truncated", 1.0, early=1.6, steps=500), setting("exact", 1.3, early=1.3, steps=80)
    )
    assert text.startswith("Take Truncated()")
    assert "off by 60%, and yet it is not behind" in text
    assert "500 to 80: step for step exact in chunks of 10 is better, 1.3 to 1.6" in text


def test_exact_that_was_better_early_and_is_behind_in_the_end():
    text = say(
        setting("truncated", 0.2, early=1.0, steps=100),
        setting("exact:2", 0.6, early=0.9, steps=500),
    )
    assert "Early on exact:2" in text and "came to 0.6 in the end" in text
    assert "simpler" not in text


def test_truncation_is_as_good_and_simpler():
    text = say(setting("truncated", 1.03), setting("exact", 1.0))
    assert text.startswith("Take Truncated()")
    assert "exact in chunks of 10 came to 1: that is within 5% of what was gained" in text
    assert "ahead" not in text


def test_truncation_is_ahead_step_for_step_too():
    text = say(setting("truncated", 1.0, early=1.2), setting("exact", 1.5, early=1.4))
    assert "Step for step it is not behind exact in chunks of 10 either, 1.2 to 1.4" in text


def test_a_tie_goes_to_the_simplest():
    names = ["stale", "synthetic", "random:0.3", "exact", "exact:2", "truncated"]
    calls = ["Stale()", "Synthetic()", "RandomTruncation(0.3, window=8)"]
    calls += ["ExactSweep(8)", "ExactSweep(2)", "Truncated()"]
    every = [setting(name, 1.0 + place / 200) for place, name in enumerate(names)]
    for count, call in enumerate(calls, start=1):
        assert say(*every[:count]).startswith(f"Take {call} in"), call
        assert say(*reversed(every[:count])).startswith(f"Take {call} in"), call


def test_more_than_a_tie_does_not():
    # The gain is 1.0: a loss of 1.06 is more than a twentieth of it behind.
    assert say(setting("truncated", 1.06), setting("exact", 1.0)).startswith("Take ExactSweep(8)")
    assert say(setting("truncated", 1.04), setting("exact", 1.0)).startswith("Take Truncated()")


def test_less_memory_where_all_else_is_equal():
    text = say(setting("exact:2", 1, chunk=20), setting("exact:2", 1, peak_mib=600.0))
    assert text.startswith("Take ExactSweep(2) in chunks of 10")


class TestMemory:
    def test_too_little_for_any(self):
        text = say(
            setting("exact", 1.0, chunk=64, peak_mib=900.0),
            setting("truncated", 1.1, chunk=64, peak_mib=910.0),
            budget=Budget(steps=10, memory_mib=500),
        )
        assert text.startswith(
            "No setting fits into 500 MiB: the smallest, exact in chunks of 64, peaks at 900 MiB. "
            "Take chunks of 32 or fewer steps, or fewer streams (--batch); random:0.3 holds"
        )

    def test_too_little_for_any_of_one_kind(self):
        text = say(setting("truncated", 1.1, chunk=1), budget=Budget(memory_mib=500))
        assert "Take fewer streams (--batch)" in text and "fewer steps" not in text
        assert "exact carries the gradient over short chunks" in text

    def test_too_little_for_the_best(self):
        text = say(
            setting("exact", 1.0, chunk=50, peak_mib=900.0),
            setting("random:0.3", 1.3, variance=0.5),
            setting("truncated", 1.9),
            budget=Budget(seconds=5, memory_mib=800),
        )
        assert text.startswith("Take RandomTruncation(0.3, window=8) in chunks of 10")
        assert "--policy=random --chunk=10 --window=8 --cut=0.3" in text
        assert "right in the mean, with a variance of 0.5" in text
        assert "No exact setting was there" in text
        assert "exact in chunks of 50 came to 1, but peaks at 900 MiB, over the 800 MiB" in text


class TestNothingLearnt:
    def test_the_gradients_tell(self):
        text = say(setting("truncated", 1.99), setting("exact", 1.98), setting("exact:2", 2.1))
        assert text.startswith("Within 10 s of training nothing was learnt")
        assert "(held-out loss 1.98, from 2)" in text
        assert "take ExactSweep(2) in chunks of 10" in text
        assert "Take " not in text

    def test_nor_do_they(self):
        text = say(setting("truncated", 2.0), setting("stale", 2.0, bias=0.4))
        assert (
            "none of those that fit is right either; stale in chunks of 10 has the least" in text
        )

    def test_a_loss_below_zero_is_no_gain_by_itself(self):
        assert "nothing was learnt" in say(setting("exact", -2.01), first=-2.0)
        assert say(setting("exact", -2.1), first=-2.0).startswith("Take ExactSweep(8)")


def test_every_training_failed():
    text = say(setting("truncated", None), setting("exact", None))
    assert text.startswith("No policy can be recommended for 10 s of training: every training")
    assert "--learning_rate" in text


def test_one_that_failed_is_out():
    assert say(setting("truncated", None), setting("exact", 1.0)).startswith("Take ExactSweep(8)")


@pytest.mark.parametrize(
    ("policy", "call", "flags", "why"),
    [
        ("synthetic", "Synthetic()", "--policy=synthetic --chunk=10", "as far as the predictor"),
        (
            "synthetic:0.5",
            "Synthetic(trunk=0.5)",
            "--policy=synthetic --chunk=10 --trunk=0.5",
            "as far as the predictor",
        ),
        ("stale", "Stale()", "--policy=stale --chunk=10", "Be careful"),
        ("stale:0.5", "Stale(0.5)", "--policy=stale --chunk=10 --decay=0.5", "Be careful"),
    ],
)
def test_biased_policies_that_win(policy, call, flags, why):
    text = say(setting(policy, 1.0), setting("truncated", 1.8))
    assert text.startswith(f"Take {call} in chunks of 10 ({flags}) for")
    assert why in text and "biased by 60%" in text


def test_rates_are_told_as_they_were():
    text = say(setting("synthetic", 1.0, learning_rate=0.003, synthetic_rate=0.02))
    assert "(--policy=synthetic --chunk=10 --synthetic_rate=0.02 --learning_rate=0.003)" in text


def test_a_random_policy_with_a_window_of_its_own():
    text = say(setting("random:0.2:4", 1.0, window=4))
    assert text.startswith("Take RandomTruncation(0.2, window=4)")
    assert "--window=4 --cut=0.2" in text


class TestReach:
    def test_it_has_faded(self):
        text = say(setting("exact", 1.0), reach=((0, 1.0), (5, 0.02), (8, 0.009), (13, 0.001)))
        assert text.endswith("faded to below 1% of its size 8 steps back.")

    def test_it_has_not(self):
        text = say(setting("exact", 1.0), reach=((0, 1.0), (5, 0.5)))
        assert text.endswith("steps back is 0.5 times that at the state before it.")


def test_a_budget_is_told_in_words():
    assert str(Budget(1.5, 20, 700)) == "1.5 s of training, 20 optimiser steps, 700 MiB"
    assert str(Budget()) == "no limit"
