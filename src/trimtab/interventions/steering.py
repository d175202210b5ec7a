"""Steering: a weighted sum of directions, and the record of what was done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError
from trimtab.interventions.direction import Direction
from trimtab.pipelines import LatentSpec

Strength: TypeAlias = float | Sequence[float] | npt.NDArray[Any]


@dataclass(frozen=True, init=False, eq=False)
class Steering:
    """A sum of directions, each with a strength in standard deviations of the unit noise.

    Made by arithmetic: ``6 * woman + 3 * dark``, ``-woman``, ``[0, 2, 4] * woman``.

    Parameters
    ----------
    terms : iterable of (Direction, strength)
        A strength is a number, or a sequence with one for each image. Terms of one direction
        are merged.

    Raises
    ------
    UsageError
        When a strength is not finite, or the directions' shapes or numbers of images differ.
    """

    terms: tuple[tuple[Direction, float | tuple[float, ...]], ...]

    __array_ufunc__ = None  # so that numpy numbers and arrays leave `*` to us

    def __init__(self, terms: Iterable[tuple[Direction, Strength]] = ()) -> None:
        merged: dict[Direction, float | tuple[float, ...]] = {}
        for direction, strength in terms:
            value = _checked(strength)
            merged[direction] = _combine(np.add, merged.get(direction, 0.0), value)
        object.__setattr__(self, "terms", tuple(merged.items()))
        if len({direction.shape for direction in merged}) > 1:
            raise UsageError(
                got=f"directions of shapes {[d.shape for d in merged]}",
                expected="one shape",
                do="combine directions of one model and size only",
            )
        if len(self._image_counts()) > 1:
            raise UsageError(
                got=f"strengths for {sorted(self._image_counts())} images",
                expected="one number of images",
                do="give each direction as many strengths as there are images",
            )

    def offset(self, n: int) -> npt.NDArray[np.float32]:
        """Give what is added to the noise of n images.

        Parameters
        ----------
        n : int
            Number of images.

        Returns
        -------
        numpy.ndarray
            float32, ``(1, c, h, w)`` or with strengths per image ``(n, c, h, w)``; a zero of
            shape ``(1, 1, 1, 1)`` for an empty steering.

        Raises
        ------
        UsageError
            When the strengths are for another number of images.
        """
        self._check_count(n)
        total = np.zeros((1, 1, 1, 1), dtype=np.float32)
        for direction, strength in self.terms:
            weights = np.asarray(strength, dtype=np.float32).reshape(-1, 1, 1, 1)
            total = total + weights * direction.array
        return total

    def part(self, images: slice) -> Steering:
        """Give the steering of some of the images."""
        return Steering(
            (direction, strength[images] if isinstance(strength, tuple) else strength)
            for direction, strength in self.terms
        )

    def image(self, i: int) -> Steering:
        """Give the steering of image i, with plain numbers as strengths."""
        return Steering(
            (direction, strength[i] if isinstance(strength, tuple) else strength)
            for direction, strength in self.terms
        )

    def check(self, spec: LatentSpec, n: int | None = None) -> None:
        """Refuse directions that were made for another model or size.

        Parameters
        ----------
        spec : LatentSpec
            The latents that will be moved.
        n : int, optional
            Also refuse strengths for another number of images than this.

        Raises
        ------
        UsageError
            When a direction's shape is not that of the latents, or the number does not fit.
        """
        if n is not None:
            self._check_count(n)
        self.check_family(spec.family)
        for direction, _ in self.terms:
            if direction.shape != spec.shape:
                other_size = direction.shape[0] == spec.shape[0]
                raise UsageError(
                    got=f"direction {direction.name} of shape {direction.shape}",
                    expected=f"{spec.shape}, the latents of this {spec.family} model at "
                    f"{spec.height}x{spec.width}",
                    do="learn the direction on this model at this size"
                    + (", or resample it (--resample, Direction.resampled)" if other_size else ""),
                )

    def check_family(self, family: str) -> None:
        """Refuse directions that were learned on another family of models.

        Parameters
        ----------
        family : str
            Name of the family whose latents will be moved.

        Raises
        ------
        UsageError
            When a direction's provenance names another one.
        """
        for direction, _ in self.terms:
            found = direction.provenance.get("family", family)
            if found != family:
                raise UsageError(
                    got=f"direction {direction.name} of the family {found}",
                    expected=f"one of {family}, this model's family",
                    do="learn the direction on this model",
                )

    def learned_elsewhere(self, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List the directions that were learned on another model, or on other weights of it.

        Where no hash of the weights is known, or float16 is compared with another type, in which
        the hash is another, it is the model's name and revision that count.

        Parameters
        ----------
        facts : mapping
            What `model_facts` says of the model that will be steered.

        Returns
        -------
        list of dict
            ``name`` and ``hash`` of each direction, and the ``model`` it was learned on.
        """

        def elsewhere(learned: Mapping[str, Any]) -> bool:
            if learned.get("weights") == facts["weights"] or not learned.get("model"):
                return False
            types = {learned.get("model_dtype"), facts["model_dtype"]}
            if "weights" in learned and (len(types) == 1 or types == {"float32", "bfloat16"}):
                return True
            return any(learned.get(key) != facts[key] for key in ("model", "revision"))

        return [
            {"name": one.name, "hash": one.hash, "model": str(one.provenance.get("model"))}
            for one, _ in self.terms
            if elsewhere(one.provenance)
        ]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that the directions were learned from."""
        found = (direction.provenance.get("seeds", ()) for direction, _ in self.terms)
        return tuple(sorted({seed for seeds in found for seed in seeds}))

    def to_dict(self) -> dict[str, Any]:
        """Give a JSON-able record; the directions are named by hash."""
        return {
            "terms": [
                {"direction": d.name, "hash": d.hash, "strength": _plain(strength)}
                for d, strength in self.terms
            ]
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], directions: Iterable[Direction]) -> Steering:
        """Rebuild a steering from its record.

        Parameters
        ----------
        record : mapping
            What `to_dict` gave.
        directions : iterable of Direction
            Among them those that the record names.

        Raises
        ------
        UsageError
            When a direction is not among them.
        """
        known = {direction.hash: direction for direction in directions}
        for term in record["terms"]:
            if term["hash"] not in known:
                raise UsageError(
                    got=f"a record that uses {term['direction']} ({term['hash'][:12]}…)",
                    expected="that direction among those given",
                    do="load its file and pass it too",
                )
        return cls((known[term["hash"]], term["strength"]) for term in record["terms"])

    def __add__(self, other: Steerable) -> Steering:
        """Add two steerings."""
        return Steering((*self.terms, *as_steering(other).terms))

    __radd__ = __add__

    def __sub__(self, other: Steerable) -> Steering:
        """Take another steering away."""
        return self + -as_steering(other)

    def __mul__(self, factor: Strength) -> Steering:
        """Multiply every strength, by one number or by one for each image."""
        value = _checked(factor)
        return Steering((d, _combine(np.multiply, strength, value)) for d, strength in self.terms)

    __rmul__ = __mul__

    def __neg__(self) -> Steering:
        """Turn every strength around."""
        return self * -1.0

    def __eq__(self, other: object) -> bool:
        """Compare directions and strengths, in any order."""
        return isinstance(other, Steering) and dict(self.terms) == dict(other.terms)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(frozenset(self.terms))

    def __bool__(self) -> bool:
        """Say whether anything is moved at all."""
        return any(np.any(strength) for _, strength in self.terms)

    def __str__(self) -> str:
        """Read like the sum that it is."""
        return " + ".join(_words(d, strength) for d, strength in self.terms) or "plain"

    def _check_count(self, n: int) -> None:
        if not self._image_counts() <= {n}:
            raise UsageError(
                got=f"strengths for {self._image_counts().pop()} images",
                expected=f"one strength, or one for each of {n} images",
                do="match strengths and seeds",
            )

    def _image_counts(self) -> set[int]:
        return {len(strength) for _, strength in self.terms if isinstance(strength, tuple)}


Steerable: TypeAlias = Steering | Direction | None


def as_steering(steer: Steerable) -> Steering:
    """Turn what users pass as ``steer=`` into a `Steering`: d means 1 * d, None means nothing.

    Raises
    ------
    UsageError
        When it is something else.
    """
    if isinstance(steer, Steering):
        return steer
    if steer is None:
        return Steering()
    if isinstance(steer, Direction):
        return Steering([(steer, 1.0)])
    raise UsageError(
        got=f"steer of type {type(steer).__name__}",
        expected="a Direction, a Steering such as 5 * direction, or None",
        do="pass one of them",
    )


def _checked(strength: Strength) -> float | tuple[float, ...]:
    try:
        if isinstance(strength, str | bytes):  # which numpy would read as a number
            raise TypeError
        values = np.asarray(strength, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(math.nan)
    if values.ndim > 1 or values.size == 0 or not np.isfinite(values).all():
        raise UsageError(
            got=f"strength {strength!r}",
            expected="a finite number, or one for each image",
            do="choose strengths in standard deviations of the noise, e.g. 5",
        )
    return _plain(values)


def _combine(
    operation: Any, a: float | tuple[float, ...], b: float | tuple[float, ...]
) -> float | tuple[float, ...]:
    try:
        return _plain(operation(a, b))
    except ValueError as error:
        raise UsageError(
            got=f"strengths for {np.size(a)} and for {np.size(b)} images",
            expected="one number of images",
            do="give each direction as many strengths as there are images",
        ) from error


def _plain(values: npt.ArrayLike) -> float | tuple[float, ...]:
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else tuple(array.tolist())


def _words(direction: Direction, strength: float | tuple[float, ...]) -> str:
    if isinstance(strength, tuple):
        return f"[{min(strength):g} … {max(strength):g}] {direction.name}"
    return f"{strength:g} {direction.name}"
