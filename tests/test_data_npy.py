"""read_npy: arrays in files, read by slices, never unpickled."""

import pickle
import warnings
import zipfile

import numpy as np
import pytest

from tgcarry.data import read_npy, streams
from tgcarry.errors import DataError


def refused(*args, **options):
    with pytest.raises(DataError) as info:
        read_npy(*args, **options)
    assert "\n" not in str(info.value)
    return str(info.value)


def save(path, array, **options):
    np.save(path, array, **options)
    return path


@pytest.fixture
def x(rng):
    return rng.normal(size=(12, 3))


def rows(table, name):
    return table.columns[name][0 : int(table.bounds[-1])]


def test_features_and_classes(tmp_path, x):
    y = np.arange(12) % 4
    table = read_npy(save(tmp_path / "x.npy", x), save(tmp_path / "y.npy", y))
    assert np.array_equal(rows(table, "x"), x) and np.array_equal(rows(table, "y"), y)
    assert table.num_classes == 4 and table.bounds.tolist() == [0, 12]
    assert str(tmp_path / "x.npy") in table.source
    chunk = streams(table, 2, 3)[1]
    assert np.array_equal(chunk.arrays["x"][1], x[9:12].astype(np.float32))
    assert chunk.arrays["y"].dtype == np.int32


def test_without_y_the_next_row_is_the_target(tmp_path, x):
    table = read_npy(save(tmp_path / "x.npy", x))
    assert np.array_equal(rows(table, "x"), x[:-1]) and np.array_equal(rows(table, "y"), x[1:])
    assert table.num_classes is None
    flat = read_npy(save(tmp_path / "flat.npy", x[:, 0]))
    assert flat.columns["x"].shape == flat.columns["y"].shape == (11, 1)


def test_sequences_of_one_length(tmp_path, x):
    x = x.reshape(3, 4, 3)
    path = save(tmp_path / "x.npy", x)
    table = read_npy(path)
    assert table.bounds.tolist() == [0, 3, 6, 9]
    assert np.array_equal(rows(table, "y").reshape(3, 3, 3), x[:, 1:])
    y = np.arange(12.0).reshape(3, 4)
    table = read_npy(path, save(tmp_path / "y.npy", y))
    assert table.bounds.tolist() == [0, 4, 8, 12] and table.num_classes is None
    assert rows(table, "y").tolist() == list(range(12))
    several = read_npy(path, save(tmp_path / "y2.npy", np.zeros((3, 4, 5))))
    assert several.columns["y"].shape == (12, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, ">i2", ">f8", np.float16])
def test_types_of_x(tmp_path, dtype):
    x = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    table = read_npy(save(tmp_path / "x.npy", x))
    chunk = streams(table, 1, 5)[0]
    assert chunk.arrays["x"].dtype == chunk.arrays["y"].dtype == np.float32
    assert chunk.arrays["y"][0].tolist() == [[1, 0], [1, 1]]


def test_the_task_may_be_said(tmp_path, x):
    a, b = save(tmp_path / "x.npy", x), save(tmp_path / "y.npy", np.arange(12))
    table = read_npy(a, b, task="regression")
    assert table.num_classes is None
    assert streams(table, 1, 2)[0].arrays["y"].dtype == np.float32
    assert read_npy(a, b, task="classification").num_classes == 12
    assert "classification" in refused(a, task="classification")
    assert "'guess'" in refused(a, b, task="guess")
    assert "float64" in refused(a, save(tmp_path / "f.npy", x[:, 0]), task="classification")


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("extra", "bounds"),
    [
        ({}, [0, 12]),
        ({"stream": np.array(list("aaabbbbbcccc"))}, [0, 3, 8, 12]),
        ({"stream": np.array([7] * 5 + [3] * 7)}, [0, 5, 12]),
        ({"bounds": np.array([0, 1, 12])}, [0, 1, 12]),
    ],
)
def test_archives(tmp_path, x, write, extra, bounds):
    y = np.arange(12, dtype=np.int16)
    write(tmp_path / "d.npz", x=x, y=y, **extra)
    table = read_npy(tmp_path / "d.npz")
    assert table.bounds.tolist() == bounds
    assert np.array_equal(rows(table, "x"), x) and np.array_equal(rows(table, "y"), y)
    stored = table.columns["x"].path == tmp_path / "d.npz"
    assert stored == (write is np.savez)


def test_ids_change_at_the_edge_of_a_block(tmp_path):
    ids = np.repeat(np.arange(5), 131_072)
    np.savez(tmp_path / "d.npz", x=np.zeros(len(ids), np.uint8), y=ids, stream=ids)
    table = read_npy(tmp_path / "d.npz")
    assert table.bounds.tolist() == [131_072 * s for s in range(6)]


def test_files_that_are_not_there(tmp_path):
    assert "no such file" in refused(tmp_path / "none.npy")
    assert "is a directory" in refused(tmp_path)
    assert r"'a\nb.npy'" in refused("a\nb.npy")


def test_damaged_files(tmp_path, x):
    path = save(tmp_path / "x.npy", x)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    message = refused(path)
    for part in ("x.npy", "[12, 3]", "288 bytes", "283"):
        assert part in message
    path.write_bytes(whole[:20])
    assert "not a whole .npy" in refused(path)
    path.write_bytes(b"")
    assert "not a whole .npy" in refused(path)
    path.write_bytes(b"one,two\n1,2\n" * 20)
    assert "not a whole .npy" in refused(path)
    path.write_bytes(whole[:6] + b"\x09\x00" + whole[8:])
    assert "(9, 0)" in refused(path)


def test_damaged_archives(tmp_path, x):
    path = tmp_path / "d.npz"
    path.write_bytes(b"PK nothing")
    assert "not a whole .npz" in refused(path)
    np.savez_compressed(path, x=x)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a whole .npz" in refused(path)
    middle = len(whole) // 3
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    assert "not a whole .npz" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "readme.txt" in refused(path)


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_objects_are_never_unpickled(tmp_path):
    path = save(tmp_path / "x.npy", np.array([Trap()] * 3), allow_pickle=True)
    assert "Python objects" in refused(path)
    np.savez(tmp_path / "d.npz", x=np.array([Trap()] * 3))
    assert "Python objects" in refused(tmp_path / "d.npz")
    path.write_bytes(pickle.dumps(Trap()))
    assert "not a whole .npy" in refused(path)


def test_fortran_order(tmp_path, x):
    path = save(tmp_path / "x.npy", np.asfortranarray(x))
    message = refused(path)
    assert "Fortran" in message and "ascontiguousarray" in message


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (np.zeros((2, 2, 2, 2)), ["[2, 2, 2, 2]"]),
        (np.float64(3), ["[]"]),
        (np.zeros((0, 3)), ["[0, 3]", "not empty"]),
        (np.zeros((4, 3), complex), ["complex128"]),
        (np.array(["a", "b"]), ["<U1"]),
        (np.zeros(4, [("a", "f4")]), ["'a'"]),
    ],
)
def test_what_x_cannot_be(tmp_path, array, parts):
    message = refused(save(tmp_path / "x.npy", array))
    for part in ["x.npy", *parts]:
        assert part in message


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        (np.zeros(11), ["y.npy", "[11]", "x.npy", "[12]"]),
        (np.zeros((12, 1), int), ["[12, 1]", "give [12]"]),
        (np.zeros((12, 1, 1)), ["[12, 1, 1]"]),
        (np.zeros(12, complex), ["complex128"]),
        (np.array([0] * 9 + [-2, 0, 0]), ["-2", "row 9"]),
        (np.full(12, 1 << 40), ["1099511627776"]),
    ],
)
def test_what_y_cannot_be(tmp_path, x, y, parts):
    message = refused(save(tmp_path / "x.npy", x), save(tmp_path / "y.npy", y))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        ({"z": np.zeros(2)}, ["holds z"]),
        ({"stream": np.array([1, 2, 1] * 4)}, ["stream", "1", "row 2"]),
        ({"stream": np.zeros(5, int)}, ["[5]", "12 ids"]),
        ({"bounds": np.array([0, 5])}, ["0 to 5", "12"]),
        ({"bounds": np.array([0, 7, 7, 12])}, ["bounds"]),
        ({"bounds": np.array([0.0, 12.0])}, ["float64"]),
        ({"bounds": np.array([0, 12]), "stream": np.zeros(12, int)}, ["leave one"]),
    ],
)
def test_what_an_archive_cannot_hold(tmp_path, x, extra, parts):
    np.savez(tmp_path / "d.npz", x=x, **extra)
    message = refused(tmp_path / "d.npz")
    for part in ["d.npz", *parts]:
        assert part in message


def test_an_archive_without_x_or_with_a_file_of_y(tmp_path, x):
    np.savez(tmp_path / "d.npz", a=x, b=x)
    message = refused(tmp_path / "d.npz")
    assert "no array x" in message and "a, b" in message
    assert "y.npy" in refused(tmp_path / "d.npz", tmp_path / "y.npy")
    np.savez(tmp_path / "d.npz", x=x.reshape(3, 4, 3), bounds=np.array([0, 12]))
    assert "the shape of x" in refused(tmp_path / "d.npz")


def test_the_checksums_of_what_is_stored_are_looked_at(tmp_path, x):
    path = tmp_path / "d.npz"
    np.savez(path, x=x)
    whole = path.read_bytes()
    place = whole.index(x[5].tobytes())
    path.write_bytes(whole[:place] + b"\x01" + whole[place + 1 :])
    assert "not a whole .npz" in refused(path) and "CRC" in refused(path)


def test_two_members_of_one_name(tmp_path, x):
    path = tmp_path / "d.npz"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w") as archive:
            for values in (x, x + 1):
                with archive.open("x.npy", "w") as member:
                    np.save(member, values)
    assert "holds x twice" in refused(path)


def test_names_that_are_no_characters(tmp_path, x):
    stream = np.full(12, 0x110000, np.uint32)
    stream[:7] = ord("a")
    np.savez(tmp_path / "d.npz", x=x, stream=stream.view("U1"))
    message = refused(tmp_path / "d.npz")
    assert "d.npz[stream] holds no characters at row 7" in message


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("(1000000000000, 3)", "takes 24000000000000 bytes"),
        ("(-1, 3)", "shape (-1, 3)"),
        ("(True, 3)", "shape (True, 3)"),
        ("[" * 9000, "not a whole .npy"),
        ("-" * 9000 + "1", "not a whole .npy"),
    ],
)
def test_headers_that_lie(tmp_path, x, shape, said):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + x.tobytes()
    (tmp_path / "x.npy").write_bytes(raw)
    assert said in refused(tmp_path / "x.npy")


def test_a_member_whose_own_header_is_damaged(tmp_path, x):
    path = tmp_path / "d.npz"
    np.savez(path, x=x)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"x.npy", b"x/npy", 1))
    assert "not a whole .npz" in refused(path)
