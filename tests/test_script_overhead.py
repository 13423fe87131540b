"""The script that measures the session loop's cost: it measures, and a loop too slow is seen."""

import re

import pytest
from scripts_run import run

pytestmark = pytest.mark.slow

SMALL = ["--units=8", "--batch=4", "--chunks=3", "--rounds=3", "--engine=loop"]


def test_every_way_is_measured():
    done = run("measure_overhead.py", *SMALL, "--tolerance=1000")
    assert done.code == 0, done.out + done.err
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()[2:]]
    assert [row[0] for row in rows] == [
        "by hand, prepared callable",
        "by hand, session.run",
        "Runner, Truncated",
    ]
    assert all(float(row[1]) > 0 for row in rows)


@pytest.mark.slow
def test_a_loop_that_is_too_slow_fails_the_measurement():
    done = run("measure_overhead.py", *SMALL, "--tolerance=-1")
    assert done.code == 1
    assert "the Runner costs" in done.err
