"""`Detections`: all that a detector reported about pictures, before any threshold."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import FileError, UsageError
from trimtab.recognition.detection import Detection, distinct
from trimtab.statistics import CONFIDENCE, Share, wilson

_META, _VERSION = b"trimtab", 1
_FACTS = {"pictures": "picture", "seeds": "seed", "prompts": "prompt", "specs": "spec"} | {
    "files": "file", "status": "status", "reasons": "reason",
}  # fmt: skip
BOX = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Counts:
    """How often a phrase was found.

    Attributes
    ----------
    phrase : str
        The phrase.
    pictures : Share
        Share of the pictures that show it, of all that were looked at, with Wilson interval.
    objects : int
        Number of boxes in all pictures.
    """

    phrase: str
    pictures: Share
    objects: int


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in n pictures.

    Parameters
    ----------
    pictures : ndarray of str, shape (n,)
        Hash of each picture; "" if it could not be read.
    seeds : ndarray of int, shape (n,)
        Seed of each picture.
    prompts, specs, files : ndarray of str, shape (n,)
        Prompt, spec and file of each picture; "" if unknown.
    status : ndarray of str, shape (n,)
        "known", "blocked" or "unreadable".
    reasons : ndarray of str, shape (n,)
        Why a picture could not be read, or shows nothing; otherwise "".
    phrases : tuple of str
        What was looked for, in the order given; empty if the detector named by itself what it saw.
    reported : tuple of tuple of Detection
        All that the detector reported in each picture, best first.
    detector, version : str
        Name and fingerprint of the detector.
    least : float, optional
        The least score of a finding that counts. It applies when findings are read: `at` changes
        it, and nothing is lost. What the detector did not report stays unreported.
    """

    pictures: NDArray[np.str_]
    seeds: NDArray[np.int64]
    prompts: NDArray[np.str_]
    specs: NDArray[np.str_]
    files: NDArray[np.str_]
    status: NDArray[np.str_]
    reasons: NDArray[np.str_]
    phrases: tuple[str, ...]
    reported: tuple[tuple[Detection, ...], ...]
    detector: str = ""
    version: str = ""
    least: float = 0.0

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.seeds)

    def __getitem__(self, i: int) -> list[Detection]:
        """Return what was found in picture i, best first."""
        return [one for one in self.reported[i] if one.score >= self.least]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Mask of the pictures that were looked at, shape (n,)."""
        return np.array(self.status == "known", dtype=bool)

    @property
    def blocked(self) -> int:
        """Number of blocked pictures."""
        return int((self.status == "blocked").sum())

    @property
    def unreadable(self) -> int:
        """Number of pictures that could not be read."""
        return int((self.status == "unreadable").sum())

    def at(self, least: float) -> Detections:
        """Return the same with another least score.

        Raises
        ------
        UsageError
            If it is not from 0 to 1.
        """
        if not 0 <= least <= 1:
            raise UsageError(
                got=f"a least score of {least}", expected="a number from 0 to 1", do="choose one"
            )
        return replace(self, least=float(least))

    def select(self, rows: ArrayLike) -> Detections:
        """Return the findings in some pictures, selected by a mask or indices."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        facts: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _FACTS}
        return replace(self, **facts, reported=tuple(self.reported[i] for i in chosen.tolist()))

    def counts(
        self, phrases: Sequence[str] | None = None, *, confidence: float = CONFIDENCE
    ) -> dict[str, Counts]:
        """Return how often each phrase was found, in the pictures that were looked at.

        Parameters
        ----------
        phrases : sequence of str, optional
            Some of the phrases looked for. Defaults to all; if the detector named what it saw, to
            all that it named, those in most pictures first.
        confidence : float, optional
            Confidence of the intervals, between 0 and 1.

        Raises
        ------
        UsageError
            If a phrase was not looked for.
        """
        shown: Counter[str] = Counter()
        objects: Counter[str] = Counter()
        for i in range(len(self)):
            names = [one.phrase for one in self[i]]
            objects.update(names)
            shown.update(set(names))
        every = self.phrases or sorted(shown, key=lambda name: (-shown[name], name))
        asked = every if phrases is None else distinct(phrases)
        strange = [phrase for phrase in asked if self.phrases and phrase not in self.phrases]
        if strange:
            raise UsageError(
                got=f"the phrase {strange[0]!r}, which was not looked for",
                expected=f"one of {', '.join(self.phrases)}",
                do="choose one of these, or detect it first",
            )
        n = int(self.known.sum())
        return {
            one: Counts(one, wilson(shown[one], n, confidence=confidence), objects[one])
            for one in asked
        }

    def to_table(self) -> Any:
        """Return a `pyarrow.Table` with a row per finding, whatever its score.

        A picture in which nothing was found has one row, in which phrase, score and box are null.
        The columns are row (of the picture), picture, seed, prompt, spec, file, status, reason,
        phrase, score, left, top, right, bottom, detector and version. The schema's metadata
        contains the phrases and the least score.
        """
        import pyarrow as pa

        rows = [i for i, some in enumerate(self.reported) for _ in range(max(1, len(some)))]
        found = [one for some in self.reported for one in (some or (None,))]
        columns: dict[str, Any] = {"row": pa.array(rows, pa.int64())}
        for name, column in _FACTS.items():
            columns[column] = pa.array(getattr(self, name)[rows])
        columns["phrase"] = pa.array([one and one.phrase for one in found], pa.string())
        columns["score"] = pa.array([one and one.score for one in found], pa.float64())
        for side, name in enumerate(BOX):
            columns[name] = pa.array([one and one.box[side] for one in found], pa.float64())
        columns["detector"] = pa.array([self.detector] * len(rows), pa.string())
        columns["version"] = pa.array([self.version] * len(rows), pa.string())
        about = {
            "detections": _VERSION,
            "phrases": self.phrases,
            "least": self.least,
            "detector": self.detector,
            "fingerprint": self.version,
        }
        return pa.table(columns).replace_schema_metadata({_META: json.dumps(about)})

    @classmethod
    def from_table(cls, table: Any) -> Detections:
        """Return detections from a table written by `to_table`.

        Raises
        ------
        FileError
            If the table contains something else, or was written by a later version.
        """
        try:
            about = json.loads(table.schema.metadata[_META])
            if about["detections"] != _VERSION:
                raise ValueError(f"version {about['detections']}")
            rows = table["row"].to_numpy()
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            if not np.array_equal(rows[firsts], np.arange(len(firsts))):
                raise ValueError("pictures are missing, or not in order")
            facts: dict[str, Any] = {}
            for name, column in _FACTS.items():
                kind = np.int64 if name == "seeds" else str
                facts[name] = table[column].to_numpy()[firsts].astype(kind)
            reported: list[list[Detection]] = [[] for _ in firsts]
            columns = ("row", "phrase", "score", *BOX)
            for row, phrase, score, *box in zip(
                *(table[name].to_pylist() for name in columns), strict=True
            ):
                if phrase is not None:
                    reported[row].append(Detection(phrase, score, (box[0], box[1], box[2], box[3])))
            return cls(
                **facts,
                phrases=tuple(map(str, about["phrases"])),
                reported=tuple(map(tuple, reported)),
                detector=str(about["detector"]),
                version=str(about["fingerprint"]),
                least=float(about["least"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileError(
                got=f"a table without detections ({type(error).__name__}: {error})",
                expected=f"a table written by Detections.to_table, version {_VERSION}",
                do="check the file, or detect again",
            ) from error

    def __repr__(self) -> str:
        """Return the number of pictures and findings, the threshold and the detector."""
        n = sum(len(self[i]) for i in range(len(self)))
        least = f" with a score of at least {self.least:g}" if self.least else ""
        unseen = f", {len(self) - int(self.known.sum())} not looked at" * (not self.known.all())
        by = self.detector + (f" ({self.version[:8]})" if self.version else "")
        return f"Detections({len(self)} pictures{unseen}: {n} found{least} by {by})"


def is_detection(one: Any, phrases: Sequence[str]) -> bool:
    """Return whether an object is a valid finding of one of some phrases, or of any if empty."""
    try:
        phrase, score, box = one
        left, top, right, bottom = map(float, box)
        numbers = (float(score), left, top, right, bottom)
    except (TypeError, ValueError):
        return False
    named = isinstance(phrase, str) and phrase != "" and (not phrases or phrase in phrases)
    whole = all(map(math.isfinite, numbers)) and left <= right and top <= bottom
    return named and whole and 0 <= numbers[0] <= 1
