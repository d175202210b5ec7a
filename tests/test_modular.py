"""Modular Diffusers: the steering block gives what ``latents=`` gives, on tiny pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from tiny import tiny_xl_pipeline
from tiny_families import SIZE, TINY
from trimtab.errors import ModelError, UsageError
from trimtab.generation import initial_latents, steered_blocks
from trimtab.interventions import AddedWords, Direction, Intervention
from trimtab.pipelines import latent_spec

SQUARE = {"height": SIZE, "width": SIZE}
BLOCKS = {
    "sdxl": (tiny_xl_pipeline, "StableDiffusionXLAutoBlocks"),
    "sd3": (TINY["sd3"], "StableDiffusion3AutoBlocks"),
    "flux": (TINY["flux"], "FluxAutoBlocks"),
    "flux2": (TINY["flux2"], "Flux2AutoBlocks"),
    "flux2-klein": (TINY["flux2-klein"], "Flux2KleinAutoBlocks"),
    "qwen-image": (TINY["qwen-image"], "QwenImageAutoBlocks"),
    "z-image": (TINY["z-image"], "ZImageAutoBlocks"),
}


def picture(blocks: Any, components: dict[str, Any], **options: Any) -> Any:
    """Run blocks with the components of an ordinary pipeline."""
    pipe = blocks.init_pipeline()
    wanted = {part.name for part in blocks.expected_components}
    pipe.update_components(**{name: components[name] for name in wanted & set(components)})
    generator = torch.Generator().manual_seed(3)
    asked = {"num_inference_steps": 3, "output": "images", **SQUARE} | options
    images = pipe(prompt="a photo of a doctor", generator=generator, **asked)
    return np.asarray(images[0], int)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_block_gives_the_picture_that_latents_give(name: str) -> None:
    make, blocks_of = BLOCKS[name]
    own, blocks = make(), getattr(diffusers, blocks_of)()
    steer = 5 * Direction.random(latent_spec(own, **SQUARE).shape, 3)
    plain = blocks.get_workflow("text2image")
    bare = picture(plain, own.components)
    given = picture(plain, own.components, latents=initial_latents(own, [3], steer, **SQUARE))
    moved = picture(steered_blocks(blocks, steer), own.components)
    assert np.abs(moved - given).max() <= 1  # (z + s d) σ and z σ + s σ d differ by rounding
    assert np.abs(moved - bare).max() > 10
    assert np.array_equal(picture(steered_blocks(blocks, 0 * steer), own.components), bare)
    assert "steer" not in str(list(plain.sub_blocks))


def test_a_direction_of_another_size_is_refused() -> None:
    own = TINY["flux"]()
    blocks = steered_blocks(diffusers.FluxAutoBlocks(), Direction.random((16, 4, 4), 0))
    with pytest.raises(UsageError, match=r"shape \(16, 4, 4\) for flux; expected one for 64x64"):
        picture(blocks, own.components)


@pytest.mark.parametrize("name", ["flux", "flux2", "qwen-image"])
def test_a_portrait_s_direction_is_refused_for_a_landscape(name: str) -> None:
    make, blocks_of = BLOCKS[name]
    own, tall = make(), {"height": 2 * SIZE, "width": SIZE}
    steer = Direction.random(latent_spec(own, **tall).shape, 0)
    blocks = steered_blocks(getattr(diffusers, blocks_of)(), steer)
    picture(blocks, own.components, **tall)
    with pytest.raises(UsageError, match=f"expected one for {SIZE}x{2 * SIZE} pixels"):
        picture(blocks, own.components, height=SIZE, width=2 * SIZE)


def test_blocks_of_an_unknown_family_are_refused() -> None:
    with pytest.raises(ModelError, match=r"'wan'.*expected blocks of one of .*flux"):
        steered_blocks(diffusers.WanBlocks(), Direction.random((16, 4, 4), 0))


def test_a_direction_of_another_family_is_refused() -> None:
    blocks = diffusers.modular_pipelines.FluxAutoBlocks()
    other = Direction(Direction.random((16, 8, 8), 0).array, {"family": "stable-diffusion-3"})
    with pytest.raises(UsageError, match="family stable-diffusion-3; expected one of flux"):
        steered_blocks(blocks, other)


def test_what_is_not_noise_is_refused_unless_it_is_left_out() -> None:
    steer = Intervention(Direction.random((16, 4, 4), 0), AddedWords("smiling"))
    with pytest.raises(UsageError, match=r"words “smiling”.*noise_only=True"):
        steered_blocks(diffusers.FluxAutoBlocks(), steer)
    blocks = steered_blocks(diffusers.FluxAutoBlocks(), steer, noise_only=True)
    assert "steer" in blocks.sub_blocks


def test_steered_blocks_can_be_steered_again() -> None:
    pipe = TINY["sd3"]()
    one, other = (Direction.random(latent_spec(pipe, **SQUARE).shape, seed) for seed in (1, 2))
    blocks = diffusers.modular_pipelines.StableDiffusion3AutoBlocks()
    both = picture(steered_blocks(blocks, 3 * one + 2 * other), pipe.components)
    again = picture(steered_blocks(steered_blocks(blocks, 3 * one), 2 * other), pipe.components)
    assert np.abs(both - again).max() <= 1
