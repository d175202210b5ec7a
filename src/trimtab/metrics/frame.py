"""`AuditFrame`: whom pictures show, by attribute, intersection and prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

from trimtab.concepts import Target
from trimtab.concepts.target import CROSS
from trimtab.drawing import notebook
from trimtab.errors import UsageError
from trimtab.metrics.comparison import Comparison
from trimtab.metrics.figures import Figures, Metric
from trimtab.metrics.inputs import checked_metrics, labels_by_attribute, targets_by_name
from trimtab.metrics.intersections import intersection
from trimtab.metrics.pairing import Pairing
from trimtab.recognition import Labels, Observations
from trimtab.statistics import CONFIDENCE, Estimate, Share, tango
from trimtab.statistics.intervals import require_confidence


class AuditFrame:
    """The shares of the groups of one or more attributes among n pictures, and other figures.

    With one attribute, the figures are properties of the frame itself (`by_group`,
    `deviation_ratio`, ...). With several, use `by_attribute`, `intersections` and `intersection`.
    With pictures of several prompts, the figures are pooled over the prompts, and `by_prompt` has a
    frame for each.

    Parameters
    ----------
    observations : Observations, Labels or sequence of Labels
        What was recognised; labels of the same pictures.
    attributes : str or sequence of str, optional
        Names of the attributes to audit. Defaults to all.
    target : Target, mapping, optional
        For one attribute, the target shares of its groups; for several, a mapping from attribute
        (or intersection, such as "gender × skin_tone") to these. Defaults to equal shares, and for
        an intersection to the product of its attributes' targets.
    metrics : mapping of str to callable, optional
        Custom metrics, which map the shares of the C groups and the target, arrays of shape (C,),
        to a number. Each gets an interval (its range over the region that contains the shares with
        the given confidence) and a noise floor.
    confidence : float, optional
        Confidence of all intervals.

    Raises
    ------
    UsageError
        If there are no labels, an attribute or group is unknown, the labels are of different
        pictures, or a target or metric is invalid.
    """

    def __init__(
        self,
        observations: Observations | Labels | Sequence[Labels],
        attributes: str | Sequence[str] | None = None,
        target: Target | Mapping[Any, Any] | None = None,
        *,
        metrics: Mapping[str, Metric] | None = None,
        confidence: float = CONFIDENCE,
    ) -> None:
        require_confidence(confidence)
        self._labels = labels_by_attribute(observations, attributes)
        self.confidence = confidence
        self.metrics = checked_metrics(metrics)
        self._targets = targets_by_name(tuple(self._labels), target)
        self._figures: dict[str, Figures] = {}
        for name, wanted in self._targets.items():  # reject invalid inputs here, not later
            Target.of(self.labels_of(name).groups, wanted)

    # -- several attributes --------------------------------------------------------------------

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes."""
        return tuple(self._labels)

    def figures_of(self, name: str) -> Figures:
        """Return the figures of an attribute, or of an intersection such as "gender × skin_tone".

        Raises
        ------
        UsageError
            If there is no such attribute.
        """
        if name not in self._figures:
            labels = self.labels_of(name)
            self._figures[name] = Figures.of(
                labels, self.target_of(name), metrics=self.metrics, confidence=self.confidence
            )
        return self._figures[name]

    def labels_of(self, name: str) -> Labels:
        """Return the labels of an attribute or intersection.

        Raises
        ------
        UsageError
            If there is no such attribute.
        """
        first, *others = (self._one(part) for part in name.split(CROSS))
        for other in others:
            first = intersection(first, other)
        return first

    def target_of(self, name: str) -> Target:
        """Return the target of an attribute or intersection."""
        groups = self.labels_of(name).groups
        parts = name.split(CROSS)
        if name in self._targets or len(parts) == 1:
            return Target.of(groups, self._targets.get(name))
        product = self.target_of(parts[0])
        for part in parts[1:]:
            product = product.times(self.target_of(part))
        return product

    @property
    def by_attribute(self) -> dict[str, Figures]:
        """The figures of each attribute."""
        return {name: self.figures_of(name) for name in self._labels}

    @property
    def intersections(self) -> dict[str, Figures]:
        """The figures of each pair of attributes, crossed."""
        return {
            name: self.figures_of(name) for name in map(CROSS.join, combinations(self._labels, 2))
        }

    def intersection(self, *attributes: str) -> Figures:
        """Return the figures of two attributes or more, crossed in the order of the frame.

        Raises
        ------
        UsageError
            If there is no such attribute, or one is named twice.
        """
        order = self.attributes
        known = sorted(attributes, key=lambda name: order.index(name) if name in order else -1)
        return self.figures_of(CROSS.join(known))

    @property
    def overall(self) -> dict[str, Figures]:
        """All figures, pooled over prompts: of each attribute, then of each intersection."""
        return self.by_attribute | self.intersections

    @cached_property
    def by_prompt(self) -> dict[str, AuditFrame]:
        """A frame for each prompt, in order of first occurrence."""
        first = next(iter(self._labels.values()))
        prompts = first.prompts
        return {
            prompt: AuditFrame(
                [labels.select(prompts == prompt) for labels in self._labels.values()],
                target=self._targets or None,
                metrics=self.metrics,
                confidence=self.confidence,
            )
            for prompt in dict.fromkeys(prompts[~first.missed].tolist())
        }

    # -- one attribute -------------------------------------------------------------------------

    @property
    def labels(self) -> Labels:
        """The labels of the only attribute."""
        return self._one(self._only())

    @property
    def figures(self) -> Figures:
        """The figures of the only attribute.

        Raises
        ------
        UsageError
            If the frame has several attributes.
        """
        return self.figures_of(self._only())

    @property
    def n(self) -> int:
        """Number of pictures that could be read."""
        labels = next(iter(self._labels.values()))
        return len(labels) - int(labels.missed.sum())

    @property
    def missed(self) -> int:
        """Number of pictures that could not be read; they are no part of any figure."""
        return int(next(iter(self._labels.values())).missed.sum())

    @property
    def n_known(self) -> int:
        """Number of pictures that show a group."""
        return self.figures.n_known

    @property
    def target(self) -> Target:
        """The target share of each group."""
        return self.figures.target

    @property
    def by_group(self) -> dict[str, Share]:
        """Share of each group among all n pictures, with Wilson interval."""
        return self.figures.shares

    @property
    def unknown(self) -> Share:
        """Share of unknown pictures among all n: blocked or uncertain."""
        return self.figures.unknown

    @property
    def unknown_share(self) -> float:
        """The value of `unknown`."""
        return self.figures.unknown_share

    @property
    def deviation_ratio(self) -> Estimate:
        """Largest distance of a share from its target ÷ the largest possible one: 0 to 1."""
        return self.figures.deviation_ratio

    @property
    def fairness_discrepancy(self) -> Estimate:
        """Euclidean distance of the mean soft label from the target."""
        return self.figures.fairness_discrepancy

    @property
    def kl(self) -> Estimate:
        """Kullback-Leibler divergence of the shares from the target, in nats."""
        return self.figures.kl

    @property
    def entropy(self) -> Estimate:
        """Entropy of the shares ÷ that of equal shares: 0 to 1."""
        return self.figures.entropy

    @property
    def spd(self) -> Estimate:
        """Share of the first group minus share of the second, for an attribute with two groups.

        Raises
        ------
        UsageError
            If there are more groups; use `share_difference` to choose two.
        """
        found = self.figures
        if found.spd is None:
            raise UsageError(
                got=f"spd of {len(found.groups)} groups",
                expected="an attribute with two groups",
                do="choose two with share_difference(a, b)",
            )
        return found.spd

    def share_difference(self, a: str, b: str) -> Estimate:
        """Return the statistical parity difference of two groups: share of a minus share of b.

        Shares are over the known pictures. The interval is Tango's score interval, which equals
        Wilson's for an attribute with two groups.

        Raises
        ------
        UsageError
            If a group is unknown.
        """
        counts = self.figures.count(a), self.figures.count(b)
        if a == b:
            return Estimate(0.0, self.n_known, 0.0, 0.0)
        return tango(*counts, self.n_known, confidence=self.confidence)

    def compare(self, other: AuditFrame, *, by: Pairing | None = None) -> Comparison:
        """Return what changed between this audit and another.

        Parameters
        ----------
        other : AuditFrame
            An audit of the same attribute, after the change.
        by : {"seed", "file", "nothing"}, optional
            As in `Comparison.between`: by default, pictures are paired by prompt and seed, or not
            at all if they have none.

        Returns
        -------
        Comparison
            Differences are other - self.

        Raises
        ------
        UsageError
            As `Comparison.between`.
        """
        return Comparison.between(self.labels, other.labels, by=by, confidence=self.confidence)

    # -- how it shows itself -------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, strings and mappings, for JSON (None for NaN).

        For one attribute and one prompt, the result is that of `Figures.to_dict`. Otherwise, it has
        the entries "attributes", "intersections" and, for several prompts, "prompts".
        """
        if len(self._labels) == len(self.by_prompt) == 1:
            return self.figures.to_dict()
        found: dict[str, Any] = {
            "attributes": {name: one.to_dict() for name, one in self.by_attribute.items()},
            "intersections": {name: one.to_dict() for name, one in self.intersections.items()},
        }
        if len(self.by_prompt) > 1:
            found["prompts"] = {prompt: one.to_dict() for prompt, one in self.by_prompt.items()}
        return found

    def to_pandas(self) -> Any:
        """Return a pandas.DataFrame: one row per group, one for unknown pictures, one per figure.

        Besides the columns of the figures, it has "prompt" (None for pooled figures) and
        "attribute".

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
        frames: list[tuple[str | None, AuditFrame]] = [(None, self)]
        frames += self.by_prompt.items() if len(self.by_prompt) > 1 else ()
        return pd.DataFrame(
            [
                {"prompt": prompt, **row}
                for prompt, frame in frames
                for figures in frame.overall.values()
                for row in figures.rows
            ]
        )

    def __str__(self) -> str:
        """Return tables as text."""
        return "\n\n\n".join(map(str, self.overall.values()))

    def _repr_html_(self) -> str:
        return notebook(*(part for one in self.overall.values() for part in one.drawn()))

    def __repr__(self) -> str:
        """Return the shares on one line."""
        shares = "; ".join(
            f"{name}, n={self.n}: "
            + ", ".join(f"{group}={share.value:.2f}" for group, share in figures.shares.items())
            for name, figures in self.by_attribute.items()
        )
        return f"AuditFrame({shares})"

    def _only(self) -> str:
        if len(self._labels) > 1:
            raise UsageError(
                got=f"a figure of {len(self._labels)} attributes ({', '.join(self._labels)})",
                expected="one attribute",
                do=f"say which: by_attribute[{next(iter(self._labels))!r}]",
            )
        return next(iter(self._labels))

    def _one(self, name: str) -> Labels:
        if name not in self._labels:
            raise UsageError(
                got=f"the attribute {name!r}",
                expected=f"one of {', '.join(self._labels)}",
                do="choose one of these, or classify the pictures by it",
            )
        return self._labels[name]
