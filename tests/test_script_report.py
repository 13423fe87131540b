"""scripts/report.py, as a user runs it."""

import shutil

import pytest
from log_folders import SUMMARY, write_run
from scripts_run import SMALL, check_refused, run_many, snapshot
from test_pages import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Trains one small run and sets others beside it."""
    place = tmp_path_factory.mktemp("report")
    flags = [*SMALL, "--data=series", "--steps=3", f"--logdir={place / 'trained'}"]
    (result,) = run_many("train.py", {"trained": flags}, place / "training").values()
    assert result.code == 0, result.err
    shutil.copytree(place / "trained", place / "unfinished")
    (place / "unfinished" / "summary.json").unlink()
    with (place / "unfinished" / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')
    write_run(place / "<script>alert(1)", summary=SUMMARY)
    write_run(place / "damaged")
    (place / "damaged" / "config.json").write_text("{")
    return place


RUNS = ["trained", "unfinished", "<script>alert(1)"]
CASES = {
    "one": (["@trained"], "one.html"),
    "several": ([f"@{name}" for name in RUNS], "several.html"),
    "damaged": (["@trained", "@damaged"], "damaged.html"),
    "nowhere": (["@nowhere"], "nowhere.html"),
    "no_folder": (["@trained"], "missing/page.html"),
    "none": ([], "none.html"),
    "flag": (["@trained", "--bogus=1"], "flag.html"),
}


@pytest.fixture(scope="module")
def results(place):
    """Runs all of CASES in one interpreter."""
    before = {name: snapshot(place / name) for name in [*RUNS, "damaged"]}
    cases = {
        name: [
            *(str(place / flag[1:]) if flag.startswith("@") else flag for flag in flags),
            f"--output={place / output}",
        ]
        for name, (flags, output) in CASES.items()
    }
    found = run_many("report.py", cases, place / "results")
    assert before == {name: snapshot(place / name) for name in before}, "reporting wrote"
    return found


@pytest.mark.parametrize(("name", "runs"), [("one", RUNS[:1]), ("several", RUNS)])
def test_a_page_shows_its_runs(results, place, name, runs):
    result, path = results[name], place / CASES[name][1]
    assert (result.code, result.err) == (0, "")
    assert result.out == f"page: {path}\n"
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    header, *rows = page.tables[0]
    assert [row[0].strip() for row in rows] == [str(place / run) for run in runs]
    finished = [row[header.index("state")] == "finished" for row in rows]
    assert finished == [run != "unfinished" for run in runs]
    assert "<script" not in text and "http" not in text
    assert all(float(row[header.index("validation loss")]) > 0 for row in rows)
    assert all(line for line in page.lines[: len(runs)])


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("damaged", ["damaged/config.json"]),
        ("nowhere", ["nowhere", "no such folder"]),
        ("no_folder", ["missing/page.html", "cannot be written"]),
        ("none", ["logdir"]),
        ("flag", ["--bogus"]),
    ],
)
def test_what_cannot_be_done_is_one_line(results, place, name, facts):
    check_refused(results[name], "report.py", *facts)
    assert not (place / CASES[name][1]).exists()
