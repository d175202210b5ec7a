"""Compare whole directions with local ones at equal shares, on jobs that nothing was tuned on.

    python benchmarks/local_directions.py runs/local

For six jobs, mitigates gender, skin tone and both together, once with whole and once with local
directions, each calibrated to equal shares on calibration seeds. On audit seeds, the oracle judges
what else changed: other attributes, also beyond what the groups bring; backdrops; and the
similarity to the plain pictures. The seeds are fixed, and the result of the one run is reported
whatever it is. A stopped run can be continued. Takes some hours on two cores.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from common import finish
from trimtab import townsfolk
from trimtab.concepts import prompt_for
from trimtab.drawing import Table
from trimtab.metrics import Spillover
from trimtab.workflows import MitigationResult, mitigate
from trimtab.workflows.records import Arm

JOBS = ("executive", "pilot", "librarian", "firefighter", "builder", "farmer")
ATTRIBUTES = ("gender", "skin_tone")
WATCHED = ("age", "glasses", "jewellery")
N, N_DOSE, PRECISION = 200, 30, 0.03
LESS = ("change of another attribute", "change beyond the groups", "backdrop changed")
APART, KEPT = 0.04, 0.97  # mean distance of a local arm's shares from the whole one's; concept kept


@dataclass(frozen=True)
class Measured:
    """One set of steered pictures, according to the oracle.

    `shares` and `strengths` are of the groups steered towards. `others` has the change of each
    attribute that was not steered, `beyond` its part beyond what the groups bring (None if
    unknown), and `readings` how to read it.
    """

    job: str
    arm: str
    local: bool
    strengths: dict[str, float]
    shares: dict[str, float]
    others: dict[str, float]
    beyond: dict[str, float | None]
    readings: dict[str, str]
    psnr: float | None
    backdrop: float
    kept: float | None


FIGURES: dict[str, Callable[[Measured], Iterable[float | None]]] = {
    "change of another attribute": lambda one: one.others.values(),
    "change beyond the groups": lambda one: one.beyond.values(),
    "backdrop changed": lambda one: (one.backdrop,),
    "PSNR": lambda one: (one.psnr,),
    "strength": lambda one: one.strengths.values(),
}
"""Figures of an arm to take means of, by name."""


def measured(job: str, local: bool, result: MitigationResult) -> Iterator[Measured]:
    """Yield the figures of each arm."""
    for arm in result.arms:
        view, change = arm.view("oracle"), arm.change("oracle")
        if arm.role not in ("single", "sum") or view is None or change is None:
            continue
        steered = [
            one for one in result.attributes if arm.attribute in (None, one.learned.attribute)
        ]
        joint = result.joint if arm.role == "sum" else None
        towards = {one.learned.attribute: one.learned.towards for one in steered}
        alone = {one.learned.attribute: one.strength for one in steered}
        psnr = arm.preservation.psnr if arm.preservation else None
        yield Measured(
            job,
            "sum" if arm.role == "sum" else str(arm.attribute),
            local,
            joint.strengths if joint else alone,
            {name: view.of(name).shares[group].value for name, group in towards.items()},  # type: ignore[union-attr]
            {row.attribute: row.difference for row in change.spillover},
            {row.attribute: _beyond(row) for row in change.spillover},
            {row.attribute: str(row.expected) for row in change.spillover},
            psnr.value if psnr else None,
            backdrops_changed(result, arm),
            view.concept_kept.value if view.concept_kept else None,
        )


def _beyond(row: Spillover) -> float | None:
    beyond = row.expected.difference if row.expected else math.nan
    return beyond if math.isfinite(beyond) else None


def backdrops_changed(result: MitigationResult, arm: Arm) -> float:
    """Return the share of pictures whose backdrop differs from that of the plain one."""
    plain, mine = (
        townsfolk.judge(result.pictures(one), store=result.store).labels("backdrop").codes
        for one in (result.arms[0], arm)
    )
    return float((plain != mine).mean())


def by_pair(found: Sequence[Measured]) -> Iterator[tuple[Measured, Measured]]:
    """Yield each arm with whole directions beside the same with local ones."""
    local = {(one.job, one.arm): one for one in found if one.local}
    for one in found:
        if not one.local and (one.job, one.arm) in local:
            yield one, local[one.job, one.arm]


def table(found: Sequence[Measured]) -> Table:
    """Return whole and local directions side by side."""
    others = [*ATTRIBUTES, *WATCHED]
    rows = [
        [
            one.job,
            one.arm,
            "local" if one.local else "whole",
            " ".join(map(_number, one.strengths.values())),
            " ".join(map(_number, one.shares.values())),
            *(
                f"{_signed(one.others[name])} {_signed(one.beyond[name])}"
                if name in one.others
                else "-"
                for name in others
            ),
            "-" if one.psnr is None else f"{one.psnr:.1f}",
            _number(one.backdrop),
            "-" if one.kept is None else _number(one.kept),
        ]
        for pair in by_pair(found)
        for one in pair
    ]
    head = ["job", "steered by", "direction", "strength", "share", *others, "PSNR", "backdrop",
            "kept"]  # fmt: skip
    title = (
        "Shares towards one half; change of each other attribute, and its part beyond the groups"
    )
    return Table(title, head, rows, "<<<" + ">" * (len(head) - 3))


def _number(value: float) -> str:
    return f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def means(found: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """Return the mean of each figure over all arms, for whole and local directions.

    A change beyond the groups counts only where it is known of both.
    """
    both: dict[str, list[tuple[float | None, float | None]]] = {name: [] for name in FIGURES}
    for whole, local in by_pair(found):
        for name, values in FIGURES.items():
            both[name] += zip(values(whole), values(local), strict=True)
    known = {
        name: [(a, b) for a, b in pairs if a is not None and b is not None]
        for name, pairs in both.items()
    }
    return {
        name: {
            kind: round(fmean(abs(pair[i]) for pair in pairs), 4)
            for i, kind in enumerate(("whole", "local"))
        }
        for name, pairs in known.items()
        if pairs
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="store to write to")
    parser.add_argument("--jobs", nargs="+", default=JOBS)
    parser.add_argument("--n", type=int, default=N)
    parser.add_argument("--n-dose", type=int, default=N_DOSE)
    parser.add_argument("--precision", type=float, default=PRECISION)
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    pipe: Any = townsfolk.load()
    found: list[Measured] = []
    for job in options.jobs:
        for local in (False, True):
            result = mitigate(
                pipe,
                prompt_for(job),
                ATTRIBUTES,
                to=options.store,
                watch=WATCHED,
                n=options.n,
                n_dose=options.n_dose,
                precision=options.precision,
                local=local,
                oracle=townsfolk.judge,
            )
            print(f"{result}\n", flush=True)
            found += measured(job, local, result)
    print(f"{table(found)}\n", flush=True)
    average = means(found)
    apart = fmean(
        abs(share - mine.shares[name])
        for whole, mine in by_pair(found)
        for name, share in whole.shares.items()
    )
    kept = min(one.kept for one in found if one.kept is not None)
    bars = {
        f"shares of local and whole directions {apart:.3f} apart, <= {APART}": apart <= APART,
        f"concept kept {kept:.3f}, >= {KEPT}": kept >= KEPT,
    }
    for name in LESS:
        if name in average:
            before, after = average[name]["whole"], average[name]["local"]
            bars[f"mean {name}: local {after:.3f} < whole {before:.3f}"] = after < before
    if "PSNR" in average:
        before, after = average["PSNR"]["whole"], average["PSNR"]["local"]
        bars[f"mean PSNR: local {after:.1f} > whole {before:.1f}"] = after > before
    figures = {"means": average, "arms": [asdict(one) for one in found]}
    return finish({"benchmark": "local_directions", "figures": figures}, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
