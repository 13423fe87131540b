"""flag_values: a user's values for flags, each in one way of writing."""

import pytest

from tgcarry.errors import DataError
from tgcarry.flag_values import Flag, known_flag, to_text

FLAGS = {"policy": Flag("enum", ("stale", "exact")), "units": Flag("list")}


def text(kind, value, choices=None):
    return to_text("grid.json: fixed", "flag", Flag(kind, choices), value)


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("integer", [8, "8", " 8 ", "+8", "08"], "8"),
        ("float", [1e-3, "1e-3", "0.001", ".001"], "0.001"),
        ("float", [2, 2.0, "2"], "2.0"),
        ("bool", [True, "true", "1", "T"], "true"),
        ("bool", [False, "False", 0], "false"),
        ("list", ["64,32", [64, 32], ["64", 32], "64, 32"], "64,32"),
        ("list", [64, "64", [64]], "64"),
        ("enum", ["exact"], "exact"),
        ("string", ["a b.csv"], "a b.csv"),
        ("string", [512], "512"),
        ("of_a_kind_to_come", ["as it is"], "as it is"),
    ],
)
def test_equal_values_are_written_alike(kind, values, wanted):
    assert {text(kind, value) for value in values} == {wanted}


def test_choices_are_the_scripts_own_business_if_they_are_not_known():
    assert text("enum", "gruu") == "gruu"


@pytest.mark.parametrize(
    ("kind", "value", "facts"),
    [
        ("integer", "two", ["'two'", "whole number"]),
        ("integer", 2.5, ["2.5", "whole number"]),
        ("float", "fast", ["'fast'", "a number"]),
        ("float", "nan", ["'nan'", "finite"]),
        ("float", "1e999", ["'1e999'", "finite"]),
        ("bool", "perhaps", ["'perhaps'", "true or false"]),
        ("integer", True, ["True", "integer"]),
        ("enum", "stail", ["'stail'", "stale, exact"]),
        ("string", None, ["None", "leave the flag out"]),
        ("string", "", ["''", "leave the flag out"]),
        ("string", "a\nb", [r"'a\nb'", "line breaks"]),
        ("string", "a\0b", [r"'a\x00b'"]),
        ("string", ["a", "b"], ["['a', 'b']", '"grid"']),
        ("list", [], ["[]", "at least one"]),
        ("list", [[1], 2], ["[[1], 2]", "a string or a number"]),
        ("list", [True], ["[True]"]),
        ("string", {"a": 1}, ["{'a': 1}"]),
    ],
)
def test_what_a_flag_does_not_take_is_refused(kind, value, facts):
    with pytest.raises(DataError) as error:
        text(kind, value, ("stale", "exact"))
    message = str(error.value)
    assert message.startswith("grid.json: fixed: flag ") and "\n" not in message
    for fact in facts:
        assert fact in message


def test_a_flag_is_looked_up():
    assert known_flag("here", "policy", FLAGS) is FLAGS["policy"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("polcy", "'policy'?"), ("--units", "'units'?"), ("colour", "policy, units")],
)
def test_a_flag_that_is_not_there_is_refused_with_what_there_is(name, remedy):
    with pytest.raises(DataError) as error:
        known_flag("here", name, FLAGS)
    assert str(error.value).startswith("here: ")
    assert repr(name) in str(error.value) and remedy in str(error.value)
