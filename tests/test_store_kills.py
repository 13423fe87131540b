"""Snapshots when the saving process is killed, and when a limit or a full disk stops it."""

import subprocess
from pathlib import Path

import plain_python
import pytest
from snapshots import in_memory


@pytest.fixture
def tmp_path():
    with in_memory() as path:
        yield Path(path)


SAVER = """
    import os, random, signal, sys, time
    from pathlib import Path
    from tgcarry.store import Store
    assert "tensorflow" not in {m for m, found in sys.modules.items() if found}

    def data(step):
        return random.Random(step).randbytes(1 + step % 7 * 3000)

    def put(step):
        def write(folder):
            (folder / "more").mkdir()
            for name in ("model.data", "more/model.index"):
                with (folder / name).open("wb") as file:
                    for byte in range(3):
                        file.write(data(step)[byte::3])
                        file.flush()
        return write

    def right(snapshot):
        return snapshot is not None and len(snapshot.files) == 2 and all(
            (snapshot.path / f.name).read_bytes()
            == b"".join(data(snapshot.step)[i::3] for i in range(3))
            for f in snapshot.files
        )

    def child(work):
        pid = os.fork()
        if not pid:
            try:
                work()
                os._exit(0)
            except BaseException:
                import traceback
                traceback.print_exc()
            os._exit(1)
        return pid
"""


def test_killed_at_any_moment_what_was_saved_stays(tmp_path):
    """Kills a saver 25 times; a step that was reported as saved is never lost."""
    script = (
        SAVER
        + """
    folder = Path(sys.argv[1])
    Store(folder).save(0, put(0))
    chance = random.Random(5)
    done, into = os.pipe()

    def save_on(step):
        store = Store(folder, keep=2)
        while True:
            step += 1
            store.save(step, put(step), score=abs(step - 40.0))
            os.write(into, step.to_bytes(4, "big"))

    for _ in range(25):
        start = Store(folder).newest().step
        pid = child(lambda: save_on(start))
        first = os.read(done, 4)
        time.sleep(chance.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL, "it ended by itself"
        os.write(into, b"last")
        said = first + os.read(done, 65536)
        assert said[-4:] == b"last"
        reported = int.from_bytes(said[-8:-4], "big")
        store = Store(folder)
        found = store.newest()
        assert right(found), (found, store.damaged)
        assert found.step >= reported and not store.damaged
        best = store.best()
        assert best is None or right(best) and not store.damaged
    Store(folder).save(10**6, put(10**6))
    print(found.step, len([p for p in folder.iterdir() if p.name.startswith(".")]))
    """
    )
    ((steps, leftovers),) = (line.split() for line in plain_python.run(script, tmp_path))
    assert int(steps) >= 25
    assert leftovers == "0"


def test_killed_before_any_of_its_calls_a_save_is_whole_or_not_there(tmp_path):
    """Kills a saver before its 1st, 2nd, 3rd... call to the system that changes something."""
    script = (
        SAVER
        + """
    import shutil
    folder = Path(sys.argv[1])
    CHANGES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}

    def killed_at(count, step):
        left = count
        store = Store(folder, keep=1)

        def hook(event, arguments):
            nonlocal left
            if event in CHANGES:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        store.save(step, put(step), score=-float(step))

    kills = 0
    for before, step in (((1,), 2), ((1, 2, 3), 4), ((1, 2), 2)):
        prepared = folder.with_name(f"for-{step}-after-{len(before)}")
        for each in before:
            Store(prepared, keep=5).save(each, put(each), score=-float(each))
        for count in range(1, 1000):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(prepared, folder)
            pid = child(lambda: killed_at(count, step))
            status = os.waitpid(pid, 0)[1]
            assert status in (0, signal.SIGKILL), status
            store = Store(folder)
            assert right(store.newest()) and store.newest().step in (max(before), step)
            assert right(store.best()) and not store.damaged, store.damaged
            assert all(right(s) for s in store.list())
            store.clean()
            assert all(p.name.startswith("step-") for p in folder.iterdir())
            Store(folder, keep=1).save(9, put(9))
            assert Store(folder).newest().step == 9
            if status == 0:
                break
            kills += 1
    print(kills)
    """
    )
    (kills,) = plain_python.run(script, tmp_path / "snapshots")
    assert int(kills) > 40


def test_a_limit_on_file_sizes(tmp_path):
    script = """
        import resource, sys
        from pathlib import Path
        from tgcarry.errors import LogError
        from tgcarry.store import Store
        store = Store(sys.argv[1])
        store.save(1, lambda folder: (folder / "x").write_bytes(b"1" * 1000))
        for limit, size in ((2000, 5000), (100, 10)):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                store.save(2, lambda folder: (folder / "x").write_bytes(b"2" * size))
            except LogError as error:
                print(error)
        print(store.newest().step, [p.name for p in Path(sys.argv[1]).iterdir()])
    """
    written, manifest, last = plain_python.run(script, tmp_path)
    assert "File too large" in written and "ulimit -f" in written and str(tmp_path) in written
    assert "File too large" in manifest, "the manifest alone is over the limit"
    assert last == "1 ['step-0000000001']"


MOUNTING = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture
def mounting(tmp_path):
    """Gives the command that lets what it runs mount a small disk at `tmp_path`."""
    trial = [*MOUNTING, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(trial, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("nothing may be mounted here")
    return MOUNTING


def test_a_full_disk_and_a_readonly_one(tmp_path, mounting):
    script = """
        import os, subprocess, sys
        from pathlib import Path
        from tgcarry.errors import LogError
        from tgcarry.store import Store
        disk = Path(sys.argv[1])
        small = "size=256k,nr_inodes=64"
        subprocess.run(["mount", "-t", "tmpfs", "-o", small, "x", disk], check=1)
        store = Store(disk / "snapshots")

        def put(size, number=1):
            def write(folder):
                for i in range(number):
                    (folder / f"x{i}").write_bytes(b"1" * size)
            return write

        def look(step):
            found = store.newest()
            assert found.step == step and not store.damaged, (found, store.damaged)
            assert not [p for p in store.folder.iterdir() if p.name.startswith(".")]

        def refused(write):
            try:
                store.save(9, write)
            except LogError as error:
                print(error)
            else:
                print("saved")
            look(1)

        store.save(1, put(100_000))
        for size in (300_000, 200_000):
            refused(put(size))
        refused(put(1, 100))
        fill = (disk / "fill").open("wb", buffering=0)
        while True:
            try:
                fill.write(b"1" * 4096)
            except OSError:
                break
        refused(put(0))
        fill.close()
        (disk / "fill").unlink()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=1)
        refused(put(1))
        try:
            store.clean()
        except LogError as error:
            print("no", error)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=1)
        store.save(2, put(100_000))
        look(2)
    """
    lines = plain_python.run(script, tmp_path, before=mounting)
    assert len(lines) == 5, lines
    for line in lines[:4]:
        assert "No space left on device: free some space there" in line
    assert "Read-only file system: make it writable" in lines[4]
    assert all(f"{tmp_path}/snapshots: cannot save a snapshot of step 9" in line for line in lines)
