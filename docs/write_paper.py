"""Write docs/paper.md and its pictures from the store of `trimtab paper`.

python docs/write_paper.py runs/paper
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from trimtab.drawing import Table, write_strip
from trimtab.drawing.words import capital, group_label, percent
from trimtab.report.claims import claims
from trimtab.report.panels import overview
from trimtab.storage import Store
from trimtab.workflows import PanelsResult
from trimtab.workflows.panel_records import GridShare, PanelOutcome
from trimtab.workflows.panels_result import final
from trimtab.workflows.result import slug

FOLDER = Path(__file__).parent
SHOWN = 8  # seeds in a strip: the first audit seeds, none picked by hand

HEAD = """\
# The paper's panels

<!-- Written by docs/write_paper.py from the store of this command; do not edit. -->

“Latent Directions: A Simple Pathway to Bias Mitigation in Generative AI” (arXiv 2406.06352) shows
what happens to pictures of a prompt when a direction is added to their initial noise. These are its
panels, measured on {model}:

```console
$ {command}
```

The same command runs them on [any supported model](../README.md#models), and a
[file of your own](cli.md#trimtab-paper) takes their place. Every decision (group, step, strength)
was made by the recogniser, on seeds of its own. The figures are by the {judge}, on {n} pictures of
each set, in pairs of the same seeds.

{note}
"""


def page(result: PanelsResult, folder: Path) -> Iterator[str]:
    """Yield the parts of the page, and write its pictures to a folder."""
    yield HEAD.format(
        model=result.model["name"],
        command=result.command or "trimtab paper",
        judge=result.judge,
        n=result.panels[0].mitigation.arms[0].n,
        note=result.note,
    )
    yield f"## Before and after\n\n{markdown(overview(result, result.judge))}\n"
    yield "## What the paper says, and what was measured\n"
    for one in claims(result):
        yield f"### {one.claim}\n\n{one.answer} {one.note}".rstrip() + "\n"
        if one.table:
            yield f"{one.table.caption}:\n\n{markdown(one.table)}\n"
    yield "## Panel by panel\n"
    for panel in result.panels:
        yield from _panel(panel, folder)


def _panel(panel: PanelOutcome, folder: Path) -> Iterator[str]:
    name = f"paper-{slug(panel.title, 60)}.png"
    result = panel.mitigation
    seeds = range(*result.arms[0].seeds)[:SHOWN]
    rows = {arm.label: result.pictures(arm, seeds) for arm in (result.arms[0], final(result))}
    write_strip(rows, folder / name)
    yield f"### {capital(panel.title)}\n\n![The same seeds, plain and steered]({name})\n"
    for share in panel.grid.shares:
        yield (
            f"Share of {group_label(share.towards)} by step (rows) and weight (columns), by the "
            f"recogniser in {share.plain.n} calibration pictures each:\n\n"
            f"{markdown(grid(panel, share))}\n"
        )


def grid(panel: PanelOutcome, share: GridShare) -> Table:
    """Return the grid of a share, with the concept kept behind a stroke if it was lost."""
    rows = [
        [f"step {step}", *(f"{percent(dose.share)}{_lost(dose.kept, dose.n)}" for dose in row)]
        for step, row in zip(panel.grid.steps, share.cells, strict=True)
    ]
    return Table("", ["", *(f"{weight:g} σ" for weight in panel.grid.weights)], rows)


def _lost(kept: int, n: int) -> str:
    return "" if kept == n else f" (kept {percent(kept / n)})"


def markdown(table: Table) -> str:
    """Return a table in Markdown."""
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    found = PanelsResult.load(Store.existing(sys.argv[1]))
    text = "\n".join(page(found, FOLDER))
    (FOLDER / "paper.md").write_text(text.rstrip() + "\n", encoding="utf-8")
