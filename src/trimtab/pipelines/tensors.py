"""The tensors of a module: which are active, where their values are, and samples of these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch

WHOLE, SAMPLES, COLUMNS = 2048, 256, 8
"""Size up to which a tensor is read completely; samples of others; samples per embedding row."""
FREEU = ("s1", "s2", "b1", "b2")
OWN = (torch.nn.Parameter, torch.Tensor)
"""Torch's own kinds of tensors; others wrap their values."""

Place = tuple[str, torch.nn.Module]


class Entry(NamedTuple):
    """A tensor's name and shape, with a sample of its values if they can be read."""

    name: str
    shape: tuple[int, ...]
    values: torch.Tensor | None


def modules_of(
    module: torch.nn.Module, path: str = "", found: list[Place] | None = None
) -> list[Place]:
    """List a module and all its submodules with paths, repeating those that occur repeatedly."""
    found = [] if found is None else found
    parts = module._modules
    if "_orig_mod" in parts:  # a compiled module
        return modules_of(parts["_orig_mod"], path, found)  # type: ignore[arg-type]
    found.append((path, module))
    for name, part in parts.items():
        if part is not None:
            modules_of(part, f"{path}.{name}" if path else name, found)
    return found


def tensors_of(modules: list[Place], acting: list[Any]) -> Iterator[Entry]:
    """List the active tensors; facts about how they act are added to `acting`."""
    silent: set[str] = set()
    for path, part in modules:
        if path in silent:
            continue
        if hasattr(type(part), "adapter_layer_names"):
            silent |= _adapters(path, part, acting)
        elif isinstance(scale := vars(part).get("scale"), list):  # an IP-Adapter's
            acting.append([path, scale])
        tensors: Mapping[str, torch.Tensor | None] = part._parameters
        if part._buffers:
            unsaved = part._non_persistent_buffers_set
            kept = {k: v for k, v in part._buffers.items() if k not in unsaved}
            tensors = {**tensors, **kept}
        if not tensors:
            continue
        every_row = isinstance(part, torch.nn.Embedding)
        for name, tensor in tensors.items():
            full = f"{path}.{name}" if path else name
            if tensor is None or full in silent:
                continue
            if tensor.is_meta:
                tensor = _offloaded(part).get(name, tensor)
            yield Entry(full, tuple(tensor.shape), _sample(tensor, every_row))


def _adapters(path: str, layer: Any, acting: list[Any]) -> set[str]:
    """Record the scales of a layer's active adapters, and return the names of the others."""
    off = layer.disable_adapters or layer.merged
    on = [] if off else list(layer.active_adapters)
    scaling = getattr(layer, "scaling", {})
    acting += [[short_name(path), name, float(scaling[name])] for name in on if name in scaling]
    return {
        f"{path}.{holder}.{name}"
        for holder in layer.adapter_layer_names
        for name in getattr(layer, holder, {})
        if name not in on
    }


def _offloaded(part: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    """Return the values that accelerate keeps for an offloaded module."""
    hook = vars(part).get("_hf_hook")
    for one in getattr(hook, "hooks", [hook]):
        if (found := getattr(one, "weights_map", None)) is not None:
            return found  # type: ignore[no-any-return]
    return {}


def short_name(name: str) -> str:
    """Return the part of a name that adapters and restructured modules leave unchanged."""
    if "base_layer" in name:
        name = ".".join(one for one in name.split(".") if one != "base_layer")
    return ".".join(name.rsplit(".", 2)[-2:])


def _sample(tensor: torch.Tensor, every_row: bool) -> torch.Tensor | None:
    """Return the numbers of a tensor to hash, in logical order, or None if they are unreadable."""
    try:
        if tensor.is_meta:
            return None
        if hasattr(tensor, "__tensor_flatten__"):  # quantised: read its components
            inner = [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
            samples = [_sample(one, every_row) for one in inner]
            return torch.cat([one.to(torch.float32) for one in samples])  # type: ignore[union-attr]
        plain = tensor.int_repr() if tensor.is_quantized else tensor
        if type(plain) not in OWN:
            plain = plain.as_subclass(torch.Tensor)
        if plain.numel() and not plain.untyped_storage().data_ptr():
            return None
        return _spread(plain, every_row)
    # Every quantisation library fails in its own way.
    except Exception:
        return None


def _spread(tensor: torch.Tensor, every_row: bool) -> torch.Tensor:
    n = tensor.numel()
    if n <= WHOLE:
        return tensor if tensor.dim() == 1 else tensor.reshape(-1)
    if every_row and tensor.dim() == 2:
        step = max(1, tensor.shape[1] // COLUMNS)
        return tensor[:, ::step][:, :COLUMNS].reshape(-1)
    step = n // SAMPLES
    while math.gcd(step, n) > 1:  # otherwise all samples might lie in one column
        step -= 1
    if tensor.is_contiguous():
        return tensor.as_strided((SAMPLES,), (step,))
    return tensor.take(torch.arange(SAMPLES, device=tensor.device) * step)


def raw_bytes(values: torch.Tensor) -> bytes:
    """Return the bytes of a tensor, copied to the CPU."""
    return values.contiguous().view(torch.uint8).cpu().numpy().tobytes()


def freeu_of(modules: list[Place]) -> list[Any]:
    """List the factors of FreeU, if it is enabled."""
    return [
        [path, name, vars(part)[name]]
        for path, part in modules
        if not vars(part).keys().isdisjoint(FREEU)
        for name in FREEU
        if isinstance(vars(part).get(name), int | float)
    ]
