"""Page content for an `UnderstandingResult`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from trimtab import drawing
from trimtab.drawing.words import number_of, percent
from trimtab.report.audit import frames
from trimtab.report.pictures import sheet_of
from trimtab.workflows.notebooks import pictures_in
from trimtab.workflows.results import UnderstandingResult
from trimtab.workflows.understanding_records import Association, ObjectKind

LEAST, MOST = 3, 20  # corners of a radar
RANKED = 30  # attributes in a figure
KINDS = 6  # of objects with pictures
DISCOVERIES = 8  # with pictures


def understanding(result: UnderstandingResult, name: str) -> dict[str, Any]:
    """Return the page content; `name` is the prefix of its ids."""
    return {
        "kind": "understanding",
        "id": name,
        "title": f"“{result.prompt}”",
        "prompts": result.prompts,
        "sentences": result.sentences(),
        "radars": list(_radars(result)),
        "associated": result.associated(),
        "ranking": _ranking(result),
        "ranked": result.ranked(),
        "frames": [one for view in result.views for one in frames(view)],
        "detector": result.detector,
        "found": result.found(),
        "boxes": list(_boxes(result)),
        "reference": result.reference,
        "named": _named(result),
        "discovered": result.discovered(),
        "carriers": list(_carriers(result)),
        "grouped": result.grouped(),
        "clusters": list(_clusters(result)),
        "sheet": sheet_of(result.store, result.spec, result.prompt, result.seeds),
    }


def _radars(result: UnderstandingResult) -> Iterator[tuple[str, Markup]]:
    """Yield a drawing for each text encoder, and one for the pictures."""
    shown = _nearest(result)
    for encoder, null in result.unrelated.items():
        values = {one.phrase: one.text[encoder].cosine for one in shown}
        told = f"Cosine of the embeddings of the prompt and of each attribute, by {encoder}."
        rings = {}
        if null.n:
            rings = {"unrelated words, median": null.median, "highest 5 %": null.high}
            told += (
                " Dashed: the median and the highest 5\u202f% of "
                f"{number_of(null.n, 'unrelated word')}."
            )
        if _drawable(values):
            yield told, drawing.radar(values, rings, title=f"Text, by {encoder}")
    values = {one.phrase: one.pictures.value for one in shown if one.pictures}
    if _drawable(values):
        told = f"Mean cosine of its pictures and those of each attribute, by {result.recogniser}."
        yield told, drawing.radar(values, title="Pictures")


def _nearest(result: UnderstandingResult) -> Sequence[Association]:
    """Return the attributes, those nearest in text if they are too many for a figure."""
    encoder = next(iter(result.unrelated), None)
    every = result.associations
    if encoder is None or len(every) <= MOST:
        return every[:MOST]
    nearest = sorted(every, key=lambda one: -one.text[encoder].cosine)[:MOST]
    return [one for one in every if one in nearest]


def _drawable(values: dict[str, float]) -> bool:
    return sum(map(math.isfinite, values.values())) >= LEAST


def _ranking(result: UnderstandingResult) -> Markup:
    most = sorted(result.misalignments, key=lambda one: -abs(one.gap))[:RANKED]
    rows = [
        (one.phrase, one.association, one.detected, one.disagreement)
        for one in result.misalignments
        if one in most
    ]
    names = ("closer in text", "shown in more pictures")
    return drawing.ranks(rows, names=names) if rows else Markup()


def _boxes(result: UnderstandingResult) -> Iterator[tuple[str, Markup]]:
    """Yield pictures with boxes, for the kinds of objects in most pictures."""
    for one in result.objects[:KINDS]:
        said = f"{one.phrase}: in {percent(one.pictures.value)} of the pictures"
        yield from _told(said, _boxed(result, one))


def _boxed(result: UnderstandingResult, one: ObjectKind) -> list[tuple[str, Any]]:
    seeds = [example.seed for example in one.examples]
    pictures = pictures_in(result.store, result.spec, result.prompt, seeds)
    return [
        (str(example.seed), picture and drawing.with_box(picture, example.box))
        for example, picture in zip(one.examples, pictures, strict=True)
    ]


def _named(result: UnderstandingResult) -> str:
    more = sum(one.over for one in result.discoveries)
    return (
        f"Of {number_of(result.compared, 'phrase')} looked for, pictures of “{result.prompt}” show "
        f"{more} more often than those of “{result.reference}”, and "
        f"{len(result.discoveries) - more} less often."
    )


def _carriers(result: UnderstandingResult) -> Iterator[tuple[str, Markup]]:
    """Yield the pictures that carry the largest discoveries."""
    for one in result.discoveries[:DISCOVERIES]:
        often = "more often here" if one.over else f"more often in “{result.reference}”"
        yield from _told(f"“{one.phrase}”, {often}:", _shown(result, one))


def _clusters(result: UnderstandingResult) -> Iterator[tuple[str, Markup]]:
    """Yield the pictures at the middle of each group, of the side with more of them."""
    for one in result.clusters:
        said = (
            f"{percent(one.concept.value)} here, {percent(one.reference.value)} in "
            f"“{result.reference}”."
        )
        said += f" Nearest words: {', '.join(one.phrases)}." if one.phrases else ""
        yield from _told(said, _shown(result, one))


def _shown(result: UnderstandingResult, one: Any) -> list[tuple[str, Any]]:
    """Return the pictures that carry a discovery or are at the middle of a cluster."""
    prompt = result.prompt if one.over else result.reference
    pictures = pictures_in(result.store, result.spec, prompt, one.carriers)
    return list(zip(map(str, one.carriers), pictures, strict=True))


def _told(said: str, shown: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Markup]]:
    """Yield a sentence with its pictures, if there are any."""
    if any(picture for _, picture in shown):
        yield said, drawing.contact_sheet(shown)
