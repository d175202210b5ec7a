"""`AuditFrame`: whom the pictures of a prompt show, in every figure of an audit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.metrics.comparison import Comparison, require_same_groups
from trimtab.metrics.distances import target_shares
from trimtab.metrics.estimates import (
    estimate_deviation_ratio,
    estimate_entropy,
    estimate_fairness_discrepancy,
    estimate_kl,
)
from trimtab.metrics.tables import frame_table
from trimtab.statistics.intervals import (
    CONFIDENCE,
    Estimate,
    Share,
    newcombe,
    quantile,
    tango,
    wilson,
)

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels


class AuditFrame:
    """The shares of an attribute's groups among n pictures, and their distance from a target.

    Shares (`by_group`, `unknown`) are over all n pictures, so that they add up to 1. The figures
    are over the `n_known` pictures that show a group.

    Parameters
    ----------
    labels : Labels
        Of one attribute.
    target : mapping of str to float, or sequence of float, optional
        The share wanted of each group; equal ones where not given.
    confidence : float, optional
        Of all intervals.

    Raises
    ------
    UsageError
        If there are no labels, or the target does not fit the groups.
    """

    def __init__(
        self,
        labels: Labels,
        target: Mapping[str, float] | ArrayLike | None = None,
        *,
        confidence: float = CONFIDENCE,
    ) -> None:
        if len(labels) == 0:
            raise UsageError(got="no labels", expected="at least one", do="classify some pictures")
        quantile(confidence)  # refuses what is no confidence
        self.labels = labels
        self.confidence = confidence
        self._target = target_shares(labels.groups, target)

    @property
    def n(self) -> int:
        """Number of pictures."""
        return len(self.labels)

    @property
    def n_known(self) -> int:
        """Number of pictures that show a group."""
        return int(self.labels.known.sum())

    @property
    def target(self) -> dict[str, float]:
        """The share wanted of each group."""
        return dict(zip(self.labels.groups, self._target, strict=True))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of pictures of each group, shape (C,)."""
        codes = self.labels.codes
        return np.bincount(codes[codes >= 0], minlength=len(self.labels.groups))

    @cached_property
    def by_group(self) -> dict[str, Share]:
        """Share of each group among all n pictures, with its Wilson interval."""
        return {
            group: wilson(int(count), self.n, confidence=self.confidence)
            for group, count in zip(self.labels.groups, self.counts, strict=True)
        }

    @cached_property
    def unknown(self) -> Share:
        """Share of the unknown among all n pictures: blocked, unreadable, or not sure enough."""
        return wilson(self.n - self.n_known, self.n, confidence=self.confidence)

    @property
    def unknown_share(self) -> float:
        """The value of `unknown`."""
        return self.unknown.value

    @cached_property
    def deviation_ratio(self) -> Estimate:
        """Largest distance of a share from its target, over the largest possible: 0 to 1."""
        return estimate_deviation_ratio(self.counts, self._target, confidence=self.confidence)

    @cached_property
    def fairness_discrepancy(self) -> Estimate:
        """Euclidean distance of the mean soft label from the target."""
        soft = self.labels.probabilities[self.labels.known].sum(axis=0)
        return estimate_fairness_discrepancy(soft, self._target, confidence=self.confidence)

    @cached_property
    def kl(self) -> Estimate:
        """Kullback-Leibler divergence of the shares from the target, in nats."""
        return estimate_kl(self.counts, self._target, confidence=self.confidence)

    @cached_property
    def entropy(self) -> Estimate:
        """Entropy of the shares over that of equal ones: 0 to 1."""
        return estimate_entropy(self.counts, self._target, confidence=self.confidence)

    @cached_property
    def spd(self) -> Estimate:
        """Share of the first group minus share of the second, for an attribute of two groups.

        Raises
        ------
        UsageError
            If there are more groups: then `share_difference` must be told which two.
        """
        if len(self.labels.groups) > 2:
            raise UsageError(
                got=f"spd of {len(self.labels.groups)} groups",
                expected="an attribute of two groups",
                do="name two with share_difference(a, b)",
            )
        return self.share_difference(*self.labels.groups)

    def share_difference(self, a: str, b: str) -> Estimate:
        """Return the statistical parity difference of two groups: share of a minus share of b.

        Over the known; with Tango's score interval, which for two groups is that of Wilson.

        Raises
        ------
        UsageError
            If a group is unknown.
        """
        counts = self._count(a), self._count(b)
        if a == b:
            return Estimate(0.0, self.n_known, 0.0, 0.0)
        return tango(*counts, self.n_known, confidence=self.confidence)

    def _count(self, group: str) -> int:
        if group not in self.labels.groups:
            raise UsageError(
                got=f"the group {group!r}",
                expected=f"one of {', '.join(self.labels.groups)}",
                do="choose one of these",
            )
        return int(self.counts[self.labels.groups.index(group)])

    def compare(self, other: AuditFrame) -> Comparison:
        """Return what changed from this audit to another of the same seeds.

        Parameters
        ----------
        other : AuditFrame
            Of the same attribute; the pictures after the change.

        Returns
        -------
        Comparison
            Differences are other - self; pictures are paired by seed.

        Raises
        ------
        UsageError
            As `Comparison.between`.
        """
        return Comparison.between(self.labels, other.labels, confidence=self.confidence)

    @property
    def figures(self) -> dict[str, Estimate]:
        """All figures by name; "spd" only for two groups."""
        found = {
            name: getattr(self, name)
            for name in ("deviation_ratio", "fairness_discrepancy", "kl", "entropy")
        }
        return found if len(self.labels.groups) > 2 else {**found, "spd": self.spd}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts and mappings, for JSON (None for NaN)."""
        return {
            "attribute": self.labels.attribute,
            "title": self.labels.title,
            "recogniser": self.labels.recogniser,
            "n": self.n,
            "n_known": self.n_known,
            "confidence": self.confidence,
            "target": self.target,
            "by_group": {group: _plain(share) for group, share in self.by_group.items()},
            "unknown": _plain(self.unknown),
            **{name: _plain(figure) for name, figure in self.figures.items()},
        }

    def to_pandas(self) -> Any:
        """Return a pandas.DataFrame: a row per group, one for the unknown, one per figure.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError as error:
            raise UsageError(
                got="no pandas", expected="pandas installed", do="pip install pandas"
            ) from error
        rows: dict[str, Share | Estimate] = {**self.by_group, "unknown": self.unknown}
        rows |= self.figures
        return pd.DataFrame([{"name": name, **asdict(row)} for name, row in rows.items()])

    def __str__(self) -> str:
        """Return a table for a terminal."""
        return frame_table(self)

    def __repr__(self) -> str:
        """Return one line: the shares."""
        shares = ", ".join(f"{g}={s.value:.2f}" for g, s in self.by_group.items())
        return f"AuditFrame({self.labels.attribute}, n={self.n}: {shares})"


def statistical_parity_difference(frame: AuditFrame, other: AuditFrame, *, group: str) -> Estimate:
    """Return SPD = P(group | frame) - P(group | other), between two prompts or populations.

    Each share is over its known pictures. The two sets are taken as independent: for the same
    seeds before and after, `AuditFrame.compare` says more; for two groups of one set there is
    `AuditFrame.share_difference`.

    Parameters
    ----------
    frame, other : AuditFrame
        Of the same attribute.
    group : str
        The group whose shares are compared.

    Returns
    -------
    Estimate
        From -1 to 1, above 0 where the first has more of the group; n is the number of known
        pictures of both, the interval that of `newcombe` at the confidence of `frame`.

    Raises
    ------
    UsageError
        If attributes or groups differ, or the group is unknown.

    References
    ----------
    R. K. E. Bellamy et al., AI Fairness 360, 2018, `statistical_parity_difference`; the interval
    is method 10 of R. G. Newcombe, Statistics in Medicine 17, 1998.
    """
    require_same_groups(frame.labels, other.labels)
    return newcombe(
        frame._count(group),
        frame.n_known,
        other._count(group),
        other.n_known,
        confidence=frame.confidence,
    )


def _plain(figure: Share | Estimate) -> dict[str, float | int | None]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(figure).items()
    }
