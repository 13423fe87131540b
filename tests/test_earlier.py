"""earlier: what an earlier attempt left, and whether it can be gone on with."""

import json
from dataclasses import asdict, replace

import pytest

from tgcarry.earlier import as_json, find_earlier
from tgcarry.errors import LogError, RunError
from tgcarry.options import TrainOptions

OPTIONS = TrainOptions(units=(4, 2), window=3)


def left(folder, summary=None, **more):
    config = {"options": asdict(OPTIONS), "data": "1234", **more}
    (folder / "config.json").write_text(json.dumps(config))
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    return find_earlier(folder)


def test_an_empty_folder_has_none(tmp_path):
    assert find_earlier(tmp_path) is None
    assert find_earlier(tmp_path / "nowhere") is None


def test_the_same_options_and_data_are_welcome(tmp_path):
    earlier = left(tmp_path)
    earlier.check_options(asdict(OPTIONS), override=False)
    earlier.check_data("1234", override=False)
    assert earlier.summary is None


def test_others_are_refused_with_what_differs(tmp_path):
    earlier = left(tmp_path)
    other = asdict(replace(OPTIONS, units=(4, 3), clip_carry=2.0))
    with pytest.raises(RunError) as error:
        earlier.check_options(other, override=False)
    message = str(error.value)
    for fact in ("units: [4, 2] -> [4, 3]", "clip_carry: None -> 2.0", "--override_config"):
        assert fact in message
    with pytest.raises(RunError, match=r"other data.*--override_config"):
        earlier.check_data("5678", override=False)
    earlier.check_options(other, override=True)
    earlier.check_data("5678", override=True)


def test_what_an_earlier_version_did_not_know_was_as_it_is_by_default(tmp_path):
    before, now = asdict(OPTIONS), asdict(replace(OPTIONS, parallel="sequence"))
    for name in ("parallel", "parts", "segment"):
        del before[name]
    del before["data"]["repeats"]
    earlier = left(tmp_path, options=before)
    earlier.check_options(asdict(OPTIONS), override=False)
    assert earlier.same_schedule(asdict(OPTIONS)) and not earlier.same_schedule(now)
    with pytest.raises(RunError, match=r"\(parallel: 'streams' -> 'sequence'\)"):
        earlier.check_options(now, override=False)


def test_a_damaged_configuration_is_not_begun_over(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(LogError, match=r"config\.json"):
        find_earlier(tmp_path)


def test_it_has_finished_only_what_it_was_asked(tmp_path):
    config = {"options": asdict(OPTIONS), "data": "1234", "environment": {"cores": 2}}
    assert not left(tmp_path).is_finished(config)
    earlier = left(tmp_path, summary={"steps": 3})
    assert earlier.is_finished(config)
    assert not earlier.is_finished({**config, "data": "5678"})
    longer = {**config, "options": asdict(replace(OPTIONS, epochs=2))}
    assert not earlier.is_finished(longer)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"learning_rate": 0.5, "epochs": 7, "engine": "stock", "clip_norm": None}, True),
        ({"window": 4}, False),
        ({"policy": "truncated"}, False),
        ({"memory_budget": "1MiB"}, False),
        ({"clip_carry": 1.0}, False),
    ],
)
def test_some_options_leave_the_schedule_as_it_is(tmp_path, changes, same):
    assert left(tmp_path).same_schedule(asdict(replace(OPTIONS, **changes))) is same


def test_the_chunks_are_the_same_with_the_same_data_and_options_of_them(tmp_path):
    earlier = left(tmp_path)
    assert earlier.same_data(asdict(OPTIONS), "1234")
    assert not earlier.same_data(asdict(OPTIONS), "5678")
    other = replace(OPTIONS, data=replace(OPTIONS.data, chunk=7))
    assert not earlier.same_data(asdict(other), "1234")


def test_tuples_come_back_as_lists():
    assert as_json({"units": (1, 2)}) == {"units": [1, 2]}
