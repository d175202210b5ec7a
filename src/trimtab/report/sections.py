"""From one entry of a summary to what the page says about it: sentences, figures, tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trimtab.drawing import plots as figures
from trimtab.drawing.words import (
    NONE,
    THIN,
    capital,
    group_label,
    listed,
    missing,
    number,
    numbers,
    p_value,
    percent,
    percents,
    points,
    points_span,
    sigmas,
)
from trimtab.report.words import (
    ARMS,
    VIEWS,
    headline,
    judged,
    most_shown,
    seen_as,
    still,
    summed,
    title,
)

MAX_UNKNOWN, MAX_RISE, MAX_LOSS = 0.05, 0.02, 0.03

Entry = Mapping[str, Any]
Table = dict[str, Any]


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table | None:
    """Return a table for the template; None without rows."""
    rows = [list(row) for row in rows]
    return {"caption": caption, "head": list(head), "rows": rows} if rows else None


def section(entry: Entry, name: str) -> dict[str, Any]:
    """Return everything that the page shows of one entry; what the entry lacks is None.

    Parameters
    ----------
    entry : mapping
        As `trimtab.workflows.mitigate` returns it.
    name : str
        Unique on the page; ids begin with it.
    """
    views = [view for view in VIEWS if view in entry["plain"]]
    arms = [arm for arm in ARMS if arm in entry]
    groups = list(entry["plain"]["product"]["shares"])
    group = most_shown(entry)
    return {
        "id": name,
        "prompt": entry["prompt"],
        "title": title(entry),
        "oracle": "oracle" in views,
        "many": len(groups) > 2,
        "generic": "generic_svm" in arms,
        "towards": entry["towards"],
        "strength": sigmas(entry["strength"]),
        "limits": _limits(entry, group),
        "before": percent(entry["plain"]["product"]["shares"][group]),
        "after": percent(entry["steered"]["product"]["shares"][group]),
        "seen_as": seen_as(group, title(entry)),
        "target": percent(1 / len(groups)),
        "headline": headline(entry),
        "judged": judged(entry) if "oracle" in views else None,
        "summed": summed(entry) if "sum" in arms else None,
        "unknown": listed(
            [f"{ARMS[arm]} {percent(entry[arm]['product'].get('unknown'))}" for arm in arms]
        ),
        "change": _change(entry),
        "notices": _notices(entry),
        "share_figures": [
            (
                VIEWS[view],
                figures.shares(
                    [(ARMS[arm], entry[arm][view]) for arm in arms if view in entry[arm]],
                    f"{name}-shares-{view}",
                ),
            )
            for view in views
        ],
        "share_table": _share_table(entry, arms, views, groups),
        "paired_table": _paired_table(entry, arms, views),
        "dose": _dose(entry, groups, name),
        "generic_dose": _generic_dose(entry, groups, name),
        "spillover": _spillover(entry, name),
        "controls": _controls(entry, views, name),
        "deviation_figure": figures.deviation(
            [(ARMS[arm], entry[arm]) for arm in arms], f"{name}-deviation"
        ),
        "deviation_table": _deviation_table(entry, arms, views),
        "preservation": _preservation(entry),
        "accuracy": _accuracy(entry, name),
        "learned": _learned(entry),
    }


def _limits(entry: Entry, group: str) -> str | None:
    """Return the intervals of the two headline shares."""
    found = [
        percents((entry[arm]["product"].get("share_ci") or {}).get(group))
        for arm in ("plain", "steered")
    ]
    return None if NONE in found else f"95{THIN}% intervals {listed(found)}"


def _change(entry: Entry) -> str | None:
    """Say how sure the change of the shares is."""
    row = _row(entry.get("paired", {}).get("steered", {}).get("product"), most_shown(entry))
    if row is None:
        return None
    return (
        f"A change of {points(row['difference'], unit=True)} on the same seeds "
        f"(95{THIN}% interval {points_span(row['low'], row['high'])})."
    )


def _row(comparison: Mapping[str, Any] | None, group: str) -> Mapping[str, Any] | None:
    rows = comparison.get("rows", ()) if comparison else ()
    return next((row for row in rows if row["group"] == group), None)


def _notices(entry: Entry) -> list[str]:
    """Return what a reader must know before believing the figures."""
    found = []
    before = entry["plain"]["product"].get("unknown") or 0.0
    if entry.get("limited_by") == "concept":
        found.append(
            "The strength was held back: beyond it, fewer pictures would still read as "
            f"{still(entry)}."
        )
    if entry.get("limited_by") == "response":
        found.append("No strength that was tried moved the share, so none is used.")
    if entry.get("limited_by") == "range":
        found.append("The strength is the largest one tried; the target lies beyond it.")
    for arm, who in (("steered", "steered pictures"), ("sum", "pictures steered by the sum")):
        if arm not in entry:
            continue
        after = entry[arm]["product"].get("unknown") or 0.0
        if after > MAX_UNKNOWN or after - before > MAX_RISE:
            found.append(
                f"Of the {who} {percent(after)} are unknown ({percent(before)} of the plain ones): "
                "read the shares with that in mind."
            )
        for view, label in VIEWS.items():
            kept = [entry[one].get(view, {}).get("concept_kept") for one in ("plain", arm)]
            if not any(map(missing, kept)) and kept[1] < kept[0] - MAX_LOSS - 1e-9:
                found.append(
                    f"By the {label}, {percent(kept[1])} of the {who} still read as "
                    f"{still(entry)}, of the plain ones {percent(kept[0])}: more than 3 points "
                    "were lost."
                )
    return found


def _share_table(
    entry: Entry, arms: Sequence[str], views: Sequence[str], groups: Sequence[str]
) -> Table | None:
    rows = []
    for arm in arms:
        for view in (view for view in views if view in entry[arm]):
            one = entry[arm][view]
            limits = one.get("share_ci", {})
            shares = [f"{percent(one['shares'][g])} ({percents(limits.get(g))})" for g in groups]
            rest = [percent(one.get("unknown")), percent(one.get("concept_kept"))]
            rows.append([ARMS[arm], VIEWS[view], *shares, *rest])
    head = ["pictures", "judged by", *map(group_label, groups), "unknown", "concept kept"]
    caption = f"Shares of all {entry['n']} pictures of each set, with 95 % Wilson intervals"
    return table(caption, head, rows)


def _paired_table(entry: Entry, arms: Sequence[str], views: Sequence[str]) -> Table | None:
    rows = []
    for arm in arms:
        for view in views:
            comparison = entry.get("paired", {}).get(arm, {}).get(view)
            for row in (*comparison["rows"], comparison["unknown"]) if comparison else ():
                span = points_span(row["low"], row["high"])
                change = f"{points(row['difference'])} ({span})"
                label = group_label(row["group"])
                rows.append([ARMS[arm], VIEWS[view], label, change, p_value(row["p_holm"])])
    head = ["against plain", "judged by", "share of", "change in points", "p"]
    return table("Change of the shares, paired by seed (Tango intervals, McNemar)", head, rows)


def _dose(entry: Entry, groups: Sequence[str], name: str) -> dict[str, Any] | None:
    response = entry.get("dose_response")
    if not response:
        return None
    judged = entry.get("judged_doses") or ()
    return {
        "figure": figures.dose_response(
            response, judged, entry["towards"], groups, entry["strength"], f"{name}-dose"
        ),
        "table": _dose_table(response, judged, entry["towards"]),
        "n_plain": response["doses"][0]["n"],
        "n": response["doses"][-1]["n"],
        "limit": sigmas(response.get("limit")),
        "limited": response.get("limit", math.inf) < max(d["strength"] for d in response["doses"]),
        "judged": bool(judged),
    }


def _generic_dose(entry: Entry, groups: Sequence[str], name: str) -> dict[str, Any] | None:
    generic = entry.get("generic") or {}
    if not generic.get("dose_response"):
        return None
    response, judged = generic["dose_response"], generic.get("judged_doses") or ()
    figure = figures.dose_response(
        response, judged, entry["towards"], groups, None, f"{name}-generic-dose"
    )
    return {"figure": figure, "table": _dose_table(response, judged, entry["towards"])}


def _dose_table(
    response: Mapping[str, Any], judged: Sequence[Mapping[str, Any]], towards: str
) -> Table | None:
    rows = [
        [
            number(dose["strength"], 2),
            VIEWS[view],
            str(dose["n"]),
            str(dose["known"]),
            str(dose["towards"]),
            str(dose["kept"]),
        ]
        for view, doses in (("product", response["doses"]), ("oracle", judged))
        for dose in doses
    ]
    head = ["strength in σ", "judged by", "pictures", "known", group_label(towards), "concept kept"]
    return table("Counts at every strength, calibration seeds", head, rows)


def _spillover(entry: Entry, name: str) -> dict[str, Any] | None:
    """Show what else steering moved: drawings of the steered sets, a table of every set."""
    rows: list[list[str]] = []
    figured: list[tuple[str, str]] = []
    for arm, found in (entry.get("spillover") or {}).items():
        by_name: dict[str, dict[str, Mapping[str, Any]]] = {}
        for view in VIEWS:
            for row in found.get(view, ()):
                if not (missing(row["low"]) or missing(row["high"])):  # else nothing known of it
                    by_name.setdefault(row["attribute"], {})[view] = row
        drawn = []
        for attribute, views in by_name.items():
            label = attribute.replace("_", " ")
            if arm in ("steered", "sum"):
                groups = listed(sorted({row["group"] for row in views.values()}))
                drawn.append((label, groups, views))
            rows += [
                [
                    ARMS[arm],
                    label,
                    VIEWS[view],
                    row["group"],
                    f"{percent(row['before'])} → {percent(row['after'])}",
                    points(row["difference"]),
                    points_span(row["low"], row["high"]),
                    p_value(row["p_holm"]),
                    "equivalent" if row["equivalent"] else "not shown to be",
                ]
                for view, row in views.items()
            ]
        if drawn:
            figure = figures.differences(drawn, f"{name}-spillover-{arm}", margin=True)
            figured.append((ARMS[arm], figure))
    if not figured:
        return None
    head = ["pictures", "attribute", "judged by", "share of", "before → after", "change",
            "95 % interval", "p (Holm)", "within ± 10 points"]  # fmt: skip
    return {
        "figures": figured,
        "table": table("Every other attribute, paired by seed, changes in points", head, rows),
    }


def _controls(entry: Entry, views: Sequence[str], name: str) -> dict[str, Any] | None:
    group = entry["towards"]
    drawn: list[tuple[str, str, dict[str, Mapping[str, Any]]]] = []
    for i, control in enumerate(entry.get("controls") or (), start=1):
        seen = {v: row for v in views if (row := _row(control.get(v), group)) is not None}
        if seen:
            drawn.append((f"random {i}", "", seen))
    if not drawn:
        return None
    steered = entry.get("paired", {}).get("steered", {})
    own = {view: row for view in views if (row := _row(steered.get(view), group)) is not None}
    all_drawn = [("learned", "", own), *drawn] if own else drawn
    rows = [
        [
            label,
            VIEWS[view],
            points(row["difference"]),
            points_span(row["low"], row["high"]),
            "yes" if row["low"] <= 0 <= row["high"] else "no",
        ]
        for label, _, by_view in all_drawn
        for view, row in by_view.items()
    ]
    head = ["direction", "judged by", "change in points", "95 % interval", "contains 0"]
    caption = f"Share of {group_label(group)} against plain, all at {sigmas(entry['strength'])}"
    return {
        "figure": figures.differences(all_drawn, f"{name}-controls", margin=False),
        "table": table(caption, head, rows),
        "count": len(drawn),
        "clear": all(
            row["low"] <= 0 <= row["high"] for _, _, by_view in drawn for row in by_view.values()
        ),
    }


def _deviation_table(entry: Entry, arms: Sequence[str], views: Sequence[str]) -> Table | None:
    rows = []
    for arm in arms:
        seen = [entry[arm].get(view, {}) for view in views]
        cells = [
            f"{number(one.get('deviation_ratio'))} ({numbers(one.get('deviation_ratio_ci'))})"
            for one in seen
        ]
        floors = dict.fromkeys(number(one.get("noise_floor")) for one in seen)
        rows.append([ARMS[arm], *cells, " / ".join(floors)])
    head = ["pictures", *(VIEWS[view] for view in views), "noise floor"]
    return table("Deviation ratio with 95 % intervals, over the known pictures", head, rows)


def _preservation(entry: Entry) -> Table | None:
    rows = []
    for arm in ARMS:
        kept = (entry.get("preservation") or {}).get(arm) or {}
        cells = []
        for key, digits in (("psnr", 1), ("cosine", 3)):
            one = kept.get(key) or {}
            span = numbers((one.get("low"), one.get("high")), digits)
            cells.append(f"{number(one.get('value'), digits)} ({span})" if one else "–")
        if kept:
            rows.append([ARMS[arm], *cells])
    head = ["pictures", "PSNR in dB", "cosine of image embeddings"]
    return table("Closeness to the plain picture of the same seed, mean and interval", head, rows)


def _accuracy(entry: Entry, name: str) -> dict[str, Any] | None:
    found = entry.get("accuracy_by_step")
    if not found:
        return None
    generic = (entry.get("generic") or {}).get("accuracy_by_step") or ()
    rows = [
        [who, str(one["step"]), percent(round(one["accuracy"], 3)),
         points(one["standard_error"]).lstrip("+")]
        for who, series in (("learned", found), ("generic SVM", generic))
        for one in series
    ]  # fmt: skip
    head = ["direction", "step", "accuracy", "standard error in points"]
    return {
        "figure": figures.accuracy(found, entry.get("step"), generic, f"{name}-accuracy"),
        "table": table("Cross-validated accuracy by step", head, rows),
        "generic": bool(generic),
    }


def _learned(entry: Entry) -> Table | None:
    """Return what is known of the direction, as a table of two columns."""
    direction, generic = entry.get("direction") or {}, entry.get("generic") or {}
    rows = [["pointing to", f"“{entry['towards']}”"], ["strength", sigmas(entry["strength"])]]
    if entry.get("step") is not None:
        rows.append(["learned after step", str(entry["step"])])
    if direction.get("seeds") is not None:
        rows.append(["seeds per group", str(direction["seeds"])])
    if not missing(direction.get("kept")) and direction["kept"] < 1:
        rows.append(["left after making it orthogonal", number(direction["kept"], 2)])
    for other, cosine in (direction.get("cosines") or {}).items():
        rows.append([f"cosine with {other.replace('_', ' ')}, as learned", number(cosine)])
    if not missing(generic.get("cosine")):
        rows.append(["cosine with the generic SVM", number(generic["cosine"])])
    if generic.get("step") is not None:
        rows.append(["generic SVM learned after step", str(generic["step"])])
    sums = entry.get("sum_strengths") or {}
    if sums:
        parts = [f"{sigmas(s)} {other.replace('_', ' ')}" for other, s in sums.items()]
        rows.append(["strengths in the sum", listed(parts)])
    for label, place in (("file", direction.get("file")), ("generic file", generic.get("file"))):
        if place:
            rows.append([label, place])
    return table(capital("the direction"), ["", ""], rows)
