"""Stage 6: train the detector on the true boxes of drawings.

python -m recipes.townsfolk.detector --steps 2000
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Fact,
    augment,
    facts_of,
    fit,
    pictures,
    to_tensor,
)
from trimtab.recognition.detection import average_precision
from trimtab.townsfolk.detector import CELLS, OBJECTS, STRIDE, ObjectDetector, TownsfolkDetector

CHECKPOINT = WORK / "detector.pt"
KINDS = {name: number for number, name in enumerate(OBJECTS)}


def targets(facts: Sequence[Fact]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what the network should say of pictures.

    Returns
    -------
    heat : Tensor, shape (n, K, 32, 32)
        1 at the centre of each object, and less around it.
    places : Tensor of int, shape (m, 4)
        Picture, kind, row and column of each object.
    boxes : Tensor, shape (m, 4)
        Its box, as `ObjectDetector` says it.
    """
    heat = np.zeros((len(facts), len(OBJECTS), CELLS, CELLS), dtype=np.float32)
    axis = np.arange(CELLS)
    places, boxes = [], []
    for picture, fact in enumerate(facts):
        for name, left, top, right, bottom in fact.objects:
            x, y = (left + right) / 2 / STRIDE, (top + bottom) / 2 / STRIDE
            width, height = (right - left) / STRIDE, (bottom - top) / STRIDE
            column, row = min(int(x), CELLS - 1), min(int(y), CELLS - 1)
            spread = np.clip(np.sqrt(width * height) / 8, 0.5, 1.5)
            near = np.exp(
                -((axis[:, None] - row) ** 2 + (axis[None] - column) ** 2) / (2 * spread**2)
            )
            plane = heat[picture, KINDS[name]]
            np.maximum(plane, near, out=plane)
            places.append((picture, KINDS[name], row, column))
            boxes.append((x - column, y - row, np.log(width), np.log(height)))
    return (
        torch.from_numpy(heat),
        torch.tensor(places),
        torch.tensor(np.array(boxes), dtype=torch.float32),
    )


def heat_loss(logits: torch.Tensor, heat: torch.Tensor) -> torch.Tensor:
    """Return CenterNet's focal loss, as a sum over all cells divided by the number of objects."""
    p = logits.sigmoid().clamp(1e-5, 1 - 1e-5)
    centre = heat == 1
    right = ((1 - p) ** 2 * p.log())[centre].sum()
    wrong = ((1 - heat) ** 4 * p**2 * (1 - p).log())[~centre].sum()
    return -(right + wrong) / centre.sum().clamp(min=1)


def precision(model: ObjectDetector, n: int = 600) -> dict[str, float]:
    """Return the average precision on held-out drawings, by kind."""
    facts = facts_of(HELD_OUT)[:n]
    images = [Image.fromarray(one) for one in pictures(HELD_OUT)[:n]]
    true = [[(name, box) for name, *box in fact.objects] for fact in facts]
    found = TownsfolkDetector(model.cpu(), least=0.05).detect(images)
    return average_precision(found, true)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    images, shown = pictures(TRAIN), facts_of(TRAIN)

    def loss(model: torch.nn.Module, rng: np.random.Generator) -> torch.Tensor:
        rows = np.sort(rng.choice(len(images), args.batch, replace=False))
        heat, places, boxes = (one.to(DEVICE) for one in targets([shown[i] for i in rows]))
        logits, found = model(augment(to_tensor(images[rows]), rng, shift=False))
        picture, kind, row, column = places.T
        return heat_loss(logits, heat) + F.l1_loss(found[picture, kind, :, row, column], boxes)

    def report(model: ObjectDetector) -> str:
        by_kind = precision(model)
        worst = sorted(by_kind, key=by_kind.__getitem__)[:8]
        mean = np.mean(list(by_kind.values()))
        return f"mAP {mean:.3f} { ({kind: round(by_kind[kind], 2) for kind in worst}) }"

    fit(ObjectDetector, loss, report, CHECKPOINT, args, stream=7, every=400, clip=5.0)


if __name__ == "__main__":
    main()
