"""The page: sections, galleries and words put into the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trimtab import __version__
from trimtab.drawing import plots as figures
from trimtab.drawing.words import capital, duration, group_label, number, numbers, percent, percents
from trimtab.latents import AUDIT_SEEDS, CALIBRATION_SEEDS, CAPTURE_SEEDS
from trimtab.report.pictures import COLUMNS, Gallery
from trimtab.report.sections import Table, section, table
from trimtab.report.sources import Source

WORLD = "townsfolk"  # a model that draws cartoons, no people
SHOWN = 40  # pictures of a plain run
FIGURES = {
    "deviation_ratio": "deviation ratio",
    "fairness_discrepancy": "FD, soft distance from target",
    "kl": "KL divergence",
    "entropy": "normalised entropy",
    "spd": "SPD, difference of shares",
}


def study_page(source: Source) -> str:
    """Return the page of a study, as HTML."""
    summary, gallery = source.summary, Gallery()
    entries = summary["results"]
    numbered = list(enumerate(entries, start=1))
    prompts: list[dict[str, Any]] = []
    for prompt, found in groupby(numbered, key=lambda pair: pair[1]["prompt"]):
        pairs = list(found)
        prompts.append(
            {
                "id": f"prompt-{len(prompts) + 1}",
                "prompt": prompt,
                "gallery": _gallery(source, [entry for _, entry in pairs], gallery),
                "sections": [section(entry, f"r{i}") for i, entry in pairs],
            }
        )
    names = list(dict.fromkeys(entry["prompt"] for entry in entries))
    model = summary.get("model") or "the model"
    return _render(
        title=summary.get("title")
        or f"Whom {model} shows, and what changes when only the noise is moved",
        model=model,
        kicker="trimtab report",
        facts=_facts(summary, entries, names),
        prompts=prompts,
        run=None,
        command=summary.get("command"),
        python=summary.get("python"),
        measured=_measured(entries),
        world=model == WORLD,
    )


def run_page(source: Source) -> str:
    """Return the shorter page of one set of pictures, as HTML."""
    run = source.summary["run"]
    model = source.summary.get("model") or "the model"
    gallery, place = Gallery(), source.place(run)
    images = gallery.open(place) if run.get("folder") else None
    shown = images.seeds[:SHOWN] if images else ()
    cells = gallery.row(place, shown)
    terms = (run.get("steering") or {}).get("terms") or []
    frames = [_frame(frame, f"f{i}") for i, frame in enumerate(run.get("frames") or (), start=1)]
    return _render(
        title=f"“{run['prompt']}”" if run.get("prompt") else "A set of pictures",
        model=model,
        kicker="trimtab audit" if frames else "trimtab pictures",
        facts=[
            ("model", model),
            ("pictures", str(run.get("n", len(shown)))),
            ("noise", "steered" if terms else "plain"),
        ],
        prompts=[],
        run={"frames": frames, "cells": cells, "n": run.get("n", len(shown))},
        command=None,
        python=None,
        measured=None,
        world=model == WORLD,
    )


def _render(**parts: Any) -> str:
    environment = Environment(
        loader=PackageLoader("trimtab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = Markup  # our own SVG, its texts escaped by matplotlib
    environment.filters["capital"] = capital
    return environment.get_template("report.html.j2").render(version=__version__, **parts)


def _facts(
    summary: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[tuple[str, str]]:
    counts = sorted({entry["n"] for entry in entries})
    facts = [
        ("model", str(summary.get("model") or "not named")),
        ("prompts", str(len(names))),
        ("pictures in each set", " or ".join(map(str, counts))),
    ]
    if summary.get("seconds") is not None:
        what = "time of the last, resumed run" if summary.get("resumed") else "time taken"
        facts.append((what, duration(summary["seconds"])))
    return facts


def _gallery(
    source: Source, entries: Sequence[Mapping[str, Any]], gallery: Gallery
) -> dict[str, Any] | None:
    """Return rows of the first audit seeds, nothing picked by hand: plain over steered."""
    first = entries[0]
    found = {
        arm: source.place(first, place)
             for arm, place in first.get("pictures", {}).items()}  # fmt: skip
    images = gallery.open(found["plain"]) if "plain" in found else None
    if not images:
        return None
    seeds = images.seeds[:COLUMNS]
    main = [{"label": "plain", "cells": gallery.row(found["plain"], seeds)}]
    more: list[dict[str, Any]] = []
    for entry in entries:
        name = entry["attribute"].replace("_", " ")
        for arm, label, rows in (
            ("steered", f"steered: {name}", main),
            ("generic_svm", f"generic SVM: {name}", more),
            ("random_direction", f"random: {name}", more),
        ):
            place = entry.get("pictures", {}).get(arm)
            folder = source.place(entry, place) if place else None
            if folder is not None and gallery.open(folder):
                rows.append({"label": label, "cells": gallery.row(folder, seeds)})
    if "sum" in found and gallery.open(found["sum"]):
        main.append({"label": "steered: the sum", "cells": gallery.row(found["sum"], seeds)})
    return {"seeds": seeds, "main": main, "more": [main[0], *more] if more else []}


def _measured(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of the paragraph on how it was measured."""
    calibrated = any(entry.get("dose_response") for entry in entries)
    captured = [e["direction"]["seeds"] for e in entries if (e.get("direction") or {}).get("seeds")]

    def span(seeds: range, counts: Sequence[int]) -> str:
        return f"{seeds.start:,} to {seeds.start + max(counts) - 1:,}"

    return {
        "audit": span(AUDIT_SEEDS, [e["n"] for e in entries]),
        "calibration": f"{CALIBRATION_SEEDS.start:,}" if calibrated else None,
        "capture": span(CAPTURE_SEEDS, captured) if captured else None,
        "oracle": any("oracle" in entry["plain"] for entry in entries),
        "generic": any("generic_svm" in entry for entry in entries),
        "controls": any(entry.get("controls") for entry in entries),
    }


def _frame(frame: Mapping[str, Any], name: str) -> dict[str, Any]:
    groups, unknown = frame["by_group"], frame["unknown"]
    drawn = {
        "shares": {group: share["value"] for group, share in groups.items()},
        "share_ci": {group: (share["low"], share["high"]) for group, share in groups.items()},
        "unknown": unknown["value"],
    }
    target = frame.get("target") or {}
    even = target.get(next(iter(groups))) if len(groups) == 2 else None
    rows = [
        [group_label(group), percent(one["value"]), percents((one["low"], one["high"])),
         percent(target.get(group)), f"{one.get('count') or 0:.0f}"]
        for group, one in {**groups, "unknown": unknown}.items()
    ]  # fmt: skip
    values = [
        [label, number(one.get("value"), 3), numbers((one.get("low"), one.get("high")), 3),
         number(one.get("noise_floor"), 3)]
        for key, label in FIGURES.items()
        if (one := frame.get(key))
    ]  # fmt: skip
    tables: list[Table | None] = [
        table(f"Shares of all {frame['n']} pictures", ["group", "share", "95 % interval", "target",
              "pictures"], rows),
        table(f"Over the {frame.get('n_known', frame['n'])} known pictures",
              ["figure", "value", "95 % interval", "noise floor"], values),
    ]  # fmt: skip
    return {
        "title": frame.get("title") or frame["attribute"],
        "recogniser": frame.get("recogniser"),
        "n": frame["n"],
        "unknown": percent(unknown["value"]),
        "two": len(drawn["shares"]) == 2,
        "figure": figures.shares([("shares", drawn)], f"{name}-shares", even),
        "tables": [one for one in tables if one],
    }
