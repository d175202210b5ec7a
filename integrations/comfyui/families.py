"""Which trimtab family a ComfyUI model belongs to.

ComfyUI names a model by the class of its configuration (``comfy/supported_models.py``). The
families are rows of trimtab's table, written out here because that table needs diffusers.
"""

from __future__ import annotations

from typing import Any

CLASSES = {
    "stable-diffusion": ("SD15", "SD15_instructpix2pix", "SD20", "SD21UnclipL", "SD21UnclipH"),
    "stable-diffusion-xl": (
        "SDXL",
        "SDXL_instructpix2pix",
        "SSD1B",
        "Segmind_Vega",
        "KOALA_700M",
        "KOALA_1B",
    ),
    "stable-diffusion-3": ("SD3",),
    "flux": ("Flux", "FluxInpaint", "FluxSchnell"),
    "flux-2": ("Flux2",),
    "qwen-image": ("QwenImage",),
    "z-image": ("ZImage",),
    "pixart": ("PixArtAlpha", "PixArtSigma"),
}
"""Family -> configuration classes. A subclass is listed only if its latents mean the same: Chroma,
HiDream and Lumina Image 2.0 have the autoencoder of FLUX.1 but other weights."""
FAMILIES = {name: family for family, names in CLASSES.items() for name in names}
PIXELS = {"flux-2": 16, "sana": 32, "sana-sprint": 32}
"""Pixels per latent cell along an edge, where it is not 8."""


def class_of(model: Any) -> str:
    """Return the name of a model's configuration class, for messages and for `family_of`."""
    return type(model.model.model_config).__name__


def family_of(model: Any) -> str | None:
    """Return the family of a ComfyUI MODEL, or None if it is not among those trimtab supports."""
    return FAMILIES.get(class_of(model))


def pixels_per_cell(family: object, channels: int) -> int:
    """Return the pixels per latent cell; without a family, FLUX.2 is known by its channels."""
    return PIXELS.get(str(family), 16 if channels == 128 else 8)
