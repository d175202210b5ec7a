"""Shared by all stages: the work folder, the drawn pictures, and checkpoints to resume from."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from trimtab.townsfolk.captions import draw_mentioned
from trimtab.townsfolk.scene_captions import describe
from trimtab.townsfolk.world import Bird, Home, Person, Subject, Wedding

WORK = Path(os.environ.get("TOWNSFOLK_WORK", "runs/townsfolk"))
TRAIN, HELD_OUT = "train", "held_out"
KINDS: dict[str, Any] = {"portrait": Person, "home": Home, "wedding": Wedding, "bird": Bird}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def pictures(split: str) -> np.ndarray:
    """Return the drawn pictures of a split as memory-mapped uint8 (n, 128, 128, 3)."""
    return np.load(WORK / f"{split}.npy", mmap_mode="r")


class Fact(NamedTuple):
    """What a drawn picture shows, the attributes its captions name, and its objects with boxes."""

    scene: str
    subject: Subject
    named: tuple[str, ...]
    objects: tuple[tuple[str, int, int, int, int], ...]


def facts_of(split: str) -> list[Fact]:
    """Return what each picture of a split shows."""
    return [fact_of(row) for row in json.loads((WORK / f"{split}.json").read_text())]


def fact_of(row: Mapping[str, Any]) -> Fact:
    """Return what a picture shows, from its row in the file of a split."""
    subject = KINDS[row["scene"]].from_dict(row["subject"])
    return Fact(row["scene"], subject, tuple(row["named"]), tuple(map(tuple, row["objects"])))


def portraits(split: str) -> tuple[np.ndarray, list[Person]]:
    """Return the row of each portrait of a split, and whom it shows."""
    found = [(i, fact.subject) for i, fact in enumerate(facts_of(split))]
    shown = [(i, one) for i, one in found if isinstance(one, Person)]
    return np.array([i for i, _ in shown]), [one for _, one in shown]


def caption_of(fact: Fact, rng: np.random.Generator) -> tuple[str, tuple[str, ...]]:
    """Write a caption of a picture, and list the objects that it mentions."""
    mentioned: tuple[str, ...] = ()
    if fact.scene == "portrait" and fact.named != ("concept",):  # a neutral caption stays so
        mentioned = draw_mentioned((name for name, *_ in fact.objects), rng.spawn(1)[0])
    return describe(fact.subject, fact.named, rng, mentioned), mentioned


def to_tensor(batch: np.ndarray) -> torch.Tensor:
    """Convert uint8 pictures (n, h, w, 3) to a float tensor (n, 3, h, w) in [-1, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).float()
    return (tensor / 127.5 - 1).to(DEVICE).contiguous(memory_format=torch.channels_last)


def augment(images: torch.Tensor, rng: np.random.Generator, *, shift: bool = True) -> torch.Tensor:
    """Blur, shift and add noise, so that the network is used to the softness of generated ones."""
    factor = int(rng.integers(1, 4))
    if factor > 1:
        small = F.avg_pool2d(images, factor)
        soft = F.interpolate(small, size=images.shape[-2:], mode="bilinear")
        images = images.lerp(soft, float(rng.random()))
    down, right = rng.integers(-6, 7, size=2)
    if shift:
        images = torch.roll(images, (int(down), int(right)), dims=(2, 3))
    noise = 0.15 * torch.rand(len(images), 1, 1, 1, device=images.device)
    gain = 1 + 0.1 * torch.randn(len(images), 1, 1, 1, device=images.device)
    return (images * gain + noise * torch.randn_like(images)).clamp(-1, 1)


def learning_rate(step: int, steps: int, peak: float, warmup: int = 200) -> float:
    """Return the learning rate at a step: linear warm-up, then cosine decay to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class Average:
    """Exponential moving average of a module's parameters, with the usual decay warm-up."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {k: v.detach().clone().float() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.values[key].lerp_(value.float(), 1 - decay)

    def copy_to(self, module: torch.nn.Module) -> None:
        module.load_state_dict(self.values)


def fingerprint(*paths: Path) -> str:
    """Return a hash of files, so that a later stage notices when an earlier one was rerun."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def checkpoint(
    path: Path,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
    facts: dict[str, Any],
) -> None:
    """Write the state of a training run, with its options and inputs, atomically."""
    if not all(value.isfinite().all() for value in average.values.values()):
        raise SystemExit(f"weights are not finite after step {step}; keeping the last checkpoint")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average.values,
        "step": step,
        "facts": facts,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_whole(state, path)


def save_whole(value: Any, path: Path) -> None:
    """Save a value under a temporary name, then rename the file."""
    torch.save(value, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def resume(
    path: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
    facts: dict[str, Any],
) -> int:
    """Resume training from a checkpoint; return the steps done, 0 if there is no checkpoint."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location=DEVICE, weights_only=True)
    if state["facts"] != facts:
        raise SystemExit(
            f"got {path} from a run with {state['facts']}; expected {facts}; "
            "use the same options and inputs, or move the checkpoint away"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    average.values = state["average"]
    return int(state["step"])


def fit(
    build: Callable[[], torch.nn.Module],
    loss: Callable[[torch.nn.Module, np.random.Generator], torch.Tensor],
    report: Callable[[Any], str],
    file: Path,
    args: argparse.Namespace,
    *,
    stream: int,
    every: int,
    clip: float,
) -> None:
    """Train a network with AdamW and save its averaged weights in half precision.

    Parameters
    ----------
    build : callable
        Makes the network.
    loss : callable
        ``(network, generator) -> loss`` of one batch, which the generator chooses.
    report : callable
        Takes the network with averaged weights, and says how good it is.
    file : Path
        The checkpoint; the weights are saved beside it as ``.safetensors``.
    args : argparse.Namespace
        Options, `steps` and `lr` among them.
    stream : int
        Number of the stream of random numbers.
    every : int
        Steps between two checkpoints, each with a report.
    clip : float
        Largest norm of the gradients.
    """
    torch.manual_seed(0)
    model = build().to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    average = Average(model, 0.998)
    facts = vars(args) | {"drawings": fingerprint(WORK / f"{TRAIN}.json")}
    start = resume(file, model, optimizer, average, facts)
    for step in schedule(start, args.steps):
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.lr)
        found = loss(model, np.random.default_rng([stream, step]))
        optimizer.zero_grad(set_to_none=True)
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        average.update(model, step)
        if (step + 1) % every == 0 or step + 1 == args.steps:
            checkpoint(file, step + 1, model, optimizer, average, facts)
            copy = build().to(DEVICE, memory_format=torch.channels_last)
            average.copy_to(copy)
            print(f"loss {found.item():.3f}  {report(copy)}", flush=True)
    weights = {name: value.half().contiguous() for name, value in average.values.items()}
    save_file(weights, file.with_suffix(".safetensors"))


def schedule(start: int, steps: int, every: int = 100) -> Iterator[int]:
    """Yield training steps and print the pace."""
    begun = time.time()
    for step in range(start, steps):
        yield step
        if (step + 1) % every == 0:
            pace = (time.time() - begun) / (step + 1 - start)
            left = pace * (steps - step - 1) / 60
            print(f"step {step + 1}/{steps}  {pace:.3f} s/step  {left:.0f} min left", flush=True)
