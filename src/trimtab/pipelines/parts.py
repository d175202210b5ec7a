"""The parts of a model, each of which must find all of its weights in its files."""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import PreTrainedModel

from trimtab.errors import ModelError
from trimtab.pipelines.libraries import readable
from trimtab.pipelines.memory import has_variant, header_of, weight_files

LIBRARIES = ("diffusers", "transformers")
SCALES = ("scale_weight", "weight_scale", "scaled_fp8", "scale_input", "input_scale")
"""The last parts of the names of scales in checkpoints of 8-bit weights."""
WORDS = ("doctor", "farmer", "artist", "people", "purple")
"""Words of equal length, which a tokenizer that reads letters as unknown cannot tell apart."""
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
        If a part is missing or unreadable, or its files lack weights.
    """
    index = diffusers.DiffusionPipeline.load_config(str(folder))
    weights = weight_files(folder, variant)
    found = {}
    for name, entry in index.items():
        kind = _model_class(entry)
        if kind is None:
            continue
        if not (folder / name).is_dir():
            raise ModelError(
                got=f"a model without the folder of its {name}",
                expected="a folder for each part that its model_index.json names",
                do="download or save the model again",
            )
        # Without accelerate, diffusers warns about True; transformers always reads this way.
        own = {} if issubclass(kind, PreTrainedModel) else {"low_cpu_mem_usage": lean}
        _require_config(name, folder / name)
        with readable(
            f"{name}, which cannot be loaded",
            expected="the config.json and the safetensors weights of one and the same part",
            do="download or save the model again, or install what it needs",
        ):
            part, report = kind.from_pretrained(
                str(folder / name),
                dtype=dtype,
                variant=variant if has_variant(folder / name, variant) else None,
                use_safetensors=True,
                output_loading_info=True,
                **own,
            )
        files = weights.get(name, ())
        require_whole(name, [*report["missing_keys"], *_lost_in_shards(folder / name, files)])
        if not getattr(part.config, "quantization_config", None):
            require_unscaled(name, files)
        found[name] = part
    return found


def _require_config(name: str, folder: Path) -> None:
    """Reject a part without a readable ``config.json``, which transformers would make up."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise ModelError(
            got=f"{name} with {'no' if not file.exists() else 'an unreadable'} config.json",
            expected="a JSON object that describes the part",
            do="download or save the model again",
        )


def _lost_in_shards(folder: Path, files: Sequence[Path]) -> list[str]:
    """List the weights that an index names, but the shards lack; diffusers trusts the index."""
    held = {file.name: header_of(file).keys() for file in files}
    lost = []
    for index in folder.glob("*.index*.json"):
        shards = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
        if held.keys() == set(shards.values()):
            lost += [name for name, file in shards.items() if name not in held[file]]
    return lost


def require_unscaled(name: str, files: Iterable[Path]) -> None:
    """Reject weights whose scales would be ignored, as in ComfyUI's scaled 8-bit files.

    Parameters
    ----------
    name : str
        The name of the part, or of the file.
    files : iterable of Path
        Its safetensors files.

    Raises
    ------
    ModelError
        If they contain scales.
    """
    keys = [key for file in files for key in header_of(file)]
    scales = [key for key in keys if key.rpartition(".")[2] in SCALES]
    if scales:
        raise ModelError(
            got=f"{name} with scaled weights ({min(scales)!r}), whose scales diffusers ignores",
            expected="weights in a floating-point type without scales, or quantised ones with a "
            "quantization_config",
            do="use the unscaled weights of the model",
        )


def require_tokens(pipe: Any) -> None:
    """Reject a pipeline with a tokenizer that does not tell words apart.

    A tokenizer whose files are missing is created without a vocabulary, and all prompts are the
    same to it.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline, just loaded.

    Raises
    ------
    ModelError
        If there is such a tokenizer.
    """
    for name, part in pipe.components.items():
        if hasattr(part, "convert_ids_to_tokens") or hasattr(part, "tokenizer"):
            require_vocabulary(name, getattr(part, "tokenizer", part))


def require_vocabulary(name: str, tokenizer: Any) -> None:
    """Reject a tokenizer that does not tell words apart.

    Parameters
    ----------
    name : str
        The name of the part.
    tokenizer : transformers tokenizer
        The tokenizer.

    Raises
    ------
    ModelError
        If it gives the same tokens for different words.
    """
    if len({tuple(tokenizer(word)["input_ids"]) for word in WORDS}) == 1:
        raise ModelError(
            got=f"{name} without a vocabulary ({len(tokenizer)} tokens): all words are the same",
            expected="the files of the tokenizer",
            do="download or save the model again",
        )


@contextlib.contextmanager
def whole_modules() -> Iterator[None]:
    """Reject, within a block, every module that is given only some of its weights, by its class.

    For diffusers' ``from_single_file``, which discards what `torch.nn.Module.load_state_dict` and
    the ``from_pretrained`` of parts beside the file report. Modules that accelerate fills are
    checked by `require_filled`.

    Raises
    ------
    ModelError
        If a state dict lacks weights of its module.
    """
    here = threading.get_ident()

    def checked_state(original: Any) -> Any:
        def load_state_dict(self: torch.nn.Module, *args: Any, **options: Any) -> Any:
            found = original(self, *args, **options)
            if threading.get_ident() == here:
                require_whole(type(self).__name__, found.missing_keys)
            return found

        return load_state_dict

    def checked_model(original: Any) -> Any:
        def from_pretrained(cls: Any, *args: Any, **options: Any) -> Any:
            if threading.get_ident() != here or options.get("output_loading_info"):
                return original.__func__(cls, *args, **options)
            part, report = original.__func__(cls, *args, output_loading_info=True, **options)
            require_whole(cls.__name__, report["missing_keys"])
            return part

        return classmethod(from_pretrained)

    replaced: list[tuple[Any, str, Callable[[Any], Any]]] = [
        (torch.nn.Module, "load_state_dict", checked_state),
        (diffusers.ModelMixin, "from_pretrained", checked_model),
        (PreTrainedModel, "from_pretrained", checked_model),
    ]
    with _PATCH, contextlib.ExitStack() as stack:
        for owner, name, checked in replaced:
            original = vars(owner)[name]
            stack.callback(setattr, owner, name, original)
            setattr(owner, name, checked(original))
        yield


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
