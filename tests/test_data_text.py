"""read_text: characters as steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgcarry.data import decode, encode, read_text, streams
from tgcarry.errors import DataError


@pytest.fixture
def write(tmp_path):
    def writer(text, name="text.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writer


def refused(*args, **options):
    with pytest.raises(DataError) as info:
        read_text(*args, **options)
    assert "\n" not in str(info.value)
    return str(info.value)


def text_of(table, name="x"):
    return decode(table.columns[name][0 : len(table.columns[name])], table.vocabulary)


def test_the_next_character_is_the_target(write):
    table = read_text(write("hello\nworld"))
    assert table.vocabulary == tuple("\ndehlorw") and table.num_classes == 8
    assert text_of(table) == "hello\nworl" and text_of(table, "y") == "ello\nworld"
    assert table.columns["x"].dtype == np.uint8 and table.bounds.tolist() == [0, 10]
    assert streams(table, 2, 5)[0].arrays["x"].shape == (2, 5)


def test_files_are_joined(write):
    paths = [write("ab", "1"), write("", "2"), write("ca", "3")]
    table = read_text(paths)
    assert text_of(table) == "abc" and text_of(table, "y") == "bca"
    assert text_of(read_text(paths, limit=3)) == "ab"
    assert text_of(read_text(paths, limit=99)) == "abc"


def test_line_ends_and_byte_order_marks(write):
    table = read_text(write(b"\xef\xbb\xbfa\r\nb\rc\nd\r"))
    assert text_of(table) + text_of(table, "y")[-1] == "a\nb\nc\nd\n"


def test_characters_across_the_edges_of_pieces(write):
    text = "a" * 65535 + "\u00e9\r\n" + "\U0001f600" * 40_000 + "z"
    table = read_text(write(text))
    assert text_of(table, "y") == text.replace("\r\n", "\n")[1:]


def test_a_large_vocabulary_takes_more_bytes(write):
    text = "".join(chr(point) for point in range(0x4E00, 0x4E00 + 300))
    assert read_text(write(text)).columns["x"].dtype == np.uint16
    text = "".join(chr(point) for point in range(0x10000, 0x10000 + 65537))
    assert read_text(write(text)).columns["x"].dtype == np.int32


def test_a_given_vocabulary_keeps_its_order(write):
    table = read_text(write("abba"), vocabulary="zba")
    assert table.vocabulary == ("z", "b", "a")
    assert table.columns["x"][0:3].tolist() == [2, 1, 1]


def test_an_unknown_character_is_named_by_place(write):
    message = refused(write("ab\nab\u00e9\n"), vocabulary=["a", "b", "\n"])
    for part in ("text.txt", "line 2, column 3", "'\u00e9'", "U+00E9", "vocabulary of 3"):
        assert part in message
    message = refused(write("ab" * 50_000 + "c"), vocabulary="ab")
    assert "line 1, column 100001" in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["text.txt", "empty"]),
        ("a", ["text.txt", "too short"]),
        (b"ab\ncd\n\xffe\n", ["text.txt", "line 3", "0xff"]),
        (b"ab\ncd\xe2\x82", ["line 2", "0xe2"]),
        (b"a\n" * 70_000 + b"\x80", ["line 70001", "0x80"]),
    ],
)
def test_text_that_cannot_be_read(write, text, parts):
    message = refused(write(text))
    for part in parts:
        assert part in message


def test_other_arguments_that_do_not_fit(write, tmp_path):
    path = write("abc")
    assert "no text files" in refused([])
    assert "no such file" in refused([path, tmp_path / "none"])
    assert "limit 1" in refused(path, limit=1)
    assert "vocabulary is empty" in refused(path, vocabulary="")
    assert "repeats 'a' (U+0061)" in refused(path, vocabulary="aba")
    assert "vocabulary[1] is 'bc'" in refused(path, vocabulary=["a", "bc"])
    assert "empty" in refused(write(""), vocabulary="a")


@given(st.text(alphabet="ab\n\u00e9\U0001f600"))
def test_decode_undoes_encode(text):
    vocabulary = "\U0001f600ba\n\u00e9"
    ids = encode(text, vocabulary)
    assert ids.dtype == np.int32 and decode(ids, vocabulary) == text


def test_what_encode_and_decode_refuse():
    with pytest.raises(DataError, match=r"line 2, column 2 holds 'x' \(U\+0078\)"):
        encode("ab\nax", "ab\n")
    with pytest.raises(DataError, match=r"id 3 .*0 to 2"):
        decode([0, 3], "abc")
    with pytest.raises(DataError, match="id -1"):
        decode([-1], "abc")
    with pytest.raises(DataError, match="float64"):
        decode([0.0], "abc")
    assert decode([], "abc") == ""
