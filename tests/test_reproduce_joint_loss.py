"""The joint loss's script: as a program, and its numbers against TensorFlow 1.15.5's own."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scripts_run

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
SCRIPT = "reproduce_joint_loss.py"
NAMES = ("embedding_matrix", "output1", "output2")
TOLERANCE = 1e-6


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load(ROOT / "scripts" / SCRIPT)
rule = load(GOLDEN / "make_joint_loss_tf115.py")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "joint_loss_tf115.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def train():
    weights, *data = rule.numbers()
    sizes = (rule.VOCABULARY, rule.WIDTH, *rule.CLASSES)
    return script.train_jointly(script.Data(*data), sizes, weights=weights)


def relative(got, wanted):
    return script.relative([np.asarray(got)], [np.asarray(wanted)])


class TestAgainstTF115:
    def test_names_and_counts(self, golden):
        got = train()
        assert [name.split("'")[1] for name in got.params] == [f"{n}:0" for n in golden["names"]]
        assert got.counts == golden["counts"].tolist()

    def test_losses_and_gradients(self, golden):
        got = train()
        assert relative(got.losses, golden["losses"]) <= TOLERANCE
        for number in (1, 2):
            wanted = golden[f"partition/{number}"]
            assert relative(got.partition[0][number - 1], wanted) <= TOLERANCE
        assert relative(got.by_sum, golden["sum/2"]) <= TOLERANCE
        assert relative(got.by_product, golden["product/2"]) <= TOLERANCE
        assert relative(got.by_rows, golden["rows/product/2"]) <= TOLERANCE
        for name, gradient in zip(NAMES, got.naive, strict=True):
            assert relative(gradient, golden[f"naive/{name}"]) <= TOLERANCE

    def test_values_after_each_epoch(self, golden):
        got = train()
        for epoch in (1, 2):
            for name, value in zip(NAMES, got.values[epoch], strict=True):
                assert relative(value, golden[f"epoch{epoch}/{name}"]) <= TOLERANCE
            assert got.values[epoch][0].tobytes() == golden[f"epoch{epoch}/{NAMES[0]}"].tobytes()

    def test_the_norms_of_the_flow(self, golden):
        got = train()
        wanted = [np.linalg.norm(np.float64(golden[f"naive/{name}"])) for name in NAMES]
        assert got.flow.norms[2] == pytest.approx(wanted, rel=TOLERANCE)
        own = [np.linalg.norm(np.float64(golden[f"partition/{n}"])) for n in (1, 2)]
        assert got.partition_flow.norms[[0, 1], [1, 2]] == pytest.approx(own, rel=TOLERANCE)

    def test_the_worked_constants(self, golden):
        for number, value in enumerate(script.work_out(), start=1):
            assert value.tolist() == golden[f"worked/{number}"].tolist()

    def test_the_file_is_small(self):
        assert (GOLDEN / "joint_loss_tf115.npz").stat().st_size < 50_000


class TestByHand:
    def test_adams_steps_stay_below_the_bound(self, rng):
        for count in (1, 2, 5):
            gradients = list(rng.normal(size=(count, 20_000)))
            largest = np.abs(script.adam_steps(gradients, 1.0)[-1]).max()
            assert largest <= script.largest_step(count)

    def test_the_bound_is_attained(self):
        # By gradients in proportion to beta1^k / beta2^k, k steps ago.
        ago = np.arange(3)[::-1]
        gradients = list((script.BETA1 / script.BETA2) ** ago)
        step = script.adam_steps([np.array([g]) for g in gradients], 1.0)[-1]
        assert np.abs(step[0]) == pytest.approx(script.largest_step(3), rel=1e-6)

    def test_ids_have_rows(self, rng):
        data = script.draw_data(rng, 1000, (5, 3, 4, 5))
        assert set(data.ids) <= set(range(5)) and len(set(data.ids)) >= 4
        assert data.labels1.max() == 3 and data.labels2.max() == 4


def checks_in(output):
    return [line for line in output.splitlines() if line.startswith(("ok ", "FAIL "))]


@pytest.mark.slow
def test_as_a_program(tmp_path):
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("draws pictures")
    out = tmp_path / "deep" / "pictures"
    (tmp_path / "file").write_text("")
    others = ["--vocabulary=20", "--width=6", "--classes1=3", "--classes2=7", "--batch=40"]
    done = scripts_run.run_many(
        SCRIPT,
        {
            "as it is": [f"--out={out}"],
            "others": [*others, "--epochs=4", "--learning_rate=0.1", "--seed=9", f"--out={out}"],
            "exact": ["--tolerance_scale=0", f"--out={out}"],
            "flag": ["--batch=0"],
            "folder": [f"--out={tmp_path / 'file'}"],
        },
        tmp_path,
    )
    first = done["as it is"]
    assert first.code == 0, first
    assert first.out.endswith("all checks passed\n") and first.err == ""
    assert first.out.splitlines()[2:4] == ["1", "2"]
    assert first.out.count("embedding_matrix value:") == 2
    assert len(checks_in(first.out)) == 26
    assert sorted(path.name for path in out.iterdir()) == ["naive.png", "partition.png"]
    assert done["others"].code == 0, done["others"]
    assert done["exact"].code == 1 and "FAIL " in done["exact"].out
    assert done["flag"].code != 0 and "--batch=0" in done["flag"].err
    scripts_run.check_refused(done["folder"], SCRIPT, "--out=", "cannot be made")
