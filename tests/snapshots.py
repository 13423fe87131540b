"""Snapshots whose every byte follows from their step."""

import os
import tempfile


def content(step):
    return {"model.data": b"%d" % step, "more/model.index": b"i%d" % step, "empty": b""}


def put(step):
    """Gives a writer of the files that belong to a step."""

    def write(folder):
        (folder / "more").mkdir()
        for name, data in content(step).items():
            (folder / name).write_bytes(data)

    return write


def holds(snapshot, step):
    """Says whether a snapshot is that of a step, with all its bytes."""
    names = sorted(content(step))
    return (
        snapshot is not None
        and snapshot.step == step
        and [file.name for file in snapshot.files] == names
        and all((snapshot.path / name).read_bytes() == content(step)[name] for name in names)
    )


def one_line(error):
    message = str(error.value)
    assert "\n" not in message and message
    return message


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def in_memory():
    """Makes a folder in memory where there is one: to sync costs nothing there."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
