"""Compare the memory that a model's weights need, read from file headers, with what is free."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch

from trimtab.errors import ModelError, UsageError

Files = Mapping[str, Sequence[Path]]
"""The weight files of each part of a model."""
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
"""The floating-point types of safetensors, by their names in a header."""
CGROUP = Path("/sys/fs/cgroup")
"""Where a container's limits are listed."""


def weight_files(folder: Path, variant: str | None) -> Files:
    """List the safetensors files that diffusers would load from a folder, by part.

    Parameters
    ----------
    folder : Path
        A folder in the diffusers layout.
    variant : str, optional
        As in ``DiffusionPipeline.from_pretrained``; parts without this variant load their normal
        weights.

    Raises
    ------
    ModelError
        If a part has only pickled weights, or only weights of other variants.
    """
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    parts = [name for name, kind in index.items() if isinstance(kind, list)]
    chosen = {}
    for part in parts:
        files = sorted((folder / part).glob("*.safetensors"))
        pickled = sorted((folder / part).glob("*.bin"))
        if pickled and not files:
            raise ModelError(
                got=f"{pickled[0]} without a safetensors file",
                expected="safetensors files: pickled weights can run code",
                do="use the model's safetensors files, or convert the model if you trust it",
            )
        plain = [file for file in files if not _variant_of(file)]
        varied = [file for file in files if variant and _variant_of(file) == variant]
        if files and not (varied or plain):
            others = sorted({_variant_of(file) or "" for file in files})
            raise ModelError(
                got=f"{folder / part} with weights only of the variant {' and '.join(others)}",
                expected=f"weights of the variant {variant}, or without a variant"
                if variant
                else "weights without a variant, since none was asked for",
                do=f"load it with variant={others[0]!r} (--variant {others[0]})",
            )
        chosen[part] = _one_set(varied or plain)
    if variant is not None and not any(has_variant(folder / part, variant) for part in parts):
        raise ModelError(
            got=f"variant {variant!r} of a model that has no weights of it",
            expected="a variant that its files name, such as fp16 in model.fp16.safetensors",
            do="leave it out (--variant)",
        )
    return chosen


def has_variant(folder: Path, variant: str | None) -> bool:
    """Return whether a part's folder has weights of a variant."""
    return variant is not None and any(
        _variant_of(file) == variant for file in folder.glob("*.safetensors")
    )


def require_memory(
    parts: Files, dtype: torch.dtype, device: torch.device, *, offload: str | None, lean: bool
) -> None:
    """Reject weights that do not fit in memory, before they are read.

    Parameters
    ----------
    parts : mapping
        The weight files of each part.
    dtype : torch.dtype
        The type in which the weights will be held.
    device : torch.device
        The device of the pipeline. The pipeline is always assembled in main memory first.
    offload : {"model", "sequential"}, optional
        If given, the weights stay in main memory; with "model", the largest part must fit on the
        device.
    lean : bool
        Whether each part is filled while it is read, which requires accelerate. Otherwise, the
        largest part is held twice.

    Raises
    ------
    ModelError
        If the weights are larger than the free memory, or a file is damaged.
    """
    sizes = [sum(size_of(file, dtype) for file in files) for files in parts.values()] or [0]
    wanted = {torch.device("cpu"): sum(sizes) + (0 if lean else max(sizes))}
    if device.type != "cpu" and offload is None:
        wanted[device] = sum(sizes)
    elif offload == "model" and len(sizes) > 1:  # the parts of a single file are unknown
        wanted[device] = max(sizes)
    for place, needed in wanted.items():
        free = free_memory(place)
        if needed > free:
            kind = str(dtype).removeprefix("torch.")
            raise ModelError(
                got=f"weights that take {needed / 1e9:,.1f} GB in {kind}",
                expected=f"at most the {free / 1e9:,.1f} GB free on {place}",
                do="free memory, or choose a smaller dtype, offloading or another device",
            )


def free_memory(device: torch.device) -> int:
    """Return the number of free bytes on a device.

    Raises
    ------
    UsageError
        If the device is not of type cuda, mps or cpu.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    if device.type == "cpu":
        return int(min(psutil.virtual_memory().available, left_to_container(CGROUP)))
    raise UsageError(got=f"device {device}", expected="cuda, mps or cpu", do="choose one")


def left_to_container(group: Path) -> float:
    """Return the bytes left of a control group's memory limit, or infinity without a limit.

    A container sees the memory of the whole machine, but is killed at its own limit.

    Parameters
    ----------
    group : Path
        Folder of a version 2 control group.
    """
    try:
        limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        counts = (group / "memory.stat").read_text().split()
        cached = int(counts[counts.index("inactive_file") + 1])  # released when needed
    except (OSError, ValueError):  # no such group, or "max"
        return math.inf
    return limit - used + cached


def size_of(file: Path, dtype: torch.dtype) -> int:
    """Return the bytes that a safetensors file takes in memory, reading only its header.

    Floating-point numbers are converted when loaded; others, such as packed 4-bit weights, stay as
    they are stored.

    Parameters
    ----------
    file : Path
        The file.
    dtype : torch.dtype
        The type to which floating-point numbers are converted.

    Raises
    ------
    ModelError
        If the header is missing or damaged.
    """
    return sum(
        math.prod(one["shape"]) * dtype.itemsize
        if one["dtype"] in FLOATS
        else one["data_offsets"][1] - one["data_offsets"][0]
        for one in header_of(file).values()
    )


def header_of(file: Path) -> dict[str, Any]:
    """Return type, shape and place of each tensor of a safetensors file, by name.

    Raises
    ------
    ModelError
        If the header is missing or damaged.
    """
    try:
        with file.open("rb") as content:
            (length,) = struct.unpack("<Q", content.read(8))
            if length > file.stat().st_size:
                raise ValueError("a header longer than the file")
            header = json.loads(content.read(length))
        found = {name: one for name, one in header.items() if name[:2] != "__"}
        for one in found.values():
            math.prod(one["shape"]), one["dtype"], one["data_offsets"][1]
        return found
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            got=f"{file}, which cannot be read ({error})",
            expected="a safetensors file",
            do="download or save the model again",
        ) from error


def _one_set(files: list[Path]) -> list[Path]:
    """Leave out shards of weights that also exist as a single file."""
    whole = [file for file in files if not re.search(r"-\d+-of-\d+\.", file.name)]
    return whole or files


def _variant_of(file: Path) -> str | None:
    """Return what is between a weight file's base name and its suffix or shard number."""
    found = re.search(r"\.([\w-]+?)(-\d+-of-\d+)?\.safetensors$", file.name)
    return found[1] if found else None
