"""Trains on several ranks, which share the work out and take every optimiser step together.

For example, four ranks on this machine, and one rank of two on each of two machines:

  python scripts/launch.py --ranks=4 -- --data=stdlib --batch=32 --logdir=runs/text
  python scripts/launch.py --hosts=10.0.0.1:4000,10.0.0.2:4000 --rank=0 -- --logdir=/shared/text
  python scripts/launch.py --hosts=10.0.0.1:4000,10.0.0.2:4000 --rank=1 -- --logdir=/shared/text

What stands behind -- are train.py's flags: ranks share out the streams, or the chunks of a few
long ones with --parallel=sequence. Without --ranks and --hosts, TF_CONFIG says who takes
part. When a rank is lost, all start again from the last checkpoint.
Exit codes: 0 finished; 75 stopped on request, run me again; 1 failed; 2 wrong flags.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import uuid
from pathlib import Path
from types import FrameType
from typing import Any

from _arguments import OneLine, seconds_to_wait, whole
from _bare import bare_package

bare_package()

from tgcarry.own_network import enter_own_network

_TRAIN = Path(__file__).resolve().parent / "train.py"
# Seconds after which a job has worked: what is lost later is counted anew.
_WORKED = 600.0
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_writing = threading.Lock()


def _arguments() -> tuple[Any, list[str]]:
    """Reads the command line: the launcher's own part, and train.py's."""
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = OneLine(__doc__)
    parser.add_argument("--ranks", type=whole(1), help="Ranks to start on this machine.")
    parser.add_argument("--hosts", help="host:port of every rank, separated by commas.")
    parser.add_argument("--rank", type=whole(0), help="The one of --hosts to start here.")
    parser.add_argument(
        "--retries", type=whole(0), default=3, help="Further starts of a lost job (default: 3)."
    )
    parser.add_argument(
        "--grace", type=seconds_to_wait, default=60.0, help="Seconds to stop in (default: 60)."
    )
    parser.add_argument(
        "--timeout",
        type=seconds_to_wait,
        default=300.0,
        help="Seconds that a rank waits for the others at an optimiser step (default: 300).",
    )
    parser.add_argument(
        "--patience",
        type=seconds_to_wait,
        default=120.0,
        help="Seconds that a rank waits for the others at its start (default: 120).",
    )
    arguments = parser.parse_args(words[:cut])
    if arguments.ranks and (arguments.hosts or arguments.rank is not None):
        parser.error("--ranks starts ranks on this machine alone: leave --hosts and --rank out")
    if arguments.rank is not None and not arguments.hosts:
        parser.error("--rank is one of --hosts: give them, too")
    return arguments, words[cut + 1 :]


def _print(text: str) -> None:
    """Prints a line whole; that nobody listens any more ends no rank."""
    with _writing:
        try:
            print(text, flush=True)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _cluster(arguments: Any) -> tuple[tuple[str, ...], list[int]]:
    """Says who takes part, and which ranks are started here."""
    from tgcarry.addresses import (
        check_addresses,
        free_addresses,
        is_loopback,
        read_config,
        split_address,
    )
    from tgcarry.errors import ClusterError

    if arguments.ranks:
        return free_addresses(arguments.ranks), list(range(arguments.ranks))
    if not arguments.hosts:
        addresses, rank = read_config(os.environ)
        if not addresses:
            raise ClusterError("who takes part? Give --ranks or --hosts, or set TF_CONFIG")
        return addresses, [rank]
    addresses = check_addresses(arguments.hosts.split(","))
    if arguments.rank is not None:
        if arguments.rank >= len(addresses):
            raise ClusterError(
                f"--rank={arguments.rank} of {len(addresses)} --hosts: count from 0"
            )
        return addresses, [arguments.rank]
    if not all(is_loopback(split_address(address)[0]) for address in addresses):
        raise ClusterError(
            f"--hosts={arguments.hosts}: which of them is to be started here? Give --rank"
        )
    return addresses, list(range(len(addresses)))


def _environment(addresses: tuple[str, ...], rank: int, here: int) -> dict[str, str]:
    """Says what a rank is told; the cores are shared out unless the user has done so."""
    from tgcarry.addresses import write_config

    threads = str(max(1, (os.cpu_count() or 1) // here))
    shares = {name: threads for name in _THREADS if name not in os.environ and here > 1}
    return {**write_config(addresses, rank), **shares}


def main() -> int:
    """Reads the command line, starts the ranks and looks after them."""
    arguments, flags = _arguments()
    # Before NumPy is imported, which starts threads.
    alone = bool(arguments.ranks) and arguments.ranks > 1 and enter_own_network()
    from tgcarry import console
    from tgcarry.supervisor import Rank, Supervisor

    with console.one_line_errors("launch.py"):
        addresses, here = _cluster(arguments)
    if len(addresses) > 1 and not alone:
        _print(
            f"launch.py: TensorFlow's servers listen on all networks of this machine "
            f"({', '.join(addresses[rank] for rank in here)}) and obey whoever reaches them: keep "
            f"these ports behind a firewall"
        )
    waits = [f"--rank_timeout={arguments.timeout:g}", f"--rank_patience={arguments.patience:g}"]
    # The command is the same at every start, and --overwrite is to count once.
    command = [sys.executable, str(_TRAIN), *flags, *waits, f"--launch={uuid.uuid4().hex}"]
    ranks = [Rank(n, command, _environment(addresses, n, len(here))) for n in here]
    elsewhere = len(here) < len(addresses)
    waiting = 2 * arguments.timeout + arguments.patience
    supervisor = Supervisor(
        ranks,
        retries=arguments.retries,
        worked=max(_WORKED, waiting),
        # Ranks elsewhere come to the end of their sweep, wait there for the one that was lost
        # and cannot be had back, and start again.
        persistence=waiting if elsewhere else 0.0,
        grace=arguments.grace,
        # The others' last sum.
        lag=arguments.timeout + arguments.grace,
        on_line=lambda rank, line: _print(f"[{rank}] {line}"),
        on_text=lambda text: _print(f"launch.py: {text}"),
    )

    def stop(number: int, frame: FrameType | None) -> None:
        supervisor.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # nohup, and a shell that starts a job in the background, say what is to be ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
