"""Snapshots after any order of saves, kills, failures and damage, beside a model of them."""

import contextlib
import errno
import typing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshots import in_memory, names

from tgcarry.errors import LogError
from tgcarry.store import Store, disk
from tgcarry.store.manifest import MANIFEST

actions = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.integers(0, 12), st.none() | st.integers(-3, 3)),
        st.tuples(st.just("fail"), st.integers(0, 12), st.integers(0, 2)),
        st.tuples(st.just("damage"), st.integers(0, 5), st.integers(0, 400)),
        st.tuples(st.just("cut"), st.integers(0, 5), st.integers(0, 400)),
        st.tuples(st.just("kill"), st.integers(0, 12), st.integers(0, 40)),
        st.tuples(st.just("left"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("clean"), st.just(0), st.just(0)),
        st.tuples(st.just("restart"), st.integers(1, 3), st.just(0)),
    ),
    max_size=20,
)


class Killed(BaseException):
    pass


@contextlib.contextmanager
def killed_before(count):
    """Has the `count`th change of the disk, and every one after it, not happen."""
    places = [
        *((Path, name) for name in ("mkdir", "rename", "write_bytes", "unlink")),
        *((disk, name) for name in ("digest", "write_file", "sync_folder", "remove")),
    ]

    def counting(real):
        def counted(*arguments, **options):
            nonlocal count
            count -= 1
            if count < 0:
                raise Killed
            return real(*arguments, **options)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for place, name in places:
            patch.setattr(place, name, counting(getattr(place, name)))
        with contextlib.suppress(Killed):
            yield


class Saved(typing.NamedTuple):
    """What a snapshot's folder should hold; sorts as snapshots follow one another."""

    step: int
    revision: int
    name: str
    score: float | None
    number: int
    whole: bool


class Model:
    """A store as it should be: what is there, and what of it is whole."""

    def __init__(self, folder):
        self.store = Store(folder, keep=2)
        self.keep = 2
        self.count = 0
        self.there = []

    def current(self):
        """Gives the newest whole save of each step, newest step first."""
        whole = {saved.step: saved for saved in sorted(self.there) if saved.whole}
        return sorted(whole.values(), reverse=True)

    def best(self):
        scored = [saved for saved in self.current() if saved.score is not None]
        return min(scored, key=lambda saved: saved.score, default=None)

    def pruned(self, new):
        """Gives what stays after a save."""
        newest = self.current()[: self.keep]
        latest = {saved.step: saved for saved in self.current()}
        return [
            saved
            for saved in self.there
            if (saved.step not in latest or saved >= latest[saved.step])
            and (len(newest) < self.keep or saved >= newest[-1] or saved in (new, self.best()))
        ]

    def write(self, step, score):
        self.count += 1
        data = b"%d" % self.count
        path = self.store.save(
            step, lambda folder: (folder / "x").write_bytes(data), score, {"n": self.count}
        )
        return path.name

    def added(self, step, score, name):
        revision = int((name.split("-")[2:] or [0])[0])
        new = Saved(step, revision, name, score, self.count, True)
        self.there.append(new)
        return new

    def save(self, step, score):
        self.there = self.pruned(self.added(step, score, self.write(step, score)))

    def kill(self, step, count):
        before = {saved.name for saved in self.there}
        with killed_before(count):
            self.write(step, -5)
        self.store = Store(self.store.folder, self.keep)
        left = {n for n in names(self.store.folder) if n[0] != "."} if self.made() else set()
        if left <= before:
            assert left == before
            return
        (name,) = left - before
        kept = self.pruned(self.added(step, -5, name))
        assert {saved.name for saved in kept} <= left, "more is gone than the save would remove"
        self.there = [saved for saved in self.there if saved.name in left]

    def made(self):
        return self.store.folder.exists()

    def fail(self, step, kind):
        def write(folder):
            (folder / "x").write_bytes(b"half")
            if kind == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            if kind == 1:
                raise RuntimeError
            (folder / "y").symlink_to("x")

        with pytest.raises(RuntimeError if kind == 1 else LogError):
            self.store.save(step, write)

    def damage(self, which, at, cut=False):
        whole = [saved for saved in self.there if saved.whole]
        if not whole:
            return
        saved = whole[which % len(whole)]
        path = self.store.folder / saved.name / (MANIFEST, "x")[at % 2]
        data = path.read_bytes()
        at %= len(data)
        then = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == then:  # The clock of files ticks slowly.
            path.write_bytes(
                data[:at] if cut else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            )
        self.there[self.there.index(saved)] = saved._replace(whole=False)

    def cut(self, which, at):
        self.damage(which, at, cut=True)

    def left(self, step, _):
        path = self.store.folder / f".saving-step-{step:010d}-{'0' * 16}"
        path.mkdir(parents=True, exist_ok=True)
        (path / "x").write_bytes(b"")

    def clean(self, *_):
        self.store.clean()
        assert not self.made() or not [n for n in names(self.store.folder) if n[0] == "."]

    def restart(self, keep, _):
        self.keep = keep
        self.store = Store(self.store.folder, keep)

    def compare(self):
        newest = next(iter(self.current()), None)
        for found, wanted in ((self.store.newest(), newest), (self.store.best(), self.best())):
            assert (found and found.path.name) == (wanted and wanted.name)
            if found is not None:
                assert (found.path / "x").read_bytes() == b"%d" % wanted.number
                about = found.step, found.score, found.notes
                assert about == (wanted.step, wanted.score, {"n": wanted.number})
        shown = {n for n in names(self.store.folder) if n[0] != "."} if self.made() else set()
        assert shown == {saved.name for saved in self.there}


@settings(max_examples=60)
@given(actions)
def test_any_order_of_saves_failures_and_damage(order):
    with in_memory() as folder:
        model = Model(Path(folder) / "snapshots")
        for name, first, second in order:
            getattr(model, name)(first, second)
            model.compare()
