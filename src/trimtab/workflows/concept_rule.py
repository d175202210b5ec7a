"""The rule that judges whether a picture still shows what its prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import Attribute, concept_in, subject_of
from trimtab.concepts.values import ConceptPack, Group
from trimtab.errors import UsageError
from trimtab.recognition import Labels

CONCEPT = "concept"
"""Name of the labels for what a picture shows."""


@dataclass(frozen=True)
class ConceptRule:
    """Rule that judges whether a picture keeps the concept of its prompt.

    With a pack, a picture keeps the concept if it matches the prompt's concept better than every
    other concept of the pack. Without one, it is compared with prompts that name a group with the
    concept ("a photo of a woman CEO") and without it ("a photo of a woman"). The group occurs in
    both, so it does not affect the judgement. For each attribute, the group that most favours the
    concept counts, and the log ratios of probabilities are averaged over the attributes. An
    attribute whose own prompts already name the concept ("a photo of a Velorian wedding") tells
    nothing; if no other is left, the concept is not judged.

    Parameters
    ----------
    attributes : sequence of Attribute
        Attributes whose groups are combined with the concept.
    pack : Attribute, optional
        Pack of mutually exclusive concepts.
    """

    attributes: Sequence[Attribute]
    pack: Attribute | None = None

    def concept(self, prompt: str) -> str:
        """Return what the prompt asks for: the concept of the pack, or the prompt's subject.

        Raises
        ------
        UsageError
            If there is a pack and the prompt names none of its concepts.
        """
        if self.pack is None:
            return subject_of(prompt)
        found = concept_in(prompt, self.pack.names)
        if found is None:
            raise UsageError(
                got=f"prompt {prompt!r}",
                expected=f"a prompt that names one of {', '.join(self.pack.names[:4])}, …",
                do="name a concept in the pack, or leave the pack out",
            )
        return found

    def question(self, prompt: str) -> Attribute | None:
        """Return what to ask a recogniser about the pictures of a prompt; None if nothing tells."""
        if self.pack is not None:
            return self.pack
        subject, groups = subject_of(prompt), []
        for one in self._telling(subject):
            for group in one.groups:
                shown, name = group.prompt_on(subject), f"{one.name}, {group.name}"
                groups.append(Group(f"{name}, {subject}", shown, group.modifier, (shown,)))
                groups.append(Group(name, group.prompt, group.modifier, (group.prompt,)))
        return ConceptPack(CONCEPT, tuple(groups), subject) if groups else None

    def _telling(self, subject: str) -> list[Attribute]:
        """Return the attributes whose own prompts lack the subject."""
        return [
            one
            for one in self.attributes
            if not any(group.prompt_on(subject) == group.prompt for group in one.groups)
        ]

    def answered_by(self, groups: tuple[str, ...], prompt: str) -> bool:
        """Return whether labels of these groups tell if a picture keeps the concept."""
        return self._asked(groups, prompt) or concept_in(prompt, groups) is not None

    def _asked(self, groups: tuple[str, ...], prompt: str) -> bool:
        """Return whether these are the groups of the comparison with and without the concept."""
        question = None if self.pack is not None else self.question(prompt)
        return question is not None and groups == question.names

    def kept(self, labels: Labels, prompt: str) -> NDArray[np.bool_]:
        """Return whether each picture of a prompt keeps the concept; blocked ones do not.

        Parameters
        ----------
        labels : Labels
            Answers to `question`, or an oracle's labels of concepts.
        prompt : str
            The prompt of all these pictures.
        """
        p = labels.probabilities
        named = concept_in(prompt, labels.groups)
        if self._asked(labels.groups, prompt):
            kept = self._favour(p, self._telling(subject_of(prompt))) > 0
        elif named is None:
            return np.zeros(len(p), dtype=bool)
        else:  # a tie at the top is not an answer, as in `Labels.known`
            others = np.delete(p, labels.groups.index(named), axis=1)
            kept = p[:, labels.groups.index(named)] > others.max(axis=1)
        found: NDArray[np.bool_] = kept & ~labels.blocked
        return found

    @staticmethod
    def _favour(p: NDArray[np.float64], attributes: Sequence[Attribute]) -> NDArray[np.float64]:
        """Return how much better pictures match with the concept, as mean log ratios, (n,)."""
        logs = np.log(np.maximum(p, np.finfo(float).tiny))
        ratios = logs[:, ::2] - logs[:, 1::2]  # (n, groups of all attributes)
        ends = np.cumsum([len(one.groups) for one in attributes])[:-1]
        best = [part.max(axis=1) for part in np.split(ratios, ends, axis=1)]
        mean: NDArray[np.float64] = np.mean(best, axis=0)
        return mean

    def __str__(self) -> str:
        """Return the rule as a sentence."""
        if self.pack is not None:
            return "the picture matches the prompt's own concept best of all concepts in the pack"
        return (
            "on average over the attributes, the picture matches the group that it shows better "
            "with the concept than without it"
        )
