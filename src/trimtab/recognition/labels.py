"""`Labels`: the groups of one attribute in n pictures, the input of all statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.concepts.values import UNKNOWN
from trimtab.errors import UsageError
from trimtab.statistics import THRESHOLD


@dataclass(frozen=True, eq=False)
class Labels:
    """The groups of one attribute as recognised in n pictures.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    groups : sequence of str
        Names of its C groups.
    probabilities : array_like, shape (n, C)
        One row per picture, with a sum of 1. Rows of blocked pictures are ignored.
    seeds : array_like of int, shape (n,), optional
        The seed of each picture, by which audits are paired. Defaults to 0, 1, 2, ...
    blocked : array_like of bool, shape (n,), optional
        Pictures that are always unknown: blacked out by a safety checker, not finite, unreadable,
        or without anything to recognise.
    threshold : float, optional
        A picture is unknown if its top probability is below this.
    title : str, optional
        The attribute's name in a sentence.
    recogniser : str, optional
        Name of the recogniser.
    prompts : array_like of str, shape (n,), optional
        The prompt of each picture, used with the seed for pairing. Defaults to "".
    version : str, optional
        Fingerprint of the recogniser.
    missed : array_like of bool, shape (n,), optional
        Pictures that could not be read. They are no part of any figure. Defaults to none.
    files : array_like of str, shape (n,), optional
        Name of the file of each picture. Defaults to "".
    numbered : array_like of bool, shape (n,), optional
        Pictures whose seed is only a running number, so that they cannot be paired by it. Defaults
        to none.
    no_face : array_like of bool, shape (n,), optional
        Pictures in which the recogniser looked for a face and found none, which are unknown.
        Defaults to none.

    Raises
    ------
    UsageError
        If shapes do not match or a row is not a distribution.
    """

    attribute: str
    groups: tuple[str, ...]
    probabilities: NDArray[np.float64]
    seeds: NDArray[np.int64] = None  # type: ignore[assignment]
    blocked: NDArray[np.bool_] = None  # type: ignore[assignment]
    threshold: float = THRESHOLD
    title: str = ""
    recogniser: str = ""
    prompts: NDArray[np.str_] = None  # type: ignore[assignment]
    version: str = ""
    missed: NDArray[np.bool_] = None  # type: ignore[assignment]
    files: NDArray[np.str_] = None  # type: ignore[assignment]
    numbered: NDArray[np.bool_] = None  # type: ignore[assignment]
    no_face: NDArray[np.bool_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Check shapes and rows, and make the arrays read-only copies."""
        groups = tuple(self.groups)
        p = np.array(self.probabilities, dtype=np.float64, ndmin=2)
        if p.size == 0:
            p = p.reshape(0, len(groups))
        n = len(p)
        seeds = np.arange(n) if self.seeds is None else np.array(self.seeds, dtype=np.int64)
        blocked = np.zeros(n, bool) if self.blocked is None else np.array(self.blocked, bool)
        prompts = np.full(n, "") if self.prompts is None else np.array(self.prompts, dtype=str)
        missed = np.zeros(n, bool) if self.missed is None else np.array(self.missed, bool)
        files = np.full(n, "") if self.files is None else np.array(self.files, dtype=str)
        numbered = np.zeros(n, bool) if self.numbered is None else np.array(self.numbered, bool)
        no_face = np.zeros(n, bool) if self.no_face is None else np.array(self.no_face, bool)
        if p.ndim != 2 or p.shape[1] != len(groups) or len(groups) < 2:
            raise UsageError(
                got=f"probabilities of shape {p.shape}",
                expected=f"(pictures, {len(groups)}), for at least two groups",
                do="give one column per group",
            )
        each = {
            "seeds": seeds, "blocked": blocked, "prompts": prompts,
            "missed": missed, "files": files, "numbered": numbered, "no_face": no_face,
        }  # fmt: skip
        if any(array.shape != (n,) for array in each.values()):
            raise UsageError(
                got=", ".join(f"{array.size} {name}" for name, array in each.items())
                + f" for {n} pictures",
                expected="one of each per picture",
                do="use the same length for all",
            )
        if not 0 <= self.threshold <= 1:
            raise UsageError(
                got=f"threshold={self.threshold}", expected="0 to 1", do=f"use {THRESHOLD}"
            )
        blocked |= missed | no_face
        p[blocked] = 1 / len(groups)
        bad = ~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3))  # NaN is bad, too
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise UsageError(
                got=f"probabilities {p[row].tolist()} for picture {row}",
                expected="numbers from 0 to 1 that add up to 1",
                do="check the recogniser",
            )
        # Normalise only rows whose sum is not exactly 1, so that saved ones stay unchanged.
        sums = p.sum(axis=1, keepdims=True)
        p = np.where(np.abs(sums - 1) > 1e-12, p / sums, p)
        for name, array in {"probabilities": p, **each}.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "title", self.title or self.attribute.replace("_", " "))

    @classmethod
    def from_names(
        cls,
        attribute: str,
        groups: Sequence[str],
        names: Sequence[str],
        *,
        seeds: ArrayLike | None = None,
        title: str = "",
        recogniser: str = "",
    ) -> Labels:
        """Return labels made from names, given by hand or by an oracle; "unknown" is allowed.

        Raises
        ------
        UsageError
            If a name is neither a group nor "unknown".
        """
        groups = tuple(groups)
        p = np.full((len(names), len(groups)), 1 / len(groups))
        for row, name in enumerate(names):
            if name in groups:
                p[row] = np.eye(len(groups))[groups.index(name)]
            elif name != UNKNOWN:
                raise UsageError(
                    got=f"the label {str(name)!r}",
                    expected=f"one of {', '.join(groups)}, {UNKNOWN}",
                    do="correct the label",
                )
        return cls(attribute, groups, p, seeds, title=title, recogniser=recogniser)  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.probabilities)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Mask of pictures that are neither blocked nor below the threshold, shape (n,)."""
        top: NDArray[np.float64] = self.probabilities.max(axis=1, initial=0.0)
        # A tie at the top is not an answer, even if it reaches the threshold.
        ties = (self.probabilities == top[:, None]).sum(axis=1) > 1
        known: NDArray[np.bool_] = ~self.blocked & (top >= self.threshold) & ~ties
        return known

    @property
    def codes(self) -> NDArray[np.int64]:
        """Index of each picture's group, shape (n,); -1 if unknown."""
        return np.where(self.known, self.probabilities.argmax(axis=1), -1)

    @property
    def names(self) -> NDArray[np.str_]:
        """Name of each picture's group, shape (n,); "unknown" if unknown."""
        return np.array([*self.groups, UNKNOWN])[self.codes]

    def select(self, rows: ArrayLike) -> Labels:
        """Return the labels of some pictures, selected by a mask or indices."""
        chosen = np.asarray(rows)
        arrays = ("probabilities", "seeds", "blocked", "prompts", "missed", "files", "numbered",
                  "no_face")  # fmt: skip
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})
