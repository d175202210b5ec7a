"""Comparison of two audits: what changed, and with which certainty."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.drawing import Table, heading, notebook
from trimtab.drawing.words import number_of
from trimtab.errors import UsageError
from trimtab.metrics.pairing import Pairing, paired_codes, require_alike
from trimtab.metrics.tables import interval_head, number, probability, signed, span
from trimtab.statistics import (
    CONFIDENCE,
    EQUIVALENCE,
    MAX_UNKNOWN,
    MAX_UNKNOWN_RISE,
    holm,
    independence,
    mcnemar,
    newcombe,
    stuart_maxwell,
    tango,
)

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels


@dataclass(frozen=True)
class Difference:
    """The change of one group's share over n pairs of pictures, or between two sets of pictures.

    `before` and `after` are shares of all pictures compared, including unknown ones. `difference`
    is after - before, with the interval `low` to `high` (`tango`; `newcombe` without pairs). `p` is
    from the exact McNemar test (Fisher's without pairs), and `p_holm` is adjusted for the number of
    groups (equal to `p` for two groups, which are one test).
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
    """The change of an attribute's shares between two sets of pictures.

    Parameters
    ----------
    attribute, title : str
        What was compared.
    n : int
        Number of pairs; without pairs, number of pictures in both sets together.
    unpaired : int
        Number of pictures without a counterpart in the other set, which are ignored. Pictures that
        could not be read are not counted.
    rows : tuple of Difference
        One per group.
    unknown : Difference
        The change of the unknown share.
    p : float
        The p-value for no change in the shares, over the pairs known both times: from the exact
        McNemar test for two groups, Stuart-Maxwell for more. Without pairs, it is over the known
        pictures: from Fisher's exact test for two groups, the chi-squared test for more.
    test : str
        The name of the test.
    confidence : float
        Confidence of all intervals.
    paired_by : {"seed", "file", "nothing"}
        How pictures were paired.
    sizes : tuple of int
        Without pairs, number of pictures in the first set and in the second.
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
    paired_by: Pairing = "seed"
    sizes: tuple[int, int] = (0, 0)

    @classmethod
    def between(
        cls,
        before: Labels,
        after: Labels,
        *,
        by: Pairing | None = None,
        confidence: float = CONFIDENCE,
    ) -> Comparison:
        """Compare labels of the same attribute, pooled over prompts.

        Parameters
        ----------
        before, after : Labels
            The two sets.
        by : {"seed", "file", "nothing"}, optional
            How to pair the pictures: by prompt and seed (two sets with one prompt each by seed
            only), by the name of their file, or not at all. Defaults to "seed", and to "nothing" if
            the seeds of any pictures are unknown, since two unrelated folders may both hold a
            0001.png.
        confidence : float, optional
            Confidence of all intervals.

        Raises
        ------
        UsageError
            If attributes or groups differ, the labels come from two versions of a recogniser, a
            seed or name occurs twice, or none is shared.
        """
        require_same_groups(before, after)
        numbered = bool(before.numbered.any() or after.numbered.any())
        by = ("nothing" if numbered else "seed") if by is None else by
        if by == "seed" and numbered:
            raise UsageError(
                got="pictures whose seeds are unknown",
                expected="pictures with the record that generate writes",
                do='pair them by file name with by="file", or leave by= out',
            )
        if by == "nothing":
            return cls._unpaired(before, after, confidence)
        first, second = paired_codes(before, after, by)
        n = len(first)
        several = len(before.groups) > 2
        found = [
            _difference(name, first == code, second == code, confidence)
            for code, name in [*enumerate(before.groups), (-1, "unknown")]
        ]
        *rows, unknown = found
        if several:
            adjusted = holm([row.p for row in rows])
            rows = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
        known = (first >= 0) & (second >= 0)
        table = np.zeros((len(before.groups),) * 2, dtype=int)
        np.add.at(table, (first[known], second[known]), 1)
        p = stuart_maxwell(table) if several else mcnemar(int(table[1, 0]), int(table[0, 1]))
        return cls(
            before.attribute,
            before.title,
            n,
            int((~before.missed).sum() + (~after.missed).sum()) - 2 * n,
            tuple(rows),
            unknown,
            p,
            "Stuart-Maxwell" if several else "exact McNemar",
            confidence,
            by,
        )

    @classmethod
    def _unpaired(cls, before: Labels, after: Labels, confidence: float) -> Comparison:
        """Compare two sets as a whole."""
        first, second = (one.codes[~one.missed] for one in (before, after))
        if not len(first) or not len(second):
            raise UsageError(
                got="a set without pictures that can be read",
                expected="at least one in each",
                do="check the files",
            )
        codes = [*range(len(before.groups)), -1]
        found = [
            _contrast(name, first == code, second == code, confidence)
            for code, name in zip(codes, [*before.groups, "unknown"], strict=True)
        ]
        *rows, unknown = found
        several = len(before.groups) > 2
        if several:
            adjusted = holm([row.p for row in rows])
            rows = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
        counts = [[int((one == code).sum()) for code in codes[:-1]] for one in (first, second)]
        return cls(
            before.attribute,
            before.title,
            len(first) + len(second),
            0,
            tuple(rows),
            unknown,
            independence(counts),
            "chi-squared" if several else "Fisher's exact test",
            confidence,
            "nothing",
            (len(first), len(second)),
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
        if self.paired_by == "nothing":
            first, second = number_of(self.sizes[0], "picture"), number_of(self.sizes[1], "other")
            return f"{self.title}, {first} and {second}, not paired"
        same = "file name" if self.paired_by == "file" else "seed"
        head = f"{self.title}, {number_of(self.n, 'pair')} of the same {same}"
        alone = number_of(self.unpaired, "picture")
        return head + (f" ({alone} without a pair)" if self.unpaired else "")

    @property
    def _foot(self) -> str:
        p = probability(self.p)
        said = f"p {p if '<' in p else f'= {p}'}"
        if self.paired_by == "nothing":
            return f"{self.test} over the known pictures: {said}"
        return f"{self.test} over the pairs known both times: {said}"

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


def _difference(
    name: str, before: NDArray[np.bool_], after: NDArray[np.bool_], confidence: float
) -> Difference:
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    change = tango(gained, lost, len(before), confidence=confidence)
    p = mcnemar(gained, lost)
    shares = float(before.mean()), float(after.mean())
    return Difference(name, *shares, change.value, change.low, change.high, p, p)


def _contrast(
    name: str, before: NDArray[np.bool_], after: NDArray[np.bool_], confidence: float
) -> Difference:
    """Return the difference of two independent sets."""
    counts = [(int(one.sum()), len(one)) for one in (after, before)]
    change = newcombe(*counts[0], *counts[1], confidence=confidence)
    p = independence([[count, n - count] for count, n in counts])
    shares = float(before.mean()), float(after.mean())
    return Difference(name, *shares, change.value, change.low, change.high, p, p)


def require_same_groups(before: Labels, after: Labels) -> None:
    """Reject labels of different attributes, groups, or versions of a recogniser.

    Raises
    ------
    UsageError
        If they differ.
    """
    require_alike(before, after)
    known = {labels.version for labels in (before, after) if labels.version}
    if before.recogniser == after.recogniser and len(known) > 1:
        raise UsageError(
            got=f"{before.attribute} by two versions of {before.recogniser} "
            f"({before.version[:8]} and {after.version[:8]})",
            expected="labels by the same version",
            do="classify both sets of pictures with the same version",
        )
