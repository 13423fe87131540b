"""Runs the carry laboratory as a user does, in small."""

import json

import pytest
from scripts_run import check_refused, run, run_many, write_data
from test_laboratory_own import MODEL

SMALL = [
    *("--units=4", "--batch=4", "--embedding=4", "--chunkings=4", "--warm_steps=4"),
    *("--engine=loop", "--points=2"),
]


@pytest.mark.slow
def test_a_comparison_leaves_tables_figures_picture_and_advice(tmp_path):
    flags = [
        *("--data=recall", "--sequence=6", "--sequences=10", "--chunks=3,2", "--steps=6"),
        *("--policies=truncated,exact", "--lessons=20", "--learning_rates=0.01"),
        *(*SMALL, f"--out={tmp_path}"),
    ]
    done = run("compare_policies.py", *flags, timeout=580)
    assert done.code == 0, done.err
    assert done.err == ""
    values = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert [at["weights"] for at in values["gradients"]] == ["start", "trained"]
    for at in values["gradients"]:
        found = {(s["policy"], s["chunk"]): s for s in at["settings"]}
        assert len(found) == 4
        for chunk in (2, 3):
            assert found["exact", chunk]["bias"] < 1e-5
            assert found["truncated", chunk]["bias"] > 1e-2
    assert [(t["policy"], t["chunk"]) for t in values["training"]] == [
        (policy, chunk) for chunk in (3, 2) for policy in ("truncated", "exact")
    ]
    # The same first weights and the same held-out data for all of one seed.
    firsts = {t["result"]["points"][0]["loss"] for t in values["training"]}
    assert max(firsts) - min(firsts) < 1e-6
    assert all(t["result"]["steps"] == 6 for t in values["training"])
    assert values["recommendation"] and values["recommendation"][-1] in done.out
    assert "| truncated | 2 |" in (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "trainings").iterdir()}
    again = run("compare_policies.py", *flags, timeout=580)
    assert again.code == 0, again.err
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "trainings").iterdir()}


@pytest.mark.slow
def test_a_users_csv_by_the_clock(tmp_path):
    write_data(tmp_path)
    done = run(
        "compare_policies.py",
        f"--data={tmp_path}/good.csv",
        *("--target=a", "--features=b", "--stream=id", "--chunks=5", "--seconds=0.1"),
        *("--policies=synthetic:0.1", "--lessons=5", "--learning_rates=0.01,0.02"),
        *("--synthetic_rate=0.03", f"--model={_own_model(tmp_path)}:build"),
        *(*SMALL, f"--out={tmp_path}/out"),
        timeout=580,
    )
    assert done.code == 0, done.err
    values = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert all(t["result"]["seconds"] >= 0.1 for t in values["training"])
    assert values["stretch"] == 20
    rates = [t["learning_rate"] for t in (*values["training"], *values["other_learning_rates"])]
    assert sorted(rates) == [0.01, 0.02]
    (trial, _) = [json.loads(p.read_text()) for p in (tmp_path / "out/trainings").iterdir()]
    assert trial["trial"]["options"]["synthetic_rate"] == 0.03
    assert trial["trial"]["options"]["trunk"] == 0.1
    blocks = values["gradients"][0]["settings"][0]["blocks"]
    assert any("cell_1/basic_rnn_cell" in name for name in blocks)


def _own_model(folder):
    """Writes a model of two kinds of cells, which no flag describes."""
    path = folder / "my_model.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


@pytest.mark.slow
def test_bad_input_is_one_line(tmp_path):
    write_data(tmp_path)
    out = f"--out={tmp_path}/out"
    cases = {
        "policy": (["--policies=bptt"], ["bptt", "truncated"]),
        "twice": (["--policies=exact,exact"], ["exact", "twice"]),
        "range": (["--policies=random:1.5"], ["1.5"]),
        "chunk": (["--chunks=0"], ["chunks [0]"]),
        "number": (["--chunks=five"], ["chunks five"]),
        "rate": (["--learning_rates=fast"], ["learning_rates fast"]),
        "budget": (["--steps=0"], ["--seconds or --steps"]),
        "data": (["--data=nowhere.csv"], ["nowhere.csv"]),
        "cell": ([f"--data={tmp_path}/cell.csv", "--stream=id"], ["cell.csv", "hello"]),
        "held": (["--validation=0"], ["held out"]),
        "stretch": (["--stretch=3"], ["3 steps", "--stretch"]),
        "units": (["--units=0"], ["units"]),
        "model": (["--model=missing.py:build"], ["missing.py", "my_model.py:build"]),
        "synthetic_rate": (["--synthetic_rate=-1"], ["synthetic_rate -1"]),
        "folder": ([f"--out={tmp_path}/good.csv"], ["good.csv", "cannot be made"]),
    }
    commands = {
        name: [out, "--steps=3", "--sequence=6", *flags] for name, (flags, _) in cases.items()
    }
    found = run_many("compare_policies.py", commands, tmp_path / "many")
    for name, (_, facts) in cases.items():
        check_refused(found[name], "compare_policies.py", *facts)
