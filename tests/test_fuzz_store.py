"""The store and the lock: whatever lies in their folders, a whole snapshot or an honest no."""

import json
import os
import shutil
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
import snapshots
from fuzzing import (
    edited,
    edits,
    examples,
    folder,
    in_time,
    json_values,
    odd_paths,
    outcome,
    replaced,
    replacements,
)
from hypothesis import example, given
from hypothesis import strategies as st

from tgcarry.locks import owner as owners
from tgcarry.locks.folder_lock import NAME, FolderLock
from tgcarry.store import Store, manifest
from tgcarry.store.manifest import MANIFEST, DamagedError, Snapshot

STEPS = (3, 40)


def filled(here):
    """Saves two snapshots with scores."""
    store = Store(here / "store")
    for step in STEPS:
        store.save(step, snapshots.put(step), score=1.0 / step, notes={"chunks": step})
    return store


def looked_at(store, sealed=True):
    """Looks at a store in every way; says which steps were found whole, as they were `sealed`."""
    found = []
    with in_time():
        for look in (store.newest, store.best):
            snapshot = outcome(look, store.folder)
            if snapshot is not None:
                assert snapshots.holds(snapshot, snapshot.step) or not sealed
                found.append(snapshot.step)
            for damage in store.damaged:
                assert damage.reason.splitlines() == [damage.reason], damage
        for snapshot in outcome(store.list, store.folder) or []:
            assert isinstance(snapshot, Snapshot)
    return found


def sealed(content):
    """Makes a manifest whose checksum is right, whatever it says."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return manifest._START + manifest._checksum(body) + manifest._MIDDLE + body + manifest._END


def content_of(path):
    return json.loads(path.read_bytes())["snapshot"]


@examples(60)
@given(st.integers(0, 9), edits)
def test_damaged_files(which, changes):
    with folder() as here:
        store = filled(here)
        files = sorted(path for path in (store.folder / "step-0000000040").rglob("*.*"))
        path = files[which % len(files)]
        before = path.read_bytes()
        path.write_bytes(edited(before, changes))
        same = path.read_bytes() == before
        assert looked_at(store) == ([40, 40] if same else [3, 3])


@examples(150)
@given(replacements())
@example([([4, 0], {"size": -1, "sha256": ""})])
@example([([0], 10**400)])
@example([([4], {"\ud800": {"size": 1, "sha256": "x"}})])
@example([([4], {"../../x": {"size": 1, "sha256": "x"}})])
@example([([2], float("nan"))])
def test_manifests_of_anything(changes):
    with folder() as here:
        store = Store(here / "store")
        store.save(7, snapshots.put(7), score=2.0)
        path = store.folder / "step-0000000007" / MANIFEST
        path.write_bytes(sealed(replaced(content_of(path), changes)))
        # It may well vouch for fewer files.
        looked_at(store, sealed=False)


@examples(100)
@given(st.binary(max_size=80) | st.binary(max_size=80).map(sealed) | json_values().map(sealed))
@example(sealed(b"[" * 100_000))
@example(sealed(b'{"format": ' + b"9" * 100_000 + b"}"))
@example(sealed(b'{"format": 1, "format": 2, "step": NaN}'))
@example(sealed("{}".encode("utf-16")))
@example(sealed(b"\xef\xbb\xbf{}"))
def test_manifests_of_bytes(raw):
    try:
        with in_time():
            manifest.decode(raw, Path("somewhere"))
    except DamagedError as error:
        assert str(error).splitlines() == [str(error)]


@pytest.mark.parametrize("kind", odd_paths())
@pytest.mark.parametrize("inside", ["", "step-0000000040", f"step-0000000040/{MANIFEST}"])
def test_what_is_no_snapshot(tmp_path, kind, inside):
    store = filled(tmp_path)
    target = store.folder / inside
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    odd_paths()[kind](target.parent, "")
    odd = target.parent / "odd"
    if os.path.lexists(odd):
        odd.rename(target)
    found = looked_at(store)
    assert found == ([3, 3] if inside else [])


_NAMES = st.one_of(
    st.sampled_from(["step-", ".saving-", ".doomed-", "step-0000000040"]),
    st.text(st.characters(exclude_characters="/\x00", codec="utf-8"), max_size=20),
    st.from_regex(r"step-[0-9]{1,30}(-[0-9]{1,9})?", fullmatch=True),
)


@examples(60)
@given(
    st.lists(st.tuples(_NAMES, _NAMES, st.sampled_from(["file", "folder", "copy"])), max_size=4)
)
@example([("step-" + "9" * 240, "", "copy")])
@example([("step-٤٤٤٤٤٤٤٤٤٤", "", "copy"), ("step-0000000041\n", "", "copy")])
def test_folders_of_any_names(names):
    with folder() as here:
        store = filled(here)
        for first, second, kind in names:
            put(store.folder / (f"{first}{second}"[:80] or "-"), kind, store)
        assert looked_at(store) == [40, 40]


def put(path, kind, store):
    if os.path.lexists(path) or path.name in (".", ".."):
        return
    if kind == "file":
        path.write_bytes(b"x")
    elif kind == "folder":
        path.mkdir()
    else:
        shutil.copytree(store.folder / "step-0000000003", path)


def test_a_snapshot_that_changes_while_it_is_read(tmp_path):
    store = filled(tmp_path)
    path = store.folder / "step-0000000040" / "model.data"
    whole, ended = path.read_bytes(), threading.Event()

    def write():
        while not ended.is_set():
            for raw in (whole, whole[:1], whole * 2):
                path.write_bytes(raw)
            path.unlink()
            path.write_bytes(whole)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(150):
            snapshot = outcome(store.newest, store.folder)
            assert snapshot is None or snapshot.step in STEPS
    finally:
        ended.set()
        thread.join()


GOOD = asdict(owners.this_process())


@examples(300)
@given(st.binary(max_size=60) | json_values().map(lambda v: json.dumps(v).encode()))
@example(b"[" * 4096)
@example(b'{"pid": ' + b"9" * 4000 + b"}")
@example(json.dumps({**GOOD, "pid": 10**30, "started": None}).encode())
@example(json.dumps({**GOOD, "pid": True, "started": False}).encode())
@example(json.dumps({**GOOD, "host": "a\nb\u2028\ud800\x1b[31m"}).encode())
@example(json.dumps({**GOOD, "since": "x" * 3900}).encode())
def test_owners_of_anything(raw):
    check_owner(raw)


@examples(300)
@given(replacements(), edits, st.booleans())
def test_damaged_owners(changes, bytes_too, damage):
    raw = json.dumps(replaced(GOOD, changes)).encode()
    check_owner(edited(raw, bytes_too) if damage else raw)


def check_owner(raw):
    """Reads an owner, asks of it what a lock does, and has a lock refused or given by it."""
    owner = owners.decode(raw)
    if owner is not None:
        assert isinstance(owner.lives(), bool) and isinstance(owner.on_this_machine(), bool)
        assert str(owner).splitlines() == [str(owner)] and len(str(owner)) < 1000
    with folder() as here:
        (here / NAME).write_bytes(raw)

        def take():
            with FolderLock(here) as lock:
                lock.check()
            return True

        taken = outcome(take, here)
        assert taken or owner is not None


@pytest.mark.parametrize("kind", odd_paths())
def test_locks_that_are_no_files(tmp_path, kind):
    odd_paths()[kind](tmp_path, "")
    if os.path.lexists(tmp_path / "odd"):
        (tmp_path / "odd").rename(tmp_path / NAME)

    def take():
        with FolderLock(tmp_path):
            return True

    taken = outcome(take, tmp_path)
    assert taken or kind not in ("nothing", "unreadable")
