"""Lists of prompts, and the subject of a prompt."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from trimtab.concepts.catalogue import concept_pack, concept_packs
from trimtab.concepts.documents import is_file
from trimtab.concepts.words import without_article
from trimtab.errors import FileError, UsageError, first_line

_LEAD = re.compile(
    r"(?:(?:an?|the)\s+)?"
    r"(?:[\w-]+\s+){0,3}?"
    r"(?:photo|photograph|picture|image|portrait|headshot|snapshot|painting|drawing|illustration"
    r"|sketch)s?"
    r"\s+of\s+",
    re.IGNORECASE,
)

FRAMES = (
    "a photo of", "a picture of", "an image of", "a portrait of", "a photograph of",
    "a snapshot of", "a good photo of", "",
)  # fmt: skip
"""Beginnings of paraphrases, like those of studies with WinoBias jobs and of CLIP's prompts."""


def subject_of(prompt: str) -> str:
    """Return the subject of a prompt: "a photo of a CEO at work" -> "CEO at work".

    A prompt that does not start with words like "a photo of" is its own subject.

    Parameters
    ----------
    prompt : str
        Any text.
    """
    text = prompt.strip()
    lead = _LEAD.match(text)
    return without_article(text[lead.end() :] if lead else text)


def begins_like_a_photo(prompt: str) -> bool:
    """Return whether a prompt begins like "a photo of", so that its subject is sure."""
    return _LEAD.match(prompt.strip()) is not None


def paraphrases_of(prompt: str, n: int = len(FRAMES)) -> tuple[str, ...]:
    """Return a prompt and paraphrases of it, which differ in how they begin.

    "a photo of a doctor" -> "a photo of a doctor", "a picture of a doctor", "an image of a doctor"
    and so on, the last without a beginning: "a doctor". A prompt that names another medium, such as
    "a painting of", has no paraphrases, since its pictures should look different.

    Parameters
    ----------
    prompt : str
        Any text; one that does not begin like "a photo of" is taken as what is shown.
    n : int
        The number of prompts, at least 2.

    Raises
    ------
    UsageError
        If there are not so many.
    """
    text = prompt.strip()
    lead = _LEAD.match(text)
    shown = text[lead.end() :] if lead else text
    own = lead.group().strip() if lead else ""
    alike = own.lower() in FRAMES
    others = [f"{one} {shown}".strip() for one in FRAMES if alike and one != own.lower()]
    every = (text, *others)
    if not 2 <= n <= len(every):
        raise UsageError(
            got=f"{n} paraphrases of {prompt!r}",
            expected=f"2 to {len(every)}" if alike else 'a prompt that begins like "a photo of"',
            do="choose a number in this range" if alike else "list the paraphrases yourself",
        )
    return every[:n]


def are_paraphrases(prompts: Iterable[str]) -> bool:
    """Return whether prompts differ only in how they begin, as those of `paraphrases_of` do."""
    return len({subject_of(prompt).lower() for prompt in prompts}) == 1


def prompts_from(source: str | os.PathLike[str] | Iterable[str]) -> tuple[str, ...]:
    """Return prompts from a text, a list, a file or a concept pack.

    Parameters
    ----------
    source : str, path or iterable of str
        The name of a pack ("winobias"); a YAML pack, whose templates are filled with its concepts;
        a text file (``.txt``, UTF-8, with or without a byte-order mark) with one prompt per line,
        where empty lines and lines that start with ``#`` are skipped; a list of prompts; or a
        single prompt.

    Raises
    ------
    UsageError
        If there are no prompts, or one is empty or repeated.
    FileError
        If the file cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if name in concept_packs() or is_file(name):
            pack = concept_pack(name)
            return tuple(phrase for concept in pack.groups for phrase in concept.phrases)
        if isinstance(source, os.PathLike) or name.endswith(".txt"):
            return _checked(_lines(Path(name)), repr(name))
        return _checked([name], "the prompt")
    return _checked(list(source), "the prompts")


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            got=f"{str(path)!r}, which cannot be read ({first_line(error)})",
            expected="a UTF-8 text file with one prompt per line, or a pack: "
            + ", ".join(concept_packs()),
            do="check the name and the encoding",
        ) from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _checked(prompts: list[str], where: str) -> tuple[str, ...]:
    for prompt in prompts:
        if not isinstance(prompt, str) or not prompt.strip():
            raise UsageError(
                got=f"{prompt!r} in {where}", expected="a text", do="describe a picture"
            )
    if not prompts:
        raise UsageError(
            got=f"no prompts in {where}", expected="at least one", do="write one per line"
        )
    twice = [prompt for prompt, times in Counter(prompts).items() if times > 1]
    if twice:
        raise UsageError(
            got=f"the prompt {twice[0]!r} more than once in {where}",
            expected="each prompt once",
            do="remove the duplicate; for more pictures of it, increase n",
        )
    return tuple(prompts)
