"""One job per folder: taken, refused, released, and taken over from the dead."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import asdict

import plain_python
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tgcarry.errors import LogError
from tgcarry.locks import FolderLock, Owner, folder_lock
from tgcarry.locks.owner import decode, encode, this_process

HOLDER = """
    import sys, time
    from tgcarry.locks import FolderLock
    with FolderLock(sys.argv[1]):
        print("held", flush=True)
        time.sleep(60)
"""


def one_line(error):
    message = str(error.value)
    assert "\n" not in message and message
    return message


def content(folder):
    return (folder / ".lock").read_bytes()


def leave(folder, **changes):
    """Leaves a lock file behind, as an owner that was killed would have."""
    owner = Owner(**{**vars(this_process()), **changes})
    (folder / ".lock").write_bytes(encode(owner))
    return owner


def seen(folder, ago):
    """Sets when the owner of a lock was last seen."""
    then = time.time() - ago
    os.utime(folder / ".lock", (then, then))


FAR = {"host": "another", "boot": "another"}


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds `tmp_path`."""
    process = subprocess.Popen(
        plain_python.command(HOLDER, tmp_path), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_held_inside_and_free_afterwards(tmp_path):
    folder = tmp_path / "new" / "folder"
    with FolderLock(folder) as lock:
        assert lock.taken_over is None
        assert decode(content(folder)).pid == os.getpid()
        lock.check()
    assert content(folder) == b""
    with FolderLock(folder) as lock:
        assert lock.taken_over is None


def test_a_second_one_is_refused_also_in_one_process(tmp_path):
    with FolderLock(tmp_path) as lock:
        for other in (FolderLock(tmp_path), FolderLock(tmp_path / ".." / tmp_path.name)):
            with pytest.raises(LogError, match="in use by") as error:
                other.__enter__()
            assert f"process {os.getpid()} on host {socket.gethostname()}" in one_line(error)
        with pytest.raises(LogError, match="held already"):
            lock.__enter__()
        lock.check()
    with FolderLock(tmp_path):
        pass


def test_the_refusal_names_who_where_since_when_and_what_to_do(tmp_path, holder):
    with pytest.raises(LogError) as error:
        FolderLock(tmp_path).__enter__()
    assert re.fullmatch(
        rf"{tmp_path}: in use by process {holder.pid} on host {socket.gethostname()} since "
        rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC: wait for it, end it \(kill {holder.pid}\), or "
        rf"name another folder",
        one_line(error),
    )


def test_a_killed_one_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over.pid == holder.pid
        assert decode(content(tmp_path)).pid == os.getpid()
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over is None


def test_a_stopped_one_still_holds_it(tmp_path, holder):
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LogError, match=f"kill {holder.pid}"):
        FolderLock(tmp_path, patience=0.01).__enter__()
    holder.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_released_after_an_exception(tmp_path, kind):
    with pytest.raises(kind, match="mine"):
        with FolderLock(tmp_path):
            raise kind("mine")
    assert content(tmp_path) == b""
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over is None


def test_a_lock_can_be_used_again(tmp_path):
    lock = FolderLock(tmp_path)
    for _ in range(3):
        with lock:
            lock.check()


def test_a_process_with_the_same_number_is_not_mistaken(tmp_path):
    left = leave(tmp_path, started=1)
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over == left


def test_a_living_owner_is_respected_where_the_file_system_keeps_no_locks(tmp_path, holder):
    living = vars(decode(content(tmp_path)))
    (tmp_path / "other").mkdir()
    for started in (living["started"], None):
        left = leave(tmp_path / "other", **{**living, "started": started})
        with pytest.raises(LogError, match="keeps no locks") as error:
            FolderLock(tmp_path / "other").__enter__()
        assert f"kill {holder.pid}" in one_line(error)
        assert decode(content(tmp_path / "other")) == left
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path / "other") as lock:
        assert lock.taken_over == left


def test_a_program_that_starts_itself_anew_goes_on(tmp_path):
    script = """
        import os, sys
        from tgcarry.locks import FolderLock
        lock = FolderLock(sys.argv[1])
        lock.__enter__()
        print(lock.taken_over is None or lock.taken_over.pid == os.getpid(), flush=True)
        if lock.taken_over is None:
            os.execv(sys.executable, sys.orig_argv)
    """
    assert plain_python.run(script, tmp_path) == ["True", "True"]


def test_after_a_restart_of_the_machine_nobody_lives(tmp_path):
    left = leave(tmp_path, boot="before")
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over == left


def test_a_container_that_was_replaced_is_taken_over_at_once(tmp_path):
    left = leave(tmp_path, host="0123456789ab", started=1)
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over == left


def test_another_machines_job_is_refused_while_it_shows_life(tmp_path):
    left = leave(tmp_path, **FAR)
    for ago in (0, 50, -1000):
        seen(tmp_path, ago)
        with pytest.raises(LogError, match="on host another") as error:
            FolderLock(tmp_path, patience=100).__enter__()
        assert "not seen for 100 s" in one_line(error)
    seen(tmp_path, 200)
    with FolderLock(tmp_path, patience=100) as lock:
        assert lock.taken_over == left
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock"]


def test_shows_life_until_released(tmp_path):
    with FolderLock(tmp_path, patience=0.06) as lock:
        seen(tmp_path, 1000)
        deadline = time.monotonic() + 20
        while time.time() - (tmp_path / ".lock").stat().st_mtime > 500:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    seen(tmp_path, 1000)
    time.sleep(0.1)
    assert time.time() - (tmp_path / ".lock").stat().st_mtime > 500
    assert lock.taken_over is None


def test_says_when_the_lock_was_lost(tmp_path):
    with FolderLock(tmp_path, patience=0.06) as lock:
        left = leave(tmp_path, **FAR)
        seen(tmp_path, 1000)
        with pytest.raises(LogError, match="no longer this job's, but process") as error:
            lock.check()
        one_line(error)
        time.sleep(0.1)
        assert time.time() - (tmp_path / ".lock").stat().st_mtime > 500, "prolongs another's"
    assert decode(content(tmp_path)) == left, "releases another's"
    seen(tmp_path, 1000)
    with FolderLock(tmp_path) as lock:
        (tmp_path / ".lock").unlink()
        with pytest.raises(LogError, match="lock is lost: No such file") as error:
            lock.check()
        one_line(error)
    with pytest.raises(LogError):
        lock.check()


def test_a_removed_file_is_made_anew(tmp_path, monkeypatch):
    flock = folder_lock.fcntl.flock
    removed = []

    def removing(handle, how):
        if len(removed) < 3:
            (tmp_path / ".lock").unlink()
            removed.append(handle)
        flock(handle, how)

    monkeypatch.setattr(folder_lock.fcntl, "flock", removing)
    with FolderLock(tmp_path) as lock:
        lock.check()
    assert len(removed) == 3


@pytest.mark.parametrize("odd", ["folder", "link", "pipe", "file above", "nan"])
def test_what_cannot_be_locked_is_refused_in_one_line(tmp_path, odd):
    path = tmp_path / ".lock"
    with pytest.raises(LogError) as error:
        if odd == "folder":
            path.mkdir()
        elif odd == "link":
            path.symlink_to(tmp_path / "elsewhere")
        elif odd == "pipe":
            os.mkfifo(path)
        elif odd == "file above":
            path.write_bytes(b"")
            tmp_path = path
        FolderLock(tmp_path, float("nan") if odd == "nan" else 1.0).__enter__()
    assert str(tmp_path) in one_line(error) or odd == "nan"


def test_a_file_system_without_locks_says_so(tmp_path, monkeypatch):
    def flock(handle, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(folder_lock.fcntl, "flock", flock)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(LogError, match="No locks available: let the file system keep") as error:
        FolderLock(tmp_path).__enter__()
    one_line(error)
    assert len(set(os.listdir("/proc/self/fd"))) == len(before), "a handle is left open"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300)
    | st.fixed_dictionaries(
        {
            name: st.none() | st.integers() | st.text(max_size=3) | st.just(value)
            for name, value in vars(this_process()).items()
        }
    ).map(lambda values: json.dumps(values).encode())
)
def test_whatever_the_file_holds_the_lock_is_taken_or_refused(tmp_path, held):
    (tmp_path / ".lock").write_bytes(held)
    try:
        with FolderLock(tmp_path) as lock:
            lock.check()
    except LogError as error:
        assert "in use by process" in str(error) and "\n" not in str(error)
        assert decode(held) is not None


RACE = """
    import os, signal, sys, time
    from pathlib import Path
    from tgcarry.errors import LogError
    from tgcarry.locks import FolderLock
    from tgcarry.locks.owner import encode, this_process
    import dataclasses
    folder, rounds, racers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    results, into = os.pipe()

    def race(start):
        os.read(start, 1)
        while True:
            try:
                with FolderLock(folder) as lock:
                    # Whoever else is inside at the same time fails here.
                    os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
                    time.sleep(0.002)
                    lock.check()
                    os.unlink(folder / "inside")
                    os.write(into, b"T" if lock.taken_over else b"F")
                return
            except LogError as error:
                assert "in use by" in str(error) or "keep taking" in str(error), error
                time.sleep(0.001)

    for _ in range(rounds):
        stale = dataclasses.replace(this_process(), pid=4194304 - 1, started=1)
        (folder / ".lock").write_bytes(encode(stale))
        start, go = os.pipe()
        pids = []
        for _ in range(racers):
            pid = os.fork()
            if not pid:
                try:
                    os.close(go)
                    race(start)
                    os._exit(0)
                except BaseException as error:
                    os.write(2, repr(error).encode())
                os._exit(1)
            pids.append(pid)
        os.close(start)
        os.close(go)
        status = [os.waitpid(pid, 0)[1] for pid in pids]
        print(set(status), os.read(results, 1000).decode())
"""


def test_many_that_race_for_a_stale_lock_have_it_one_by_one(tmp_path):
    for line in plain_python.run(RACE, tmp_path, 5, 12):
        status, taken = line.rsplit(maxsplit=1)
        assert status == "{0}", "two were inside at once"
        assert sorted(taken) == ["F"] * 11 + ["T"], "one of them takes it over, and only one"


FORKS = """
    import os, signal, sys, time
    from tgcarry.locks import FolderLock
    said, say = os.pipe()
    owner = os.fork()
    if not owner:
        with FolderLock(sys.argv[1]) as lock:
            pid = os.fork()
            if not pid:
                lock.__exit__(None, None, None)
                os.write(say, b"%d" % os.getpid())
                time.sleep(60)
                os._exit(0)
            time.sleep(60)
    worker = int(os.read(said, 100))
    try:
        FolderLock(sys.argv[1]).__enter__()
    except Exception as error:
        print(error)
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    with FolderLock(sys.argv[1]) as lock:
        print(lock.taken_over.pid == owner)
    os.kill(worker, signal.SIGKILL)
"""


def test_a_forked_worker_neither_releases_nor_keeps_it(tmp_path):
    refused, taken = plain_python.run(FORKS, tmp_path)
    assert "in use by process" in refused and "kill" in refused
    assert taken == "True"


def test_what_a_killed_job_started_behind_its_back_is_named(tmp_path):
    """A worker that C code forked keeps the lock: then the message has to help."""
    with FolderLock(tmp_path):
        leave(tmp_path, pid=4194303, started=1)
        with pytest.raises(LogError, match="by what it started: end that") as error:
            FolderLock(tmp_path).__enter__()
        one_line(error)
    leave(tmp_path, pid=4194303, started=1)
    with FolderLock(tmp_path) as lock:
        assert lock.taken_over.pid == 4194303


def test_one_who_is_just_signing_is_waited_for(tmp_path, monkeypatch):
    with FolderLock(tmp_path):
        (tmp_path / ".lock").write_bytes(b"")
        with pytest.raises(LogError, match="other jobs keep taking"):
            FolderLock(tmp_path).__enter__()

        def signs(seconds):
            leave(tmp_path)

        monkeypatch.setattr(folder_lock.time, "sleep", signs)
        (tmp_path / ".lock").write_bytes(b'{"pid"')
        with pytest.raises(LogError, match=f"process {os.getpid()}"):
            FolderLock(tmp_path).__enter__()
    (tmp_path / ".lock").write_bytes(b"")


def test_a_full_disk_refuses_and_leaves_it_free(tmp_path):
    script = """
        import resource, sys
        from tgcarry.errors import LogError
        from tgcarry.locks import FolderLock
        for limit in (0, 10):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                FolderLock(sys.argv[1]).__enter__()
            except LogError as error:
                print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, resource.RLIM_INFINITY))
        with FolderLock(sys.argv[1]) as lock:
            print(lock.taken_over)
    """
    too_large, short, free = plain_python.run(script, tmp_path)
    assert "File too large: raise the limit" in too_large
    assert "No space left on device: free some space" in short
    assert free == "None"


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 10**30, "started": None},
        {"pid": True},
        {"started": False},
        {"host": "a\nb"},
        {"since": "\x1b[31m"},
        {"host": "x" * 3000},
    ],
)
def test_an_owner_that_nobody_wrote_is_nobody(changes):
    values = {**asdict(this_process()), **changes}
    assert decode(json.dumps(values).encode()) is None
