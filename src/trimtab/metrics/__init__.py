"""From labels to figures, each with its N, interval and noise floor. Knows numpy only."""

from __future__ import annotations

from trimtab.metrics.comparison import Comparison, Difference, Spillover, agreement, spillover
from trimtab.metrics.distances import (
    deviation_ratio,
    fairness_discrepancy,
    kl_divergence,
    noise_floor,
    normalised_entropy,
    target_shares,
)
from trimtab.metrics.frame import AuditFrame, statistical_parity_difference

__all__ = [
    "AuditFrame",
    "Comparison",
    "Difference",
    "Spillover",
    "agreement",
    "deviation_ratio",
    "fairness_discrepancy",
    "kl_divergence",
    "noise_floor",
    "normalised_entropy",
    "spillover",
    "statistical_parity_difference",
    "target_shares",
]
