"""The part of a store that keeps what recognisers and detectors said: none is asked twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.errors import FileError
from trimtab.recognition.detection import Detection
from trimtab.recognition.questions import Question
from trimtab.storage import Schema, Store, document_hash, register_schema, sha256

MANY = 32
"""Parts of a segment from which it is merged; until then only new rows are written."""
HUMAN = "human"
"""The recogniser name for people."""
_ABOUT: dict[str, Any] = {"format": "trimtab-recogniser", "version": 1}

OBSERVATIONS = register_schema(
    Schema(
        kind="observations",
        version=1,
        columns=pa.schema(
            {
                "picture": pa.string(),
                "question": pa.string(),
                "attribute": pa.string(),
                "group": pa.string(),
                "probability": pa.float64(),
                "status": pa.string(),
                "recogniser": pa.string(),
                "who": pa.string(),
                "when": pa.string(),
            }
        ),
        key=("picture", "question", "group", "recogniser", "who", "when"),
    )
)
"""One row per picture, question and group; `who` and `when` are empty except for people."""

EMBEDDINGS = register_schema(
    Schema(
        kind="embeddings",
        version=1,
        columns=pa.schema(
            {
                "picture": pa.string(),
                "recogniser": pa.string(),
                "embedding": pa.list_(pa.float32()),
            }
        ),
        key=("picture", "recogniser"),
    )
)
"""One row per picture."""

DETECTIONS = register_schema(
    Schema(
        kind="detections",
        version=1,
        columns=pa.schema(
            {
                "picture": pa.string(),
                "question": pa.string(),
                "detector": pa.string(),
                "rank": pa.int64(),
                "found": pa.int64(),
                "phrase": pa.string(),
                "score": pa.float64(),
                "left": pa.float64(),
                "top": pa.float64(),
                "right": pa.float64(),
                "bottom": pa.float64(),
            }
        ),
        key=("picture", "question", "detector", "rank"),
    )
)
"""One row per finding, best first: `found` is their number in the picture. A picture in which
nothing was found has one row, in which it is 0, and phrase, score and box are null."""


class Archive:
    """The stored answers of one version of one recogniser, or findings of a detector.

    Parameters
    ----------
    store : Store
        The store.
    name, version : str
        Name and fingerprint of the recogniser or detector.
    """

    def __init__(self, store: Store, name: str, version: str) -> None:
        self.store, self.name, self.version = store, name, version
        self._segment = sha256(version.encode())[:16]

    @classmethod
    def every(cls, store: Store) -> list[Archive]:
        """Return the archives of all recognisers in a store, except people.

        Raises
        ------
        FileError
            If an entry was written by a later version of trimtab.
        """
        found = []
        for name, one in store.documents("recognisers").items():
            if {key: one.get(key) for key in _ABOUT} != _ABOUT:
                raise FileError(
                    got=f"{store.url}/recognisers/{name}.json of version {one.get('version')}",
                    expected=f"version {_ABOUT['version']}, which this trimtab reads",
                    do="update trimtab",
                )
            found.append(cls(store, str(one["name"]), str(one["fingerprint"])))
        return found

    def segment(self, question: Question) -> str:
        """Return the name of the segment with a question's answers."""
        return f"{self._segment}-{question.hash[:16]}"

    def knows(self, question: Question) -> bool:
        """Return whether there are answers about any picture."""
        return len(self._rows(question)) > 0

    def answers(
        self, question: Question, pictures: Collection[str] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return the stored probabilities of each of some pictures, or of all, shape (C,).

        They are NaN where no face was found.

        Raises
        ------
        FileError
            If rows are missing.
        """
        groups = sorted(question.groups)
        table = _of(self._rows(question), pictures)
        if (table["group"].to_pylist()) != groups * (len(table) // len(groups)):
            raise FileError(
                got=f"{self.store.url} with incomplete answers about {question.attribute}",
                expected=f"one row for each of {', '.join(question.groups)}",
                do="restore the file, or classify into a new store",
            )
        p = table["probability"].to_numpy().reshape(-1, len(groups))
        p = p[:, [groups.index(group) for group in question.groups]]
        return dict(zip(table["picture"].to_pylist()[:: len(groups)], p, strict=True))

    def add(
        self,
        question: Question,
        pictures: Sequence[str],
        probabilities: NDArray[np.float64],
        status: str | None = None,
        who: str = "",
        when: str = "",
    ) -> None:
        """Store the probabilities of some pictures, shape (m, C), as a new part.

        Without a status, rows of NaN are stored as "no face", the others as "known".
        """
        groups = question.groups
        each = np.where(np.isnan(probabilities).all(axis=1), "no face", "known")
        if status is not None:
            each = np.full(len(probabilities), status)
        same = {
            "question": question.hash,
            "attribute": question.attribute,
            "recogniser": self.version,
            "who": who,
            "when": when,
        }
        columns = {
            "picture": np.repeat(np.array(pictures, dtype=str), len(groups)),
            "group": list(groups) * len(pictures),
            "probability": pa.array(probabilities.ravel(), from_pandas=True),  # NaN is null
            "status": np.repeat(each, len(groups)),
            **{name: [value] * probabilities.size for name, value in same.items()},
        }
        table = pa.table(columns, schema=OBSERVATIONS.columns)
        self._keep("observations", self.segment(question), table)

    def settle(self, question: Question) -> None:
        """Store the question and the recogniser."""
        self.store.add_document("questions", question.to_dict())
        if self.version != HUMAN:
            names = {"name": self.name, "fingerprint": self.version}
            self.store.add_document("recognisers", _ABOUT | names)

    def embeddings(self, pictures: Collection[str] | None = None) -> dict[str, NDArray[np.float32]]:
        """Return the stored embedding of each of some pictures, or of all, shape (e,)."""
        table = self.store.rows("embeddings", self._segment)
        table = _of(table.filter(pc.equal(table["recogniser"], self.version)), pictures)
        if not len(table):
            return {}
        vectors = table["embedding"].combine_chunks().flatten().to_numpy()
        return dict(zip(table["picture"].to_pylist(), vectors.reshape(len(table), -1), strict=True))

    def add_embeddings(self, rows: Mapping[str, NDArray[np.float32]]) -> None:
        """Store the embeddings of some pictures as a new part."""
        values = np.stack(list(rows.values())).astype(np.float32, copy=False)
        starts = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        columns = {
            "picture": list(rows),
            "recogniser": [self.version] * len(rows),
            "embedding": pa.ListArray.from_arrays(starts, values.ravel()),
        }
        table = pa.table(columns, schema=EMBEDDINGS.columns)
        self._keep("embeddings", self._segment, table)

    def findings(
        self, phrases: Sequence[str], pictures: Collection[str] | None = None
    ) -> dict[str, tuple[Detection, ...]]:
        """Return what was found for some phrases in each of some pictures, or in all that are kept.

        Raises
        ------
        FileError
            If rows are missing.
        """
        question = _looked_for(phrases)
        table = self.store.rows("detections", f"{self._segment}-{question[:16]}")
        mine = pc.and_(
            pc.equal(table["question"], question), pc.equal(table["detector"], self.version)
        )
        found: dict[str, list[Detection]] = {}
        missing: dict[str, int] = {}
        for row in _of(table.filter(mine), pictures).to_pylist():  # sorted by picture and rank
            some = found.setdefault(row["picture"], [])
            if row["found"]:
                box = (row["left"], row["top"], row["right"], row["bottom"])
                some.append(Detection(row["phrase"], row["score"], box))
            missing[row["picture"]] = row["found"] - len(some)
        if any(missing.values()):
            raise FileError(
                got=f"{self.store.url} with only some findings by {self.name} in "
                f"{sum(map(bool, missing.values()))} pictures",
                expected="all of them",
                do="restore the file, or detect into a new store",
            )
        return {picture: tuple(some) for picture, some in found.items()}

    def add_findings(self, phrases: Sequence[str], rows: Mapping[str, Sequence[Detection]]) -> None:
        """Store what was found in some pictures, as a new part; also that nothing was."""
        names = {"name": self.name, "fingerprint": self.version}
        self.store.add_document("detectors", {**_ABOUT, "format": "trimtab-detector"} | names)
        self.store.add_document("phrases", _phrases(phrases))
        question = _looked_for(phrases)
        columns: dict[str, list[Any]] = {name: [] for name in DETECTIONS.columns.names}
        for picture, some in rows.items():
            for rank, one in enumerate(some or (None,)):
                box = (None,) * 4 if one is None else one.box
                known = (picture, question, self.version, rank, len(some))
                said = (None, None) if one is None else (one.phrase, one.score)
                for name, value in zip(columns, (*known, *said, *box), strict=True):
                    columns[name].append(value)
        table = pa.table(columns, schema=DETECTIONS.columns)
        self._keep("detections", f"{self._segment}-{question[:16]}", table)

    def _rows(self, question: Question) -> Any:
        table = self.store.rows("observations", self.segment(question))
        mine = pc.and_(
            pc.equal(table["question"], question.hash), pc.equal(table["recogniser"], self.version)
        )
        return table.filter(mine)

    def _keep(self, kind: str, segment: str, table: Any) -> None:
        """Write only the new rows; merging them at every call would rewrite all rows each time."""
        self.store.add_rows(kind, segment, table)
        self.store.consolidate(kind, segment, MANY)


class Corrections(Archive):
    """Corrections by people: each applies to one picture, and the latest one counts."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, HUMAN, HUMAN)

    def answers(
        self, question: Question, pictures: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Return the probabilities of each corrected picture; None if nobody could tell."""
        rows = _of(self._rows(question), pictures).to_pylist()
        latest: dict[str, tuple[str, str]] = {}
        for row in rows:
            moment = (row["when"], row["who"])
            latest[row["picture"]] = max(moment, latest.get(row["picture"], moment))
        found: dict[str, Any] = {}
        for row in rows:
            if (row["when"], row["who"]) != latest[row["picture"]]:
                continue
            if row["status"] != "known":
                found[row["picture"]] = None
                continue
            p = found.setdefault(row["picture"], np.zeros(len(question.groups)))
            p[question.groups.index(row["group"])] = row["probability"]
        return found

    def correct(self, question: Question, picture: str, group: str, who: str, when: str) -> None:
        """Store that a person saw this group in a picture, or could not tell ("unknown")."""
        self.settle(question)
        p = np.array([[float(group == one) for one in question.groups]])
        known = group in question.groups
        status = "known" if known else "unreadable"
        self.add(question, [picture], p if known else p * np.nan, status, who, when)


def tidy(store: Store) -> None:
    """Merge everything that recognisers said in a store into one file per question or recogniser.

    `classify`, `embed` and `detect` add a small file per call. Afterwards, the files no longer
    depend on the calls, so a workflow tidies once when it has finished.
    """
    for schema in (OBSERVATIONS, EMBEDDINGS, DETECTIONS):
        store.consolidate(schema.kind)


def _phrases(phrases: Sequence[str]) -> dict[str, Any]:
    """Return the document of what a detector looked for."""
    return {"format": "trimtab-phrases", "version": 1, "phrases": list(phrases)}


def _looked_for(phrases: Sequence[str]) -> str:
    """Return the hash of what a detector looked for."""
    return document_hash(_phrases(phrases))


def _of(table: Any, pictures: Collection[str] | None) -> Any:
    """Return the rows of some pictures, or all."""
    if pictures is None:
        return table
    wanted = pa.array(list(pictures), pa.string())
    return table.filter(pc.is_in(table["picture"], value_set=wanted))
