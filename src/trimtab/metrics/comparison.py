"""Two audits of the same seeds: what changed, how sure that is, and what else changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import UsageError
from trimtab.metrics.tables import comparison_table
from trimtab.statistics.intervals import CONFIDENCE, Share, tango, wilson
from trimtab.statistics.significance import holm, mcnemar, stuart_maxwell

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels


@dataclass(frozen=True)
class Difference:
    """How the share of one group changed on n pairs of pictures of the same seed.

    `before` and `after` are shares of all n pairs, unknown ones included; `difference` is after -
    before, `low` and `high` its interval (`tango`), `p` of the exact McNemar test, `p_holm` that
    adjusted for the number of groups (for two groups, which are one number, equal to `p`).
    """

    group: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Comparison:
    """The change of an attribute's shares between two sets of pictures of the same seeds.

    Parameters
    ----------
    attribute, title : str
        What was compared.
    n : int
        Number of pairs.
    unpaired : int
        Pictures of either set whose seed the other lacks; they count nowhere.
    rows : tuple of Difference
        One per group.
    unknown : Difference
        The same for the unknown.
    p : float
        That the shares did not change at all, over the pairs known both times: exact McNemar for
        two groups, Stuart-Maxwell for more.
    test : str
        Which of the two.
    """

    attribute: str
    title: str
    n: int
    unpaired: int
    rows: tuple[Difference, ...]
    unknown: Difference
    p: float
    test: str
    confidence: float = CONFIDENCE

    @classmethod
    def between(
        cls, before: Labels, after: Labels, *, confidence: float = CONFIDENCE
    ) -> Comparison:
        """Compare labels of the same attribute, paired by seed.

        Raises
        ------
        UsageError
            If attributes or groups differ, a seed occurs twice, or none is shared.
        """
        first, second = _paired(before, after)
        n = len(first)
        several = len(before.groups) > 2
        found = [
            _difference(name, first == code, second == code, confidence)
            for code, name in [*enumerate(before.groups), (-1, "unknown")]
        ]
        *rows, unknown = found
        if several:
            adjusted = holm([row.p for row in rows])
            rows = [
                Difference(**{**asdict(row), "p_holm": p})
                for row, p in zip(rows, adjusted, strict=True)
            ]
        known = (first >= 0) & (second >= 0)
        table = np.zeros((len(before.groups),) * 2, dtype=int)
        np.add.at(table, (first[known], second[known]), 1)
        p = stuart_maxwell(table) if several else mcnemar(int(table[1, 0]), int(table[0, 1]))
        return cls(
            before.attribute,
            before.title,
            n,
            len(before) + len(after) - 2 * n,
            tuple(rows),
            unknown,
            p,
            "Stuart-Maxwell" if several else "exact McNemar",
            confidence,
        )

    def equivalent(self, margin: float = 0.10) -> bool:
        """Return whether every group's interval lies within ± margin, and few are unknown.

        "Not significant" does not say that: at small n it proves nothing. Nor do shares that
        stand still because nobody was recognised; see `unknown_within`.

        Raises
        ------
        UsageError
            If the margin is not between 0 and 1.
        """
        if not 0 < margin < 1:
            raise UsageError(got=f"margin={margin}", expected="between 0 and 1", do="use 0.10")
        within = all(-margin <= row.low and row.high <= margin for row in self.rows)
        return within and self.unknown_within()

    def unknown_within(self, limit: float = 0.05, rise: float = 0.02) -> bool:
        """Return whether the unknown are few enough, and have risen little enough, to go on.

        Dropping the hard pictures must not look like success.
        """
        return self.unknown.after <= limit and self.unknown.difference <= rise

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers, texts and lists, for JSON."""
        return {**asdict(self), "rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        """Return a table for a terminal."""
        return comparison_table(self)


@dataclass(frozen=True)
class Spillover:
    """How much one other attribute changed along; see `spillover`.

    `group` is the group that changed most (the first, where there are two), with its
    `difference` and interval; `p` tests the whole attribute, `p_holm` is adjusted for all
    attributes, and `equivalent` is `Comparison.equivalent`.
    """

    attribute: str
    group: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    equivalent: bool


def spillover(
    pairs: Mapping[str, tuple[Labels, Labels]],
    *,
    margin: float = 0.10,
    confidence: float = CONFIDENCE,
) -> list[Spillover]:
    """Return what happened to the attributes that were not meant to change.

    Parameters
    ----------
    pairs : mapping of str to (Labels, Labels)
        Attribute name -> labels before and after, paired by seed.
    margin : float, optional
        Within which a change counts as none.
    confidence : float, optional
        Of the intervals.

    Returns
    -------
    list of Spillover
        One row per attribute, in order; Holm's correction runs over all of them.

    Raises
    ------
    UsageError
        As `Comparison.between`.
    """
    every = {
        name: Comparison.between(before, after, confidence=confidence)
        for name, (before, after) in pairs.items()
    }
    adjusted = holm([one.p for one in every.values()])
    found = []
    for (name, one), p_holm in zip(every.items(), adjusted, strict=True):
        # Two groups mirror each other unless some are unknown: then the first stands for both.
        several = len(one.rows) > 2
        row = max(one.rows, key=lambda r: abs(r.difference)) if several else one.rows[0]
        found.append(
            Spillover(
                name,
                row.group,
                one.n,
                row.before,
                row.after,
                row.difference,
                row.low,
                row.high,
                one.p,
                p_holm,
                one.equivalent(margin),
            )
        )
    return found


def agreement(labels: Labels, other: Labels, *, confidence: float = CONFIDENCE) -> Share:
    """Return how often two recognisers say the same of the same pictures.

    Over the pictures, paired by seed, that both know; n is their number.

    Raises
    ------
    UsageError
        As `Comparison.between`.
    """
    first, second = _paired(labels, other)
    known = (first >= 0) & (second >= 0)
    same = int((first[known] == second[known]).sum())
    return wilson(same, int(known.sum()), confidence=confidence)


def _difference(
    name: str, before: NDArray[np.bool_], after: NDArray[np.bool_], confidence: float
) -> Difference:
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    change = tango(gained, lost, len(before), confidence=confidence)
    p = mcnemar(gained, lost)
    shares = float(before.mean()), float(after.mean())
    return Difference(name, *shares, change.value, change.low, change.high, p, p)


def require_same_groups(before: Labels, after: Labels) -> None:
    """Refuse labels of two attributes, or of other groups.

    Raises
    ------
    UsageError
        If they differ.
    """
    if (before.attribute, before.groups) != (after.attribute, after.groups):
        raise UsageError(
            got=f"{before.attribute} ({', '.join(before.groups)}) against "
            f"{after.attribute} ({', '.join(after.groups)})",
            expected="the same attribute and groups",
            do="compare like with like",
        )


def _paired(before: Labels, after: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    require_same_groups(before, after)
    for labels in (before, after):
        if len(np.unique(labels.seeds)) < len(labels):
            raise UsageError(
                got="a seed that occurs twice",
                expected="one picture per seed",
                do="compare one prompt at a time",
            )
    seeds, i, j = np.intersect1d(before.seeds, after.seeds, return_indices=True)
    if len(seeds) == 0:
        raise UsageError(
            got="no seed that both have",
            expected="pictures of the same seeds",
            do="generate both with the same seeds",
        )
    return before.codes[i], after.codes[j]
