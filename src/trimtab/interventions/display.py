"""How directions and interventions show themselves in a notebook."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from trimtab.interventions.effect import Effect
from trimtab.interventions.tables import facts_of, percent, shares
from trimtab.interventions.vector import UnitVector

SOURCE = "no source stated"
SIDE = 96  # pixels of the longer side of a picture, about


def direction_html(direction: UnitVector) -> str:
    """Show a direction: where in the picture it acts, and what it was learned from."""
    picture = base64.b64encode(energy_png(direction)).decode()
    said = f'<img alt="energy of each cell" src="data:image/png;base64,{picture}">'
    return f"<figure>{said}<figcaption>{_text(direction.name)}</figcaption></figure>" + _table(
        facts_of(direction)
    )


def intervention_html(
    does: str, terms: Sequence[tuple[UnitVector, Any]], facts: Mapping[str, Any]
) -> str:
    """Show an intervention: what it does, why, what was seen, and each direction behind a fold.

    Parameters
    ----------
    does : str
        What it does, in words.
    terms : sequence of (UnitVector, strength)
        Its directions.
    facts : mapping
        Its provenance.
    """
    rows = {"does": does, **{key: str(facts[key]) for key in ("name", "licence") if key in facts}}
    for attribute, one in (facts.get("target") or {}).items():
        rows[f"target of {attribute}"] = f"{shares(one['shares'])} ({one.get('source') or SOURCE})"
    if facts.get("measured"):
        for shift in Effect.from_dict(facts["measured"]).shifts:
            before, after = percent(shift.plain.share), percent(shift.steered.share)
            rows[f"measured {shift.attribute}"] = f"{shift.group} {before} → {after}"
    folds = (
        f"<details><summary>{_text(one.name)}</summary>{direction_html(one)}</details>"
        for one, _ in terms
    )
    return _table(rows) + "".join(folds)


def energy_png(direction: UnitVector) -> bytes:
    """Draw the share of a direction's squared length in each cell of the latents, as a PNG.

    White is the cell with most of it, black is none; a cell is a square of several pixels.
    """
    energy = (direction.array.astype(np.float64) ** 2).sum(axis=0)
    grey = Image.fromarray(np.rint(255 * energy / energy.max()).astype(np.uint8))
    times = max(1, SIDE // max(grey.size))
    large = grey.resize((grey.width * times, grey.height * times), Image.Resampling.NEAREST)
    file = io.BytesIO()
    large.save(file, "PNG", optimize=True)
    return file.getvalue()


def _table(rows: Mapping[str, str]) -> str:
    cells = (f"<tr><th>{_text(key)}</th><td>{_text(one)}</td></tr>" for key, one in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _text(said: str) -> str:
    return html.escape(said.replace("`", ""))
