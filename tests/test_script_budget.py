"""The script that measures memory budgets: plans are true, and a false one would be seen."""

import re

import pytest
from scripts_run import run

pytestmark = pytest.mark.slow


def rows(out):
    """Returns the lines of the table, by budget."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    return {line[0]: line[1:] for line in lines if re.fullmatch(r"none|\d+MiB", line[0])}


def test_a_plan_predicts_the_memory_that_its_budget_takes():
    done = run("measure_budget.py", "--budgets=400MiB", "--steps=3600", "--engine=loop")
    assert done.code == 0, done.out + done.err
    table = rows(done.out)
    kept, predicted, measured, off, extra, _ = table["400MiB"]
    assert 0 < int(kept) < 35
    assert 350 < float(predicted) <= 400
    assert float(measured) == pytest.approx(float(predicted), rel=0.15)
    assert off.endswith("%")
    assert int(extra[:-1]) < 50
    assert table["none"][0] == "0"
    assert f"keeps the activations of {kept} of 36 chunks" in done.out


def test_a_plan_that_is_off_fails_the_measurement():
    small = ["--steps=60", "--chunk=20", "--units=4", "--batch=2", "--engine=loop"]
    done = run("measure_budget.py", "--budgets=1MiB", "--tolerance=-1", *small)
    assert done.code == 1
    assert "a plan was off" in done.err
