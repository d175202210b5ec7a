"""How much the pictures of a model follow their seeds, and whether that is enough for steering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from trimtab.drawing import Table
from trimtab.drawing.words import number, numbers, percent, percents, spaced
from trimtab.statistics import LEAST_DISTANCE, LEAST_SEED_SHARE, Components, Estimate

CONSTANT = 1e-8
"""Largest variance that may be due to rounding, whose shares would mean nothing."""
ELSEWHERE = "adjust the prompts instead (adjust=, for example trimtab.AddedWords; --add-words)"


@dataclass(frozen=True)
class SeedEffect:
    """How much pictures of p prompts follow their s seeds, which are the same for each prompt.

    Attributes
    ----------
    distance : Estimate
        Mean cosine distance between the embeddings of two pictures of one prompt and different
        seeds, 0 to 2; its n is p s.
    pictures : Components, optional
        Variance components of the embeddings; None for one prompt.
    attributes : dict of str to Components
        Those of the recognised probabilities, by attribute; empty for one prompt.
    noise : Estimate, optional
        Share of what a seed does that its initial noise determines, the rest being what the
        scheduler draws later; None if it was not measured. Its n is the number of pictures with
        exchanged noise.
    paraphrases : bool
        Whether the prompts are paraphrases of each other.
    """

    distance: Estimate
    pictures: Components | None = None
    attributes: dict[str, Components] = field(default_factory=dict)
    noise: Estimate | None = None
    paraphrases: bool = False

    @property
    def lack(self) -> Literal["", "distance", "share", "noise"]:
        """What is too small for steering: "distance" or "share" of seeds, or that of the "noise".

        Empty if nothing is.
        """
        if not self.distance.value >= LEAST_DISTANCE:  # NaN is not
            return "distance"
        # Prompts about different things may differ more than any seeds do.
        if self.paraphrases and self.pictures and self.pictures.within.value < LEAST_SEED_SHARE:
            return "share"
        if self.noise and self.noise.value * self.distance.value < LEAST_DISTANCE:
            return "noise"
        return ""

    def sentence(self) -> str:
        """Return in one sentence whether the pictures follow their noise enough for steering."""
        digits = 3 if self.distance.value < 0.1 else 2
        seeds = (
            "pictures of one prompt and different seeds differ by "
            f"{number(self.distance.value, digits)} (mean cosine distance)"
        )
        if not self.lack:
            return f"The pictures follow their seeds: {seeds}."
        within = self.pictures.within if self.pictures else None
        why = {
            "distance": f"{seeds}, less than {LEAST_DISTANCE:g}",
            "share": f"only {_share(within)} of the variance over "
            "the paraphrases is between seeds of one prompt",
            "noise": f"{seeds}, but only {_share(self.noise)} of that comes from the initial noise",
        }[self.lack]
        return f"Too little of the pictures follows the noise for steering it: {why}; {ELSEWHERE}."

    def table(self) -> Table:
        """Return the shares of the variance, a row for the embeddings and for each attribute."""
        rows = [
            [spaced(name), *map(_cell, (one.prompt, one.seed, one.residual)), number(one.total, 4)]
            for name, one in self._varying().items()
        ]
        return Table(
            "Shares of the variance of the pictures",
            ["of", self._prompt, "seed", f"{self._prompt} × seed", "variance"],
            rows,
            sides="<>>>>",
        )

    def remarks(self) -> list[str]:
        """Return what must be said about the estimates, a line each."""
        varying = self._varying()
        negative = [
            f"{self._prompt if part == 'prompt' else part} ({spaced(name)})"
            for name, one in varying.items()
            for part in one.negative
        ]
        said = [f"Negative estimates are shown as 0: {', '.join(negative)}."] if negative else []
        constant = [spaced(name) for name in self._every() if name not in varying]
        if constant:
            said.append(f"The same in every picture: {', '.join(constant)}.")
        if self.noise is not None:
            said.append(
                f"Of what a seed does, {_share(self.noise)} "
                f"({percents((self.noise.low, self.noise.high))}) follows the initial noise "
                f"({self.noise.n} pictures with exchanged noise)."
            )
        return said

    @property
    def _prompt(self) -> str:
        return "paraphrase" if self.paraphrases else "prompt"

    def _varying(self) -> dict[str, Components]:
        return {name: one for name, one in self._every().items() if one.total > CONSTANT}

    def _every(self) -> dict[str, Components]:
        return ({"embeddings": self.pictures} if self.pictures else {}) | self.attributes


def _cell(one: Estimate) -> str:
    return f"{number(one.value)} ({numbers((one.low, one.high))})"


def _share(one: Estimate | None) -> str:
    return percent(round(one.value, 3)) if one else percent(None)
