"""Lists of phrases, to look for in embeddings and in pictures, from the package or a YAML file.

The file is one document::

    name: hats
    title: hats                                          # optional
    template: a photo of a person wearing {a} {phrase}   # optional: a photo of {a} {phrase}
    phrases: [beret, cap, top hat]
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from trimtab.concepts.documents import (
    is_file,
    list_of,
    mapping_of,
    names_in,
    read_document,
    shipped,
)
from trimtab.concepts.words import article, fold
from trimtab.errors import UsageError

TEMPLATE = "a photo of {a} {phrase}"
_SHIPPED = files("trimtab.concepts") / "packs" / "phrases"


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
        The kind in a sentence; by default the name.

    Raises
    ------
    UsageError
        If there are no phrases, one is empty or occurs twice, or the template has no ``{phrase}``.
    """

    name: str
    phrases: tuple[str, ...]
    template: str = TEMPLATE
    title: str = ""

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

    @property
    def sentences(self) -> tuple[str, ...]:
        """The template filled with each phrase."""
        return tuple(
            self.template.replace("{a}", article(one)).replace("{phrase}", one)
            for one in self.phrases
        )


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
    data = mapping_of(document, "a list of phrases", ("name", "title", "template", "phrases"))
    return PhraseList(
        str(data.get("name") or "phrases"),
        tuple(list_of(data.get("phrases"), "the phrases")),
        str(data.get("template") or TEMPLATE),
        str(data.get("title") or ""),
    )
