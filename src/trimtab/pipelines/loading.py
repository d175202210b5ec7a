"""Loading a pipeline from a folder or a Hub id, and what to write about it in records."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import math
import re
import warnings
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from huggingface_hub.errors import (
    EntryNotFoundError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from transformers.utils import logging as transformers_logging

from trimtab import __version__
from trimtab.errors import FileError, ModelError, TrimtabError, UsageError
from trimtab.pipelines.families import Family, family_of, family_of_class
from trimtab.pipelines.memory import require_memory
from trimtab.pipelines.sources import source_of

_LIBRARY_LOGS: tuple[Any, ...] = (diffusers_logging, transformers_logging)
_REMARKS = {  # logger -> what it says of things that are as they should be
    "diffusers.pipelines.pipeline_utils": "^Expected types for vae: .*AutoencoderTiny",
    "diffusers.configuration_utils": "block_out_channels.* were passed to AutoencoderTiny",
    "transformers.utils.import_utils": "requires torchvision .*falling back",
    "huggingface_hub.utils._http": "thrown while requesting|Retrying in",
    "huggingface_hub.hub_mixin": "config.json not found",
}

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
OFFLOADS = ("model", "sequential")
NUMBERS = ("num_inference_steps", "guidance_scale")
"""The settings whose defaults a model folder may carry."""


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
    """Load a text-to-image pipeline; weights only from safetensors, code only from diffusers.

    Parameters
    ----------
    name : str or Path
        A folder in the diffusers layout, an id on the Hugging Face Hub, or a single
        ``.safetensors`` file that holds a whole checkpoint.
    device : str
        ``"auto"`` takes an accelerator where there is one.
    dtype : torch.dtype or str, optional
        Type of the weights, e.g. ``"float16"``; by default what suits the family (bfloat16, or
        float16 for Stable Diffusion and its kin) on an accelerator, else float32.
    revision, variant : str, optional
        As in ``DiffusionPipeline.from_pretrained``.
    config : str or Path, optional
        For a single file: the folder or Hub id whose pipeline it fits; diffusers guesses an id from
        the file where not given.
    offload : {"model", "sequential"}, optional
        Keep the weights in main memory, and only the part at work on the accelerator (needs
        accelerate): whole components, or layer by layer, which is slower and needs least.

    Returns
    -------
    diffusers.DiffusionPipeline
        On the device, ready to be called.

    Raises
    ------
    ModelError
        When the model is missing, unreadable, of a family that is not in the table, or larger than
        the memory that is free.
    UsageError
        When the device, the type or the offloading is unknown, or an option does not go with it.
    """
    place = choose_device(device)
    _check_offload(offload, place)
    source = source_of(name, revision=revision, variant=variant, config=config)
    with quiet_loading(), _readable(name):
        kind = source.pipeline_class()
    # Before anything is downloaded: what is not in the table would be refused afterwards.
    weights = _dtype(dtype, place, family_of_class(kind))
    lean = find_spec("accelerate") is not None
    with quiet_loading(), _readable(name):
        require_memory(source.fetch_weights(), weights, place, offload=offload, lean=lean)
        pipe = source.load(kind, weights, lean=lean)
    pipe.register_to_config(_trimtab_source=source.facts(), _trimtab_loaded=_state(pipe))
    if offload == "model":
        pipe.enable_model_cpu_offload(device=place)
    elif offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=place)
    else:
        pipe.to(place)
    return pipe


@contextlib.contextmanager
def _readable(name: str | Path) -> Iterator[None]:
    """Put whatever the libraries raise of a model that cannot be read into one line."""
    try:
        yield
    except TrimtabError:
        raise
    # They raise whatever theirs raise in turn: OSError, ValueError, HTTP, safetensors…
    except Exception as error:
        raise ModelError(
            got=f"model {str(name)!r}, which cannot be loaded ({cause(error)})",
            expected="a folder in the diffusers layout with safetensors weights, a Hub id, or a "
            "single .safetensors file with all parts of a model",
            do="check the name, the path and the connection",
        ) from error


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
            do="leave it out: everything is in main memory already",
        )
    if find_spec("accelerate") is None:
        raise UsageError(
            got=f"offload {offload!r} without accelerate",
            expected="the library accelerate",
            do="run pip install accelerate",
        )


def model_path(pipe: Any) -> str | None:
    """Give the folder, file or Hub id a pipeline was loaded from; None when built in memory."""
    path = getattr(pipe, "name_or_path", None)
    if not path:
        return None
    # Whole, so that a record of it holds in other working folders, too.
    return str(Path(path).absolute() if Path(path).exists() else path)


def model_name(pipe: Any) -> str:
    """Name a pipeline for records: its folder's or file's name, its Hub id, or its class."""
    path = model_path(pipe)
    if path is None:
        return type(pipe).__name__
    if Path(path).is_file():
        return Path(path).stem
    return folder_name(Path(path)) if Path(path).is_dir() else path


def folder_name(folder: Path) -> str:
    """Name a model folder: what it carries as ``"name"`` in ``trimtab.json``, or its own name.

    Raises
    ------
    FileError
        As `model_defaults`.
    """
    return str(_own_file(folder).get("name") or folder.resolve().name)


def model_defaults(pipe: Any) -> dict[str, Any]:
    """Read the defaults that a model folder carries in ``trimtab.json``; empty without one.

    Raises
    ------
    FileError
        When the file is not a JSON object with numbers for them.
    """
    path = model_path(pipe)
    found = _own_file(Path(path)) if path else {}
    return {name: found[name] for name in NUMBERS if name in found}


def model_facts(pipe: Any) -> dict[str, Any]:
    """Collect what identifies a model in a record: name, revision, weights, scheduler.

    Returns
    -------
    dict
        JSON-able. ``weights`` is a hash over a sample of every parameter, rounded to bfloat16: it
        notices retrained, swapped or adapted weights without reading them all, and is the same in
        float32 and in bfloat16. Of parameters whose values are out of reach it takes names and
        shapes, unless `load_model` put them there: then it is the hash from before. ``changed``
        names what is no longer as `load_model` loaded it; None when another loaded it.
    """
    loaded, now = pipe.config.get("_trimtab_loaded"), _state(pipe)
    if loaded and _out_of_reach(pipe):
        now["weights"] = loaded["weights"]
    family = family_of(pipe)
    return {
        "model": model_name(pipe),
        **(pipe.config.get("_trimtab_source") or dict.fromkeys(("revision", "variant", "config"))),
        "changed": loaded
        and [name for name in ("weights", "scheduler") if now[name] != loaded[name]],
        "weights": now["weights"],
        "model_dtype": str(getattr(pipe, family.denoiser).dtype).removeprefix("torch."),
        "family": family.name,
        **now["scheduler"],
    }


def _state(pipe: Any) -> dict[str, Any]:
    """Tell what of a pipeline can be changed after loading, and changes its pictures."""
    # JSON has no infinity, which a scheduler's bounds may be.
    config = {
        k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
        for k, v in pipe.scheduler.config.items()
        if not k.startswith("_")
    }
    return {
        "weights": _weights_hash(pipe),
        "scheduler": {
            "scheduler": type(pipe.scheduler).__name__,
            "scheduler_config": json.loads(json.dumps(config, default=str, sort_keys=True)),
        },
    }


def _out_of_reach(pipe: Any) -> bool:
    return any(weight.is_meta for _, weight in _weights(pipe))


def _weights(pipe: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for part, module in pipe.components.items():
        if isinstance(module, torch.nn.Module):
            for name, weight in module.named_parameters():
                yield f"{part}.{name}", weight


def library_versions() -> dict[str, str]:
    """Give the versions of the libraries that decide a result."""
    names = ("torch", "diffusers", "transformers", "numpy", "scikit-learn")
    found = {"trimtab": __version__}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _own_file(folder: Path) -> dict[str, Any]:
    """Read ``trimtab.json`` of a model folder; empty without one."""
    file = folder / "trimtab.json"
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        found = str(error)
    if (
        not isinstance(found, dict)
        or found.keys() - {"name", *NUMBERS}
        or not all(isinstance(found[name], int | float) for name in NUMBERS if name in found)
    ):
        raise FileError(
            got=f"{file} with {str(found)[:60]!r}",
            expected="a JSON object of name, num_inference_steps and guidance_scale, such as "
            '{"num_inference_steps": 25}',
            do="repair or delete the file",
        )
    return found


def _weights_hash(pipe: Any) -> str:
    digest = hashlib.sha256()
    for place, named in itertools.groupby(_weights(pipe), lambda item: item[1].device):
        if place.type == "meta":
            shapes = (f"{name} {tuple(weight.shape)}" for name, weight in named)
            digest.update("".join(shapes).encode())
        else:
            # Brought over together: one by one, each would wait for the accelerator.
            samples = [weight.detach().flatten()[:8].to(torch.bfloat16) for _, weight in named]
            digest.update(torch.cat(samples).cpu().view(torch.int16).numpy().tobytes())
    return digest.hexdigest()[:16]


def choose_device(name: str) -> torch.device:
    """Give the device of a name; for "auto" an accelerator where there is one.

    Raises
    ------
    UsageError
        When this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        place = torch.device(name)
        torch.empty(0, device=place)  # a build without CUDA raises AssertionError here
    except (RuntimeError, AssertionError) as error:
        here = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        here += ["mps"] if torch.backends.mps.is_available() else []
        raise UsageError(
            got=f"device {name!r}",
            expected=f"auto, or a device of this machine: {', '.join(['cpu', *here])}",
            do="choose one, or leave it at auto",
        ) from error
    return place


def _dtype(name: torch.dtype | str | None, device: torch.device, family: Family) -> torch.dtype:
    if name is None:
        return torch.float32 if device.type == "cpu" else family.half
    found = getattr(torch, name, None) if isinstance(name, str) else name
    if found not in DTYPES:
        raise UsageError(
            got=f"dtype {name!r}", expected="float32, float16 or bfloat16", do="choose one"
        )
    return found


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Hold back the loading bars and remarks that no user can act on, nothing else."""
    bars = [library for library in _LIBRARY_LOGS if library.is_progress_bar_enabled()]
    for name in _REMARKS:
        logging.getLogger(name).addFilter(_worth_saying)
    for library in bars:
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Of huggingface_hub about an argument that diffusers passes.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")
            yield
    finally:
        for name in _REMARKS:
            logging.getLogger(name).removeFilter(_worth_saying)
        for library in bars:
            library.enable_progress_bar()


def _worth_saying(record: logging.LogRecord) -> bool:
    return not re.search(_REMARKS[record.name], record.getMessage())


CAUSES = {  # the first that fits; the libraries tell them in several lines
    LocalEntryNotFoundError: "it is not in the cache, and the Hub is out of reach or turned off "
    "by HF_HUB_OFFLINE",
    RepositoryNotFoundError: "there is no such repository, or it is a private one",
    EntryNotFoundError: "the repository does not hold the file that is looked for",
}


def cause(error: Exception) -> str:
    """Say in one line why something of a library could not be read, the Hub's reasons first."""
    chain: BaseException | None = error
    while chain is not None:
        for kind, reason in CAUSES.items():
            if isinstance(chain, kind):
                return reason
        chain = chain.__cause__ or chain.__context__
    return first_line(error)


def first_line(error: Exception) -> str:
    """Give the first line of what an error of a library says, to be quoted in one of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
