"""Loading a pipeline from a folder, a Hub id or a single file."""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from trimtab.errors import ModelError, UsageError, cause
from trimtab.pipelines.devices import choose_device
from trimtab.pipelines.families import Family, family_of_class
from trimtab.pipelines.identity import remember
from trimtab.pipelines.libraries import quiet_loading, readable
from trimtab.pipelines.memory import require_memory
from trimtab.pipelines.sources import source_of

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
OFFLOADS = ("model", "sequential")


def load_model(
    name: str | Path,
    *,
    device: str = "auto",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    variant: str | None = None,
    config: str | Path | None = None,
    offload: str | None = None,
) -> Any:
    """Load a text-to-image pipeline, using only safetensors weights and diffusers code.

    Parameters
    ----------
    name : str or Path
        A folder in the diffusers layout, an id on the Hugging Face Hub, or a single
        ``.safetensors`` file that contains a complete checkpoint.
    device : str
        ``"auto"`` uses an accelerator if there is one.
    dtype : torch.dtype or str, optional
        Type of the weights, e.g. ``"float16"``. The default on an accelerator depends on the family
        (bfloat16, or float16 for Stable Diffusion and its relatives); elsewhere it is float32.
    revision, variant : str, optional
        As in ``DiffusionPipeline.from_pretrained``.
    config : str or Path, optional
        For a single file, the folder or Hub id of a pipeline with the same layout; by default,
        diffusers guesses an id from the file.
    offload : {"model", "sequential"}, optional
        Keep the weights in main memory and only the active part on the accelerator: one component
        at a time, or one layer at a time, which is slower but needs the least memory. Requires
        accelerate.

    Returns
    -------
    diffusers.DiffusionPipeline
        The pipeline, on the device and ready to be called.

    Raises
    ------
    ModelError
        If the model is missing, unreadable, not whole, of an unknown family, larger than the free
        memory, or cannot be moved to the device.
    UsageError
        If the device, the type or the offloading is unknown, or an option does not apply.
    """
    place = choose_device(device)
    _check_offload(offload, place)
    source = source_of(name, revision=revision, variant=variant, config=config)
    with quiet_loading(), _readable(name):
        kind = source.pipeline_class()
    # Check before downloading anything, since an unknown family would be rejected afterwards.
    weights = _dtype(dtype, place, family_of_class(kind))
    lean = find_spec("accelerate") is not None
    with quiet_loading(), _readable(name):
        require_memory(source.fetch_weights(), weights, place, offload=offload, lean=lean)
        pipe = source.load(kind, weights, lean=lean)
    remember(pipe, source.facts(), path=source.path)
    _move(pipe, place, offload)
    return pipe


def _move(pipe: Any, place: torch.device, offload: str | None) -> None:
    """Move a pipeline to its device, or install the hooks that move its parts there."""
    try:
        if offload == "model":
            pipe.enable_model_cpu_offload(device=place)
        elif offload == "sequential":
            pipe.enable_sequential_cpu_offload(device=place)
        else:
            pipe.to(place)
    except Exception as error:  # of memory, of a type the device lacks, of a quantisation library
        raise ModelError(
            got=f"{type(pipe).__name__}, which cannot be moved to {place} ({cause(error)})",
            expected="a model that fits there, in a type that the device has",
            do="choose another dtype, offloading or another device",
        ) from error


def _readable(name: str | Path) -> contextlib.AbstractContextManager[None]:
    return readable(
        f"model {str(name)!r}, which cannot be loaded",
        expected="a folder in the diffusers layout with safetensors weights, a Hub id, or a "
        "single .safetensors file with all parts of a model",
        do="download or save the model again"
        if Path(name).exists()
        else "check the name, the path and the connection",
    )


def _check_offload(offload: str | None, place: torch.device) -> None:
    if offload is None:
        return
    if offload not in OFFLOADS:
        raise UsageError(
            got=f"offload {offload!r}", expected=f"one of {', '.join(OFFLOADS)}", do="choose one"
        )
    if place.type == "cpu":
        raise UsageError(
            got=f"offload {offload!r} on the CPU",
            expected="an accelerator to offload from",
            do="omit it: everything is already in main memory",
        )
    if find_spec("accelerate") is None:
        raise UsageError(
            got=f"offload {offload!r} without accelerate",
            expected="the package accelerate",
            do="run pip install accelerate",
        )


def _dtype(name: torch.dtype | str | None, device: torch.device, family: Family) -> torch.dtype:
    if name is None:
        return torch.float32 if device.type == "cpu" else family.half
    found = getattr(torch, name, None) if isinstance(name, str) else name
    if found not in DTYPES:
        raise UsageError(
            got=f"dtype {name!r}", expected="float32, float16 or bfloat16", do="choose one"
        )
    return found
