"""Measure mitigation on jobs that no demo uses and nothing was tuned on, using the oracle.

    python benchmarks/unseen_jobs.py runs/unseen

Measures gender, skin tone and their sum for four jobs: sixteen shares. The seeds are fixed, and the
result of the one run is reported whatever it is. A stopped run can be continued. Takes about half
an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from common import finish
from trimtab import townsfolk
from trimtab.concepts import attribute, concept_pack, prompt_for
from trimtab.recognition import classify
from trimtab.statistics import Share
from trimtab.workflows import MitigationResult, mitigate
from trimtab.workflows.concept_rule import ConceptRule
from trimtab.workflows.records import Arm

JOBS = ("executive", "pilot", "librarian", "firefighter")
ATTRIBUTES = ("gender", "skin_tone")
N, PRECISION = 200, 0.03
CONTAIN, FURTHEST = 13, 0.12  # intervals out of sixteen; distance of any share from its target
ABOVE_FLOOR, KEPT = 0.03, 0.97  # mean deviation ratio of the sums; concept kept
RULES_APART = 0.02  # between the two rules for whether the concept is kept


def shares(result: MitigationResult) -> dict[str, tuple[Share, float]]:
    """Return each share that was steered, according to the oracle, with its target."""
    found = {}
    for arm in result.arms:
        if arm.role not in ("single", "sum"):
            continue
        view = arm.view("oracle")
        assert view is not None  # this model has one
        for one in result.attributes:
            name, towards = one.learned.attribute, one.learned.towards
            figures = view.of(name)
            if arm.attribute in (None, name) and figures is not None:
                found[f"{arm.role} {name} {towards}"] = (
                    figures.shares[towards],
                    one.target[towards],
                )
    return found


def kept_by_pack(result: MitigationResult, arm: Arm) -> float:
    """Return the share of pictures that keep the concept, compared with all others in a pack."""
    pack = concept_pack("townsfolk")
    images = result.pictures(arm)
    labels = classify(images, pack, store=result.store).labels("concept")
    rule = ConceptRule([attribute(name) for name in ATTRIBUTES], pack)
    return float(rule.kept(labels, result.prompts[0]).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="store to write to")
    parser.add_argument("--jobs", nargs="+", default=JOBS)
    parser.add_argument("--n", type=int, default=N)
    parser.add_argument("--precision", type=float, default=PRECISION)
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    pipe = townsfolk.load()
    figures: dict[str, Any] = {}
    inside, furthest, kept, ratios, floors, apart = [], 0.0, 1.0, [], [], 0.0
    for job in options.jobs:
        result = mitigate(
            pipe,
            prompt_for(job),
            ATTRIBUTES,
            to=options.store,
            n=options.n,
            precision=options.precision,
            oracle=townsfolk.judge,
        )
        print(f"{result}\n", flush=True)
        for what, (share, target) in shares(result).items():
            inside.append(share.low <= target <= share.high)
            furthest = max(furthest, abs(share.value - target))
            figures[f"{job}: {what}"] = [round(x, 4) for x in (share.value, share.low, share.high)]
        for arm in result.arms:
            for view in arm.views:
                assert view.concept_kept is not None  # the rule is evaluated for every set
                figures[f"{job}: {arm.name}, kept by {view.role}"] = view.concept_kept.value
                if arm.role != "plain" and view.role == "oracle":
                    kept = min(kept, view.concept_kept.value)
            by_prompt, by_pack = arm.views[0].concept_kept, kept_by_pack(result, arm)
            assert by_prompt is not None
            figures[f"{job}: {arm.name}, kept by recogniser and pack"] = by_pack
            apart = max(apart, abs(by_pack - by_prompt.value))
            if arm.role == "sum":
                view = arm.views[-1]
                for one in ATTRIBUTES:
                    ratio = view.of(one).deviation_ratio  # type: ignore[union-attr]
                    ratios.append(ratio.value)
                    floors.append(ratio.noise_floor)
                (both,) = view.intersections
                ratio = both.deviation_ratio
                figures[f"{job}: intersection, deviation ratio and floor"] = [
                    round(ratio.value, 4),
                    round(float(ratio.noise_floor or 0), 4),
                ]
    mean, floor = sum(ratios) / len(ratios), sum(map(float, floors)) / len(floors)
    bars = {
        f"{sum(inside)} of {len(inside)} intervals contain the target, >= {CONTAIN} of 16": (
            sum(inside) * 16 >= CONTAIN * len(inside)
        ),
        f"furthest share {furthest:.3f} from its target, <= {FURTHEST}": furthest <= FURTHEST,
        f"mean DR of the sums {mean:.3f}, <= floor {floor:.3f} + {ABOVE_FLOOR}": (
            mean <= floor + ABOVE_FLOOR
        ),
        f"concept kept {kept:.3f}, >= {KEPT}": kept >= KEPT,
        f"the two rules for the concept differ by {apart:.3f}, <= {RULES_APART}": (
            apart <= RULES_APART + 1e-9
        ),
    }
    return finish({"benchmark": "unseen_jobs", "figures": figures}, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
