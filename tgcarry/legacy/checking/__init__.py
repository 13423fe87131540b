"""What a program uses of TensorFlow 1, told without running it."""

from tgcarry.legacy.checking.check import check
from tgcarry.legacy.checking.report import Report

__all__ = ["Report", "check"]
