"""Notebook display of results: figures and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from trimtab import drawing
from trimtab.drawing.words import spaced
from trimtab.metrics import Agreement, Figures
from trimtab.storage import PictureIndex, Store
from trimtab.workflows.records import Arm, Learned, Mitigated, Seeds, View

SHOWN = 10  # pictures: the first seeds, none picked by hand


def audit(
    views: Sequence[View],
    agreements: Sequence[Agreement],
    prompts: Sequence[str],
    seeds: Seeds | None,
    spec: str,
    store: Store | None,
) -> str:
    """Return the shares by recogniser, how far two agree, and the first pictures."""
    parts: list[Any] = []
    for view in views:
        for figures in (*view.figures, *view.intersections):
            parts += figures.drawn()
    for one in agreements:
        parts += one.drawn()
    if seeds and prompts:
        shown = range(*seeds)[:SHOWN]
        pictures = pictures_in(store, spec, prompts[0], shown)
        if any(pictures):
            parts += [f"“{prompts[0]}”, the first seeds:"]
            parts += [drawing.contact_sheet(list(zip(map(str, shown), pictures, strict=True)))]
    return drawing.notebook(*parts)


def sensitivity(
    told: Sequence[Any], prompts: Sequence[str], seeds: Seeds, spec: str, store: Store | None
) -> str:
    """Return what was found, then pictures: a row for each paraphrase, a column for each seed."""
    shown = range(*seeds)[:SHOWN]
    rows = [(prompt, pictures_in(store, spec, prompt, shown)) for prompt in prompts]
    drawn = any(picture for _, row in rows for picture in row)
    return drawing.notebook(*told, drawing.gallery(shown, rows) if drawn else "")


def understanding(
    views: Sequence[View],
    told: Sequence[Any],
    prompt: str,
    seeds: Seeds,
    spec: str,
    store: Store | None,
) -> str:
    """Return the shares, what else was found, and the first pictures."""
    return audit(views, (), (prompt,), seeds, spec, store) + drawing.notebook(*told)


def mitigation(
    arms: Sequence[Arm],
    attributes: Sequence[Mitigated],
    calibrated: Sequence[str],
    joint: str,
    prompts: Sequence[str],
    store: Store | None,
) -> str:
    """Return the shares of all arms by attribute, then pictures of the same seeds in columns."""
    parts: list[Any] = []
    for one, told in zip(attributes, calibrated, strict=True):
        seen = list(_seen(arms, one.learned.attribute))
        if seen:
            parts += _shares(f"{one.learned.title}, strength {one.strength:.2f}", seen)
            parts.append(told)
    parts.append(joint)
    seeds = range(*arms[0].seeds)[:SHOWN]
    rows = [
        (named(arm, len(attributes) > 1), pictures_in(store, arm.spec, prompts[0], seeds))
        for arm in arms
        if arm.role in ("plain", "adjusted", "single", "sum")
    ]
    if any(picture for _, row in rows for picture in row):
        parts += [f"“{prompts[0]}”, the first seeds:", drawing.gallery(seeds, rows)]
    return drawing.notebook(*parts)


def learned(found: Learned, told: str) -> str:
    """Return the accuracy by step and the chosen step."""
    drawn = [drawing.accuracy(found.accuracies, found.step)] if found.accuracies else []
    return drawing.notebook(
        drawing.heading(f"{found.title}, towards {found.towards}"), *drawn, *told.splitlines()[-1:]
    )


def _shares(title: str, rows: Sequence[tuple[str, Figures]]) -> list[Any]:
    target = rows[0][1].target
    return [
        drawing.heading(title),
        drawing.shares(rows, target.shares, title=title),
        f"target: {target}",
    ]


def _seen(arms: Sequence[Arm], attribute: str) -> Iterator[tuple[str, Figures]]:
    """Yield the recogniser's figures of an attribute, arm by arm."""
    for arm in arms:
        view = arm.view()
        figures = view.of(attribute) if view else None
        if figures is not None and arm.attribute in (None, attribute):
            yield arm.label, figures


def named(arm: Arm, several: bool = True) -> str:
    """Return the label of an arm, with its attribute if there are several."""
    return f"{arm.label}: {spaced(arm.attribute)}" if several and arm.attribute else arm.label


def pictures_in(
    store: Store | None, spec: str, prompt: str, seeds: Sequence[int]
) -> list[Image.Image | None]:
    """Read pictures by seed; None for blocked or missing ones, and for all without a store."""
    return [None] * len(seeds) if store is None else PictureIndex(store).images(spec, prompt, seeds)
