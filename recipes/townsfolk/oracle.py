"""Stage 5: train the oracle, on renders only.

python -m recipes.townsfolk.oracle --steps 2500
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Average,
    augment,
    checkpoint,
    fingerprint,
    learning_rate,
    pictures,
    portraits,
    resume,
    schedule,
    to_tensor,
)
from trimtab.townsfolk.oracle import GROUPS, Oracle
from trimtab.townsfolk.world import AGES, BACKDROPS, CONCEPTS, GENDERS, Person

CHECKPOINT = WORK / "oracle.pt"


def truths(persons: list[Person]) -> dict[str, np.ndarray]:
    """Return the group index of each person, by attribute."""
    columns = {
        "concept": [CONCEPTS.index(p.concept) for p in persons],
        "gender": [GENDERS.index(p.gender) for p in persons],
        "skin_tone": [int(p.skin == "darker") for p in persons],
        "monk_tone": [p.tone - 1 for p in persons],
        "age": [AGES.index(p.age) for p in persons],
        "glasses": [int(not p.glasses) for p in persons],
        "jewellery": [int(not p.jewellery) for p in persons],
        "backdrop": [BACKDROPS.index(p.backdrop) for p in persons],
    }
    return {name: np.array(column) for name, column in columns.items()}


@torch.no_grad()
def accuracy(model: Oracle) -> dict[str, float]:
    """Return the accuracy on held-out renders, by attribute."""
    kept, persons = portraits(HELD_OUT)
    images, truth = pictures(HELD_OUT)[kept], truths(persons)
    right: dict[str, list[np.ndarray]] = {name: [] for name in GROUPS}
    for start in range(0, len(images), 128):
        for name, logits in model(to_tensor(images[start : start + 128])).items():
            guess = logits.argmax(1).cpu().numpy()
            right[name].append(guess == truth[name][start : start + 128])
    return {name: round(float(np.concatenate(rows).mean()), 4) for name, rows in right.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_500)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    torch.manual_seed(0)
    model = Oracle().to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    average = Average(model, 0.998)
    facts = vars(args) | {"drawings": fingerprint(WORK / f"{TRAIN}.json")}
    start = resume(CHECKPOINT, model, optimizer, average, facts)
    images, (kept, persons) = pictures(TRAIN), portraits(TRAIN)
    truth = truths(persons)
    for step in schedule(start, args.steps):
        rng = np.random.default_rng([6, step])
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.lr)
        rows = np.sort(rng.choice(len(kept), args.batch, replace=False))
        logits = model(augment(to_tensor(images[kept[rows]]), rng))
        loss = sum(
            F.cross_entropy(logits[name], torch.from_numpy(truth[name][rows]).to(DEVICE))
            for name in GROUPS
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update(model, step)
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, facts)
            copy = Oracle().to(DEVICE, memory_format=torch.channels_last)
            average.copy_to(copy)
            print(f"loss {loss.item():.3f}", accuracy(copy), flush=True)
    weights = {k: v.half().contiguous() for k, v in average.values.items()}
    save_file(weights, WORK / "oracle.safetensors")


if __name__ == "__main__":
    main()
