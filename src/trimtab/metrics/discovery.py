"""What pictures of a concept show more or less often than those of a reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from trimtab.errors import UsageError
from trimtab.statistics import Estimate, Share, newcombe, superiority, wilson
from trimtab.statistics.numbers import Number

LEVEL = 0.05  # false discovery rate
LEAST_POINTS, LEAST_DELTA = 0.10, 0.33  # of a difference of shares, and of Cliff's delta
ALIKE = 0.8  # correlation of phrases that say the same
CARRIERS = 8  # pictures of each discovery
_ROUNDING = 1e-9

By = Literal["recogniser", "detector", "cosine"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one judge says of V phrases in the pictures of a concept and of a reference.

    Parameters
    ----------
    phrases : tuple of str
        The V phrases.
    kinds : tuple of str
        The kind of each, in words.
    by : {"recogniser", "detector", "cosine"}
        Who judged; "cosine" stands for scores that have no threshold.
    concept : ndarray, shape (n, V)
        1 or 0 for whether each picture of the concept shows each phrase, or its score. Rows with a
        NaN are left out.
    reference : ndarray, shape (m, V)
        The same for the reference.
    """

    phrases: tuple[str, ...]
    kinds: tuple[str, ...]
    by: By
    concept: NDArray[np.float64]
    reference: NDArray[np.float64]

    @property
    def seen(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Masks of the pictures on both sides that are not left out."""
        return _finite(self.concept), _finite(self.reference)


def _finite(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.array(np.isfinite(rows).all(axis=1), dtype=bool)


@dataclass(frozen=True)
class Discovery:
    """A phrase that pictures of a concept show more or less often than those of a reference.

    Attributes
    ----------
    phrase, kind : str
        The phrase, and its kind in words.
    by : {"recogniser", "detector", "cosine"}
        Who judged.
    effect : Estimate
        Difference of the shares or, by cosine, Cliff's delta: how much more often a picture of the
        concept has the higher score than the lower one. Both lie between -1 and 1; the interval is
        not corrected for the choice of what is named.
    concept, reference : Share, optional
        The shares, of the pictures in which it could be told; None by cosine.
    q : float
        p-value corrected for all phrases (Benjamini and Hochberg).
    alike, opposite : tuple of str
        Further phrases that differ, and are shown by the same pictures, or by the others.
    carriers : tuple of int
        Places of pictures that carry it: of the concept if it is over-represented there, otherwise
        of the reference.
    """

    phrase: str
    kind: str
    by: By
    effect: Estimate
    concept: Share | None
    reference: Share | None
    q: Number
    alike: tuple[str, ...] = ()
    opposite: tuple[str, ...] = ()
    carriers: tuple[int, ...] = ()

    @property
    def over(self) -> bool:
        """Whether it is over-represented."""
        return self.effect.value > 0


def discover(every: Sequence[Evidence], *, level: float = LEVEL) -> tuple[Discovery, ...]:
    """Return the phrases that differ, those that differ most first.

    Shares are compared by Fisher's exact test, with Newcombe's interval of their difference, scores
    by the test of Mann and Whitney, with DeLong's interval of Cliff's delta. The procedure of
    Benjamini and Hochberg, over all phrases, keeps the expected part of false discoveries at the
    level. Of what passes it, differences that are real but small are not named: below 10 points of
    a share, and 0.33 of Cliff's delta.

    Parameters
    ----------
    every : sequence of Evidence
        What each judge says of the same pictures, which are independent of each other.
    level : float, optional
        Between 0 and 1.

    Raises
    ------
    UsageError
        If a side has fewer than two pictures, or `level` is not within 0 to 1.

    References
    ----------
    N. Cliff, Dominance statistics: ordinal analyses to answer ordinal questions, Psychological
    Bulletin 114, 1993. Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, Journal of
    the Royal Statistical Society B 57, 1995.
    """
    if not 0 < level < 1:
        raise UsageError(got=f"level={level}", expected="between 0 and 1", do="choose e.g. 0.05")
    tested = [one for evidence in every for one in _tested(evidence)]
    if not tested:
        return ()
    corrected = scipy.stats.false_discovery_control([p for _, _, p in tested])
    found: list[tuple[Discovery, NDArray[np.float64]]] = []
    for (one, values, _), q in zip(tested, corrected.tolist(), strict=True):
        least = LEAST_DELTA if one.by == "cosine" else LEAST_POINTS
        if q <= level and abs(one.effect.value) >= least - _ROUNDING:
            found.append((replace(one, q=q), values))
    found.sort(key=lambda one: -abs(one[0].effect.value))
    return tuple(_grouped(found))


def _tested(evidence: Evidence) -> Iterator[tuple[Discovery, NDArray[np.float64], float]]:
    """Yield each phrase with the centred values of all pictures, shape (n + m,), and a p-value."""
    sides, seen = (evidence.concept, evidence.reference), evidence.seen
    if any(fine.sum() < 2 for fine in seen):
        raise UsageError(
            got=f"{min(int(fine.sum()) for fine in seen)} pictures that show something",
            expected="at least two on each side",
            do="generate more pictures",
        )
    first, second = (rows[fine] for rows, fine in zip(sides, seen, strict=True))
    above = superiority(first, second) if evidence.by == "cosine" else None
    for i, (phrase, kind) in enumerate(zip(evidence.phrases, evidence.kinds, strict=True)):
        a, b = first[:, i], second[:, i]
        shares: tuple[Share | None, Share | None] = (None, None)
        if above is not None:
            delta = [2 * float(one[i]) - 1 for one in (above.value, above.low, above.high)]
            effect = Estimate(delta[0], len(a) + len(b), delta[1], delta[2])
            p = float(above.p[i])
        else:
            hits = [int(one.sum()) for one in (a, b)]
            effect = newcombe(hits[0], len(a), hits[1], len(b))
            table = [[hits[0], len(a) - hits[0]], [hits[1], len(b) - hits[1]]]
            p = float(scipy.stats.fisher_exact(table).pvalue)
            shares = wilson(hits[0], len(a)), wilson(hits[1], len(b))
        values = np.concatenate(
            [rows[:, i] - one.mean() for rows, one in zip(sides, (a, b), strict=True)]
        )
        mine = 0 if effect.value > 0 else 1
        carriers = _carriers(sides[mine][:, i], seen[mine], scored=above is not None)
        yield (
            Discovery(phrase, kind, evidence.by, effect, *shares, 1.0, carriers=carriers),
            values,
            p,
        )


def _carriers(
    values: NDArray[np.float64], seen: NDArray[np.bool_], *, scored: bool
) -> tuple[int, ...]:
    """Return the places of the first pictures that show a phrase, or that score highest."""
    places = np.flatnonzero(seen & (scored | (values > 0)))
    best = places[np.argsort(-values[places], kind="stable")][:CARRIERS]
    return tuple(best.tolist())


def _grouped(found: list[tuple[Discovery, NDArray[np.float64]]]) -> Iterator[Discovery]:
    """Yield the first of each group of phrases that the same pictures show, with the others.

    Two phrases belong together if, within both sides, their values go together or against each
    other.
    """
    left = list(found)
    while left:
        (one, values), *rest = left
        related = [(other, _correlation(values, others)) for (other, others) in rest]
        yield replace(
            one,
            alike=tuple(other.phrase for other, r in related if r >= ALIKE),
            opposite=tuple(other.phrase for other, r in related if r <= -ALIKE),
        )
        left = [pair for pair, (_, r) in zip(rest, related, strict=True) if abs(r) < ALIKE]


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the correlation of two centred rows where both are known; 0 if one is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    length = float(np.linalg.norm(a[both]) * np.linalg.norm(b[both]))
    return float(a[both] @ b[both]) / length if length > 1e-12 else 0.0
