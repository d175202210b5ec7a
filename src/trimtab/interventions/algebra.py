"""Weighted sums, with one strength per term, or one per term and image."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError

Strength: TypeAlias = float | Sequence[float] | npt.NDArray[Any]
Plain: TypeAlias = float | tuple[float, ...]
"""A stored strength: one number, or one per image."""

S = TypeVar("S", bound="Sum[Any]")
T = TypeVar("T", bound=Hashable)


class Operand(ABC, Generic[S]):
    """Something that can be multiplied and added; subclasses return the sum they represent."""

    __array_ufunc__ = None  # so that numpy numbers and arrays leave `*` to us

    @abstractmethod
    def _sum(self) -> S:
        """Return the sum that this represents: 1 × itself."""

    def __mul__(self, factor: Strength) -> S:
        """Multiply every strength by a number, or by one number per image."""
        value = checked_strength(factor)
        own = self._sum()
        return type(own)((term, _combine(np.multiply, old, value)) for term, old in own.terms)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> S:
        """Divide every strength by a number."""
        if not isinstance(divisor, int | float | np.number) or not divisor:
            raise UsageError(
                got=f"a division by {divisor!r}",
                expected="a number other than 0",
                do="multiply by the strength instead",
            )
        return self * (1 / divisor)

    def __neg__(self) -> S:
        """Negate every strength."""
        return self * -1.0

    def __add__(self, other: Operand[S] | None) -> S:
        """Add another sum; None adds nothing."""
        own = self._sum()
        if other is None:
            return own
        if not isinstance(other, Operand):
            return NotImplemented
        return type(own)((*own.terms, *other._sum().terms))

    def __radd__(self, other: object) -> S:
        """Support ``sum([...])``, which starts from 0."""
        return self._sum() if other is None or other == 0 else NotImplemented

    def __sub__(self, other: Operand[S]) -> S:
        """Subtract another sum."""
        if not isinstance(other, Operand):
            return NotImplemented
        own = self._sum()
        return type(own)((*own.terms, *(-other).terms))


class Sum(Generic[T]):
    """An immutable weighted sum; terms of the same thing are merged.

    Parameters
    ----------
    terms : iterable of (thing, strength)
        A strength is a finite number, or a sequence of numbers, one per image.

    Raises
    ------
    UsageError
        If a strength is not finite, or strengths are for different numbers of images.
    """

    def __init__(self, terms: Iterable[tuple[T, Strength]] = ()) -> None:
        merged: dict[T, Plain] = {}
        for thing, strength in terms:
            merged[thing] = _combine(np.add, merged.get(thing, 0.0), checked_strength(strength))
        self._terms = tuple(merged.items())
        if len(self._image_counts()) > 1:
            raise _counts_differ(*sorted(self._image_counts()))

    @property
    def terms(self) -> tuple[tuple[T, Plain], ...]:
        """Each thing with its strength."""
        return self._terms

    def part(self, images: slice) -> Self:
        """Return the sum for some of the images."""
        return self._with(lambda strength: strength[images])

    def image(self, i: int) -> Self:
        """Return the sum for image i, with plain numbers as strengths."""
        return self._with(lambda strength: strength[i])

    def check_count(self, n: int) -> None:
        """Check that strengths per image, if any, are for n images.

        Raises
        ------
        UsageError
            If they are for another number of images.
        """
        if not self._image_counts() <= {n}:
            raise UsageError(
                got=f"strengths for {self._image_counts().pop()} images",
                expected=f"one strength, or one for each of {n} images",
                do="match strengths and seeds",
            )

    def __eq__(self, other: object) -> bool:
        """Compare things and strengths, in any order."""
        return isinstance(other, type(self)) and dict(self.terms) == dict(other.terms)

    def __hash__(self) -> int:
        """Return a hash consistent with equality."""
        return hash(frozenset(self.terms))

    def __bool__(self) -> bool:
        """Return whether any strength is not 0."""
        return any(np.any(strength) for _, strength in self.terms)

    def _with(self, change: Callable[[tuple[float, ...]], Plain]) -> Self:
        return type(self)(
            (thing, change(strength) if isinstance(strength, tuple) else strength)
            for thing, strength in self.terms
        )

    def _image_counts(self) -> set[int]:
        return {len(strength) for _, strength in self.terms if isinstance(strength, tuple)}


def checked_strength(strength: Strength) -> Plain:
    """Return a strength in its stored form.

    Raises
    ------
    UsageError
        If it is neither a finite number nor a sequence of finite numbers.
    """
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


def _combine(operation: Any, a: Plain, b: Plain) -> Plain:
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) != len(b):
        raise _counts_differ(len(a), len(b))
    return _plain(operation(a, b))


def _counts_differ(*counts: int) -> UsageError:
    return UsageError(
        got=f"strengths for {' and for '.join(map(str, counts))} images",
        expected="the same number of images for all",
        do="give each direction as many strengths as there are images",
    )


def _plain(values: npt.ArrayLike) -> Plain:
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else tuple(array.tolist())
