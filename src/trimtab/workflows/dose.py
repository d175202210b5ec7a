"""Dose and response: how a share moves with the strength, and what that costs the concept.

The share of the wanted group follows a logistic curve in the strength, as in a bioassay, so that
every picture of every dose helps to place the one number that is needed: the strength at which
half of the pictures show the group (Finney, Probit Analysis, 1971, who calls it the ED50). The
concept's survival follows no given shape and is smoothed by isotonic regression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

LARGEST_STRENGTH = 16.0
MAX_LOSS = 0.03  # of the concept, below plain
CURVE_POINTS = 121  # of a curve as a result keeps it
COLLAPSE = 0.25  # a loss beyond which larger strengths are not tried


@dataclass(frozen=True)
class Dose:
    """What was seen at one strength.

    `n` pictures, of which `known` show a group of the attribute, `towards` of these the wanted
    one, and `kept` of all the concept.
    """

    strength: float
    n: int
    known: int
    towards: int
    kept: int

    @property
    def share(self) -> float:
        """Share of the wanted group among the known; NaN without any."""
        return self.towards / self.known if self.known else math.nan


class DoseResponse:
    """A logistic curve for the share, a monotone one for the concept, through measured doses.

    Parameters
    ----------
    doses : sequence of Dose
        At least two strengths, one of them 0.
    """

    def __init__(self, doses: Sequence[Dose]) -> None:
        self.doses = tuple(sorted(doses, key=lambda dose: dose.strength))
        self.intercept, self.slope = self._curve()

    def _curve(self) -> tuple[float, float]:
        """Fit share = 1 / (1 + exp(-(a + b strength))), with b ≥ 0, where the concept is there."""
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
        """Return the curve's share of the wanted group at these strengths."""
        logits = self.intercept + self.slope * np.asarray(strengths, dtype=float)
        return (1 + np.tanh(logits / 2)) / 2  # the logistic function, without overflow

    def kept(self, strengths: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the share of pictures that keep the concept, never rising with the strength."""
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
        """Return the strength at which the curve passes `share`; infinite when it never does."""
        if self.slope == 0:
            return 0.0 if self.intercept >= logit(share) else math.inf
        return max(0.0, (logit(share) - self.intercept) / self.slope)

    @property
    def limit(self) -> float:
        """The largest strength, of those measured or between, that keeps plain - 0.03."""
        grid = np.linspace(0, self.doses[-1].strength, 401)
        return float(grid[self.kept(grid) >= self.least_kept - 1e-12].max(initial=0.0))

    @property
    def least_kept(self) -> float:
        """The share of pictures that must keep the concept: of the plain ones, less 0.03."""
        return self.doses[0].kept / self.doses[0].n - MAX_LOSS

    def choose(self, share: float = 0.5) -> tuple[float, str | None]:
        """Return the strength for a share, and what held it back, None where nothing did.

        "concept": more would lose it. "range": more was not measured. "response": no strength
        moved the share, so the strength is 0.
        """
        wanted = self.strength_for(share)
        if self.slope == 0 and wanted > 0:
            return 0.0, "response"
        if wanted <= self.limit:
            return wanted, None
        return self.limit, "concept" if self.limit < self.doses[-1].strength else "range"

    def to_dict(self, target: float = 0.5) -> dict[str, Any]:
        """Return doses and curves as plain numbers for JSON."""
        grid = np.linspace(0, self.doses[-1].strength, CURVE_POINTS)
        return {
            "doses": [asdict(dose) for dose in self.doses],
            "intercept": self.intercept,
            "slope": self.slope,
            "limit": self.limit,
            "least_kept": self.least_kept,
            "target": target,
            "curve": {
                "strength": grid.tolist(),
                "share": self.share(grid).tolist(),
                "kept": self.kept(grid).tolist(),
            },
        }


class JointResponse:
    """Logistic curves of several shares in several strengths at once, for a sum of directions.

    The logit of each attribute's share is linear in all strengths, so that the pull of one
    direction on another's attribute is part of it. Every picture of every dose, of one direction
    or of a sum, places these curves, where the concept is there.

    Parameters
    ----------
    strengths : array_like, shape (n_doses, n_directions)
        One of the rows all 0.
    doses : sequence of sequences of Dose
        For each row one for each direction's attribute; their own `strength` is not looked at.
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

    def strengths_for(self, share: float, largest: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the strengths, from 0 to `largest` each, that bring all shares nearest to one."""
        largest = np.maximum(largest, 1e-9)
        found = lsq_linear(self.slopes, logit(share) - self.intercepts, (0, largest))
        strengths: npt.NDArray[np.float64] = found.x
        return strengths


def _lost(dose: Dose, plain: Dose) -> float:
    """Return how much more of the pictures show the concept without steering."""
    return plain.kept / plain.n - dose.kept / dose.n


def _tells(dose: Dose, plain: Dose) -> bool:
    """Whether a dose says something of the share: collapsed pictures show anything."""
    return dose.known > 0 and _lost(dose, plain) <= COLLAPSE


def _logistic(
    strengths: npt.NDArray[np.float64], doses: Sequence[Dose]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Fit logit(share) = a + b · strengths by maximum likelihood."""
    hits = np.array([dose.towards for dose in doses], dtype=float)
    misses = np.array([dose.known - dose.towards for dose in doses], dtype=float)
    # Half a picture more on each side (Haldane) keeps the curve finite where a dose is pure.
    weights = np.concatenate([hits + 0.5 / len(doses), misses + 0.5 / len(doses)])
    answers = np.repeat([1, 0], len(doses))
    model = LogisticRegression(C=1e3, max_iter=1000)
    model.fit(np.concatenate([strengths, strengths]), answers, sample_weight=weights)
    return float(model.intercept_[0]), model.coef_[0]


def measure_response(
    measure: Callable[[float], Dose], *, share: float = 0.5, strengths: int = 5
) -> DoseResponse:
    """Measure doses where they tell most: double until the share is passed, then fill in between.

    Parameters
    ----------
    measure : callable
        Makes pictures at one strength and counts.
    share : float
        The share wanted.
    strengths : int
        How many to measure besides 0, at least 2.
    """
    doses = [measure(0.0)]
    strength, passed = 1.0, False
    while strength <= LARGEST_STRENGTH:
        doses.append(measure(strength))
        if passed or _lost(doses[-1], doses[0]) > COLLAPSE:
            break
        passed = doses[-1].share >= share  # then one more, so that doses lie on both sides
        strength *= 2
    while len(doses) <= strengths:
        doses.append(measure(_most_telling(doses, share)))
    response = DoseResponse(doses)
    # A lucky dose may have passed the share before the curve does: then go on doubling.
    while response.choose(share)[1] == "range" and strength < LARGEST_STRENGTH:
        strength *= 2
        response = DoseResponse([*response.doses, measure(strength)])
    return response


def _most_telling(doses: Sequence[Dose], share: float) -> float:
    """Return the middle of the widest gap up to the largest strength, nearest the wanted share.

    Doses spread evenly place a curve better than ever closer ones around a share that a few
    pictures met by chance.
    """
    response = DoseResponse(doses)
    aim = min(response.strength_for(share), response.doses[-1].strength)
    gaps = [(low.strength, high.strength) for low, high in pairwise(response.doses)]
    low, high = max(gaps, key=lambda gap: (gap[1] - gap[0], -abs(sum(gap) / 2 - aim)))
    return (low + high) / 2


def logit(share: float) -> float:
    """Return log(p / (1 - p)), for shares kept away from 0 and 1 by half a percent."""
    p = min(max(share, 0.005), 0.995)
    return math.log(p / (1 - p))
