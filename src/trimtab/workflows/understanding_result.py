"""The result of `understand`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from trimtab.drawing import Table
from trimtab.drawing.words import (
    capital,
    number,
    numbers,
    p_value,
    percent,
    percents,
    points,
    points_span,
)
from trimtab.generation import ImageSet
from trimtab.generation.selection import Key
from trimtab.metrics import Cluster, Discovery, Misalignment
from trimtab.statistics import Estimate, Share
from trimtab.workflows import notebooks
from trimtab.workflows.records import Seeds, View
from trimtab.workflows.result import Result, pictures_of
from trimtab.workflows.understanding_records import Association, ObjectKind, Unrelated

OTHERS = 5_000
"""Added to the seeds of the concept for all other pictures: pictures from the same noise are alike,
whatever they show."""
SHOWN = 15  # kinds of objects, and discoveries, in a terminal


@dataclass(frozen=True, kw_only=True)
class UnderstandingResult(Result):
    """What a model connects with a concept, what its pictures show, and where they differ.

    Attributes
    ----------
    prompt : str
        The prompt of the concept.
    spec : str
        Full hash of the spec of its pictures.
    n, n_each : int
        Number of its pictures, and of those of each attribute.
    seeds : tuple of int
        Their first seed, and the seed after the last.
    views : tuple of View
        What the recogniser perceived in them.
    associations : tuple of Association
        Each group and each word, in the order asked for.
    unrelated : dict of str to Unrelated
        How close unrelated words are, by text encoder.
    agreement : dict of str to Estimate
        Spearman's rank correlation of the cosine of texts with the share of pictures that show an
        attribute, over all attributes that were looked for, by text encoder.
    agreement_of_pictures : Estimate
        The same with the mean cosine of pictures. NaN if there are fewer than four attributes with
        both, like that of texts.
    misalignments : tuple of Misalignment
        The ranks of those attributes by the first text encoder and by share.
    objects : tuple of ObjectKind
        What the detector found, in most pictures first.
    reference : str
        The prompt compared with, for discoveries; empty if there was none.
    compared : int
        Number of phrases looked for to find discoveries.
    discoveries : tuple of Discovery
        What the pictures show more or less often than those of the reference, whose seeds are 5,000
        higher; `carriers` are seeds.
    clusters : tuple of Cluster
        Groups of similar pictures of both whose shares differ; `carriers` are seeds.
    recogniser, detector : str
        Their names; the detector's is empty if there was none.
    """

    FORMAT: ClassVar[str] = "trimtab-understanding"

    prompt: str
    spec: str
    n: int
    n_each: int
    seeds: Seeds
    views: tuple[View, ...]
    associations: tuple[Association, ...]
    unrelated: dict[str, Unrelated] = field(default_factory=dict)
    agreement: dict[str, Estimate] = field(default_factory=dict)
    agreement_of_pictures: Estimate
    misalignments: tuple[Misalignment, ...] = ()
    objects: tuple[ObjectKind, ...] = ()
    reference: str = ""
    compared: int = 0
    discoveries: tuple[Discovery, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    recogniser: str
    detector: str = ""

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt, as other results have it."""
        return (self.prompt,)

    def pictures(self, seeds: Sequence[int] | None = None) -> ImageSet:
        """Return the pictures of the concept, from the result's store.

        Parameters
        ----------
        seeds : sequence of int, optional
            Seeds to return; default all.

        Raises
        ------
        FileError
            If the result was never stored, or pictures are missing.
        """
        wanted = range(*self.seeds) if seeds is None else seeds
        return pictures_of(self, self.spec, self.prompts, wanted)

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of all pictures, also of the reference and attributes."""
        first, _ = self.others
        made = [(self.prompt, range(*self.seeds))]
        if self.reference:
            made.append((self.reference, range(first, first + self.n)))
        if self.n_each:
            each = range(first, first + self.n_each)
            made += [(one.sentence, each) for one in self.associations if one.pictures]
        return [(self.spec, prompt, seed) for prompt, seeds in made for seed in seeds]

    @property
    def others(self) -> Seeds:
        """First seed of the reference's pictures, and the seed after the last."""
        first, after = self.seeds
        return first + OTHERS, after + OTHERS

    def of(self, phrase: str) -> Association | None:
        """Return the association with an attribute; None if it was not asked for."""
        return next((one for one in self.associations if one.phrase == phrase), None)

    def associated(self) -> Table:
        """Return a row for each attribute: its closeness in text and pictures, and its share."""
        encoders = list(self.unrelated)
        corrected = any(one.corrected for one in self.associations)
        head = ["attribute", *(f"text: {one}" for one in encoders), "pictures", "shown in"]
        head += ["corrected"] if corrected else []
        rows = []
        for one in self.associations:
            row = [one.phrase]
            for close in (one.text[encoder] for encoder in encoders):
                row.append(f"{number(close.cosine)} ({percent(round(close.rarity, 3))})")
            row += [_interval(one.pictures), _share(one.detected)]
            rows.append([*row, _share(one.corrected)] if corrected else row)
        caption = "Cosine with the concept (and the part of unrelated words that are as close)"
        return Table(caption, head, rows, sides="<" + ">" * (len(head) - 1))

    def ranked(self) -> Table:
        """Return the ranks of each attribute, those that differ most first."""
        rows = [
            [one.phrase, f"{one.association:g}", f"{one.detected:g}", one.disagreement]
            for one in sorted(self.misalignments, key=lambda one: -abs(one.gap))
        ]
        return Table("Ranks", ["attribute", "in text", "in pictures", ""], rows, sides="<>><")

    def discovered(self) -> Table:
        """Return a row for each discovery, those that differ most first."""
        rows = [
            [
                one.phrase,
                one.by,
                "" if one.concept is None else percent(one.concept.value),
                "" if one.reference is None else percent(one.reference.value),
                _effect(one),
                p_value(one.q),
                ", ".join(one.alike),
                ", ".join(one.opposite),
            ]
            for one in self.discoveries
        ]
        head = ["phrase", "by", "here", "reference", "difference", "q", "likewise", "opposite"]
        return Table(f"Against “{self.reference}”", head, rows, sides="<<>>>><<")

    def grouped(self) -> Table:
        """Return a row for each group of similar pictures whose shares differ."""
        rows = [
            [
                ", ".join(one.phrases),
                percent(one.concept.value),
                percent(one.reference.value),
                f"{points(one.effect.value)} ({points_span(one.effect.low, one.effect.high)})",
                p_value(one.q),
            ]
            for one in self.clusters
        ]
        head = ["nearest words", "here", "reference", "difference", "q"]
        return Table("Groups of similar pictures", head, rows, sides="<>>>>")

    def found(self) -> Table:
        """Return a row for each kind of object, in most pictures first."""
        rows = [[one.phrase, _share(one.pictures), str(one.count)] for one in self.objects]
        return Table(f"Objects, found by {self.detector}", ["object", "shown in", "boxes"], rows)

    def sentences(self) -> list[str]:
        """Return what the associations say about the pictures, and where they are wrong."""
        measured = {f"By {name}": one for name, one in self.agreement.items()}
        measured["By pictures of the attributes"] = self.agreement_of_pictures
        said = [
            f"{who}, {_relation(one)} (rank correlation {number(one.value)}, 95\u202f% interval "
            f"{numbers((one.low, one.high))}, {one.n} attributes)."
            for who, one in measured.items()
            if math.isfinite(one.value)
        ]
        close, far = (
            [one.phrase for one in self.misalignments if one.disagreement == kind]
            for kind in ("close, seldom shown", "not close, mostly shown")
        )
        encoder = next(iter(self.unrelated), "")
        if close:
            said.append(f"Close in text ({encoder}), seldom in pictures: {', '.join(close)}.")
        if far:
            said.append(f"In most pictures, but not close in text ({encoder}): {', '.join(far)}.")
        if self.detector and not self.objects:
            said.append(f"{capital(self.detector)} found nothing in {self.n} pictures.")
        if self.reference and not self.discoveries:
            said.append(
                f"Of {self.compared} phrases, none is shown more or less often than for "
                f"“{self.reference}”, as far as {self.n} pictures can tell."
            )
        return said

    def _repr_html_(self) -> str:
        tables = [self.associated(), self.found(), self.discovered(), self.grouped()]
        told = [*self.sentences(), *tables]
        return notebooks.understanding(
            self.views, told, self.prompt, self.seeds, self.spec, self.store
        )

    def __str__(self) -> str:
        """Return the shares, the associations, the objects and where they disagree."""
        head = f"“{self.prompt}”, {self.n} pictures, by {self.recogniser}"
        figures = [str(one) for view in self.views for one in view.figures]
        found = map(_first, (self.found(), self.discovered(), self.grouped()))
        parts = [head, *figures, str(self.associated()), *found, "\n".join(self.sentences())]
        return "\n\n".join(filter(None, parts))


def _first(table: Table) -> str:
    """Return a table for a terminal, with its first rows if it is long."""
    more = len(table.rows) - SHOWN
    if more <= 0:
        return str(table)
    return f"{replace(table, rows=table.rows[:SHOWN])}\n  and {more} more"


def _effect(one: Discovery) -> str:
    effect = one.effect
    if one.by == "cosine":
        return f"delta {number(effect.value)} ({numbers((effect.low, effect.high))})"
    return f"{points(effect.value)} ({points_span(effect.low, effect.high)})"


def _share(one: Share | Estimate | None) -> str:
    if one is None:
        return ""
    return f"{percent(round(one.value, 3))} ({percents((one.low, one.high))})"


def _interval(one: Estimate | None) -> str:
    return "" if one is None else f"{number(one.value)} ({numbers((one.low, one.high))})"


def _relation(one: Estimate) -> str:
    if one.low > 0:
        return "attributes that are closer are shown more often"
    if one.high < 0:
        return "attributes that are closer are shown less often"
    return "there is no clear relation between closeness and how often an attribute is shown"
