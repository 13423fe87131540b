"""Readers of data: whatever a file holds, a right table or one line that names the file."""

import csv
import io
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import edited, edits, examples, folder, odd_paths, outcome
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scripts_run import write_data

from tgcarry.data import (
    open_table,
    read_csv,
    read_npy,
    read_text,
    read_tfrecord,
    standardise,
    streams,
    whole_text,
)
from tgcarry.dataset import DataOptions, open_dataset
from tgcarry.errors import DataError


def read_through(table):
    """Reads a table as a run does: scaled where it can be, then chunk by chunk."""
    if table.vocabulary is None:
        table = standardise(table)[0]
    for chunk in streams(table, 1, 1 + table.steps // 3):
        assert chunk.length > 0


def rows(table, name="x"):
    column = table.columns[name]
    return column[int(table.bounds[0]) : int(table.bounds[-1])]


def accepted(raw, ending, read, *, name="odd"):
    """Writes a file and has it read and used: (table, its x), or None where it was refused."""
    with folder() as here:
        path = here / f"{name}{ending}"
        path.write_bytes(raw)

        def load():
            table = read(path)
            x = rows(table)
            read_through(table)
            return table, x

        return outcome(load, path)


def as_npy(array, order="C"):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of names beyond ASCII.
        np.save(file, np.asarray(array, order=order), allow_pickle=True)
    return file.getvalue()


def npz(compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, array in members.items():
            raw = array if isinstance(array, bytes) else as_npy(array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), raw, compression)
    return file.getvalue()


def as_loaded(raw):
    """Reads an .npy file as NumPy does."""
    return np.load(io.BytesIO(raw), allow_pickle=False)


GRID = np.arange(24.0).reshape(8, 3)
LABELS = np.arange(8) % 3
STREAM = np.array(["a"] * 3 + ["bc"] * 5)
NPY = [as_npy(GRID), as_npy(GRID.astype(">f4")), as_npy(np.arange(9)), as_npy(GRID[None] > 3)]
NPZ = [
    npz(x=GRID, y=LABELS, stream=STREAM),
    npz(x=GRID, bounds=np.array([0, 2, 8])),
    npz(zipfile.ZIP_DEFLATED, x=GRID, y=GRID[:, 0]),
    npz(zipfile.ZIP_BZIP2, x=GRID, stream=LABELS[::-1] // 9),
    npz(zipfile.ZIP_LZMA, x=GRID),
]
CSV = [
    b"id,a,b\ns,1,2\ns,3,4\nt,5,6\nt,7,8\n",
    b'\xef\xbb\xbf"a","b ""c"""\r\n"1",2\r\n3,"4"\r\n\r\n5,6\r\n',
    "ä;b\n1;2\n3;-4e-5\n".encode(),
]
TEXT = [b"one\ntwo\r\nthree\rfour\n", "\ufeffç√𝄞\n".encode() * 9, b"ab"]


@examples(120)
@given(st.binary(max_size=300), st.sampled_from([".npy", ".npz", ".csv", ".txt", ".tfrecord"]))
@example(b"", ".npz")
@example(b"\x93NUMPY", ".npy")
@example(b"PK\x05\x06" + bytes(18), ".npz")
@example("x,y\n1,2\n".encode("utf-16"), ".csv")
@example("text".encode("utf-16"), ".txt")
@example(b"a,b\r1,2\r3,4\r", ".csv")
@example(b"a\x00b,c\n1,2\n3,4\n", ".csv")
@example(b'a,b\n"1,2\n' + b"3,4\n" * 99, ".csv")
def test_bytes_at_random(raw, ending):
    accepted(raw, ending, open_table)


@examples(300)
@given(st.sampled_from(NPY), edits)
def test_damaged_npy(raw, changes):
    raw = edited(raw, changes)
    found = accepted(raw, ".npy", read_npy)
    if found is not None:
        whole = as_loaded(raw)
        whole = whole.reshape(-1, whole.shape[-1] if whole.ndim > 1 else 1)
        table, x = found
        each = int(np.diff(table.bounds)[0]) + 1
        expected = whole.reshape(-1, each, whole.shape[-1])[:, :-1].reshape(x.shape)
        assert np.array_equal(x, expected)


@examples(300)
@given(st.sampled_from(NPZ), edits)
def test_damaged_npz(raw, changes):
    raw = edited(raw, changes)
    found = accepted(raw, ".npz", read_npy)
    if found is not None:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            whole = as_loaded(archive.read("x.npy"))
        x = found[1].tolist()
        # Without y the last row of each sequence is a target only.
        assert all(row in whole.reshape(-1, x and len(x[0])).tolist() for row in x)


_SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
_DTYPES = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.byte_string_dtypes(),
    arrays.unicode_string_dtypes(),
    arrays.array_dtypes(arrays.integer_dtypes(), max_size=2),
    st.sampled_from([">f8", ">i2", "longdouble", "S0", "U0"]).map(np.dtype),
)
_ARRAYS = st.tuples(_DTYPES, _SHAPES).flatmap(lambda pair: arrays.arrays(*pair))


@examples(240)
@given(_ARRAYS, st.sampled_from("CF"))
def test_npy_of_any_type(array, order):
    found = accepted(as_npy(array, order), ".npy", read_npy)
    if found is not None:
        assert array.dtype.kind in "fiub" and array.size
        assert found[1].dtype.kind == "f" and found[1].dtype.isnative


@examples(240)
@given(_ARRAYS, _ARRAYS, st.sampled_from(["y", "stream", "bounds", "X", ""]), st.booleans())
def test_npz_of_any_arrays(x, other, key, compressed):
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    accepted(npz(kind, **{"x": x, key: other}), ".npz", read_npy)
    lead = len(GRID)
    fitting = np.resize(other, (lead,)) if other.size else np.zeros(lead, other.dtype)
    accepted(npz(kind, **{"x": GRID, key: fitting}), ".npz", read_npy)


def test_names_in_unicode_that_is_none():
    stream = np.full(8, 0x110000, np.uint32).view("U1")
    assert accepted(npz(x=GRID, stream=stream), ".npz", read_npy) is None


_ODD = st.sampled_from(
    [
        *("(10**12, 8)", "(1000000000000, 8)", "(9223372036854775807, 9223372036854775807, 1)"),
        *("(-1,)", "(-1, -8)", "(True, 3)", "(1.0,)", "((1,),)", "[8, 3]", "8", "None", "()"),
        *("(0, 10)", "('8', 3)", "{}", "'<f8'", "'|O'", "'O8'", "'<U9999999999'", "'V'", "'<f3'"),
        *("[('a', '<f8')]", "[('a', '|O')]", "('<f8', (2, 3))", "'<M8[s]'", "'>f8'", "'f4,f4'"),
        *("False", "True", "1", "(8, 3)", "'<f8'", "(" * 90 + ")" * 90, "[" * 9000, "-" * 9000),
        *("__import__('os')", "1L", "(8L, 3L)", "'<S0'", "'<U0'", "'|b1'", "{'a': 1}", "b'<f8'"),
        *("'\\ud800'", '"""', "\n", "#", "\\", "0x8", "1e3", "'i8\\x00'", "(8, 3), 'x': 1"),
    ]
)


@examples(300)
@given(_ODD, _ODD, _ODD, st.sampled_from([1, 2, 3, 9]), st.booleans())
@example("'<f8'", "False", "(10**12, 8)", 1, False)
@example("'|O'", "False", "(8, 3)", 1, False)
@example("'<f8'", "False", "[" * 9000, 2, False)
@example("'<f8'", "False", "(8L, 3L)", 1, False)
def test_npy_headers_that_lie(descr, fortran, shape, version, archived):
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    raw = b"\x93NUMPY" + bytes([version, 0]) + length + header + GRID.tobytes()
    if archived:
        accepted(npz(zipfile.ZIP_DEFLATED, x=raw), ".npz", read_npy)
    else:
        accepted(raw, ".npy", read_npy)


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_ever_unpickled(tmp_path):
    mark = tmp_path / "unpickled"
    bird = np.array([[Canary(mark)] * 2] * 8, object)
    plain = pickle.dumps(Canary(mark))
    named = np.zeros(8, [("a", object)])
    named["a"] = Canary(mark)
    for array in (bird, named):
        accepted(as_npy(array), ".npy", read_npy)
        for key in ("x", "y", "stream", "bounds"):
            accepted(npz(**{"x": GRID, key: array}), ".npz", read_npy)
    for ending in (".npy", ".npz", ".csv", ".txt", ".tfrecord"):
        accepted(plain, ending, open_table)
    assert not mark.exists()
    pickle.loads(plain)
    assert mark.exists()


@examples(400)
@given(st.sampled_from(CSV), edits, st.sampled_from([None, "id", "b"]))
def test_damaged_csv(raw, changes, target):
    raw = edited(raw, changes)
    task = "regression" if target != "id" else "classification"
    found = accepted(raw, ".csv", lambda path: read_csv(path, target, task=task))
    if found is not None:
        table, x = found
        cells = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
        header, *lines = [row for row in cells if row]
        places = [[name.strip() for name in header].index(name) for name in table.feature_names]
        expected = [[float(row[place]) for place in places] for row in lines]
        assert x.tolist() == (expected if target else expected[:-1])


def test_a_million_columns():
    names = ",".join(f"c{number}" for number in range(1_000_000))
    ones = ",".join(["1"] * 1_000_000)
    table, x = accepted(f"{names}\n{ones}\n{ones}\n{ones}\n".encode(), ".csv", read_csv)
    assert x.shape == (2, 1_000_000) and len(table.feature_names) == 1_000_000
    assert accepted(f"{names},c7\n{ones},1\n".encode(), ".csv", read_csv) is None


@pytest.mark.parametrize("cell", ["9" * 1_000_000, "1e" + "9" * 100_000, '"' + "7" * 200_000])
def test_cells_without_end(cell):
    raw = f"a,b\n1,2\n{cell},1\n".encode()
    assert accepted(raw, ".csv", read_csv) is None
    assert accepted(raw, ".csv", lambda path: read_csv(path, "b", features=["a"])) is None


def test_labels_without_end():
    raw = b"a,b\n" + b"1," + b"9" * 10_000 + b"\n1,5\n"
    found = accepted(raw, ".csv", lambda path: read_csv(path, "b", task="classification"))
    assert found is not None and found[0].num_classes == 2


@examples(200)
@given(st.sampled_from(TEXT), edits)
def test_damaged_text(raw, changes):
    raw = edited(raw, changes)
    found = accepted(raw, ".txt", lambda path: whole_table(read_text(path)))
    if found is not None:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        assert found[0].text == text


def whole_table(table):
    object.__setattr__(table, "text", whole_text(table))
    return table


@pytest.fixture(scope="module")
def record_files(tmp_path_factory):
    """Gives valid TFRecord files by compression, and every row that they hold."""
    import tensorflow.compat.v1 as tf

    here = write_data(tmp_path_factory.mktemp("records"))
    plain = here / "records.tfrecord"
    kept = {"": plain.read_bytes()}
    for kind in ("GZIP", "ZLIB"):
        options = tf.io.TFRecordOptions(compression_type=kind)
        with tf.io.TFRecordWriter(str(here / kind), options) as writer:
            for raw in tf.io.tf_record_iterator(str(plain)):
                writer.write(raw)
        kept[kind] = (here / kind).read_bytes()
    known = {tuple(row) for row in rows(read_tfrecord(plain, target="v")).tolist()}
    return kept, known


@examples(240)
@given(kind=st.sampled_from(["", "GZIP", "ZLIB"]), changes=edits)
def test_damaged_records(record_files, kind, changes):
    files, known = record_files
    raw = edited(files[kind], changes)

    def read(path):
        return read_tfrecord(path, target="v", compression=kind)

    found = accepted(raw, ".tfrecord", read)
    # Whole records may be gone or there twice; no number is another one.
    assert found is None or {tuple(row) for row in found[1].tolist()} <= known


@examples(300)
@given(kind=st.sampled_from(["as it is", "bytes"]), changes=edits, raw=st.binary(max_size=60))
def test_records_of_damaged_examples(record_files, kind, changes, raw):
    """The checksums are right here, and the examples are not."""
    import tensorflow.compat.v1 as tf

    if kind == "as it is":
        files, _ = record_files
        (length,) = struct.unpack("<Q", files[""][:8])
        raw = edited(files[""][12 : 12 + length], changes)

    def read(path):
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(raw)
        return read_tfrecord(path)

    accepted(b"", ".tfrecord", read)


@pytest.mark.parametrize("kind", odd_paths())
@pytest.mark.parametrize("ending", [".npy", ".npz", ".csv", ".txt", ".tfrecord"])
def test_what_is_no_file(tmp_path, kind, ending):
    path = tmp_path / f"odd{ending}"
    odd_paths()[kind](tmp_path, ending)
    for load in (open_table, lambda path: open_dataset(DataOptions(str(path)))):
        with pytest.raises(DataError):
            outcome_of(load, path)


def outcome_of(load, path):
    """Like `outcome`, and raises what is refused."""
    found = []
    assert outcome(lambda: found.append(load(path)) or True, path) is None, found
    raise DataError("refused")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a\nb",
            "a\x1bb",
            "\udcff",
            "x" * 300,
            "x" * 5000,
            "a:",
            "s3:",
            "é ü",
            "-",
            "%s{}",
            "\u202e",
        ),
        *("a\x00b", "b//c", "~", "\u2028"),
    ],
)
@pytest.mark.parametrize("ending", [".npy", ".csv", ".txt", ".tfrecord"])
def test_odd_names(tmp_path, monkeypatch, name, ending):
    monkeypatch.chdir(tmp_path)
    path = f"{name}{ending}"
    good = write_good(tmp_path / "good", ending)
    try:
        Path(path).write_bytes(good)
    except (OSError, ValueError):
        good = None
    found = outcome(lambda: open_table(path))
    assert good is None or found is not None or ending == ".tfrecord"
    outcome(lambda: open_dataset(DataOptions(path, batch=1, chunk=2)))


def write_good(here, ending):
    if ending == ".tfrecord":
        return (write_data(here) / "records.tfrecord").read_bytes()
    return {".npy": NPY[0], ".csv": CSV[0].replace(b"s,", b"1,").replace(b"t,", b"2,")}.get(
        ending, TEXT[0]
    )
