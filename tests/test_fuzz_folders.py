"""Log folders: whatever lies in one, what reads it says a right thing or one line."""

import contextlib
import functools
import io
import json
import math
import os
import sys

import log_folders
import pytest
from fuzzing import (
    edited,
    edits,
    examples,
    folder,
    in_time,
    json_values,
    odd_paths,
    outcome,
    replaced,
    replacements,
)
from hypothesis import example, given
from hypothesis import strategies as st
from scripts_run import ROOT, check_refused, run_many

from tgcarry import logs
from tgcarry.data.scale import Scale
from tgcarry.dataset import open_dataset
from tgcarry.errors import TgcarryError
from tgcarry.evaluation import read_trained
from tgcarry.model import ModelSpec
from tgcarry.pages import read_runs, write_page

pytestmark = pytest.mark.slow

ATTEMPTS = [
    {"event": "start", "time": 1e9, "pid": 1, "host": "a", "step": 0, "chunks": 0},
    {"event": "end", "time": 1e9, "step": 2, "chunks": 4, "reason": "failed", "message": "why"},
    {"event": "start", "time": 1e9, "pid": 2, "host": "a", "step": 1, "chunks": 2},
]
TRAINED = {
    **log_folders.CONFIG,
    "options": {
        **log_folders.CONFIG["options"],
        "data": {
            **{"data": "recall", "format": None, "target": None, "features": ["a", "b"]},
            **{"stream": None, "task": None, "batch": 2, "chunk": 5, "validation": 0.5, "seed": 1},
            **{"limit_bytes": None, "sequence": 9, "sequences": 3},
        },
    },
    "model": {"kind": "regression", "inputs": 2, "outputs": 1, "scored": 3.5, "units": [4, 3]},
    "vocabulary": ["a", "b"],
    "classes": ["no", "yes"],
    "scale": {"mean": {"x": [0.5, 1.0]}, "std": {"x": [1.0, 2.0]}},
}
FILES = {
    "config.json": json.dumps(TRAINED),
    "metrics.jsonl": "".join(json.dumps(line) + "\n" for line in log_folders.LINES),
    "summary.json": json.dumps(log_folders.SUMMARY),
    ".lock": json.dumps({"pid": 1, "host": "a", "boot": "b", "started": 3}),
    "attempts.jsonl": "".join(json.dumps(line) + "\n" for line in ATTEMPTS),
}


def write_run(here, name=None, raw=b"", without=()):
    """Writes a run's folder, one of its files with other bytes."""
    run = here / "run"
    (run / "checkpoints" / "step-0000000012").mkdir(parents=True)
    (run / "checkpoints" / "step-0000000012" / "manifest.json").write_bytes(b"")
    for each, text in FILES.items():
        if each not in without:
            (run / each).write_bytes(raw if each == name else text.encode())
    return run


@functools.cache
def status_main():
    """Loads scripts/status.py as it is executed."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import status

    return status.main


def check_status(run):
    """Runs scripts/status.py's main on a folder, and checks what it prints."""
    for flags in ([], ["--json"]):
        out, err = io.StringIO(), io.StringIO()
        argv, sys.argv = sys.argv, ["status.py", str(run), *flags]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), in_time():
                code = status_main()()
        finally:
            sys.argv = argv
        lines = err.getvalue().splitlines()
        assert (code, len(lines)) in ((0, 0), (1, 1)), (code, lines)
        assert all(line.startswith("status.py: ") and str(run) in line for line in lines)
        assert flags == [] or len(json.loads(out.getvalue())) == 1
        assert flags or (code == 0) == out.getvalue().startswith(f"{run}: ")


def check_folder(run):
    """Has everything that reads a log folder read one."""
    outcome(lambda: logs.read_config(run), run)
    outcome(lambda: logs.read_summary(run), run)
    outcome(lambda: logs.read_run(run), run)
    for kind in ("train", "validation"):
        outcome(lambda kind=kind: logs.read_metrics(run, kind), run)
    trained = outcome(lambda: read_trained(run), run)
    if trained is not None:
        assert isinstance(trained.spec, ModelSpec)
        assert isinstance(trained.scale, Scale | None)
    check_status(run)
    page = run.parent / "page.html"
    runs = outcome(lambda: read_runs([run]), run)
    if runs is not None:
        outcome(lambda: write_page(runs, page))
        assert page.read_text(encoding="utf-8").endswith("</html>\n")


_JSON = st.sampled_from(
    [
        *(
            b"",
            b"{}",
            b"[]",
            b"null",
            b"NaN",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"{" * 9,
            b"\x00",
        ),
        *(b'{"a": ' + b"9" * 1_000_000 + b"}", b'{"a": 1e999999}', b"\xff\xfe{\x00}\x00"),
        *(b'\xef\xbb\xbf{"a": 1}', b'{"a": "\\ud800"}', b'{"\\ud800": 1}', b'{"a": NaN, "a": 1}'),
        *(b"{}\r{}\r{}", b"{}\n\n{}\n", b"{}\x85{}", "{}\u2028{}".encode(), b"\n" * 1000, b"{}{}"),
        *(b'{"a": "' + b"x" * 1_000_000, b'{"pid": true, "host": "vm"}', b"\xed\xa0\x80"),
    ]
)


@examples(100)
@given(st.sampled_from([*FILES]), _JSON | st.binary(max_size=50))
@example(".lock", b"[" * 100_000)
@example("config.json", b"[" * 100_000)
@example("metrics.jsonl", b"[" * 100_000 + b"\n{}\n")
@example(
    "summary.json", b'{"policy": "\\ud800", "carry_norms": [' + b"[" * 900 + b"]" * 900 + b"]}"
)
def test_files_of_anything(name, raw):
    with folder() as here:
        check_folder(write_run(here, name, raw))


@examples(150)
@given(st.sampled_from([*FILES]), edits)
def test_damaged_files(name, changes):
    with folder() as here:
        check_folder(write_run(here, name, edited(FILES[name].encode(), changes)))


_BIG = [1e308, -1e308, 5e-324, 10**308, -(10**308), math.nan, math.inf, 10**400, 0, -1, 1e19]


@examples(200)
@given(st.sampled_from(["config.json", "summary.json", ".lock"]), replacements(), st.booleans())
@example("config.json", [([2], _BIG[1])], True)
@example("config.json", [([0, 2, 0], "\ud800")], False)
def test_values_of_anything(name, changes, finished):
    with folder() as here:
        raw = json.dumps(replaced(json.loads(FILES[name]), changes)).encode()
        without = () if finished or name == "summary.json" else ("summary.json",)
        check_folder(write_run(here, name, raw, without))


_FIGURES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["train", "validation", "bad", None, 3])},
    optional=dict.fromkeys(
        ["step", "loss", "chunks", "seconds", "grad_norm", "upstream_norm", "accuracy", "chunk"],
        st.sampled_from(_BIG) | json_values() | st.floats(0, 1e3),
    ),
)
_EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["start", "end", "", None])},
    optional=dict.fromkeys(
        ["time", "pid", "host", "step", "chunks", "reached", "reason", "message"],
        st.sampled_from(_BIG) | json_values(),
    ),
)


@examples(200)
@given(st.lists(_FIGURES, max_size=6), st.lists(_EVENTS, max_size=5), st.sampled_from(_BIG))
@example([{"kind": "train", "seconds": 1e308, "chunks": 1, "step": 1}] * 3, [], 1e308)
@example(
    [{"kind": "train", "seconds": 10**308, "chunks": 10**308, "step": 10**308}] * 2, [], 1e308
)
@example([{"kind": "train", "seconds": 1e19, "chunks": 1e-9, "step": 1}], [], 10**308)
def test_lines_of_anything(entries, attempts, all_chunks):
    with folder() as here:
        raw = "".join(json.dumps(entry) + "\n" for entry in entries)
        run = write_run(here, "metrics.jsonl", raw.encode(), ("summary.json", ".lock"))
        raw = "".join(json.dumps(entry) + "\n" for entry in attempts)
        (run / "attempts.jsonl").write_text(raw)
        options = {**TRAINED["options"], "steps": all_chunks}
        config = {**TRAINED, "options": options, "chunks": all_chunks}
        (run / "config.json").write_text(json.dumps(config))
        check_folder(run)


@pytest.mark.parametrize("kind", odd_paths())
@pytest.mark.parametrize("name", [*FILES, "checkpoints"])
def test_what_is_no_file(tmp_path, kind, name):
    run = write_run(tmp_path, without=(name,))
    if name == "checkpoints":
        (run / name).rename(tmp_path / "away")
    odd_paths()[kind](tmp_path, "")
    if os.path.lexists(tmp_path / "odd"):
        (tmp_path / "odd").rename(run / name)
    check_folder(run)


@pytest.mark.parametrize("kind", odd_paths())
def test_what_is_no_folder(tmp_path, kind):
    odd_paths()[kind](tmp_path, "")
    assert outcome(lambda: logs.read_run(tmp_path / "odd"), tmp_path / "odd") is None
    check_status(tmp_path / "odd")


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "x" * 300, "a\x1b[31m", "\u2028"])
def test_odd_names(tmp_path, name):
    for load in (logs.read_run, read_trained, lambda run: read_runs([run])):
        with pytest.raises(TgcarryError) as info:
            load(tmp_path / name)
        assert str(info.value).isprintable()


@examples(150)
@given(replacements())
def test_options_of_anything(changes):
    """What a damaged configuration has opened is data, or a refusal."""
    with folder() as here:
        raw = json.dumps(replaced(TRAINED["options"]["data"], changes))
        config = {**TRAINED, "options": {"data": json.loads(raw)}}
        run = write_run(here, "config.json", json.dumps(config).encode())
        trained = outcome(lambda: read_trained(run), run)
        if trained is not None and small(trained.options):
            outcome(lambda: open_dataset(trained.options, scale=trained.scale))


def small(options):
    """Says whether what the options ask for can be made in no time."""
    sizes = (options.batch, options.chunk, options.sequence, options.sequences)
    return all(size < 10**4 for size in sizes) and options.data not in ("stdlib", "regimes")


@examples(100)
@given(json_values())
def test_scales_of_anything(values):
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
        Scale.from_json(values)


def test_the_page_as_a_user_makes_it(tmp_path):
    """Runs scripts/report.py on whole and on broken folders."""
    whole = write_run(tmp_path / "whole")
    cases = {"whole": whole, "none": tmp_path / "none", "line\nbreak": tmp_path / "a\nb"}
    for name in ("config.json", "metrics.jsonl", "summary.json"):
        deep = tmp_path / f"deep {name}"
        cases[f"deep {name}"] = write_run(deep, name, b"[" * 100_000 + b"\n{}\n")
        pipe = write_run(tmp_path / f"pipe {name}", without=(name,))
        os.mkfifo(pipe / name)
        cases[f"pipe {name}"] = pipe
    output = f"--output={tmp_path / 'page.html'}"
    results = run_many("report.py", {n: [c, output] for n, c in cases.items()}, tmp_path, 120)
    for name, result in results.items():
        if name == "whole":
            assert result.code == 0, result
        else:
            check_refused(result, "report.py", str(cases[name]).replace("\n", "\\n"))
