"""Stage 4: train the denoiser on the encoded pictures and their captions (velocity prediction).

    python -m recipes.townsfolk.unet --steps 10000

Needs the autoencoder (`vae`) and the frozen text encoder (`text_encoder`, `tokenizer`). `--start`
begins with the averaged weights of an earlier run's checkpoint instead of random weights. The
shipped denoiser was trained this way in four runs, which `training.json` records nested in each
other: the first with `--no-zero-snr`, and only the last with `--perturb`. A single run with the
same number of steps should do as well.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing
from diffusers import AutoencoderTiny, DDPMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from recipes.townsfolk.autoencoder import CHANNELS
from recipes.townsfolk.common import (
    DEVICE,
    TRAIN,
    WORK,
    Average,
    Fact,
    caption_of,
    checkpoint,
    facts_of,
    fingerprint,
    learning_rate,
    pictures,
    resume,
    save_whole,
    schedule,
    to_tensor,
)
from recipes.townsfolk.muon import Muon
from recipes.townsfolk.unfinished import unpacked

CHECKPOINT = WORK / "unet.pt"
EMPTY_CAPTION = 0.1  # share of captions dropped, for classifier-free guidance
# Stable Diffusion's own schedule, but ending in pure noise (arXiv 2305.08891). Otherwise the last
# timestep still contains 7 % of a picture's mean, which initial noise never does; a model trained
# that way drew darker skin only half as often as its training pictures.
NOISE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
}


def build() -> UNet2DConditionModel:
    """Build the denoiser, with attention only at 8x8 and 4x4, where it is cheap."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=(64, 128, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=32,
        norm_num_groups=16,
    )


@torch.no_grad()
def encoded(inputs: dict[str, str]) -> torch.Tensor:
    """Encode all pictures with the autoencoder, scaled by its factor, and cache the result.

    The factor makes the standard deviation of all latents one, unless the autoencoder has one.
    """
    path = WORK / "latents.pt"
    images = pictures(TRAIN)
    kept = torch.load(path, weights_only=True) if path.exists() else {}
    if kept.get("inputs") != inputs:
        vae = AutoencoderTiny.from_pretrained(WORK / "vae").to(
            DEVICE, memory_format=torch.channels_last
        )
        parts = [
            vae.encode(to_tensor(images[i : i + 64])).latents.half().cpu()
            for i in range(0, len(images), 64)
        ]
        latents = torch.cat(parts).contiguous()
        own = vae.config.scaling_factor  # 1 in a new autoencoder
        factor = own if own != 1 else 1 / float(latents.float().std())
        kept = {
            "inputs": inputs,
            "factor": factor,
            "latents": (latents.float() * factor).half(),
        }
        save_whole(kept, path)
    config = WORK / "vae" / "config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"scaling_factor": kept["factor"]}, indent=2)
    )
    print(f"{len(kept['latents'])} latents, scaling factor {kept['factor']:.4f}", flush=True)
    return kept["latents"]


class TextEncoder:
    """Encodes captions as the token embeddings that a Stable Diffusion pipeline would use."""

    def __init__(self) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(WORK / "tokenizer")
        self.model = CLIPTextModel.from_pretrained(WORK / "text_encoder", dtype=torch.float32)
        self.model = self.model.to(DEVICE).eval()

    @torch.no_grad()
    def __call__(self, texts: list[str]) -> torch.Tensor:
        ids = self.tokenizer(
            texts,
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        return self.model(input_ids=ids.to(DEVICE))[0]


def options() -> argparse.Namespace:
    """Read the options of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--ema", type=float, default=0.9995)
    parser.add_argument(
        "--perturb",
        type=float,
        default=0.1,
        help="standard deviation of extra noise, added only to the input",
    )
    parser.add_argument(
        "--start",
        type=Path,
        help="folder of a denoiser, file of an unfinished one, or checkpoint of an earlier run "
        "that was moved elsewhere",
    )
    parser.add_argument(
        "--zero-snr",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="end in pure noise, instead of using Stable Diffusion's schedule unchanged",
    )
    parser.add_argument(
        "--portraits", type=float, help="share of portraits in training; default: as drawn"
    )
    parser.add_argument("--processes", type=int, default=1, help="processes that share each batch")
    return parser.parse_args()


def beginning(start: Path | None) -> tuple[UNet2DConditionModel, dict[str, Any] | None]:
    """Build the denoiser that a run begins with, and tell where it comes from."""
    model = build()
    if start is None:
        return model, None
    if start.suffix == ".safetensors":
        model.load_state_dict(unpacked(start))
        return model, {"weights": fingerprint(start)}
    if start.is_dir():
        weights = start / "diffusion_pytorch_model.safetensors"
        model.load_state_dict(load_file(weights))
        return model, {"weights": fingerprint(weights)}
    earlier = torch.load(start, map_location="cpu", weights_only=True)
    model.load_state_dict(earlier["average"])
    return model, earlier["facts"] | {"steps_done": earlier["step"]}


def chances(shown: Sequence[Fact], portraits: float | None) -> NDArray[np.float64]:
    """Return the probability of each picture to be drawn, given the share of portraits."""
    portrait = np.array([fact.scene == "portrait" for fact in shown])
    share = portrait.mean() if portraits is None else portraits
    return np.where(portrait, share / portrait.sum(), (1 - share) / max(1, (~portrait).sum()))


def average_gradients(model: torch.nn.Module, processes: int) -> None:
    """Replace the gradients in every process by their mean over all processes."""
    if processes == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, mean in zip(
        gradients, flat.div_(processes).split([g.numel() for g in gradients]), strict=True
    ):
        gradient.copy_(mean.view(gradient.shape))


def train(rank: int, args: argparse.Namespace, inputs: dict[str, str]) -> None:
    """Train in one of the processes, which all hold the same weights; the first one saves them."""
    torch.set_num_threads(max(1, torch.get_num_threads() // args.processes))
    if args.processes > 1:
        meeting = f"file://{(WORK / 'meeting').resolve()}"
        dist.init_process_group("gloo", meeting, rank=rank, world_size=args.processes)
    torch.manual_seed(0)
    model, start_facts = beginning(args.start)
    model = model.to(DEVICE, memory_format=torch.channels_last)
    optimizer = Muon(model, args.lr, adam_lr=1e-3, outer=CHANNELS, weight_decay=0.01)
    average = Average(model, args.ema)
    facts = {
        **{name: value for name, value in vars(args).items() if name != "processes"},
        **inputs,
        "start": start_facts,
        "text_encoder": fingerprint(WORK / "text_encoder" / "model.safetensors"),
    }
    start = resume(CHECKPOINT, model, optimizer, average, facts)
    latents = encoded(inputs)
    shown = facts_of(TRAIN)
    chance = chances(shown, args.portraits)
    encode = TextEncoder()
    noising = DDPMScheduler(**NOISE | {"rescale_betas_zero_snr": args.zero_snr})
    losses = []
    for step in schedule(start, args.steps):
        # Every process draws the whole batch and takes its part, so that the batches do not depend
        # on the number of processes.
        rng = np.random.default_rng([5, step])
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, group["peak"])
        rows = rng.choice(len(latents), args.batch, replace=False, p=chance)
        texts = ["" if rng.random() < EMPTY_CAPTION else caption_of(shown[i], rng)[0] for i in rows]
        clean = latents[torch.from_numpy(rows)].to(DEVICE).float()
        noise = torch.randn_like(clean)
        extra = args.perturb * torch.randn_like(clean)
        # One timestep from each of `batch` equal strata varies less than independent draws.
        u = (torch.arange(args.batch, device=DEVICE) + torch.rand(args.batch, device=DEVICE)) / (
            args.batch
        )
        times = (u * NOISE["num_train_timesteps"]).long()
        mine = slice(rank, None, args.processes)
        clean, noise, extra, times = (
            one[mine].contiguous() for one in (clean, noise, extra, times)
        )
        # The input gets slightly more noise than the target accounts for (arXiv 2301.11706), since
        # in sampling the denoiser sees its own errors. Without this, it drew even fewer women.
        noisy = noising.add_noise(clean, noise + extra, times)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        target = noising.get_velocity(clean, noise, times)
        loss = F.mse_loss(model(noisy, times, encode(texts[mine])).sample, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(model, args.processes)
        optimizer.step()
        losses.append(loss.item())
        if rank > 0:
            continue
        average.update(model, step)
        if (step + 1) % 100 == 0:
            print(f"loss {np.mean(losses[-100:]):.4f}", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, facts)
            copy = build()
            average.copy_to(copy)
            copy.save_pretrained(WORK / "unet")


def main() -> None:
    args = options()
    inputs = {
        "drawings": fingerprint(WORK / f"{TRAIN}.json"),
        "autoencoder": fingerprint(WORK / "vae" / "diffusion_pytorch_model.safetensors"),
    }
    encoded(inputs)  # before the processes need it
    (WORK / "meeting").unlink(missing_ok=True)
    torch.multiprocessing.spawn(train, (args, inputs), args.processes)


if __name__ == "__main__":
    main()
