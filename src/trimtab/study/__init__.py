"""A whole mitigation, measured: audit, learn, choose the strength, steer, audit again."""

from __future__ import annotations

from trimtab.study.dose import Dose, DoseResponse, measure_response
from trimtab.study.effect import measured_effect
from trimtab.study.folder import STUDY_FILE
from trimtab.study.mitigation import mitigate
from trimtab.study.plan import Plan
from trimtab.study.reading import Reader, Reading

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
