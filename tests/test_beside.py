"""The second thread: it works between start and finish, and ends."""

import threading
import time

import pytest

from tgcarry.beside import Beside


@pytest.fixture
def beside():
    made = Beside()
    yield made
    made.close()


def threads():
    return [t for t in threading.enumerate() if t.name == "tgcarry"]


def test_the_functions_run_in_order_in_another_thread(beside):
    seen = []
    beside.start([lambda: seen.append(threading.get_ident()), lambda: seen.append("second")])
    assert beside.finish()
    assert seen[0] != threading.get_ident()
    assert seen[1:] == ["second"]


def test_it_runs_while_the_caller_goes_on(beside):
    caller_went_on = threading.Event()
    waited = []
    beside.start([lambda: waited.append(caller_went_on.wait(30))])
    caller_went_on.set()
    assert beside.finish()
    assert waited == [True]


def test_finish_waits(beside):
    done = []
    beside.start([lambda: time.sleep(0.05), lambda: done.append(True)])
    assert beside.finish()
    assert done


def test_a_failure_is_told_and_does_not_end_the_thread(beside):
    seen = []

    def fail():
        raise OSError("disk")

    beside.start([fail, lambda: seen.append("not reached")])
    assert not beside.finish()
    beside.start([lambda: seen.append("again")])
    assert beside.finish()
    assert seen == ["again"]


def test_one_thread_serves_all_and_ends_at_close(beside):
    assert threads() == []
    for _ in range(3):
        beside.start([lambda: None])
        beside.finish()
        assert len(threads()) == 1
    beside.close()
    assert threads() == []
    beside.close()


def test_close_in_the_middle_of_work_waits_for_it(beside):
    done = []
    beside.start([lambda: time.sleep(0.05), lambda: done.append(True)])
    beside.close()
    assert done
    assert threads() == []
    assert beside.finish(), "nothing is waited for any more"


@pytest.mark.parametrize("error", [SystemExit("bad file"), KeyboardInterrupt()], ids=repr)
def test_whatever_ends_the_work_is_no_reason_to_wait_for_ever(error, beside):
    def end():
        raise error

    beside.start([end])
    assert not beside.finish()


def test_nothing_started_nothing_to_wait_for(beside):
    assert beside.finish()
    assert threads() == []
