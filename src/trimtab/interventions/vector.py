"""Unit arrays of latents with provenance, and their geometry."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError
from trimtab.interventions.geometry import beside, resampled, strongest
from trimtab.storage import sha256

if TYPE_CHECKING:
    from trimtab.pipelines import LatentSpec

LEAST_REMAINDER = 0.1
"""Smallest share of its length that a direction must keep when made orthogonal to others."""

LOCAL_ENERGY = 0.75
"""Default part of its energy that a local direction keeps."""


class UnitVector:
    """An immutable array ``(c, h, w)`` of Euclidean norm 1, with its provenance.

    Parameters
    ----------
    array : array_like
        Shape ``(c, h, w)``, of Euclidean norm 1.
    provenance : mapping, optional
        JSON-serialisable facts.

    Raises
    ------
    UsageError
        If the array is not three-dimensional, not finite, or not of unit norm, or the seeds are
        no list of whole numbers.
    """

    def __init__(self, array: npt.ArrayLike, provenance: Mapping[str, Any] | None = None) -> None:
        values = np.array(array, dtype=np.float32)
        norm = float(np.linalg.norm(values.astype(np.float64)))
        if values.ndim != 3 or not abs(norm - 1) < 1e-3:
            raise UsageError(
                got=f"an array of shape {values.shape} and norm {norm:.4g}",
                expected="shape (c, h, w) and norm 1",
                do=f"make it with {type(self).__name__}.along(vector)",
            )
        values.setflags(write=False)
        self.array: npt.NDArray[np.float32] = values
        self.provenance: dict[str, Any] = dict(provenance or {})
        seeds = self.provenance.get("seeds", [])
        if not isinstance(seeds, list | tuple) or not all(isinstance(s, int) for s in seeds):
            raise UsageError(
                got=f"a provenance with seeds {str(seeds)[:60]}",
                expected="a list of whole numbers",
                do="list the seeds that the direction was learned from, or omit them",
            )

    @classmethod
    def along(cls, vector: npt.ArrayLike, provenance: Mapping[str, Any] | None = None) -> Self:
        """Return the unit direction along a vector of any length.

        Parameters
        ----------
        vector : array_like
            Shape ``(c, h, w)``, finite and not zero.
        provenance : mapping, optional
            As in the constructor.

        Raises
        ------
        UsageError
            If the vector is zero or not finite.
        """
        values = np.asarray(vector, dtype=np.float64)
        norm = float(np.linalg.norm(values))
        if not np.isfinite(norm) or norm == 0:
            raise UsageError(
                got=f"a vector of length {norm}",
                expected="a finite vector that is not zero",
                do="check that the two groups differ",
            )
        return cls(values / norm, provenance)

    @classmethod
    def random(cls, like: LatentSpec | Sequence[int], seed: int) -> Self:
        """Return a random direction, uniform on the sphere, as a control for learned ones.

        Parameters
        ----------
        like : LatentSpec or sequence of int
            The shape ``(c, h, w)``.
        seed : int
            Seed of the draw; the same seed returns the same direction.
        """
        shape = tuple(like) if isinstance(like, Sequence) else like.shape
        draw = np.random.default_rng(seed).standard_normal(shape)
        return cls.along(draw, {"name": f"random {seed}", "estimator": "random", "seed": seed})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Canonical shape ``(c, h, w)``."""
        channels, height, width = self.array.shape
        return channels, height, width

    @property
    def name(self) -> str:
        """A short name for tables, e.g. ``gender: woman``."""
        facts = self.provenance
        return str(facts.get("name") or f"{facts.get('attribute')}: {facts.get('towards')}")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the array's bytes: the identity of a direction in records."""
        return sha256(self.array.tobytes())

    def cosine(self, other: UnitVector) -> float:
        """Return the cosine of the angle to another direction.

        Raises
        ------
        UsageError
            If the shapes differ.
        """
        _same_shape(self, [other])
        return float(np.vdot(self.array.astype(np.float64), other.array.astype(np.float64)))

    def orthogonal_to(self, *others: UnitVector) -> Self:
        """Remove the part in the span of other directions, and renormalise.

        Parameters
        ----------
        *others : UnitVector
            Directions of the same shape.

        Returns
        -------
        UnitVector
            A direction of the same class, orthogonal to each of `others`. Its provenance names them
            and the share of its length that was ``kept``. The accuracy, measured before, becomes
            ``accuracy_as_learned``.

        Raises
        ------
        UsageError
            If less than 0.1 of the direction remains, or the shapes differ.
        """
        _same_shape(self, others)
        if not others:
            return self
        rest = beside(self.array, [other.array for other in others])
        kept = float(np.linalg.norm(rest))
        if kept < LEAST_REMAINDER:
            raise UsageError(
                got=f"{kept:.3f} of {self.name} left without {', '.join(o.name for o in others)}",
                expected=f"at least {LEAST_REMAINDER}",
                do="leave out the direction that is nearly the same",
            )
        removed = [{"name": other.name, "hash": other.hash} for other in others]
        facts = self._facts_of_other(orthogonal_to=removed, kept=kept)
        facts.pop("local", None)  # it has a part in the cells of the others again
        return type(self).along(rest, facts)

    def local(self, energy: float = LOCAL_ENERGY) -> Self:
        """Keep only the cells that hold most of the direction, and renormalise.

        A cell is a position (row, column) with all its channels; its energy is the sum of their
        squares. The fewest cells that together hold the given part of the energy are kept, and all
        others become 0. The direction then changes less of a picture besides its attribute, but
        needs more strength: calibrate it again. If it was orthogonal to others, it is no longer
        exactly so.

        Parameters
        ----------
        energy : float, optional
            Part of the energy to keep, above 0 and at most 1. With 1, nothing is left out.

        Returns
        -------
        UnitVector
            A direction of the same class. Its provenance has ``local``: the ``energy`` asked for,
            and the number of ``cells`` kept ``of`` all. The accuracy becomes
            ``accuracy_as_learned``.

        Raises
        ------
        UsageError
            If the energy is not above 0 and at most 1.
        """
        if isinstance(energy, bool) or not isinstance(energy, Real) or not 0 < energy <= 1:
            raise UsageError(
                got=f"energy={energy!r}",
                expected="a number above 0 and at most 1",
                do=f"use {LOCAL_ENERGY}, the default",
            )
        if energy == 1:
            return self
        kept = strongest(self.array, float(energy))
        said = {"energy": float(energy), "cells": int(kept.sum()), "of": kept.size}
        return type(self).along(self.array * kept, self._facts_of_other(local=said))

    def resampled(self, shape: Sequence[int]) -> Self:
        """Return the direction for pictures of another size of the same model family.

        The direction is interpolated bilinearly and renormalised. Its effect at the new size has
        not been measured, so calibrate its strength again. Its provenance names the original.

        Parameters
        ----------
        shape : sequence of int
            ``(c, h, w)`` of the latents at the new size, with the same number of channels;
            ``trimtab.pipelines.latent_spec(pipe, height=…, width=…).shape``.

        Raises
        ------
        UsageError
            If the number of channels differs, or a side is not positive.
        """
        try:
            wanted = tuple(operator.index(side) for side in shape)
        except TypeError:  # a side that is not a whole number
            wanted = ()
        if wanted == self.shape:
            return self
        if len(wanted) != 3 or wanted[0] != self.shape[0] or min(wanted) < 1:
            raise UsageError(
                got=f"shape {tuple(shape)} for {self.name}",
                expected=f"({self.shape[0]}, height, width) in cells of the latents",
                do="learn a direction on the other model",
            )
        facts = self._facts_of_other("height", "width", resampled_from=list(self.shape))
        return type(self).along(resampled(self.array, *wanted[1:]), facts)

    def _facts_of_other(self, *names: str, **facts: Any) -> dict[str, Any]:
        """Return the provenance for an array derived from this one, without measurements."""
        learned = ("accuracy", "accuracy_interval", *names)
        kept = {
            f"{key}_as_learned" if key in learned else key: fact
            for key, fact in self.provenance.items()
            if key != "measured"
        }
        return kept | facts

    def annotated(self, **facts: Any) -> Self:
        """Return the same direction with more provenance, e.g. ``licence="cc-by-4.0"``.

        Parameters
        ----------
        **facts
            JSON-serialisable facts; they replace those with the same name.
        """
        return type(self)(self.array, self.provenance | facts)

    def __eq__(self, other: object) -> bool:
        """Compare only the arrays."""
        return isinstance(other, UnitVector) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        """Return a hash consistent with equality."""
        return hash(self.hash)

    def __repr__(self) -> str:
        """Return name and shape."""
        return f"{type(self).__name__}({self.name}, shape={self.shape})"


def _same_shape(vector: UnitVector, others: Sequence[UnitVector]) -> None:
    for other in others:
        if other.shape != vector.shape:
            raise UsageError(
                got=f"{other.name} of shape {other.shape}",
                expected=f"{vector.shape}, the shape of {vector.name}",
                do="combine directions of one model and size only",
            )
