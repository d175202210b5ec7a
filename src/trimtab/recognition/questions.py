"""`Question`: what a recogniser is asked about a picture, identified by a hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from trimtab.concepts import Attribute
from trimtab.errors import FileError
from trimtab.statistics import THRESHOLD
from trimtab.storage import document_hash

FORMAT, VERSION = "trimtab-question", 1


@dataclass(frozen=True)
class Question:
    """A question about a picture: which of these groups it shows.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    title : str
        The attribute's name in a sentence.
    groups : tuple of str
        Names of its C groups.
    phrases : tuple of tuple of str
        The sentences that identify each group.
    threshold : float, optional
        A picture is "unknown" if its top probability is below this, unless another threshold is
        given when the answers are read.
    """

    attribute: str
    title: str
    groups: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]
    threshold: float = THRESHOLD

    @classmethod
    def of(cls, attribute: Attribute) -> Question:
        """Return the question of an attribute; a custom "gender" differs from the catalogue's."""
        phrases = tuple(group.phrases for group in attribute.groups)
        return cls(attribute.name, attribute.title, attribute.names, phrases)

    @cached_property
    def hash(self) -> str:
        """Full hash of the question's document."""
        return document_hash(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the document to store."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Question:
        """Return the question in a document.

        Raises
        ------
        FileError
            If the document is not a question, or was written by a later version.
        """
        try:
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                raise ValueError(f"{document['format']}, of version {document['version']}")
            return cls(
                str(document["attribute"]),
                str(document["title"]),
                tuple(map(str, document["groups"])),
                tuple(tuple(map(str, phrases)) for phrases in document["phrases"]),
                float(document["threshold"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(
                got=f"a document that is not a question ({error})",
                expected=f"{FORMAT}, version {VERSION}",
                do="update trimtab, or restore the file",
            ) from error


def can_answer(recogniser: object, attribute: Attribute) -> bool:
    """Return whether a recogniser can be asked about an attribute.

    One with fixed questions must have a question of that name, with the same groups.
    """
    own = getattr(recogniser, "questions", None)
    return own is None or (attribute.name in own and own[attribute.name].groups == attribute.names)
