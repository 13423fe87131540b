"""Old programs of every kind, run unedited: they print what real TensorFlow 1.15.5 printed."""

import contextlib
import importlib.util
import io
import re
import sys
from pathlib import Path

import pytest

from tgcarry import legacy

HERE = Path(__file__).parent
PROGRAMS = HERE / "legacy_programs" / "kinds"
GOLDEN = HERE / "golden" / "legacy_programs"
NUMBER = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")

# How far a printed number may be off, absolutely, beyond its last printed digit. Training makes
# differences in rounding grow: char_rnn prints after as many as 150 steps. In mnist_dynamic a
# loop draws masks for dropout, in the order in which its steps happen to run.
LOOSE = {
    "char_rnn": 0.05,
    "mnist_dynamic": 0.1,
    "tagger_crf": 0.01,
    "buckets": 0.003,
    "attention_translate": 0.02,
}
TIGHT = 2e-4
ALSO_STOCK = ("two_grus", "echo_state", "bidirectional_static")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    spec = importlib.util.spec_from_file_location(
        "make_legacy_programs", HERE / "golden" / "make_legacy_programs_tf115.py"
    )
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    folder = tmp_path_factory.mktemp("programs")
    maker.write_digits(str(folder / "MNIST_small"))
    return folder


@pytest.fixture(autouse=True)
def graph():
    """Stands aside: a program starts with the process's own default graph."""


def printed(path, place, monkeypatch, tmp_path, **options):
    """Runs a program in this process, in a folder of its own, and returns what it printed."""
    (tmp_path / "MNIST_small").symlink_to(place / "MNIST_small")
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    main, argv, path_before = sys.modules["__main__"], sys.argv, sys.path[:]
    with contextlib.redirect_stdout(out):
        try:
            legacy.run(path, [], **options)
        except SystemExit as end:
            assert not end.code, end.code
    assert (sys.modules["__main__"], sys.argv, sys.path) == (main, argv, path_before)
    return out.getvalue()


def check(got, wanted, tolerance):
    """Compares line by line: the words are equal, the broken numbers close."""
    got, wanted = got.splitlines(), wanted.splitlines()
    for mine, theirs in zip(got, wanted, strict=False):
        assert NUMBER.sub("#", mine) == NUMBER.sub("#", theirs)
        for one, other in zip(NUMBER.findall(mine), NUMBER.findall(theirs), strict=True):
            digit = 10.0 ** -len(other.partition(".")[2])
            off = abs(float(one) - float(other))
            assert off <= 1.01 * digit + tolerance * max(1.0, abs(float(other))), (mine, theirs)
    assert len(got) == len(wanted)


NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_115_prints(name, place, monkeypatch, tmp_path):
    got = printed(PROGRAMS / f"{name}.py", place, monkeypatch, tmp_path)
    check(got, (GOLDEN / f"{name}.txt").read_text(), LOOSE.get(name, TIGHT))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALSO_STOCK)
def test_and_so_does_tensorflows_own_loop(name, place, monkeypatch, tmp_path):
    got = printed(PROGRAMS / f"{name}.py", place, monkeypatch, tmp_path, engine="stock")
    check(got, (GOLDEN / f"{name}.txt").read_text(), LOOSE.get(name, TIGHT))


def test_the_comparison_would_see_a_difference():
    with pytest.raises(AssertionError):
        check("loss 1.2345", "loss 1.2395", TIGHT)
    with pytest.raises(AssertionError):
        check("loss 1.2345", "loss 1.2345\nmore", TIGHT)
