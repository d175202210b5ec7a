"""Where the modules of a pipeline compute, and in which type, as diffusers tells it.

diffusers searches all modules for hooks again at each question, which takes longer than steering.
"""

from __future__ import annotations

from typing import Any

import torch


def is_hooked(module: torch.nn.Module) -> bool:
    """Return whether accelerate or diffusers wraps the calls of a module or a submodule."""
    left = [module]
    while left:
        own = vars(left.pop())
        if "_hf_hook" in own or getattr(own.get("_diffusers_hook"), "hooks", None):
            return True
        left += [part for part in own["_modules"].values() if part is not None]
    return False


def dtype_of(module: Any) -> torch.dtype:
    """Return the type that a diffusers model computes in."""
    if not is_hooked(module):
        kept = getattr(module, "_keep_in_fp32_modules", None) or ()
        for name, weight in module.named_parameters():
            if weight.is_floating_point() and not any(one in name for one in kept):
                found: torch.dtype = weight.dtype
                return found
    return module.dtype  # type: ignore[no-any-return]


def device_of(pipe: Any) -> torch.device:
    """Return the device that a pipeline computes on."""
    parts = [one for one in pipe.components.values() if isinstance(one, torch.nn.Module)]
    first = [next(part.parameters(), None) for part in parts]
    places = {weight.device for weight in first if weight is not None}
    if len(places) != 1 or any(map(is_hooked, parts)):
        return pipe._execution_device  # type: ignore[no-any-return]
    return places.pop()
