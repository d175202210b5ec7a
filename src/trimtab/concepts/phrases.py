"""Lists of phrases, to look for in embeddings and in pictures, from the package or a YAML file.

The file is one document::

    name: hats
    title: hats                                          # optional
    template: a photo of a person wearing {a} {phrase}   # optional: a photo of {a} {phrase}
    kind: objects                                        # optional: objects or alternatives
    phrases: [beret, cap, top hat]
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from trimtab.concepts.documents import (
    is_file,
    list_of,
    mapping_of,
    names_in,
    read_document,
    shipped,
)
from trimtab.concepts.values import Attribute, Group
from trimtab.concepts.words import article, fold
from trimtab.errors import UsageError

TEMPLATE = "a photo of {a} {phrase}"
Kind = Literal["", "objects", "alternatives"]
_SHIPPED = files("trimtab.concepts") / "packs" / "phrases"


def filled(template: str, phrase: str) -> str:
    """Fill a phrase and its article into a template such as "a photo of {a} {phrase}"."""
    return template.replace("{a}", article(phrase)).replace("{phrase}", phrase)


@dataclass(frozen=True)
class PhraseList:
    """Phrases of one kind, and the sentence that each of them completes.

    Parameters
    ----------
    name : str
        Name of the list.
    phrases : sequence of str
        The phrases, each only once in any case of letters.
    template : str
        The sentence, with ``{phrase}``, and with ``{a}`` where its article belongs.
    title : str
        What they are, in a sentence; by default the name.
    kind : {"", "objects", "alternatives"}
        Whether a detector can look for them, or a picture shows just one of them.

    Raises
    ------
    UsageError
        If there are no phrases, one is empty or occurs twice, the template has no ``{phrase}``, or
        the kind is unknown.
    """

    name: str
    phrases: tuple[str, ...]
    template: str = TEMPLATE
    title: str = ""
    kind: Kind = ""

    def __post_init__(self) -> None:
        """Check the phrases and the template."""
        phrases = tuple(" ".join(str(one).split()) for one in self.phrases)
        object.__setattr__(self, "phrases", phrases)
        object.__setattr__(self, "title", self.title or self.name)
        folded = [one.casefold() for one in phrases]
        twice = [one for one, key in zip(phrases, folded, strict=True) if folded.count(key) > 1]
        if not phrases or not all(phrases) or twice:
            raise UsageError(
                got=f"{twice[0]!r} twice" if twice else "a phrase without words, or none at all",
                expected="phrases that differ, at least one",
                do=f"correct the list {self.name!r}",
            )
        if "{phrase}" not in self.template:
            raise UsageError(
                got=f"the template {self.template!r}",
                expected='one with "{phrase}"',
                do=f"write for example {TEMPLATE!r}",
            )

        if self.kind not in get_args(Kind):
            raise UsageError(
                got=f"the kind {self.kind!r} of phrases",
                expected=f"one of {', '.join(filter(None, get_args(Kind)))}, or none",
                do=f"correct the list {self.name!r}",
            )

    @property
    def attribute(self) -> Attribute:
        """Alternatives as an attribute, with one group per phrase.

        Raises
        ------
        UsageError
            If there are fewer than two.
        """
        groups = [
            Group(phrase, sentence, phrase, (sentence,))
            for phrase, sentence in zip(self.phrases, self.sentences, strict=True)
        ]
        return Attribute(self.name, tuple(groups), self.title)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The template filled with each phrase."""
        return tuple(filled(self.template, one) for one in self.phrases)


OVERVIEW = PhraseList(
    "overview",
    ("beard", "book", "computer", "hard hat", "headscarf", "lab coat", "necklace",
     "pair of glasses", "smile", "stethoscope", "suit and tie", "uniform"),
    "a photo of a person with {a} {phrase}",
    "looks and things",
    "objects",
)  # fmt: skip
"""What often goes with a person, for a first look."""


def phrase_lists() -> tuple[str, ...]:
    """Return the names of the lists that ship with trimtab."""
    return names_in(_SHIPPED)


def phrase_list(given: PhraseList | str | os.PathLike[str] | Sequence[str]) -> PhraseList:
    """Return a list of phrases by its name, from its file, or from the phrases themselves.

    Parameters
    ----------
    given : PhraseList, str, path or sequence of str
        A name listed by `phrase_lists`, a path that ends in ``.yaml`` or ``.yml``, or phrases for
        the usual template.

    Raises
    ------
    UsageError
        If there is no list of that name, or the phrases are unfit.
    FileError
        If the file cannot be read, or does not describe a list.
    """
    if isinstance(given, PhraseList):
        return given
    if not isinstance(given, str | os.PathLike):
        return PhraseList("words", tuple(given))
    if is_file(given):
        return read_document(Path(given), _list_of)
    name = fold(str(given))
    if name not in phrase_lists():
        raise UsageError(
            got=f"the list of phrases {given!r}",
            expected=f"one of {', '.join(phrase_lists())}, or a .yaml file",
            do="choose one, or write your own phrases into a file",
        )
    return _shipped(name)


@cache
def _shipped(name: str) -> PhraseList:
    return _list_of(shipped(_SHIPPED, name))


def _list_of(document: Any) -> PhraseList:
    data = mapping_of(
        document, "a list of phrases", ("name", "title", "template", "kind", "phrases")
    )
    return PhraseList(
        str(data.get("name") or "phrases"),
        tuple(list_of(data.get("phrases"), "the phrases")),
        str(data.get("template") or TEMPLATE),
        str(data.get("title") or ""),
        data.get("kind") or "",
    )
