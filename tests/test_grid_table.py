"""grid_table: a grid's runs as text, JSON and CSV."""

import csv
import io
import json

from tgcarry import grid_table
from tgcarry.fleet import FAILED, FINISHED, WAITING
from tgcarry.grid_runs import Row

ROWS = [
    Row(
        *("policy=exact", {"policy": "exact", "units": "64,32", "data": "series"}, FINISHED, 12),
        *({"loss": 0.123456, "rmse": 2.0}, 0.1, 61.25, 512.25, 2),
    ),
    Row("policy=stale", {"policy": "stale", "data": "series"}, FAILED, message='no "a, b"'),
    Row("policy=truncated", {"policy": "truncated", "data": "series"}, WAITING),
]
SETTINGS = ["policy", "units"]

TEXT = """
run                  policy  units     state  step    loss  rmse  best loss  seconds  peak MiB
----------------  ---------  -----  --------  ----  ------  ----  ---------  -------  --------
policy=exact          exact  64,32  finished    12  0.1235     2        0.1     61.2       512
policy=stale          stale           failed
policy=truncated  truncated          waiting

policy=stale: failed: no "a, b"
"""


def test_text_has_a_line_per_run_and_the_complaints_below():
    assert grid_table.to_text(ROWS, SETTINGS) == TEXT.strip("\n")


def test_columns_without_anything_are_left_out():
    lines = grid_table.to_text(ROWS[2:], SETTINGS).splitlines()
    assert [line.split() for line in lines[::2]] == [
        ["run", "policy", "state"],
        ["policy=truncated", "truncated", "waiting"],
    ]


def test_json_has_everything():
    first, second, _ = json.loads(grid_table.to_json(ROWS))
    assert first["settings"] == ROWS[0].settings
    assert first["validation"] == {"loss": 0.123456, "rmse": 2.0}
    assert (second["state"], second["message"], second["step"]) == (FAILED, 'no "a, b"', None)


def test_csv_is_read_back():
    read = list(csv.DictReader(io.StringIO(grid_table.to_csv(ROWS, SETTINGS))))
    assert [line["units"] for line in read] == ["64,32", "", ""]
    assert float(read[0]["validation_loss"]) == 0.123456
    assert (read[0]["step"], read[0]["attempts"], read[0]["peak_memory_mib"]) == (
        *("12", "2"),
        "512.25",
    )
    assert read[1]["message"] == 'no "a, b"' and read[1]["validation_rmse"] == ""
