"""Hand-written forward and backward passes of the cells' recurrences, whole sequences at once."""

from tgcarry.kernels.layer import Flags, Layer, LayerRun
from tgcarry.kernels.projected import Projected
from tgcarry.kernels.recurrence import Recurrence
from tgcarry.kernels.support import recurrence_of, why_not

__all__ = ["Flags", "Layer", "LayerRun", "Projected", "Recurrence", "recurrence_of", "why_not"]
