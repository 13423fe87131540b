"""What went bad first in a chunk whose numbers are not finite, and what is kept to look at it."""

from tgcarry.diagnosis.evidence import Evidence, Saved, load_evidence, read_weights, save_evidence
from tgcarry.diagnosis.finding import diagnose
from tgcarry.diagnosis.outcome import Diagnosis

__all__ = [
    "Diagnosis",
    "Evidence",
    "Saved",
    "diagnose",
    "load_evidence",
    "read_weights",
    "save_evidence",
]
