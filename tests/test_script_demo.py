"""Runs the demonstration and the memory measurement as a user does, in small."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


def run(script, *flags):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, f"scripts/{script}", *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_demonstration_ends_with_a_table_and_a_picture(tmp_path):
    done = run("demo.py", f"--out={tmp_path}", "--scale=0.04", "--engine=loop")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines()]
    table = {(r[0], r[1]): r for r in rows if len(r) == 11 and r[0] in ("text", "recall")}
    assert len(table) == 6
    for task in ("text", "recall"):
        # Columns: task policy loss early accuracy cosine error steps ms/step ms/chunk MiB.
        assert float(table[task, "exact"][6]) < 1e-5
        assert float(table[task, "truncated"][6]) > 1e-3
        assert int(table[task, "exact"][7]) < int(table[task, "truncated"][7])
    assert (tmp_path / "demo.png").read_bytes().startswith(PNG)
    assert (tmp_path / "demo.txt").read_text(encoding="utf-8") in done.stdout


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sequence():
    done = run("measure_memory.py", "--steps=2000,20000", "--chunk=200", "--unbroken=20000")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    peaks = {r[0].strip(): float(next(c for c in r[1:] if c.strip())) for r in rows[2:]}
    short = peaks["exact, 2000 steps in chunks of 200"]
    long = peaks["exact, 20000 steps in chunks of 200"]
    assert long < 1.05 * short
    assert peaks["unbroken, 20000 steps"] > 1.2 * short, "the measurement would not see growth"


@pytest.mark.slow
def test_memory_that_grows_fails_the_measurement():
    done = run("measure_memory.py", "--steps=2000", "--tolerance=-0.5", "--unbroken=0")
    assert done.returncode == 1
    assert "memory grew" in done.stderr
