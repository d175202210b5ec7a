"""Stage 8: measure the assembled model with the oracle, for all figures in the model card.

    python -m recipes.townsfolk.measure --quick     # minutes, while training
    python -m recipes.townsfolk.measure             # 200 pictures per value, 400 per concept

Runs on the CPU in float32, as a new user would. Writes `measures.json` next to the model; trials
(`--quick`, `--guidance`) go to the work folder. Parts already measured with the same files and
settings are kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from scipy.stats import binom

from recipes.townsfolk.asked import neutral, wishes
from recipes.townsfolk.autoencoder import psnr, rows_by_scene
from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    facts_of,
    fingerprint,
    pictures,
    portraits,
)
from recipes.townsfolk.oracle import NOT_SHOWN, truths
from trimtab import townsfolk
from trimtab.concepts import attribute, concept_in, concept_pack, prompt_for
from trimtab.generation import ImageSet, generate
from trimtab.interventions import MeanDifference
from trimtab.latents import CAPTURE_SEEDS, capture
from trimtab.metrics import AuditFrame, agreement
from trimtab.pipelines import load_model, model_facts
from trimtab.recognition import classify
from trimtab.statistics import Dose, wilson
from trimtab.townsfolk.card import BiasCard
from trimtab.townsfolk.world import SCENES
from trimtab.workflows.calibration import measure_response

SEEDS = 100_000  # outside the ranges used by audits, calibrations and captures
BATCH = 20
STEERED = ("doctor", "nurse", "teacher")
LOOKED_AT = (
    "gender", "skin_tone", "age", "glasses", "jewellery", "wealth", "wedding_culture",
    "bird_background",
)  # fmt: skip

Make = Callable[..., ImageSet]
"""``make(prompt, n, steer=None, guidance=…)`` returns pictures made with the measured settings."""


def share(hits: np.ndarray) -> dict[str, float]:
    """Return a share with its Wilson interval as plain numbers."""
    found = wilson(int(hits.sum()), len(hits))
    return {"share": found.value, "low": found.low, "high": found.high, "n": len(hits)}


def obeyed(make: Make, n: int, scenes: Sequence[str]) -> list[dict[str, Any]]:
    """Return how often a prompt that names a value shows it, according to the oracle."""
    rows = []
    for wish in wishes(scenes):
        labels = townsfolk.judge(make(wish.prompt, n)).labels(wish.attribute)
        rows.append(wish._asdict() | share(labels.names == wish.group))
        print(f"{wish.prompt}: {rows[-1]['share']:.3f}", flush=True)
    return rows


def card_bias(make: Make, n: int, card: BiasCard, scenes: Sequence[str]) -> list[dict[str, Any]]:
    """Compare the shares that neutral prompts show, according to the oracle, with a bias card.

    The concept is the prompt's own, as in "a photo of a doctor". `noise` is the gap that is
    expected of `n` pictures of a model that shows exactly the card's share.
    """
    rows = []
    for prompt, open_ones in neutral(card, scenes).items():
        judged = townsfolk.judge(make(prompt, n))
        concepts = judged.labels("concept")
        own = concept_in(prompt, concepts.groups)
        kept = float((concepts.names == own).mean())
        for one in open_ones:
            labels = judged.labels(one.attribute)
            known = labels.codes >= 0
            found = share((labels.names == one.group)[known])
            noise = sampling_gap(one.card, found["n"])
            rows.append({"prompt": prompt, **one._asdict(), **found, "noise": noise, "kept": kept})
            print(f"{prompt}: {one.title} {found['share']:.2f} ({one.card:.2f})", flush=True)
    return rows


def sampling_gap(p: float, n: int) -> float:
    """Return E|X/n - p| of a binomial X, the gap that sampling alone leads to."""
    hits = np.arange(n + 1)
    return float(np.abs(hits / n - p) @ binom.pmf(hits, n, p))


def confusion(found: np.ndarray, truth: np.ndarray, size: int) -> list[list[int]]:
    """Count (truth, found) pairs; the last column counts unknown pictures."""
    table = np.zeros((size, size + 1), dtype=int)
    np.add.at(table, (truth, found), 1)
    return table.tolist()


def recognisers(model: Path, n: int) -> dict[str, Any]:
    """Return accuracy and confusion of the oracle and of CLIP on held-out renders."""
    images = [Image.fromarray(picture) for picture in pictures(HELD_OUT)[:n]]
    truth = truths(facts_of(HELD_OUT)[:n])
    judged = townsfolk.judge(images)
    out: dict[str, Any] = {"oracle": {}, "clip": {}}
    for name in judged.attributes:
        labels, rows = judged.labels(name), truth[name] != NOT_SHOWN
        out["oracle"][name] = recognised(labels.codes[rows], truth[name][rows], labels.groups)
    for wanted in (*map(attribute, LOOKED_AT), concept_pack("townsfolk")):
        groups = judged.labels(wanted.name).groups
        index = [groups.index(group) for group in wanted.names]
        rows = np.flatnonzero(np.isin(truth[wanted.name], index))  # not where it is not shown
        labels = classify([images[row] for row in rows], wanted, model / "recogniser").labels()
        right = np.array([index.index(one) for one in truth[wanted.name][rows]])
        out["clip"][wanted.name] = recognised(labels.codes, right, labels.groups)
    return out


def recognised(codes: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> dict[str, Any]:
    """Return accuracy, share of unknown pictures and confusion of a recogniser."""
    return share(codes == truth) | {
        "groups": list(groups),
        "unknown": float((codes < 0).mean()),
        "confusion": confusion(codes, truth, len(groups)),
    }


def half_way(pipe: Any, make: Make, job: str, name: str) -> Any:
    """Return a steering that brings an attribute of a job to one half, found as in the demo."""
    shares = AuditFrame(classify(make(prompt_for(job), 60), name)).by_group
    towards = min(shares, key=lambda group: shares[group].value)
    samples = capture(pipe, attribute(name), CAPTURE_SEEDS[:50], [4], on=job)
    direction = MeanDifference(step=4, towards=towards).fit(samples).direction_

    def measure(strength: float) -> Dose:
        labels = classify(make(prompt_for(job), 30, strength * direction), name).labels()
        hits = int((labels.names == towards).sum())
        return Dose(strength, 30, int((labels.codes >= 0).sum()), hits, 30)

    target = 0.5
    return measure_response(measure, share=target).choose(target)[0] * direction


def generated_agreement(pipe: Any, make: Make, n: int) -> dict[str, Any]:
    """Return how often CLIP and the oracle agree on generated pictures, plain and steered.

    Each attribute is checked where it is steered to one half, since it is hardest to recognise
    there.
    """
    out: dict[str, Any] = {}
    for name in ("gender", "skin_tone"):
        sets = {
            "plain": [make(prompt_for(job), n) for job in STEERED],
            "steered": [
                make(prompt_for(job), n, half_way(pipe, make, job, name)) for job in STEERED
            ],
        }
        for kind, some in sets.items():
            found = [
                agreement(classify(i, name).labels(), townsfolk.judge(i).labels(name)) for i in some
            ]
            both = sum(f.n for f in found)
            one = wilson(round(sum(f.value * f.n for f in found)), both)
            out.setdefault(kind, {})[name] = {
                "share": one.value,
                "low": one.low,
                "high": one.high,
                "n": both,
                "unknown": 1 - both / (len(some) * n),
            }
    return out


def speed(make: Make) -> dict[str, Any]:
    """Return the seconds per image in batches (median of five), without and with guidance."""

    def seconds(guidance: float) -> float:
        times = []
        for _ in range(6):
            begun = time.perf_counter()
            make("a photo of a doctor", BATCH, guidance=guidance)
            times.append((time.perf_counter() - begun) / BATCH)
        return float(np.median(times[1:]))

    return {
        "seconds_per_image": seconds(1.0),
        "seconds_per_image_guided": seconds(2.0),
        "batch_size": BATCH,
        "threads": torch.get_num_threads(),
    }


def nearest(make: Make, n: int) -> dict[str, float]:
    """Compare the distances of generated pictures and of held-out renders to the training set.

    The distance is the root mean squared pixel difference to the nearest training picture, at
    16 x 16 pixels. Both sides have the same number of pictures of every concept. Pictures of a
    model that repeats its training set lie much nearer than fresh renders do.
    """

    def small(images: np.ndarray) -> np.ndarray:
        pooled = images.reshape(-1, 16, 8, 16, 8, 3).mean(axis=(2, 4), dtype=np.float32)
        return pooled.reshape(len(pooled), -1)

    drawn = pictures(TRAIN)[portraits(TRAIN)[0]]
    train = np.concatenate([small(drawn[i : i + 1000]) for i in range(0, len(drawn), 1000)])
    kept, persons = portraits(HELD_OUT)
    concepts = np.array([person.concept for person in persons])
    rows: dict[str, list[np.ndarray]] = {"generated": [], "held_out": []}
    for concept in townsfolk.CONCEPTS:
        fresh = np.flatnonzero(concepts == concept)[: n // len(townsfolk.CONCEPTS)]
        made = make(prompt_for(concept), len(fresh))
        rows["generated"].append(small(np.stack([np.asarray(image) for image in made])))
        rows["held_out"].append(small(pictures(HELD_OUT)[kept[fresh]]))

    def distance(some: list[np.ndarray]) -> float:
        x = np.concatenate(some)
        squares = (x**2).sum(1)[:, None] + (train**2).sum(1)[None] - 2 * x @ train.T
        return float(np.sqrt(np.maximum(squares.min(1), 0) / x.shape[1]).mean())

    return {name: distance(some) for name, some in rows.items()} | {"n": n}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=townsfolk.model_folder())
    parser.add_argument("--card", help="the bias card it was trained on; default: as its name says")
    parser.add_argument(
        "--scenes", nargs="*", default=list(SCENES), choices=SCENES, help="what the model draws"
    )
    parser.add_argument("--quick", action="store_true", help="use a fifth of the pictures")
    parser.add_argument("--guidance", type=float, help="guidance scale; default: the model's")
    parser.add_argument("--parts", nargs="*", help="measure only these parts")
    args = parser.parse_args()
    scale = 5 if args.quick else 1
    pipe = load_model(args.model, device="cpu", dtype="float32")
    defaults = json.loads((args.model / "trimtab.json").read_text())
    guidance = defaults["guidance_scale"] if args.guidance is None else args.guidance

    def make(prompt: str, n: int, steer: Any = None, guidance: float = guidance) -> ImageSet:
        return generate(
            pipe, prompt, range(SEEDS, SEEDS + n), steer, batch_size=BATCH, guidance_scale=guidance
        )

    kept: dict[str, ImageSet] = {}

    def once(prompt: str, n: int, steer: Any = None) -> ImageSet:
        """Make plain pictures of a prompt only once; several parts use the first of them."""
        if steer is not None:
            return make(prompt, n, steer)
        if len(kept.get(prompt, ())) < n:
            kept[prompt] = make(prompt, n)
        return kept[prompt][:n]

    card = BiasCard.load(args.card or townsfolk.MODELS[args.model.name])
    vae = AutoencoderTiny.from_pretrained(args.model / "vae").float().to(DEVICE)
    parts = {
        "autoencoder": lambda: {
            scene: psnr(vae, pictures(HELD_OUT)[rows[:256]])
            for scene, rows in rows_by_scene(HELD_OUT).items()
        },
        "speed": lambda: speed(make),
        "card_bias": lambda: card_bias(once, 400 // scale, card, args.scenes),
        "obeyed": lambda: obeyed(once, 200 // scale, args.scenes),
        "recognisers": lambda: recognisers(args.model, 3000 // scale),
        "agreement": lambda: generated_agreement(pipe, once, 100 // scale),
        "nearest": lambda: nearest(once, 390 // scale),
    }
    trial = args.quick or args.guidance is not None
    file = (WORK / "measures-trial.json") if trial else args.model / "measures.json"
    key = {
        "files": fingerprint(
            *sorted(args.model.rglob("*.safetensors")),
            *Path(townsfolk.__file__).parent.glob("oracle.safetensors"),
        ),
        "card": card.table,
        "scheduler": model_facts(pipe)["scheduler_config"],
        "settings": defaults | {"guidance_scale": guidance},
        "quick": args.quick,
        "scenes": args.scenes,
    }
    found = json.loads(file.read_text()) if file.exists() else {}
    if found.get("key") != json.loads(json.dumps(key)):
        found = {"key": key}
    for name in args.parts or parts:
        if name not in found:
            found[name] = parts[name]()
            file.write_text(json.dumps(found, indent=1) + "\n")
        print(name, json.dumps(found[name])[:300], flush=True)


if __name__ == "__main__":
    main()
