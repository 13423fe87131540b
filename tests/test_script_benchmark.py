"""Checks the benchmark's arithmetic, its workers' gradients, and the command as a user runs it."""

import ast
import json

import numpy as np
import pytest
from benchmark_peers import gru_after, picture, report, results, tgcarry_worker
from benchmark_peers.cases import CASES, CELLS, USUAL, flops, make_arrays, of_layer, weight_shapes
from benchmark_peers.figures import geometric_mean, ratio, round_medians, spread
from benchmark_peers.layouts import gradients_from_torch, to_torch
from benchmark_peers.measure import Settings, measure_case
from benchmark_peers.peers import Row, rows_for
from benchmark_peers.process import BenchmarkError, PeerError, PeerMissing, Worker
from benchmark_peers.truth import HOPELESS, deviation, true_gradients
from benchmark_peers.work import WEIGHTS, Work, work_from
from scripts_run import ROOT, check_refused, run, run_many

from tgcarry import reference

SCRIPT = "benchmark.py"
PEERS = ROOT / "scripts" / "benchmark_peers"
TOLERANCE = 2e-5


# Figures.


def test_operations_are_three_passes_of_every_layers_products():
    work = CASES["stack"].work("gru")
    layers = 3 * 64 * (200 + 64) + 3 * 32 * (64 + 32)
    assert flops(work) == 3 * 2 * 100 * 34 * layers
    assert flops(work._replace(cell="lstm")) * 3 == flops(work) * 4
    assert flops(work._replace(cell="rnn")) * 3 == flops(work)


def test_a_ratio_is_taken_round_by_round():
    # The second round is twice as slow for both, and leaves the ratio as it is.
    assert ratio([[3.0, 3.0, 9.0], [6.0]], [[1.0], [2.0]]) == (3.0, 3.0, 3.0)
    assert round_medians([[1.0, 5.0, 2.0], [4.0]]) == [2.0, 4.0]
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == (3.0, 2.0, 4.0)
    with pytest.raises(ValueError):
        ratio([[1.0]], [[1.0], [1.0]])


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one():
    assert geometric_mean([4.0, 0.25]) == pytest.approx(1.0)


# The opponents' weights.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def layer_of(cell, seed=3):
    work = Work(cell, 2, 5, 3, (4,), 0)
    arrays = make_arrays(work, seed)
    weights = {name: np.float64(arrays[f"layer0/{name}"]) for name in WEIGHTS[cell]}
    return work, arrays, weights


def test_pytorch_lstm_is_tensorflows(rng):
    _, arrays, weights = layer_of("lstm")
    w = to_torch("lstm", weights, 3)
    x, c, h = arrays["x"][:, 0], arrays["layer0/initial/c"], arrays["layer0/initial/h"]
    # As torch.nn.LSTM's documentation has it.
    i, f, g, o = np.split(x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T, 4, axis=1)
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h_new = sigmoid(o) * np.tanh(c_new)
    _, (wanted_c, wanted_h), _ = reference.lstm_step(weights, x, (c, h))
    np.testing.assert_allclose(c_new, wanted_c, rtol=1e-12)
    np.testing.assert_allclose(h_new, wanted_h, rtol=1e-12)


def test_pytorch_rnn_is_tensorflows():
    _, arrays, weights = layer_of("rnn")
    w = to_torch("rnn", weights, 3)
    x, h = arrays["x"][:, 0], arrays["layer0/initial/h"]
    h_new = np.tanh(x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T)
    np.testing.assert_allclose(h_new, reference.rnn_step(weights, x, h)[0], rtol=1e-12)


def test_pytorch_gru_is_the_written_variant():
    _, arrays, weights = layer_of("gru")
    w = to_torch("gru", weights, 3)
    x, h = arrays["x"][:, 0], np.float64(arrays["layer0/initial/h"])
    # As torch.nn.GRU's documentation has it.
    z_r, z_z, z_n = np.split(x @ w["weight_ih"].T + w["bias_ih"], 3, axis=1)
    y_r, y_z, y_n = np.split(h @ w["weight_hh"].T, 3, axis=1)
    r, z = sigmoid(z_r + y_r), sigmoid(z_z + y_z)
    h_new = (1 - z) * np.tanh(z_n + r * y_n) + z * h
    outputs, _, _ = gru_after.forward([weights], x[:, None], [h])
    np.testing.assert_allclose(outputs[:, 0], h_new, rtol=1e-12)
    other = reference.gru_step(weights, x, h)[0]
    assert np.max(np.abs(outputs[:, 0] - other)) > 1e-3, "the two variants differ"


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_come_back_to_where_the_weights_came_from(cell):
    _, _, weights = layer_of(cell)
    moved = to_torch(cell, weights, 3)
    back = gradients_from_torch(cell, moved)
    forget = to_torch(cell, {k: np.zeros_like(v) for k, v in weights.items()}, 3)
    added = gradients_from_torch(cell, forget)
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_allclose(back[name] - added[name], value, atol=1e-12)


def test_the_written_variants_gradients_are_its_slopes(rng):
    work = Work("gru", 2, 4, 3, (4, 3), 0)
    arrays = {name: np.float64(value) for name, value in make_arrays(work, 3).items()}
    grads = true_gradients(work, arrays, reset_after=True)
    direction = {name: rng.normal(size=arrays[name].shape) for name in work.gradient_names()}

    def loss(step):
        moved = {name: arrays[name] + step * direction[name] for name in direction}
        return float(true_gradients(work, {**arrays, **moved}, reset_after=True)["loss"])

    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    inner = sum(float((grads[name] * direction[name]).sum()) for name in direction)
    assert slope == pytest.approx(inner, rel=1e-7)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("after", [False, True])
def test_the_truth_of_a_cut_sequence_is_that_of_the_whole_one(cell, after):
    cut = CASES["tinylong"].work(cell)
    arrays = make_arrays(cut, 4)
    whole = cut._replace(chunk=cut.steps)
    wanted = true_gradients(whole, arrays, after)
    assert deviation(true_gradients(cut, arrays, after), wanted).error < 1e-12


def test_a_gradient_that_is_missing_misshapen_or_no_number_is_found():
    true = {"loss": np.ones(()), "w": np.array([1.0, -4.0])}
    assert deviation({"w": np.array([1.0, -4.1])}, true) == (pytest.approx(0.025), "w")
    assert deviation({}, true).error == HOPELESS
    assert deviation({"w": np.ones(3)}, true).error == HOPELESS
    assert deviation({"w": np.array([1.0, np.nan])}, true).error == HOPELESS


# Workers.


def gradients_of(worker, case, cell, options):
    work = CASES[case].work(cell)
    arrays = make_arrays(work, 2)
    assert arrays.keys() >= weight_shapes(work).keys()
    prepared = worker.prepare(work_from(json.loads(json.dumps(work._asdict()))), arrays, options)
    prepared.run()
    return work, arrays, prepared.gradients()


MODES = [("tiny", "whole"), ("tinylong", "whole"), ("tinylong", "cut")]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("case", "mode"), MODES)
def test_tgcarrys_gradients_are_the_true_ones(cell, case, mode):
    options = {"engine": "stock", "mode": "sweep" if mode == "cut" else mode}
    work, arrays, found = gradients_of(tgcarry_worker, case, cell, options)
    assert deviation(found, true_gradients(work, arrays, False)).error < TOLERANCE
    assert float(found["loss"]) == pytest.approx(
        float(true_gradients(work, arrays, False)["loss"]), rel=1e-4
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("case", "mode"), MODES)
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_opponents_gradients_are_the_true_ones(framework, cell, case, mode):
    pytest.importorskip(framework)
    from benchmark_peers import jax_worker, torch_worker

    worker = {"torch": torch_worker, "jax": jax_worker}[framework]
    options = {"mode": "checkpoint" if mode == "cut" else mode, "unroll": 2}
    work, arrays, found = gradients_of(worker, case, cell, options)
    truth = true_gradients(work, arrays, framework == "torch")
    assert deviation(found, truth).error < TOLERANCE


@pytest.mark.parametrize("name", ["__init__", "serve", "work", "tf_graph", "tf1_worker"])
def test_what_tensorflow_115_reads_is_python_37_and_not_tgcarrys(name):
    tree = ast.parse((PEERS / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] != "tgcarry"
        if isinstance(node, ast.Call):
            assert "strict" not in {keyword.arg for keyword in node.keywords}


def test_rows_of_a_case():
    whole = [row.key for row in rows_for(CASES["wide"], ["auto"], ["stock", "jax"], None, "")]
    assert whole == ["auto-whole", "stock-whole", "jax-whole"]
    keys = [row.key for row in rows_for(CASES["long"], ["auto"], ["torch"], "py", "1MiB")]
    assert keys == ["auto-sweep", "auto-budget", "auto-whole", "torch-checkpoint", "torch-whole"]
    million = rows_for(CASES["million"], ["auto", "stock"], ["stock", "tf1"], "py", "")
    assert [row.key for row in million] == ["auto-sweep", "stock-sweep"]
    assert set(USUAL) == {name for name, case in CASES.items() if case.batch > 0} - {
        "long",
        "million",
        "tiny",
        "tinylong",
    }


def test_names_of_a_layer():
    work = CASES["stack"].work("gru")
    assert of_layer(work.weight_names(), 1)["gates/bias"] == "layer1/gates/bias"


# Tables.


def fake_row(key, ratio, **changes):
    row = {
        "key": key,
        "label": key,
        "option": {},
        "seconds": [[0.01]],
        "median": 0.01,
        "ratio": {"median": ratio, "low": ratio, "high": ratio},
        "gflops": 50.0,
        "compile": 0.0,
        "first_result": 1.0,
        "peak_memory": 2**20,
        "error": 1e-6,
        "worst": "x",
        "reset_after": False,
        "versions": {"numpy": "1"},
    }
    return {**row, **changes}


def fake_results(*cases):
    listed = [
        {
            "cell": "gru",
            "case": f"case{n}",
            "title": "1x1x1, 1",
            "work": {"chunk": 0, "steps": 1},
            "skipped": {},
            "rows": rows,
        }
        for n, rows in enumerate(cases)
    ]
    machine = {"cpu": "c", "cores": 2, "memory_gib": 1.0, "system": "s", "python": "3"}
    return {
        "version": results.VERSION,
        "machine": machine,
        "settings": {"rounds": 1, "seconds": 1.0, "seed": 1},
        "gemm": {"tensorflow": 100.0, "numpy": 90.0},
        "skipped": [],
        "failed": [],
        "results": listed,
    }


def test_the_mean_is_over_cases_that_have_the_row():
    fake = fake_results(
        [fake_row("a", 1.0), fake_row("b", 4.0), fake_row("c", 2.0)],
        [fake_row("a", 1.0), fake_row("b", 1.0)],
    )
    assert results.means(fake, "gru") == {"a": 1.0, "b": pytest.approx(2.0)}
    header, rows = report.ratio_table(fake, "gru")
    assert header[1:] == ["case0", "case1", "mean"]
    assert rows == [
        ["a", "1.00", "1.00", "1.00"],
        ["b", "4.00", "1.00", "2.00"],
        ["c", "2.00", "", ""],
    ]


def test_figures_that_cannot_be_true_are_named():
    good = fake_results([fake_row("a", 1.0)])
    assert results.problems(good) == []
    fast = results.problems(fake_results([fake_row("a", 1.0, gflops=101.0)]))
    assert len(fast) == 1 and "101 GFLOP/s is above the machine's 100" in fast[0]
    failed = results.problems({**good, "failed": ["gru tiny: no"]})
    assert failed == ["gru tiny: no"]
    off = results.problems(fake_results([fake_row("a", 1.0, error=HOPELESS)]))
    assert len(off) == 1 and "the gradient of x is off" in off[0]


def test_a_page_keeps_what_is_not_between_its_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put_between_markers(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    report.put_between_markers(tmp_path / "none.md", "new")
    assert (tmp_path / "none.md").read_text() == f"{report.BEGIN}\nnew\n{report.END}\n"
    page.write_text("by hand\n")
    with pytest.raises(ValueError, match="no lines"):
        report.put_between_markers(page, "new")
    assert page.read_text() == "by hand\n"


def test_the_documentation_has_the_markers():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_two_measurements_are_joined():
    one, two = fake_results([fake_row("a", 1.0)]), fake_results([fake_row("a", 1.0)] * 2)
    two["results"][0]["cell"] = "lstm"
    two["gemm"] = {"tensorflow": 90.0, "numpy": 95.0}
    joined = results.joined(one, two)
    assert [result["cell"] for result in joined["results"]] == ["gru", "lstm"]
    assert joined["gemm"] == {"tensorflow": 100.0, "numpy": 95.0}
    again = results.joined(joined, two)
    assert len(again["results"]) == 2, "the later one replaces the earlier"


@pytest.mark.parametrize(
    ("part", "name", "value"), [("machine", "cpu", "another"), ("settings", "seed", 8)]
)
def test_measurements_of_different_things_are_not_joined(part, name, value):
    one, two = fake_results([fake_row("a", 1.0)]), fake_results([fake_row("a", 1.0)])
    two[part] = {**two[part], name: value}
    with pytest.raises(ValueError, match=f"{part} is .*{value}.*show it alone"):
        results.joined(one, two)


def test_rounds_are_those_of_the_rows():
    fake = fake_results([fake_row("a", 1.0)], [fake_row("a", 1.0)])
    fake["results"][0]["rows"][0]["seconds"] = [[1.0]] * 3
    fake["results"][1]["rows"][0]["seconds"] = [[1.0]] * 7
    assert results.rounds_of(fake) == "3 to 7 rounds"
    fake["results"].pop()
    assert results.rounds_of(fake) == "3 rounds"


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    cases = [[fake_row("a", 1.0), fake_row("b", 30.0)], [fake_row("a", 1.0)]]
    fake = fake_results(*cases)
    fake["results"][1]["work"]["chunk"] = 5
    picture.draw(fake, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


# The command.


def test_without_its_first_row_a_case_is_not_measured(tmp_path):
    said = []
    settings = Settings(rounds=1, seconds=0.01, seed=1, timeout=60, say=said.append)
    rows = [Row(key, key, "no_such_worker", {}) for key in ("first", "second")]
    with pytest.raises(BenchmarkError, match="nothing to compare with: first: exit code 1"):
        measure_case("gru", "tiny", rows, settings, tmp_path)
    assert len(said) == 1, "the others are not tried"


def test_a_worker_that_dies_says_why():
    with pytest.raises(PeerError, match=r"row: exit code 1: .*No module named"):
        Worker(Row("key", "row", "no_such_worker", {}), timeout=60)


def test_a_worker_whose_interpreter_is_missing_is_skipped(tmp_path):
    with pytest.raises(PeerMissing, match="row: No such file"):
        Worker(Row("key", "row", "tf1_worker", {}, python=str(tmp_path / "python")), timeout=60)


@pytest.fixture
def without(tmp_path, monkeypatch):
    """Hides packages from the processes started: they raise as if they were not installed."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def hide(*names):
        for name in names:
            text = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n"
            (folder / f"{name}.py").write_text(text)

    return hide


@pytest.mark.slow
def test_the_command_measures_and_skips_what_is_missing(tmp_path, without):
    without("torch", "matplotlib")
    figures, page = tmp_path / "new" / "figures.json", tmp_path / "page.md"
    done = run(
        SCRIPT,
        "--cases=tiny",
        "--rounds=2",
        "--seconds=0.01",
        "--peers=stock,tf1,torch",
        f"--tf1_python={tmp_path / 'python3.7'}",
        f"--json={figures}",
        f"--markdown={page}",
        f"--plot={tmp_path / 'plot.png'}",
    )
    assert done.code == 0, done.err
    assert done.err == ""
    assert "skipping TensorFlow 1.15: the interpreter of --tf1_python does not" in done.out
    assert "skipping torch.nn: No module named 'torch'" in done.out
    assert "skipping the plot: No module named 'matplotlib'" in done.out
    assert not (tmp_path / "plot.png").exists()
    check_figures(json.loads(figures.read_text(encoding="utf-8")))
    table = [line for line in done.out.splitlines() if line.startswith("tgcarry auto")]
    assert len(table) == 2, "one of the ratios, one of the case"
    assert "1.00" in table[0]
    assert page.read_text(encoding="utf-8").count("| tgcarry auto |") == 2
    assert str(tmp_path) not in page.read_text(encoding="utf-8")
    check_shown(figures, tmp_path, done.out)


def check_figures(read):
    assert set(read) == {
        "version",
        "machine",
        "settings",
        "gemm",
        "skipped",
        "failed",
        "results",
        "geometric_means",
    }
    (result,) = read["results"]
    assert result["flops"] == flops(CASES["tiny"].work("gru"))
    assert set(result["skipped"]) == {"torch-whole"}
    assert [row["key"] for row in result["rows"]] == ["auto-whole", "stock-whole"]
    for row in result["rows"]:
        assert [len(calls) > 0 for calls in row["seconds"]] == [True, True]
        assert 0 < row["median"] <= row["first_call"] < row["first_result"]
        assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
        assert row["error"] < TOLERANCE
        assert row["peak_memory"] is None or row["peak_memory"] > 2**24
        assert 0 < row["gflops"] < max(read["gemm"].values())
    assert result["rows"][0]["ratio"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert read["geometric_means"]["gru"]["auto-whole"] == 1.0


def check_shown(figures, tmp_path, measured):
    shown = run_many(
        SCRIPT,
        {
            "again": [f"--show={figures}"],
            "wrong": [f"--show={figures}", "--cases=tiny", "--cells=tree"],
            "none": [f"--show={tmp_path / 'none.json'}"],
        },
        tmp_path,
    )
    assert shown["again"].code == 0, shown["again"].err
    assert shown["again"].out.strip() in measured
    check_refused(shown["wrong"], SCRIPT, "cells", "gru, lstm, rnn")
    check_refused(shown["none"], SCRIPT, "none.json")


def test_wrong_flags_are_one_line(tmp_path):
    done = run_many(
        SCRIPT,
        {
            "case": ["--cases=tiny,enormous"],
            "engine": ["--engines=warp"],
            "no engine": ["--engines="],
            "peer": ["--peers=abacus"],
            "rounds": ["--rounds=0"],
            "flag": ["--no_such_flag"],
            "argument": ["tiny"],
        },
        tmp_path,
    )
    check_refused(done["case"], SCRIPT, "cases", "narrow")
    check_refused(done["engine"], SCRIPT, "engines", "stock")
    check_refused(done["no engine"], SCRIPT, "engines")
    check_refused(done["peer"], SCRIPT, "peers", "torch")
    check_refused(done["rounds"], SCRIPT, "rounds")
    check_refused(done["flag"], SCRIPT, "no_such_flag")
    check_refused(done["argument"], SCRIPT, "'tiny'")


def test_a_worker_that_does_not_answer_ends_the_measurement():
    done = run(SCRIPT, "--cases=tiny", "--peers=", "--rounds=1", "--timeout=0.05")
    check_refused(done, SCRIPT, "no answer within 0.05 s")
