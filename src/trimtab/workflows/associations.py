"""What to associate with a concept, and how close it is in text and in pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import Attribute, PhraseList, concept_in, phrase_list
from trimtab.concepts.phrases import TEMPLATE, filled
from trimtab.concepts.words import fold
from trimtab.errors import UsageError
from trimtab.generation import ImageSet
from trimtab.metrics import cosines, mean_cosine, rarity
from trimtab.pipelines import text_embeddings
from trimtab.recognition.protocol import recogniser_name
from trimtab.statistics import Estimate
from trimtab.workflows.judges import Judges
from trimtab.workflows.understanding_records import Closeness, Unrelated

Words = PhraseList | str | os.PathLike[str] | Sequence[PhraseList | str]
"""Lists of phrases, or one by its name or file, or phrases themselves."""


class Entry(NamedTuple):
    """An attribute to associate with the concept.

    Attributes
    ----------
    phrase, kind, sentence : str
        As in `Association`.
    template : str
        The template of its sentence, for other words.
    attribute, group : str
        The attribute of the catalogue and its group; empty for a word.
    """

    phrase: str
    kind: str
    sentence: str
    template: str
    attribute: str = ""
    group: str = ""


def lists_of(words: Words | None) -> tuple[PhraseList, ...]:
    """Return lists of phrases, given by themselves, by one name or file, or as phrases.

    Raises
    ------
    UsageError, FileError
        As in `phrase_list`; also if lists and phrases are mixed.
    """
    if words is None:
        return ()
    if isinstance(words, PhraseList | str | os.PathLike):
        return (phrase_list(words),)
    lists = [one for one in words if isinstance(one, PhraseList)]
    phrases = [one for one in words if not isinstance(one, PhraseList)]
    if lists and phrases:
        raise UsageError(
            got=f"the phrase {phrases[0]!r} among lists of phrases",
            expected="lists, or phrases",
            do="put the phrases into a list: PhraseList(name, phrases)",
        )
    return tuple(lists) or (phrase_list(phrases),)


def entries_of(asked: Sequence[Attribute], lists: Sequence[PhraseList]) -> list[Entry]:
    """Return all groups, then all words.

    Groups of different attributes with the same words are told apart by the attribute's title.

    Raises
    ------
    UsageError
        If a word is given twice, or is one of the groups.
    """
    groups = [(one, group) for one in asked for group in one.groups]
    said = Counter(fold(group.said) for _, group in groups)
    entries = [
        Entry(
            group.said if said[fold(group.said)] == 1 else f"{group.said} ({one.title})",
            one.title,
            group.prompt,
            TEMPLATE,
            one.name,
            group.name,
        )
        for one, group in groups
    ]
    entries += [
        Entry(phrase, one.title, sentence, one.template)
        for one in lists
        for phrase, sentence in zip(one.phrases, one.sentences, strict=True)
    ]
    for name, texts in (
        ("phrase", [one.phrase for one in entries]),
        ("sentence", [one.sentence for one in entries]),
    ):
        twice = [text for text, n in Counter(map(fold, texts)).items() if n > 1]
        if twice:
            text = next(one for one in reversed(texts) if fold(one) == twice[0])
            raise UsageError(
                got=f"the {name} {text!r} twice",
                expected="each once",
                do="remove it from the words",
            )
    return entries


def closeness_of(
    pipe: Any, prompt: str, entries: Sequence[Entry], unrelated: Sequence[str], judges: Judges
) -> tuple[dict[str, list[Closeness]], dict[str, Unrelated]]:
    """Return how close the prompt is to each entry, and to unrelated words, by encoder.

    Unrelated words stand in the sentence of the entry that they are compared with, so that the form
    of the sentence plays no part.
    """
    asked = {fold(one.phrase) for one in entries}
    words = [w for w in unrelated if fold(w) not in asked and concept_in(prompt, [w]) is None]
    templates = list(dict.fromkeys(one.template for one in entries))
    sentences = [prompt, *(one.sentence for one in entries)]
    sentences += [filled(template, word) for template in templates for word in words]
    embedded: dict[str, NDArray[Any]] = dict(text_embeddings(pipe, sentences))
    own = judges.text(sentences)
    if own is not None:
        embedded[recogniser_name(judges.recogniser)] = own
    close, null = {}, {}
    for encoder, rows in embedded.items():
        found = cosines(rows[0], rows[1:])
        mine, rest = found[: len(entries)], found[len(entries) :].reshape(len(templates), -1)
        compared = dict(zip(templates, rest, strict=True))
        close[encoder] = [
            Closeness(float(value), _rarity(value, compared[one.template]))
            for one, value in zip(entries, mine, strict=True)
        ]
        low, median, high = np.quantile(rest, (0.05, 0.5, 0.95)) if rest.size else [np.nan] * 3
        null[encoder] = Unrelated(len(words), float(low), float(median), float(high))
    return close, null


def _rarity(value: float, null: NDArray[np.float64]) -> float:
    return float(rarity(value, null)) if null.size else float("nan")


def likeness_of(
    images: ImageSet,
    entries: Sequence[Entry],
    make: Callable[[Sequence[str]], ImageSet],
    judges: Judges,
) -> list[Estimate | None]:
    """Return how close the pictures are to those of each entry; None where that is not known.

    Parameters
    ----------
    images : ImageSet
        Pictures of the concept.
    entries : sequence of Entry
        The attributes.
    make : callable
        Returns pictures of several prompts, equally many of each.
    judges : Judges
        Whose recogniser embeds pictures.
    """
    concept = judges.vectors(images)
    if concept is None or not np.isfinite(concept).all(axis=1).any():
        return [None] * len(entries)
    made = make([one.sentence for one in entries])
    each, found = len(made) // len(entries), list[Estimate | None]()
    for i in range(len(entries)):
        rows = judges.vectors(made[i * each : (i + 1) * each])
        blank = rows is None or not np.isfinite(rows).all(axis=1).any()
        found.append(None if rows is None or blank else mean_cosine(concept, rows))
    return found
