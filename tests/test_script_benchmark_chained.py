"""The script that measures chained models measures every way, and sees one that is wrong."""

import json
import re

import pytest
from scripts_run import run

SMALL = ["--batch=2", "--steps=3", "--units=4", "--features=2", "--most=2", "--draws=2"]
WAYS = ["tgcarry", "stock", "nested", "padded", "padded, fused"]


@pytest.mark.slow
def test_every_way_is_measured_and_comes_to_the_same(tmp_path):
    file = tmp_path / "figures.json"
    done = run(
        "benchmark_chained.py",
        *SMALL,
        "--rounds=1",
        "--shared=no",
        "--engine=loop",
        f"--json={file}",
    )
    assert done.code == 0, done.out + done.err
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()[3:]]
    assert [row[:3] for row in rows] == [
        [mode, "its own", way] for mode in ("carry", "reset") for way in WAYS
    ]
    assert all(float(row[3]) > 0 for row in rows)
    figures = json.loads(file.read_text())
    assert [found["mode"] for found in figures] == ["carry", "reset"]
    assert all(len(times) == 1 for found in figures for times in found["milliseconds"].values())


@pytest.mark.slow
def test_ways_that_differ_are_not_measured():
    done = run(
        "benchmark_chained.py",
        *SMALL,
        *("--rounds=1", "--shared=yes", "--modes=carry", "--engine=loop", "--tolerance=-1"),
    )
    assert done.code == 1
    assert "is off by" in done.err and "nothing is measured" in done.err
