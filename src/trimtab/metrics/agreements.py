"""How far two recognisers agree on the same pictures."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trimtab.drawing import Table, heading, notebook
from trimtab.drawing.words import number_of
from trimtab.errors import UsageError
from trimtab.metrics.intersections import require_same_pictures
from trimtab.metrics.pairing import paired_codes, require_alike
from trimtab.metrics.tables import interval_head, number, span
from trimtab.statistics import (
    CONFIDENCE,
    FEW_TO_AGREE,
    Estimate,
    Share,
    cohen_kappa,
    wilson,
)

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels


@dataclass(frozen=True)
class Agreement:
    """How far two recognisers agree on one attribute of the same pictures.

    Parameters
    ----------
    attribute, title : str
        The attribute.
    groups : tuple of str
        Its C groups.
    first, second : str
        Names of the recognisers.
    n : int
        Number of pictures that could be read.
    no_face : int
        Number of pictures in which the second recogniser found no face.
    counts : tuple of tuple of int, shape (C, C)
        Number of pictures by the group that the first recogniser saw (row) and that the second one
        saw (column), over the pictures known to both.
    same : Share
        Share of the pictures known to both in which they saw the same group.
    kappa : Estimate, optional
        Cohen's kappa; None if fewer than `FEW_TO_AGREE` pictures are known to both, NaN if both saw
        one and the same group in all of them.
    confidence : float
        Confidence of the intervals.
    """

    attribute: str
    title: str
    groups: tuple[str, ...]
    first: str
    second: str
    n: int
    no_face: int
    counts: tuple[tuple[int, ...], ...]
    same: Share
    kappa: Estimate | None
    confidence: float = CONFIDENCE

    @classmethod
    def between(cls, first: Labels, second: Labels, *, confidence: float = CONFIDENCE) -> Agreement:
        """Compare the labels of two recognisers, picture by picture.

        Parameters
        ----------
        first, second : Labels
            Labels of the same pictures in the same order.
        confidence : float, optional
            Confidence of the intervals.

        Raises
        ------
        UsageError
            If attributes, groups or pictures differ.
        """
        require_alike(first, second)
        if len(first) != len(second):
            raise UsageError(
                got=f"labels of {len(first)} and of {len(second)} pictures",
                expected="labels of the same pictures, in the same order",
                do="classify the same pictures by both",
            )
        require_same_pictures(first, second)
        known = first.known & second.known
        table = np.zeros((len(first.groups),) * 2, dtype=int)
        np.add.at(table, (first.codes[known], second.codes[known]), 1)
        n = int(known.sum())
        return cls(
            first.attribute,
            first.title,
            first.groups,
            first.recogniser,
            second.recogniser,
            int((~(first.missed | second.missed)).sum()),
            int(second.no_face.sum()),
            tuple(tuple(map(int, row)) for row in table),
            wilson(int(table.trace()), n, confidence=confidence),
            cohen_kappa(table, confidence=confidence) if n >= FEW_TO_AGREE else None,
            confidence,
        )

    @property
    def n_known(self) -> int:
        """Number of pictures known to both."""
        return self.same.n

    def sentences(self) -> list[str]:
        """Return what there is to say, in sentences."""
        pictures = number_of(self.n, "picture")
        if self.no_face and self.no_face == self.n:
            return [
                f"{self.second} found no face in any of {pictures}, so there is nothing to compare."
            ]
        found = []
        if self.no_face:
            found.append(f"{self.second} found no face in {self.no_face:,} of {pictures}.")
        both = f"{self.n_known:,} of {pictures} {'is' if self.n_known == 1 else 'are'} known to"
        found.append(f"{both} {self.first} and {self.second}.")
        if self.n_known:
            level, same = interval_head(self.confidence), self.same
            found.append(
                f"They agree on {same.count:,.0f} of these: {number(same.value)} "
                f"({level} {span(same.low, same.high)})."
            )
        if self.kappa is None:
            found.append(f"Cohen's kappa is stated from {FEW_TO_AGREE} pictures known to both.")
        elif math.isnan(self.kappa.value):
            found.append("Cohen's kappa is not defined, since both saw one group only.")
        else:
            one = self.kappa
            found.append(f"Cohen's kappa is {number(one.value)} ({span(one.low, one.high)}).")
        return found

    def table(self) -> Table:
        """Return the counts by the groups that each recogniser saw."""
        head = (self.first, *(f"{self.second}: {group}" for group in self.groups))
        rows = tuple(
            (group, *map(str, row)) for group, row in zip(self.groups, self.counts, strict=True)
        )
        return Table("", head, rows, "<" + ">" * len(self.groups))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers, strings and lists, for JSON."""
        return asdict(self)

    @property
    def head(self) -> str:
        """Heading: the attribute and the recognisers."""
        return f"{self.title}, agreement of {self.first} and {self.second}"

    def __str__(self) -> str:
        """Return the sentences and the counts for a terminal."""
        said = "\n".join(f"  {one}" for one in self.sentences())
        return f"{self.head}\n\n{said}" + (f"\n\n{self.table()}" if self.n_known else "")

    def drawn(self) -> list[Any]:
        """Return what a notebook shows, for `trimtab.drawing.notebook`."""
        counts = [self.table()] if self.n_known else []
        return [heading(self.head), " ".join(self.sentences()), *counts]

    def _repr_html_(self) -> str:
        return notebook(*self.drawn())


def agreement(labels: Labels, other: Labels, *, confidence: float = CONFIDENCE) -> Share:
    """Return how often two recognisers agree on the same pictures.

    The share is over the n pictures, paired by seed, that are known to both.

    Raises
    ------
    UsageError
        As in `Comparison.between`.
    """
    first, second = paired_codes(labels, other, "seed")
    known = (first >= 0) & (second >= 0)
    same = int((first[known] == second[known]).sum())
    return wilson(same, int(known.sum()), confidence=confidence)
