"""`Figures`: all figures for one attribute in one set of pictures, as a plain value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trimtab import drawing
from trimtab.concepts import Target
from trimtab.drawing import Table
from trimtab.errors import UsageError
from trimtab.metrics.estimates import estimate, estimate_own
from trimtab.metrics.tables import bar, interval_head, number, signed, span
from trimtab.statistics import CONFIDENCE, Estimate, Share, tango, wilson

if TYPE_CHECKING:
    from trimtab.recognition import Labels

Metric = Callable[[Any, Any], float]
"""A custom metric: maps shares and target, arrays of shape (C,), to a number."""

_NAMES = {
    "deviation_ratio": "deviation ratio",
    "fairness_discrepancy": "fairness discrepancy",
    "kl": "KL divergence",
    "entropy": "normalised entropy",
}


@dataclass(frozen=True)
class Figures:
    """The shares of the groups of an attribute or intersection, and their distance from a target.

    Shares and `unknown` are over all n pictures, so that they add up to 1. The other figures are
    over the `n_known` pictures that show a group. Pictures that could not be read are no part of
    any figure; `missed` is their number.

    Parameters
    ----------
    attribute, title : str
        Name and title of the attribute; for an intersection, both names joined by " × ".
    groups : tuple of str
        Its C groups, in order.
    recogniser : str
        Name of the recogniser.
    n, n_known : int
        Number of pictures that could be read, and of those that show a group.
    target : Target
        The target, with its source.
    shares : dict of str to Share
        By group, with Wilson intervals.
    unknown : Share
        Share of blocked and uncertain pictures.
    deviation_ratio, fairness_discrepancy, kl, entropy : Estimate
        As defined in `trimtab.metrics`, with interval and noise floor.
    spd : Estimate or None
        Share of the first group minus that of the second; None for more than two groups.
    own : dict of str to Estimate
        Custom metrics.
    confidence : float
        Confidence of all intervals.
    missed : int
        Number of pictures that could not be read.
    no_face : int
        Number of unknown pictures in which the recogniser found no face.
    """

    attribute: str
    title: str
    groups: tuple[str, ...]
    recogniser: str
    n: int
    n_known: int
    target: Target
    shares: dict[str, Share]
    unknown: Share
    deviation_ratio: Estimate
    fairness_discrepancy: Estimate
    kl: Estimate
    entropy: Estimate
    spd: Estimate | None = None
    own: dict[str, Estimate] = field(default_factory=dict)
    confidence: float = CONFIDENCE
    missed: int = 0
    no_face: int = 0

    def known_share(self, group: str) -> Share:
        """Return the share of a group among the known pictures, which a target is about."""
        count = self.shares[group].count
        return wilson(min(count, self.n_known), self.n_known, confidence=self.confidence)

    @classmethod
    def of(
        cls,
        labels: Labels,
        target: Target | Mapping[str, float] | None = None,
        *,
        metrics: Mapping[str, Metric] | None = None,
        confidence: float = CONFIDENCE,
    ) -> Figures:
        """Compute all figures from labels.

        Raises
        ------
        UsageError
            If there are no labels, the target does not fit the groups, or a custom metric does not
            return a number.
        """
        missed = int(labels.missed.sum())
        n, n_known = len(labels) - missed, int(labels.known.sum())
        if n == 0:
            raise UsageError(
                got=f"{missed} pictures of which none can be read" if missed else "no labels",
                expected="at least one",
                do="classify some pictures",
            )
        wanted = Target.of(labels.groups, target)
        codes = labels.codes
        counts = np.bincount(codes[codes >= 0], minlength=len(labels.groups))
        soft = labels.probabilities[labels.known].sum(axis=0)
        t = wanted.vector
        options = {"confidence": confidence}
        two = len(counts) == 2
        return cls(
            attribute=labels.attribute,
            title=labels.title,
            groups=labels.groups,
            recogniser=labels.recogniser,
            n=n,
            n_known=n_known,
            target=wanted,
            shares={
                group: wilson(int(count), n, **options)
                for group, count in zip(labels.groups, counts, strict=True)
            },
            unknown=wilson(n - n_known, n, **options),
            deviation_ratio=estimate("deviation_ratio", counts, t, **options),
            fairness_discrepancy=estimate("fairness_discrepancy", soft, t, **options),
            kl=estimate("kl", counts, t, **options),
            entropy=estimate("entropy", counts, t, **options),
            spd=tango(int(counts[0]), int(counts[1]), n_known, **options) if two else None,
            own={
                name: estimate_own(metric, counts, t, **options)
                for name, metric in (metrics or {}).items()
            },
            confidence=confidence,
            missed=missed,
            no_face=int(labels.no_face.sum()),
        )

    @property
    def unknown_share(self) -> float:
        """The value of `unknown`."""
        return self.unknown.value

    def count(self, group: str) -> int:
        """Return the number of pictures that show a group.

        Raises
        ------
        UsageError
            If there is no such group.
        """
        if group not in self.shares:
            raise UsageError(
                got=f"the group {group!r}",
                expected=f"one of {', '.join(self.groups)}",
                do="choose one of these",
            )
        return int(self.shares[group].count)

    @property
    def by_name(self) -> dict[str, Estimate]:
        """All figures except the shares, by name; "spd" only for two groups."""
        return self._common | self.own

    @property
    def _common(self) -> dict[str, Estimate]:
        found = {name: getattr(self, name) for name in _NAMES}
        return found if self.spd is None else {**found, "spd": self.spd}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, strings and mappings, for JSON (None for NaN)."""
        return {
            "attribute": self.attribute,
            "title": self.title,
            "recogniser": self.recogniser,
            "n": self.n,
            "n_known": self.n_known,
            "missed": self.missed,
            "no_face": self.no_face,
            "confidence": self.confidence,
            "target": dict(self.target.shares),
            "target_source": self.target.source,
            "by_group": {group: _plain(share) for group, share in self.shares.items()},
            "unknown": _plain(self.unknown),
            **{name: _plain(one) for name, one in self._common.items()},
            **({"own": {name: _plain(one) for name, one in self.own.items()}} if self.own else {}),
        }

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows for a data frame: one per group, one for unknown pictures, one per figure."""
        every: dict[str, Share | Estimate] = {**self.shares, "unknown": self.unknown}
        return [
            {"attribute": self.attribute, "name": name, **asdict(figure)}
            for name, figure in (every | self.by_name).items()
        ]

    @property
    def head(self) -> str:
        """Heading of the tables: title, number of pictures, recogniser."""
        by = f", recognised by {self.recogniser}" if self.recogniser else ""
        pictures = "picture" if self.n == 1 else "pictures"
        return f"{self.title}, {self.n} {pictures}{by}"

    def tables(self) -> tuple[Table, Table]:
        """Return a table of the shares of all pictures, and one of figures over known ones."""
        level = interval_head(self.confidence)
        head = ("group", "share", level, "target", "count", "")
        shares = []
        for name, share in {**self.shares, "unknown": self.unknown}.items():
            wanted = self.target.shares.get(name)
            shares.append(
                (
                    name,
                    number(share.value),
                    span(share.low, share.high),
                    "-" if wanted is None else number(wanted),
                    f"{share.count:.0f}",
                    bar(share.value, wanted),
                )
            )
        if self.no_face:
            shares.append(("no face found", "-", "-", "-", f"{self.no_face}", "among the unknown"))
        if self.missed:
            shares.append(("unreadable", "-", "-", "-", f"{self.missed}", "not counted"))
        names = (f"over the {self.n_known} known", "value", level, "noise floor")
        figures = []
        for name, one in self.by_name.items():
            sign = name == "spd"
            figures.append(
                (
                    f"SPD, {' - '.join(self.groups)}" if name == "spd" else _NAMES.get(name, name),
                    signed(one.value, 3) if sign else number(one.value, 3),
                    span(one.low, one.high, 3, sign=sign),
                    "-" if one.noise_floor is None else number(one.noise_floor, 3),
                )
            )
        return Table("", head, shares, "<>^>><"), Table("", names, figures, "<>^>")

    def __str__(self) -> str:
        """Return the tables as text, and the target with its source."""
        shares, figures = self.tables()
        return f"{self.head}\n\n{shares}\n\n{figures}\n\n  target: {self.target}"

    def drawn(self) -> list[Any]:
        """Return what a notebook shows: a figure and the tables, for `trimtab.drawing.notebook`."""
        return [
            drawing.heading(self.head),
            drawing.shares([("shares", self)], self.target.shares, title=self.title),
            *self.tables(),
            f"target: {self.target}",
        ]

    def _repr_html_(self) -> str:
        return drawing.notebook(*self.drawn())


def _plain(figure: Share | Estimate) -> dict[str, float | int | None]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(figure).items()
    }
