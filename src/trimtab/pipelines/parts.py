"""The parts of a model, each of which must find all of its weights in its files."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import PreTrainedModel

from trimtab.errors import ModelError
from trimtab.pipelines.memory import has_variant

LIBRARIES = ("diffusers", "transformers")
_PATCH = threading.Lock()


def load_parts(
    folder: Path, *, dtype: torch.dtype, variant: str | None, lean: bool
) -> dict[str, torch.nn.Module]:
    """Load the modules of a pipeline, each with all of its weights.

    A pipeline's own ``from_pretrained`` discards what its parts report about missing weights, and
    fills these with random numbers. Parts that are no models of diffusers or transformers are left
    to it.

    Parameters
    ----------
    folder : Path
        A folder in the diffusers layout.
    dtype : torch.dtype
        The type in which to load the weights.
    variant : str, optional
        As in ``DiffusionPipeline.from_pretrained``.
    lean : bool
        Whether to fill each part while it is read, which requires accelerate.

    Raises
    ------
    ModelError
        If a file lacks weights of its part.
    """
    index = diffusers.DiffusionPipeline.load_config(str(folder))
    found = {}
    for name, entry in index.items():
        kind = _model_class(entry)
        if kind is None or not (folder / name).is_dir():
            continue
        # Without accelerate, diffusers warns about True; transformers always reads this way.
        own = {} if issubclass(kind, PreTrainedModel) else {"low_cpu_mem_usage": lean}
        part, report = kind.from_pretrained(
            str(folder / name),
            dtype=dtype,
            variant=variant if has_variant(folder / name, variant) else None,
            use_safetensors=True,
            output_loading_info=True,
            **own,
        )
        require_whole(name, report["missing_keys"])
        found[name] = part
    return found


@contextlib.contextmanager
def whole_modules() -> Iterator[None]:
    """Reject, within a block, every module that is given only some of its weights.

    For diffusers' ``from_single_file``, which discards what `torch.nn.Module.load_state_dict`
    returns. Modules that accelerate fills are checked by `require_filled`.

    Raises
    ------
    ModelError
        If a state dict lacks weights of its module.
    """
    original = torch.nn.Module.load_state_dict

    def checked(self: torch.nn.Module, *args: Any, **options: Any) -> Any:
        found = original(self, *args, **options)
        if threading.get_ident() == here:
            require_whole(type(self).__name__, found.missing_keys)
        return found

    here = threading.get_ident()
    with _PATCH:
        torch.nn.Module.load_state_dict = checked  # type: ignore[method-assign]
        try:
            yield
        finally:
            torch.nn.Module.load_state_dict = original  # type: ignore[method-assign]


def require_filled(pipe: Any) -> None:
    """Reject a pipeline that has tensors without values.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline, just loaded into main memory.

    Raises
    ------
    ModelError
        If a tensor has no values.
    """
    for name, part in pipe.components.items():
        if isinstance(part, torch.nn.Module):
            require_whole(name, [key for key, one in part.state_dict().items() if one.is_meta])


def require_whole(part: str, missing: list[str]) -> None:
    """Reject a part that lacks weights.

    Parameters
    ----------
    part : str
        The name of the part.
    missing : list of str
        The names of the weights that its files lack.

    Raises
    ------
    ModelError
        If there are any.
    """
    if missing:
        others = f" and {len(missing) - 1} more weights" if len(missing) > 1 else ""
        raise ModelError(
            got=f"{part} without {min(missing)!r}{others}",
            expected="all weights of each part: missing ones would be random numbers",
            do="download or convert the model again, with versions of diffusers and transformers "
            "that know its layout",
        )


def _model_class(entry: Any) -> Any:
    """Return the class of an entry in ``model_index.json`` if it is a model, otherwise None."""
    if not isinstance(entry, list | tuple) or len(entry) != 2 or not isinstance(entry[1], str):
        return None
    library, name = entry
    own = getattr(diffusers.pipelines, library or "", None)  # e.g. "stable_diffusion"
    module = own or (importlib.import_module(library) if library in LIBRARIES else None)
    kind = getattr(module, name, None)
    if isinstance(kind, type) and issubclass(kind, diffusers.ModelMixin | PreTrainedModel):
        return kind
    return None
