"""scripts/status.py, as a user runs it."""

import json
import os
import socket
import subprocess
import sys

import pytest
from log_folders import LINES, SUMMARY, train_line, write_run
from scripts_run import ROOT, check_refused, environment, run, snapshot


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Holds a folder of each kind."""
    place = tmp_path_factory.mktemp("status")
    write_run(place / "finished", summary=SUMMARY)
    write_run(place / "running", torn='{"kind": "tra')
    write_run(place / "stopped")
    os.utime(place / "stopped" / "metrics.jsonl", (1e9, 1e9))
    write_run(place / "locked", summary=SUMMARY)
    lock = {"pid": os.getpid(), "host": socket.gethostname()}
    (place / "locked" / "job.lock").write_text(json.dumps(lock))
    write_run(place / "tried")
    attempts = [
        {"event": "start", "chunks": 0},
        {"event": "start", "chunks": 4, "reached": 6},
        {"event": "end", "chunks": 10, "reason": "failed", "message": "disk full"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in attempts)
    (place / "tried" / "attempts.jsonl").write_text(text + '{"ev')
    write_run(place / "damaged")
    text = json.dumps(LINES[0]) + "\n{\n" + json.dumps(LINES[1]) + "\n"
    (place / "damaged" / "metrics.jsonl").write_text(text)
    write_run(place / "nulls", [train_line(1, loss=None, seconds=None, chunks=None)])
    write_run(place / "line\nbreak", summary=SUMMARY)
    return place


def folders(place, *names):
    return [place / name for name in names]


def test_each_folder_is_a_block(place):
    before = snapshot(place)
    names = ["finished", "running", "stopped", "locked", "nulls"]
    result = run("status.py", *folders(place, *names))
    assert (result.code, result.err) == (0, "")
    blocks = result.out.split("\n\n")
    states = ["finished", "running", "stopped", "running", "running"]
    for block, name, state in zip(blocks, names, states, strict=True):
        first, *lines = block.splitlines()
        assert first == f"{place / name}: {state}"
        assert lines and all(line.startswith("  ") for line in lines)
    assert "chunks           10 of 20" in blocks[1]
    assert snapshot(place) == before


def test_attempts_are_counted(place):
    result = run("status.py", place / "tried")
    assert (result.code, result.err) == (0, "")
    first, *lines = result.out.splitlines()
    assert first == f"{place / 'tried'}: stopped"
    assert lines[-3:] == [
        "  attempts         2 (1 killed, 1 failed)",
        "  read again       2 chunks",
        "  last attempt     failed: disk full",
    ]
    (found,) = json.loads(run("status.py", "--json", place / "tried").out)
    assert found["attempts"]["starts"] == 2 and found["attempts"]["killed"] == 1
    (found,) = json.loads(run("status.py", "--json", place / "finished").out)
    assert found["attempts"] is None and found["bad_numbers"] == 0


def test_json_is_for_machines(place):
    result = run("status.py", "--json", *folders(place, "finished", "nowhere"))
    found, missing = json.loads(result.out)
    assert found["folder"] == str(place / "finished")
    assert (found["state"], found["step"], found["of_chunks"]) == ("finished", 5, 20)
    assert found["chunks_per_second"] == pytest.approx(20.0)
    assert missing["folder"] == str(place / "nowhere") and "no such folder" in missing["error"]
    assert result.code == 1
    check_refused(result, "status.py", place / "nowhere")


@pytest.mark.parametrize(
    ("name", "facts"), [("damaged", ["line 2"]), ("nowhere", ["no such folder"]), ("", ["config"])]
)
def test_a_bad_folder_is_one_line_and_the_others_are_shown(place, name, facts):
    result = run("status.py", place / name, place / "finished")
    check_refused(result, "status.py", place / name, *facts)
    assert result.code == 1
    assert result.out.splitlines()[0] == f"{place / 'finished'}: finished"


def test_a_line_break_in_a_name_does_not_break_the_block(place):
    result = run("status.py", place / "line\nbreak")
    assert result.code == 0
    assert result.out.splitlines()[0] == f"{str(place / 'line') + chr(10) + 'break'!r}: finished"


@pytest.mark.parametrize("flags", [[], ["--bogus", "x"], ["--patience=soon", "x"]])
def test_a_wrong_command_line_is_one_line(flags):
    result = run("status.py", *flags)
    check_refused(result, "status.py")
    assert result.code == 2 and result.out == ""


def test_patience_decides_when_a_run_counts_as_stopped(place):
    result = run("status.py", "--patience=1e10", place / "stopped")
    assert result.out.splitlines()[0] == f"{place / 'stopped'}: running"


def test_neither_tensorflow_nor_numpy_is_imported(place):
    code = (
        "import runpy, sys\n"
        "sys.path.insert(0, 'scripts')\n"
        "sys.argv = ['scripts/status.py', sys.argv[1]]\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n"
        "    print({'tensorflow', 'numpy', 'tgcarry', 'absl'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place / "finished")],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
