"""Comparison of two audits of the same seeds: what changed, and with which certainty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.drawing import Table, heading, notebook
from trimtab.errors import UsageError
from trimtab.metrics.tables import interval_head, number, probability, signed, span
from trimtab.statistics import (
    CONFIDENCE,
    EQUIVALENCE,
    MAX_UNKNOWN,
    MAX_UNKNOWN_RISE,
    Share,
    holm,
    mcnemar,
    stuart_maxwell,
    tango,
    wilson,
)

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels


@dataclass(frozen=True)
class Difference:
    """The change of one group's share over n pairs of pictures with the same seed.

    `before` and `after` are shares of all n pairs, including unknown ones. `difference` is after -
    before, with the interval `low` to `high` (`tango`). `p` is from the exact McNemar test, and
    `p_holm` is adjusted for the number of groups (equal to `p` for two groups, which are one test).
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
    """The change of an attribute's shares between two sets of pictures with the same seeds.

    Parameters
    ----------
    attribute, title : str
        What was compared.
    n : int
        Number of pairs.
    unpaired : int
        Number of pictures whose seed is missing from the other set; they are ignored.
    rows : tuple of Difference
        One per group.
    unknown : Difference
        The change of the unknown share.
    p : float
        The p-value for no change in the shares, over the pairs known both times: from the exact
        McNemar test for two groups, Stuart-Maxwell for more.
    test : str
        The name of the test.
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
        """Compare labels of the same attribute, paired by prompt and seed and pooled over prompts.

        Two sets with one prompt each are paired by seed only.

        Raises
        ------
        UsageError
            If attributes or groups differ, the labels come from two versions of a recogniser, a
            seed occurs twice, or no seed is shared.
        """
        require_same_groups(before, after)
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

    def equivalent(self, margin: float = EQUIVALENCE) -> bool:
        """Return whether every group's interval lies within ± margin, with few unknown pictures.

        "Not significant" does not imply this: at small n, it proves nothing. Nor do shares that
        stay the same because nobody was recognised; see `unknown_within`.

        Raises
        ------
        UsageError
            If the margin is not between 0 and 1.
        """
        if not 0 < margin < 1:
            raise UsageError(
                got=f"margin={margin}", expected="between 0 and 1", do=f"use {EQUIVALENCE:.2f}"
            )
        within = all(-margin <= row.low and row.high <= margin for row in self.rows)
        return within and self.unknown_within()

    def unknown_within(self, limit: float = MAX_UNKNOWN, rise: float = MAX_UNKNOWN_RISE) -> bool:
        """Return whether the unknown share, and its rise, are small enough for a conclusion.

        Dropping the hard pictures must not look like success.
        """
        return self.unknown.after <= limit and self.unknown.difference <= rise

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers, strings and lists, for JSON."""
        return {**asdict(self), "rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        """Return a table for a terminal."""
        return "\n".join([self._head, "", str(self._table()), "", f"  {self._foot}"])

    def _repr_html_(self) -> str:
        return notebook(heading(self._head), self._table(), self._foot)

    @property
    def _head(self) -> str:
        head = f"{self.title}, {self.n} pairs of the same seed"
        return head + (f" ({self.unpaired} pictures without a pair)" if self.unpaired else "")

    @property
    def _foot(self) -> str:
        p = probability(self.p)
        return f"{self.test} over the pairs known both times: p {p if '<' in p else f'= {p}'}"

    def _table(self) -> Table:
        several = len(self.rows) > 2
        level = interval_head(self.confidence)
        head = ("group", "before", "after", "change", level, "p (Holm)" if several else "p")
        rows = (
            (
                row.group,
                number(row.before),
                number(row.after),
                signed(row.difference),
                span(row.low, row.high, sign=True),
                probability(row.p_holm),
            )
            for row in (*self.rows, self.unknown)
        )
        return Table("", head, tuple(rows), "<>>>^>")


def agreement(labels: Labels, other: Labels, *, confidence: float = CONFIDENCE) -> Share:
    """Return how often two recognisers agree on the same pictures.

    The share is over the n pictures, paired by seed, that are known to both.

    Raises
    ------
    UsageError
        As in `Comparison.between`.
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
    """Reject labels of different attributes, groups, or versions of a recogniser.

    Raises
    ------
    UsageError
        If they differ.
    """
    _require_alike(before, after)
    known = {labels.version for labels in (before, after) if labels.version}
    if before.recogniser == after.recogniser and len(known) > 1:
        raise UsageError(
            got=f"{before.attribute} by two versions of {before.recogniser} "
            f"({before.version[:8]} and {after.version[:8]})",
            expected="labels by the same version",
            do="classify both sets of pictures with the same version",
        )


def _require_alike(before: Labels, after: Labels) -> None:
    if (before.attribute, before.groups) != (after.attribute, after.groups):
        raise UsageError(
            got=f"{before.attribute} ({', '.join(before.groups)}) against "
            f"{after.attribute} ({', '.join(after.groups)})",
            expected="the same attribute and groups",
            do="compare like with like",
        )


def _paired(before: Labels, after: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes of the pictures that both sets contain, matched by prompt and seed.

    Two sets with one prompt each are matched by seed only, so that "a doctor" may be compared with
    "a doctor in a hospital".
    """
    _require_alike(before, after)
    one_each = all(len(set(labels.prompts.tolist())) == 1 for labels in (before, after))
    places = []
    for labels in (before, after):
        prompts = [""] * len(labels) if one_each else labels.prompts.tolist()
        keys = list(zip(prompts, labels.seeds.tolist(), strict=True))
        places.append({key: row for row, key in enumerate(keys)})
        if len(places[-1]) < len(labels):
            raise UsageError(
                got="a seed that occurs twice with one prompt",
                expected="one picture for each prompt and seed",
                do="compare one set of pictures at a time",
            )
    first, second = places
    shared = [key for key in first if key in second]
    if not shared:
        raise UsageError(
            got="no seed in common",
            expected="pictures of the same prompts and seeds",
            do="generate both with the same ones",
        )
    i, j = [first[key] for key in shared], [second[key] for key in shared]
    return before.codes[i], after.codes[j]
