"""Chunks by number: sequences are read again, everything else is held until released."""

import itertools
import weakref

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry.source import ChunkSource


class Reads(list):
    """Counts how often each chunk is read."""

    def __init__(self, chunks):
        super().__init__(chunks)
        self.counts = [0] * len(self)

    def __getitem__(self, index):
        self.counts[index] += 1
        return super().__getitem__(index)


def chunks(flags):
    return [
        tgc.Chunk({"x": np.full((2, 3, 1), float(k))}, np.array(rows), np.array([3, 3]))
        for k, rows in enumerate(flags)
    ]


QUIET = [[False, False]] * 9


def test_a_break_is_where_every_stream_starts_anew():
    flags = [[True, True], [True, False], [False, False], [True, True]]
    for given in (chunks(flags), iter(chunks(flags))):
        assert list(ChunkSource(given).breaks()) == [True, False, False, True]


def test_a_sequence_is_read_again_at_a_later_visit():
    given = Reads(chunks(QUIET))
    source = ChunkSource(given)
    assert len(list(source.breaks())) == 9
    for k in range(8, -1, -1):
        assert source[k].arrays["x"][0, 0, 0] == k
        source.release(k)
    assert given.counts[0] == 2
    assert max(given.counts) <= 2


def test_a_sequences_chunks_do_not_pile_up():
    made = []

    class Lazy(tgc.data.LazySequence):
        def __len__(self):
            return 50

        def item(self, position):
            array = np.zeros((1, 1, 1))
            made.append(weakref.ref(array))
            return tgc.Chunk({"x": array}, np.array([False]), np.array([1]))

    source = ChunkSource(Lazy())
    for _ in source.breaks():
        assert sum(ref() is not None for ref in made) <= 6
    assert len(made) == 50


def test_an_iterators_chunks_are_held_until_they_are_released():
    source = ChunkSource(iter(chunks(QUIET)))
    list(source.breaks())
    assert [source[k].arrays["x"][0, 0, 0] for k in range(9)] == list(range(9))
    source.release(4)
    with pytest.raises(tgc.RunError, match="chunk 4"):
        source[4]
    assert source[5] is not None


def test_an_endless_iterator_is_read_one_by_one():
    def endless():
        for k in itertools.count():
            read.append(k)
            yield chunks(QUIET[:1])[0]

    read = []
    source = ChunkSource(endless())
    assert list(itertools.islice(source.breaks(), 5)) == [False] * 5
    assert read == list(range(5))


def test_reset_flags_outlive_the_chunk():
    source = ChunkSource(iter(chunks([[True, False], [False, True]])))
    list(source.breaks())
    source.release(1)
    assert source.resets(1).tolist() == [False, True]
    source.forget_before(1)
    assert source.resets(1).tolist() == [False, True]
    with pytest.raises(KeyError):
        source.resets(0)


@pytest.mark.parametrize("lazily", [False, True])
def test_every_chunk_is_checked_and_named(lazily):
    bad = chunks(QUIET)
    bad[5].arrays["x"][1, 2] = np.nan
    source = ChunkSource(iter(bad) if lazily else bad)
    breaks = source.breaks()
    assert list(itertools.islice(breaks, 5)) == [False] * 5
    with pytest.raises(tgc.DataError, match="chunk 5"):
        next(breaks)
