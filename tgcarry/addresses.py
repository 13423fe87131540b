"""Addresses of the ranks of a job, and how a launcher passes them on; without TensorFlow."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from tgcarry.data.wording import shown
from tgcarry.errors import ClusterError

TF_CONFIG = "TF_CONFIG"
LOOPBACK = "127.0.0.1"

_LOOPBACK = re.compile(r"lo\d*")
_LARGEST_PORT = (1 << 16) - 1
_JOBS = {"chief", "worker"}


def check_addresses(addresses: Any) -> tuple[str, ...]:
    """Returns addresses as they are, if each is one and they differ.

    Raises:
      ClusterError: else.
    """
    if isinstance(addresses, str) or not isinstance(addresses, Sequence):
        raise ClusterError(f'addresses {shown(addresses)}: give a list of "host:port" texts')
    for address in addresses:
        split_address(address)
    twice = {a for a in addresses if addresses.count(a) > 1}
    if twice:
        raise ClusterError(f"{min(twice)} is two ranks' address: give each rank its own port")
    return tuple(addresses)


def split_address(address: Any) -> tuple[str, int]:
    """Parts "host:port"; an IPv6 host stands in brackets.

    Raises:
      ClusterError: it is no address.
    """
    host, _, port = str(address).rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    good = isinstance(address, str) and bare and port.isdecimal() and port.isascii()
    # Only brackets tell an IPv6 host's colons from the port's.
    if not good or (bare == host and ":" in host) or any(c in "/,@[] \t\n" for c in bare):
        raise ClusterError(f'address {shown(address)}: give "host:port", such as 10.0.0.1:4000')
    if not 0 < int(port) <= _LARGEST_PORT:
        raise ClusterError(f"address {shown(address)}: give a port from 1 to {_LARGEST_PORT}")
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """Says whether a host is this machine to itself, without asking any name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def networks() -> list[str]:
    """Names the networks over which others may reach this machine: all but loopback.

    None in a network of this process's own; none, too, where the system does not tell.
    """
    with suppress(OSError, AttributeError):
        return [name for _, name in socket.if_nameindex() if not _LOOPBACK.fullmatch(name)]
    return []


def free_addresses(count: int) -> tuple[str, ...]:
    """Finds ports that nobody listens at, on this machine alone."""
    found = []
    with ExitStack() as stack:
        for _ in range(count):
            # All are held until the last one is found, so that they differ.
            held = stack.enter_context(socket.socket())
            held.bind((LOOPBACK, 0))
            found.append(f"{LOOPBACK}:{held.getsockname()[1]}")
    return tuple(found)


def write_config(addresses: Sequence[str], rank: int) -> dict[str, str]:
    """Returns the environment that tells a process of its cluster, see `read_config`."""
    config = {
        "cluster": {"worker": list(addresses)},
        "task": {"type": "worker", "index": rank},
    }
    return {TF_CONFIG: json.dumps(config)}


def read_config(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """Reads addresses and rank from TF_CONFIG; no addresses and rank 0 without one.

        {"cluster": {"worker": ["10.0.0.1:4000", ...]}, "task": {"type": "worker", "index": 0}}

    A "chief" comes before the workers, as rank 0.

    Raises:
      ClusterError: it cannot be read, or has parameter servers or evaluators.
    """
    text = environment.get(TF_CONFIG, "")
    if not text.strip():
        return (), 0
    try:
        config = json.loads(text)
        jobs = {job: list(addresses) for job, addresses in config.get("cluster", {}).items()}
        if not jobs:
            return (), 0
        kind, index = config["task"]["type"], int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"{TF_CONFIG}={shown(text, 80)} cannot be read ({type(error).__name__}: {error}): "
            f'give {{"cluster": {{"worker": ["host:port", ...]}}, "task": {{"type": "worker", '
            f'"index": 0}}}}'
        ) from error
    others = sorted({*jobs, str(kind)} - _JOBS)
    if others:
        raise ClusterError(
            f"{TF_CONFIG} has the job {others[0]}: every rank trains here: name workers, and a "
            f"chief if you like"
        )
    chiefs = jobs.get("chief", [])
    if index not in range(len(jobs.get(kind, ()))):
        raise ClusterError(f"{TF_CONFIG}: there is no {kind} {index}: give an index from 0 on")
    rank = index if kind == "chief" else len(chiefs) + index
    return check_addresses([*chiefs, *jobs.get("worker", [])]), rank
