"""scripts/evaluate.py, as a user runs it."""

import json
import shutil

import pytest
from scripts_run import SMALL, check_refused, run, run_many, snapshot, write_data

pytestmark = pytest.mark.slow

TRAINED = {
    "text": [*SMALL, "--data=text.txt", "--steps=6", "--eval_every=4"],
    "npy": [*SMALL, "--data=x.npy", "--steps=3"],
    "csv": [*SMALL, "--data=good.csv", "--stream=id", "--target=b", "--steps=3"],
    "classes": [*SMALL, "--data=good.csv", "--target=id", "--task=classification", "--steps=3"],
    "records": [*SMALL, "--data=records.tfrecord", "--batch=3"],
    "series": [*SMALL, "--data=series", "--steps=3", "--units=3,4", "--cell=lstm"],
    "regimes": [*SMALL, "--data=regimes", "--steps=1"],
    "recall": [*SMALL, "--data=recall", "--sequences=3", "--sequence=30"],
    "nothing_held": [*SMALL, "--data=series", "--steps=2", "--validation=0"],
}
SAMPLE = ["--sample=200", "--prime=the ", "--temperature=0.7"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Trains all of TRAINED in one interpreter, and damages copies of one."""
    place = tmp_path_factory.mktemp("evaluate")
    data = write_data(place / "data")
    cases = {}
    for name, flags in TRAINED.items():
        files = [f"--data={data / f[7:]}" if (data / f[7:]).is_file() else f for f in flags]
        cases[name] = [*files, f"--logdir={place / name}"]
    for name, result in run_many("train.py", cases, place / "outputs").items():
        assert result.code == 0, (name, result.err)
    _damage(place)
    return place


def _damage(place):
    def copy(name):
        shutil.copytree(place / "text", place / name)
        return place / name

    def cut(path, keep):
        path.write_bytes(path.read_bytes()[:keep])

    data = sorted(copy("cut_newest").glob("checkpoints/*/*.data*"))
    assert [path.parent.name[-2:] for path in data] == ["02", "04", "06"]
    cut(data[-1], 60)
    cut(next(copy("cut_index").glob("checkpoints/*06/*.index")), 40)
    flipped = next(copy("flipped").glob("checkpoints/*06/*.data*"))
    raw = bytearray(flipped.read_bytes())
    raw[len(raw) // 2] ^= 255
    flipped.write_bytes(raw)
    for path in copy("cut_all").glob("checkpoints/*/*.data*"):
        cut(path, 60)
    shutil.rmtree(copy("no_checkpoint") / "checkpoints")
    cut(copy("config_cut") / "config.json", 200)
    (copy("config_list") / "config.json").write_text("[]")
    (copy("config_empty") / "config.json").write_text("{}")
    (copy("config_bytes") / "config.json").write_bytes(b"\xff\xfe\x00")
    changes = {
        "config_units": lambda config: config["model"].update(units="abc"),
        "config_other_units": lambda config: config["model"].update(units=[9]),
        "config_seed": lambda config: config["model"].update(seed="q"),
        "config_scale": lambda config: config.update(scale={"mean": 3, "std": 4}),
        "config_vocabulary": lambda config: config.update(vocabulary=5),
    }
    for name, change in changes.items():
        path = copy(name) / "config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))


GOOD = {
    **{name: ["@" + name] for name in TRAINED if name != "nothing_held"},
    "sample": ["@text", *SAMPLE],
    "sample_seed": ["@text", *SAMPLE, "--seed=1"],
    "own_file": ["@text", "--data=text.txt", "--batch=2"],
    "own_csv": ["@csv", "--data=good.csv"],
    "no_held_own": ["@classes", "--data=good.csv"],
    "cut_newest": ["@cut_newest"],
    "cut_index": ["@cut_index"],
    "flipped": ["@flipped"],
}
BAD = {
    "width": (["@npy", "--data=five.npy"], ["five.npy", "5", "3"]),
    "wide_csv": (["@csv", "--data=wide.csv"], ["wide.csv"]),
    "kind": (["@npy", "--data=text.txt"], ["text.txt", "characters", "regression"]),
    "unknown": (
        ["@text", "--data=unknown.txt"],
        ["unknown.txt", "line 21", "column 5", "'€'", "vocabulary"],
    ),
    "nan": (["@npy", "--data=nan.npy"], ["'x'", "nan", "chunk", "stream", "step", "column 1"]),
    "batch": (["@text", "--data=text.txt", "--batch=99999"], ["99999", "text.txt", "--batch"]),
    "batch_negative": (["@text", "--data=text.txt", "--batch=-2"], ["batch", "-2"]),
    "missing_file": (["@text", "--data=/nowhere.txt"], ["/nowhere.txt"]),
    "missing_folder": (["@nowhere"], ["nowhere", "no such file"]),
    "nothing_held": (["@nothing_held"], ["nothing_held", "--data"]),
    "cut_all": (["@cut_all"], ["cut_all/checkpoints", "step-0000000006", "step-0000000002"]),
    "no_checkpoint": (["@no_checkpoint"], ["no_checkpoint/checkpoints", "there is no checkpoint"]),
    "config_cut": (["@config_cut"], ["config_cut/config.json"]),
    "config_list": (["@config_list"], ["config_list/config.json"]),
    "config_empty": (["@config_empty"], ["config_empty/config.json", "options"]),
    "config_bytes": (["@config_bytes"], ["config_bytes/config.json"]),
    "config_units": (["@config_units"], ["units", "abc"]),
    "config_other_units": (["@config_other_units"], ["config_other_units"]),
    "config_seed": (["@config_seed"], ["seed"]),
    "config_scale": (["@config_scale"], ["config_scale/config.json"]),
    "config_vocabulary": (["@config_vocabulary"], ["config_vocabulary/config.json"]),
    "sample_numbers": (["@npy", "--sample=5"], ["characters", "regression"]),
    "prime": (["@text", "--sample=5", "--prime=ab€"], ["column 3", "'€'"]),
    "prime_empty": (["@text", "--sample=5", "--prime="], ["prime"]),
    "temperature_0": (["@text", "--sample=5", "--temperature=0"], ["temperature"]),
    "temperature_nan": (["@text", "--sample=5", "--temperature=nan"], ["temperature"]),
    "sample_negative": (["@text", "--sample=-5"], ["-5"]),
    "seed_negative": (["@text", "--sample=5", "--seed=-1"], ["seed", "-1"]),
    "unknown_flag": (["@text", "--bogus"], ["bogus"]),
    "argument": (["@text", "bogus"], ["bogus"]),
}


@pytest.fixture(scope="module")
def results(place):
    """Runs all of GOOD and BAD in one interpreter."""

    def located(flag):
        if flag.startswith("@"):
            return f"--logdir={place / flag[1:]}"
        file = place / "data" / flag.removeprefix("--data=")
        return f"--data={file}" if flag.startswith("--data=") and file.is_file() else flag

    before = {name: snapshot(place / name) for name in TRAINED}
    cases = {
        n: [*map(located, f)]
        for n, f in {**GOOD, **{n: f for n, (f, _) in BAD.items()}}.items()
        if n not in BAD
    } | {"bad " + n: [*map(located, f)] for n, (f, _) in BAD.items()}
    found = run_many("evaluate.py", cases, place / "results")
    assert before == {name: snapshot(place / name) for name in TRAINED}, "evaluating wrote"
    return found


def figures(result):
    """Reads the table that the script prints."""
    assert result.code == 0, result.err
    assert result.err == ""
    rows = {}
    for line in result.out.splitlines()[2:]:
        if not line:
            break
        name, value = line.split()
        rows[name] = float(value)
    return rows


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "nothing_held"])
def test_the_held_out_data_give_the_loss_of_the_summary(results, place, name):
    summary = json.loads((place / name / "summary.json").read_text())
    shown = figures(results[name])
    assert shown["step"] == summary["steps"]
    for figure, value in summary["validation"].items():
        assert shown[figure] == pytest.approx(value, rel=1e-5, abs=1e-5), figure


def test_a_process_of_its_own_says_the_same(results, place):
    result = run("evaluate.py", f"--logdir={place / 'text'}", *SAMPLE)
    assert result == results["sample"]
    assert figures(result) == figures(results["text"])


class TestSampling:
    def text(self, result):
        return result.out.split("\n\n", 1)[1].removesuffix("\n")

    def test_writes_on_from_the_prime(self, results):
        text = self.text(results["sample"])
        assert text.startswith("the ")
        assert len(text) == 4 + 200

    def test_writes_known_characters_only(self, results, place):
        config = json.loads((place / "text" / "config.json").read_text())
        assert set(self.text(results["sample"])) <= set(config["vocabulary"])

    def test_another_seed_writes_something_else(self, results):
        assert self.text(results["sample"]) != self.text(results["sample_seed"])


class TestAFileOfOnesOwn:
    def test_is_read_whole(self, results):
        assert figures(results["own_file"])["time_steps"] == 44 * 50 - 2  # Of 2 equal streams.
        assert figures(results["own_csv"])["time_steps"] == 400

    def test_classes_keep_the_numbers_of_training(self, results):
        assert figures(results["no_held_own"])["time_steps"] == 400


@pytest.mark.parametrize("name", ["cut_newest", "cut_index", "flipped"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(results, place, name):
    assert figures(results[name])["step"] == 4
    lines = (place / "text" / "metrics.jsonl").read_text().splitlines()
    held = [json.loads(line) for line in lines]
    (then,) = [line for line in held if line["kind"] == "validation" and line["step"] == 4]
    assert figures(results[name])["loss"] == pytest.approx(then["loss"], rel=1e-5)


class TestBadInput:
    @pytest.mark.parametrize("name", list(BAD))
    def test_is_one_line_and_a_failure(self, results, name):
        check_refused(results["bad " + name], "evaluate.py", *BAD[name][1])

    def test_damaged_checkpoints_are_called_that(self, results):
        line = results["bad cut_all"].err
        assert "Graph execution error" not in line
        assert "train first" not in line, "it was trained"

    def test_in_a_process_of_its_own(self, place):
        result = run("evaluate.py", f"--logdir={place / 'cut_all'}")
        check_refused(result, "evaluate.py", "cut_all/checkpoints", "step-0000000006")
        assert result.code == 1
        assert result.out == ""
