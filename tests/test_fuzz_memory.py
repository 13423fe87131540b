"""Files that ask for far more memory than they are worth, read with little of it."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile

import pytest
from scripts_run import ROOT, environment
from test_data_records import length

pytestmark = pytest.mark.slow

# Each is read in what memory the imports take, and 200 MB.
_PROGRAM = """
import json, resource, sys
from tgcarry.data import open_table
from tgcarry.errors import DataError
import tensorflow.compat.v1
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path, options in json.loads(sys.stdin.read()):
    try:
        print(json.dumps(open_table(path, **options).steps), flush=True)
    except DataError as error:
        print(json.dumps(str(error)), flush=True)
"""
_ROWS = 10**12


def _npy(shape, values=b""):
    """Writes an array's header, which may claim more than there is."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def _npz(kind, content, size=None):
    """Writes an archive of x, whose directory may claim another size."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("x.npy", content)
    raw = file.getvalue()
    if size is None:
        return raw
    place = raw.rindex(b"PK\x01\x02") + 24
    return raw[:place] + struct.pack("<I", size) + raw[place + 4 :]


_LIE, _CLAIM = _npy((_ROWS, 8), bytes(1000)), (1 << 32) - 2
# name -> what makes the content, options, and the steps or a part of the refusal.
FILES = {
    "lie.npy": (lambda: _LIE, {}, "takes 64000000000000 bytes"),
    "stored.npz": (lambda: _npz(zipfile.ZIP_STORED, _LIE), {}, "takes 64000000000000 bytes"),
    "deflated.npz": (lambda: _npz(zipfile.ZIP_DEFLATED, _LIE), {}, "takes 64000000000000 bytes"),
    "size.npz": (lambda: _npz(zipfile.ZIP_STORED, _LIE, _CLAIM), {}, "not a whole .npz"),
    "size_2.npz": (lambda: _npz(zipfile.ZIP_DEFLATED, _LIE, _CLAIM), {}, "cut short"),
    "size_3.npz": (lambda: _npz(zipfile.ZIP_LZMA, _npy((8,), bytes(64)), _CLAIM), {}, 7),
    "bomb.npz": (
        lambda: _npz(zipfile.ZIP_DEFLATED, _npy((30_000_000,), bytes(240_000_000))),
        {},
        29_999_999,
    ),
    "large.tfrecord": (lambda: length(1 << 36) + bytes(99), {}, "claims 68719476736 bytes"),
    "huge.tfrecord": (lambda: length(1 << 60) + bytes(99), {}, "claims 1152921504606846976"),
    "packed.tfrecord": (
        lambda: gzip.compress(length(1 << 60) + bytes(99)),
        {"compression": "GZIP"},
        "claims 1152921504606846976",
    ),
    "packed_bomb.tfrecord": (
        lambda: gzip.compress(length(240_000_000) + bytes(240_000_000), 1),
        {"compression": "GZIP"},
        "damaged",
    ),
    "line.csv": (lambda: b"a,b\n" + b"1," * 10_000_000, {}, "line 2 is longer than"),
    "quote.csv": (lambda: b'a,b\n1,"' + b"1,2\n" * 5_000_000, {}, "not well-formed"),
    "wide.csv": (
        lambda: b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + _ones(80),
        {},
        79,
    ),
    "line.txt": (lambda: b"ab" * 10_000_000, {}, 19_999_999),
}


def _ones(rows):
    return (b",".join([b"1"] * 100_000) + b"\n") * rows


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_files_that_ask_for_more_memory_than_there_is(tmp_path):
    plan = []
    for name, (make, options, _) in FILES.items():
        (tmp_path / name).write_bytes(make())
        plan.append((str(tmp_path / name), options))
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        env={**environment(), "TMPDIR": str(tmp_path)},
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (answers, done.stderr[-2000:])
    for (name, (_, _, expected)), answer in zip(FILES.items(), answers, strict=True):
        if isinstance(expected, int):
            assert answer == expected, (name, answer)
        else:
            assert isinstance(answer, str) and expected in answer and name in answer, (
                name,
                answer,
            )
            assert answer.splitlines() == [answer]
