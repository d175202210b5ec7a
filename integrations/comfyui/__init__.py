"""ComfyUI nodes: load what trimtab learned, and steer the noise a stock sampler starts from.

ComfyUI finds the nodes through the two mappings below when this folder lies in ``custom_nodes``.
They import nothing of ComfyUI: its NOISE is any object with ``seed`` and ``generate_noise``.
"""

from __future__ import annotations

from typing import Any

import torch

from trimtab.errors import UsageError
from trimtab.interventions import Intervention, Steering, as_steering, load_intervention

STEERING, CATEGORY = "TRIMTAB_STEERING", "trimtab"


def _loaded(file: str, strength: float) -> Intervention:
    return load_intervention(file.strip().strip("\"'"), strength)  # as file managers copy a path


class LoadDirection:
    """A file and a strength make a steering; a further one is added to it."""

    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = CATEGORY, "load", (STEERING,), ("steering",)
    DESCRIPTION = (
        "A direction that trimtab learned, with a strength in standard deviations of the noise; or "
        "a mitigation, whose own strengths are multiplied by the strength given: 1 for as it is."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        strength = {"default": 3.0, "min": -100.0, "max": 100.0, "step": 0.1}
        return {
            "required": {
                "file": ("STRING", {"default": "woman.safetensors"}),
                "strength": ("FLOAT", strength),
            },
            "optional": {
                "steering": (STEERING,),
                "noise_only": ("BOOLEAN", {"default": False}),
            },
        }

    @classmethod
    def IS_CHANGED(cls, file: str, **_: Any) -> str:
        """Give what changes with the file's content, so that a replaced file is read again."""
        return _loaded(file, 1.0).hash

    def load(
        self,
        file: str,
        strength: float,
        steering: Steering | None = None,
        noise_only: bool = False,
    ) -> tuple[Steering]:
        """Read the file, or the Hub repository; hashes, shapes and norms are checked.

        What a mitigation does to the prompt is out of reach here: one that does is refused, unless
        `noise_only` says to leave it out.
        """
        return (as_steering(_loaded(file, strength), noise_only=noise_only) + steering,)


class SteeredNoise:
    """Noise that is moved along a steering; what ComfyUI calls NOISE."""

    def __init__(self, noise: Any, steering: Steering) -> None:
        self.noise, self.steering = noise, steering
        self.seed = noise.seed

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        """Draw the noise as it would have been drawn, and add the steering to each image's."""
        noise: torch.Tensor = self.noise.generate_noise(input_latent)
        if not noise.any():
            raise UsageError(
                got="no noise at all, as from DisableNoise",
                expected="the noise that the first sampler starts from",
                do="put Steer noise behind RandomNoise, before the first sampler",
            )
        # Qwen-Image's latents have one frame: (n, c, 1, h, w).
        shape = (noise.shape[1], *noise.shape[-2:])
        for direction, _ in self.steering.terms:
            if direction.shape != shape or noise[0].numel() != direction.array.size:
                raise UsageError(
                    got=f"direction {direction.name} of shape {direction.shape}",
                    expected=f"{shape}, the shape of these latents",
                    do="use a direction of this model, learned at this size",
                )
        offset = torch.from_numpy(self.steering.offset(len(noise))).to(noise)
        return noise + offset.reshape(len(offset), *noise.shape[1:])


class SteerNoise:
    """The node between RandomNoise and SamplerCustomAdvanced."""

    CATEGORY, FUNCTION, RETURN_TYPES = CATEGORY, "steer", ("NOISE",)
    DESCRIPTION = (
        "Noise + strength × direction; put it between RandomNoise and SamplerCustomAdvanced."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        return {"required": {"noise": ("NOISE",), "steering": (STEERING,)}}

    def steer(self, noise: Any, steering: Steering) -> tuple[SteeredNoise]:
        """Wrap the noise; it is drawn when the sampler asks for it."""
        return (SteeredNoise(noise, steering),)


NODE_CLASS_MAPPINGS = {"TrimtabLoadDirection": LoadDirection, "TrimtabSteerNoise": SteerNoise}
NODE_DISPLAY_NAME_MAPPINGS = {
    "TrimtabLoadDirection": "Load direction (trimtab)",
    "TrimtabSteerNoise": "Steer noise (trimtab)",
}
