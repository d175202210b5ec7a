"""Dose-response: how a share and the concept change with the strength.

The share of a group follows a logistic curve in the strength, as in a bioassay. Every picture of
every dose therefore contributes to the one number needed: the strength at which the share meets
its target (Finney, Probit Analysis, 1971). The share of pictures that keep the concept has no
given shape and is smoothed by isotonic regression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from trimtab.statistics import Dose
from trimtab.statistics.limits import MAX_CONCEPT_LOSS

CURVE_POINTS = 121  # of a curve in a result
COLLAPSE = 0.25  # loss of the concept beyond which larger strengths are not tried


class DoseResponse:
    """Measured doses with a logistic curve for the share and a monotone one for the concept.

    Parameters
    ----------
    doses : sequence of Dose
        At least two strengths, one of them 0.
    """

    def __init__(self, doses: Sequence[Dose]) -> None:
        self.doses = tuple(sorted(doses, key=lambda dose: dose.strength))
        self.intercept, self.slope = self._curve()

    def _curve(self) -> tuple[float, float]:
        """Return a and b ≥ 0 of share = 1 / (1 + exp(-(a + b strength))), from usable doses."""
        seen = [dose for dose in self.doses if _tells(dose, self.doses[0])]
        if not seen:
            return logit(0.0), 0.0
        strengths = np.array([[dose.strength] for dose in seen])
        intercept, (slope,) = _logistic(strengths, seen)
        if slope <= 0:
            hits, known = (sum(getattr(dose, f) for dose in seen) for f in ("towards", "known"))
            return logit((hits + 0.5) / (known + 1)), 0.0
        return intercept, float(slope)

    def share(self, strengths: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the fitted share of the group at these strengths."""
        logits = self.intercept + self.slope * np.asarray(strengths, dtype=float)
        return (1 + np.tanh(logits / 2)) / 2  # the logistic function, without overflow

    def kept(self, strengths: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the fitted share of pictures that keep the concept; never rises with strength."""
        model = IsotonicRegression(increasing=False, out_of_bounds="clip")
        model.fit(
            [dose.strength for dose in self.doses],
            [dose.kept / dose.n for dose in self.doses],
            sample_weight=[dose.n for dose in self.doses],
        )
        wanted = np.asarray(strengths, dtype=float)
        kept: npt.NDArray[np.float64] = model.predict(wanted.ravel()).reshape(wanted.shape)
        return kept

    def strength_for(self, share: float) -> float:
        """Return the strength at which the curve passes `share`; infinite if it never does."""
        if self.slope == 0:
            return 0.0 if self.intercept >= logit(share) else math.inf
        return max(0.0, (logit(share) - self.intercept) / self.slope)

    @property
    def limit(self) -> float:
        """Largest strength in the measured range that keeps the concept in `least_kept`."""
        grid = np.linspace(0, self.doses[-1].strength, 401)
        return float(grid[self.kept(grid) >= self.least_kept - 1e-12].max(initial=0.0))

    @property
    def least_kept(self) -> float:
        """Share of pictures that must keep the concept: that of the plain ones minus 0.03."""
        return self.doses[0].kept / self.doses[0].n - MAX_CONCEPT_LOSS

    def choose(self, share: float) -> tuple[float, str | None]:
        """Return the strength for a share, and what limited it, or None.

        "concept": a larger strength would lose the concept. "range": no larger strength was
        measured. "response": no strength moved the share, so the strength is 0.
        """
        wanted = self.strength_for(share)
        if self.slope == 0 and wanted > 0:
            return 0.0, "response"
        if wanted <= self.limit:
            return wanted, None
        return self.limit, "concept" if self.limit < self.doses[-1].strength else "range"

    def curve(self) -> dict[str, tuple[float, ...]]:
        """Return both curves from 0 to the largest strength measured, ready to draw."""
        grid = np.linspace(0, self.doses[-1].strength, CURVE_POINTS)
        return {
            "strength": tuple(grid.tolist()),
            "share": tuple(self.share(grid).tolist()),
            "kept": tuple(self.kept(grid).tolist()),
        }


class JointResponse:
    """Logistic curves of several shares in several strengths, for a sum of directions.

    The logit of each attribute's share is linear in all strengths, which includes the effect of
    one direction on another's attribute. All doses of single directions and sums contribute to
    the fit, except those that lost the concept.

    Parameters
    ----------
    strengths : array_like, shape (n_doses, n_directions)
        One row must be all 0.
    doses : sequence of sequences of Dose
        For each row, one dose per attribute; the `strength` of the doses is ignored.
    """

    def __init__(self, strengths: npt.ArrayLike, doses: Sequence[Sequence[Dose]]) -> None:
        rows = np.asarray(strengths, dtype=float)
        unsteered = int(np.flatnonzero(~rows.any(axis=1))[0])
        fits = []
        for seen in zip(*doses, strict=True):
            known = [i for i, dose in enumerate(seen) if _tells(dose, seen[unsteered])]
            if known:
                fits.append(_logistic(rows[known], [seen[i] for i in known]))
            else:
                fits.append((0.0, np.zeros(rows.shape[1])))
        self.intercepts = np.array([intercept for intercept, _ in fits])
        self.slopes = np.array([slopes for _, slopes in fits])  # (attribute, direction)

    def strengths_for(
        self, shares: Sequence[float], largest: npt.ArrayLike
    ) -> npt.NDArray[np.float64]:
        """Return the strengths, 0 to `largest` each, that bring the shares closest to `shares`."""
        largest = np.maximum(largest, 1e-9)
        found = lsq_linear(self.slopes, logits(shares) - self.intercepts, (0, largest))
        strengths: npt.NDArray[np.float64] = found.x
        return strengths


def lost(dose: Dose, plain: Dose) -> float:
    """Return how much the share of pictures that keep the concept fell relative to plain."""
    return plain.kept / plain.n - dose.kept / dose.n


def _tells(dose: Dose, plain: Dose) -> bool:
    """Return whether a dose is informative: known pictures, and the concept not collapsed."""
    return dose.known > 0 and lost(dose, plain) <= COLLAPSE


def _logistic(
    strengths: npt.NDArray[np.float64], doses: Sequence[Dose]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Return a and b of logit(share) = a + b · strengths, fitted by maximum likelihood."""
    hits = np.array([dose.towards for dose in doses], dtype=float)
    misses = np.array([dose.known - dose.towards for dose in doses], dtype=float)
    # Haldane's correction, half a picture more on each side, keeps the curve finite.
    weights = np.concatenate([hits + 0.5 / len(doses), misses + 0.5 / len(doses)])
    answers = np.repeat([1, 0], len(doses))
    model = LogisticRegression(C=1e3, max_iter=1000)
    model.fit(np.concatenate([strengths, strengths]), answers, sample_weight=weights)
    return float(model.intercept_[0]), model.coef_[0]


def logit(share: float) -> float:
    """Return log(p / (1 - p)), with the share clipped to 0.005 to 0.995."""
    p = min(max(share, 0.005), 0.995)
    return math.log(p / (1 - p))


def logits(shares: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return `logit` of each share."""
    return np.array([logit(share) for share in shares])
