"""Model families: the rows of the table, and which row a pipeline belongs to."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from trimtab.errors import ModelError, UsageError
from trimtab.pipelines.placement import device_of, dtype_of

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class LatentSpec:
    """The shape of a pipeline's initial latents at one picture size.

    Attributes
    ----------
    family : str
        Name of the family's row in the table.
    shape : tuple of int
        Canonical shape ``(channels, height, width)`` of one image's latents.
    height, width : int
        Size of the picture, in pixels.
    """

    family: str
    shape: Shape
    height: int
    width: int


def _same(latents: torch.Tensor) -> torch.Tensor:
    return latents


def _always(pipe: Any, negative_prompt: str | None) -> bool:
    return True


def _nothing(num_inference_steps: int) -> dict[str, Any]:
    return {}


def same_back(latents: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Restore the canonical shape, for families without packing."""
    return latents.reshape(len(latents), *shape)


@dataclass(frozen=True)
class Text:
    """How a family encodes prompts with one of its tokenizers.

    Attributes
    ----------
    tokenizer : str
        The attribute of the pipeline that holds the tokenizer.
    length : callable
        ``pipe -> int``, the number of tokens that its encoder reads; the rest is cut off.
    template : callable, optional
        ``(pipe, prompt) -> text``, what the pipeline writes around a prompt.
    start : callable, optional
        ``pipe -> int``, the first row of ``prompt_embeds`` that its encoder fills, in families
        whose denoiser sees all rows, padding included.
    """

    tokenizer: str
    length: Callable[[Any], int]
    template: Callable[[Any, str], str] | None = None
    start: Callable[[Any], int] | None = None


@dataclass(frozen=True)
class Family:
    """One row of the table: how a family of pipelines handles its latents and its guidance.

    Attributes
    ----------
    name : str
        Name of the family, written into every record.
    pipelines : tuple of str
        Names of the diffusers pipeline classes that belong to it (subclasses belong too).
    channels : callable
        ``pipe -> int``, the number of latent channels.
    reduction : callable
        ``pipe -> int``, pixels per latent cell along an edge.
    default_size : callable
        ``pipe -> (height, width)``, the default picture size in pixels.
    denoiser : str
        The attribute of the pipeline that holds the denoising network.
    pack : callable
        Converts canonical latents ``(n, c, h, w)`` to the form that the pipeline denoises and
        passes to its callbacks; linear.
    unpack : callable
        ``(packed, (c, h, w)) -> canonical``, the inverse of `pack`.
    packs_itself : bool
        Whether ``latents=`` nevertheless takes the canonical form.
    multiple : int
        Picture edges must be multiples of this many pixels.
    dtype : torch.dtype, optional
        Type of the latents, if it differs from the denoiser's.
    half : torch.dtype
        Default type of the weights on an accelerator.
    guidance : str
        The pipeline's argument for `guidance_scale`.
    guided : callable
        ``(pipe, negative prompt) -> bool``, whether the guidance scale has an effect.
    negative_prompt : bool
        Whether a negative prompt has an effect, if the pipeline takes one.
    unguided : float
        Up to this guidance scale, a negative prompt has no effect.
    options : callable
        ``num_inference_steps -> dict``, arguments to pass in every call, so that the pipeline makes
        the picture that was asked for.
    embeds : tuple of str
        The arguments of the call that take what ``pipe.encode_prompt`` returns, in the same order;
        an empty string for a value that the call computes itself.
    encoding : mapping
        Further arguments that the pipeline's call passes to ``pipe.encode_prompt``.
    negative_by_default : str, optional
        The negative prompt that the pipeline's call encodes by default, in families where
        ``pipe.encode_prompt`` takes no negative prompt and must be called for it.
    texts : tuple of Text
        How each tokenizer reads prompts; without it, nothing is known about cut prompts.
    modular : tuple of str
        The names of this family in Modular Diffusers (``model_name`` of the blocks).
    """

    name: str
    pipelines: tuple[str, ...]
    channels: Callable[[Any], int]
    reduction: Callable[[Any], int]
    default_size: Callable[[Any], tuple[int, int]]
    denoiser: str = "unet"
    pack: Callable[[torch.Tensor], torch.Tensor] = field(default=_same)
    unpack: Callable[[torch.Tensor, Shape], torch.Tensor] = field(default=same_back)
    packs_itself: bool = False
    multiple: int = 8
    dtype: torch.dtype | None = None
    half: torch.dtype = torch.bfloat16
    guidance: str = "guidance_scale"
    guided: Callable[[Any, str | None], bool] = field(default=_always)
    negative_prompt: bool = True
    unguided: float = 1.0
    options: Callable[[int], dict[str, Any]] = field(default=_nothing)
    embeds: tuple[str, ...] = ("prompt_embeds", "negative_prompt_embeds")
    encoding: Mapping[str, Any] = field(default_factory=dict)
    negative_by_default: str | None = None
    texts: tuple[Text, ...] = ()
    modular: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject a string in place of a tuple of strings: it would be split into letters."""
        for entry in ("pipelines", "embeds", "modular"):
            if isinstance(getattr(self, entry), str):
                raise UsageError(
                    got=f"{entry}={getattr(self, entry)!r} for the family {self.name}",
                    expected="a tuple of names",
                    do=f"write ({getattr(self, entry)!r},)",
                )

    def as_argument(self, latents: torch.Tensor) -> torch.Tensor:
        """Convert canonical latents to the form that ``latents=`` takes."""
        return latents if self.packs_itself else self.pack(latents)


_FAMILIES: dict[str, Family] = {}


def register_family(family: Family) -> None:
    """Add a row to the table of families, or replace the row with the same name.

    Parameters
    ----------
    family : Family
        The row.
    """
    _FAMILIES[family.name] = family


def known_families() -> tuple[Family, ...]:
    """Return the rows of the table, in the order they were added."""
    return tuple(_FAMILIES.values())


def family_of(pipe: Any) -> Family:
    """Return the row of the table that a pipeline belongs to.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any text-to-image pipeline.

    Raises
    ------
    ModelError
        If no row names the pipeline's class or one of its bases.
    """
    return family_of_class(type(pipe))


def family_of_class(pipeline: type) -> Family:
    """Return the row of the table for a pipeline class, as `family_of` does for a pipeline."""
    bases = [base.__name__ for base in pipeline.__mro__]
    for name in bases:
        for family in reversed(_FAMILIES.values()):
            if name in family.pipelines:
                return family
    known = ", ".join(name for family in _FAMILIES.values() for name in family.pipelines)
    raise ModelError(
        got=f"a pipeline of class {bases[0]}",
        expected=f"one of {known}",
        do=f"describe its latents with trimtab.register_family(trimtab.Family(name=..., "
        f"pipelines=({bases[0]!r},), channels=..., reduction=..., default_size=...)); "
        "docs/pipelines.md has an example",
    )


def latent_spec(pipe: Any, *, height: int | None = None, width: int | None = None) -> LatentSpec:
    """Describe the initial latents of a pipeline.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    height, width : int, optional
        Size of the picture in pixels; by default, the pipeline's own default.

    Raises
    ------
    UsageError
        If a size is not a positive multiple of what the family requires.
    ModelError
        If the pipeline's family is not in the table, or it lacks its denoiser.
    """
    family = family_of(pipe)
    denoiser_of(pipe)
    cell = family.reduction(pipe)
    sides = []
    for name, asked, default in zip(
        ("height", "width"), (height, width), family.default_size(pipe), strict=True
    ):
        value = default if asked is None else asked
        side = whole_number(value)
        if side is None or side < 1 or side % cell or side % family.multiple:
            raise UsageError(
                got=f"{name} {value} for {family.name}",
                expected=f"a positive multiple of {max(cell, family.multiple)} pixels",
                do=f"choose another {name}",
            )
        sides.append(side)
    return LatentSpec(
        family=family.name,
        shape=(family.channels(pipe), sides[0] // cell, sides[1] // cell),
        height=sides[0],
        width=sides[1],
    )


def latents_argument(pipe: Any, latents: torch.Tensor) -> torch.Tensor:
    """Convert canonical latents to the form, type and device that a pipeline's ``latents=`` takes.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    latents : torch.Tensor
        ``(n, c, h, w)``.
    """
    packed = family_of(pipe).as_argument(latents)
    return packed.to(device_of(pipe), latent_dtype(pipe))


def latent_dtype(pipe: Any) -> torch.dtype:
    """Return the type that a pipeline requires for its initial latents."""
    return family_of(pipe).dtype or dtype_of(denoiser_of(pipe))


def denoiser_of(pipe: Any) -> Any:
    """Return the denoiser of a pipeline.

    Raises
    ------
    ModelError
        If the pipeline's family is not in the table, or it lacks its denoiser.
    """
    family = family_of(pipe)
    denoiser = getattr(pipe, family.denoiser, None)
    if denoiser is None:
        raise ModelError(
            got=f"{type(pipe).__name__} without {family.denoiser!r}, the denoiser of {family.name}",
            expected="a pipeline that has it",
            do="load the complete model, or register a Family that names the right attribute",
        )
    return denoiser


def parameters(pipe: Any) -> dict[str, Any]:
    """Return the named arguments of a pipeline's call, with their defaults.

    Arguments that it would only swallow in its ``**kwargs`` are not included.
    """
    return _parameters(pipe.__class__)


@functools.cache  # a signature takes a third of a millisecond, and each run needs it
def _parameters(kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):  # a subclass may forward its base's arguments
        call = vars(base).get("__call__")
        named = inspect.signature(call).parameters.values() if call else ()
        found |= {p.name: p.default for p in named if p.kind is not p.VAR_KEYWORD}
    return found


def whole_number(value: Any) -> int | None:
    """Return a whole number of any integer type as an int, or None for other values."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None
