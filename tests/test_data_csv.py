"""read_csv: numbers with a header, one pass."""

import numpy as np
import pytest

from tgcarry.data import read_csv, streams
from tgcarry.errors import DataError

GOOD = "id,a,b,kind,y\nu,1,2,ox,0.5\nu,3,4,cow,1.5\nv,5,6,ox,2.5\nv,7,8,ox,3.5\n"


@pytest.fixture
def write(tmp_path):
    def writer(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writer


def refused(path, **options):
    with pytest.raises(DataError) as info:
        read_csv(path, **options)
    message = str(info.value)
    assert "\n" not in message and "data.csv" in message
    return message


def rows(table, name):
    return table.columns[name][0 : int(table.bounds[-1])].tolist()


def test_regression(write):
    table = read_csv(write(GOOD), target="y", features=["b", "a"])
    assert rows(table, "x") == [[2, 1], [4, 3], [6, 5], [8, 7]]
    assert rows(table, "y") == [0.5, 1.5, 2.5, 3.5]
    assert table.feature_names == ("b", "a") and table.target_name == "y"
    assert table.num_classes is None and table.bounds.tolist() == [0, 4]


def test_streams_of_ids(write):
    table = read_csv(write(GOOD), target="y", features=["a"], stream="id")
    assert table.bounds.tolist() == [0, 2, 4]


def test_classification(write):
    table = read_csv(write(GOOD), target="kind", features=["a"], task="classification")
    assert table.classes == ("cow", "ox") and table.num_classes == 2
    assert rows(table, "y") == [1, 0, 1, 1]
    assert streams(table, 1, 9)[0].arrays["y"].dtype == np.int32
    fixed = read_csv(
        write(GOOD),
        target="kind",
        features=["a"],
        task="classification",
        classes=["ox", "hen", "cow"],
    )
    assert fixed.num_classes == 3 and rows(fixed, "y") == [0, 2, 0, 0]


def test_integer_labels_are_ordered_as_integers(write):
    path = write("a,y\n" + "".join(f"0,{y}\n" for y in (10, 9, -1, 10)))
    table = read_csv(path, target="y", task="classification")
    assert table.classes == ("-1", "9", "10") and rows(table, "y") == [2, 1, 0, 2]


def test_next_step_of_all_the_features(write):
    table = read_csv(write("a,b\n1,2\n3,4\n5,6\n"))
    assert rows(table, "x") == [[1, 2], [3, 4]] and rows(table, "y") == [[3, 4], [5, 6]]
    assert table.target_name is None and table.feature_names == ("a", "b")
    by_id = read_csv(write(GOOD), features=["a"], stream="id")
    assert rows(by_id, "x") == [[1], [5]] and by_id.bounds.tolist() == [0, 1, 2]


def test_many_rows_keep_their_order(write):
    path = write("a,y\n" + "".join(f"{n},{n % 7}\n" for n in range(10_001)))
    table = read_csv(path, target="y", task="classification")
    assert rows(table, "x") == [[n] for n in range(10_001)]
    assert rows(table, "y") == [n % 7 for n in range(10_001)]


def test_what_spreadsheets_write(write):
    path = write(b'\xef\xbb\xbf"a", b \r\n"1", 2e3\r\n\r\n-.5,+7\r\n3,4')
    table = read_csv(path)
    assert table.feature_names == ("a", "b")
    assert rows(table, "x") == [[1, 2000], [-0.5, 7]]
    assert rows(read_csv(write("a;b\n1;2\n3;4\n"), delimiter=";"), "x") == [[1, 2]]


@pytest.mark.parametrize("cell", ["six", "1_0", "nan", "inf", "-Infinity", "0x1", "1,5"])
def test_a_cell_that_is_no_number(write, cell):
    message = refused(write(f'a,b\n1,2\n3,4\n5,"{cell}"\n'))
    for part in ("line 4", "'b'", repr(cell)):
        assert part in message


def test_a_long_cell_is_clipped(write):
    assert len(refused(write("a,b\n1," + "z" * 5000 + "\n"))) < 300


@pytest.mark.parametrize("target", ["b", None])
def test_an_empty_cell(write, target):
    assert "line 3, column 'b' is empty" in refused(write("a,b\n1,2\n3, \n"), target=target)


def test_an_empty_label(write):
    message = refused(write("a,b\n1,x\n3,\n"), target="b", task="classification")
    assert "line 3, column 'b' is empty" in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("a,b\n", ["a header and no rows"]),
        ("a,b\n1,2\n3\n", ["line 3", "1 cells", "2"]),
        ("a,b\n1,2,3\n", ["line 2", "3 cells"]),
        ("a,b,a\n1,2,3\n", ["line 1", "'a' twice"]),
        ("a,,c\n1,2,3\n", ["line 1", "column 2"]),
        ("1,2\n3,4\n", ["line 1", "1, 2", "add a header"]),
        ('a,b\n1,"2\n', ["not well-formed"]),
        ("a,b\n1,2\rx\n", ["line 2", "not well-formed"]),
        (b"a,b\n1,2\n\xff,4\n", ["line 3", "not UTF-8", "0xff"]),
        ("a,b\n1,2\n".encode("utf-16"), ["line 1", "not UTF-8"]),
        ("a,b\n1,2\n", ["sequence 0 has one step"]),
    ],
)
def test_files_that_cannot_be_read(write, text, parts):
    message = refused(write(text))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"target": "z"}, ["target column 'z'", "id, a, b, kind, y"]),
        ({"features": ["a", "q"]}, ["feature column 'q'", "id, a, b, kind, y"]),
        ({"stream": "w"}, ["stream column 'w'"]),
        ({"target": "kind"}, ["line 2, column 'id' holds 'u'"]),
        ({"target": "kind", "features": ["a"]}, ["line 2, column 'kind' holds 'ox'"]),
        (
            {"target": "kind", "features": ["a"], "task": "classification", "classes": ["ox"]},
            ["line 3, column 'kind' holds 'cow'", "classes ox"],
        ),
    ],
)
def test_columns_that_do_not_fit(write, options, parts):
    message = refused(write(GOOD), **options)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "options",
    [
        {"task": "guess"},
        {"task": "classification"},
        {"features": "a"},
        {"features": []},
        {"features": ["a", "a"]},
        {"features": ["a"], "target": "kind", "task": "classification", "classes": "ox"},
        {"features": ["a"], "target": "kind", "task": "classification", "classes": []},
        {"features": ["a"], "target": "kind", "task": "classification", "classes": [1, "1"]},
        {"delimiter": ";;"},
    ],
)
def test_options_that_do_not_fit(write, options):
    with pytest.raises(DataError) as info:
        read_csv(write(GOOD), **options)
    assert "\n" not in str(info.value)


def test_an_id_that_comes_back(write):
    message = refused(write("id,a\nu,1\nv,2\nu,3\n"), stream="id")
    assert "line 4, column 'id' comes back to 'u'" in message


def test_the_wrong_delimiter_is_guessed_at(write):
    assert 'delimiter=";"' in refused(write("a;b\n1;2\n"), target="b")


def test_only_a_target(write):
    message = refused(write("y\n1\n2\n"), target="y")
    assert "no feature columns" in message


def test_numbers_may_be_names_when_asked_for(write):
    table = read_csv(write("1,2\n3,4\n5,6\n"), target="2")
    assert table.feature_names == ("1",)


def test_no_temporary_file_is_left(write, tmp_path, monkeypatch):
    import gc
    import tempfile

    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    table = read_csv(write(GOOD), target="kind", features=["a"], task="classification")
    assert list(room.iterdir())
    del table
    refused(write("a,b\n1,2\n3,x\n"))
    gc.collect()
    assert not list(room.iterdir())


def test_a_file_of_many_columns(write):
    names = [f"c{number}" for number in range(100_000)]
    ones = ",".join(["1"] * len(names))
    table = read_csv(write("\n".join([",".join(names), ones, ones, ones])))
    assert table.columns["x"].shape == (2, 100_000) and table.feature_names == tuple(names)
    assert "names column 'c7' twice" in refused(write(",".join([*names, "c7"]) + f"\n{ones},1\n"))
