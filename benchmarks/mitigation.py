"""What mitigation reaches: every bar on the figures of ``trimtab demo --full``, by the oracle.

    trimtab demo --full --out runs/demo-full
    python benchmarks/mitigation.py runs/demo-full

Reads ``summary.json`` and decides nothing itself: the figures are those of the report.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import finish

PLAIN = {"gender": 0.6, "skin_tone": 0.4}  # deviation ratio that there must be to mitigate
STEERED, SUM = 0.20, 0.25  # deviation ratio afterwards
KEPT, LOST = 0.95, 0.03  # of the concept: at least, and below plain at most
UNKNOWN, RISE = 0.05, 0.02  # of pictures that the product cannot read
JOBS = ("doctor", "nurse")
LEAST = {"n": 200, "controls": 3}  # pictures of a set; random directions


def whole(entries: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Give what must be there before a figure means anything."""
    found = {(entry["concept"], entry["attribute"]): entry for entry in entries}
    for job in JOBS:
        for attribute in PLAIN:
            entry = found.get((job, attribute), {})
            n, controls = entry.get("n", 0), len(entry.get("controls", ()))
            there = n >= LEAST["n"] and controls >= LEAST["controls"]
            yield f"{job}, {attribute}: {n} pictures, {controls} random directions", there


def rows(entry: dict[str, Any]) -> Iterator[tuple[str, float, str, bool]]:
    """Give what is looked at, the figure, the bar and whether it is met."""
    plain = entry["plain"]["oracle"]
    least, ratio = PLAIN[entry["attribute"]], plain["deviation_ratio"]
    yield "plain DR", ratio, f">= {least}", ratio >= least
    for arm, most in (("steered", STEERED), ("sum", SUM)):
        judged, product = entry[arm]["oracle"], entry[arm]["product"]
        ratio, kept, unknown = judged["deviation_ratio"], judged["concept_kept"], product["unknown"]
        risen = unknown - entry["plain"]["product"]["unknown"]
        bar = max(KEPT, plain["concept_kept"] - LOST)
        yield f"{arm} DR", ratio, f"<= {most}", ratio <= most
        yield f"{arm} concept kept", kept, f">= {bar:.3f}", kept >= bar - 1e-9
        yield f"{arm} unknown to the product", unknown, f"<= {UNKNOWN}", unknown <= UNKNOWN
        yield f"{arm} unknown, rise", risen, f"<= {RISE}", risen <= RISE + 1e-9
    for number, control in enumerate(entry["controls"], start=1):
        for row in control["oracle"]["rows"]:
            if row["group"] == entry["towards"]:
                inside = row["low"] <= 0 <= row["high"]
                bar = f"0 in [{row['low']:+.3f}, {row['high']:+.3f}]"
                yield f"random direction {number}, change", row["difference"], bar, inside


def context(entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what has no bar: the paper's way, and what else changed."""
    for view, figures in entry["generic_svm"].items():
        for key in ("deviation_ratio", "unknown", "concept_kept"):
            yield f"generic SVM, {view}, {key}", figures[key]
    for arm in ("steered", "sum"):
        for row in entry["spillover"][arm]["oracle"]:
            change = [round(row[key], 3) for key in ("difference", "low", "high")]
            yield f"{arm}, share of {row['attribute']} {row['group']}, change", change


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what trimtab demo --full wrote")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    summary = json.loads((options.folder / "summary.json").read_text())
    figures: dict[str, Any] = {}
    bars = dict(whole(summary["results"]))
    for entry in summary["results"]:
        of = f"{entry['concept']}, {entry['attribute']}"
        if entry["concept"] in JOBS:
            for what, figure, bar, met in rows(entry):
                figures[f"{of}: {what}"] = round(figure, 4)
                bars[f"{of}: {what} {figure:.3f} {bar}"] = met
        figures |= {f"{of}: {what}": figure for what, figure in context(entry)}
    return finish({"benchmark": "mitigation", "figures": figures}, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
