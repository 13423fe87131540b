"""Files and folders on disk: listed, checksummed, made to last, and removed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_BLOCK = 1 << 20
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# What file systems answer that cannot make a folder's names last by request.
_NOT_THERE = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
_REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some of your quota there, or have it raised",
    errno.EFBIG: "raise the limit on a file's size (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EACCES: "check who may write there",
    errno.EPERM: "check who may write there",
    errno.EROFS: "make it writable",
    errno.ENOENT: "let nothing else remove files there",
    errno.EISDIR: "remove it",
    errno.ELOOP: "remove it",
    errno.ENOLCK: "let the file system keep locks",
    errno.ENOSYS: "let the file system keep locks",
    errno.EOPNOTSUPP: "let the file system keep locks",
    errno.ENOTEMPTY: "let no other job save there",
    errno.EEXIST: "let no other job save there",
}


class Listing(NamedTuple):
    """What is below a folder, by relative name; links are not followed."""

    files: list[str]
    folders: list[str]
    others: list[str]


class Digest(NamedTuple):
    """A file's content in brief, and `stamp`, which tells cheaply whether it was touched since."""

    size: int
    sha256: str
    stamp: tuple[int, ...]


def remedy(error: OSError) -> str:
    """Says what to do about a file system's error."""
    return f"{_REMEDIES.get(error.errno or 0, 'check the disk')}, or name another folder"


def names(folder: Path) -> list[str]:
    """Returns the names in a folder."""
    return [path.name for path in folder.iterdir()]


def listing(folder: Path) -> Listing:
    """Lists everything below a folder, in the order of names."""
    found = Listing([], [], [])
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as inside:
            for entry in inside:
                name = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    found.folders.append(name)
                    waiting.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    found.files.append(name)
                else:
                    found.others.append(name)
    return Listing(*(sorted(group) for group in found))


def open_file(path: Path) -> int:
    """Opens a regular file for reading; never waits, as a pipe would have one do.

    Raises:
      OSError: it cannot be opened, or is no regular file.
    """
    handle = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return handle


def digest(path: Path, sync: bool = False) -> Digest:
    """Reads a file through, after having its content made to last where `sync` asks for it."""
    handle = open_file(path)
    try:
        if sync:
            os.fsync(handle)
        total = hashlib.sha256()
        size = 0
        while block := os.read(handle, _BLOCK):
            total.update(block)
            size += len(block)
        return Digest(size, total.hexdigest(), _stamp(os.fstat(handle)))
    finally:
        os.close(handle)


def stamp(path: Path) -> tuple[int, ...]:
    """Returns what changes when a file is written to, cut or replaced.

    Not if that happens within a tick of the file system's clock, some milliseconds.
    """
    return _stamp(path.lstat())


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    # The time of change, unlike that of modification, cannot be set back by a program.
    return status.st_ino, status.st_size, status.st_ctime_ns


def write_file(path: Path, data: bytes) -> None:
    """Writes a new file and has it made to last."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Has the names in a folder made to last, where the file system can be asked to."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, so that they last."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def remove(path: Path) -> None:
    """Removes a folder and what is in it, as far as it can be; a link goes, not its target."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
        return
    _let_in(path)
    for root, folders, _ in os.walk(path):
        for name in folders:
            _let_in(Path(root, name))
    shutil.rmtree(path, ignore_errors=True)


def _let_in(folder: Path) -> None:
    """Lets its owner remove what is in a folder that was made read-only."""
    with suppress(OSError):
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRWXU)


def being_written(folder: Path) -> list[str]:
    """Returns the files below a folder that this process has open for writing.

    Seen where there is /proc; elsewhere none are.
    """
    start = f"{folder.resolve()}/"
    found = []
    for handle in _handles():
        with suppress(OSError, ValueError, IndexError):
            target = str(Path(f"/proc/self/fd/{handle}").readlink())
            if target.startswith(start):
                about = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii")
                flags = int(about.partition("flags:")[2].split()[0], 8)
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    found.append(target[len(start) :])
    return sorted(set(found))


def _handles() -> list[str]:
    try:
        return names(Path("/proc/self/fd"))
    except OSError:
        return []
