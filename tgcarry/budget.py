"""What a memory budget buys: how many chunks' activations are kept, and what that costs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from numbers import Integral

from tgcarry.errors import PolicyError

_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*")


def to_bytes(amount: object, what: str = "to_bytes(amount") -> int:
    """Reads an amount of memory.

    Args:
      amount: an int in bytes; or text of a number and a unit (B, kB, MB, GB of powers of 1000,
        KiB, MiB, GiB of powers of 1024), such as "512MiB"; None for nothing.
      what: how a message starts, up to the value.

    Returns:
      Whole bytes.

    Raises:
      PolicyError: it is no amount of memory.
    """
    if amount is None:
        return 0
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if found is not None and found[2] in _UNITS:
        return int(float(found[1]) * _UNITS[found[2]])
    if isinstance(amount, bool) or not isinstance(amount, Integral) or int(amount) < 0:
        raise PolicyError(
            f"{what}={amount!r}): give bytes as a whole number, or text such as '512MiB' (B, kB, "
            f"MB, GB, KiB, MiB, GiB)"
        )
    return int(amount)


def shown_bytes(count: int) -> str:
    """Writes an amount of memory with a unit."""
    for unit in ("GiB", "MiB", "KiB"):
        if count >= _UNITS[unit]:
            return f"{count / _UNITS[unit]:.1f} {unit}"
    return f"{count} B"


@dataclass(frozen=True)
class MemoryPlan:
    """Tells what a sweep keeps within a memory budget, before it runs.

    Of a window of n chunks the activations of the first m are kept as the window is read
    forwards. The last chunk is visited once in any case; those in between are read forwards
    again.

        m = min(n - 1, budget / chunk_bytes)         recomputed = n - 1 - m

    Not included: what a run needs without a budget, which is TensorFlow, the weights, and one
    chunk at work with its activations.
    """

    budget: int
    """Bytes that kept activations may take."""
    chunk_bytes: int
    """Bytes of one chunk's activations, measured on the first chunk."""
    state_bytes: int
    """Bytes of the state at one boundary between chunks."""
    chunks: int | None
    """Chunks of the longest window, n; None if that is not known."""
    obstacle: str = ""
    """Why nothing can be kept, whatever the budget; or ""."""

    @property
    def kept(self) -> int:
        """The chunks of a window that are kept, m; if n is not known, the most that fit."""
        if self.obstacle or not self.chunk_bytes:
            return 0
        fitting = self.budget // self.chunk_bytes
        return fitting if self.chunks is None else min(fitting, max(self.chunks - 1, 0))

    @property
    def predicted_bytes(self) -> int | None:
        """Bytes of kept activations and of the states at boundaries; None if n is not known."""
        if self.chunks is None:
            return None
        return self.kept * self.chunk_bytes + max(self.chunks - 1, 0) * self.state_bytes

    @property
    def recomputed(self) -> int | None:
        """The chunks of a window that are read forwards twice; None if n is not known."""
        return None if self.chunks is None else max(self.chunks - 1, 0) - self.kept

    @property
    def extra_forward(self) -> float | None:
        """What is computed twice, as a share of one forward pass; None if n is not known."""
        return None if self.recomputed is None else self.recomputed / (self.chunks or 1)

    def __str__(self) -> str:
        each = shown_bytes(self.chunk_bytes)
        if self.obstacle:
            what = f"no activations can be kept: {self.obstacle}"
        elif self.chunks is None:
            what = (
                f"keeps the activations of the first {self.kept} chunks of a window, {each} each"
            )
        elif self.chunks < 2:
            what = "every chunk is visited once, so that nothing has to be kept"
        elif not self.kept:
            what = f"keeps no activations, which are {each} a chunk"
        else:
            what = f"keeps the activations of {self.kept} of {self.chunks} chunks, {each} each"
        return f"memory budget {shown_bytes(self.budget)}: {what}{self._sums()}"

    def _sums(self) -> str:
        if not self.predicted_bytes:
            return ""
        return (
            f"; with the states {shown_bytes(self.predicted_bytes)}. Computes {self.recomputed} "
            f"chunks forwards twice ({self.extra_forward:.0%} of a forward pass)"
        )
