"""Chunks by number: sequences are read again, everything else is held until released."""

import itertools
import threading
import weakref

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry.source import ChunkSource


class Reads(list):
    """Notes which chunk is read in which thread; `fails(index)` may refuse."""

    def __init__(self, chunks, fails=lambda index: None):
        super().__init__(chunks)
        self.counts, self.threads, self.fails = [0] * len(self), [], fails

    def __getitem__(self, index):
        self.counts[index] += 1
        self.threads.append((index, threading.current_thread().name))
        self.fails(index)
        return super().__getitem__(index)

    def in_the_second_thread(self):
        return [index for index, name in self.threads if name == "tgcarry"]


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


def test_a_stream_goes_on_that_neither_starts_anew_nor_has_no_steps():
    given = chunks([[True, True], [False, True], [False, False]])
    given[2] = given[2]._replace(lengths=np.array([0, 2]))
    source = ChunkSource(given)
    list(source.breaks())
    rows = [source.going_on(k).tolist() for k in range(3)]
    assert rows == [[False, False], [True, False], [False, True]]
    # What an earlier run knew is enough, and a position without it is one without idle streams.
    again = ChunkSource(given, resets=source.resets_held, idle=source.idle_held)
    assert [again.going_on(k).tolist() for k in range(3)] == rows
    assert ChunkSource(given, resets=source.resets_held).going_on(2).all()
    source.forget_before(2)
    assert source.idle_held.keys() == source.resets_held.keys() == {2}


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


# --- reading ahead ------------------------------------------------------------------------


@pytest.fixture
def opened():
    """Makes sources that are closed in the end."""
    made = []

    def make(*arguments):
        made.append(ChunkSource(*arguments))
        return made[-1]

    yield make
    for source in made:
        source.close()


def second_threads():
    return [t for t in threading.enumerate() if t.name == "tgcarry"]


def test_the_next_chunk_and_no_other_is_read_while_a_call_runs(opened):
    given = Reads(chunks(QUIET))
    source = opened(given)
    breaks = source.breaks()
    for index in range(9):
        next(breaks)
        source[index]
        assert sum(given.counts) == index + 1, "nothing is read outside of a call"
        assert source.beside(lambda: "result") == "result"
        assert sum(given.counts) == min(index + 2, 9)
    assert next(breaks, "end") == "end"
    assert given.counts == [1] * 9
    assert given.in_the_second_thread() == list(range(1, 9))


def test_it_is_read_while_the_call_runs_and_not_before_or_after(opened):
    read = threading.Event()
    given = Reads(chunks(QUIET), lambda index: read.set() if index else None)
    source = opened(given)
    next(source.breaks())
    assert not read.is_set()
    assert source.beside(lambda: read.wait(30)), "the call waits for what is read beside it"


def test_the_expected_chunk_is_made_ready_and_not_the_one_after_it(opened):
    ready = []
    given = Reads(chunks(QUIET))
    source = opened(given, lambda chunk, index: ready.append(index) or index)
    breaks = source.breaks()
    for _ in range(5):
        next(breaks)
    for index in (4, 3, 2, 1):
        assert source[index] == index
        source.expect(index - 1)
        source.beside(lambda: None)
        assert ready == list(range(4, index - 2, -1))
        source.release(index)
    assert given.counts == [1] * 6 + [0] * 3, "chunks 0 to 4 were still held; 5 was read ahead"
    assert next(breaks) is False
    assert given.counts[5] == 1


def test_what_is_expected_and_no_longer_held_is_read_again_beside_the_call(opened):
    given = Reads(chunks(QUIET))
    source = opened(given)
    list(source.breaks())
    source.expect(0)
    source.beside(lambda: None)
    assert given.in_the_second_thread() == [0]
    assert source[0].arrays["x"][0, 0, 0] == 0
    assert given.counts[0] == 2


def test_the_chunk_after_an_apply_is_read_and_made_ready(opened):
    ready = []
    source = opened(Reads(chunks(QUIET)), lambda chunk, index: ready.append(index) or index)
    breaks = source.breaks()
    next(breaks)
    source.expect(None)
    source.beside(lambda: None)
    assert ready == [1]
    next(breaks)
    assert source[1] == 1
    assert ready == [1]


def test_iterables_are_read_in_the_callers_thread(opened):
    read = []

    def lazily():
        for chunk in chunks(QUIET):
            read.append(threading.current_thread().name)
            yield chunk

    ready = []
    source = opened(lazily(), lambda chunk, index: ready.append(threading.current_thread().name))
    breaks = source.breaks()
    next(breaks), next(breaks)
    source.expect(1)
    source.beside(lambda: None)
    assert len(read) == 2
    list(breaks)
    assert set(read) == {threading.current_thread().name}
    assert ready == ["tgcarry"], "chunks that are held already may be made ready there"


@pytest.mark.parametrize("where", ["always", "second thread"])
def test_what_cannot_be_read_ahead_is_read_where_it_is_needed(where, opened):
    def fails(index):
        if index == 2 and (where == "always" or threading.current_thread().name == "tgcarry"):
            raise OSError(f"no chunk {index}")

    given = Reads(chunks(QUIET), fails)
    source = opened(given)
    breaks = source.breaks()
    for _ in range(2):
        next(breaks)
        source.beside(lambda: None)
    assert given.counts[2] == 1
    if where == "always":
        with pytest.raises(OSError, match="no chunk 2"):
            next(breaks)
    else:
        assert list(breaks) == [False] * 7
        source.beside(lambda: None)
        assert given.in_the_second_thread() == [1, 2], "it is not tried again"
    assert second_threads() == []


def test_a_bad_chunk_that_was_read_ahead_is_named_in_its_turn(opened):
    bad = chunks(QUIET)
    bad[1].arrays["x"][1, 2] = np.nan
    source = opened(bad)
    breaks = source.breaks()
    next(breaks)
    source.beside(lambda: None)
    assert source[0].arrays["x"][0, 0, 0] == 0
    with pytest.raises(tgc.DataError, match=r"chunk 1.*stream 1, step 2"):
        next(breaks)


def test_a_call_that_fails_leaves_no_work_behind(opened):
    source = opened(Reads(chunks(QUIET)))
    next(source.breaks())

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        source.beside(fail)
    assert len(second_threads()) == 1
    source.close()
    assert second_threads() == []
    assert source.beside(lambda: 3) == 3
    assert second_threads() == []
