"""Inference from samples: intervals, exact tests, variance components, corrections of tests."""

from __future__ import annotations

from trimtab.statistics.components import Components, noise_share, variance_components
from trimtab.statistics.curves import Accuracy, Dose, Response
from trimtab.statistics.factors import excess_of_both, explained
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
from trimtab.statistics.kappa import cohen_kappa
from trimtab.statistics.limits import (
    CALIBRATION_CONFIDENCE,
    CONFIDENCE,
    EQUIVALENCE,
    FEW,
    FEW_TO_AGREE,
    LEAST_DISTANCE,
    LEAST_SEED_SHARE,
    MAX_CONCEPT_LOSS,
    MAX_UNKNOWN,
    MAX_UNKNOWN_RISE,
    PRECISION,
    THRESHOLD,
)
from trimtab.statistics.prevalence import corrected_shares
from trimtab.statistics.ranks import spearman
from trimtab.statistics.significance import holm, independence, mcnemar, stuart_maxwell
from trimtab.statistics.superiority import Superiority, superiority

__all__ = [
    "CALIBRATION_CONFIDENCE",
    "CONFIDENCE",
    "EQUIVALENCE",
    "FEW",
    "FEW_TO_AGREE",
    "LEAST_DISTANCE",
    "LEAST_SEED_SHARE",
    "MAX_CONCEPT_LOSS",
    "MAX_UNKNOWN",
    "MAX_UNKNOWN_RISE",
    "PRECISION",
    "THRESHOLD",
    "Accuracy",
    "Components",
    "Dose",
    "Estimate",
    "Response",
    "Share",
    "Superiority",
    "bootstrap",
    "cohen_kappa",
    "corrected_shares",
    "excess_of_both",
    "explained",
    "holm",
    "independence",
    "mcnemar",
    "newcombe",
    "noise_share",
    "simultaneous_wilson",
    "spearman",
    "standardised",
    "stuart_maxwell",
    "superiority",
    "tango",
    "variance_components",
    "wilson",
]
