"""Trained models for other programs: SavedModels with the state in and out, checkpoints."""

from tgcarry.exporting.asked import state_names
from tgcarry.exporting.saved_model import (
    GO_ON,
    START,
    Exported,
    Port,
    export_saved_model,
)

__all__ = ["GO_ON", "START", "Exported", "Port", "export_saved_model", "state_names"]
