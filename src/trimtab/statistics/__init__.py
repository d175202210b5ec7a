"""Inference from samples: intervals, exact tests, and corrections for multiple tests."""

from __future__ import annotations

from trimtab.statistics.curves import Accuracy, Dose, Response
from trimtab.statistics.intervals import (
    Estimate,
    Share,
    bootstrap,
    newcombe,
    simultaneous_wilson,
    standardised,
    tango,
    wilson,
)
from trimtab.statistics.limits import (
    CALIBRATION_CONFIDENCE,
    CONFIDENCE,
    EQUIVALENCE,
    FEW,
    MAX_CONCEPT_LOSS,
    MAX_UNKNOWN,
    MAX_UNKNOWN_RISE,
    PRECISION,
    THRESHOLD,
)
from trimtab.statistics.significance import holm, independence, mcnemar, stuart_maxwell

__all__ = [
    "CALIBRATION_CONFIDENCE",
    "CONFIDENCE",
    "EQUIVALENCE",
    "FEW",
    "MAX_CONCEPT_LOSS",
    "MAX_UNKNOWN",
    "MAX_UNKNOWN_RISE",
    "PRECISION",
    "THRESHOLD",
    "Accuracy",
    "Dose",
    "Estimate",
    "Response",
    "Share",
    "bootstrap",
    "holm",
    "independence",
    "mcnemar",
    "newcombe",
    "simultaneous_wilson",
    "standardised",
    "stuart_maxwell",
    "tango",
    "wilson",
]
