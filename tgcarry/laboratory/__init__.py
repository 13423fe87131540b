"""The carry laboratory: what each carry policy makes of the gradient, and what that buys."""

from tgcarry.laboratory.asked import read_policies, read_policy
from tgcarry.laboratory.bias import Measured, exact_gradient, measure_bias
from tgcarry.laboratory.chunkings import draw_chunkings
from tgcarry.laboratory.lags import measure_lags, open_lags
from tgcarry.laboratory.own import compare_own
from tgcarry.laboratory.recommend import Budget, recommend
from tgcarry.laboratory.report import Report, tables, to_figures
from tgcarry.laboratory.stretch import Stretch, to_stretch

__all__ = [
    "Budget",
    "Measured",
    "Report",
    "Stretch",
    "compare_own",
    "draw_chunkings",
    "exact_gradient",
    "measure_bias",
    "measure_lags",
    "open_lags",
    "read_policies",
    "read_policy",
    "recommend",
    "tables",
    "to_figures",
    "to_stretch",
]
