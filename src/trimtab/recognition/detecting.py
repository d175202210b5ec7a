"""`detect`: looks for objects in pictures, and asks no detector twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from trimtab.errors import ModelError
from trimtab.recognition.classification import open_archive
from trimtab.recognition.detection import Detection, Detector, distinct
from trimtab.recognition.detections import Detections, is_detection
from trimtab.recognition.holder import detector_for
from trimtab.recognition.protocol import recogniser_name, recogniser_version
from trimtab.recognition.subjects import Subjects

if TYPE_CHECKING:
    from trimtab.storage import Progress, Store

Found = tuple[Detection, ...]


def detect(
    images: Sequence[Image.Image],
    phrases: Sequence[str] = (),
    detector: Detector | str | os.PathLike[str] | None = None,
    *,
    store: Store | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Detections:
    """Look for objects in pictures.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        n pictures, as in `classify`.
    phrases : sequence of str, optional
        What to look for, such as ``["stethoscope", "white coat"]``. May be omitted if the detector
        knows only certain phrases, which then are all looked for, or if it names by itself what it
        sees (a grounded caption).
    detector : Detector, str or path, optional
        As in `detector_for`.
    store : Store, optional
        Where to keep findings and look them up, so that a detector looks at each picture only once
        for the same set of phrases. Each call adds a small file, and `tidy` merges them. A detector
        without a fingerprint always runs.
    device : str, optional
        The device to load the detector on.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Detections
        Findings in the n pictures, in order, with boxes in pixels of each picture as a viewer shows
        it. Blocked and unreadable pictures are not passed to the detector.

    Raises
    ------
    UsageError
        If there are no pictures, or the detector cannot look for a phrase.
    ModelError
        If the detector cannot be loaded, or returns something invalid.
    """
    wanted = distinct(phrases)
    Subjects(images)  # refuse what are no pictures before loading anything
    found = detector_for(images, detector, device)
    subjects = Subjects(images)  # whole, since boxes are in their pixels
    wanted = wanted or distinct(getattr(found, "phrases", ()))
    asked = sorted(wanted)  # so that their order does not matter
    name, version = recogniser_name(found), recogniser_version(found)
    archive = open_archive(store, name, version)
    known: dict[str, Found] = archive.findings(asked, subjects.hashes) if archive else {}
    for done, pictures in subjects.chunks([known]):
        if pictures:
            new = dict(zip(pictures, _checked(found, list(pictures.values()), asked), strict=True))
            known |= new
            if archive:
                archive.add_findings(asked, new)
        if progress:
            progress(done, subjects.n, "looking for objects")
    status = subjects.status()
    return Detections(
        pictures=np.array(subjects.pictures, dtype=str),
        seeds=subjects.seeds,
        prompts=subjects.prompts,
        specs=subjects.specs,
        files=subjects.files,
        status=status,
        reasons=np.array(subjects.reasons, dtype=str),
        phrases=tuple(wanted),
        reported=tuple(
            known[picture] if own == "known" else ()
            for picture, own in zip(subjects.pictures, status, strict=True)
        ),
        detector=name,
        version=version,
        least=float(getattr(found, "threshold", 0.0)),
    )


def _checked(detector: Any, pictures: list[Image.Image], phrases: list[str]) -> list[Found]:
    """Return what a detector finds in each picture, best first."""
    kind = type(detector).__name__
    every = [list(some) for some in detector.detect(pictures, phrases)]
    wrong = [one for some in every for one in some if not is_detection(one, phrases)]
    if wrong or len(every) != len(pictures):
        raise ModelError(
            got=f"{wrong[0]!r} from {kind}"
            if wrong
            else f"findings in {len(every)} pictures from {kind}",
            expected="a phrase that was asked for, a score from 0 to 1, and a box of four numbers"
            if wrong
            else f"a list for each of {len(pictures)}",
            do="check the detector",
        )
    return [tuple(sorted(map(_plain, some), key=lambda one: -one.score)) for some in every]


def _plain(one: Sequence[Any]) -> Detection:
    phrase, score, box = one
    left, top, right, bottom = map(float, box)
    return Detection(phrase, float(score), (left, top, right, bottom))
