"""Adjustments of text embeddings, each computed from the embeddings of other prompts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from trimtab.errors import UsageError
from trimtab.interventions.adjustment import Adjustment

if TYPE_CHECKING:
    import torch

    from trimtab.interventions.regions import Region
    from trimtab.pipelines import Conditioning, RunSettings

    Change: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


class EmbeddingAdjustment(Adjustment):
    """A change to the embeddings of the prompt, computed from those of example prompts.

    It is computed and applied for each encoder's tokens and for each pooled embedding on its own.
    The negative prompt is left as it is.
    """

    embeds: ClassVar[bool] = True
    encoder: str
    """Fingerprint of the text encoders that it was measured with; empty for any."""

    @property
    @abstractmethod
    def examples(self) -> tuple[str, ...]:
        """The prompts that it is computed from."""

    @staticmethod
    @abstractmethod
    def summary(tokens: torch.Tensor, region: Region) -> torch.Tensor:
        """Return one vector (k, width) per example, from its tokens (k, length, width)."""

    @abstractmethod
    def rule(self, examples: torch.Tensor) -> Change:
        """Return a function of embeddings (n, width) in float32, from the examples (k, width)."""

    def chosen(self, region: Region) -> torch.Tensor:
        """Return the tokens to change, as booleans (n, length)."""
        return region.rows

    @property
    def pooled(self) -> bool:
        """Whether to change pooled embeddings."""
        return True

    def bound(self, pipe: Any) -> EmbeddingAdjustment:
        """Return the same, valid only for the text encoders of a pipeline."""
        from trimtab.pipelines import encoder_fingerprint  # which loads torch

        return self.with_encoder(encoder_fingerprint(pipe))

    def with_encoder(self, encoder: str = "") -> EmbeddingAdjustment:
        """Return the same with another fingerprint, by default valid for any text encoder."""
        return replace(self, encoder=encoder)  # type: ignore[type-var]

    def changed(
        self, conditioning: Conditioning, pipe: Any, prompts: Sequence[str], settings: RunSettings
    ) -> Conditioning:
        """Change the embeddings of the prompts.

        Raises
        ------
        UsageError
            If it was measured with other text encoders.
        """
        import torch

        from trimtab.interventions.regions import examples_of, of_prompt, padded, regions_of
        from trimtab.pipelines import encoder_fingerprint, role_of

        encoder = encoder_fingerprint(pipe)
        if self.encoder and self.encoder != encoder:
            raise UsageError(
                got=f"the adjustment {self}, measured with the text encoders {self.encoder}",
                expected=f"one measured with those of this model, {encoder}",
                do="measure it on this model; a strength does not carry over to other encoders",
            )
        known = examples_of(pipe, encoder, self.examples, type(self).summary)

        def applied(examples: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
            return self.rule(examples)(values.float()).to(values.dtype)

        parts = dict(conditioning.parts)
        for name, value in of_prompt(conditioning):
            if role_of(name) == "pooled":
                if self.pooled:
                    parts[name] = applied(known[name][0], value)
                continue
            tokens = padded(value).clone()
            regions = regions_of(conditioning, name, pipe, prompts)
            for region, examples in zip(regions, known[name], strict=True):
                where = self.chosen(region)
                tokens[where] = applied(examples, tokens[where])
            if not isinstance(value, torch.Tensor):
                parts[name] = tuple(new[: len(old)] for new, old in zip(tokens, value, strict=True))
            else:
                parts[name] = tokens
        return replace(conditioning, parts=parts)


def check_prompt(prompt: object) -> None:
    """Check that an example is a text.

    Raises
    ------
    UsageError
        If it is not.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise UsageError(got=f"the prompt {prompt!r}", expected="a text", do="describe a picture")


def check_number(name: str, value: Any, largest: float, do: str) -> float:
    """Return a parameter as a number.

    Raises
    ------
    UsageError
        If it is not a number from 0 to `largest`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        raise UsageError(  # NaN is neither
            got=f"{name}={value!r}", expected=f"a number from 0 to {largest:,.0f}", do=do
        )
    return float(value)
