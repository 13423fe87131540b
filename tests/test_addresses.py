"""Addresses: what is one, and how a launcher passes them on."""

import json
import re

import pytest

import tgcarry as tgc
from tgcarry import addresses
from tgcarry.addresses import (
    free_addresses,
    is_loopback,
    networks,
    read_config,
    split_address,
    write_config,
)
from tgcarry.cluster import collective

TWO = ("10.0.0.1:4000", "10.0.0.2:4000")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("node-3.local:65535", ("node-3.local", 65535)),
        ("[::1]:4000", ("::1", 4000)),
    ],
)
def test_an_address_is_a_host_and_a_port(address, parts):
    assert split_address(address) == parts


@pytest.mark.parametrize(
    "address",
    [
        *("", "host", ":80", "host:", "host:x", "host:0", "host:65536", "::1:80", "a b:80"),
        *("a,b:80", "host:-1", "[::1:80", "http://host:80", "me@host:80", 80, None, b"host:80"),
        "host:\N{ARABIC-INDIC DIGIT THREE}",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(tgc.ClusterError, match=re.escape(repr(address))):
        split_address(address)


@pytest.mark.parametrize(
    ("addresses", "rank", "words"),
    [
        (TWO, 2, "rank 2 of 2: give a number from 0 to 1"),
        (TWO, -1, "rank -1 of 2"),
        (TWO, True, "rank True of 2"),
        ((), 1, "rank 1 of 1"),
        (("a:1", "a:1"), 0, "a:1 is two ranks' address"),
        ("a:1", 0, "give a list"),
        (("a",), 0, "address 'a'"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(addresses, rank, words):
    with pytest.raises(tgc.ClusterError, match=re.escape(words)):
        tgc.Cluster(addresses, rank)


def test_a_process_finds_itself_in_its_environment():
    for rank in range(2):
        cluster = tgc.Cluster.from_environment(write_config(TWO, rank))
        assert cluster == tgc.Cluster(TWO, rank)
        assert (cluster.size, cluster.is_chief, cluster.exposed) == (2, rank == 0, True)
    assert not tgc.Cluster(free_addresses(3)).exposed


@pytest.mark.parametrize(
    ("there", "found"),
    [(["lo", "eth0", "wg0"], ["eth0", "wg0"]), (["lo0", "lowpan0"], ["lowpan0"]), (["lo"], [])],
)
def test_others_reach_a_machine_by_all_its_networks_but_loopback(monkeypatch, there, found):
    monkeypatch.setattr(addresses.socket, "if_nameindex", lambda: list(enumerate(there)))
    assert networks() == found


def test_a_server_that_others_reach_is_warned_of(monkeypatch, caplog):
    cluster = tgc.Cluster(TWO, 1)
    monkeypatch.setattr(collective, "networks", list)
    collective._warn_of_strangers(cluster)
    assert not caplog.records
    monkeypatch.setattr(collective, "networks", lambda: ["eth0"])
    collective._warn_of_strangers(cluster)
    (record,) = caplog.records
    port = TWO[1].rpartition(":")[2]
    assert f"rank 1 listens at port {port} on all networks of this machine (eth0), and obeys" in (
        record.getMessage()
    )


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}'])
def test_without_a_cluster_a_process_is_alone(text):
    assert tgc.Cluster.from_environment({"TF_CONFIG": text}) == tgc.Cluster()
    assert tgc.Cluster.from_environment({}).size == 1


def config(cluster, kind, index):
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_a_chief_comes_first():
    cluster = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    every = ("a:1", "b:1", "c:1")
    assert read_config(config(cluster, "chief", 0)) == (every, 0)
    assert read_config(config(cluster, "worker", "1")) == (every, 2)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), "has the job ps"),
        (config({"worker": ["a:1"]}, "evaluator", 0), "has the job evaluator"),
        (config({"worker": ["a:1"]}, "worker", 1), "there is no worker 1"),
        (config({"worker": ["a:1"]}, "chief", 0), "there is no chief 0"),
        (config({"worker": ["a"]}, "worker", 0), "address 'a'"),
        ({"TF_CONFIG": "{"}, "cannot be read (JSONDecodeError"),
        ({"TF_CONFIG": "[]"}, "cannot be read (AttributeError"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "cannot be read (KeyError: 'task')"),
        (config({"worker": ["a:1"]}, "worker", None), "cannot be read (TypeError"),
    ],
)
def test_an_environment_that_cannot_be_read_is_refused(environment, words):
    with pytest.raises(tgc.ClusterError, match=re.escape(words)) as caught:
        read_config(environment)
    assert "\n" not in str(caught.value)


def test_free_addresses_differ():
    found = free_addresses(20)
    assert len(set(found)) == 20
    assert all(is_loopback(split_address(address)[0]) for address in found)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("localhost", True), ("127.9.9.9", True), ("::1", True)),
        *(("0.0.0.0", False), ("10.0.0.1", False), ("example.org", False)),
    ],
)
def test_loopback_is_told_without_a_name_server(host, expected):
    assert is_loopback(host) is expected
