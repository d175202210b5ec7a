"""English helpers: articles, normalised names and neutral prompts."""

from __future__ import annotations

import re

from trimtab.errors import UsageError

# Words that start with a vowel but sound like a consonant ("a unicorn"), and the reverse.
_SPOKEN_CONSONANT = re.compile(r"(?:uni(?![mn])|us(?:e|ual)|ut[ei]|eu|ewe|one\b|once\b)", re.I)
_SPOKEN_VOWEL = re.compile(r"(?:hour|honest|honou?r|heir)", re.I)
_LEADING_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.I)


def article(words: str) -> str:
    """Return the article for `words`, "a" or "an"."""
    if _SPOKEN_VOWEL.match(words):
        return "an"
    if _SPOKEN_CONSONANT.match(words):
        return "a"
    return "an" if words[:1].lower() in set("aeiou") else "a"


def fold(name: str) -> str:
    """Return a name in the form used for comparison: "Skin-Tone " -> "skin_tone"."""
    return re.sub(r"[\s_-]+", "_", name.strip()).lower()


def without_article(words: str) -> str:
    """Return `words` without the article that they begin with: "a doctor" -> "doctor"."""
    return _LEADING_ARTICLE.sub("", words)


def fill(template: str, concept: str) -> str:
    """Fill `concept` and its article into a template such as "a photo of {a} {concept}"."""
    return template.replace("{a}", article(concept)).replace("{concept}", concept)


def modified_prompt(modifier: str, concept: str) -> str:
    """Return the prompt of a concept with a modifier: "a photo of a dark-skinned doctor".

    Parameters
    ----------
    modifier : str
        The text before the concept, or around its slot: "{concept} with glasses".
    concept : str
        The concept, in one or more words, with or without an article.
    """
    pattern = modifier if "{concept}" in modifier else f"{modifier} {{concept}}"
    subject = pattern.replace("{concept}", without_article(concept))
    return f"a photo of {article(subject)} {subject}"


def neutral_prompt(concept: str) -> str:
    """Return the neutral prompt of a concept's name: "doctor" -> "a photo of a doctor".

    Raises
    ------
    UsageError
        If the name is empty.
    """
    if not concept.strip():
        raise UsageError(
            got="an empty concept", expected="one or more words", do='use e.g. "doctor"'
        )
    return fill("a photo of {a} {concept}", without_article(concept.strip()))
