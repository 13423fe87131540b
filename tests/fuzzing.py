"""What the fuzz tests share: broken files, odd paths, and what a loader may do with them.

TGCARRY_FUZZ=50 runs fifty times as many examples; a failing one is printed with the line that
runs it again.
"""

import json
import os
import signal
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tgcarry.errors import TgcarryError

FACTOR = int(os.environ.get("TGCARRY_FUZZ", "1"))
SECONDS = 20
_MEMORY = "/dev/shm"
_NUMBERS = (0, 1, 255, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 60, 1 << 63)


def examples(count):
    """Sets how many examples a test has."""
    return settings(
        max_examples=count * FACTOR,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
            HealthCheck.function_scoped_fixture,
        ],
    )


class HungError(BaseException):
    """Nobody may catch it but the test."""


@contextmanager
def in_time(seconds=SECONDS):
    """Ends what hangs."""

    def stop(*_):
        raise HungError(f"not done after {seconds} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


@contextmanager
def folder():
    """Makes a folder in memory, where writing a file costs nothing."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as name:
        yield Path(name)


def outcome(load, *facts):
    """Runs a loader: what it returns, or None if it refuses in one line that states the facts."""
    with in_time():
        try:
            return load()
        except TgcarryError as error:
            check_message(str(error), *facts)
            return None


def check_message(message, *facts):
    assert message and message.splitlines() == [message], message
    assert len(message) < 20_000, message[:4000]
    for fact in facts:
        assert str(fact) in message, (fact, message)


edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "end", "insert", "again", "number", "text", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=5,
)


def edited(raw, changes):
    """Damages bytes as `edits` say: places are shares of the length."""
    for kind, where, much, given in changes:
        at, size = int(where * len(raw)), 1 + int(much**4 * len(raw))
        part = raw[at : at + size]
        if kind == "flip" and part:
            raw = raw[:at] + bytes([part[0] ^ (given[0] or 1)]) + raw[at + 1 :]
        elif kind == "cut":
            raw = raw[:at] + raw[at + size :]
        elif kind == "end":
            raw = raw[:at]
        elif kind == "insert":
            raw = raw[:at] + given + raw[at:]
        elif kind == "again":
            raw = raw[:at] + part + raw[at:]
        elif kind == "number":
            number = _NUMBERS[given[0] % len(_NUMBERS)]
            packed = struct.pack("<Q" if given[0] & 16 else ">Q", number)
            width = (1, 2, 4, 8)[given[-1] % 4]
            packed = packed[:width] if given[0] & 16 else packed[-width:]
            raw = raw[:at] + packed + raw[at + width :]
        elif kind == "text":
            raw = raw[:at] + _TEXTS[given[0] % len(_TEXTS)] + raw[at + size :]
        elif kind == "swap":
            raw = raw[at:] + raw[:at]
    return raw


# What breaks parsers of text.
_TEXTS = (
    *(
        b"\x00",
        b"\r",
        b"\n",
        b"\r\n",
        b'"',
        b"'",
        b",",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
    *(b"nan", b"NaN", b"-Infinity", b"1e999", b"-0", b"1_0", b"9" * 400, b"9" * 5000, b"0x10"),
    *(b"[" * 3000, b'{"a":' * 300, b"\\ud800", b"\xe2\x80\xa8", b"\xd9\xa3", b"null", b"true"),
    *(b"{}", b"[]", b"-1", b"1.5", b'"x"', b"(", b")", b"\x85", b"\x0c", b"\t", b" " * 99),
)


def json_values():
    """Gives what JSON can hold, with numbers and names that nobody expects."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**30, -(10**300), 10**400, 2**63, 0, -1]),
        st.floats(),
        st.text(max_size=6),
        st.sampled_from(["\ud800", "\n", "\x00", "é", "x" * 300]),
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=8,
    )


def replaced(values, changes):
    """Replaces values inside a nest of dicts and lists: changes are (places, new value)."""
    values = json.loads(json.dumps(values))
    for places, new in changes:
        here = values
        for place in places[:-1]:
            inner = _inside(here, place)
            if not isinstance(inner, dict | list) or not inner:
                break
            here = inner
        if isinstance(here, dict | list) and here:
            keys = list(here) if isinstance(here, dict) else range(len(here))
            here[keys[places[-1] % len(keys)]] = new
            if isinstance(here, dict) and isinstance(new, str):
                here[new] = None
    return values


def _inside(nest, place):
    keys = list(nest) if isinstance(nest, dict) else range(len(nest))
    return nest[keys[place % len(keys)]]


def replacements():
    """Gives changes for `replaced`."""
    places = st.lists(st.integers(0, 40), min_size=1, max_size=4)
    return st.lists(st.tuples(places, json_values()), min_size=1, max_size=3)


def odd_paths():
    """Gives makers of paths that are no readable file: name -> function of (folder, ending)."""

    def named(ending):
        return f"odd{ending}"

    def a_folder(folder, ending):
        (folder / named(ending)).mkdir()

    def pipe(folder, ending):
        os.mkfifo(folder / named(ending))

    def device(folder, ending):
        (folder / named(ending)).symlink_to("/dev/zero")

    def nothing(folder, ending):
        pass

    def dangling(folder, ending):
        (folder / named(ending)).symlink_to(folder / "gone")

    def loop(folder, ending):
        (folder / named(ending)).symlink_to(folder / named(ending))

    def unreadable(folder, ending):
        (folder / named(ending)).write_bytes(b"a,b\n1,2\n")
        (folder / named(ending)).chmod(0)

    kinds = (a_folder, pipe, device, nothing, dangling, loop, unreadable)
    if os.geteuid() == 0:  # Who may read everything.
        kinds = kinds[:-1]
    return {kind.__name__: kind for kind in kinds}
