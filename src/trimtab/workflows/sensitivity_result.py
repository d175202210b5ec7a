"""The result of a sensitivity analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from trimtab.generation import ImageSet
from trimtab.generation.selection import Key
from trimtab.workflows import notebooks
from trimtab.workflows.records import Seeds
from trimtab.workflows.result import Result, pictures_of
from trimtab.workflows.seed_effect import SeedEffect


@dataclass(frozen=True, kw_only=True)
class SensitivityResult(Result):
    """The result of a sensitivity analysis: whether the pictures follow their noise.

    Attributes
    ----------
    prompts : tuple of str
        The paraphrases.
    spec : str
        Full hash of the pictures' spec.
    n : int
        Number of pictures, over all prompts, without those with exchanged noise.
    seeds : tuple of int
        First seed of each prompt, and the seed after the last.
    effect : SeedEffect
        How much the pictures follow their seeds and their noise.
    enough : bool
        Whether that is enough for steering the noise.
    recogniser : str
        Name of the recogniser.
    """

    FORMAT: ClassVar[str] = "trimtab-sensitivity"

    prompts: tuple[str, ...]
    spec: str
    n: int
    seeds: Seeds
    effect: SeedEffect
    enough: bool
    recogniser: str

    def pictures(self, seeds: Sequence[int] | None = None) -> ImageSet:
        """Return the pictures, prompt by prompt, from the result's store.

        Parameters
        ----------
        seeds : sequence of int, optional
            Seeds to return; default all.

        Raises
        ------
        FileError
            If the result was never stored, or pictures are missing.
        """
        wanted = range(*self.seeds) if seeds is None else seeds
        return pictures_of(self, self.spec, self.prompts, wanted)

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures."""
        return [(self.spec, prompt, seed) for prompt in self.prompts for seed in range(*self.seeds)]

    def _repr_html_(self) -> str:
        told = [self.effect.sentence(), self.effect.table(), *self.effect.remarks()]
        return notebooks.sensitivity(told, self.prompts, self.seeds, self.spec, self.store)

    def __str__(self) -> str:
        """Return the shares of the variance, and what they mean."""
        first, after = self.seeds
        head = [
            f"{len(self.prompts)} paraphrases × {after - first} seeds, by {self.recogniser}",
            "",
        ]
        head += [f"  {prompt}" for prompt in self.prompts]
        parts = ["\n".join(head), str(self.effect.table()), "\n".join(self.effect.remarks())]
        return "\n\n".join([*filter(None, parts), self.effect.sentence()])
