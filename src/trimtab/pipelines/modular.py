"""Modular Diffusers: a block that shifts the initial latents, after the one that prepares them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from diffusers.modular_pipelines import (
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    SequentialPipelineBlocks,
)

from trimtab.errors import ModelError, UsageError
from trimtab.pipelines.families import Family, known_families

WORKFLOW = "text2image"
PREPARES = "prepare_latents"
"""Name in diffusers of the block that draws the initial latents, or takes given ones."""


class MoveLatents(ModularPipelineBlocks):
    """Add an offset to the initial latents of a modular pipeline.

    At this point, the latents are already packed and scaled by the scheduler's
    ``init_noise_sigma``, if it has one. The offset is packed and scaled the same way.

    Parameters
    ----------
    family : Family
        The family that defines the packed form of the latents.
    offset : callable
        ``n -> (1 or n, c, h, w)``, canonical, in standard deviations of the noise.
    """

    def __init__(self, family: Family, offset: Callable[[int], torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.family, self.offset = family, offset

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Shifts the initial latents along a steering."

    @property
    def inputs(self) -> list[InputParam]:
        """The latents of the previous block, and the picture size if it is requested."""
        sides = [InputParam(name, type_hint=int) for name in ("height", "width")]
        return [InputParam("latents", type_hint=torch.Tensor, required=True), *sides]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """The shifted latents."""
        return [OutputParam("latents", type_hint=torch.Tensor)]

    @torch.no_grad()
    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        """Shift the latents in the pipeline's state."""
        latents: torch.Tensor = state.get("latents")
        canonical = self.offset(len(latents))
        offset = self.family.pack(canonical)
        height, width = (
            state.get(side) or getattr(components, f"default_{side}", 1)
            for side in ("height", "width")
        )
        # The shape of tokens does not distinguish portrait from landscape.
        cells_high, cells_wide = canonical.shape[-2:]
        turned = cells_high * width != cells_wide * height
        if turned or offset.shape[1:] != latents.shape[1:]:
            raise UsageError(
                got=f"a steering of shape {tuple(canonical.shape[1:])} for {self.family.name}",
                expected=f"one for {height}x{width} pixels, packed {tuple(latents.shape[1:])}",
                do="use directions of this model, learned at this size",
            )
        scale = float(getattr(components.scheduler, "init_noise_sigma", 1.0))
        state.set("latents", latents + scale * offset.to(latents))
        return components, state


def family_of_blocks(blocks: Any) -> Family:
    """Return the row of the table that the blocks of a modular pipeline belong to.

    Raises
    ------
    ModelError
        If no row names these blocks.
    """
    known = {name: family for family in known_families() for name in family.modular}
    name = getattr(blocks, "model_name", type(blocks).__name__)
    if name not in known:
        raise ModelError(
            got=f"blocks of {name!r}",
            expected=f"blocks of one of {', '.join(known)}",
            do="register a trimtab.Family whose `modular` names it",
        )
    return known[name]


def with_moved_latents(blocks: Any, family: Family, offset: Callable[[int], torch.Tensor]) -> Any:
    """Return the blocks of a text-to-image run with shifted initial latents.

    Parameters
    ----------
    blocks : SequentialPipelineBlocks
        The blocks of a modular pipeline, ``pipe.blocks``; they are not changed.
    family : Family
        The family of the blocks.
    offset : callable
        As in `MoveLatents`.

    Raises
    ------
    ModelError
        If none of the blocks is named ``prepare_latents``.
    """
    with contextlib.suppress(NotImplementedError):  # contains only one workflow, which this returns
        blocks = blocks.get_workflow(WORKFLOW)
    parts = list(blocks.sub_blocks.items())
    places = [i for i, (name, _) in enumerate(parts, 1) if name.rpartition(".")[2] == PREPARES]
    if not places:
        raise ModelError(
            got=f"blocks {', '.join(name for name, _ in parts)}",
            expected=f"a block named {PREPARES}",
            do="insert a trimtab.pipelines.modular.MoveLatents after the block that prepares them",
        )
    before = sum(isinstance(one, MoveLatents) for _, one in parts)
    name = f"steer_{before + 1}" if before else "steer"
    parts.insert(places[0], (name, MoveLatents(family, offset)))
    return SequentialPipelineBlocks.from_blocks_dict(dict(parts))
