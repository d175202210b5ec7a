"""`Observations`: the full answers of recognisers about pictures, before any threshold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import FileError, UsageError
from trimtab.recognition.labels import Labels
from trimtab.recognition.questions import Question
from trimtab.recognition.subjects import Subjects

_META, _VERSION = b"trimtab", 1
_FACTS = ("pictures", "seeds", "prompts", "specs", "files", "numbered", "reasons")


@dataclass(frozen=True, eq=False)
class Answer:
    """The answers of one recogniser to one question about n pictures.

    Parameters
    ----------
    question : Question
        The question.
    recogniser, version : str
        Name and fingerprint of the recogniser.
    probabilities : ndarray, shape (n, C)
        One row per picture; NaN if the status is not "known".
    status : ndarray of str, shape (n,)
        "known", "blocked", "unreadable" or "no face".
    corrected : ndarray of bool, shape (n,)
        True if a person's answer replaces the recogniser's.
    """

    question: Question
    recogniser: str
    version: str
    probabilities: NDArray[np.float64]
    status: NDArray[np.str_]
    corrected: NDArray[np.bool_]

    def select(self, rows: Any) -> Answer:
        """Return the answers about some pictures."""
        return replace(
            self,
            probabilities=self.probabilities[rows],
            status=self.status[rows],
            corrected=self.corrected[rows],
        )

    def extend(self, other: Answer) -> Answer:
        """Return these answers, followed by others to the same question."""
        return replace(
            self,
            probabilities=np.concatenate([self.probabilities, other.probabilities]),
            status=np.concatenate([self.status, other.status]),
            corrected=np.concatenate([self.corrected, other.corrected]),
        )


@dataclass(frozen=True, eq=False)
class Observations:
    """What was recognised in n pictures, by attribute.

    Parameters
    ----------
    pictures : ndarray of str, shape (n,)
        Hash of each picture; "" if it could not be read.
    seeds : ndarray of int, shape (n,)
        Seed of each picture.
    prompts, specs : ndarray of str, shape (n,)
        Prompt and spec of each picture; "" if unknown.
    answers : mapping of str to Answer
        Answers by attribute name.
    files : ndarray of str, shape (n,), optional
        Name of the file of each picture; "" for pictures that were not read from a folder.
    numbered : ndarray of bool, shape (n,), optional
        Whether the seed of a picture is only a running number.
    reasons : ndarray of str, shape (n,), optional
        Why a picture could not be read, or shows nothing; otherwise "".
    """

    pictures: NDArray[np.str_]
    seeds: NDArray[np.int64]
    prompts: NDArray[np.str_]
    specs: NDArray[np.str_]
    answers: Mapping[str, Answer]
    files: NDArray[np.str_] = None  # type: ignore[assignment]
    numbered: NDArray[np.bool_] = None  # type: ignore[assignment]
    reasons: NDArray[np.str_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Fill in what is unknown."""
        n = len(self.seeds)
        for name, default in (("files", ""), ("numbered", False), ("reasons", "")):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(n, default))

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.seeds)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes."""
        return tuple(self.answers)

    def answer(self, attribute: str | None = None) -> Answer:
        """Return the answers about an attribute, whose name may be omitted if there is only one.

        Raises
        ------
        UsageError
            If there are no answers about it, or there are several attributes and none is named.
        """
        if attribute is None and len(self.answers) == 1:
            return next(iter(self.answers.values()))
        if attribute is None or attribute not in self.answers:
            raise UsageError(
                got=f"the attribute {attribute!r}",
                expected=f"one of {', '.join(self.answers) or 'none at all'}",
                do="choose one of these, or classify the pictures by it",
            )
        return self.answers[attribute]

    def labels(self, attribute: str | None = None, threshold: float | None = None) -> Labels:
        """Return the labels of one attribute, the input of all statistics.

        Parameters
        ----------
        attribute : str, optional
            The attribute; may be omitted if there is only one.
        threshold : float, optional
            A picture is unknown if its top probability is below this. Defaults to the threshold of
            the question (0.6, unless the recogniser sets another).

        Raises
        ------
        UsageError
            As in `answer`, or if the threshold is not from 0 to 1.
        """
        found = self.answer(attribute)
        question = found.question
        return Labels(
            question.attribute,
            question.groups,
            found.probabilities,
            self.seeds,
            found.status != "known",
            threshold=question.threshold if threshold is None else threshold,
            title=question.title,
            recogniser=found.recogniser,
            prompts=self.prompts,
            version=found.version,
            missed=(found.status == "unreadable") & (self.reasons != ""),  # not by a person
            files=self.files,
            numbered=self.numbered,
            no_face=found.status == "no face",
        )

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """`Labels.probabilities` of the only attribute, shape (n, C)."""
        return self.labels().probabilities

    @property
    def codes(self) -> NDArray[np.int64]:
        """`Labels.codes` of the only attribute, shape (n,)."""
        return self.labels().codes

    @property
    def blocked(self) -> NDArray[np.bool_]:
        """`Labels.blocked` of the only attribute, shape (n,)."""
        return self.labels().blocked

    def select(self, rows: ArrayLike) -> Observations:
        """Return the observations of some pictures, selected by a mask or indices."""
        chosen = np.asarray(rows)
        answers = {name: answer.select(chosen) for name, answer in self.answers.items()}
        facts: dict[str, Any] = {fact: getattr(self, fact)[chosen] for fact in _FACTS}
        return Observations(**facts, answers=answers)

    def join(self, other: Observations) -> Observations:
        """Return the attributes of both observations, for the same pictures.

        Raises
        ------
        UsageError
            If the pictures differ, or an attribute is in both.
        """
        same = all(np.array_equal(getattr(self, f), getattr(other, f)) for f in _FACTS)
        if not same or self.answers.keys() & other.answers.keys():
            shared = ", ".join(self.answers.keys() & other.answers.keys())
            raise UsageError(
                got=f"two observations of {shared}" if same else "observations of other pictures",
                expected="different attributes of the same pictures",
                do="join observations of the same pictures, or use extend to add pictures",
            )
        return replace(self, answers={**self.answers, **other.answers})

    def extend(self, other: Observations) -> Observations:
        """Return these observations, followed by those of more pictures.

        Raises
        ------
        UsageError
            If attributes, questions, recognisers or versions of a recogniser differ.
        """
        if self.attributes != other.attributes:
            raise UsageError(
                got=f"observations of {', '.join(other.attributes)}",
                expected=f"of {', '.join(self.attributes)}",
                do="classify all pictures by the same attributes",
            )
        answers = {}
        for name, mine in self.answers.items():
            theirs = other.answers[name]
            if (mine.question, mine.recogniser, mine.version) != (
                theirs.question,
                theirs.recogniser,
                theirs.version,
            ):
                raise UsageError(
                    got=f"{name} by {_who(theirs)}",
                    expected=f"the same question, answered by {_who(mine)}",
                    do="classify all pictures with the same version of one recogniser",
                )
            answers[name] = mine.extend(theirs)
        both: dict[str, Any] = {
            fact: np.concatenate([getattr(self, fact), getattr(other, fact)]) for fact in _FACTS
        }
        return Observations(**both, answers=answers)

    def to_table(self) -> Any:
        """Return a `pyarrow.Table` with one row per attribute, picture and group.

        Its columns are picture, seed, prompt, spec, file, numbered, reason, question, attribute,
        group, probability, status, recogniser, version and corrected. The schema's metadata
        contains the questions.
        """
        import pyarrow as pa

        tables = []
        for name, answer in self.answers.items():
            groups = answer.question.groups
            columns = {
                "picture": np.repeat(self.pictures, len(groups)),
                "seed": np.repeat(self.seeds, len(groups)),
                "prompt": np.repeat(self.prompts, len(groups)),
                "spec": np.repeat(self.specs, len(groups)),
                "file": np.repeat(self.files, len(groups)),
                "numbered": np.repeat(self.numbered, len(groups)),
                "reason": np.repeat(self.reasons, len(groups)),
                "question": np.full(len(self) * len(groups), answer.question.hash),
                "attribute": np.full(len(self) * len(groups), name),
                "group": np.tile(np.array(groups), len(self)),
                "probability": answer.probabilities.ravel(),
                "status": np.repeat(answer.status, len(groups)),
                "recogniser": np.full(len(self) * len(groups), answer.recogniser),
                "version": np.full(len(self) * len(groups), answer.version),
                "corrected": np.repeat(answer.corrected, len(groups)),
            }
            tables.append(pa.table({key: pa.array(value) for key, value in columns.items()}))
        questions = [answer.question.to_dict() for answer in self.answers.values()]
        meta = {_META: json.dumps({"version": _VERSION, "questions": questions})}
        return pa.concat_tables(tables).replace_schema_metadata(meta)

    @classmethod
    def from_table(cls, table: Any) -> Observations:
        """Return observations from a table written by `to_table`.

        Raises
        ------
        FileError
            If the table contains something else, or was written by a later version.
        """
        try:
            about = json.loads(table.schema.metadata[_META])
            if about["version"] != _VERSION:
                raise ValueError(f"version {about['version']}")
            columns = {name: table[name].to_numpy() for name in table.column_names}
            answers: dict[str, Answer] = {}
            facts: dict[str, Any] = {}
            for question in map(Question.from_dict, about["questions"]):
                mine = columns["attribute"] == question.attribute
                first = {
                    key: value[mine][:: len(question.groups)] for key, value in columns.items()
                }
                p = columns["probability"][mine].reshape(-1, len(question.groups))
                answers[question.attribute] = Answer(
                    question,
                    str(first["recogniser"][0]),
                    str(first["version"][0]),
                    p,
                    first["status"].astype(str),
                    first["corrected"].astype(bool),
                )
                facts = {
                    "pictures": first["picture"].astype(str),
                    "seeds": first["seed"].astype(np.int64),
                    "prompts": first["prompt"].astype(str),
                    "specs": first["spec"].astype(str),
                }
                if "file" in first:  # tables written before these were there have no such columns
                    facts["files"] = first["file"].astype(str)
                    facts["numbered"] = first["numbered"].astype(bool)
                    facts["reasons"] = first["reason"].astype(str)
            return cls(**facts, answers=answers)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileError(
                got=f"a table without observations ({type(error).__name__}: {error})",
                expected=f"a table written by Observations.to_table, version {_VERSION}",
                do="check the file, or classify the pictures again",
            ) from error

    def __repr__(self) -> str:
        """Return the number of pictures, attributes and recognisers on one line."""
        said = ", ".join(f"{name} by {_who(one)}" for name, one in self.answers.items())
        return f"Observations({len(self)} pictures: {said})"


Said = tuple[Question, str, str, Mapping[str, Any], Mapping[str, Any]]
"""Question, name and version of a recogniser, and probabilities by picture, shape (C,): its own,
and those of people (None if a person could not tell)."""


def assemble(subjects: Subjects, answers: Sequence[Said]) -> Observations:
    """Combine the answers to each question about each picture.

    Parameters
    ----------
    subjects : Subjects
        The pictures.
    answers : sequence of Said
        The answers to each question.
    """
    found = {}
    status = subjects.status()
    for question, name, version, said, people in answers:
        p = np.full((subjects.n, len(question.groups)), np.nan)
        own, corrected = status.copy(), np.zeros(subjects.n, dtype=bool)
        for i, picture in enumerate(subjects.pictures):
            if status[i] != "known":
                continue
            corrected[i] = picture in people
            row = people[picture] if corrected[i] else said[picture]
            if row is None:
                own[i] = "unreadable"
            elif np.isnan(row).all():
                own[i] = "no face"
            else:
                p[i] = row
        found[question.attribute] = Answer(question, name, version, p, own, corrected)
    facts = (np.array(subjects.pictures, dtype=str), subjects.seeds)
    return Observations(
        *facts,
        subjects.prompts,
        subjects.specs,
        found,
        subjects.files,
        subjects.numbered,
        np.array(subjects.reasons, dtype=str),
    )


def _who(answer: Answer) -> str:
    return f"{answer.recogniser}{f' ({answer.version[:8]})' if answer.version else ''}"
