"""Words added to prompts, fixed or drawn for each picture."""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from trimtab.errors import UsageError
from trimtab.interventions.adjustment import Adjustment, check_entries

JOINT = ", "


@dataclass(frozen=True, init=False)
class AddedWords(Adjustment):
    """Words added to the end of a prompt: the same for all pictures, or drawn for each.

    The words of a picture depend only on its seed and on the choice of words, so that a seed gets
    the same words in every run, on every machine, and with any other pictures.

    Parameters
    ----------
    words : str, or mapping of str to float
        The text to add to every prompt, or several texts with weights, from which each picture
        draws one. An empty text adds nothing.
    joint : str
        The separator between prompt and words.

    Raises
    ------
    UsageError
        If there are no words, or a weight is not a positive number.

    Examples
    --------
    >>> words = AddedWords({"a woman": 1, "a man": 1})
    >>> words.drawn("a photo of a doctor", 0)
    'a photo of a doctor, a woman'
    """

    kind = "added words"

    words: tuple[tuple[str, float], ...]
    """Each text with its weight, in alphabetical order."""
    joint: str

    def __init__(self, words: str | Mapping[str, float], joint: str = JOINT) -> None:
        weights = {words: 1.0} if isinstance(words, str) else words
        if not isinstance(weights, Mapping) or not any(map(_has_words, weights)):
            raise UsageError(
                got=f"added words {words!r}",
                expected="a text, or texts with weights such as {'a woman': 1, 'a man': 1}",
                do="give the text to add to the prompt",
            )
        for text, weight in weights.items():
            if not isinstance(text, str) or not _positive(weight):
                raise UsageError(
                    got=f"the added words {text!r} with weight {weight!r}",
                    expected="a text with a weight above 0",
                    do="correct the weight, or omit the words",
                )
        if not isinstance(joint, str):
            raise UsageError(got=f"joint {joint!r}", expected="a text", do="pass e.g. ', '")
        if len(weights) == 1:  # the same for every picture
            weights = dict.fromkeys(weights, 1.0)
        pairs = tuple((text, float(weights[text])) for text in sorted(weights))
        object.__setattr__(self, "words", pairs)
        object.__setattr__(self, "joint", joint)

    def drawn(self, prompt: str, seed: int) -> str:
        """Return the prompt for one seed."""
        ends = accumulate(weight for _, weight in self.words)
        place = bisect(list(ends)[:-1], self._draw(seed) * self._total)
        text = self.words[place][0]
        return f"{prompt}{self.joint}{text}" if text.strip() else prompt

    def rewritten(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Add the words to each prompt."""
        return [self.drawn(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]

    def facts(self) -> dict[str, Any]:
        """Return words and joint."""
        return {"words": dict(self.words), "joint": self.joint}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> AddedWords:
        """Make it again from what `facts` gave."""
        check_entries(facts, "added words", {"words", "joint"})
        return cls(facts["words"], facts["joint"])

    def __str__(self) -> str:
        """Return the added words as text."""
        if len(self.words) == 1:
            return f"words “{self.words[0][0]}”"
        shares = (f"“{text}” {weight / self._total:.0%}" for text, weight in self.words)
        return f"words {', '.join(shares)}"

    @property
    def _total(self) -> float:
        return math.fsum(weight for _, weight in self.words)

    def _draw(self, seed: int) -> float:
        """Return a number in [0, 1) that depends only on the seed and the words."""
        said = json.dumps([int(seed), [text for text, _ in self.words]])
        digest = hashlib.sha256(said.encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _has_words(text: object) -> bool:
    return not isinstance(text, str) or bool(text.strip())


def _positive(weight: object) -> bool:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return number and 0 < weight < math.inf  # type: ignore[operator]
