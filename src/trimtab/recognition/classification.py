"""`classify` recognises what pictures show; `recall` reads the same from a store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.concepts import Attribute, Named, as_attributes
from trimtab.concepts.words import fold
from trimtab.errors import FileError, ModelError, UsageError
from trimtab.recognition.holder import recogniser_for
from trimtab.recognition.observations import Observations, assemble
from trimtab.recognition.protocol import Recogniser, recogniser_name, recogniser_version
from trimtab.recognition.questions import Question
from trimtab.recognition.reductions import reduction_of
from trimtab.recognition.subjects import Subjects

if TYPE_CHECKING:
    from trimtab.recognition.archive import Archive
    from trimtab.storage import Progress, Store

Known = dict[str, Any]
"""Probabilities by picture, each of shape (C,)."""


def classify(
    images: Sequence[Image.Image],
    attributes: Named | Sequence[Named] | None = None,
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
    *,
    store: Store | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Observations:
    """Recognise one or more attributes in pictures.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        n pictures. The records of an `ImageSet` are used; for other sequences, so are the
        attributes `seeds`, `prompts`, `specs`, `blocked`, `pictures` (hashes) and `model_path`.
    attributes : Attribute, str or path, or a sequence of them
        The attributes to recognise, or their names in the catalogue. May be omitted if the
        recogniser has its own questions; it then answers all of them.
    recogniser : Recogniser, str or path, optional
        As in `recogniser_for`.
    store : Store, optional
        Where to keep answers and look them up, so that each picture is classified only once per
        question. Each call adds a small file, and `tidy` merges them. A recogniser without a
        fingerprint always runs. Corrections by people (`correct`) replace the recogniser's answers.
    device : str, optional
        The device to load the recogniser on.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Observations
        Observations of the n pictures, in order, each recognised as a viewer shows it. Blocked and
        unreadable pictures are not passed to the recogniser. The status is "no face" where a
        recogniser that looks for faces found none.

    Raises
    ------
    UsageError
        If there are no pictures, or an attribute is invalid.
    ModelError
        If the recogniser cannot be loaded or returns invalid values, or if it is omitted and the
        folder of the model that made the pictures no longer exists.
    """
    wanted = None if attributes is None else _attributes(attributes)
    Subjects(images)  # refuse what are no pictures before loading anything
    found = recogniser_for(images, recogniser, device)
    subjects = Subjects(images, reduction_of(found))
    questions = _questions(found, wanted)
    name, version = recogniser_name(found), recogniser_version(found)
    archive = open_archive(store, name, version)
    known = [_known(archive, question, subjects) for question in questions]
    for done, pictures in subjects.chunks(known):
        for question, answers in zip(questions, known, strict=True):
            new = [picture for picture in pictures if picture not in answers]
            if new:
                p = _checked(found, [pictures[picture] for picture in new], question)
                answers |= dict(zip(new, p, strict=True))
                if archive:
                    archive.add(question, new, p)
        if progress:
            progress(done, subjects.n, f"recognising {', '.join(q.title for q in questions)}")
    people = [_corrections(store, question, subjects) for question in questions]
    return assemble(
        subjects,
        [
            (q, name, version, said, by)
            for q, said, by in zip(questions, known, people, strict=True)
        ],
    )


def recall(
    images: Sequence[Image.Image],
    attributes: Named | Sequence[Named] | None = None,
    recogniser: str | None = None,
    *,
    store: Store,
) -> Observations:
    """Return stored observations of pictures, without loading a recogniser or any other model.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        As in `classify`; only pictures with unknown hashes are read.
    attributes : Attribute, str or path, or a sequence of them, optional
        A name refers to any stored question with this name, an `Attribute` only to its own
        question. Defaults to all questions that the recogniser answered.
    recogniser : str, optional
        The name of the recogniser, or its fingerprint or the start of it, if the store has answers
        by several.
    store : Store
        The store in which `classify` kept the answers.

    Raises
    ------
    FileError
        If the store has no such answers, has them from several recognisers or versions, or lacks
        some pictures.
    """
    subjects = Subjects(images)
    for i in range(subjects.n):
        if not (subjects.pictures[i] or subjects.blocked[i]):
            subjects.read(i)
    archive = _choose(store, recogniser)
    looked_at = np.array(subjects.pictures)[subjects.status() == "known"].tolist()
    rows = []
    for question in _asked(store, archive, attributes, anything=bool(looked_at)):
        said = archive.answers(question, subjects.hashes)
        people = _corrections(store, question, subjects)
        missing = sum(picture not in said and picture not in people for picture in looked_at)
        if missing:
            raise FileError(
                got=f"{store.url} without answers by {archive.name} ({archive.version[:8]}) about "
                f"{question.attribute} in {missing} of {subjects.n} pictures",
                expected="answers by one version of one recogniser about all of them",
                do="classify them with store=, or name another recogniser",
            )
        rows.append((question, archive.name, archive.version, said, people))
    return assemble(subjects, rows)


def correct(
    store: Store, picture: str, attribute: Attribute | Question, group: str, *, who: str, when: str
) -> None:
    """Store what a person sees in a picture; this replaces the answers of recognisers.

    Parameters
    ----------
    store : Store
        The store.
    picture : str
        The hash of the picture, as in `Observations.pictures`.
    attribute : Attribute or Question
        The question; the correction applies to no other.
    group : str
        One of its groups, or "unknown" if it cannot be decided.
    who, when : str
        The author and the time of the correction. If a picture has several corrections, the one
        with the last `when` in sorting order counts, so use a format like 2026-03-31T12:00.

    Raises
    ------
    UsageError
        If there is no such group, or `picture` is not a hash.
    """
    question = attribute if isinstance(attribute, Question) else Question.of(attribute)
    if group not in (*question.groups, "unknown"):
        raise UsageError(
            got=f"the group {group!r}",
            expected=f"one of {', '.join(question.groups)}, unknown",
            do="choose one of these",
        )
    if len(picture) != 64:
        raise UsageError(
            got=f"{picture!r} as picture",
            expected="the hash of a picture, 64 characters",
            do="take it from Observations.pictures",
        )
    from trimtab.recognition.archive import Corrections

    Corrections(store).correct(question, picture, group, who, when)


def _attributes(wanted: Named | Sequence[Named]) -> tuple[Attribute, ...]:
    found = as_attributes(wanted)
    names = [one.name for one in found]
    if not names or len(set(names)) < len(names):
        raise UsageError(
            got=f"the attributes {', '.join(names) or '(none)'}",
            expected="at least one, each only once",
            do="name each once, or rename one",
        )
    return found


def _questions(recogniser: Recogniser, wanted: Sequence[Attribute] | None) -> list[Question]:
    """Return the questions to ask: the recogniser's own, if it has any."""
    own = getattr(recogniser, "questions", None)
    if own is None:
        if wanted is None:
            raise UsageError(
                got="no attributes", expected="at least one", do='use e.g. attributes="gender"'
            )
        return [Question.of(one) for one in wanted]
    names = list(own) if wanted is None else [one.name for one in wanted]
    if strange := [name for name in names if name not in own]:
        raise UsageError(
            got=f"the attribute {strange[0]!r}",
            expected=f"one that {recogniser_name(recogniser)} knows: {', '.join(own)}",
            do="choose one of these, or another recogniser",
        )
    return [own[name] for name in names]


def _checked(
    recogniser: Recogniser, pictures: list[Image.Image], question: Question
) -> NDArray[np.float64]:
    phrases = question.phrases
    p = np.asarray(recogniser.probabilities(pictures, phrases), dtype=np.float64)
    fits = p.shape == (len(pictures), len(phrases))
    if fits:
        faceless = np.isnan(p).all(axis=1) & bool(getattr(recogniser, "finds_faces", False))
        fits = bool(np.isfinite(p[~faceless]).all())
    if not fits:
        raise ModelError(
            got=f"probabilities of shape {p.shape} from {type(recogniser).__name__}",
            expected=f"finite numbers of shape {(len(pictures), len(phrases))}",
            do="check the recogniser",
        )
    return p


def open_archive(store: Store | None, name: str, version: str | None) -> Archive | None:
    """Return a recogniser's archive; None without a store, or without a version to file under."""
    if store is None or not version:
        return None
    # Only a store needs pyarrow: observations can be read and audited without it.
    from trimtab.recognition.archive import Archive

    return Archive(store, name, version)


def _known(archive: Archive | None, question: Question, subjects: Subjects) -> Known:
    if archive is None:
        return {}
    archive.settle(question)
    return dict(archive.answers(question, subjects.hashes))


def _corrections(store: Store | None, question: Question, subjects: Subjects) -> Known:
    if store is None:
        return {}
    from trimtab.recognition.archive import Corrections

    return Corrections(store).answers(question, subjects.hashes)


def _choose(store: Store, recogniser: str | None) -> Archive:
    from trimtab.recognition.archive import Archive

    every = Archive.every(store)
    found = [
        one
        for one in every
        if recogniser is None or one.name == recogniser or one.version.startswith(recogniser)
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(f"{one.name} ({one.version[:8]})" for one in found or every))
    if not found:
        raise FileError(
            got=f"{store.url} without answers by {recogniser or 'any recogniser'}",
            expected=f"one of {known}" if known else "pictures that were classified with store=",
            do="name one of these" if known else "classify them with store= first",
        )
    versions = len({one.name for one in found}) == 1
    raise FileError(
        got=f"{store.url} with answers by several {'versions of' if versions else 'recognisers:'} "
        f"{known}",
        expected="one of them",
        do=f"name it by its {'fingerprint' if versions else 'name'}: recogniser=",
    )


def _asked(
    store: Store, archive: Archive, wanted: Named | Sequence[Named] | None, *, anything: bool
) -> list[Question]:
    """Return those of the requested questions that the recogniser answered.

    If there was no picture to classify, every question counts as answered.
    """
    every = map(Question.from_dict, store.documents("questions").values())
    answered = [question for question in every if archive.knows(question) or not anything]
    if wanted is None:
        names: list[Any] = list(dict.fromkeys(question.attribute for question in answered))
    else:
        names = [wanted] if isinstance(wanted, Attribute | str | os.PathLike) else list(wanted)
    found = []
    for name in names:
        if isinstance(name, Attribute):
            title, matching = name.name, [q for q in answered if q == Question.of(name)]
        else:
            title = fold(os.fspath(name))
            matching = [q for q in answered if q.attribute == title]
        if len(matching) != 1:
            raise FileError(
                got=f"{store.url} with {len(matching)} questions about {title} that "
                f"{archive.name} was asked",
                expected="one",
                do="pass the Attribute itself" if matching else "classify with store= first",
            )
        found += matching
    return found
