"""Ranks that train together end with the weights of one process that has the whole batch."""

import socket
import time

import numpy as np
import pytest
import rank_jobs
import tensorflow.compat.v1 as tf
from rank_jobs import chunks, finished, of_rank, start, train

import tgcarry as tgc
from tgcarry.addresses import free_addresses
from tgcarry.cluster.collective import check_port

pytestmark = pytest.mark.slow

TRAININGS = [
    "truncated",
    "stale-lazily",
    "exact",
    "exact",
    "whole-sum",
    "keeping",
    "random",
    "clipped",
    "synthetic",
    "synthetic",
    "trunk",
]
JOBS = [*TRAININGS, "gradients-exact", "bad", "stop-all", "stop-1", "fails", "killed"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Runs every job on two ranks at two addresses; rank 1 kills itself in the last one."""
    folder = tmp_path_factory.mktemp("pair")
    one, other = free_addresses(2)
    addresses = [one, other.replace("127.0.0.1", "127.0.0.2")]
    processes = start(folder, addresses, *JOBS)
    codes = finished(processes, 300)
    said = (folder / "rank0" / "err").read_text()
    assert codes == {0: 0, 1: -9}, said
    return folder


def results(folder, job):
    place = JOBS.index(job)
    return [of_rank(folder, rank, f"{place}_{job}") for rank in range(2)]


def check_equal(got, wanted, exactly=False):
    assert got.keys() == wanted.keys()
    for name in wanted:
        if exactly:
            assert np.array_equal(got[name], wanted[name]), name
        else:
            np.testing.assert_allclose(got[name], wanted[name], 1e-10, 1e-12, err_msg=name)


@pytest.mark.parametrize("job", dict.fromkeys(TRAININGS))
def test_two_ranks_end_as_one_process_does(pair, job):
    name, *options = job.split("-")
    wanted = train(name, reduce="sum" if "sum" in options else "mean")
    one, other = results(pair, job)
    check_equal(one, wanted)
    check_equal(other, one, exactly=True)


@pytest.mark.parametrize("job", ["exact", "synthetic"])
def test_the_same_again_gives_the_same_bits(pair, job):
    first, again = JOBS.index(job), JOBS.index(job) + 1
    check_equal(
        of_rank(pair, 0, f"{again}_{job}"), of_rank(pair, 0, f"{first}_{job}"), exactly=True
    )


def test_gradients_and_evaluations_are_those_of_all_streams(pair):
    wanted = rank_jobs.gradients("exact")
    for got in results(pair, "gradients-exact"):
        check_equal(got, wanted)


def test_a_bad_number_on_one_rank_has_all_leave_the_sweep_out(pair):
    one, other = results(pair, "bad")
    assert one["steps"].tolist() == [[1, 0], [2, 4], [3, 6]]
    assert one.pop("seen")[0].startswith("rank 1: chunk 2: the ")
    assert other.pop("seen")[0].startswith("chunk 2: the ")
    check_equal(other, one, exactly=True)


@pytest.mark.parametrize("job", ["stop-all", "stop-1"])
def test_a_stop_in_a_sweep_ends_all_ranks_at_the_same_step_and_they_go_on(pair, job):
    wanted = results(pair, "exact")[0]
    for got in results(pair, job):
        assert got.pop("stood") == 2
        check_equal(got, {name: wanted[name] for name in got}, exactly=True)


def test_the_others_are_told_why_a_rank_fails(pair):
    one, other = results(pair, "fails")
    assert str(one["error"]).startswith("ClusterError: rank 1: array 'x' holds nan in chunk 2")
    assert str(other["error"]).startswith("DataError: array 'x' holds nan in chunk 2")


def test_a_rank_that_is_killed_ends_the_others_at_once(pair):
    got = of_rank(pair, 0, f"{JOBS.index('killed')}_killed")
    said = str(got["error"])
    assert said.startswith("LostRankError: rank 1 (127.0.0.2:") and " is gone" in said
    assert got["seconds"] < 30 and got["steps"] == 2


@pytest.mark.slow
def test_four_ranks_that_do_not_divide_the_batch(tmp_path):
    jobs = tuple(dict.fromkeys(TRAININGS))
    processes = start(tmp_path, free_addresses(4), *jobs, "stop-2")
    assert finished(processes, 400) == dict.fromkeys(range(4), 0)
    for place, name in enumerate(jobs):
        wanted = train(name.split("-")[0], reduce="sum" if "sum" in name else "mean")
        found = [of_rank(tmp_path, rank, f"{place}_{name}") for rank in range(4)]
        check_equal(found[0], wanted)
        for other in found[1:]:
            check_equal(other, found[0], exactly=True)


@pytest.mark.slow
def test_ranks_that_do_not_do_the_same_are_told_what_differs(tmp_path):
    processes = start(tmp_path, free_addresses(2), "apart")
    assert finished(processes, 120) == {0: 0, 1: 0}
    for rank in range(2):
        got = {name: str(text) for name, text in of_rank(tmp_path, rank, "0_apart").items()}
        assert "rank 1 has no more chunks after step 6, and rank 0 has" in got["fewer"]
        assert "step 1 ends with chunk 2 after 3 visits on rank 1" in got["windows"]
        assert "rank 1 has other variables than rank 0" in got["model"]


def test_a_rank_that_does_not_come_is_named_in_time():
    cluster = tgc.Cluster(free_addresses(3), 0)
    with socket.create_server(("127.0.0.1", int(cluster.addresses[1].split(":")[1]))):
        began = time.monotonic()
        with pytest.raises(tgc.ClusterError, match=r"rank 2 .*did not come within 1 s") as caught:
            with tgc.Group(cluster, patience=1):
                pass
    assert "rank 1" not in str(caught.value)
    assert time.monotonic() - began < 10


def test_without_its_first_rank_a_cluster_does_not_begin():
    with pytest.raises(tgc.LostRankError, match=r"rank 0 \(127.*did not come within 0.5 s"):
        with tgc.Group(tgc.Cluster(free_addresses(2), 1), patience=0.5):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_says_nothing_is_waited_for_as_long_as_was_said(tmp_path, rank):
    """What listens at the other address is no rank, and the process ends all the same."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (own,) = free_addresses(1)
        addresses = [f"127.0.0.1:{silent.getsockname()[1]}"]
        addresses.insert(rank, own)
        processes = start(tmp_path, addresses, "exact", ranks=[rank], timeout=1)
        assert finished(processes, 60) == {rank: 1}
    said = (tmp_path / f"rank{rank}" / "err").read_text().splitlines()[-1]
    assert said.startswith("tgcarry.errors.LostRankError: no answer for 1 s from rank"), said


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(tgc.ClusterError, match=f"rank 0 cannot listen at {address}"):
            check_port(tgc.Cluster([address, "127.0.0.2:9"], 0))


def test_a_process_alone_needs_no_others():
    cluster = tgc.Cluster()
    wanted = train("exact")
    with tgc.Group(cluster) as group:
        got = train("exact", group, cluster.share)
        assert group.exchange(b"abc") == [b"abc"]
    check_equal(got, wanted, exactly=True)


def test_what_one_rank_cannot_know_is_refused():
    group = tgc.Group(tgc.Cluster())
    with pytest.raises(tgc.RunError, match="hooks and monitored"):
        tgc.Runner(rank_jobs.built(), group=group, hooks=[tf.train.SessionRunHook()])


def test_seconds_have_to_be_positive():
    with pytest.raises(tgc.ClusterError, match="timeout 0: give seconds above 0"):
        tgc.Group(tgc.Cluster(), timeout=0)


def test_the_data_of_this_file_have_what_is_to_be_tested():
    flags = [chunk.resets for chunk in chunks()]
    assert any(f[:2].all() and not f.all() for f in flags) and any(f.all() for f in flags)
    assert any(chunk.ragged for chunk in chunks()) and (chunks()[0].lengths == 0).any()
