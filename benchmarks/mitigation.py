"""Check the figures of ``trimtab demo --full``, labelled by the oracle, against their bars.

    trimtab demo --full --out runs/demo-full
    python benchmarks/mitigation.py runs/demo-full

Only reads the results in the store: the figures are those of the report.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import finish
from trimtab.storage import Store
from trimtab.workflows import MitigationResult
from trimtab.workflows.records import Arm, Mitigated, View

PLAIN = {"gender": 0.6, "skin_tone": 0.4}  # minimum deviation ratio before mitigation
STEERED, SUM = 0.20, 0.25  # deviation ratio afterwards
KEPT, LOST = 0.95, 0.03  # concept kept: minimum, and maximum loss against plain
UNKNOWN, RISE = 0.05, 0.02  # share of pictures unknown to the recogniser
JOBS = ("doctor", "nurse")
N, CONTROLS = 200, 3  # pictures of a set; random directions


def whole(results: dict[str, MitigationResult]) -> Iterator[tuple[str, bool]]:
    """Yield the requirements for the figures to be meaningful."""
    for job in JOBS:
        for attribute in PLAIN:
            arms = results[job].arms if job in results else ()
            controls = sum(arm.role == "random" and arm.attribute == attribute for arm in arms)
            n = arms[0].n if arms else 0
            there = n >= N and controls >= CONTROLS
            yield f"{job}, {attribute}: {n} pictures, {controls} random directions", there


def arms_of(result: MitigationResult, one: Mitigated) -> Iterator[Arm]:
    """Return the sets of pictures that are relevant to an attribute."""
    return (arm for arm in result.arms if arm.attribute in (None, one.learned.attribute))


def seen(arm: Arm, role: Any) -> View:
    """Return what the recogniser or the oracle saw."""
    view = arm.view(role)
    assert view is not None  # the demo has both
    return view


def rows(result: MitigationResult, one: Mitigated) -> Iterator[tuple[str, float, str, bool]]:
    """Yield name, figure, bar and whether it is met."""
    name = one.learned.attribute
    before = result.arms[0]
    ratio, least = _ratio(before, name), PLAIN[name]
    yield "plain DR", ratio, f">= {least}", ratio >= least
    for arm in arms_of(result, one):
        if arm.role in ("single", "sum"):
            most = STEERED if arm.role == "single" else SUM
            ratio, kept = _ratio(arm, name), _kept(arm)
            unknown = _unknown(arm, name)
            risen, bar = unknown - _unknown(before, name), max(KEPT, _kept(before) - LOST)
            yield f"{arm.role} DR", ratio, f"<= {most}", ratio <= most
            yield f"{arm.role} concept kept", kept, f">= {bar:.3f}", kept >= bar - 1e-9
            yield f"{arm.role} unknown", unknown, f"<= {UNKNOWN}", unknown <= UNKNOWN
            yield f"{arm.role} unknown, rise", risen, f"<= {RISE}", risen <= RISE + 1e-9
        if arm.role == "random":
            comparison = arm.change("oracle").of(name)  # type: ignore[union-attr]
            for row in comparison.rows:  # type: ignore[union-attr]
                if row.group == one.learned.towards:
                    inside = row.low <= 0 <= row.high
                    bar_text = f"0 in [{row.low:+.3f}, {row.high:+.3f}]"
                    yield f"{arm.name}, change", row.difference, bar_text, inside


def context(result: MitigationResult, one: Mitigated) -> Iterator[tuple[str, Any]]:
    """Yield figures without a bar: the paper's method, and what else changed."""
    name = one.learned.attribute
    for arm in arms_of(result, one):
        if arm.role == "generic":
            yield "generic SVM, deviation ratio", _ratio(arm, name)
            yield "generic SVM, concept kept", _kept(arm)
        if arm.role in ("single", "sum"):
            for row in arm.change("oracle").spillover:  # type: ignore[union-attr]
                change = [round(x, 3) for x in (row.difference, row.low, row.high)]
                yield f"{arm.role}, share of {row.attribute} {row.group}, change", change


def _ratio(arm: Arm, name: str) -> float:
    return seen(arm, "oracle").of(name).deviation_ratio.value  # type: ignore[union-attr]


def _kept(arm: Arm) -> float:
    return seen(arm, "oracle").concept_kept.value  # type: ignore[union-attr]


def _unknown(arm: Arm, name: str) -> float:
    return seen(arm, "recogniser").of(name).unknown.value  # type: ignore[union-attr]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="output of trimtab demo --full")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    store = Store.existing(options.store)
    found = [MitigationResult.load(store, name) for name in store.results()]
    results = {result.concepts[0]: result for result in found}
    figures: dict[str, Any] = {}
    bars = dict(whole(results))
    for job, result in results.items():
        for one in result.attributes:
            of = f"{job}, {one.learned.attribute}"
            if job in JOBS:
                for what, figure, bar, met in rows(result, one):
                    figures[f"{of}: {what}"] = round(figure, 4)
                    bars[f"{of}: {what} {figure:.3f} {bar}"] = met
            figures |= {f"{of}: {what}": figure for what, figure in context(result, one)}
    return finish({"benchmark": "mitigation", "figures": figures}, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
