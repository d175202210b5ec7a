"""Figures from labels, each with n, interval and noise floor. Needs only numpy and scipy."""

from __future__ import annotations

from trimtab.metrics.agreements import Agreement, agreement
from trimtab.metrics.association import cosines, mean_cosine, rarity
from trimtab.metrics.clusters import Cluster, clusters
from trimtab.metrics.comparison import Comparison, Difference
from trimtab.metrics.discovery import Discovery, Evidence, discover
from trimtab.metrics.distances import (
    deviation_ratio,
    fairness_discrepancy,
    kl_divergence,
    noise_floor,
    normalised_entropy,
)
from trimtab.metrics.expected import Expected
from trimtab.metrics.figures import Figures
from trimtab.metrics.frame import AuditFrame
from trimtab.metrics.intersections import intersection
from trimtab.metrics.misalignment import Misalignment, misalignments
from trimtab.metrics.parity import statistical_parity_difference
from trimtab.metrics.spillover import Spillover, spillover

__all__ = [
    "Agreement",
    "AuditFrame",
    "Cluster",
    "Comparison",
    "Difference",
    "Discovery",
    "Evidence",
    "Expected",
    "Figures",
    "Misalignment",
    "Spillover",
    "agreement",
    "clusters",
    "cosines",
    "deviation_ratio",
    "discover",
    "fairness_discrepancy",
    "intersection",
    "kl_divergence",
    "mean_cosine",
    "misalignments",
    "noise_floor",
    "normalised_entropy",
    "rarity",
    "spillover",
    "statistical_parity_difference",
]
