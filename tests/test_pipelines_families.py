"""The table of families: a custom packed family, and SDXL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UNet2DModel
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput

from tiny import tiny_pipeline, tiny_scheduler, tiny_xl_pipeline
from trimtab import Family, register_family
from trimtab.concepts import attribute
from trimtab.errors import ModelError, UsageError
from trimtab.generation import generate, initial_latents
from trimtab.interventions import Direction, MeanDifference
from trimtab.latents import capture, noise
from trimtab.pipelines import families, family_of, latent_spec


class TokenPipeline(DiffusionPipeline):
    """A pipeline whose latents are tokens ``(n, h * w, c)``, as those of FLUX are."""

    def __init__(self, unet: UNet2DModel, scheduler: DDIMScheduler) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        prompt: list[str],
        latents: torch.Tensor,
        num_inference_steps: int = 5,
        guidance_scale: float = 1.0,
        callback_on_step_end: Any = None,
        **rest: Any,
    ) -> ImagePipelineOutput:
        self.scheduler.set_timesteps(num_inference_steps)
        words = torch.tensor([len(text) for text in prompt])[:, None, None]
        for i, t in enumerate(self.scheduler.timesteps):
            square = latents.transpose(1, 2).unflatten(2, (8, 8))
            guess = self.unet(square, t).sample.flatten(2).transpose(1, 2) + 0.01 * words
            latents = self.scheduler.step(guess, t, latents).prev_sample
            if callback_on_step_end is not None:
                callback_on_step_end(self, i, t, {"latents": latents})
        pixels = latents[..., :3].unflatten(1, (8, 8)).clamp(0, 1)
        return ImagePipelineOutput(images=self.numpy_to_pil(pixels.numpy()))


TOKENS = Family(
    name="tokens",
    pipelines=("TokenPipeline",),
    channels=lambda pipe: pipe.unet.config.in_channels,
    reduction=lambda pipe: 1,
    default_size=lambda pipe: (8, 8),
    pack=lambda latents: latents.flatten(2).transpose(1, 2),
    unpack=lambda tokens, shape: tokens.transpose(1, 2).unflatten(2, shape[1:]),
)


@pytest.fixture
def tokens() -> Iterator[TokenPipeline]:
    """A token pipeline whose family is not yet in the table."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(8, 8), down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    yield TokenPipeline(unet.eval(), tiny_scheduler())
    families._FAMILIES.pop("tokens", None)


def test_a_row_in_the_table_is_all_that_a_new_family_needs(tokens: TokenPipeline) -> None:
    said = r"trimtab\.register_family\(trimtab\.Family\(.*pipelines=\('TokenPipeline',\)"
    with pytest.raises(ModelError, match=said):
        latent_spec(tokens)
    register_family(TOKENS)
    samples = capture(tokens, attribute("gender"), range(20_000, 20_003), [1, 2])
    assert samples.settings["family"] == "tokens"
    assert samples.shape == (4, 8, 8)
    direction = MeanDifference(step=2, towards="woman").fit(samples).direction_
    packed = initial_latents(tokens, [0, 1], 3 * direction)
    canonical = noise(latent_spec(tokens), [0, 1]) + 3 * torch.tensor(direction.array)
    assert packed.shape == (2, 64, 4)
    assert torch.equal(packed[1, 9], canonical[1, :, 1, 1])
    images = generate(tokens, "a photo", [0, 1], 3 * direction)
    own = tokens(["a photo"] * 2, latents=packed).images
    assert all(np.array_equal(a, b) for a, b in zip(images, own, strict=True))


def test_a_row_that_is_wrong_is_told() -> None:
    pipe = tiny_pipeline()
    right = family_of(pipe)
    pipe.__class__ = type("Mine", (type(pipe),), {})
    try:
        register_family(replace(right, name="mine", pipelines=("Mine",), reduction=lambda pipe: 16))
        with pytest.raises(ModelError, match=r"32x32 pixels from Mine.*64x64.*reduction"):
            generate(pipe, "a photo", [0], num_inference_steps=1, height=64, width=64)
        register_family(replace(right, name="mine", pipelines=("Mine",), denoiser="brain"))
        with pytest.raises(ModelError, match="Mine without 'brain'"):
            latent_spec(pipe)
        with pytest.raises(UsageError, match="expected a tuple of names"):
            replace(right, name="mine", pipelines="Mine")
    finally:
        families._FAMILIES.pop("mine", None)


def test_sdxl_works_as_it_is() -> None:
    pipe = tiny_xl_pipeline()
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    samples = capture(pipe, attribute("gender"), range(20_000, 20_003), 2, num_inference_steps=4)
    assert len(calls) == 2 * 2
    assert samples.settings["family"] == "stable-diffusion-xl"
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    own = pipe(["a photo"] * 2, generator=generators, num_inference_steps=3).images
    ours = generate(
        pipe, "a photo", [0, 1], 0 * Direction.random((4, 8, 8), 0), num_inference_steps=3
    )
    assert all(np.array_equal(a, b) for a, b in zip(ours, own, strict=True))
