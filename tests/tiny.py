"""Tiny pipelines with random weights, built from configuration: real diffusers, no download."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderTiny,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

SCHEDULERS = {
    "DDIM": "DDIMScheduler",
    "PNDM": "PNDMScheduler",
    "Euler": "EulerDiscreteScheduler",
    "EulerAncestral": "EulerAncestralDiscreteScheduler",
    "Heun": "HeunDiscreteScheduler",
    "KDPM2": "KDPM2DiscreteScheduler",
    "KDPM2Ancestral": "KDPM2AncestralDiscreteScheduler",
    "DPMSolverMultistep": "DPMSolverMultistepScheduler",
}
TEXT = "a an of photo picture the doctor nurse chef woman man person dark light skinned - ,"
WORDS = TEXT.split()
LENGTH = 16


def tiny_scheduler(name: str = "DDIM", **options: Any) -> Any:
    """Stable Diffusion's own noise schedule under any of the schedulers."""
    config = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    config |= {"steps_offset": 1}
    if name == "DDIM":
        config |= {"clip_sample": False}
    if name == "PNDM":
        config |= {"skip_prk_steps": True}
    return getattr(diffusers, SCHEDULERS[name])(**config | options)


def tiny_tokenizer() -> CLIPTokenizer:
    """Whole words and, for all else, single bytes; no merges."""
    letters = list(bytes_to_unicode().values())
    tokens = [
        "<|startoftext|>",
        "<|endoftext|>",
        *letters,
        *(f"{letter}</w>" for letter in letters),
    ]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = _whole_words(vocabulary)
    return CLIPTokenizer(vocabulary, merges, model_max_length=LENGTH)


def _whole_words(vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    merges: dict[tuple[str, str], None] = {}
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            merges[pair] = None
            parts[:2] = ["".join(pair)]
            vocabulary.setdefault(parts[0], len(vocabulary))
    return list(merges)


def tiny_text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    """One layer of width 16."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=LENGTH, projection_dim=16,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip


def tiny_unet(size: int, channels: int, **options: Any) -> UNet2DConditionModel:
    """Two levels, attention on the lower one."""
    config = {"cross_attention_dim": 16} | options
    return UNet2DConditionModel(
        sample_size=size, in_channels=channels, out_channels=channels, layers_per_block=1,
        block_out_channels=(8, 16), norm_num_groups=4, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **config,
    ).eval()  # fmt: skip


def tiny_vae(channels: int) -> AutoencoderTiny:
    """Eight pixels a cell."""
    vae = AutoencoderTiny(
        latent_channels=channels, encoder_block_out_channels=(4, 4, 4, 4),
        decoder_block_out_channels=(4, 4, 4, 4), num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).eval()  # fmt: skip
    vae.decoder.layers[-1].weight.data *= 40  # or pictures were all but black, and all alike
    return vae


def tiny_pipeline(
    scheduler: str = "DDIM", *, seed: int = 0, size: int = 8, channels: int = 4, **options: Any
) -> StableDiffusionPipeline:
    """Build a StableDiffusionPipeline whose pictures are 8 * `size` pixels wide, on the CPU.

    `scheduler` is a key of `SCHEDULERS`; `options` go to it.
    """
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    return StableDiffusionPipeline(
        vae=tiny_vae(channels),
        text_encoder=CLIPTextModel(tiny_text_config(tokenizer)).eval(),
        tokenizer=tokenizer,
        unet=tiny_unet(size, channels),
        scheduler=tiny_scheduler(scheduler, **options),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def tiny_xl_pipeline(scheduler: str = "Euler", *, seed: int = 0) -> StableDiffusionXLPipeline:
    """Build a StableDiffusionXLPipeline for pictures of 64 pixels, on the CPU."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    config = tiny_text_config(tokenizer)
    config.num_hidden_layers = 2  # the last of which SDXL leaves out
    unet = tiny_unet(
        8, 4, cross_attention_dim=32, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 16,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=tiny_vae(4),
        text_encoder=CLIPTextModel(config).eval(),
        text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=tiny_scheduler(scheduler),
        add_watermarker=False,
    )
