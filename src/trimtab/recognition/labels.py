"""`Labels`: what was recognised in each picture, as a value and as a parquet file."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import FileError, UsageError

UNKNOWN = "unknown"
THRESHOLD = 0.6  # below this top probability a picture is "unknown"
LABELS_FILE = "labels.parquet"
_FORMAT = 1


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
        One row per picture, adding up to 1. Rows of blocked pictures are not looked at.
    seeds : array_like of int, shape (n,), optional
        The seed of each picture, by which audits are paired; 0, 1, 2, ... where not given.
    blocked : array_like of bool, shape (n,), optional
        Pictures that a safety checker blackened, or that cannot be read: always unknown.
    threshold : float, optional
        The top probability below which a picture is unknown.
    title : str, optional
        How to say the attribute in a sentence.
    recogniser : str, optional
        What recognised it.

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

    def __post_init__(self) -> None:
        """Check shapes and rows, and make the arrays read-only copies."""
        groups = tuple(self.groups)
        p = np.array(self.probabilities, dtype=np.float64, ndmin=2)
        if p.size == 0:
            p = p.reshape(0, len(groups))
        n = len(p)
        seeds = np.arange(n) if self.seeds is None else np.array(self.seeds, dtype=np.int64)
        blocked = np.zeros(n, bool) if self.blocked is None else np.array(self.blocked, bool)
        if p.ndim != 2 or p.shape[1] != len(groups) or len(groups) < 2:
            raise UsageError(
                got=f"probabilities of shape {p.shape}",
                expected=f"(pictures, {len(groups)}), for two groups or more",
                do="give one column per group",
            )
        if seeds.shape != (n,) or blocked.shape != (n,):
            raise UsageError(
                got=f"{seeds.size} seeds and {blocked.size} blocked flags for {n} pictures",
                expected="one of each per picture",
                do="make them as long as the probabilities",
            )
        if not 0 <= self.threshold <= 1:
            raise UsageError(
                got=f"threshold={self.threshold}", expected="0 to 1", do=f"use {THRESHOLD}"
            )
        p[blocked] = 1 / len(groups)
        bad = ~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3))  # NaN is bad, too
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise UsageError(
                got=f"probabilities {p[row].tolist()} for picture {row}",
                expected="numbers from 0 to 1 that add up to 1",
                do="check the recogniser",
            )
        # To the last digit, but only where they are off: a saved distribution stays as it is.
        sums = p.sum(axis=1, keepdims=True)
        p = np.where(np.abs(sums - 1) > 1e-12, p / sums, p)
        checked = {"probabilities": p, "seeds": seeds, "blocked": blocked}
        for name, array in checked.items():
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
        """Make labels from names given by hand or by an oracle; "unknown" is allowed.

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
        """Mask, shape (n,): neither blocked nor below the threshold."""
        top: NDArray[np.float64] = self.probabilities.max(axis=1, initial=0.0)
        # A tie at the top is no answer, even where the threshold would let it pass.
        ties = (self.probabilities == top[:, None]).sum(axis=1) > 1
        known: NDArray[np.bool_] = ~self.blocked & (top >= self.threshold) & ~ties
        return known

    @property
    def codes(self) -> NDArray[np.int64]:
        """Index of each picture's group, shape (n,); -1 where unknown."""
        return np.where(self.known, self.probabilities.argmax(axis=1), -1)

    @property
    def names(self) -> NDArray[np.str_]:
        """Name of each picture's group, shape (n,); "unknown" where unknown."""
        return np.array([*self.groups, UNKNOWN])[self.codes]

    def save(self, to: str | os.PathLike[str]) -> Path:
        """Write a parquet file (``labels.parquet``, where `to` is a folder); see `save_labels`."""
        return save_labels(to, [self])

    @classmethod
    def load(cls, path: str | os.PathLike[str], attribute: str | None = None) -> Labels:
        """Read one attribute's labels from a file that `save` or `save_labels` wrote.

        Raises
        ------
        FileError
            If the file is missing or foreign.
        UsageError
            If it does not hold `attribute`, or holds several and none is named.
        """
        found = load_labels(path)
        if attribute is None and len(found) == 1:
            return next(iter(found.values()))
        if attribute not in found:
            raise UsageError(
                got=f"attribute={attribute!r}",
                expected=f"one of {', '.join(found)}",
                do="name one that the file holds",
            )
        return found[attribute]


def save_labels(to: str | os.PathLike[str], labels: Iterable[Labels]) -> Path:
    """Write the labels of the same pictures for one attribute or several into one parquet file.

    One row per picture: `seed`, `blocked`, then for each attribute its label and a column
    ``attribute:group`` of probabilities per group. Whole or not at all.

    Parameters
    ----------
    to : path
        The file, or a folder to write ``labels.parquet`` in.
    labels : iterable of Labels
        Of the same pictures: same seeds and blocked flags.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UsageError
        If the labels are not of the same pictures, or two columns would have one name.
    FileError
        If the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from trimtab.storage import write_atomic  # needs torch, which labels themselves do without

    every = list(labels)
    if not every:
        raise UsageError(
            got="no labels", expected="one Labels per attribute", do="classify some pictures"
        )
    columns: dict[str, Any] = {"seed": every[0].seeds, "blocked": every[0].blocked}
    for one in every:
        if not (
            np.array_equal(one.seeds, every[0].seeds)
            and np.array_equal(one.blocked, every[0].blocked)
        ):
            raise UsageError(
                got=f"{one.attribute} labels of other pictures than {every[0].attribute}",
                expected="the same seeds and blocked flags",
                do="save them to two files",
            )
        own: dict[str, Any] = {one.attribute: one.names.tolist()}
        for group, column in zip(one.groups, one.probabilities.T, strict=True):
            own[f"{one.attribute}:{group}"] = column
        if taken := columns.keys() & own:
            raise UsageError(
                got=f"two columns called {min(taken)!r}",
                expected="one Labels per attribute, none called seed or blocked",
                do="leave one out, or rename it",
            )
        columns |= own
    facts = [
        {
            "attribute": one.attribute,
            "title": one.title,
            "groups": one.groups,
            "threshold": one.threshold,
            "recogniser": one.recogniser,
        }
        for one in every
    ]
    meta = {"trimtab": json.dumps({"format": _FORMAT, "labels": facts})}
    path = Path(to)
    path = path / LABELS_FILE if path.is_dir() else path
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(meta), buffer)
    write_atomic(path, buffer.getvalue())
    return path


def load_labels(path: str | os.PathLike[str]) -> dict[str, Labels]:
    """Read every attribute's labels from a parquet file, by attribute name.

    Raises
    ------
    FileError
        If the file is missing, damaged, or not written by trimtab.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    path = path / LABELS_FILE if path.is_dir() else path
    try:
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[b"trimtab"])
        if facts["format"] != _FORMAT:
            raise ValueError(f"format {facts['format']}")
        return {
            fact["attribute"]: Labels(
                fact["attribute"],
                tuple(fact["groups"]),
                np.column_stack([table[f"{fact['attribute']}:{g}"] for g in fact["groups"]]),
                table["seed"].to_numpy(),
                table["blocked"].to_numpy(),
                threshold=fact["threshold"],
                title=fact["title"],
                recogniser=fact["recogniser"],
            )
            for fact in facts["labels"]
        }
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise FileError(
            got=f"{str(path)!r}, which is not readable as labels ({type(error).__name__})",
            expected=f"a {LABELS_FILE} of trimtab, format {_FORMAT}",
            do="check the path, or classify the pictures again",
        ) from error
