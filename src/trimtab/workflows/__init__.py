"""A whole mitigation, measured: audit, learn, choose the strength, steer, audit again."""

from __future__ import annotations

from trimtab.workflows.dose import Dose, DoseResponse, measure_response
from trimtab.workflows.effect import measured_effect
from trimtab.workflows.folder import STUDY_FILE
from trimtab.workflows.mitigation import mitigate
from trimtab.workflows.plan import Plan
from trimtab.workflows.reading import Reader, Reading

__all__ = [
    "STUDY_FILE",
    "Dose",
    "DoseResponse",
    "Plan",
    "Reader",
    "Reading",
    "measure_response",
    "measured_effect",
    "mitigate",
]
