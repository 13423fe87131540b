"""Hand-written forward and backward passes of the cells' recurrences, whole sequences at once."""

from tgcarry.kernels.layer import Flags, Layer, LayerRun
from tgcarry.kernels.layout import STEPS_FIRST, STREAMS_FIRST
from tgcarry.kernels.loops import few
from tgcarry.kernels.projected import Projected
from tgcarry.kernels.recurrence import Recurrence
from tgcarry.kernels.support import recurrence_of, why_not

__all__ = [
    "STEPS_FIRST",
    "STREAMS_FIRST",
    "Flags",
    "Layer",
    "LayerRun",
    "Projected",
    "Recurrence",
    "few",
    "recurrence_of",
    "why_not",
]
