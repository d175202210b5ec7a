"""Measure what each adjustment of the prompt does, at several strengths, using the oracle.

    python benchmarks/adjustments.py runs/adjustments --n 100

Prints, for each job, the share of women, whether the job is kept, the share of darker skin (which
should not change) and the mean PSNR to the plain pictures of the same seeds. A stopped run can be
continued. Takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse

import numpy as np

from trimtab import townsfolk
from trimtab.concepts import prompt_for
from trimtab.generation import ImageSet, generate
from trimtab.interventions import AddedWords, Adjustment, CalibratedProjection, EmbeddingShift
from trimtab.recognition import psnr
from trimtab.storage import Store

PAIRED = ("doctor", "nurse", "chef", "teacher", "farmer", "scientist")
JOBS = ("pilot", "executive")  # not among those
AWAY, TOWARDS = "a photo of a man", "a photo of a woman"


def adjustments() -> dict[str, Adjustment]:
    """Return the adjustments to measure, by name."""
    found: dict[str, Adjustment] = {
        "words “a woman”": AddedWords("a woman"),
        "words, drawn evenly": AddedWords({"a woman": 1, "a man": 1}),
    }
    for strength in (0.25, 0.5, 1.0):
        found[f"shift, all tokens, {strength}"] = EmbeddingShift(AWAY, TOWARDS, strength)
    for strength in (0.5, 1.0, 2.0):
        shift = EmbeddingShift(AWAY, TOWARDS, strength, where="after")
        found[f"shift after the words, {strength}"] = shift
    for lam in (5.0, 50.0, 500.0):
        projection = CalibratedProjection.between("gender", PAIRED, lam)
        found[f"projection, λ {lam:g}"] = projection
    return found


def row(name: str, images: ImageSet, plain: ImageSet, job: str) -> str:
    """Return one line of the table."""
    judged = townsfolk.judge(images)
    women, kept, darker = (
        float((judged.labels(attribute).names == value).mean())
        for attribute, value in (("gender", "woman"), ("concept", job), ("skin_tone", "darker"))
    )
    same = images is plain
    likeness = "" if same else f"{np.mean(list(map(psnr, plain, images))):.1f}"
    return f"| {name} | {women:.2f} | {kept:.2f} | {darker:.2f} | {likeness} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("--n", type=int, default=100)
    args = parser.parse_args()
    pipe, store = townsfolk.load(), Store(args.store)
    for job in JOBS:
        prompt = prompt_for(job)
        plain = generate(pipe, prompt, range(args.n), to=store)
        print(f"\n{prompt}, N = {args.n}\n")
        print("| adjustment | women | concept kept | darker skin | PSNR to plain, dB |")
        print("| --- | --- | --- | --- | --- |")
        print(row("none", plain, plain, job), flush=True)
        for name, adjust in adjustments().items():
            images = generate(pipe, prompt, range(args.n), adjust=adjust, to=store)
            print(row(name, images, plain, job), flush=True)


if __name__ == "__main__":
    main()
