"""A checkpoint's files put in their place, with the `checkpoint` file that names the newest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import tensorflow.compat.v1 as tf

from tgcarry.data.wording import named
from tgcarry.errors import LogError
from tgcarry.exporting.whole import beside, disk_errors, is_folder, remove_leftovers, sync
from tgcarry.store import disk

_STATE = "checkpoint"


def check_prefix(prefix: Path, overwrite: bool) -> None:
    """Refuses a checkpoint's prefix that is taken.

    Raises:
      LogError: it is.
    """
    with disk_errors(prefix):
        if is_folder(prefix):
            raise LogError(
                f"{named(prefix)}: a folder: give a prefix for the files in it, such as "
                f"{named(prefix / 'model.ckpt')}"
            )
        if _files_of(prefix) and not overwrite:
            raise LogError(
                f"{named(prefix)}: a checkpoint is there already: name another prefix, or give "
                f"--overwrite (overwrite=True) to replace it"
            )


def write_checkpoint(prefix: Path, write: Callable[[Path], None], overwrite: bool = False) -> None:
    """Writes a checkpoint and the `checkpoint` file by which the newest in a folder is found.

    The index comes last and goes first, so that there is no checkpoint rather than half of one.
    Others that the `checkpoint` file lists stay listed.

    Args:
      prefix: of the files to make.
      write: given a prefix in an empty folder, writes the files of a checkpoint there.
      overwrite: whether to replace an earlier one of this prefix.

    Raises:
      LogError: the prefix is taken or cannot be written; all is as it was.
    """
    check_prefix(prefix, overwrite)
    with disk_errors(prefix):
        disk.make_folder(prefix.parent)
        remove_leftovers(prefix)
        aside = beside(prefix, "saving")
        try:
            aside.mkdir()
            write(aside / prefix.name)
            (aside / _STATE).write_text(_state_with(prefix), encoding="utf-8")
            sync(aside)
            _put_files(aside, prefix)
        finally:
            disk.remove(aside)
        remove_leftovers(prefix, replaced=True)


def _put_files(aside: Path, prefix: Path) -> None:
    """Gives a finished checkpoint's files their names; on failure the earlier ones have them."""
    folder = prefix.parent
    replaced = beside(prefix, "replaced")
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, to: Path) -> None:
        source.rename(to)
        moved.append((source, to))

    try:
        if _files_of(prefix):
            replaced.mkdir()
            for old in sorted(_files_of(prefix), key=_index_first):
                move(old, replaced / old.name)
        for new in sorted(_files_of(aside / prefix.name), key=_index_first, reverse=True):
            move(new, folder / new.name)
        disk.sync_folder(folder)
        (aside / _STATE).replace(folder / _STATE)
    except BaseException:
        for source, to in reversed(moved):
            to.rename(source)
        with suppress(OSError):
            replaced.rmdir()
        raise
    disk.sync_folder(folder)


def _index_first(path: Path) -> tuple[bool, str]:
    return path.suffix != ".index", path.name


def _files_of(prefix: Path) -> list[Path]:
    """Lists the files of a checkpoint."""
    start = f"{prefix.name}."
    if not prefix.parent.is_dir():
        return []
    return [
        path
        for path in prefix.parent.iterdir()
        if path.name in (f"{start}index", f"{start}meta") or path.name.startswith(f"{start}data-")
    ]


def _state_with(prefix: Path) -> str:
    """Gives the folder's `checkpoint` file with this prefix as the newest."""
    known: list[str] = []
    with suppress(tf.errors.OpError, ValueError):
        state = tf.train.get_checkpoint_state(str(prefix.parent))
        known = list(state.all_model_checkpoint_paths) if state is not None else []
    paths = [*(path for path in map(Path, known) if path != prefix), prefix]
    # By name alone, so that the folder may be moved.
    listed = [path.name if path.parent == prefix.parent else str(path) for path in paths]
    folder = str(prefix.parent.resolve())
    return str(tf.train.generate_checkpoint_state_proto(folder, listed[-1], listed))
