"""grid: settings from a JSON file, multiplied out, named, and refused where they make no sense."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgcarry.errors import DataError
from tgcarry.flag_values import Flag
from tgcarry.grid import MOST_RUNS, name_of, read_grid, varied

FLAGS = {
    "policy": Flag("enum", ("truncated", "stale", "exact")),
    "units": Flag("list"),
    "data": Flag("string"),
    "epochs": Flag("integer"),
    "decay": Flag("float"),
    "overwrite": Flag("bool"),
    "nodes": Flag("integer"),
    "quick": Flag("bool"),
    "logdir": Flag("string"),
}
KEPT = {"logdir": "each run has its own"}
EXAMPLE = {
    "fixed": {"data": "series", "epochs": 2},
    "grid": {"policy": ["truncated", "exact"], "units": ["32", [64, 32]]},
    "runs": [{"policy": "stale", "decay": 0.5}, {"units": 8, "epochs": 3}],
}


@pytest.fixture
def read(tmp_path):
    """Gives what reads a grid from an object, or from the text of a file."""

    def read(content, *more):
        path = tmp_path / "grid.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_grid(path, FLAGS, more, KEPT)

    return read


class TestProduct:
    def test_the_last_key_is_the_fastest_and_runs_follow(self, read):
        assert [run.name for run in read(EXAMPLE)] == [
            "policy=truncated__units=32",
            "policy=truncated__units=64+32",
            "policy=exact__units=32",
            "policy=exact__units=64+32",
            "decay=0.5__policy=stale",
            "epochs=3__units=8",
        ]

    def test_each_run_has_what_is_fixed_and_its_own(self, read):
        runs = read(EXAMPLE)
        everywhere = {"data": "series", "epochs": "2"}
        assert runs[1].settings == {**everywhere, "policy": "truncated", "units": "64,32"}
        assert runs[1].changed == {"policy": "truncated", "units": "64,32"}
        assert runs[5].settings == {"data": "series", "epochs": "3", "units": "8"}
        assert varied(runs) == ["policy", "units", "decay", "epochs"]

    def test_a_run_is_a_command_line(self, read):
        arguments = ["--data=series", "--epochs=2", "--policy=stale", "--decay=0.5"]
        assert read(EXAMPLE)[4].arguments() == arguments

    @pytest.mark.parametrize(
        "more",
        [
            ["--epochs=9", "--quick"],
            ["--epochs", "9", "--quick=true"],
            ["-epochs=9", "--quick=1"],
        ],
    )
    def test_the_command_line_is_for_all_runs_and_above_fixed(self, read, more):
        content = {**EXAMPLE, "runs": EXAMPLE["runs"][:1]}
        for run in read(content, *more):
            assert (run.settings["epochs"], run.settings["quick"]) == ("9", "true")

    def test_a_bool_can_be_negated_and_other_flags_begin_with_no(self, read):
        (run,) = read({"runs": [{}]}, "--noquick", "--nodes=3")
        assert run.settings == {"quick": "false", "nodes": "3"}
        assert (run.name, run.changed) == ("run", {})

    def test_as_many_as_allowed(self, read):
        content = {"grid": {"epochs": list(range(MOST_RUNS // 2)), "units": [1, 2]}}
        assert len(read(content)) == MOST_RUNS


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "facts"),
        [
            ("", ["not JSON", "line 1"]),
            ('{"grid": {"epochs": [1,]}}', ["not JSON", "line 1, column"]),
            ('{"grid": {"epochs": [NaN]}}', ["NaN", "no number"]),
            ('{"grid": {"epochs": [1], "epochs": [2]}}', ["'epochs' is there twice"]),
            ("[" * 100_000, ["not JSON"]),
            ('{"grid": {"epochs": [' + "1" * 5000 + "]}}", ["not JSON"]),
            ([EXAMPLE], ["give an object", '"grid"']),
            ({}, ["nothing to run"]),
            ({"fixed": {"epochs": 1}}, ["nothing to run", '"runs"']),
            ({"grid": {}}, ["nothing to run", "empty"]),
            ({"grid": {}, "runs": []}, ["nothing to run", "empty"]),
            ({"grids": {}}, ["'grids'", "fixed, grid and runs only"]),
            ({"policy": ["exact"]}, ["'policy'", "settings belong into"]),
            ({"grid": ["policy"]}, ["grid: ['policy']", "give an object"]),
            ({"grid": {"polcy": ["exact"]}}, ["grid: ", "'polcy'", "did you mean 'policy'?"]),
            ({"grid": {"policy": []}}, ["grid: policy []", "at least one value"]),
            ({"grid": {"policy": "exact"}}, ["grid: policy 'exact'", "give a list"]),
            ({"grid": {"policy": ["exact", "stail"]}}, ["policy 'stail'", "truncated, stale"]),
            ({"grid": {"policy": ["exact", "exact"]}}, ["policy has 'exact' and 'exact'"]),
            ({"grid": {"decay": [0.001, "1e-3"]}}, ["decay has 0.001 and '1e-3'", "the same"]),
            ({"grid": {"units": [[64, 32], "64,32"]}}, ["units has [64, 32] and '64,32'"]),
            ({"fixed": {"epochs": [1, 2]}, "runs": [{}]}, ["fixed: epochs [1, 2]", '"grid"']),
            ({"fixed": [], "runs": [{}]}, ["fixed: []", "give an object"]),
            ({"fixed": {"epochs": 1}, "grid": {"epochs": [2]}}, ["epochs is in fixed, too"]),
            ({"runs": {"epochs": 1}}, ["runs: {'epochs': 1}", "give a list"]),
            ({"runs": [{}, 3]}, ["runs, number 2: 3", "give an object"]),
            ({"runs": [{"epochs": "x"}]}, ["runs, number 1: epochs 'x'", "whole number"]),
            ({"runs": [{}, {}]}, ["two runs have the settings none"]),
            ({"grid": {"epochs": [1]}, "runs": [{"epochs": "1"}]}, ["settings --epochs=1"]),
            ({"fixed": {"epochs": 1}, "runs": [{}, {"epochs": 1}]}, ["settings --epochs=1"]),
            ({"runs": [{"logdir": "x"}]}, ["runs, number 1: logdir: each run has its own"]),
            (
                {"grid": {"epochs": list(range(40)), "units": list(range(26))}},
                ["40 epochs x 26 units are 1040 runs", "at most 1000"],
            ),
            (
                {"grid": {name: list(range(9999)) for name in ("epochs", "nodes", "units")}},
                ["are 999700029999 runs"],
            ),
            ({"runs": [{"epochs": i} for i in range(1001)]}, ["runs: 1001 runs"]),
            (
                {"grid": {"epochs": list(range(600))}, "runs": [{"nodes": i} for i in range(600)]},
                ["1200 runs"],
            ),
        ],
    )
    def test_a_mistake_in_the_file(self, read, tmp_path, content, facts):
        with pytest.raises(DataError) as error:
            read(content)
        message = str(error.value)
        assert message.startswith(f"{tmp_path / 'grid.json'}: ") and "\n" not in message
        assert len(message) < 400 + len(str(tmp_path))
        for fact in facts:
            assert fact in message

    @pytest.mark.parametrize(
        ("more", "facts"),
        [
            (["--polcy=exact"], ["'polcy'", "'policy'?"]),
            (["--policy=exact"], ["policy is given behind -- as well"]),
            (["--decay=0"], ["runs, number 1: decay is given behind -- as well"]),
            (["--epochs"], ["behind --: epochs ''"]),
            (["--epochs=two"], ["behind --: epochs 'two'", "whole number"]),
            (["--nodes=1", "--nodes=1"], ["--nodes is there twice"]),
            (["epochs=2"], ["'epochs=2' behind --"]),
            (["--"], ["'--' behind --"]),
            (["--logdir=x"], ["logdir: each run has its own"]),
            (["--noepochs"], ["'noepochs'"]),
        ],
    )
    def test_a_mistake_behind_the_dashes(self, read, more, facts):
        with pytest.raises(DataError) as error:
            read(EXAMPLE, *more)
        assert "\n" not in str(error.value)
        for fact in facts:
            assert fact in str(error.value)

    def test_a_file_that_is_none(self, tmp_path):
        (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
        for name, fact in [("", "directory"), ("no.json", "no such"), ("latin.json", "JSON file")]:
            with pytest.raises(DataError, match=fact):
                read_grid(tmp_path / name, FLAGS)


class TestNames:
    def test_do_not_depend_on_the_order(self):
        assert name_of({"a": "1", "b": "2"}) == name_of({"b": "2", "a": "1"}) == "a=1__b=2"

    def test_a_nuisance_is_replaced_and_told_apart(self):
        slash, dash = name_of({"data": "a/b c.csv"}), name_of({"data": "a-b c.csv"})
        assert slash != dash
        assert slash.startswith("data=a-b-c.csv-") and dash.startswith("data=a-b-c.csv-")

    def test_fit_for_a_folder_however_long(self):
        long = [name_of({"data": "x" * 300 + end}) for end in "ab"]
        assert long[0] != long[1] and max(map(len, long)) < 140

    @given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(min_size=1)), max_size=8))
    def test_are_unlike_for_unlike_settings(self, all_changed):
        names = {}
        for changed in all_changed:
            name = name_of(changed)
            assert names.setdefault(name, changed) == changed
            assert name.isascii() and name.isprintable() and not set(name) & set("/ ,:*?[]")
            assert not name.startswith((".", "-"))
