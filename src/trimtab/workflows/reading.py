"""What was seen in a set of pictures, by the product's recogniser and by an oracle beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.generation import ImageSet
from trimtab.metrics import AuditFrame, Comparison, spillover
from trimtab.recognition import Labels, Recogniser, classify
from trimtab.workflows.dose import Dose
from trimtab.workflows.plan import Plan

Judge = Callable[[ImageSet], Mapping[str, Labels]]
CONCEPT = "concept"
"""Name of the labels that tell which concept of its pack a picture shows."""


@dataclass(frozen=True)
class Reading:
    """The labels of one set of pictures: `views["product"]`, and `views["oracle"]` with a judge.

    `place` is where the set lies, relative to the study's folder.
    """

    images: ImageSet
    concept: str
    views: Mapping[str, Mapping[str, Labels]]
    place: str

    def views_of(self, name: str) -> dict[str, Mapping[str, Labels]]:
        """Return the views that know an attribute: a judge need not know all that a user asks."""
        return {view: labels for view, labels in self.views.items() if name in labels}

    def figures(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the figures of one attribute under both views, as plain numbers for JSON."""
        return {view: self._figures(labels, name) for view, labels in self.views_of(name).items()}

    def _figures(self, labels: Mapping[str, Labels], name: str) -> dict[str, Any]:
        frame = AuditFrame(labels[name])
        ratio = frame.deviation_ratio
        return {
            "shares": {group: share.value for group, share in frame.by_group.items()},
            "share_ci": {group: [share.low, share.high] for group, share in frame.by_group.items()},
            "n_known": frame.n_known,
            "unknown": frame.unknown_share,
            "deviation_ratio": plain(ratio.value),
            "deviation_ratio_ci": [plain(ratio.low), plain(ratio.high)],
            "noise_floor": plain(ratio.noise_floor),
            "concept_kept": float(concept_kept(labels[CONCEPT], self.concept).mean()),
        }

    def concept_kept(self, view: str = "product") -> float:
        """Share of all pictures that show the prompt's concept."""
        return float(concept_kept(self.views[view][CONCEPT], self.concept).mean())

    def dose(self, strength: float, name: str, towards: str, view: str = "product") -> Dose:
        """Count this set of pictures as one dose."""
        labels = self.views[view]
        codes = labels[name].codes
        return Dose(
            strength=strength,
            n=len(self.images),
            known=int((codes >= 0).sum()),
            towards=int((codes == labels[name].groups.index(towards)).sum()),
            kept=int(concept_kept(labels[CONCEPT], self.concept).sum()),
        )

    def compare(self, after: Reading, name: str) -> dict[str, dict[str, Any]]:
        """Return how an attribute's shares changed to another set of the same seeds."""
        return {
            view: Comparison.between(labels[name], after.views[view][name]).to_dict()
            for view, labels in self.views_of(name).items()
        }

    def spillover(
        self, after: Reading, steered: Collection[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return how every attribute but the steered ones changed along, by view."""
        return {
            view: [
                {key: plain(value) for key, value in vars(row).items()}
                for row in spillover(
                    {
                        name: (before, after.views[view][name])
                        for name, before in labels.items()
                        if name not in {*steered, CONCEPT}
                    }
                )
            ]
            for view, labels in self.views.items()
        }


@dataclass(frozen=True)
class Reader:
    """Reads pictures for one plan: the plan's attributes and concept, by recogniser and judge."""

    plan: Plan
    recogniser: Recogniser
    judge: Judge | None = None

    def __call__(self, images: ImageSet, place: str) -> Reading:
        """Recognise every attribute and the concept."""
        wanted = {a.name: a for a in (*self.plan.attributes, *self.plan.watch)}
        product = {name: classify(images, a, self.recogniser) for name, a in wanted.items()}
        product[CONCEPT] = classify(images, self.plan.concepts, self.recogniser)
        views: dict[str, Mapping[str, Labels]] = {"product": product}
        if self.judge is not None:
            judged = self.judge(images)
            if CONCEPT in judged:
                views["oracle"] = {name: judged[name] for name in product if name in judged}
        return Reading(images, self.plan.concept, views, place)


def concept_kept(labels: Labels, concept: str) -> NDArray[np.bool_]:
    """Tell of each picture whether, among the concepts of its pack, it shows this one most."""
    top = labels.probabilities.argmax(axis=1)
    kept: NDArray[np.bool_] = (top == labels.groups.index(concept)) & ~labels.blocked
    return kept


def plain(value: Any) -> Any:
    """Return the value for JSON: None for what is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
