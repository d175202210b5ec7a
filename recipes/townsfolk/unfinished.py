"""Keep a denoiser that is still in training, in a third of its size, to go on from elsewhere.

    python -m recipes.townsfolk.unfinished --to recipes/townsfolk/scenes.safetensors
    python -m recipes.townsfolk.unet --start recipes/townsfolk/scenes.safetensors …

The file holds the differences from the shipped denoiser in 8 bits, each tensor with its scale. That
is enough to begin with, not to draw with.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from recipes.townsfolk.common import WORK
from trimtab.townsfolk import model_folder

WEIGHTS = "diffusion_pytorch_model.safetensors"
EIGHT = torch.float8_e4m3fn
SCALE = ".scale"


def shipped() -> dict[str, torch.Tensor]:
    """Return the weights of the shipped denoiser, in float32."""
    found = load_file(model_folder() / "unet" / WEIGHTS)
    return {name: value.float() for name, value in found.items()}


def unpacked(file: Path) -> dict[str, torch.Tensor]:
    """Return the weights in a file, in float32."""
    packed, found = load_file(file), shipped()
    return {
        name: value + packed[name].float() * packed[name + SCALE] for name, value in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unet", type=Path, default=WORK / "unet")
    parser.add_argument("--to", type=Path, required=True)
    args = parser.parse_args()
    weights, base = load_file(args.unet / WEIGHTS), shipped()
    packed = {}
    for name, value in weights.items():
        change = value.float() - base[name]
        scale = change.abs().max().clamp(min=1e-12) / torch.finfo(EIGHT).max
        packed[name], packed[name + SCALE] = (change / scale).to(EIGHT), scale
    save_file(packed, args.to)
    error = sum(
        float(((one - weights[name].float()) ** 2).sum()) for name, one in unpacked(args.to).items()
    )
    moved = sum(float(((value.float() - base[name]) ** 2).sum()) for name, value in weights.items())
    print(f"{args.to.stat().st_size / 1e6:.1f} MB; relative error {(error / moved) ** 0.5:.3f}")


if __name__ == "__main__":
    main()
