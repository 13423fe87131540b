"""Who holds a lock: a process, told apart from later ones with the same number."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

LARGEST = 4096
"""Bytes of an owner's description at most."""

# Characters of a machine's name, and of a time, at most.
_LONGEST = 255


@dataclass(frozen=True)
class Owner:
    """A process that holds a folder.

    Attributes:
      pid: its number.
      host: its machine's name.
      since: when it took the folder, in universal time.
      boot: what the running kernel calls this start of itself; empty where it says nothing.
        Equal for all containers of a machine, other than `host`.
      started: when the process started, in the kernel's own count; None where it is not said.
      token: random, so that no two are alike.
    """

    pid: int
    host: str
    since: str
    boot: str
    started: int | None
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on host {self.host} since {self.since}"

    def lives(self) -> bool:
        """Says whether it is running, as far as this machine can see."""
        if not self.on_this_machine() or self.boot != _boot():
            return False
        if self.started is not None:
            return _started(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True

    def on_this_machine(self) -> bool:
        """Says whether it runs, or ran before a restart, on the machine that asks.

        A machine is known by its name, also after a restart: two of one name are taken for one.
        """
        return self.host == socket.gethostname() or (self.boot != "" and self.boot == _boot())


def this_process() -> Owner:
    """Describes the calling process, as an owner from now on."""
    return Owner(
        pid=os.getpid(),
        host=socket.gethostname(),
        since=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        boot=_boot(),
        started=_started(os.getpid()),
        token=os.urandom(8).hex(),
    )


def encode(owner: Owner) -> bytes:
    """Writes an owner as a line of JSON."""
    return json.dumps(asdict(owner)).encode("ascii") + b"\n"


def decode(data: bytes) -> Owner | None:
    """Reads an owner; None for nothing, and for what is torn or damaged."""
    try:
        values = json.loads(data)
        owner = Owner(**values)
    except (ValueError, TypeError, RecursionError):
        return None
    kinds = (int, str, str, str, int | None, str)
    right = all(isinstance(v, kind) for v, kind in zip(values.values(), kinds, strict=True))
    return owner if right and list(values) == list(asdict(owner)) and _plausible(owner) else None


def _plausible(owner: Owner) -> bool:
    # Whatever else a process's number means to the kernel, it is no process. The texts go into
    # messages of one line.
    numbers = (owner.pid, owner.started)
    texts = (owner.host, owner.since)
    return (
        0 < owner.pid < 1 << 31
        and not any(isinstance(number, bool) for number in numbers)
        and all(text.isprintable() and len(text) <= _LONGEST for text in texts)
    )


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _started(pid: int) -> int | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
        # The program's name may hold blanks and brackets; what follows its last one does not.
        state, *fields = line.rpartition(b")")[2].split()
        return None if state in (b"Z", b"X") else int(fields[18])
    except (OSError, ValueError, IndexError):
        return None
