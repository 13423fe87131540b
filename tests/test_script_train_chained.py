"""scripts/train_chained.py, as a user runs it."""

import json

import pytest
from scripts_run import check_refused, run_many

pytestmark = pytest.mark.slow

TINY = [
    *("--outer_units=12", "--inner_units=12", "--embedding=6", "--batch=4", "--chunk=6"),
    *("--max_word=8", "--engine=loop"),
]
GOOD = {
    "carry": ["--sample=12", "--epochs=2"],
    "again": ["--sample=12", "--epochs=2", "--nocompare"],
    "reset": [
        *("--inner_state=reset", "--policy=exact", "--window=3", "--limit=1500"),
        *("--seed=1", "--nocompare"),
    ],
}
# name -> flags, what the line must hold
BAD = {
    "missing": (["--text=/nowhere/at/all.txt"], ["/nowhere/at/all.txt", "topics, stdlib"]),
    "folder": (["--text=/"], ["directory"]),
    "empty": (["--text=empty.txt"], ["empty.txt", "empty"]),
    "latin": (["--text=latin.txt"], ["latin.txt", "line 1", "UTF-8", "0xe9"]),
    "word": (["--text=word.txt"], ["word.txt", "a single word"]),
    "batch": (["--batch=5000"], ["5000", "fox.txt", "--batch"]),
    "batch_0": (["--batch=0"], ["batch 0"]),
    "chunk": (["--chunk=0"], ["chunk 0"]),
    "max_word": (["--max_word=0"], ["longest word 0"]),
    "validation": (["--validation=0"], ["share of 0"]),
    "units": (["--inner_units=0"], ["inner_units 0"]),
    "rate": (["--learning_rate=nan"], ["learning_rate nan"]),
    "policy": (["--policy=zz"], ["policy", "zz", "truncated"]),
    "inner_state": (["--inner_state=zz"], ["inner_state", "zz", "carry"]),
    "window": (["--policy=exact", "--window=-1"], ["window", "-1"]),
    "decay": (["--policy=stale", "--decay=2"], ["decay", "2"]),
    "epochs": (["--epochs=0"], ["epochs 0"]),
    "sample": (["--sample=-1"], ["sample -1"]),
    "limit": (["--limit=1"], ["limit 1"]),
    "argument": (["bogus"], ["bogus"]),
    "proc": (["--logdir=/proc/run"], ["/proc/run", "cannot be written"]),
    "in_use": (["--logdir=carry"], ["carry", "holds a run", "--overwrite"]),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("chained")
    fox = "the quick brown fox jumps over  the lazy internationalisation dog\n"
    (place / "fox.txt").write_text(fox * 30)
    (place / "word.txt").write_text("short\n")
    (place / "empty.txt").write_bytes(b"")
    (place / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 300)
    return place


@pytest.fixture(scope="module")
def results(place):
    """Runs everything, one after another, in one interpreter."""

    def located(flags):
        for flag in flags:
            name, _, value = flag.partition("=")
            inside = name == "--logdir" or (value and (place / value).is_file())
            yield f"{name}={place / value}" if inside else flag

    cases = {
        name: [*TINY, f"--text={place / 'fox.txt'}", f"--logdir={place / name}", *located(flags)]
        for name, flags in {**GOOD, **{f"bad_{n}": flags for n, (flags, _) in BAD.items()}}.items()
    }
    return run_many("train_chained.py", cases, place / "outputs")


@pytest.mark.parametrize("name", list(GOOD))
def test_it_trains_and_leaves_its_results(results, place, name):
    assert results[name].code == 0, results[name]
    assert results[name].err == ""
    found = json.loads((place / name / "result.json").read_text())
    names = ["chained", "characters"] if name == "carry" else ["chained"]
    assert list(found["models"]) == names
    for model, figures in found["models"].items():
        assert json.loads((place / name / model / "summary.json").read_text()) == figures
        lines = (place / name / model / "metrics.jsonl").read_text().splitlines()
        held = [line for line in map(json.loads, lines) if line["kind"] == "validation"]
        assert held[0]["characters"] == 0 and held[-1]["characters"] == figures["characters"]
        assert held[-1]["loss"] == figures["validation"]["loss"] < held[0]["loss"]
    assert (place / name / "validation.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_both_models_are_of_one_size_and_read_the_same(results, place):
    models = json.loads((place / "carry" / "result.json").read_text())["models"]
    chained, plain = models["chained"], models["characters"]
    assert plain["parameters"] == pytest.approx(chained["parameters"], rel=0.02)
    assert plain["characters"] == chained["characters"]
    assert plain["steps"] == chained["steps"]


def test_the_table_and_the_sentence_say_what_came_out(results, place):
    out = results["carry"].out
    models = json.loads((place / "carry" / "result.json").read_text())["models"]
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.split()}
    for name, figures in models.items():
        assert rows[name][1] == str(figures["parameters"])
        assert rows[name][4] == f"{figures['validation']['loss']:.4f}"
        assert rows[name][5] == f"{figures['validation']['perplexity']:.3f}"
    losses = {name: figures["validation"]["loss"] for name, figures in models.items()}
    ahead = "chained" if losses["chained"] < losses["characters"] else "plain character"
    assert f"the {ahead} model is ahead by" in out
    assert "ahead" not in results["reset"].out


def test_it_writes_words(results, place):
    text = json.loads((place / "carry" / "result.json").read_text())["sample"]
    assert text and set(text) <= set((place / "fox.txt").read_text())
    assert text in results["carry"].out
    assert json.loads((place / "reset" / "result.json").read_text())["sample"] is None


def test_the_same_seed_gives_the_same_run(results, place):
    def told(name):
        found = json.loads((place / name / "result.json").read_text())
        figures = found["models"]["chained"]
        del figures["characters_per_second"], figures["training_seconds"]
        return figures, found["sample"]

    assert told("carry") == told("again")


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_one_line_and_a_failure(results, place, name):
    check_refused(results[f"bad_{name}"], "train_chained.py", *BAD[name][1])
    assert not (place / f"bad_{name}").exists()
