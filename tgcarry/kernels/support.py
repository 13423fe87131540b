"""Which cells have a hand-written recurrence, and why another has not."""

from __future__ import annotations

from typing import Any

from tgcarry.cells.basic import BasicRNNCell
from tgcarry.cells.gru import GRUCell
from tgcarry.cells.lstm import BasicLSTMCell, LSTMCell
from tgcarry.kernels.gru import GRURecurrence
from tgcarry.kernels.lstm import LSTMRecurrence
from tgcarry.kernels.recurrence import ACTIVATIONS, Recurrence
from tgcarry.kernels.rnn import RNNRecurrence

_MADE: dict[type, Any] = {
    GRUCell: GRURecurrence,
    BasicRNNCell: RNNRecurrence,
    BasicLSTMCell: LSTMRecurrence,
    LSTMCell: LSTMRecurrence,
}


def why_not(cell: Any) -> str | None:
    """Says in a few words why a cell has no hand-written passes; None if it has."""
    # Not isinstance: a subclass may compute anything.
    if type(cell) not in _MADE:
        return f"{type(cell).__name__} has no hand-written passes"
    if cell.activation not in ACTIVATIONS:
        name = getattr(cell.activation, "__name__", "its activation")
        return f"{type(cell).__name__} with {name} has no hand-written passes"
    if type(cell) is LSTMCell:
        return _why_not_lstm(cell)
    return None


def recurrence_of(cell: Any) -> Recurrence:
    """Makes the recurrence of a cell for which `why_not` is None and which is built."""
    made: Recurrence = _MADE[type(cell)](cell)
    return made


def _why_not_lstm(cell: LSTMCell) -> str | None:
    extras = {
        "peepholes": cell.use_peepholes,
        "cell_clip": cell.cell_clip is not None,
        "num_proj": cell.num_proj is not None,
    }
    found = [name for name, there in extras.items() if there]
    return f"LSTMCell with {', '.join(found)} has no hand-written passes" if found else None
