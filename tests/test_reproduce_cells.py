"""The script on the cells: as a program, and that each of its checks can fail."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scripts_run
import tensorflow.compat.v1 as tf

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "scripts" / "reproduce_cells.py"
# What the post shows as its results.
PRINTED = {
    "BasicRNNCell": "(3, 2)\n(6, 4)\n(4,)\n(3, 4)\n(3, 4)\n(3, 4)\n",
    "BasicLSTMCell": "(3, 2)\n(3, 4)\n(3, 4)\n(6, 16)\n(16,)\n(3, 4)\n(3, 4)\n(3, 4)\n",
    "GRUCell": "(3, 2)\n(3, 4)\n(6, 8)\n(8,)\n(6, 4)\n(4,)\n(3, 4)\n(3, 4)\n",
}
CASES = {
    "default": [],
    "sizes": ["--batch_size=5", "--input_dim=3", "--output_dim=7", "--seed=4"],
    "least": ["--batch_size=1", "--input_dim=1", "--output_dim=1"],
    "gru": ["--cell=gru"],
    "strict": ["--cell=lstm", "--tolerance_scale=0"],
    "bad size": ["--output_dim=0"],
    "bad cell": ["--cell=elman"],
    "stray": ["everything"],
}


def load():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return scripts_run.run_many(SCRIPT.name, CASES, tmp_path_factory.mktemp("cells"))


def checks_in(output):
    return [line for line in output.splitlines() if line.startswith(("ok ", "FAIL "))]


def test_prints_what_the_post_prints(runs):
    done = runs["default"]
    assert done.code == 0, done.out + done.err
    for name, shapes in PRINTED.items():
        assert f"\n{name}\n{shapes}ok    " in done.out
    assert done.err == ""
    lines = checks_in(done.out)
    assert all(line.startswith("ok    ") for line in lines)
    assert len(lines) == 3 * 12 + 1 + 11
    assert sum("shapes as in the post" in line for line in lines) == 3
    assert done.out.endswith("all checks passed\n")


@pytest.mark.parametrize("name", ["sizes", "least", "gru"])
def test_other_sizes_and_one_cell(name, runs):
    done = runs[name]
    assert done.code == 0, done.out + done.err
    assert done.out.endswith("all checks passed\n")
    assert ("BasicRNNCell" in done.out) == (name != "gru")
    assert ("shapes as in the post" in done.out) == (name == "gru")


def test_a_broken_tolerance_fails(runs):
    done = runs["strict"]
    failed = [line for line in checks_in(done.out) if line.startswith("FAIL ")]
    assert done.code == 1
    assert len(failed) >= 4
    assert done.out.endswith(f"{len(failed)} checks failed\n")


@pytest.mark.parametrize(
    ("name", "fact"),
    [("bad size", "--output_dim=0"), ("bad cell", "--cell=elman"), ("stray", "'everything'")],
)
def test_a_bad_flag_is_one_line(name, fact, runs):
    scripts_run.check_refused(runs[name], SCRIPT.name, fact)
    assert runs[name].out == ""


def test_not_a_number_fails_every_check(capsys):
    checks = script.Checks()
    checks.at_most("error", float("nan"), 1.0)
    checks.above("difference", float("nan"), 1.0)
    assert checks.failures == 2
    assert capsys.readouterr().out.count("FAIL ") == 2


@pytest.mark.parametrize("name", script.CELLS)
def test_a_wrong_equation_would_be_seen(name, monkeypatch, capsys):
    """Swaps two gates, or the rows of x and h, in what the cell is held against."""
    true_cell = script.reference.Cell

    def wrong(kind, params):
        return true_cell(kind, {k: v[::-1] for k, v in params.items()})

    monkeypatch.setattr(script.reference, "Cell", wrong)
    checks = script.Checks()
    script.show_cell(checks, name, 3, 2, 4, 1)
    assert checks.failures == 8
    assert "shapes as in the post: " in capsys.readouterr().out


def test_a_wrong_bound_would_be_seen(monkeypatch):
    kinds = [script.RECURRENCES[0]._replace(slope=0.9), script.RECURRENCES[4]._replace(slope=0.1)]
    monkeypatch.setattr(script, "RECURRENCES", kinds)
    checks = script.Checks()
    script.show_jacobians(checks, 2, 4, 0)
    assert checks.failures == 2


def test_the_jacobian_is_the_textbook_s():
    """dh_t / dh_0 for one tanh step is diag(1 - h_1^2) Wh^T."""
    done = script.walk(script.RECURRENCES[4], 2, 4, 1, 0)
    h = np.tanh(np.concatenate([done.xs[0], done.start], 1) @ done.params["kernel"])
    wanted = np.diag(1 - h[0] ** 2) @ done.params["kernel"][2:].T
    assert np.allclose(done.products[0], wanted, rtol=0, atol=1e-15)
    assert tf.float64 in script.EQUAL
