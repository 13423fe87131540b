"""The chained models' script: as a program, and its parts against one another."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scripts_run

ROOT = Path(__file__).parents[1]
SCRIPT = "reproduce_chained.py"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load(ROOT / "scripts" / SCRIPT)


def drawn(steps, units=3, batch=2):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(batch, len(steps), units))
    slope = rng.normal(size=(len(steps), max(steps), batch, units))
    return x, steps, script.weights_of(units, rng), slope


def both(run):
    return [run.outputs], run.gradients


class TestTheLoopsOfThePost:
    def test_one_array_or_many_makes_no_difference(self):
        given = drawn([2, 1, 3])
        one, many = (script.chain_by_hand(*given, "carry", one_array=o) for o in (True, False))
        ours = script.chain(*given, "carry")
        for got, other, own in zip(both(one), both(many), both(ours), strict=True):
            assert script.relative(got, other) <= script.EQUAL
            assert script.relative(own, other) <= script.EQUAL

    def test_the_state_does(self):
        given = drawn([1] * 3)
        carry, reset = (
            script.chain_by_hand(*given, mode, one_array=True) for mode in ("carry", "reset")
        )
        for got, other in zip(both(carry), both(reset), strict=True):
            assert script.relative(got, other) > script.DIFFERENT


class TestTheExpectedMarks:
    @pytest.mark.parametrize(
        ("way", "wanted"),
        [
            ("carried", ["#..#.#.##", "##.#.#.##", "#########"]),
            ("reset", ["#..#.#.#.", "##.#.#.#.", "..#.####."]),
            ("cut off", ["#.......#", "##......#", "###.....#"]),
        ],
    )
    def test_of_three_steps(self, way, wanted):
        assert script.expected([2, 1], way) == wanted


class Wrong:
    """Is a flow in which an entry differs from the expected ones."""

    crossings = ("Out[0][0] of stream 0 depends on x[0] of stream 1",)

    def marks(self, sample):
        return ["#.#.#.##", ".#######"]


def test_a_wrong_entry_is_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(script.tgc, "chain_flow", lambda *args, **options: Wrong())
    monkeypatch.setattr(script, "WAYS", {"carried": {}})
    checks = script.Checks()
    script.look(checks, np.zeros((1, 2, 1)), [1, 1], seed=0)
    assert checks.failures == 2
    assert "wrong entries of 1 x 2 rows: 1 (not 0)" in capsys.readouterr().out


def checks_in(output):
    return [line for line in output.splitlines() if line.startswith(("ok ", "FAIL "))]


@pytest.mark.slow
def test_as_a_program(tmp_path):
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("draws pictures")
    out = tmp_path / "deep" / "pictures"
    (tmp_path / "file").write_text("")
    small = ["--units=2", "--batch=1", "--ones=2"]
    done = scripts_run.run_many(
        SCRIPT,
        {
            "as it is": [f"--out={out}"],
            "exact": [*small, "--steps=1,2", "--tolerance_scale=0", f"--out={tmp_path}"],
            "steps": ["--steps=3,x"],
            "zero": ["--steps=3,0,2"],
            "folder": [f"--out={tmp_path / 'file'}"],
        },
        tmp_path,
    )
    first = done["as it is"]
    assert first.code == 0, first
    assert first.out.endswith("all checks passed\n") and first.err == ""
    assert first.out.splitlines()[1].startswith("outputs (3, 4, 2, 4), 0-padded")
    assert len(checks_in(first.out)) == 33
    assert first.out.count("nothing flows between streams") == 6
    assert "Out[2][0]  . . .   . . . .  # .     . . #  # # #  # .\n" in first.out
    assert sorted(path.name for path in out.iterdir()) == ["ones.png", "steps.png"]
    assert done["exact"].code == 1 and "FAIL " in done["exact"].out
    for name in ("steps", "zero"):
        assert done[name].code == 2 and "give 2 to 8 numbers" in done[name].err
    scripts_run.check_refused(done["folder"], SCRIPT, "--out=", "cannot be made")
