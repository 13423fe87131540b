"""Files that change while they are read are refused in one line, by every reader."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE

import numpy as np
import pytest
from scripts_run import ROOT, SMALL, environment, write_data

import tgcarry
from tgcarry.data import open_table, read_npy, streams
from tgcarry.data.records import records
from tgcarry.data.steady import mark, opened
from tgcarry.data.utf8 import utf8_lines, utf8_pieces
from tgcarry.errors import DataError


def refusal(raised, path):
    message = str(raised.value)
    assert message.splitlines() == [message] and str(path) in message
    return message


def append(path):
    with path.open("ab") as file:
        file.write(b"1,2\n")


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def rewrite(path):
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + b"\x00")
    os.utime(path, (1, 1))  # However coarse the file system's clock is.


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes() * 2)
    other.replace(path)


CHANGES = [append, cut, rewrite]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("read", [utf8_lines, utf8_pieces])
def test_a_file_that_changes_in_the_middle(tmp_path, read, change):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 100_000)
    lines = read(path)
    next(lines)
    change(path)
    with pytest.raises(DataError, match=r"was changed while it was in use") as raised:
        for _ in lines:
            pass
    refusal(raised, path)


def test_a_file_of_which_only_the_front_is_read(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"text\n" * 100_000)
    pieces = utf8_pieces(path)
    next(pieces)
    append(path)
    pieces.close()


@pytest.mark.parametrize("change", CHANGES)
def test_records_that_change(tmp_path, change):
    path = write_data(tmp_path) / "records.tfrecord"
    found = records(path, "")
    next(found)
    change(path)
    with pytest.raises(DataError) as raised:
        for _ in found:
            pass
    refusal(raised, path)


@pytest.mark.parametrize("change", [*CHANGES, replace])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_arrays_that_change_between_two_chunks(tmp_path, name, change):
    path = tmp_path / name
    x = np.arange(200.0).reshape(50, 4)
    np.save(path, x) if name == "x.npy" else np.savez(path, x=x)
    chunks = streams(read_npy(path), 2, 5)
    assert chunks[0].length == 5
    change(path)
    with pytest.raises(DataError, match=r"was changed while it was in use") as raised:
        chunks[1]
    assert "start again" in refusal(raised, path)


def test_what_an_error_of_the_disk_says(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match=r"cannot be read \(Input/output error\)") as raised:
        with opened(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    refusal(raised, path)
    with pytest.raises(DataError, match="No such file"):
        mark(tmp_path / "none")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        with opened(tmp_path / "pipe"):
            raise AssertionError
    with pytest.raises(DataError, match="not a regular file"):
        with opened(tmp_path):
            raise AssertionError


def test_other_errors_pass(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"x")
    with pytest.raises(KeyError):
        with opened(path) as file:
            assert file.read() == b"x"
            append(path)
            raise KeyError


# Without TensorFlow, which has no part in it.
_READING = """
import sys, types
package = types.ModuleType("tgcarry")
package.__path__ = [sys.argv[2]]
sys.modules["tgcarry"] = package
from tgcarry.data import open_table, streams
from tgcarry.errors import DataError
chunks = streams(open_table(sys.argv[1]), 4, 20)
print("ready", flush=True)
try:
    while True:
        for chunk in chunks:
            assert chunk.length
except DataError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("change", [cut, append, Path.unlink, replace])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_process_whose_file_goes_bad_says_so(tmp_path, name, change):
    path = tmp_path / name
    x = np.arange(200_000.0).reshape(-1, 4)
    np.save(path, x) if name == "x.npy" else np.savez(path, x=x)
    program = [sys.executable, "-c", _READING, str(path), str(Path(tgcarry.__file__).parent)]
    with subprocess.Popen(program, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        change(path)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1, (process.returncode, said)
    assert said.count("\n") == 1 and str(path) in said and "start again" in said


@pytest.mark.parametrize("name", ["good.csv", "text.txt", "records.tfrecord"])
def test_files_that_are_read_once_may_go(tmp_path, name):
    path = write_data(tmp_path / "data") / name
    chunks = streams(open_table(path, **({"stream": "id"} if name == "good.csv" else {})), 2, 7)
    before = [chunk.arrays for chunk in chunks]
    path.unlink()
    for old, new in zip(before, chunks, strict=True):
        for key, array in new.arrays.items():
            assert np.array_equal(array, old[key])


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 100_000])
def test_a_training_run_whose_file_is_cut(tmp_path, size):
    path, logdir = tmp_path / "x.npy", tmp_path / "run"
    np.save(path, np.random.default_rng(3).normal(size=(40_000, 2)))
    flags = [f"--data={path}", f"--logdir={logdir}", "--epochs=100000", *SMALL]
    program = [sys.executable, "scripts/train.py", *flags]
    with subprocess.Popen(
        program, cwd=ROOT, env=environment(), stdout=DEVNULL, stderr=PIPE, text=True
    ) as process:
        metrics, ends = logdir / "metrics.jsonl", time.monotonic() + 120
        while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 3):
            assert process.poll() is None and time.monotonic() < ends, process.stderr.read()
            time.sleep(0.05)
        os.truncate(path, size)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1, (process.returncode, said)
    last = said.splitlines()[-1]
    assert last.startswith("train.py: ") and str(path) in last and "was changed" in last, said
