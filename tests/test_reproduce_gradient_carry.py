"""The reproduction script: as a program, and its numbers against TensorFlow 1.15.5's own."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import models
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "reproduce_gradient_carry.py"
GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {tf.float32: 1e-6, tf.float64: 1e-10}
SHAPES = ["264x128", "128", "264x64", "64", "96x64", "64", "96x32", "32", "32x3", "3"]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load(SCRIPT)
rule = load(GOLDEN / "make_gradient_carry_tf115.py")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "gradient_carry_tf115.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def run(*arguments):
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def checks_in(output):
    return [line for line in output.splitlines() if line.startswith(("ok ", "FAIL "))]


def listed_shapes(output):
    lists = re.findall(r"^v Tensor\(.* shape=\(([\d, ]*)\)", output, re.MULTILINE)
    return ["x".join(re.findall(r"\d+", shape)) for shape in lists]


def relative(got, wanted):
    return models.relative([np.asarray(got)], [np.asarray(wanted)])


def check_digest(arrays, sums, norms, tolerance):
    """Compares sums and norms, relative to the norms.

    By Cauchy and Schwarz the entries of an array of n add up to at most sqrt(n) norms; a sum
    relative to itself would measure cancellation (a softmax's gradients add up to zero).
    """
    arrays = [np.asarray(array, np.float64) for array in arrays]
    roots = np.sqrt([array.size for array in arrays])
    error = np.abs([array.sum() for array in arrays] - sums) / (norms * roots)
    assert error.max() <= tolerance
    assert np.max(np.abs([np.linalg.norm(a) for a in arrays] - norms) / norms) <= tolerance


@pytest.mark.slow
def test_runs_as_a_program():
    done = run("--batch=3", "--steps=20", "--sequence=60", "--chunk_steps=7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed_shapes(done.stdout) == SHAPES * 4  # parts a and b, in two precisions
    lines = checks_in(done.stdout)
    assert [line for line in lines if not line.startswith("ok    ")] == []
    for dtype, in_a, in_b, in_c in [("float32", 6, 4, 3), ("float64", 6, 5, 3)]:
        for part, count in [("a", in_a), ("b", in_b), ("c", in_c)]:
            assert sum(line.startswith(f"ok    {part} {dtype} ") for line in lines) == count
    assert all(re.search(r"\((at most|above) [^)]+\)$", x) or "shapes" in x for x in lines)
    assert done.stdout.endswith("all checks passed\n")


def test_a_broken_tolerance_fails():
    done = run("--part=c", "--dtype=float32", "--sequence=60", "--tolerance_scale=0")
    assert done.returncode == 1
    failed = [line for line in checks_in(done.stdout) if line.startswith("FAIL ")]
    assert len(failed) >= 1
    assert "(at most 0)" in failed[0]
    assert done.stdout.endswith(f"{len(failed)} checks failed\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "named"),
    [("--batch=0", "--batch"), ("--part=d", "--part"), ("--sequence=7", "--sequence")],
)
def test_a_bad_flag_is_named(argument, named):
    done = run(argument)
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    assert f"flag {named}={argument.split('=')[1]}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_stray_argument_is_refused():
    done = run("everything")
    assert done.returncode == 2
    assert "unknown argument 'everything'" in done.stderr


def test_not_a_number_fails_every_check(capsys):
    checks = script.Checks()
    checks.at_most("error", float("nan"), 1.0)
    checks.above("difference", float("nan"), 1.0)
    assert checks.failures == 2
    assert capsys.readouterr().out.count("FAIL ") == 2


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda d: d.name)
def test_the_question_as_on_tf115(dtype, golden):
    weights, x, labels, state = rule.a_numbers()
    got = script.ask_question(dtype, x, labels, state, weights=weights)
    tolerance, prefix = TOLERANCE[dtype], f"a/{dtype.name}"
    wanted = {k[len(prefix) + 1 :]: v for k, v in golden.items() if k.startswith(prefix)}

    assert got.names == golden["a/names"].tolist()
    assert ["x".join(map(str, shape)) for shape in got.shapes] == golden["a/shapes"].tolist()
    assert relative(got.losses, wanted["loss"]) <= tolerance
    assert relative(got.final_states, wanted["final_state"]) <= tolerance
    for batch in (0, 1):
        own = got.own[batch]
        assert relative(own[-1], wanted["state_grad"][batch]) <= tolerance
        check_digest(own[:-1], wanted["sums"][batch], wanted["norms"][batch], tolerance)
    ours = {
        "exact": got.unbroken,
        "carried": got.policies["ExactSweep"],
        "stale": got.wish,
    }
    for name, arrays in ours.items():
        assert relative(arrays[-1], wanted[f"{name}/state_grad"]) <= tolerance
        check_digest(arrays[:-1], wanted[f"{name}/sums"], wanted[f"{name}/norms"], tolerance)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda d: d.name)
def test_the_first_answer_as_on_tf115(dtype, golden):
    weights, x, labels, _ = rule.a_numbers()
    ones = [np.ones((rule.BATCH, size)) for size in rule.SIZES]
    upstreams = [ones, rule.b_upstream()]
    got = script.give_first_answer(dtype, x[0], labels[0], upstreams, ones, weights=weights)
    tolerance, prefix = TOLERANCE[dtype], f"b/{dtype.name}"

    assert got.names == golden["b/names"].tolist()
    assert ["x".join(map(str, s)) for s in got.shapes] == golden["b/gradient_shapes"].tolist()
    assert relative(got.loss, golden[f"{prefix}/loss"]) <= tolerance
    check_digest(got.own, golden[f"{prefix}/sums"], golden[f"{prefix}/norms"], tolerance)
    for pair, suffix in zip(got.carried, ("", "_random"), strict=True):
        for layer, array in enumerate(pair, start=1):
            assert relative(array, golden[f"{prefix}/grad{layer}{suffix}"]) <= tolerance


# Entries in float32: one rounding for each of the 1000 steps that they are summed over, as
# the script has it. Their sum cancels to a fraction of the largest entry: on TensorFlow 1.15
# itself the two sums of one run differ by 3.5e-5, so that 1e-3 is what can be asked of them.
@pytest.mark.parametrize(
    ("prefix", "drawn", "dtype", "entries", "sums"),
    [
        ("c/float32", "c/float32", tf.float32, script.assembled_bar(tf.float32, 1000), 1e-3),
        ("c/float64", "c/float64", tf.float64, 1e-10, 1e-10),
        ("c/mixed", "c/float32", tf.float64, 1e-10, 1e-10),
    ],
)
def test_the_second_answer_as_on_tf115(prefix, drawn, dtype, entries, sums, golden):
    weights = [golden[f"{drawn}/value/{name}"] for name in golden["c/names"]]
    got = script.give_second_answer(dtype, 1000, weights=weights)
    assert got.names == golden["c/names"].tolist()
    assert got.shapes == [[1, 1000, 1], [1, 500, 1], [1, 500, 1]]
    assert relative(got.losses, golden[f"{prefix}/losses"]) <= min(entries, 1e-6)
    assert relative(got.carried, golden[f"{prefix}/grads1"]) <= entries
    for array, name in [(got.assembled, "t1"), (got.whole, "t2")]:
        assert relative(array, golden[f"{prefix}/{name}"][0]) <= entries
        place = int(name[1]) - 1
        assert np.sum(array) == pytest.approx(golden[f"{prefix}/sums"][place], rel=sums)
        assert np.mean(array) == pytest.approx(golden[f"{prefix}/means"][place], rel=sums)
    assert relative(got.assembled, got.whole) <= entries


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda d: d.name)
def test_a_shared_cell_over_uneven_chunks(dtype):
    carried, unbroken = script.share_a_cell(dtype, sequence=100, chunk_steps=30)
    assert models.relative(carried, unbroken) <= script.EQUAL[dtype]


def test_a_lost_carry_would_be_seen(monkeypatch):
    monkeypatch.setattr(script.tgc, "ExactSweep", script.tgc.Truncated)
    carried, unbroken = script.share_a_cell(tf.float64, sequence=100, chunk_steps=25)
    assert models.relative(carried, unbroken) > script.DIFFERENT
