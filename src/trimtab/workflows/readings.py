"""Sets of pictures with their observations, by the recogniser and optionally by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import Attribute, Target, subject_of
from trimtab.errors import UsageError
from trimtab.generation import ImageSet
from trimtab.metrics import AuditFrame, Comparison, Spillover, spillover
from trimtab.recognition import Labels, Observations, classify, embed, preservation, psnr
from trimtab.recognition.protocol import Embedder, TextEmbedder, recogniser_name
from trimtab.statistics import Dose, Estimate, bootstrap, wilson
from trimtab.storage import Progress, Store
from trimtab.workflows.concept_rule import CONCEPT, ConceptRule
from trimtab.workflows.records import Change, Preservation, Role, View


class Oracle(Protocol):
    """Another recogniser that is reported but not used for decisions."""

    def __call__(self, images: ImageSet, *, store: Store | None = None) -> Observations:
        """Return observations of the pictures, taken from the store if it has them."""
        ...


Rates = Mapping[str, Mapping[Role, Observations]]
"""Observations of pictures whose prompts name groups, by attribute of these groups and by role."""
Alignment = Mapping[Role, NDArray[np.float64]]
"""Cosine of each picture with its prompt, by role of the recogniser."""


@dataclass(frozen=True)
class Sight:
    """Observations of a set of pictures by one recogniser.

    Attributes
    ----------
    name : str
        Name of the recogniser.
    observations : Observations
        Its observations.
    attributes : tuple of str
        Attributes that were asked about and that it knows.
    kept : ndarray of bool, shape (n,), optional
        Whether each picture keeps the concept of its prompt; None if that was not asked.
    """

    name: str
    observations: Observations
    attributes: tuple[str, ...]
    kept: NDArray[np.bool_] | None

    def n_kept(self) -> int:
        """Return the number of pictures that keep the concept; all, if that was not asked."""
        return len(self.observations) if self.kept is None else int(self.kept.sum())


@dataclass(frozen=True)
class Reading:
    """A set of pictures, prompt by prompt, with its observations."""

    images: ImageSet
    prompts: tuple[str, ...]
    sights: Mapping[Role, Sight]

    def dose(
        self, strength: float, attribute: str, towards: str, role: Role = "recogniser"
    ) -> Dose:
        """Return the counts of this set of pictures as one dose."""
        sight = self.sights[role]
        labels = sight.observations.labels(attribute)
        return Dose(
            strength=strength,
            n=len(self.images),
            known=int(labels.known.sum()),
            towards=int((labels.codes == labels.groups.index(towards)).sum()),
            kept=sight.n_kept(),
        )

    def kept(self) -> float:
        """Return the share of all pictures that keep the concept."""
        return self.sights["recogniser"].n_kept() / len(self.images)

    def cuts(self) -> Iterator[tuple[str, slice]]:
        """Return each prompt with the slice of its pictures."""
        return cuts(self.images, self.prompts)


@dataclass(frozen=True)
class Reader:
    """Recognises every attribute and the concept, by the recogniser and others.

    Parameters
    ----------
    attributes : sequence of Attribute
        Attributes to recognise.
    recogniser : Recogniser
        Recogniser used for decisions.
    store : Store, optional
        Where to store answers, so that no question is asked twice.
    rule : ConceptRule, optional
        How to judge the concept; by default it is not judged.
    oracle, second : callable, optional
        Other recognisers, not used for decisions.
    progress : callable, optional
        ``progress(done, total, what)``, while attributes are recognised.
    """

    attributes: Sequence[Attribute]
    recogniser: Any
    store: Store | None = None
    rule: ConceptRule | None = None
    oracle: Oracle | None = None
    progress: Progress | None = None
    second: Oracle | None = None

    def check(self, prompts: Sequence[str]) -> None:
        """Refuse a recogniser that cannot answer the questions, before generating pictures.

        Raises
        ------
        UsageError
            If its questions are fixed and do not include one of these.
        """
        fixed = getattr(self.recogniser, "questions", None)
        if fixed is None:
            return
        asked = [one.name for one in self.attributes]
        question = None if self.rule is None else self.rule.question(prompts[0])
        asked += [] if question is None else [question.name]
        for name in asked:
            if name not in fixed:
                raise UsageError(
                    got=f"{recogniser_name(self.recogniser)}, which does not know {name!r}",
                    expected=f"a recogniser that knows it; this one knows {', '.join(fixed)}",
                    do="choose another recogniser, or other attributes",
                )

    def __call__(self, images: ImageSet, prompts: Sequence[str]) -> Reading:
        """Return the pictures with every attribute and the concept recognised."""
        asked = classify(
            images, self.attributes, self.recogniser, store=self.store, progress=self.progress
        )
        kept = self._kept(images, prompts)
        names = tuple(one.name for one in self.attributes)
        sights: dict[Role, Sight] = {
            "recogniser": Sight(recogniser_name(self.recogniser), asked, names, kept)
        }
        others: tuple[tuple[Role, Oracle | None], ...] = (
            ("oracle", self.oracle),
            ("second", self.second),
        )
        for role, other in others:
            if other is None:
                continue
            judged = other(images, store=self.store)
            known = tuple(name for name in names if name in judged.attributes)
            by = judged.answer(judged.attributes[0]).recogniser
            sights[role] = Sight(by, judged, known, self._judged(judged, images, prompts))
        return Reading(images, tuple(prompts), sights)

    def _kept(self, images: ImageSet, prompts: Sequence[str]) -> NDArray[np.bool_] | None:
        """Return which pictures keep the concept; None if that cannot be told for every prompt."""
        if self.rule is None:
            return None
        kept = np.ones(len(images), dtype=bool)
        for prompt, cut in cuts(images, prompts):
            question = self.rule.question(prompt)
            if question is None:
                return None
            answers = classify(images[cut], question, self.recogniser, store=self.store)
            kept[cut] = self.rule.kept(answers.labels(question.name), prompt)
        return kept

    def _judged(
        self, judged: Observations, images: ImageSet, prompts: Sequence[str]
    ) -> NDArray[np.bool_] | None:
        if self.rule is None or CONCEPT not in judged.attributes:
            return None
        kept, labels = np.ones(len(images), dtype=bool), judged.labels(CONCEPT)
        if not all(self.rule.answered_by(labels.groups, prompt) for prompt in prompts):
            return None
        for prompt, cut in cuts(images, prompts):
            kept[cut] = self.rule.kept(labels, prompt)[cut]
        return kept


def cuts(images: ImageSet, prompts: Sequence[str]) -> Iterator[tuple[str, slice]]:
    """Return each prompt with the slice of its pictures; all prompts have equally many."""
    each = len(images) // len(prompts)
    return ((prompt, slice(i * each, (i + 1) * each)) for i, prompt in enumerate(prompts))


def views_of(
    reading: Reading,
    targets: Mapping[str, Target],
    together: Sequence[str],
    alignment: Alignment | None = None,
    cut: slice | NDArray[np.int64] = slice(None),
) -> tuple[View, ...]:
    """Return the figures of each recogniser.

    Parameters
    ----------
    reading : Reading
        The pictures with their observations.
    targets : mapping of str to Target
        Targets by attribute; equal shares for attributes without one.
    together : sequence of str
        Attributes whose intersection to include.
    alignment : mapping, optional
        Cosine of each picture with its prompt, shape (n,), by role of the recogniser.
    cut : slice or ndarray of int
        Which pictures; default all.
    """
    return tuple(
        _view(role, sight, cut, targets, together, (alignment or {}).get(role))
        for role, sight in reading.sights.items()
    )


def views_by_prompt(
    reading: Reading,
    targets: Mapping[str, Target],
    together: Sequence[str],
    alignment: Alignment | None = None,
) -> dict[str, tuple[View, ...]]:
    """Return `views_of` for each prompt; empty if there is only one."""
    if len(reading.prompts) < 2:
        return {}
    return {
        prompt: views_of(reading, targets, together, alignment, cut)
        for prompt, cut in reading.cuts()
    }


def views_by_subject(
    reading: Reading, targets: Mapping[str, Target], together: Sequence[str]
) -> dict[str, tuple[View, ...]]:
    """Return `views_of` for each subject, over all its prompts; empty unless prompts share some.

    "a photo of a doctor" and "a portrait of a doctor" have the same subject.
    """
    rows: dict[str, list[int]] = {}
    every = np.arange(len(reading.images))
    for prompt, cut in reading.cuts():
        rows.setdefault(subject_of(prompt), []).extend(every[cut].tolist())
    if len(rows) in (1, len(reading.prompts)):
        return {}
    return {
        subject: views_of(reading, targets, together, None, np.array(mine))
        for subject, mine in rows.items()
    }


def _view(
    role: Role,
    sight: Sight,
    cut: slice | NDArray[np.int64],
    targets: Mapping[str, Target],
    together: Sequence[str],
    alignment: NDArray[np.float64] | None,
) -> View:
    observations = sight.observations.select(np.arange(len(sight.observations))[cut])
    names = list(sight.attributes)
    frame = AuditFrame(
        observations, names, {name: targets[name] for name in names if name in targets} or None
    )
    both = [name for name in together if name in names]
    kept = None if sight.kept is None else sight.kept[cut]
    return View(
        role,
        sight.name,
        tuple(frame.by_attribute.values()),
        (frame.intersection(*both),) if len(both) > 1 else (),
        None if kept is None else wilson(int(kept.sum()), len(kept)),
        _mean(alignment[cut]) if alignment is not None else None,
    )


def _mean(values: NDArray[np.float64]) -> Estimate | None:
    """Return the mean with its bootstrap interval; None without finite values."""
    finite = values[np.isfinite(values)]
    return bootstrap(finite) if len(finite) else None


def changes_of(
    before: Reading,
    after: Reading,
    steered: Sequence[str],
    rates: Rates = MappingProxyType({}),
) -> tuple[Change, ...]:
    """Return the changes between two sets of pictures of the same prompts and seeds.

    Parameters
    ----------
    before, after : Reading
        The two sets.
    steered : sequence of str
        Attributes that the second set was steered by; all others count as spillover.
    rates : Rates, optional
        Observations for the rates of groups that are rare in the first set. Pictures whose prompts
        name groups of attributes that the second set was not steered by are not used: there, these
        attributes have no rate of their own.
    """
    found = []
    for role, first in before.sights.items():
        second = after.sights[role].observations
        pairs = {
            name: (first.observations.labels(name), second.labels(name))
            for name in first.attributes
        }
        found.append(
            Change(
                role,
                tuple(Comparison.between(*pair) for pair in pairs.values()),
                tuple(
                    _spilled(
                        pairs, steered, [rates[name][role] for name in steered if name in rates]
                    )
                ),
            )
        )
    return tuple(found)


def _spilled(
    pairs: Mapping[str, tuple[Labels, Labels]],
    steered: Sequence[str],
    named: Sequence[Observations],
) -> list[Spillover]:
    """Return the changes of the attributes that were not steered, and what the groups bring."""
    others = {name: pair for name, pair in pairs.items() if name not in steered}
    if not pairs.keys() >= set(steered):  # this recogniser does not know the mix of groups
        return spillover(others)
    rates = None
    if named:
        seen = reduce(Observations.extend, named)
        rates = {name: seen.labels(name) for name in others}, [*map(seen.labels, steered)]
    return spillover(others, steered=[pairs[name] for name in steered], named=rates)


def alignment_of(reading: Reading, recogniser: Any, store: Store | None) -> Alignment:
    """Return the cosine of each picture with its prompt, shape (n,).

    Empty if the recogniser cannot embed text. The CLIP score of Hessel et al. 2021 is 2.5 times
    the cosine where that is positive.
    """
    if not isinstance(recogniser, TextEmbedder):
        return {}
    looking: Any = recogniser
    pictures = embed(reading.images, looking, store=store).vectors.astype(float)
    found = np.zeros(len(pictures))
    for prompt, cut in reading.cuts():
        found[cut] = pictures[cut] @ looking.embed_text([prompt])[0].astype(float)
    return {"recogniser": found}


def preserved(
    before: Reading, after: Reading, recogniser: Any, store: Store | None
) -> Preservation:
    """Return how close pictures are to the plain ones of the same seeds, with intervals."""
    cosine: Estimate | None = None
    if isinstance(recogniser, Embedder):
        looking: Any = recogniser
        found = preservation(before.images, after.images, looking, store=store)
        ratios, cosine = found.psnr, _mean(found.cosine)
    else:  # the recogniser has no image embeddings
        ratios = np.array([psnr(*pair) for pair in zip(before.images, after.images, strict=True)])
    # The PSNR of identical pictures is infinite, so they are counted separately.
    identical = float(np.isinf(ratios).mean()) if len(ratios) else 0.0
    return Preservation(_mean(ratios), cosine, identical)
