"""Columns in files: slices, memory, and temporary files that go away."""

import gc
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np
import pytest

import tgcarry
from tgcarry.data import FileColumn, Spool
from tgcarry.errors import DataError


def test_slices_are_those_of_the_array(tmp_path, rng):
    rows = rng.normal(size=(11, 3)).astype(">f4")
    path = tmp_path / "rows.bin"
    path.write_bytes(b"header!" + rows.tobytes())
    column = FileColumn(path, ">f4", rows.shape, 7)
    assert column.shape == (11, 3) and len(column) == 11 and column.dtype == np.float32
    for cut in (slice(None), slice(2, 5), slice(-3, None), slice(5, 2), slice(9, 99)):
        assert np.array_equal(column[cut], rows[cut])
        assert column[cut].dtype.isnative and type(column[cut]) is np.ndarray
    assert np.array_equal(column.viewed((33,))[3:6], rows[1])
    assert "rows.bin" in repr(column)
    for index in (3, slice(0, 4, 2), (0, 1)):
        with pytest.raises(TypeError, match=r"column\[a:b\]"):
            column[index]


def test_a_file_that_changes_is_an_error_and_not_a_crash(tmp_path):
    path = tmp_path / "rows.bin"
    path.write_bytes(bytes(80))
    column = FileColumn(path, np.float64, (10,))
    assert column[0:5].tolist() == [0] * 5
    for size in (40, 88, 0):
        path.write_bytes(bytes(size))
        with pytest.raises(
            DataError, match=rf"rows\.bin was changed .*80 bytes.*now {size} bytes"
        ):
            column[0:5]
    path.write_bytes(bytes(80))
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match=r"now 80 bytes, written 1970-01-01 00:00:01 UTC"):
        column[0:5]
    path.unlink()
    with pytest.raises(DataError, match=r"rows\.bin cannot be read \(No such file"):
        column[0:1]
    os.mkfifo(path)
    with pytest.raises(DataError, match=r"not a regular file"):
        column[0:1]
    with pytest.raises(DataError, match=r"No such file"):
        FileColumn(tmp_path / "none.bin", np.float64, (10,))


def test_a_file_of_fewer_rows(tmp_path):
    path = tmp_path / "rows.bin"
    path.write_bytes(bytes(80))
    column = FileColumn(path, np.float64, (11,))
    assert column[0:10].tolist() == [0] * 10
    with pytest.raises(DataError, match=r"rows\.bin ends before row 10 of 11"):
        column[4:11]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_reading_a_large_file_stays_small(tmp_path):
    path = tmp_path / "large.npy"
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 50), np.float32))
    header["shape"] = (1_000_000, 50)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 200_000_000)
    program = """
import sys, types
package = types.ModuleType("tgcarry")  # Without TensorFlow, whose import peaks higher than this.
package.__path__ = [sys.argv[2]]
sys.modules["tgcarry"] = package
from tgcarry.data import read_npy, streams
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
table = read_npy(sys.argv[1])
chunks = streams(table, 4, 10_000)
before = peak()
total = sum(float(chunk.arrays["x"].sum()) + chunk.length for chunk in chunks)
assert total == 249_999, total
print(peak() - before)
"""
    # VmHWM is in KiB. The file is 200 MB; a chunk here takes 16 MB, two of them at a time.
    command = [sys.executable, "-c", program, str(path), tgcarry.__path__[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000


@pytest.mark.slow
def test_a_spool_lives_as_long_as_its_column():
    spool = Spool(np.int32, (2,))
    path = spool.path
    spool.append([[1, 2], [3, 4]])
    spool.append(np.array([[5, 6]], np.int64))
    column = spool.column()
    flat = column.viewed((6,))
    del spool, column
    gc.collect()
    assert path.exists() and flat[1:5].tolist() == [2, 3, 4, 5]
    del flat
    gc.collect()
    assert not path.exists()


def test_spools_go_when_python_exits(tmp_path):
    program = """
import numpy as np
from tgcarry.data import Spool
spool = Spool(np.int32)
spool.append([1])
column = spool.column()
keep = [column]
keep.append(keep)
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line():
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = Spool(np.float64)
    path = spool.path
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with pytest.raises(DataError, match=r"temporary file in .*TMPDIR") as info:
            spool.append(np.zeros(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "\n" not in str(info.value)
    del spool, info
    gc.collect()
    assert not path.exists()


def test_no_temporary_directory(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"gone .*TMPDIR"):
        Spool(np.int32)


def test_the_working_directory_may_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.arange(6.0).tofile("rows.bin")
    column = FileColumn("rows.bin", np.float64, (6,)).viewed((3, 2))
    monkeypatch.chdir("/")
    assert column[1:2].tolist() == [[2, 3]]
