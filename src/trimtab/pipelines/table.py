"""The rows of the table: all families of text-to-image pipelines that trimtab supports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from trimtab.pipelines.families import (
    Family,
    Shape,
    Text,
    parameters,
    register_family,
    same_back,
)


def _unet_size(pipe: Any) -> tuple[int, int]:
    size = pipe.unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return height * pipe.vae_scale_factor, width * pipe.vae_scale_factor


def _pack_patches(latents: torch.Tensor) -> torch.Tensor:
    """Make each 2 x 2 block of cells one token: FLUX.1, Qwen-Image."""
    n, c, h, w = latents.shape
    patches = latents.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(n, (h // 2) * (w // 2), 4 * c)


def _unpack_patches(tokens: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Undo `_pack_patches`."""
    c, h, w = shape
    patches = tokens.reshape(len(tokens), h // 2, w // 2, c, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return patches.reshape(len(tokens), c, h, w)


def _pack_cells(latents: torch.Tensor) -> torch.Tensor:
    """Make each cell one token: FLUX.2."""
    return latents.flatten(2).transpose(1, 2)


def _unpack_cells(tokens: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Undo `_pack_cells`."""
    return tokens.transpose(1, 2).reshape(len(tokens), *shape)


def _pack_sprint(latents: torch.Tensor) -> torch.Tensor:
    """Scale to the standard deviation of the data, as Sana Sprint does."""
    return latents * 0.5


def _unpack_sprint(latents: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Undo `_pack_sprint`."""
    return same_back(latents, shape) / 0.5


def _vae_cell(pipe: Any) -> int:
    """Return the pixels per cell of the autoencoder."""
    return int(pipe.vae_scale_factor)


def _transformer_size(pipe: Any) -> tuple[int, int]:
    """Return the size that the transformer was trained at: SD3, PixArt, Sana."""
    return (pipe.transformer.config.sample_size * _vae_cell(pipe),) * 2


def _pipeline_size(pipe: Any) -> tuple[int, int]:
    """Return the size set in the pipeline's class: FLUX, Qwen-Image."""
    return (pipe.default_sample_size * _vae_cell(pipe),) * 2


def _written_size(pipe: Any) -> tuple[int, int]:
    """Return the default size of the pipeline's call: Z-Image, Kandinsky 3."""
    return 1024, 1024


def _unet_channels(pipe: Any) -> int:
    """Return the channels of a UNet: Stable Diffusion, SDXL, Kandinsky 3."""
    return int(pipe.unet.config.in_channels)


def _in_channels(pipe: Any) -> int:
    """Return the channels of a transformer, in families that do not pack patches."""
    return int(pipe.transformer.config.in_channels)


def _patch_channels(pipe: Any) -> int:
    """Return the channels of one cell, where the denoiser takes four: FLUX.1, Qwen-Image."""
    return _in_channels(pipe) // 4


_POOLED = (
    "prompt_embeds",
    "negative_prompt_embeds",
    "pooled_prompt_embeds",
    "negative_pooled_prompt_embeds",
)
_MASKED = (
    "prompt_embeds",
    "prompt_attention_mask",
    "negative_prompt_embeds",
    "negative_prompt_attention_mask",
)


def _own_length(tokenizer: str) -> Callable[[Any], int]:
    """Return the length that a tokenizer states: CLIP in Stable Diffusion and SDXL."""
    return lambda pipe: int(getattr(pipe, tokenizer).model_max_length)


def _clip_length(pipe: Any) -> int:
    """Return the length of CLIP's texts in SD3 and FLUX.1."""
    return int(pipe.tokenizer_max_length)


def _longest(pipe: Any) -> int:
    """Return the default of the call: T5, Gemma and the language models."""
    return int(parameters(pipe)["max_sequence_length"])


def _first(pipe: Any) -> int:
    return 0


def _question(pipe: Any, prompt: str, *, thinking: bool = True) -> str:
    """Write a prompt as a user's message: Qwen3 in Z-Image and FLUX.2 Klein."""
    return str(
        pipe.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=thinking,
        )
    )


def _instructed(pipe: Any, prompt: str) -> str:
    """Write a prompt after the system message: Mistral in FLUX.2. Klein has none."""
    if not hasattr(pipe, "system_message"):
        return _question(pipe, prompt, thinking=False)
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}]}
        for role, text in (("system", pipe.system_message), ("user", prompt))
    ]
    return str(pipe.tokenizer.apply_chat_template(messages, tokenize=False))


def _as_written(steps: int) -> dict[str, Any]:
    """Keep the requested size and prompt: PixArt."""
    return {"use_resolution_binning": False, "clean_caption": False}


def _uninstructed(steps: int) -> dict[str, Any]:
    """Also put no instruction before the prompt: Sana."""
    return _as_written(steps) | {"complex_human_instruction": None}


def _sprint(steps: int) -> dict[str, Any]:
    """Request no intermediate timestep, which Sana Sprint supports only for two steps."""
    return _uninstructed(steps) | ({} if steps == 2 else {"intermediate_timesteps": None})


def _by_embedding(pipe: Any, negative_prompt: str | None) -> bool:
    """Return whether the transformer takes the scale as input: FLUX.1 dev, not schnell."""
    return bool(pipe.transformer.config.guidance_embeds)


def _not_distilled(pipe: Any, negative_prompt: str | None) -> bool:
    """Return whether the model is guided: FLUX.2 and Klein's base model, not distilled Klein."""
    return not pipe.config.get("is_distilled", False)


def _with_negative(pipe: Any, negative_prompt: str | None) -> bool:
    """Return whether the model is guided: Qwen-Image only with a negative prompt."""
    return negative_prompt is not None


for _row in (
    Family(
        name="stable-diffusion-3",
        pipelines=("StableDiffusion3Pipeline",),
        embeds=_POOLED,
        modular=("stable-diffusion-3",),
        texts=(
            Text("tokenizer", _clip_length, start=_first),
            Text("tokenizer_2", _clip_length, start=_first),
            Text("tokenizer_3", _longest, start=_clip_length),
        ),
        channels=_in_channels,
        reduction=_vae_cell,
        default_size=_transformer_size,
        denoiser="transformer",
        multiple=16,
    ),
    Family(
        name="flux",
        pipelines=("FluxPipeline",),
        embeds=("prompt_embeds", "pooled_prompt_embeds", ""),
        modular=("flux",),
        texts=(Text("tokenizer_2", _longest, start=_first), Text("tokenizer", _clip_length)),
        channels=_patch_channels,
        reduction=_vae_cell,
        default_size=_pipeline_size,
        denoiser="transformer",
        pack=_pack_patches,
        unpack=_unpack_patches,
        multiple=16,
        guided=_by_embedding,
        negative_prompt=False,
    ),
    Family(
        name="flux-2",
        pipelines=("Flux2Pipeline", "Flux2KleinPipeline"),
        embeds=("prompt_embeds", ""),
        modular=("flux2", "flux2-klein"),
        texts=(Text("tokenizer", _longest, _instructed, start=_first),),
        channels=_in_channels,
        reduction=lambda pipe: 2 * _vae_cell(pipe),
        default_size=_pipeline_size,
        denoiser="transformer",
        pack=_pack_cells,
        unpack=_unpack_cells,
        packs_itself=True,
        multiple=16,
        guided=_not_distilled,
        negative_by_default="",  # fixed for Klein
    ),
    Family(
        name="qwen-image",
        pipelines=("QwenImagePipeline",),
        embeds=("prompt_embeds", "prompt_embeds_mask"),
        modular=("qwenimage",),
        texts=(Text("tokenizer", _longest),),  # counted from the prompt on
        channels=_patch_channels,
        reduction=_vae_cell,
        default_size=_pipeline_size,
        denoiser="transformer",
        pack=_pack_patches,
        unpack=_unpack_patches,
        multiple=16,
        guidance="true_cfg_scale",
        guided=_with_negative,
    ),
    Family(
        name="z-image",
        pipelines=("ZImagePipeline",),
        modular=("z-image",),
        texts=(Text("tokenizer", _longest, _question),),
        channels=_in_channels,
        reduction=_vae_cell,
        default_size=_written_size,
        denoiser="transformer",
        multiple=16,
        dtype=torch.float32,
        unguided=0.0,
    ),
    Family(
        name="sana",
        pipelines=("SanaPipeline",),
        embeds=_MASKED,
        texts=(Text("tokenizer", _longest),),
        channels=_in_channels,
        reduction=_vae_cell,
        default_size=_transformer_size,
        denoiser="transformer",
        multiple=32,
        dtype=torch.float32,
        options=_uninstructed,
    ),
    Family(
        name="sana-sprint",
        pipelines=("SanaSprintPipeline",),
        embeds=_MASKED[:2],
        texts=(Text("tokenizer", _longest),),
        channels=_in_channels,
        reduction=_vae_cell,
        default_size=_transformer_size,
        denoiser="transformer",
        multiple=32,
        dtype=torch.float32,
        pack=_pack_sprint,
        unpack=_unpack_sprint,
        packs_itself=True,
        options=_sprint,
    ),
    Family(
        name="pixart",
        half=torch.float16,
        pipelines=("PixArtAlphaPipeline", "PixArtSigmaPipeline"),
        embeds=_MASKED,
        texts=(Text("tokenizer", _longest),),
        channels=_in_channels,
        reduction=_vae_cell,
        default_size=_transformer_size,
        denoiser="transformer",
        multiple=16,
        options=_as_written,
    ),
    Family(
        name="stable-diffusion",
        half=torch.float16,
        pipelines=("StableDiffusionPipeline", "LatentConsistencyModelPipeline"),
        texts=(Text("tokenizer", _own_length("tokenizer"), start=_first),),
        channels=_unet_channels,
        reduction=_vae_cell,
        default_size=_unet_size,
    ),
    Family(
        name="stable-diffusion-xl",
        half=torch.float16,
        pipelines=("StableDiffusionXLPipeline",),
        embeds=_POOLED,
        modular=("stable-diffusion-xl",),
        texts=(
            Text("tokenizer", _own_length("tokenizer"), start=_first),
            Text("tokenizer_2", _own_length("tokenizer_2"), start=_first),
        ),
        channels=_unet_channels,
        reduction=_vae_cell,
        default_size=_unet_size,
    ),
    Family(
        name="kandinsky-3",
        half=torch.float16,
        pipelines=("Kandinsky3Pipeline",),
        embeds=(
            "prompt_embeds",
            "negative_prompt_embeds",
            "attention_mask",
            "negative_attention_mask",
        ),
        encoding={"_cut_context": True},
        texts=(Text("tokenizer", lambda pipe: 128),),
        channels=_unet_channels,
        reduction=lambda pipe: 2 ** (len(pipe.movq.config.block_out_channels) - 1),
        default_size=_written_size,
        multiple=64,
    ),
):
    register_family(_row)
