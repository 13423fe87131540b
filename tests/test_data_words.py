"""Words from characters: nothing of the text is lost."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgcarry.data import (
    character_streams,
    decode,
    hold_out_words,
    join_words,
    language_topics,
    read_text,
    split_words,
    stdlib_text,
    whole_text,
    word_streams,
)
from tgcarry.data.words import STOP
from tgcarry.errors import DataError

TEXT = "two  spaces, a line\nfeed and internationalisation "
TEXTS = st.text(st.sampled_from(" \na,\u00e9\U0001f600"), min_size=1) | st.text(min_size=1)


def spelled(words):
    """Writes each word as it is read, STOP as a bar."""
    return [
        "".join(words.vocabulary[c] if c else "|" for c in row[:n])
        for row, n in zip(words.characters, words.steps, strict=True)
    ]


@given(TEXTS, st.integers(1, 9))
def test_joining_gives_the_text_back(text, longest):
    words = split_words(text, longest)
    assert join_words(words) == text
    assert words.steps.sum() == len(text), "each step is a character"
    assert words.steps.min() >= 1 and words.steps.max() <= longest
    assert words.vocabulary[STOP] == " " and len(set(words.vocabulary)) == len(words.vocabulary)


@given(TEXTS, st.integers(1, 9))
def test_words_are_what_stands_between_single_spaces(text, longest):
    text = text.replace("|", "/")
    words = split_words(text, longest)
    assert "".join(spelled(words)).split("|") == text.split(" ")
    for word in spelled(words)[:-1]:
        assert word.endswith("|") != (len(word) == longest and "|" not in word)
        assert word.count("|") <= 1


def test_empty_words_and_long_ones():
    assert spelled(split_words(TEXT, 8)) == [
        *("two|", "|", "spaces,|", "a|", "line\nfee", "d|", "and|"),
        *("internat", "ionalisa", "tion|"),
    ]
    assert spelled(split_words("abcd ab", 4)) == ["abcd", "|", "ab"], "four and STOP are five"
    assert split_words(TEXT, 8).characters.dtype == np.uint8
    assert spelled(split_words("   ", 3)) == ["|", "|", "|"]


def test_behind_a_word_there_are_zeros():
    words = split_words("ab c", 5)
    np.testing.assert_array_equal(words.characters, [[1, 2, 0, 0, 0], [3, 0, 0, 0, 0]])
    np.testing.assert_array_equal(words.steps, [3, 1])


@given(TEXTS, st.integers(1, 5), st.integers(1, 4))
def test_streams_hold_the_same_text_twice(text, longest, batch):
    words = split_words(text, longest)
    if len(words.steps) < batch:
        with pytest.raises(DataError, match=f"batch {batch} needs at least {batch} words"):
            word_streams(words, batch)
        return
    streams = word_streams(words, batch)
    arrays, lengths = character_streams(streams)
    read = ""
    for x, y, length in zip(arrays["x"], arrays["y"], lengths, strict=True):
        assert not y[length:].any() and length <= lengths[0]
        read += decode(y[:length], words.vocabulary)
        np.testing.assert_array_equal(x, [STOP, *y[:-1]])
    kept = batch * (len(words.steps) // batch)
    assert read == join_words(words.part(0, kept)) and text.startswith(read)
    assert lengths.sum() == streams["steps"].sum() == len(read)


def test_the_word_before_stands_beside_each_word():
    streams = word_streams(split_words("a bc d e f", 3), 2)
    np.testing.assert_array_equal(streams["steps"], [[2, 3], [2, 2]])
    np.testing.assert_array_equal(streams["previous_steps"], [[0, 2], [0, 2]])
    np.testing.assert_array_equal(streams["previous"][:, 0], np.zeros([2, 3]))
    np.testing.assert_array_equal(streams["previous"][:, 1], streams["characters"][:, 0])


def test_the_end_is_held_out():
    words = split_words("a b c d e f g h i j", 4)
    front, back = hold_out_words(words, 0.2)
    assert join_words(front) == "a b c d e f g h " and join_words(back) == "i j"
    assert [len(part.steps) for part in hold_out_words(words, 0.001)] == [9, 1]
    assert [len(part.steps) for part in hold_out_words(words, 0.999)] == [1, 9]
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(DataError, match="cannot hold out a share of"):
            hold_out_words(words, share)
    with pytest.raises(DataError, match="a single word: give more text"):
        hold_out_words(split_words("abc", 4), 0.5)


def test_a_text_file_is_read_whole(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT * 3, encoding="utf-8")
    assert whole_text(read_text(path)) == TEXT * 3
    text = whole_text(stdlib_text(5000))
    assert join_words(split_words(text, 20)) == text


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"", "is empty: give at least two"),
        (b"x", "too short"),
        (b"caf\xe9 ", "line 1 is not UTF-8 .byte 0xe9"),
        (None, "no such file"),
    ],
)
def test_a_bad_file_is_refused_as_ever(tmp_path, content, facts):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=facts):
        whole_text(read_text(path))


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(DataError, match="an essay is empty"):
        split_words("", 4, "an essay")
    with pytest.raises(DataError, match="the longest word 0 is too small: give at least 1"):
        split_words("a", 0)
    table = stdlib_text(1000)
    object.__setattr__(table, "vocabulary", None)
    with pytest.raises(DataError, match="is not text: name a text file"):
        whole_text(table)


def test_the_topics_of_the_language(monkeypatch):
    text = language_topics()
    assert "statement" in text and len(text) > 200_000
    assert language_topics(1000) == text[:1000]
    with pytest.raises(DataError, match="limit 1"):
        language_topics(1)
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="has no pydoc_data"):
        language_topics()
