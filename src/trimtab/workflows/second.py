"""A second recogniser looks at the pictures of an audit for comparison, and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.concepts import Attribute
from trimtab.errors import UsageError
from trimtab.generation import ImageSet
from trimtab.metrics import Agreement
from trimtab.recognition import Observations, Recogniser, classify, recogniser_for
from trimtab.recognition.protocol import recogniser_name, recogniser_version
from trimtab.recognition.questions import can_answer
from trimtab.storage import Progress, Store
from trimtab.workflows.readings import Reading


@dataclass(frozen=True)
class Second:
    """A second recogniser with those of the attributes that it knows.

    Attributes
    ----------
    recogniser : Recogniser
        The recogniser.
    attributes : tuple of Attribute
        The attributes to ask it about.
    keep : bool
        Whether a store keeps its answers picture by picture.
    progress : callable, optional
        ``progress(done, total, what)``.
    """

    recogniser: Recogniser
    attributes: tuple[Attribute, ...]
    keep: bool = True
    progress: Progress | None = None

    @classmethod
    def of(
        cls,
        given: Any,
        first: Recogniser,
        asked: Sequence[Attribute],
        *,
        device: str = "auto",
        keep: bool = True,
        progress: Progress | None = None,
    ) -> Second | None:
        """Return the second recogniser; None if none is given.

        Parameters
        ----------
        given : Recogniser, str or path, optional
            As in `trimtab.recognition.recogniser_for`.
        first : Recogniser
            The recogniser of the audit.
        asked : sequence of Attribute
            The attributes of the audit.
        device, keep, progress
            As above and in `recogniser_for`.

        Raises
        ------
        UsageError
            If it knows none of the attributes, or is the first recogniser.
        ModelError
            If it cannot be loaded.
        """
        if given is None:
            return None
        found = recogniser_for(None, given, device)
        name = recogniser_name(found)
        version = recogniser_version(found)
        if found is first or (version and version == recogniser_version(first)):
            raise UsageError(
                got=f"{name} twice",
                expected="a second recogniser that is not the first",
                do="name another one, or leave it out",
            )
        known = tuple(one for one in asked if can_answer(found, one))
        if not known:
            own = getattr(found, "questions", {})
            fixed = (f"{key} ({', '.join(one.groups)})" for key, one in own.items())
            raise UsageError(
                got=f"{name}, which knows none of {', '.join(one.name for one in asked)}",
                expected=f"one of {'; '.join(fixed)}",
                do="audit one of these, or name another second recogniser",
            )
        return cls(found, known, keep, progress)

    @property
    def name(self) -> str:
        """Name of the recogniser."""
        return recogniser_name(self.recogniser)

    def __call__(self, images: ImageSet, *, store: Store | None = None) -> Observations:
        """Return its observations of the pictures."""
        kept = store if self.keep else None
        return classify(
            images, self.attributes, self.recogniser, store=kept, progress=self.progress
        )


def agreements_of(reading: Reading) -> tuple[Agreement, ...]:
    """Return how far both recognisers agree on each attribute; empty without a second one."""
    second = reading.sights.get("second")
    if second is None:
        return ()
    first = reading.sights["recogniser"].observations
    return tuple(
        Agreement.between(first.labels(name), second.observations.labels(name))
        for name in second.attributes
    )
