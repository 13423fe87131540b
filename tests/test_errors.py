"""Every error is a `TgcarryError` and the built-in error that Python habit expects."""

import inspect

import pytest

import tgcarry as tgc
from tgcarry import errors

FAMILY = {
    "CellError": ValueError,
    "CarryError": ValueError,
    "ChunkError": ValueError,
    "PolicyError": ValueError,
    "DataError": ValueError,
    "RunError": RuntimeError,
    "NumericsError": ArithmeticError,
    "LogError": OSError,
    "ClusterError": RuntimeError,
    "LostRankError": RuntimeError,
    "LegacyError": RuntimeError,
    "StoppedError": RuntimeError,
    "MissingNameError": AttributeError,
    "MissingModuleError": ImportError,
}


@pytest.mark.parametrize(("name", "builtin"), FAMILY.items())
def test_an_error_is_caught_as_its_builtin_and_as_ours(name, builtin):
    kind = getattr(tgc, name)
    for caught in (builtin, tgc.TgcarryError):
        with pytest.raises(caught, match="why"):
            raise kind("why")


def test_no_error_is_left_out_of_the_public_names_or_of_this_file():
    found = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert found == {*FAMILY, "TgcarryError"}
    assert found <= set(tgc.__all__)


@pytest.mark.parametrize("name", FAMILY)
def test_each_says_when_it_arises(name):
    assert inspect.getdoc(getattr(errors, name)).startswith("Arises ")
