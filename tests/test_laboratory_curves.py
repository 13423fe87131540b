"""laboratory.curves, processes, stretch and measure: real data and models, in small."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry.dataset import DataOptions
from tgcarry.errors import DataError, LogError, RunError
from tgcarry.laboratory.asked import read_policies
from tgcarry.laboratory.compare import Question
from tgcarry.laboratory.curves import Trial, run_trial
from tgcarry.laboratory.measure import Plan, measure_gradients, window_for
from tgcarry.laboratory.processes import run_in_process, serve
from tgcarry.laboratory.recommend import Budget
from tgcarry.laboratory.stretch import open_stretch, to_stretch
from tgcarry.laboratory.subject import Described
from tgcarry.options import TrainOptions

DATA = DataOptions(data="recall", sequence=6, sequences=20, batch=4, chunk=3)
OPTIONS = TrainOptions(
    data=DATA, units=(3,), policy="truncated", learning_rate=0.01, steps=4, engine="loop"
)


class TestTrial:
    def test_notes_the_loss_on_the_way(self):
        found = run_trial(Trial("truncated", OPTIONS, points=2, held_chunk=6))
        assert [p["step"] for p in found["points"]] == [0, 2, 4]
        assert [p["chunks"] for p in found["points"]] == [0, 2, 4]
        assert found["steps"] == found["chunks"] == 4
        assert found["time_steps"] == 4 * 3 * 4
        assert found["failed"] is None
        seconds = [p["seconds"] for p in found["points"]]
        assert seconds[0] == 0 and seconds == sorted(seconds) and seconds[-1] <= found["seconds"]
        assert found["points"][0]["loss"] == pytest.approx(np.log(4), abs=0.3)
        assert found["peak_mib"] > 100 and found["grown_mib"] >= 0

    def test_the_clock_ends_it_too(self):
        trial = Trial("truncated", replace(OPTIONS, steps=None), seconds=0.02, points=1)
        found = run_trial(trial)
        assert found["seconds"] >= 0.02 and found["steps"] >= 1
        assert found["points"][-1]["step"] == found["steps"]

    def test_numbers_gone_bad_end_it(self):
        """A first step as large as float32 can hold makes the second loss infinite."""
        wild = replace(OPTIONS, optimizer="sgd", learning_rate=1e38, clip_norm=None)
        found = run_trial(Trial("truncated", wild, points=4))
        assert "lower the learning rate" in found["failed"] and "\n" not in found["failed"]
        assert json.dumps(found, allow_nan=False)

    def test_needs_a_budget_and_something_held_out(self):
        with pytest.raises(RunError, match="neither seconds nor steps"):
            run_trial(Trial("truncated", replace(OPTIONS, steps=None)))
        bare = replace(OPTIONS, data=replace(DATA, validation=0.0))
        with pytest.raises(DataError, match="held out"):
            run_trial(Trial("truncated", bare))

    def test_goes_through_json(self):
        data = replace(DATA, features=("a", "b"))
        trial = Trial("exact:2", replace(OPTIONS, data=data, units=(3, 2)), 1.5, 7, 9)
        assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


class TestProcesses:
    TRIAL = Trial("truncated", OPTIONS)

    def served(self, tmp_path, code):
        """Runs another program in the place of the one that trains."""
        return [sys.executable, "-c", code], tmp_path / "runs" / "one.json"

    def test_a_result_is_taken_up_again(self, tmp_path):
        code = (
            "import json, sys; path = sys.argv[1]; held = json.load(open(path)); "
            "held['result'] = {'steps': 4}; json.dump(held, open(path, 'w'))"
        )
        command, path = self.served(tmp_path, code)
        assert run_in_process(self.TRIAL, command, path) == {"steps": 4}
        fails = [sys.executable, "-c", "raise SystemExit('no')"]
        assert run_in_process(self.TRIAL, fails, path) == {"steps": 4}
        with pytest.raises(RunError, match="one: no"):
            run_in_process(replace(self.TRIAL, seconds=9.0), fails, path)

    def test_a_failure_is_its_last_line(self, tmp_path):
        command, path = self.served(tmp_path, "import sys; sys.exit('first\\nlast')")
        with pytest.raises(RunError, match=r"^one: last$"):
            run_in_process(self.TRIAL, command, path)
        command, _ = self.served(tmp_path, "raise SystemExit(3)")
        with pytest.raises(RunError, match="exit code 3"):
            run_in_process(self.TRIAL, command, path)

    def test_serving_needs_a_trial(self, tmp_path):
        (tmp_path / "bad.json").write_text("{}")
        for name in ("bad.json", "missing.json"):
            with pytest.raises(LogError, match="no trial"):
                serve(tmp_path / name)


class TestStretch:
    def test_sequences_scored_at_their_end_are_taken_whole(self):
        stretch = open_stretch(DATA, 0)
        assert stretch.steps == 6 and stretch.lengths.tolist() == [6] * 4
        assert stretch.arrays["weight"].sum(0).tolist() == [0, 0, 0, 0, 0, 4]

    def test_of_other_data_four_chunks(self, tmp_path):
        np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=(400, 2)))
        options = DataOptions(data=str(tmp_path / "x.npy"), batch=3, chunk=5)
        stretch = open_stretch(options, 0)
        assert stretch.arrays["x"].shape == (3, 20, 2)
        assert (stretch.arrays["weight"] == 1).all()
        assert open_stretch(options, 7).steps == 7

    def test_a_cut_that_leaves_nothing_scored_is_refused(self):
        with pytest.raises(DataError, match="longer --stretch"):
            open_stretch(DATA, 4)

    def test_padding_is_not_scored(self):
        arrays = {"x": np.ones((2, 4, 1), np.float32)}
        (chunk,) = tgc.split_chunks(arrays, 4, lengths=[4, 2])
        stretch = to_stretch(chunk)
        assert stretch.arrays["weight"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
        parts = stretch.chunks([1, 2, 1])
        assert [part.lengths.tolist() for part in parts] == [[1, 1], [2, 1], [1, 0]]


def test_windows_cover_the_stretch():
    assert [window_for(20, n) for n in (1, 6, 10, 20, 30)] == [20, 4, 2, 1, 1]


@pytest.mark.slow
def test_gradients_before_and_after_some_training():
    plan = Plan(
        read_policies(["truncated", "stale", "exact", "synthetic"]),
        (2, 3),
        chunkings=6,
        steps=3,
        lessons=40,
    )
    start, trained = measure_gradients(Described(OPTIONS), open_stretch(DATA, 0), plan)
    assert (start.weights, start.steps) == ("start", 0)
    assert (trained.weights, trained.steps) == ("trained", 3)
    assert trained.loss != start.loss
    for at in (start, trained):
        found = {(m.policy, m.chunk): m for m in at.settings}
        assert len(found) == 8
        for chunk in (2, 3):
            truncated, exact = found["truncated", chunk], found["exact", chunk]
            assert exact.carried.bias < 1e-5 < 1e-2 < truncated.carried.bias
            # The only loss is at the end: nothing earlier is there to be carried on.
            assert found["stale", chunk].carried == truncated.carried
            # A predictor that has learnt makes another gradient of it.
            assert found["synthetic", chunk].carried.bias != truncated.carried.bias
            blocks = truncated.blocks
            assert len(blocks) == 6 and any(b.bias < 1e-6 for b in blocks.values()), "the head"
        assert found["truncated", 3].carried.bias < found["truncated", 2].carried.bias
        assert [lag for lag, _ in at.reach] == [0, 1, 2, 3, 4, 5]


class TestQuestion:
    PLAN = Plan(read_policies(["exact"]), (5, 10))

    @pytest.mark.parametrize(
        ("changes", "fact"),
        [
            ({"budget": Budget()}, "no budget"),
            ({"rates": ()}, "learning_rates"),
            ({"rates": (0.1, 0.1)}, "each once"),
            ({"plan": PLAN._replace(lengths=(0,))}, r"chunks \[0\]"),
            ({"plan": PLAN._replace(chunkings=0)}, "chunkings 0"),
            ({"plan": PLAN._replace(steps=-1)}, "warm_steps -1"),
            ({"points": 0}, "points 0"),
            ({"stretch": -1}, "stretch -1"),
        ],
    )
    def test_refuses_what_cannot_be_asked(self, changes, fact):
        values = {"options": OPTIONS, "plan": self.PLAN, "budget": Budget(steps=3), **changes}
        with pytest.raises(RunError, match=fact):
            Question(**values)
