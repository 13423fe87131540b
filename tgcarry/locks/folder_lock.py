"""A lock on a folder, held by one process at a time and let go by the kernel when it dies.

Why `flock` and not a file whose existence is the lock: such a file outlives a killed job, and
taking it over is a race that file systems give no operation to win. The kernel drops a `flock`
with its process, on one machine at once and for all containers on it; NFS passes it on to the
server, which drops it when the client is gone. Two things it leaves open, and the file's
content closes: who holds it, and file systems that keep locks to one machine or only pretend
to. There the owner that the file names counts as alive while its process is, or, on another
machine, while the file's time is being renewed.

The file is never removed, only emptied: a file removed while another process waits for it is
a lock with two owners.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tgcarry.data.wording import PathArg, because, named
from tgcarry.errors import LogError
from tgcarry.locks.owner import LARGEST, Owner, decode, encode, this_process
from tgcarry.store.disk import remedy

NAME = ".lock"

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_TRIES, _PAUSE = 20, 0.02


class FolderLock:
    """Keeps other jobs out of a folder for as long as a `with` block runs.

        with FolderLock(folder) as lock:
            if lock.taken_over is not None:
                print(f"continues after {lock.taken_over}, which was killed")

    A process forked meanwhile does not hold the lock, and neither releases nor prolongs it.

    Args:
      folder: made if missing.
      patience: seconds without a sign of life after which an owner on another machine counts
        as dead. It gives one every sixth of its own patience, in a thread. On this machine,
        and on file systems whose locks reach across machines while the owner lives, nothing
        has to be waited for or is taken too early.

    Attributes:
      taken_over: the owner that died without releasing the folder, if one did.

    Raises:
      LogError: `patience` is not above 0; on entering: another job holds the folder, or it
        cannot be locked.
    """

    def __init__(self, folder: PathArg, patience: float = 120.0) -> None:
        self.folder = Path(folder)
        self.taken_over: Owner | None = None
        self._path = self.folder / NAME
        self._patience = patience
        self._handle: int | None = None
        self._content = b""
        self._ended = threading.Event()
        if not patience > 0:
            raise LogError(f"patience of {patience} s: give a number above 0")

    def __enter__(self) -> FolderLock:
        if self._handle is not None:
            raise LogError(f"{named(self.folder)}: this lock is held already: make another")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._handle = self._locked()
        except OSError as error:
            if isinstance(error, LogError):
                raise
            raise LogError(
                f"{named(self._path)}: cannot be locked: {because(error)}: {remedy(error)}"
            ) from error
        os.register_at_fork(after_in_child=_forgetting(self))
        self._ended.clear()
        self._life = threading.Thread(target=self._show_life, name="tgcarry lock", daemon=True)
        self._life.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        self._ended.set()
        # Before the handle's number can become another file's.
        self._life.join()
        # Whatever the block raised is worth more than what may go wrong here.
        with suppress(OSError):
            if _read(handle) == self._content:
                os.ftruncate(handle, 0)
        with suppress(OSError):
            os.close(handle)

    def check(self) -> None:
        """Makes sure that the folder is still this job's; worth a call before writing to it.

        Raises:
          LogError: the lock file was removed, or another machine's job has taken over after
            this one was not seen for longer than `patience`.
        """
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                content = _read(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise LogError(
                f"{named(self._path)}: the lock is lost: {because(error)}: end this job, and "
                f"start it again"
            ) from error
        if self._handle is None or content != self._content:
            raise LogError(
                f"{named(self.folder)}: no longer this job's, but "
                f"{decode(content) or 'nobody'}'s: end one of them, or name another folder"
            )

    def _locked(self) -> int:
        """Opens, locks and signs the file."""
        for _ in range(_TRIES):
            handle = os.open(self._path, _OPEN, 0o644)
            try:
                if self._lock(handle):
                    self._sign(handle)
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
            time.sleep(_PAUSE)
        raise LogError(
            f"{named(self._path)}: other jobs keep taking or replacing it: try again, and let "
            f"nothing remove it"
        )

    def _lock(self, handle: int) -> bool:
        """Locks the file; False if this is to be tried again.

        That is when another file has its name by now, and when one who is just taking or
        releasing it has not said who it is.

        Raises:
          LogError: another process has it.
        """
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise LogError(f"{named(self._path)}: not a file: remove it")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = decode(_read(handle))
            if owner is None:
                return False
            raise LogError(self._in_use(owner)) from error
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(handle), self._path.stat())
        return False

    def _in_use(self, owner: Owner) -> str:
        if owner.on_this_machine() and not owner.lives():
            return (
                f"{named(self.folder)}: in use by {owner}, or rather, as that is not to be seen "
                f"from here, by what it started: end that, or name another folder"
            )
        return (
            f"{named(self.folder)}: in use by {owner}: wait for it, end it (kill {owner.pid}), "
            f"or name another folder"
        )

    def _sign(self, handle: int) -> None:
        """Writes this process into the locked file, unless the one that is named there lives.

        Raises:
          LogError: it does.
        """
        # What is torn comes from a job that was killed, for else the lock would not be free.
        former = decode(_read(handle))
        if former is not None:
            self._refuse_if_alive(handle, former)
        self.taken_over = former
        self._content = encode(this_process())
        os.ftruncate(handle, 0)
        if os.pwrite(handle, self._content, 0) < len(self._content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _refuse_if_alive(self, handle: int, owner: Owner) -> None:
        here = this_process()
        if (owner.pid, owner.started, owner.boot) == (here.pid, here.started, here.boot):
            # A program that started itself anew in the same process; its handle is closed.
            return
        if owner.lives():
            raise LogError(
                f"{named(self.folder)}: in use by {owner}, on a file system that keeps no "
                f"locks: wait for it, end it (kill {owner.pid}), or name another folder"
            )
        if owner.on_this_machine():
            return
        # The server's clock gave the file its time, so it has to say what time it is now.
        with tempfile.TemporaryFile(dir=self.folder) as now:
            age = os.fstat(now.fileno()).st_mtime - os.fstat(handle).st_mtime
        if age < self._patience:
            raise LogError(
                f"{named(self.folder)}: in use by {owner}, last seen {max(age, 0):.0f} s ago: "
                f"end it there, try again when it was not seen for {self._patience:.0f} s, or "
                f"name another folder"
            )

    def _show_life(self) -> None:
        while not self._ended.wait(self._patience / 6):
            handle = self._handle
            if handle is None:
                return
            with suppress(OSError):
                # Another machine's job may have taken the very same file over.
                if _read(handle) == self._content:
                    os.utime(handle)

    def _forget(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                os.close(handle)


def _forgetting(lock: FolderLock) -> Callable[[], None]:
    """Returns what has a forked process let go of a lock, without keeping the lock in memory."""
    weak = weakref.ref(lock)

    def forget() -> None:
        held = weak()
        if held is not None:
            held._forget()

    return forget


def _read(handle: int) -> bytes:
    return os.pread(handle, LARGEST, 0)
