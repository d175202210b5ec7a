"""Adjustments: changes to the conditioning of a picture, as opposed to its noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.pipelines import Conditioning, RunSettings


class Adjustment(ABC):
    """A change to the prompts of pictures, to their embeddings, or to both.

    Subclasses are frozen values with equality and hash, and register themselves by their `kind`.
    They override `rewritten` or `changed`; one that overrides `changed` sets `embeds`. Adjustments
    add up: ``a + b`` does both, words before embeddings.
    """

    kind: ClassVar[str]
    """Its name in records."""
    embeds: ClassVar[bool] = False
    """Whether it changes embeddings, so that prompts have to be encoded first."""
    _kinds: ClassVar[dict[str, type[Adjustment]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in vars(cls):  # an abstract one has none
            Adjustment._kinds[cls.kind] = cls

    def rewritten(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Return the prompts to encode instead of these.

        Parameters
        ----------
        prompts : sequence of str
            One prompt per picture.
        seeds : sequence of int
            One seed per picture; random choices depend only on the picture's seed.
        """
        return list(prompts)

    def changed(
        self, conditioning: Conditioning, pipe: Any, prompts: Sequence[str], settings: RunSettings
    ) -> Conditioning:
        """Return the conditioning to make pictures from instead of this one.

        Parameters
        ----------
        conditioning : Conditioning
            The embeddings of the prompts, one row per picture.
        pipe : diffusers.DiffusionPipeline
            The pipeline that encoded them and will run; it is not changed.
        prompts : sequence of str
            The encoded prompts, one per picture.
        settings : RunSettings
            The settings of the run.
        """
        return conditioning

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the entries of its record besides ``kind``, JSON-serialisable."""

    @classmethod
    @abstractmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Adjustment:
        """Make it again from what `facts` gave."""

    def acting(self) -> Adjustment | None:
        """Return what has an effect of it: itself, or None, e.g. at strength 0."""
        return self

    def bound(self, pipe: Any) -> Adjustment:
        """Return the same, valid only for the text encoders of a pipeline if it depends on them.

        Parameters
        ----------
        pipe : diffusers.DiffusionPipeline
            The pipeline with which its strength was chosen.
        """
        return self

    def check(self, family: str) -> None:  # noqa: B027 (most fit every family)
        """Check that this adjustment works with a model family.

        Raises
        ------
        UsageError
            If it does not.
        """

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable record."""
        return {"kind": self.kind} | self.facts()

    @staticmethod
    def from_dict(record: Mapping[str, Any]) -> Adjustment:
        """Return the adjustment in a record.

        Raises
        ------
        UsageError
            If its kind is unknown, or the record is invalid for its kind.
        """
        kind = record.get("kind")
        known = Adjustment._kinds
        if kind not in known:
            raise UsageError(
                got=f"an adjustment of kind {kind!r}",
                expected=f"one of {', '.join(known)}",
                do="update trimtab, or import the module that defines it",
            )
        try:
            return known[kind].from_facts({key: record[key] for key in record if key != "kind"})
        except TypeError as error:  # an entry of another type
            raise UsageError(
                got=f"a record of kind {kind!r} with {error}",
                expected="the entries that trimtab writes",
                do="restore the record",
            ) from error

    def __add__(self, other: Adjustment) -> Adjustment:
        """Return an adjustment that does this and then the other."""
        if not isinstance(other, Adjustment):
            return NotImplemented
        return Adjustments((*parts_of(self), *parts_of(other)))


def parts_of(adjustment: Adjustment | None) -> tuple[Adjustment, ...]:
    """Return the single adjustments that one consists of; none for None."""
    if adjustment is None:
        return ()
    return adjustment.parts if isinstance(adjustment, Adjustments) else (adjustment,)


@dataclass(frozen=True)
class Adjustments(Adjustment):
    """Several adjustments, one after the other; usually written as a sum.

    Parameters
    ----------
    parts : tuple of Adjustment
        At least two, none of them a sum itself.
    """

    kind = "several"

    parts: tuple[Adjustment, ...]

    @property
    def embeds(self) -> bool:  # type: ignore[override]
        """Whether any part changes embeddings."""
        return any(part.embeds for part in self.parts)

    def rewritten(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Apply the parts that change words."""
        found = list(prompts)
        for part in self.parts:
            found = part.rewritten(found, seeds)
        return found

    def changed(
        self, conditioning: Conditioning, pipe: Any, prompts: Sequence[str], settings: RunSettings
    ) -> Conditioning:
        """Apply the parts that change embeddings."""
        for part in self.parts:
            conditioning = part.changed(conditioning, pipe, prompts, settings)
        return conditioning

    def acting(self) -> Adjustment | None:
        """Return the parts that have an effect."""
        left = tuple(filter(None, (part.acting() for part in self.parts)))
        return Adjustments(left) if len(left) > 1 else left[0] if left else None

    def bound(self, pipe: Any) -> Adjustments:
        """Return the same with every part bound."""
        return Adjustments(tuple(part.bound(pipe) for part in self.parts))

    def check(self, family: str) -> None:
        """Check every part."""
        for part in self.parts:
            part.check(family)

    def facts(self) -> dict[str, Any]:
        """Return the records of the parts."""
        return {"parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Adjustments:
        """Make it again from what `facts` gave."""
        check_entries(facts, "several adjustments", {"parts"})
        return cls(tuple(Adjustment.from_dict(part) for part in facts["parts"]))

    def __str__(self) -> str:
        """Return the parts as text."""
        return " + ".join(map(str, self.parts))


def check_entries(facts: Mapping[str, Any], what: str, wanted: set[str]) -> None:
    """Check that a record has exactly the wanted entries.

    Raises
    ------
    UsageError
        If it does not.
    """
    if facts.keys() != wanted:
        raise UsageError(
            got=f"a record of {what} with {', '.join(facts) or 'nothing'}",
            expected=" and ".join(sorted(wanted)),
            do="restore the record",
        )
