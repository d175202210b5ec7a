"""Stage 2: train the autoencoder (`AutoencoderTiny`, no norms, f = 8, 12 latent channels) on crops.

python -m recipes.townsfolk.autoencoder --steps 10000
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file
from torch.nn import functional as F

from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Average,
    checkpoint,
    facts_of,
    fingerprint,
    learning_rate,
    pictures,
    resume,
    schedule,
    to_tensor,
)
from recipes.townsfolk.muon import Muon
from trimtab.townsfolk.world import SCENES

CHANNELS = 12
LATENT_NOISE = 0.03  # makes the decoder tolerate small errors of the denoiser
CHECKPOINT = WORK / "autoencoder.pt"


def build(width: int = 32) -> AutoencoderTiny:
    """Build the autoencoder, with few blocks at the finest level, where they cost most."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 2, 3, 3),
        num_decoder_blocks=(3, 3, 2, 1),
        latent_channels=CHANNELS,
        force_upcast=False,
    )


def crops(
    images: np.ndarray, rows: dict[str, np.ndarray], rng: np.random.Generator, n: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut `n` random crops, aligned to a grid of 8 so that patches stay aligned.

    `rows` has the pictures of each scene. Every scene comes equally often, but weddings, which
    have the most detail, twice as often. Returns the crops and the scene of each.
    """
    out = np.empty((n, size, size, 3), np.uint8)
    scenes = rng.choice([*rows, "wedding"], size=n)
    for row, scene in enumerate(scenes):
        index = rng.choice(rows[scene])
        top, left = 8 * rng.integers((images.shape[1] - size) // 8 + 1, size=2)
        out[row] = images[index, top : top + size, left : left + size]
    return out, scenes


def rows_by_scene(split: str) -> dict[str, np.ndarray]:
    """Return the rows of the pictures of each scene."""
    shown = np.array([fact.scene for fact in facts_of(split)])
    return {name: np.flatnonzero(shown == name) for name in SCENES}


@torch.no_grad()
def psnr(model: AutoencoderTiny, images: np.ndarray) -> float:
    """Return the mean PSNR in dB over whole pictures, with intensities in [0, 1]."""
    values = []
    for start in range(0, len(images), 32):
        batch = to_tensor(images[start : start + 32])
        out = model.decode(model.encode(batch).latents).sample.clamp(-1, 1)
        mse = ((out - batch) / 2).square().mean(dim=(1, 2, 3))
        values.append(-10 * mse.log10())
    return float(torch.cat(values).mean())


def anchor_loss(
    latents: torch.Tensor, batch: torch.Tensor, kept: torch.Tensor, anchor: AutoencoderTiny
) -> torch.Tensor:
    """Return how far the latents of the pictures marked in `kept` are from the anchor's."""
    if not kept.any():
        return latents.new_zeros(())
    with torch.no_grad():
        target = anchor.encoder(batch[kept])
    return F.mse_loss(latents[kept], target)


def loss_of(
    model: AutoencoderTiny, batch: torch.Tensor, latents: torch.Tensor, latent_weight: float
) -> torch.Tensor:
    """Return the loss: squared and absolute error, edges, and latents of zero mean, unit scale."""
    out = model.decoder(latents + LATENT_NOISE * torch.randn_like(latents))
    dx = F.l1_loss(out.diff(dim=3), batch.diff(dim=3))
    dy = F.l1_loss(out.diff(dim=2), batch.diff(dim=2))
    mean, square = latents.mean(dim=(0, 2, 3)), latents.square().mean(dim=(0, 2, 3))
    scale = mean.square().mean() + (square - 1).square().mean()
    return (
        10 * F.mse_loss(out, batch)
        + F.l1_loss(out, batch)
        + 0.3 * (dx + dy)
        + latent_weight * scale
    )


def copy_of(weights: dict[str, torch.Tensor], width: int) -> AutoencoderTiny:
    """Build an autoencoder with these weights, for evaluation."""
    copy = build(width).to(DEVICE, memory_format=torch.channels_last)
    copy.load_state_dict(weights)
    return copy.requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument(
        "--start", type=Path, help="folder of an autoencoder to begin with, e.g. the shipped one"
    )
    parser.add_argument(
        "--anchor",
        type=float,
        default=0.0,
        help="weight of keeping the latents that portraits have in --start, so that a denoiser "
        "trained on those remains valid",
    )
    args = parser.parse_args()
    if args.anchor and not args.start:
        parser.error("--anchor needs --start")
    torch.manual_seed(0)
    model = build(args.width)
    weights = args.start and args.start / "diffusion_pytorch_model.safetensors"
    if weights:
        model.load_state_dict(load_file(weights))
    anchor = copy_of(model.state_dict(), args.width) if args.anchor else None
    model = model.to(DEVICE, memory_format=torch.channels_last)
    optimizer = Muon(model, args.lr, adam_lr=2e-3, outer=CHANNELS)
    average = Average(model, 0.999)
    facts = vars(args) | {
        "drawings": fingerprint(WORK / f"{TRAIN}.json"),
        "start": weights and fingerprint(weights),
    }
    start = resume(CHECKPOINT, model, optimizer, average, facts)
    train, held_out = pictures(TRAIN), pictures(HELD_OUT)
    drawn = rows_by_scene(TRAIN)
    shown = {name: rows[:128] for name, rows in rows_by_scene(HELD_OUT).items()}
    for step in schedule(start, args.steps, every=250):
        rng = np.random.default_rng([3, step])
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, group["peak"])
        cut, scenes = crops(train, drawn, rng, args.batch, args.crop)
        batch = to_tensor(cut)
        latents = model.encoder(batch)
        loss = loss_of(model, batch, latents, 0.0 if anchor else 0.02)
        if anchor:
            kept = torch.from_numpy(scenes == "portrait").to(DEVICE)
            loss = loss + args.anchor * anchor_loss(latents, batch, kept, anchor)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(model, step)
        if (step + 1) % 1000 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, facts)
            copy = copy_of(average.values, args.width)
            by_scene = {name: round(psnr(copy, held_out[rows]), 2) for name, rows in shown.items()}
            print(f"loss {loss.item():.4f}  held-out PSNR in dB {by_scene}", flush=True)
    copy = copy_of(average.values, args.width)
    if args.anchor:  # the denoiser's latents keep their scale as well
        config = AutoencoderTiny.load_config(args.start)
        copy.register_to_config(scaling_factor=config["scaling_factor"])
    copy.save_pretrained(WORK / "vae")


if __name__ == "__main__":
    main()
