"""signals: the first asks, the second one ends, whatever the process is doing."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager

import pytest
from scripts_run import ROOT, environment

from tgcarry import signals
from tgcarry.signals import StopSignals

BUSY = """
    import hashlib, sys, time
    from tgcarry.signals import StopSignals

    with StopSignals() as stop:
        print("ready", flush=True)
        while not stop.requested:
            time.sleep(0.001)
        print("asked", flush=True)
        # Nothing of Python's runs in here, as in a long call of a session.
        if sys.argv[1:]:
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
        time.sleep(3)
    print("left", flush=True)
"""


@pytest.fixture
def before():
    """Is how signals were handled; asserts that it is so again."""
    handlers = [signal.getsignal(number) for number in signals.SIGNALS]
    yield handlers
    assert [signal.getsignal(number) for number in signals.SIGNALS] == handlers


def wait_until_asked(stop):
    until = time.monotonic() + 10
    while not stop.requested and time.monotonic() < until:
        time.sleep(0.001)
    return stop.requested


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_one_is_noted(before, number):
    with StopSignals() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert wait_until_asked(stop)


def test_others_are_left_alone(before):
    noted = []
    old = signal.signal(signal.SIGUSR1, lambda *arguments: noted.append(arguments))
    try:
        with StopSignals() as stop:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.05)
            assert not stop.requested and len(noted) == 1
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_several_in_a_row_are_one(before):
    with StopSignals() as stop:
        for _ in range(5):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert wait_until_asked(stop)


@contextmanager
def busy(*arguments):
    command = [sys.executable, "-c", textwrap.dedent(BUSY), *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("second", signals.SIGNALS)
def test_a_second_one_ends_the_process_at_once(second):
    with busy("in a call") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        time.sleep(signals.PAUSE + 0.2)
        assert process.poll() is None
        process.send_signal(second)
        assert process.wait(5) == 128 + second
        assert process.stdout.read() == ""


def test_a_signal_of_the_parent_right_behind_is_no_second_one():
    with busy() as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        assert process.wait(20) == 0
        assert process.stdout.read() == "left\n"
