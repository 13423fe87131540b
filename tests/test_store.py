"""Snapshots: there whole or not at all, whatever happens to the job, the disk or the files."""

import errno
import hashlib
import json
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
import tensorflow.compat.v1 as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshots import content, holds, in_memory, names, one_line, put

from tgcarry.errors import DataError, LogError
from tgcarry.store import SavedFile, Store, disk
from tgcarry.store.manifest import MANIFEST


@pytest.fixture
def tmp_path():
    with in_memory() as path:
        yield Path(path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "snapshots")


@pytest.fixture
def two(store):
    store.save(1, put(1))
    store.save(2, put(2))
    return store


def test_what_was_saved_comes_back(store):
    notes = {"rng": [1, 2**70], "chunk": {"at": 3}, "text": "ü\n\ud800", "none": None, "x": 0.1}
    path = store.save(7, put(7), score=2.5, notes=notes)
    snapshot = store.newest()
    assert holds(snapshot, 7)
    assert (snapshot.path, snapshot.score, snapshot.notes) == (path, 2.5, notes)
    assert path.name == "step-0000000007"
    sha = hashlib.sha256(b"i7").hexdigest()
    assert snapshot.files[2] == SavedFile("more/model.index", 2, sha)
    assert store.list() == [snapshot] and store.best() == snapshot
    assert names(store.folder) == [path.name]


def test_an_empty_store_has_none(store):
    assert store.newest() is None and store.best() is None and store.list() == []
    store.clean()
    assert not store.folder.exists()


def test_the_manifest_is_json_for_everybody(two):
    read = json.loads((two.newest().path / MANIFEST).read_bytes())
    assert read["snapshot"]["step"] == 2 and len(read["sha256"]) == 64


def test_the_newest_is_by_number_and_not_by_letter(store):
    for step in (9, 10, 99999999999, 9999999999):
        store.save(step, put(step))
    assert [s.step for s in store.list()] == [99999999999, 9999999999, 10]
    assert holds(store.newest(), 99999999999)


def test_keeps_the_newest_few_and_the_best(store):
    for step, score in enumerate([5.0, 1.0, 3.0, 1.0, 4.0, 6.0, float("nan"), 9.0]):
        store.save(step, put(step), score=score)
        steps = [s.step for s in store.list()]
        newest = list(range(step, max(step - 3, -1), -1))
        best = {0: 0, 1: 1, 2: 1}.get(step, 3)
        assert steps == sorted({*newest, best}, reverse=True)
        assert holds(store.best(), best)


def test_without_scores_there_is_no_best(two):
    assert two.best() is None
    two.save(3, put(3), score=float("inf"))
    assert two.best() is None and two.newest().score is None


def test_saving_a_step_again_replaces_it(two):
    two.save(2, put(2), score=1.0)
    path = two.save(2, put(2), notes={"again": True})
    assert [(s.step, s.notes) for s in two.list()] == [(2, {"again": True}), (1, {})]
    assert two.newest().path == path and two.best() is None
    assert names(two.folder) == ["step-0000000001", path.name]


@pytest.fixture
def twice(store, monkeypatch):
    """Saves step 1 twice, as if killed before the first could be removed."""
    monkeypatch.setattr(Store, "_remove", lambda self, going: None)
    store.save(0, put(0), score=3.0)
    store.save(1, put(1), score=0.0)
    store.save(1, put(1), score=5.0)
    monkeypatch.undo()
    assert [s.score for s in store.list()] == [5.0, 0.0, 3.0]
    return store


def test_what_was_replaced_is_not_the_best_though_a_kill_left_it(twice):
    assert (twice.newest().score, twice.best().score) == (5.0, 3.0)
    twice.save(2, put(2), score=4.0)
    assert [s.score for s in twice.list()] == [4.0, 5.0, 3.0]


def test_what_was_replaced_serves_when_the_later_one_is_damaged(twice):
    (twice.newest().path / "model.data").write_bytes(b"x")
    assert twice.newest().score == twice.best().score == 0.0
    assert len(twice.damaged) == 1
    for step in (2, 3, 4):
        assert 0.0 in [s.score for s in twice.list()]
        twice.save(step, put(step), score=9.0)
    assert [s.score for s in twice.list()] == [9.0, 9.0, 9.0, 0.0], "the best one of all"


def test_a_lower_step_than_those_there_stays_until_the_next(store):
    for step in (10, 11, 12, 1):
        store.save(step, put(step))
    assert [s.step for s in store.list()] == [12, 11, 10, 1]
    store.save(2, put(2))
    assert [s.step for s in store.list()] == [12, 11, 10, 2]


def test_a_damaged_one_displaces_no_whole_one(store):
    store = Store(store.folder, keep=2)
    for step in (1, 2, 3):
        (store.save(step, put(step)) / "model.data").write_bytes(b"x")
    store.save(4, put(4))
    (store.save(5, put(5)) / "model.data").write_bytes(b"x")
    store.save(6, put(6))
    assert [s.step for s in store.list()] == [6, 5, 4], "5 is damaged, 3 and below are old"
    assert Store(store.folder).newest().step == 6


def test_others_files_are_left_alone(store):
    store.folder.mkdir()
    others = ["step-1", "step-0000000001x", ".saving", "notes.txt", "step-00000000001"]
    for name in others:
        (store.folder / name).write_text("mine")
    for step in range(6):
        store.save(step, put(step))
    store.clean()
    assert set(others) < set(names(store.folder))
    assert len(store.list()) == 3 and not store.damaged


def test_a_file_more_is_no_damage_and_no_part(two):
    (two.newest().path / "seen.txt").write_text("by me")
    assert holds(two.newest(), 2)


# What may be in a snapshot.


def test_odd_names_are_kept(store):
    odd = ["a\nb", "ü", " ", "..x", "-", "a\\b", os.fsdecode(b"\xff\xfe"), "x" * 200, ".saving-1"]

    def write(folder):
        for name in odd:
            (folder / name).mkdir()
            (folder / name / MANIFEST).write_bytes(b"y")

    store.save(1, write)
    assert [f.name for f in store.newest().files] == sorted(f"{n}/{MANIFEST}" for n in odd)
    path = store.newest().path / odd[0] / MANIFEST
    path.unlink()
    assert store.newest() is None
    ((_, reason),) = store.damaged
    assert "\n" not in reason and "a\\nb" in reason


def test_empty_folders_and_no_files_at_all(store):
    store.save(1, lambda folder: (folder / "a" / "b").mkdir(parents=True), notes={"n": 1})
    assert store.newest().files == () and (store.newest().path / "a" / "b").is_dir()


def link(folder):
    (folder / "odd").symlink_to("/etc/passwd")


def link_to_folder(folder):
    (folder / "odd").symlink_to("/")


def pipe(folder):
    os.mkfifo(folder / "odd")


def plug(folder):
    with socket.socket(socket.AF_UNIX) as it:
        here = Path.cwd()
        os.chdir(folder)
        it.bind("odd")
        os.chdir(here)


@pytest.mark.parametrize("odd", [link, link_to_folder, pipe, plug])
def test_links_and_devices_are_refused(two, odd):
    with pytest.raises(LogError, match="odd: neither a file nor a folder") as error:
        two.save(3, odd)
    assert str(two.folder) in one_line(error)
    assert names(two.folder) == ["step-0000000001", "step-0000000002"]


def test_the_manifests_name_is_taken(two):
    with pytest.raises(LogError, match=r"manifest\.json is the name") as error:
        two.save(3, lambda folder: (folder / MANIFEST).write_bytes(b""))
    one_line(error)
    assert len(names(two.folder)) == 2


def test_a_file_left_open_is_refused(two):
    opened = []

    def write(folder):
        put(3)(folder)
        opened.append((folder / "model.data").open("rb"))
        opened.append((folder / "late").open("wb"))
        opened[-1].write(b"not there yet")

    with pytest.raises(LogError, match="late: still open for writing") as error:
        two.save(3, write)
    assert "model.data" not in one_line(error)
    for file in opened:
        file.close()


def test_what_is_written_after_all_is_seen(two):
    path = two.save(3, put(3))
    with (path / "model.data").open("r+b") as late:
        late.write(b"9")
    assert holds(two.newest(), 2)
    assert [name for name, _ in two.damaged] == [path.name]


def test_tensorflows_own_checkpoints_go_in_and_come_out(store, graph):
    variable = tf.get_variable("w", [3], tf.float32, tf.zeros_initializer())
    saver = tf.train.Saver()
    with tf.Session(graph=graph) as session:
        for step in (1, 2):
            variable.load([step] * 3, session)
            store.save(step, lambda folder: saver.save(session, str(folder / "model.ckpt")))
        (store.newest().path / "model.ckpt.index").write_bytes(b"")
        saver.restore(session, str(store.newest().path / "model.ckpt"))
        assert session.run(variable).tolist() == [1] * 3


def test_hidden_readonly_and_nested_remains_are_removed(two):
    def write(folder):
        deep = folder / "a" / "b"
        deep.mkdir(parents=True)
        (deep / "c").write_bytes(b"")
        (deep / "outside").symlink_to(two.folder)
        deep.chmod(0o500)
        deep.parent.chmod(0o000)
        raise ValueError("after all")

    with pytest.raises(ValueError, match="after all"):
        two.save(3, write)
    assert len(names(two.folder)) == 2 and holds(two.newest(), 2)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), KeyError("x")])
def test_other_exceptions_of_the_writer_pass(two, error):
    def write(folder):
        put(3)(folder)
        raise error

    with pytest.raises(type(error)):
        two.save(3, write)
    assert len(names(two.folder)) == 2 and holds(two.newest(), 2)


@pytest.mark.parametrize(
    "notes",
    [{1: 2}, {"a": (1,)}, {"a": float("nan")}, {"a": {1}}, {"a": b""}, {"a": 10**5000}],
    ids=["key", "tuple", "nan", "set", "bytes", "huge"],
)
def test_notes_that_would_change_are_refused_before_anything_is_written(store, notes):
    with pytest.raises(LogError, match="would not come back from JSON") as error:
        store.save(1, put(1), notes=notes)
    one_line(error)
    assert not store.folder.exists()


def test_notes_that_nest_too_deeply_are_refused(store):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(LogError):
        store.save(1, put(1), notes={"deep": deep})


@pytest.mark.parametrize("step", [-1, 1.5, True, "3", None])
def test_a_step_is_a_whole_number(store, step):
    with pytest.raises(DataError):
        store.save(step, put(1))
    with pytest.raises(DataError):
        Store(store.folder, keep=0)


# Damage.


def every_damage(data):
    """Gives the bytes of a file in every way that one byte can be wrong, or the end missing."""
    for i in range(len(data)):
        for mask in (1, 0x20):
            yield data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :]
        yield data[:i]
    for i in range(0, len(data), 16):
        yield data[:i] + data[i + 1 :]
        yield data[:i] + b"\0" * (len(data) - i)
    yield data + b"\0"
    yield data + b"\n"
    yield b"\n" + data


@pytest.mark.parametrize("name", [*content(2), MANIFEST])
def test_no_wrong_byte_is_ever_loaded(two, name):
    before, newest = two.list()[1].path, two.newest().path
    whole = (newest / name).read_bytes()
    for damaged in every_damage(whole):
        if damaged != whole:
            (newest / name).write_bytes(damaged)
            snapshot = two.newest()
            assert snapshot is not None and snapshot.path == before, damaged
            assert [bad for bad, _ in two.damaged] == [newest.name]
    (newest / name).write_bytes(whole)
    assert two.newest().path == newest and not two.damaged


def gone(path):
    path.unlink()


def folder_instead(path):
    path.unlink()
    path.mkdir()


def link_instead(path):
    kept = path.parent.parent.parent / "elsewhere"
    path.rename(kept)
    path.symlink_to(kept)


def pipe_instead(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [gone, folder_instead, link_instead, pipe_instead])
@pytest.mark.parametrize("name", ["more/model.index", "model.data", MANIFEST])
def test_files_replaced_by_something_else(two, change, name):
    change(two.newest().path / name)
    assert holds(two.newest(), 1)
    ((bad, reason),) = two.damaged
    assert bad == "step-0000000002" and name in reason and "\n" not in reason
    two.save(3, put(3))
    assert holds(two.newest(), 3)


def test_a_folder_that_only_links_to_one_is_not_taken(two):
    newest = two.newest().path
    newest.rename(two.folder.parent / "moved")
    newest.symlink_to(two.folder.parent / "moved")
    assert holds(two.newest(), 1)
    assert two.damaged == [(newest.name, "not a folder")]


def test_folders_replaced_by_something_else(two):
    newest = two.newest().path
    newest.rename(two.folder / "step-0000000009")
    assert holds(two.newest(), 1)
    assert "renamed" in two.damaged[0].reason
    shutil.rmtree(two.folder / "step-0000000009")
    newest.symlink_to("step-0000000001")
    (two.folder / "step-0000000003").write_bytes(b"")
    (two.folder / "step-0000000004").symlink_to("nowhere")
    (two.folder / "step-0000000005").mkdir()
    assert holds(two.newest(), 1)
    assert [name[-1] for name, _ in two.damaged] == ["5", "4", "3", "2"]
    for step in (6, 7, 8):
        two.save(step, put(step))
    assert [name[-1] for name in names(two.folder)] == ["6", "7", "8"]


def test_the_best_one_damaged_gives_way_to_the_next_best(store):
    for step, score in ((1, 3.0), (2, 1.0), (3, 2.0)):
        path = store.save(step, put(step), score=score)
    (store.folder / "step-0000000002" / "model.data").write_bytes(b"x")
    assert holds(store.best(), 3)
    (path / "model.data").write_bytes(b"x")
    assert holds(store.best(), 1) and len(store.damaged) == 2


def sealed(body):
    """Gives a manifest whose checksum is right, whatever it says."""
    sha = hashlib.sha256(body).hexdigest().encode()
    return b'{"sha256": "' + sha + b'",\n"snapshot": ' + body + b"}\n"


def test_sealing_is_as_the_store_does_it(two):
    path = two.newest().path / MANIFEST
    body = path.read_bytes()[91:-2]
    assert sealed(body) == path.read_bytes()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = {
    "format": st.just(1) | anything,
    "step": st.just(2) | anything,
    "score": st.just(1e999) | anything,
    "notes": st.just({}) | anything,
    "files": anything
    | st.dictionaries(
        st.sampled_from(["model.data", "../x", "/etc/passwd", "a\0b", "more", "", "\ud800"]),
        st.fixed_dictionaries({"size": st.just(1) | anything, "sha256": anything}),
    ),
}
bodies = (
    st.binary(max_size=60)
    | (anything | st.fixed_dictionaries({}, optional=fields)).map(lambda v: json.dumps(v).encode())
    | st.sampled_from([b"[" * 100_000, b'{"format": ' + b"9" * 10_000 + b"}", b"1e999", b'"\\ud8'])
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies | st.binary(max_size=200), st.booleans())
def test_manifests_of_any_content_are_passed_by_or_right(two, body, seal):
    (two.folder / "step-0000000002" / MANIFEST).write_bytes(sealed(body) if seal else body)
    snapshot = two.newest()
    if not two.damaged:
        assert snapshot.step == 2 and set(snapshot.files) <= {
            SavedFile("model.data", 1, hashlib.sha256(b"2").hexdigest())
        }
    else:
        assert holds(snapshot, 1)
        assert all("\n" not in reason for _, reason in two.damaged)
    two.best()
    two.list()


def test_a_giant_manifest_does_not_fill_the_memory(two):
    path = two.newest().path / MANIFEST
    os.truncate(path, 1 << 40)
    assert holds(two.newest(), 1)


# Errors of the disk.


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EIO, "check the disk"),
        (errno.EROFS, "make it writable"),
        (errno.EACCES, "who may write"),
    ],
)
@pytest.mark.parametrize("where", ["write", "fsync", "rename", "mkdir"])
def test_the_disks_errors_are_one_line_and_leave_nothing(two, monkeypatch, number, advice, where):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    def write(folder):
        put(3)(folder)
        if where == "write":
            fail()

    if where != "write":
        monkeypatch.setattr(
            *{"fsync": (os, "fsync"), "rename": (Path, "rename"), "mkdir": (Path, "mkdir")}[where],
            fail,
        )
    with pytest.raises(LogError) as error:
        two.save(3, write)
    monkeypatch.undo()
    message = one_line(error)
    assert str(two.folder) in message and advice in message and "step 3" in message
    assert names(two.folder) == ["step-0000000001", "step-0000000002"]
    assert holds(two.newest(), 2) and not two.damaged


def test_a_file_that_disappears_while_it_is_read(two, monkeypatch):
    digest = disk.digest

    def vanishing(path, sync=False):
        if path.name == "model.index":
            path.unlink()
        return digest(path, sync)

    monkeypatch.setattr(disk, "digest", vanishing)
    with pytest.raises(LogError, match=r"more/model\.index: No such file") as error:
        two.save(3, put(3))
    one_line(error)
    assert len(names(two.folder)) == 2
    assert two.newest() is None and "disappeared" in two.damaged[0].reason


def test_the_folder_itself_disappears(two):
    with pytest.raises(LogError, match="No such file"):
        two.save(3, lambda folder: shutil.rmtree(two.folder))
    assert two.newest() is None
    two.save(3, put(3))
    assert holds(two.newest(), 3)


def test_a_store_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LogError) as error:
            Store(folder).save(1, put(1))
        assert str(folder) in one_line(error)
    with pytest.raises(LogError) as error:
        Store(tmp_path / "file").newest()
    one_line(error)


def test_a_reader_short_of_handles_does_not_take_that_for_damage(two, monkeypatch):
    def fail(path):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(disk, "open_file", fail)
    with pytest.raises(LogError, match="Too many open files") as error:
        two.newest()
    one_line(error)


def test_one_that_cannot_be_read_goes_in_its_turn(two, monkeypatch):
    digest = disk.digest

    def locked(path, sync=False):
        if "step-0000000002" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return digest(path, sync)

    monkeypatch.setattr(disk, "digest", locked)
    store = Store(two.folder, keep=2)
    for step, there in ((3, [3, 2, 1]), (4, [4, 3]), (5, [5, 4])):
        store.save(step, put(step))
        assert [s.step for s in store.list()] == there


def test_what_cannot_be_removed_does_not_fail_a_save(two, monkeypatch):
    rename = Path.rename

    def fail(path, target):
        if path.name.startswith("step-"):
            raise PermissionError(errno.EPERM, "not permitted")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    for step in (3, 4):
        two.save(step, put(step))
    assert [s.step for s in two.list()] == [4, 3, 2, 1]
    monkeypatch.undo()
    two.save(5, put(5))
    assert [s.step for s in two.list()] == [5, 4, 3]


def test_all_is_on_disk_before_it_has_its_name_and_before_others_go(two, monkeypatch):
    done = []
    fsync, rename = os.fsync, Path.rename

    def synced(handle):
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    def renamed(path, target):
        done.append(f"rename {path.name[:5]} {Path(target).name[:5]}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    two.save(3, put(3))
    two.save(4, put(4))
    aside = [step for step in done if step.startswith("sync .saving-step")]
    assert len(aside) == 2
    assert [step for step in done if step not in aside] == [
        *(files := ["sync empty", "sync model.data", "sync model.index", f"sync {MANIFEST}"]),
        "sync more",
        "rename .savi step-",
        "sync snapshots",
        *files,
        "sync more",
        "rename .savi step-",
        "sync snapshots",
        "rename step- .doom",
        "sync snapshots",
    ]
    assert done[done.index("rename .savi step-") - 1] == aside[0]


def test_a_new_folder_lasts_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    Store(tmp_path / "a" / "b").save(1, put(1))
    assert synced[:2] == [tmp_path, tmp_path / "a"]


def test_a_file_system_that_cannot_sync_folders_will_do(two, monkeypatch):
    fsync = os.fsync

    def some(handle):
        if Path(f"/proc/self/fd/{handle}").is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", some)
    two.save(3, put(3))
    assert holds(two.newest(), 3)


def test_a_save_reads_again_only_what_was_touched(two, monkeypatch):
    read = []
    digest = disk.digest

    def reading(path, sync=False):
        if not sync:
            read.append(path.parent.name)
        return digest(path, sync)

    monkeypatch.setattr(disk, "digest", reading)
    for step in (3, 4, 5):
        two.save(step, put(step))
    assert read == []
    touched = two.folder / "step-0000000004" / "model.data"
    touched.write_bytes(b"5")
    two.save(6, put(6))
    assert set(read) == {touched.parent.name}
    assert [s.step for s in two.list()] == [6, 5, 4, 3], "4 is damaged, so 3 is the third"


def test_a_reader_beside_a_writer_always_finds_one(tmp_path):
    store = Store(tmp_path, keep=1)
    store.save(0, put(0), score=0.0)
    last = []

    def save():
        for step in range(1, 60):
            store.save(step, put(step), score=-float(step))
        last.append(step)

    thread = threading.Thread(target=save)
    thread.start()
    reader = Store(tmp_path)
    seen = 0
    while thread.is_alive():
        for found in (reader.newest(), reader.best()):
            assert found is not None and found.step >= seen and not reader.damaged
            seen = found.step
    thread.join()
    assert last == [59] and holds(reader.newest(), 59)


def test_leftovers_go_with_the_next_save_or_a_clean(two):
    left = two.folder / f".saving-step-0000000003-{'0' * 16}"
    doomed = two.folder / f".doomed-step-0000000001-2-{'a' * 16}"
    for path in (left, doomed):
        path.mkdir()
        (path / "half").write_bytes(b"x")
    assert len(two.list()) == 2
    two.clean()
    assert len(names(two.folder)) == 2
    left.symlink_to(two.newest().path)
    doomed.write_bytes(b"")
    two.save(3, put(3))
    assert [s.step for s in two.list()] == [3, 2, 1] and len(names(two.folder)) == 3
    assert holds(Store(two.folder).newest(), 3)


class TestMarks:
    @pytest.fixture
    def marking(self, tmp_path):
        return Store(tmp_path / "s", keep=2, mark="kept")

    def test_the_newest_with_the_mark_stays(self, marking):
        for step in range(1, 8):
            marking.save(step, put(step), notes={"kept": step in (2, 4)})
        assert [snapshot.step for snapshot in marking.list()] == [7, 6, 4]
        assert holds(marking.marked(), 4)

    def test_without_one_there_is_none(self, marking, store):
        for step in range(1, 5):
            marking.save(step, put(step), notes={"other": True})
        assert marking.marked() is None
        assert [snapshot.step for snapshot in marking.list()] == [4, 3]
        store.save(1, put(1), notes={"kept": True})
        assert store.marked() is None

    def test_a_damaged_one_does_not_count(self, marking):
        for step in range(1, 6):
            marking.save(step, put(step), notes={"kept": step in (2, 3)})
        next(marking.folder.glob("step-0000000003/model.data")).write_bytes(b"x")
        assert marking.marked() is None
        assert [damage.name for damage in marking.damaged] == ["step-0000000003"]
        marking.save(6, put(6))
        assert [snapshot.step for snapshot in marking.list()] == [6, 5]
