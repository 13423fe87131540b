"""Runs beside one another on one HTML page that needs nothing else: tables and curves."""

from tgcarry.pages.page import compose, write_page
from tgcarry.pages.runs import Run, read_runs

__all__ = ["Run", "compose", "read_runs", "write_page"]
