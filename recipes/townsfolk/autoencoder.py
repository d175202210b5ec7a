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
    images: np.ndarray, rows: list[np.ndarray], rng: np.random.Generator, n: int, size: int
) -> np.ndarray:
    """Cut `n` random crops, aligned to a grid of 8 so that patches stay aligned.

    `rows` has the pictures of each scene. Every scene comes equally often, since weddings, the
    rarest, have the most detail.
    """
    out = np.empty((n, size, size, 3), np.uint8)
    for row, scene in enumerate(rng.integers(len(rows), size=n)):
        index = rng.choice(rows[scene])
        top, left = 8 * rng.integers((images.shape[1] - size) // 8 + 1, size=2)
        out[row] = images[index, top : top + size, left : left + size]
    return out


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


def loss_of(model: AutoencoderTiny, batch: torch.Tensor, latent_weight: float) -> torch.Tensor:
    """Return the loss: squared and absolute error, edges, and latents of zero mean, unit scale."""
    latents = model.encoder(batch)
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
    args = parser.parse_args()
    torch.manual_seed(0)
    model = build(args.width)
    weights = args.start and args.start / "diffusion_pytorch_model.safetensors"
    if weights:
        model.load_state_dict(load_file(weights))
    model = model.to(DEVICE, memory_format=torch.channels_last)
    optimizer = Muon(model, args.lr, adam_lr=2e-3, outer=CHANNELS)
    average = Average(model, 0.999)
    facts = vars(args) | {
        "drawings": fingerprint(WORK / f"{TRAIN}.json"),
        "start": weights and fingerprint(weights),
    }
    start = resume(CHECKPOINT, model, optimizer, average, facts)
    train, held_out = pictures(TRAIN), pictures(HELD_OUT)
    drawn = list(rows_by_scene(TRAIN).values())
    shown = {name: rows[:128] for name, rows in rows_by_scene(HELD_OUT).items()}
    for step in schedule(start, args.steps, every=250):
        rng = np.random.default_rng([3, step])
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, group["peak"])
        loss = loss_of(model, to_tensor(crops(train, drawn, rng, args.batch, args.crop)), 0.02)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(model, step)
        if (step + 1) % 1000 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, facts)
            copy = build(args.width).to(DEVICE, memory_format=torch.channels_last)
            average.copy_to(copy)
            by_scene = {name: round(psnr(copy, held_out[rows]), 2) for name, rows in shown.items()}
            print(f"loss {loss.item():.4f}  held-out PSNR in dB {by_scene}", flush=True)
    copy = build(args.width)
    average.copy_to(copy)
    copy.save_pretrained(WORK / "vae")


if __name__ == "__main__":
    main()
