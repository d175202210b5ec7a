"""Measure what `understand` names: discoveries against the truth, and false ones.

    python benchmarks/understand.py runs/discoveries

For each job of townsfolk, 200 pictures are compared with 200 of "a photo of a person". Truth is
read from the same pictures, by the oracle for attributes, backgrounds and the objects that it
knows, and by the detector for all other objects, which therefore cannot be named in error. A
difference of at least 20 points is to be found; a name is true from 10 points, in the same
direction. Then two sets of pictures of one and the same
prompt are compared, 100 times, with new seeds each time; something is named in error at most in
10. The detector is measured on held-out drawings, and the recogniser by its agreement with the
oracle. A stopped run can be continued. Makes 12,600 pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common import finish
from trimtab import townsfolk
from trimtab.concepts import as_attribute, prompt_for
from trimtab.generation import ImageSet, generate
from trimtab.metrics import Evidence, agreement, discover
from trimtab.recognition import average_precision, classify, recogniser_for
from trimtab.storage import Store
from trimtab.townsfolk.card import BiasCard
from trimtab.townsfolk.oracle import GROUPS
from trimtab.townsfolk.render import picture
from trimtab.workflows.discoveries import evidence_of
from trimtab.workflows.judges import Judges
from trimtab.workflows.understanding_result import OTHERS

N, PART, TRIES = 200, 50, 100
TO_FIND, TRUE = 0.20, 0.10
SETTINGS = {"num_inference_steps": 10, "batch_size": 10}
REFERENCE = "a photo of a person"
ATTRIBUTES = ("gender", "skin_tone", "age", "glasses", "jewellery")
FIRST_TRY = 200_000  # seeds of the tries, apart from all others
# Phrase -> the oracle's attribute and group. Objects that it knows have their own names, and
# "with" as group; all others are the detector's.
TRUTH: Mapping[str, tuple[str, str]] = {
    "woman": ("gender", "woman"),
    "man": ("gender", "man"),
    "light-skinned": ("skin_tone", "lighter"),
    "dark-skinned": ("skin_tone", "darker"),
    "young": ("age", "young"),
    "old": ("age", "old"),
    "with glasses": ("glasses", "with"),
    "without glasses": ("glasses", "without"),
    "with jewellery": ("jewellery", "with"),
    "without jewellery": ("jewellery", "without"),
    "glasses": ("glasses", "with"),
    **{f"{colour} background": ("backdrop", colour) for colour in GROUPS["backdrop"]},
    **{name: (name, "with") for name, groups in GROUPS.items()
       if groups == ("with", "without") and name not in ("glasses", "jewellery")},
}  # fmt: skip


def evidence(pipe: Any, concept: ImageSet, reference: ImageSet, store: Store) -> list[Evidence]:
    """Return what recogniser and detector say of two sets of pictures."""
    judges = Judges(recogniser_for(concept), townsfolk.load_detector(), store)
    attributes = [as_attribute(name) for name in ATTRIBUTES]
    return list(
        evidence_of(concept, reference, attributes, [townsfolk.words("backgrounds")], judges)
    )


def true_differences(
    concept: ImageSet, reference: ImageSet, said: list[Evidence], store: Store
) -> dict[str, float]:
    """Return the true difference of the shares of every phrase looked for."""
    judged = [townsfolk.judge(side, store=store) for side in (concept, reference)]
    found = {}
    for one in said:
        for i, phrase in enumerate(one.phrases):
            if phrase in TRUTH:
                name, group = TRUTH[phrase]
                shares = [float((each.labels(name).names == group).mean()) for each in judged]
            else:  # an object that only the detector knows
                shares = [float(np.nanmean(side[:, i])) for side in (one.concept, one.reference)]
            found[phrase] = shares[0] - shares[1]
    return found


def discoveries(pipe: Any, store: Store) -> Iterator[dict[str, Any]]:
    """Yield, for each job, what was to be found, what was found, and what was named in error."""
    reference = generate(pipe, REFERENCE, range(OTHERS, OTHERS + N), to=store, **SETTINGS)
    for job in townsfolk.JOBS:
        images = generate(pipe, prompt_for(job), range(N), to=store, **SETTINGS)
        said = evidence(pipe, images, reference, store)
        truth = true_differences(images, reference, said, store)
        named: dict[str, float] = {}
        for one in discover(said):
            side = np.sign(one.effect.value)
            named |= {phrase: side * truth[phrase] for phrase in (one.phrase, *one.alike)}
            named |= {phrase: -side * truth[phrase] for phrase in one.opposite}
        to_find = [phrase for phrase, value in truth.items() if abs(value) >= TO_FIND]
        row = {
            "job": job,
            "to_find": len(to_find),
            "missed": [phrase for phrase in to_find if phrase not in named],
            "named": len(named),
            "false": [phrase for phrase, value in named.items() if value < TRUE],
        }
        print(row, file=sys.stderr)
        yield row


def false_alarms(pipe: Any, store: Store) -> int:
    """Return in how many tries something differs between pictures of one prompt."""
    alarms = 0
    for attempt in range(TRIES):
        first = FIRST_TRY + 2 * PART * attempt
        sides = [
            generate(pipe, REFERENCE, range(start, start + PART), to=store, **SETTINGS)
            for start in (first, first + PART)
        ]
        alarms += bool(discover(evidence(pipe, *sides, store)))
        print(f"{attempt + 1} tries, {alarms} with a false name", file=sys.stderr)
    return alarms


def precision_of_the_detector(n: int = 600) -> float:
    """Return the mean average precision at an overlap of 0.5 on drawings not trained on."""
    rng, card = np.random.default_rng([9, 9]), BiasCard.load()
    drawn = []
    for _ in range(n):
        subject = card.subject(card.scene(rng), rng)
        drawn.append(picture(subject, rng))
    found = townsfolk.load_detector().detect([one.image for one in drawn])
    true = [[(thing.name, thing.box) for thing in one.objects] for one in drawn]
    return float(np.mean(list(average_precision(found, true).values())))


def agreements(pipe: Any, store: Store) -> dict[str, float]:
    """Return how often the recogniser agrees with the oracle on the pictures of all jobs."""
    prompts = [prompt_for(job) for job in townsfolk.JOBS]
    images = generate(pipe, prompts, range(N), to=store, **SETTINGS)
    judged = townsfolk.judge(images, store=store)
    said = classify(images, [*ATTRIBUTES], store=store)
    return {name: agreement(said.labels(name), judged.labels(name)).value for name in ATTRIBUTES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="where to keep everything; a rerun continues there")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--model", default="townsfolk", choices=[*townsfolk.MODELS])
    args = parser.parse_args()
    pipe, store = townsfolk.load(args.model), Store(args.store)
    rows = list(discoveries(pipe, store))
    to_find, named = (sum(row[key] for row in rows) for key in ("to_find", "named"))
    hits = 1 - sum(len(row["missed"]) for row in rows) / to_find
    false = sum(len(row["false"]) for row in rows) / max(1, named)
    alarms, precision = false_alarms(pipe, store), precision_of_the_detector()
    figures = {
        "jobs": rows,
        "found": hits,
        "false": false,
        "false alarms": alarms,
        "tries": TRIES,
        "detector mAP": precision,
        "agreement with the oracle": agreements(pipe, store),
    }
    bars = {
        f"found: {hits:.1%} of the differences of 20 points, at least 80 %": hits >= 0.8,
        f"false: {false:.1%} of the names, at most 10 %": false <= 0.1,
        f"false alarms: {alarms} of {TRIES}, at most 10": alarms <= 10,
        f"detector: mAP {precision:.2f}, at least 0.8": precision >= 0.8,
    }
    return finish(figures, bars, args.out)


if __name__ == "__main__":
    sys.exit(main())
