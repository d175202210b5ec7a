"""A shift of text embeddings along the difference of two prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from trimtab.errors import UsageError
from trimtab.interventions.adjustment import Adjustment, check_entries
from trimtab.interventions.embedding import EmbeddingAdjustment, check_number, check_prompt

if TYPE_CHECKING:
    import torch

    from trimtab.concepts import Attribute
    from trimtab.interventions.embedding import Change
    from trimtab.interventions.regions import Region

Where = Literal["all", "after"]
STRONGEST = 10.0


@dataclass(frozen=True)
class EmbeddingShift(EmbeddingAdjustment):
    """A shift of the prompt's embeddings along the difference of two prompts' embeddings.

    A prompt is summarised by the mean of its embeddings from the token that ends the text on,
    padding included, or over the whole text if the denoiser sees no padding. `strength` times the
    difference of the two summaries is added to each token; pooled embeddings are shifted by their
    own difference.

    Differences of embeddings as directions: Mikolov et al., 2013, "Linguistic Regularities in
    Continuous Space Word Representations". What padding tokens do to pictures: Toker et al., 2025,
    "Padding Tone", arXiv 2501.06751.

    Parameters
    ----------
    away, towards : str
        Two prompts that differ in what should change.
    strength : float
        Multiple of the difference, from 0 to 10. 1 is all of it; with ``where="all"``, less is
        usually enough.
    where : {"all", "after"}
        Whether to shift all tokens and the pooled embeddings, or only the tokens from the end of
        the text on, so that the embeddings of the words stay as they are. The latter needs a family
        whose denoiser sees these tokens: Stable Diffusion 1 to 3, SDXL, FLUX.
    encoder : str
        As set by `bound`; empty for any.

    Raises
    ------
    UsageError
        If a prompt is empty, both are equal, or the strength is out of range.

    Examples
    --------
    >>> shift = EmbeddingShift("a photo of a man", "a photo of a woman", 0.5, where="after")
    >>> print(2 * shift)
    1 × (“a photo of a man” → “a photo of a woman”), after the words
    """

    kind = "embedding shift"

    away: str
    towards: str
    strength: float = 1.0
    where: Where = "all"
    encoder: str = ""

    def __post_init__(self) -> None:
        """Check the values."""
        for prompt in self.examples:
            check_prompt(prompt)
        if self.away == self.towards:
            raise UsageError(
                got=f"a shift from “{self.away}” to itself",
                expected="two different prompts",
                do="name in one of them what should change",
            )
        if self.where not in get_args(Where):
            raise UsageError(
                got=f"where={self.where!r}",
                expected=" or ".join(map(repr, get_args(Where))),
                do="choose one of them",
            )
        strength = check_number(
            "strength", self.strength, STRONGEST, "swap the prompts to shift the other way"
        )
        object.__setattr__(self, "strength", strength)

    @classmethod
    def between(
        cls,
        attribute: Attribute | str,
        towards: str,
        strength: float = 1.0,
        *,
        on: str | None = None,
        where: Where = "all",
    ) -> EmbeddingShift:
        """Return the shift between the prompts of the two groups of an attribute.

        Parameters
        ----------
        attribute : Attribute or str
            An attribute of two groups, or its name in the catalogue.
        towards : str
            The group to shift to.
        strength, where
            As in the class.
        on : str, optional
            A concept, e.g. "doctor", so that the prompts are those of a woman doctor and a man
            doctor.

        Raises
        ------
        UsageError
            If the attribute does not have two groups, or has no group of that name.
        """
        from trimtab.concepts import as_attribute  # which loads yaml

        found = as_attribute(attribute)
        prompts = {group: texts[0] for group, texts in found.prompts(on=on).items()}
        if len(prompts) != 2 or towards not in prompts:
            raise UsageError(
                got=f"a shift of {found.name} to {towards!r}",
                expected=f"one of two groups; it has {', '.join(prompts)}",
                do="name one, or give the two prompts yourself",
            )
        (away,) = (text for group, text in prompts.items() if group != towards)
        return cls(away, prompts[towards], strength, where)

    def __mul__(self, factor: float) -> EmbeddingShift:
        """Multiply the strength."""
        return replace(self, strength=self.strength * factor)

    __rmul__ = __mul__

    @property
    def examples(self) -> tuple[str, ...]:
        """The two prompts."""
        return self.away, self.towards

    @property
    def pooled(self) -> bool:
        """Whether pooled embeddings are shifted."""
        return self.where == "all"

    @staticmethod
    def summary(tokens: torch.Tensor, region: Region) -> torch.Tensor:
        """Return the mean over the end of each text, or over the text."""
        counted = (region.rows if region.after is None else region.after)[..., None]
        return (tokens * counted).sum(1) / counted.sum(1)

    def rule(self, examples: torch.Tensor) -> Change:
        """Return the addition of the scaled difference."""
        away, towards = examples
        return lambda values: values + self.strength * (towards - away)

    def chosen(self, region: Region) -> torch.Tensor:
        """Return all tokens, or those after the words."""
        if self.where == "all":
            return region.rows
        assert region.after is not None  # as `check` made sure
        return region.after

    def acting(self) -> Adjustment | None:
        """Return None at strength 0."""
        return self if self.strength else None

    def check(self, family: str) -> None:
        """Check that the family has tokens after the words, if only these are shifted.

        Raises
        ------
        UsageError
            If it has none.
        """
        from trimtab.pipelines import known_families  # which loads torch

        having = [one.name for one in known_families() if any(text.start for text in one.texts)]
        if self.where == "after" and family not in having:
            raise UsageError(
                got=f"a shift of the tokens after the words, for a model of the family {family}",
                expected=f"a family whose denoiser sees them: {', '.join(having)}",
                do='shift all tokens, with where="all"',
            )

    def facts(self) -> dict[str, Any]:
        """Return the parameters."""
        return {
            "away": self.away,
            "towards": self.towards,
            "strength": self.strength,
            "where": self.where,
            "encoder": self.encoder,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> EmbeddingShift:
        """Make it again from what `facts` gave."""
        check_entries(facts, cls.kind, {"away", "towards", "strength", "where", "encoder"})
        return cls(**facts)

    def __str__(self) -> str:
        """Return the shift as text."""
        after = ", after the words" if self.where == "after" else ""
        return f"{self.strength:.3g} × (“{self.away}” → “{self.towards}”){after}"
