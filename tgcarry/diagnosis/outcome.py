"""What a diagnosis says, in parts and as one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tgcarry.data.wording import listed


@dataclass(frozen=True)
class Diagnosis:
    """Says what is the first that is not finite in a chunk; `str` of it is one line.

    Attributes:
      chunk: the chunk's number, if it was given.
      stage: which values: "data", "constants", "fed state", "upstream", "variables",
        "final state", "loss", "metrics", "state gradient", "gradients", "gathered gradients",
        "gradient norm", "forward pass"; empty if all are finite.
      names: which of them.
      streams: the rows of the batch that are bad without the others; empty if that cannot be
        told.
      step: the first step in the chunk, from 0, where that can be told.
      value: one of the bad values: "nan", "inf" or "-inf".
      fine: the stages before, all finite.
      remark: what is to be known besides.
      feeds: the names of the fed arrays, in order.
    """

    chunk: int | None
    stage: str
    names: tuple[str, ...]
    streams: tuple[int, ...]
    step: int | None
    value: str
    fine: tuple[str, ...]
    remark: str
    feeds: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Says whether anything is not finite."""
        return bool(self.stage)

    def __str__(self) -> str:
        where = "" if self.chunk is None else f"chunk {self.chunk}: "
        remark = f" ({self.remark})" if self.remark else ""
        if not self.found:
            return f"{where}everything was finite when it was computed again{remark}"
        verb = "is" if len(self.names) == 1 else "are"
        streams = f" of {_streams_text(self.streams)}" if self.streams else ""
        step = "" if self.step is None else f", first at step {self.step},"
        text = f"{where}{listed(self.names)}{streams}{step} {verb} not finite"
        value = f" ({self.value})" if self.value else ""
        fine = f"; {_joined(self.fine)} {_verb(self.fine)}" if self.fine else ""
        return f"{text}{value}{fine}{remark}"


def _streams_text(streams: Sequence[int]) -> str:
    return f"stream{'s' if len(streams) > 1 else ''} {listed(streams)}"


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _verb(names: Sequence[str]) -> str:
    plural = ("constants", "variables", "metrics", "gradients", "gathered gradients", "data")
    return "are" if len(names) > 1 or names[0] in plural else "is"
