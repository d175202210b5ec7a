"""Directions, and weighted sums of them by which noise is shifted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError
from trimtab.interventions.algebra import Operand, Plain, Strength, Sum
from trimtab.interventions.file import DIRECTION, Metadata, Tensors, encode, to_json
from trimtab.interventions.hub import Shared
from trimtab.interventions.vector import UnitVector

if TYPE_CHECKING:
    from huggingface_hub import ModelCard


class Direction(UnitVector, Operand["Steering"], Shared):
    """An immutable unit direction in latent space.

    It can be stored in one file (`save`, `load`), or with a model card in a folder or a repository
    on the Hugging Face Hub (`save_pretrained`, `push_to_hub`, `from_pretrained`).

    Strengths are in standard deviations: for unit noise z and a unit direction d, the projection
    z·d is N(0, 1) in any dimension, so ``8 * d`` is "eight sigma along d" for every model.

    Parameters
    ----------
    array : array_like
        Shape ``(c, h, w)``, of Euclidean norm 1.
    provenance : mapping, optional
        JSON-able facts: model, step, prompts, estimator, accuracy and so on; ``seeds``, if there,
        is the list of those it was learned from.

    Raises
    ------
    UsageError
        If the array is not three-dimensional, not finite, or not of unit norm, or the seeds are
        no list of whole numbers.
    """

    format = DIRECTION

    def to_bytes(self) -> bytes:
        """Return the content of the file, as described in docs/direction-format.md.

        Raises
        ------
        UsageError
            If the provenance is more than JSON can say.
        """
        metadata = {"sha256": self.hash, "provenance": to_json(self.provenance)}
        return encode(DIRECTION, {"direction": self.array}, metadata)

    @classmethod
    def _make(cls, metadata: Metadata, tensors: Tensors) -> Self:
        direction = cls(tensors["direction"], json.loads(metadata["provenance"]))
        if direction.hash != metadata["sha256"]:
            raise ValueError("the hash does not match")
        return direction

    def generate_model_card(self, repository: str = "ORGANISATION/NAME") -> ModelCard:
        """Return the card, based on the provenance: what it was learned from, measured effect."""
        from trimtab.interventions.card import direction_card  # which loads huggingface_hub

        return direction_card(self, repository)

    def _repr_html_(self) -> str:
        from trimtab.interventions.display import direction_html  # which loads Pillow

        return direction_html(self)

    def _sum(self) -> Steering:
        return Steering([(self, 1.0)])


class Steering(Sum[Direction], Operand["Steering"]):
    """A sum of directions, each with a strength in standard deviations of the unit noise.

    Make it by arithmetic: ``6 * woman + 3 * dark``, ``-woman``, ``sum([woman, dark]) / 2``,
    ``[0, 2, 4] * woman``. It is immutable.

    Parameters
    ----------
    terms : iterable of (Direction, strength)
        A strength is a number, or a sequence of numbers, one per image. Terms of the same
        direction are merged.

    Raises
    ------
    UsageError
        If a strength is not finite, or the directions' shapes or numbers of images differ.
    """

    def __init__(self, terms: Iterable[tuple[Direction, Strength]] = ()) -> None:
        super().__init__(terms)
        if len({direction.shape for direction, _ in self.terms}) > 1:
            raise UsageError(
                got=f"directions of shapes {[direction.shape for direction, _ in self.terms]}",
                expected="one shape",
                do="combine directions of one model and size only",
            )

    def offset(self, n: int) -> npt.NDArray[np.float32]:
        """Return what is added to the noise of n images.

        Parameters
        ----------
        n : int
            Number of images.

        Returns
        -------
        numpy.ndarray
            float32, ``(1, c, h, w)``, or ``(n, c, h, w)`` with strengths per image; a zero of
            shape ``(1, 1, 1, 1)`` for an empty steering.

        Raises
        ------
        UsageError
            If the strengths are for another number of images.
        """
        self.check_count(n)
        total = np.zeros((1, 1, 1, 1), dtype=np.float32)
        for direction, strength in self.terms:
            weights = np.asarray(strength, dtype=np.float32).reshape(-1, 1, 1, 1)
            total = total + weights * direction.array
        return total

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that the directions were learned from."""
        found = (direction.provenance.get("seeds", ()) for direction, _ in self.terms)
        return tuple(sorted({seed for seeds in found for seed in seeds}))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable record, in which directions are named by hash."""
        return {
            "terms": [
                {"direction": d.name, "hash": d.hash, "strength": strength}
                for d, strength in self.terms
            ]
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], directions: Iterable[Direction]) -> Steering:
        """Return the steering in a record.

        Parameters
        ----------
        record : mapping
            The result of `to_dict`.
        directions : iterable of Direction
            Directions that include those named in the record.

        Raises
        ------
        UsageError
            If a direction is missing.
        """
        known = {direction.hash: direction for direction in directions}
        for term in record["terms"]:
            if term["hash"] not in known:
                raise UsageError(
                    got=f"a record that uses {term['direction']} ({term['hash'][:12]}…)",
                    expected="this direction among those given",
                    do="load its file and pass it too",
                )
        return cls((known[term["hash"]], term["strength"]) for term in record["terms"])

    def __str__(self) -> str:
        """Return the sum as text."""
        return " + ".join(f"{_number(s)} {d.name}" for d, s in self.terms) or "plain"

    def __repr__(self) -> str:
        """Return the sum as text."""
        return f"Steering({self})"

    def _sum(self) -> Steering:
        return self


def _number(strength: Plain) -> str:
    if isinstance(strength, tuple):
        return f"[{min(strength):g} … {max(strength):g}]"
    return f"{strength:g}"
