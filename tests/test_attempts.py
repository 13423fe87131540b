"""attempts: who worked on a run, how that ended, and what it cost."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgcarry import attempts
from tgcarry.attempts import Attempts, append, interruptions, log_end, log_start, rows, settled
from tgcarry.folder import read_entries


@pytest.fixture
def path(tmp_path):
    return tmp_path / "attempts.jsonl"


def start(chunks=0, **more):
    return {"event": "start", "time": 1.0, "pid": 3, "host": "a", "chunks": chunks, **more}


def end(chunks, reason="stopped", **more):
    return {"event": "end", "time": 2.0, "chunks": chunks, "reason": reason, **more}


class TestLines:
    def test_name_the_process_and_the_place(self, path):
        before = time.time()
        log_start(path, 4, 8)
        log_end(path, 9, 18, "failed", "disk\nfull €")
        first, last = read_entries(path)
        assert before <= first.pop("time") <= last.pop("time") <= time.time()
        assert first.pop("host") and first.pop("pid") == os.getpid()
        assert first == {"event": "start", "step": 4, "chunks": 8}
        assert last == {
            "event": "end",
            "step": 9,
            "chunks": 18,
            "reason": "failed",
            "message": "disk\nfull €",
        }

    @pytest.mark.parametrize("torn", [b"{", b'{"event": "st', b"\x00" * 70000, b'{"a": "\xe2'])
    def test_a_torn_last_line_is_left_out_and_cut_off(self, path, torn):
        append(path, {"a": 1})
        with path.open("ab") as file:
            file.write(torn)
        assert read_entries(path) == [{"a": 1}]
        append(path, {"b": 2})
        assert path.read_bytes() == b'{"a": 1}\n{"b": 2}\n'

    def test_a_line_that_lacks_its_end_alone_is_kept(self, path):
        path.write_bytes(b'{"a": 1}\n{"b": 2}')
        assert read_entries(path) == [{"a": 1}, {"b": 2}]
        append(path, {"c": 3})
        assert read_entries(path) == [{"a": 1}, {"b": 2}, {"c": 3}]

    def test_a_file_of_a_torn_line_alone_is_begun_anew(self, path):
        path.write_bytes(b'{"event')
        append(path, {"a": 1})
        assert read_entries(path) == [{"a": 1}]

    @given(st.binary(max_size=60))
    def test_whatever_is_at_the_end_a_line_can_be_added(self, tmp_path_factory, torn):
        path = tmp_path_factory.mktemp("any") / "lines"
        append(path, {"a": 1})
        with path.open("ab") as file:
            file.write(torn.replace(b"\n", b"").replace(b"\r", b""))
        append(path, {"b": 2})
        found = read_entries(path)
        assert found[0] == {"a": 1} and found[-1] == {"b": 2}

    def test_a_full_disk_leaves_the_lines_before(self, path, monkeypatch):
        append(path, {"a": 1})
        write = os.write
        rest = [3]

        def short(handle, data):
            if not rest:
                raise OSError(28, os.strerror(28))
            return write(handle, bytes(data)[: rest.pop()])

        monkeypatch.setattr(os, "write", short)
        with pytest.raises(OSError, match="No space"):
            append(path, {"b": 2})
        assert path.read_bytes() == b'{"a": 1}\n'

    def test_kills_leave_whole_lines(self, path):
        code = textwrap.dedent(f"""
            import importlib.util
            from pathlib import Path
            spec = importlib.util.spec_from_file_location("attempts", {attempts.__file__!r})
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            step = 0
            while True:
                module.log_start(Path({str(path)!r}), step, step)
                step += 1
        """)
        count = 0
        for wait in (0.05, 0.11, 0.17):
            process = subprocess.Popen([sys.executable, "-c", code])
            deadline = time.monotonic() + 30
            while not path.exists() or len(path.read_bytes()) <= count:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
            count = len(path.read_bytes())
        found = read_entries(path)
        assert len(found) > 3 and all(set(entry) >= {"step", "pid"} for entry in found)
        assert len({entry["pid"] for entry in found}) == 3


class TestSums:
    def test_of_nothing_there_are_none(self):
        assert attempts.summed_up([]) is None
        assert attempts.summed_up([end(3)]) is None

    def test_a_single_start_is_open(self):
        assert attempts.summed_up([start()]) == Attempts(1, 0, 0, 0, 0, True, 0, 0, None)

    def test_each_end_is_counted_by_its_reason(self):
        found = attempts.summed_up(
            [
                *(start(), end(10)),
                start(8),
                *(start(6), end(30, "failed", message="disk\nfull")),
                *(start(25), end(40, "finished")),
            ]
        )
        assert found == Attempts(
            starts=4,
            finished=1,
            stopped=1,
            failed=1,
            killed=1,
            open=False,
            lost_chunks=2 + 5,
            uncounted=1,
            last_end="finished",
        )

    def test_a_start_may_say_what_had_been_reached(self):
        found = attempts.summed_up([start(), start(6, reached=11), start(12, reached=12)])
        assert (found.killed, found.lost_chunks, found.uncounted) == (2, 5, 0)

    def test_the_last_failure_is_told_in_a_line(self):
        found = attempts.summed_up([start(), end(3, "failed", message="disk\n full")])
        assert found.last_end == "failed: disk full"
        assert attempts.summed_up([start(), end(3)]).last_end == "stopped"

    def test_ends_without_a_start_are_left_out(self):
        found = attempts.summed_up([end(1), start(), end(4, "finished"), end(9, "failed")])
        assert (found.starts, found.finished, found.failed) == (1, 1, 0)

    def test_odd_lines_are_no_error(self):
        odd = [
            {},
            {"event": 3},
            {"event": "start"},
            {"event": "end", "chunks": None, "reason": []},
        ]
        found = attempts.summed_up([*odd, {"event": "start", "chunks": "x"}])
        assert (found.starts, found.failed, found.uncounted) == (2, 1, 1)


class TestTexts:
    FOUND = Attempts(3, 0, 1, 0, 1, True, 0, 1, None)

    def test_an_open_start_is_killed_unless_it_is_at_work(self):
        assert settled(self.FOUND, running=True) == self.FOUND
        gone = settled(self.FOUND, running=False)
        assert (gone.killed, gone.open) == (2, False)
        assert settled(gone, running=False) == gone

    def test_say_how_often_and_how(self):
        assert interruptions(self.FOUND) == "1 killed, 1 stopped"
        assert rows(self.FOUND) == [("attempts", "3 (1 killed, 1 stopped)")]
        once = Attempts(1, 1, 0, 0, 0, False, 0, 0, "finished")
        assert rows(once) == [("attempts", "1")] and interruptions(once) == ""

    def test_say_what_was_read_again_as_far_as_known(self):
        known = self.FOUND._replace(lost_chunks=7, uncounted=0)
        assert ("read again", "7 chunks") in rows(known)
        assert ("read again", "at least 7 chunks") in rows(known._replace(uncounted=1))

    def test_say_how_it_ended_last(self):
        failed = self.FOUND._replace(last_end="failed: disk full")
        assert ("last attempt", "failed: disk full") in rows(failed)
