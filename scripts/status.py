"""Tells how training runs stand, from their log folders: finished, running or stopped, how far.

For example:
  python scripts/status.py runs/text
  python scripts/status.py runs/* --json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _alone import alone
from _arguments import Arguments

if TYPE_CHECKING:
    from tgcarry import attempts, folder, status
else:
    attempts, folder, status = alone("attempts"), alone("folder"), alone("status")


def _arguments() -> Any:
    parser = Arguments(__doc__)
    parser.add_argument("--json", action="store_true", help="Write a JSON list.")
    parser.add_argument(
        "--patience",
        type=float,
        default=120.0,
        help="Seconds without a new line before a run counts as stopped (default: 120).",
    )
    return parser.parse_args()


def main() -> int:
    """Reads the command line and each folder, and prints."""
    arguments = _arguments()
    blocks, listed, failures = [], [], 0
    for name in arguments.logdir:
        shown = name if name.isprintable() else repr(name)
        try:
            contents = folder.read_contents(Path(name))
        except (OSError, ValueError) as error:
            failures += 1
            problem = " ".join(str(error).split())
            print(f"status.py: {problem}", file=sys.stderr)
            listed.append({"folder": name, "error": problem})
            continue
        found = status.judge(contents, time.time(), patience=arguments.patience)
        tried = attempts.summed_up(contents.attempts)
        if tried is not None:
            tried = attempts.settled(tried, running=found.state == status.RUNNING)
        blocks.append(status.to_text(shown, found, attempts.rows(tried) if tried else ()))
        counts = {"attempts": None if tried is None else tried._asdict()}
        listed.append({"folder": name, **found._asdict(), **counts})
    if arguments.json:
        print(json.dumps(listed, indent=2))
    elif blocks:
        print("\n\n".join(blocks))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
