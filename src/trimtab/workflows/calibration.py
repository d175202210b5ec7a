"""Search for the strengths that move shares to their targets, and their refinement.

The search doubles a strength until the share passes its target, then fills the gaps. The refinement
measures at the chosen strengths as often as the precision requires. There it models the response
as logistic, with the slopes of the search and a level fitted only to the refinement's pictures. A
curve that is wrong elsewhere, or directions that interact in a sum, cost only more pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, lsq_linear
from scipy.special import expit

from trimtab.statistics import Dose, Estimate
from trimtab.workflows.response import COLLAPSE, DoseResponse, logits, lost

LARGEST_STRENGTH = 16.0
MOST_AT_ONCE, LEAST_AT_ONCE = 100, 30  # pictures between two updates of the response
STILL = 0.25  # of the precision: a change of the shares too small to change strengths for


def measure_response(
    measure: Callable[[float], Dose], *, share: float, strengths: int = 5
) -> DoseResponse:
    """Return a dose-response: double the strength until the share is passed, then fill gaps.

    Parameters
    ----------
    measure : callable
        Generates pictures at one strength and counts them.
    share : float
        Target share.
    strengths : int
        Number of strengths to measure besides 0, at least 2.
    """
    doses = [measure(0.0)]
    strength, passed = 1.0, False
    while strength <= LARGEST_STRENGTH:
        doses.append(measure(strength))
        if passed or lost(doses[-1], doses[0]) > COLLAPSE:
            break
        passed = doses[-1].share >= share  # then measure one more, so that doses lie on both sides
        strength *= 2
    while len(doses) <= strengths:
        doses.append(measure(_most_telling(doses, share)))
    response = DoseResponse(doses)
    # A dose may pass the share by chance before the curve does: then continue doubling.
    while response.choose(share)[1] == "range" and strength < LARGEST_STRENGTH:
        strength *= 2
        response = DoseResponse([*response.doses, measure(strength)])
    return response


def _most_telling(doses: Sequence[Dose], share: float) -> float:
    """Return the middle of the widest gap between doses; of equal gaps, the one nearest the target.

    Evenly spread doses determine a curve better than ever closer ones around a share that a few
    pictures reached by chance.
    """
    response = DoseResponse(doses)
    aim = min(response.strength_for(share), response.doses[-1].strength)
    gaps = [(low.strength, high.strength) for low, high in pairwise(response.doses)]
    low, high = max(gaps, key=lambda gap: (gap[1] - gap[0], -abs(sum(gap) / 2 - aim)))
    return (low + high) / 2


@dataclass(frozen=True)
class Precision:
    """How close the shares must come to their targets, and at what cost.

    Parameters
    ----------
    within : float
        Largest distance from the target of any point of a share's interval.
    confidence : float
        Confidence level of that interval.
    budget : int
        Largest number of pictures of one refinement.
    """

    within: float
    confidence: float
    budget: int

    @classmethod
    def affordable(cls, within: float, confidence: float, budget: int | None = None) -> Precision:
        """Return a precision whose default budget is 1.5 times what one share needs."""
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        needed = (z / within) ** 2 / 4  # at a share of one half, the worst case
        return cls(within, confidence, math.ceil(1.5 * needed) if budget is None else budget)


@dataclass(frozen=True)
class Refined:
    """The outcome of a refinement.

    Attributes
    ----------
    strengths : tuple of float
        One per direction.
    reached : tuple of Estimate
        Share of each direction's group at these strengths, with its interval.
    rounds, pictures : int
        Rounds and pictures used.
    stopped_by : str
        "precision", "concept", "range", "unneeded" or "budget".
    """

    strengths: tuple[float, ...]
    reached: tuple[Estimate, ...]
    rounds: int
    pictures: int
    stopped_by: str


Seen = list[tuple[tuple[float, ...], Sequence[Dose]]]


def refine(
    measure: Callable[[tuple[float, ...], int], Sequence[Dose]],
    start: Sequence[float],
    slopes: npt.ArrayLike,
    *,
    targets: Sequence[float],
    limits: Callable[[Seen], tuple[Sequence[float], str]],
    precision: Precision,
) -> Refined:
    """Measure and correct strengths until the shares are within the precision.

    Parameters
    ----------
    measure : callable
        ``(strengths, n)`` -> a `Dose` for each direction's attribute, from n new pictures.
    start : sequence of float
        Strengths to start from.
    slopes : array_like, shape (attributes, directions)
        Change of the logit of each share per sigma of each direction.
    targets : sequence of float
        Target share of each direction's group.
    limits : callable
        Maps all measurements so far to the largest strengths allowed and what limits them
        ("concept" or "range").
    precision : Precision
        When to stop.
    """
    b, wanted = np.asarray(slopes, dtype=float), np.asarray(targets, dtype=float)
    z = NormalDist().inv_cdf(0.5 + precision.confidence / 2)
    strengths = np.asarray(start, dtype=float)
    seen: Seen = []
    while True:
        made = sum(doses[0].n for _, doses in seen)
        n = min(_next_block(seen, precision, z), precision.budget - made)
        measured = strengths
        seen.append((tuple(strengths.tolist()), measure(tuple(strengths.tolist()), n)))
        largest, why = limits(seen)
        levels, errors = _levels(b, seen)
        bounds = (0, np.maximum(largest, 1e-9))
        best = lsq_linear(b, logits(targets) - levels, bounds).x.round(2)
        now = expit(levels + b @ strengths)
        # A step that hardly moves the shares would only spread the pictures over strengths.
        if (strengths > largest).any() or (
            np.abs(expit(levels + b @ best) - now).max() > STILL * precision.within
        ):
            strengths = np.minimum(best, largest)
        middle = levels + b @ strengths
        shares, low, high = expit(middle), expit(middle - z * errors), expit(middle + z * errors)
        pictures = made + seen[-1][1][0].n
        inside = (low >= wanted - precision.within) & (high <= wanted + precision.within)
        # Out of reach: the whole interval misses, and the strengths cannot go further.
        outside = (high < wanted - precision.within) | (low > wanted + precision.within)
        stopped = (
            "precision"
            if inside.all() and np.array_equal(strengths, measured)
            else why
            if (outside & (strengths >= np.asarray(largest) - 0.005)).any()
            else "unneeded"
            if (outside & (strengths <= 0)).any()
            else "budget"
            if pictures >= precision.budget
            else None
        )
        if stopped is not None:
            known = [sum(doses[k].known for _, doses in seen) for k in range(len(wanted))]
            reached = (
                Estimate(float(p), m, float(lo), float(hi))
                for p, m, lo, hi in zip(shares, known, low, high, strict=True)
            )
            found = tuple(float(one) for one in strengths.round(2))
            return Refined(found, tuple(reached), len(seen), pictures, stopped)


def _next_block(seen: Seen, precision: Precision, z: float) -> int:
    """Return how many pictures to generate before the next update."""
    known = min((sum(d.known for d in some) for some in zip(*(s for _, s in seen), strict=True)),
                default=0)  # fmt: skip
    missing = (z / precision.within) ** 2 / 4 - known
    return int(min(max(math.ceil(missing), LEAST_AT_ONCE), MOST_AT_ONCE))


def _levels(
    slopes: npt.NDArray[np.float64], seen: Seen
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the intercept of each logit, for given slopes, and its standard error."""
    offsets = np.array([strengths for strengths, _ in seen]) @ slopes.T  # (rounds, attributes)
    levels, errors = [], []
    for k, offset in enumerate(offsets.T):
        known = np.array([doses[k].known for _, doses in seen], dtype=float)
        # Haldane's correction, half a picture more on each side, keeps the level finite.
        hits = float(sum(doses[k].towards for _, doses in seen)) + 0.5
        known = known + 1 / len(seen)
        level = _root(offset, known, hits)
        p = expit(level + offset)
        levels.append(level)
        errors.append(1 / math.sqrt(float((known * p * (1 - p)).sum())))
    return np.array(levels), np.array(errors)


def _root(offset: npt.NDArray[np.float64], known: npt.NDArray[np.float64], hits: float) -> float:
    """Return the maximum-likelihood intercept: expected hits equal observed hits."""
    reach = float(np.abs(offset).max()) + 30.0
    return float(brentq(lambda a: float((known * expit(a + offset)).sum()) - hits, -reach, reach))
