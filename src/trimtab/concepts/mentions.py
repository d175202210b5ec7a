"""Neutral prompts for concepts, and the concepts mentioned in prompts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trimtab.concepts.values import Concept
from trimtab.concepts.words import neutral_prompt


def prompt_for(concept: str | Concept) -> str:
    """Return the neutral prompt of a concept: "doctor" -> "a photo of a doctor".

    Parameters
    ----------
    concept : str or Concept
        The concept, or its name.

    Returns
    -------
    str
        "a photo of a" or "a photo of an", followed by the name.

    Raises
    ------
    UsageError
        If the name is empty.
    """
    return neutral_prompt(concept if isinstance(concept, str) else concept.name)


def concept_in(prompt: str, names: Iterable[str]) -> str | None:
    """Return the concept that a prompt mentions as a whole word, singular or plural.

    Parameters
    ----------
    prompt : str
        For example "a portrait of an old chef with glasses".
    names : iterable of str
        The concepts to look for, for example ``concept_pack("townsfolk").names``.

    Returns
    -------
    str or None
        The name of the first concept mentioned (the longest, if several start at the same word);
        None if the prompt mentions none.
    """
    found: list[tuple[int, int, str]] = []
    for name in names:
        words = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[\s_-]+", name))
        match = re.search(rf"(?<!\w){words}(?:e?s)?(?!\w)", prompt, re.I)
        if match:
            found.append((match.start(), -len(name), name))
    return min(found)[2] if found else None
