"""The calibrated projection of "Debiasing Vision-Language Models via Biased Prompts"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError
from trimtab.interventions.adjustment import Adjustment, check_entries
from trimtab.interventions.embedding import EmbeddingAdjustment, check_number, check_prompt

if TYPE_CHECKING:
    import torch

    from trimtab.concepts import Attribute
    from trimtab.interventions.embedding import Change
    from trimtab.interventions.regions import Region

LARGEST = 1e6
LAM = 500.0
"""The default of the authors' code for Stable Diffusion 2.1."""
Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, init=False)
class CalibratedProjection(EmbeddingAdjustment):
    """A linear map of text embeddings that brings the prompts of each pair together.

    P = P₀ (I + λ/|S| Σ (zᵢ − zⱼ)(zᵢ − zⱼ)ᵀ)⁻¹, the closed form of Chuang et al., 2023, "Debiasing
    Vision-Language Models via Biased Prompts", arXiv 2302.00070. The sum is over the pairs S, and z
    is the unit embedding of the token that ends the text. P₀ projects off the span of the
    embeddings of `biased`. As in the authors' code for diffusion models, P applies to every token
    of the prompt, and there are no `biased` prompts by default, so that P₀ = I. Each encoder, and
    each pooled embedding, has a map of its own.

    Parameters
    ----------
    pairs : iterable of tuple of str
        Pairs of prompts that should mean the same, e.g. "a photo of a woman doctor" and "a photo of
        a man doctor".
    lam : float
        λ, from 0 to 1,000,000; the larger, the closer together.
    biased : sequence of str
        Prompts to project off completely, e.g. "a photo of a woman" and "a photo of a man".
    encoder : str
        As set by `bound`; empty for any.

    Raises
    ------
    UsageError
        If there is nothing to do, a prompt is empty, or λ is out of range.
    """

    kind = "calibrated projection"

    pairs: tuple[tuple[str, str], ...]
    lam: float
    biased: tuple[str, ...]
    encoder: str

    def __init__(
        self,
        pairs: Iterable[Sequence[str]],
        lam: float = LAM,
        biased: Sequence[str] = (),
        encoder: str = "",
    ) -> None:
        found = tuple(map(tuple, pairs))
        prompts = (biased,) if isinstance(biased, str) else tuple(biased)
        for pair in found:
            if len(pair) != 2 or pair[0] == pair[1]:
                raise UsageError(
                    got=f"the pair {pair!r}",
                    expected="two different prompts",
                    do="give e.g. ('a photo of a woman doctor', 'a photo of a man doctor')",
                )
        for prompt in (*sum(found, ()), *prompts):
            check_prompt(prompt)
        if not found and not prompts:
            raise UsageError(
                got="a projection without pairs",
                expected="at least one",
                do="give pairs of prompts",
            )
        number = check_number("lam", lam, LARGEST, "use 500, the authors' own")
        for name, value in zip(
            ("pairs", "lam", "biased", "encoder"), (found, number, prompts, encoder), strict=True
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def between(
        cls,
        attribute: Attribute | str,
        on: str | Sequence[str],
        lam: float = LAM,
        *,
        biased: bool = False,
    ) -> CalibratedProjection:
        """Return the projection that brings the groups of an attribute together.

        Parameters
        ----------
        attribute : Attribute or str
            The attribute, or its name in the catalogue.
        on : str or sequence of str
            The concepts to write the pairs with, e.g. several jobs. The projection works on
            concepts that are not among them too.
        lam : float
            As in the class.
        biased : bool
            Whether to also project off the groups' own prompts.
        """
        from trimtab.concepts import as_attribute  # which loads yaml

        found = as_attribute(attribute)
        groups = found.prompts(on=[on] if isinstance(on, str) else list(on)).values()
        pairs = [
            pair for one, other in combinations(groups, 2) for pair in zip(one, other, strict=True)
        ]
        own = [texts[0] for texts in found.prompts().values()] if biased else []
        return cls(pairs, lam, own)

    @property
    def examples(self) -> tuple[str, ...]:
        """The prompts of the pairs, pair by pair, and the biased ones."""
        return (*(prompt for pair in self.pairs for prompt in pair), *self.biased)

    @staticmethod
    def summary(tokens: torch.Tensor, region: Region) -> torch.Tensor:
        """Return the embedding of the token that ends each text."""
        return tokens[range(len(tokens)), region.last]

    def rule(self, examples: torch.Tensor) -> Change:
        """Return the multiplication by P, which is not formed: its rank is the number of pairs."""
        import torch

        z = torch.nn.functional.normalize(examples, dim=-1).cpu().double().numpy()
        n = 2 * len(self.pairs)
        differences, others = (z[0:n:2] - z[1:n:2]).T, z[n:]
        gain = calibration(differences, self.lam)
        basis = _span(others)

        def like(array: Vectors) -> torch.Tensor:
            return torch.from_numpy(array).to(examples)

        d, k, b = like(differences), like(gain), like(basis)

        def change(values: torch.Tensor) -> torch.Tensor:
            drawn = values - values @ d @ k @ d.T
            return drawn - drawn @ b @ b.T

        return change

    def acting(self) -> Adjustment | None:
        """Return None if it is the identity."""
        return self if (self.lam and self.pairs) or self.biased else None

    def facts(self) -> dict[str, Any]:
        """Return the parameters."""
        return {
            "pairs": [list(pair) for pair in self.pairs],
            "lam": self.lam,
            "biased": list(self.biased),
            "encoder": self.encoder,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> CalibratedProjection:
        """Make it again from what `facts` gave."""
        check_entries(facts, cls.kind, {"pairs", "lam", "biased", "encoder"})
        return cls(**facts)

    def __str__(self) -> str:
        """Return the projection as text."""
        first = f"“{self.pairs[0][0]}” = “{self.pairs[0][1]}”" if self.pairs else ""
        more = f" and {len(self.pairs) - 1} more" if len(self.pairs) > 1 else ""
        off = f", off {', '.join(f'“{one}”' for one in self.biased)}" if self.biased else ""
        return f"projection λ {self.lam:g} ({first}{more}{off})"


def calibration(differences: Vectors, lam: float) -> Vectors:
    """Return K such that (I + λ/n D Dᵀ)⁻¹ = I − D K Dᵀ.

    K = λ/n (I + λ/n DᵀD)⁻¹, by the Woodbury identity.

    Parameters
    ----------
    differences : numpy.ndarray
        D, one difference per column, (width, n).
    lam : float
        λ.
    """
    n = differences.shape[1]
    if n == 0:
        return np.zeros((0, 0))
    inner = np.eye(n) + lam / n * differences.T @ differences
    return np.asarray(lam / n * np.linalg.inv(inner), np.float64)


def _span(vectors: Vectors) -> Vectors:
    """Return an orthonormal basis (width, rank) of the span of vectors (m, width)."""
    _, sizes, rows = np.linalg.svd(vectors, full_matrices=False)
    basis: Vectors = rows[sizes > 1e-6 * sizes.max(initial=0.0)].T
    return basis
