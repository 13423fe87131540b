"""The policies that are compared, as a command line names them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from tgcarry.data.wording import shown
from tgcarry.errors import PolicyError
from tgcarry.options import make_policy
from tgcarry.policies import Policy

Kind = Literal["truncated", "stale", "exact", "random", "synthetic"]

_FORMS = (
    "truncated, stale, stale:DECAY, exact, exact:WINDOW, random:P, random:P:WINDOW, synthetic or "
    "synthetic:TRUNK"
)
# What may stand behind the name, in this order, and how much of it has to.
_PARTS: dict[str, tuple[tuple[str, ...], int]] = {
    "truncated": ((), 0),
    "stale": (("decay",), 0),
    "exact": (("window",), 0),
    "random": (("cut", "window"), 1),
    "synthetic": (("trunk",), 0),
}


@dataclass(frozen=True)
class Asked:
    """Names a policy; without a window of its own it gets that of the measurement."""

    name: str
    """As the user wrote it."""
    kind: Kind
    window: int | None = None
    """Chunks; None for as many as there are."""
    decay: float = 1.0
    """Of a stale policy."""
    cut: float = 0.3
    """Of a random one: the probability of a cut."""
    trunk: float = 0.0
    """Of a synthetic one: how much of what it misses counts for the model."""

    @property
    def windowed(self) -> bool:
        """Says whether the policy visits windows of chunks rather than chunks."""
        return self.kind in ("exact", "random")

    @property
    def bounded(self) -> bool:
        """Says whether it has a window of its own, beyond whose end nothing is carried."""
        return self.windowed and self.window is not None

    def policy(self, seed: int = 0, window: int | None = None) -> Policy:
        """Makes the policy.

        Args:
          seed: of its own random numbers.
          window: for a policy that has windows, and none of its own.
        """
        size = self.window if self.bounded else window
        return make_policy(self.kind, size, self.decay, cut=self.cut, seed=seed, trunk=self.trunk)


def read_policy(text: str) -> Asked:
    """Reads a policy such as "exact:4" or "random:0.3".

    Raises:
      PolicyError: it is none, or a number is out of its range.
    """
    kind, *rest = (part.strip() for part in text.split(":"))
    names, least = _PARTS.get(kind, ((), -1))
    if least < 0 or not least <= len(rest) <= len(names):
        raise PolicyError(f"policy {shown(text)}: give {_FORMS}")
    values: dict[str, float | int] = {}
    for name, part in zip(names, rest, strict=False):
        value = _number(part, whole=name == "window")
        if value is None:
            raise PolicyError(f"policy {shown(text)}: {shown(part)} is no {name}: give {_FORMS}")
        values[name] = value
    asked = Asked(":".join([kind, *rest]), kind, **values)  # type: ignore[arg-type]
    asked.policy()
    return asked


def read_policies(texts: Sequence[str]) -> tuple[Asked, ...]:
    """Reads several, each different from the others.

    Raises:
      PolicyError: there is none, one comes twice, or one cannot be read.
    """
    found = tuple(map(read_policy, texts))
    names = [asked.name for asked in found]
    for name in names:
        if names.count(name) > 1:
            raise PolicyError(f"policy {shown(name)} comes twice: name each once")
    if not found:
        raise PolicyError(f"no policy to compare: give one at least of {_FORMS}")
    return found


def _number(text: str, whole: bool) -> float | int | None:
    with suppress(ValueError):
        return int(text) if whole else float(text)
    return None
