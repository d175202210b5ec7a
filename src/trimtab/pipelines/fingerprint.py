"""Two fingerprints of a model: one for what noise passes through, one for the picture."""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from trimtab.pipelines.families import denoiser_of
from trimtab.pipelines.tensors import (
    WHOLE,
    Place,
    freeu_of,
    modules_of,
    raw_bytes,
    short_name,
    tensors_of,
)

NOISE, PICTURE, MODULE, ENCODER = "noise-1", "picture-1", "module-1", "encoder-1"
"""Names of the algorithms, with versions."""
AFTERWARDS = ("vae", "movq", "vqvae", "safety_checker", "image_encoder")
"""The parts of a pipeline that latents do not pass through while they are denoised."""
PLAIN = (torch.float64, torch.float32, torch.bfloat16)
"""Types with equal values after rounding to bfloat16."""


@dataclass(frozen=True)
class Fingerprint:
    """Identifies a model in its current state.

    Attributes
    ----------
    noise : str
        ``"noise-1:…"``, a hash of everything that turns noise into latents: denoiser, text
        encoders, tokenizers, and the active adapters with their scales. Directions depend on it.
    picture : str
        ``"picture-1:…"``, a hash of that and of everything that turns latents into a picture: the
        decoder with its configuration, safety checker, watermark, FreeU. Stored pictures depend
        on it.
    unread : tuple of str
        Tensors whose values could not be read; only their names and shapes are hashed.
    """

    noise: str
    picture: str
    unread: tuple[str, ...] = ()


def fingerprint_of(pipe: Any) -> Fingerprint:
    """Return both fingerprints of a pipeline in its current state.

    They cover the names and shapes of all parameters and of all saved buffers; the values of small
    tensors (up to 2048 numbers) completely, 8 numbers of every row of an embedding matrix, and 256
    numbers spread over any other tensor, each rounded to bfloat16; and the vocabularies of the
    tokenizers, up to 2048 tokens and all added ones. A change that affects none of these numbers,
    or that disappears in rounding, is not detected. Fingerprints are the same in float32 and
    bfloat16; those of a model in another type are marked in their name.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    """
    noise, after = _Digest(), _Digest()
    for part, component in sorted(pipe.components.items()):
        digest = after if part in AFTERWARDS else noise
        if isinstance(component, torch.nn.Module):
            modules = modules_of(component)
            digest.add_module(part, modules)
            after.add_text(freeu_of(modules))
        elif hasattr(component, "convert_ids_to_tokens") or hasattr(component, "tokenizer"):
            digest.add_text([part, *_vocabulary(getattr(component, "tokenizer", component))])
    after.add_text(type(mark).__name__ if (mark := getattr(pipe, "watermark", None)) else None)
    after.add_text({k: v for k, v in _unusual(pipe).items() if not isinstance(v, list)})
    types = "".join(f".{kind}" for kind in sorted(noise.types))
    all_types = "".join(f".{kind}" for kind in sorted(noise.types | after.types))
    both = hashlib.sha256(f"{noise.hex()} {after.hex()}".encode()).hexdigest()
    return Fingerprint(
        f"{NOISE}{types}:{noise.hex()[:32]}",
        f"{PICTURE}{all_types}:{both[:32]}",
        tuple(noise.unread + after.unread),
    )


def module_fingerprint(module: torch.nn.Module, tokenizer: Any) -> str:
    """Return the fingerprint of a model outside a pipeline, with its tokenizer.

    It covers the same as `fingerprint_of` does for one part.

    Parameters
    ----------
    module : torch.nn.Module
        The model.
    tokenizer : transformers tokenizer
        The model's tokenizer.
    """
    digest = _Digest()
    digest.add_module("model", modules_of(module))
    digest.add_text(_vocabulary(tokenizer))
    types = "".join(f".{kind}" for kind in sorted(digest.types))
    return f"{MODULE}{types}:{digest.hex()}"


def encoder_fingerprint(pipe: Any) -> str:
    """Return the fingerprint of a pipeline's text encoders and tokenizers.

    It covers the same as `fingerprint_of` does for these parts.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    """
    digest = _Digest()
    for part, component in sorted(pipe.components.items()):
        if part.startswith("text_encoder") and component is not None:
            digest.add_module(part, modules_of(component))
        elif part.startswith("tokenizer") and component is not None:
            digest.add_text([part, *_vocabulary(getattr(component, "tokenizer", component))])
    types = "".join(f".{kind}" for kind in sorted(digest.types))
    return f"{ENCODER}{types}:{digest.hex()[:32]}"


def matches(
    recorded: str, pipe: Any, *, model_dtype: str | None = None, now: Fingerprint | None = None
) -> bool | None:
    """Return whether a pipeline matches a recorded fingerprint, using its own algorithm.

    Parameters
    ----------
    recorded : str
        A fingerprint of either kind, or 16 hexadecimal digits from the older algorithm.
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    model_dtype : str, optional
        For the older algorithm, the type of the weights at the time.
    now : Fingerprint, optional
        The pipeline's current fingerprint, if already known.

    Returns
    -------
    bool or None
        None if it cannot be decided: the algorithm is unknown, the weights cannot be read, or
        float16 is compared with a type that rounds differently.
    """
    algorithm, colon, _ = recorded.partition(":")
    if not colon:
        return _matches_first_numbers(recorded, pipe, model_dtype)
    current = now or fingerprint_of(pipe)
    for value in (current.noise, current.picture):
        if value.partition(":")[0] == algorithm:
            return value == recorded
    return None


def first_numbers(pipe: Any) -> str | None:
    """Return a hash of the first eight numbers of every parameter, or None if any is unreadable.

    Misses most changes; kept only to check directions that were recorded with it.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    """
    digest = hashlib.sha256()
    modules = [one for one in pipe.components.values() if isinstance(one, torch.nn.Module)]
    weights = (weight for module in modules for weight in module.parameters())
    try:
        for place, found in itertools.groupby(weights, lambda weight: weight.device):
            if place.type == "meta":
                return None
            samples = [weight.detach().flatten()[:8].to(torch.bfloat16) for weight in found]
            digest.update(raw_bytes(torch.cat(samples)))
    except (RuntimeError, NotImplementedError, TypeError, AttributeError):  # quantised weights
        return None
    return digest.hexdigest()[:16]


def _matches_first_numbers(recorded: str, pipe: Any, model_dtype: str | None) -> bool | None:
    current = first_numbers(pipe)
    if current is None or current == recorded:
        return None if current is None else True
    own = str(denoiser_of(pipe).dtype).removeprefix("torch.")
    types = {model_dtype, own}
    return False if len(types) == 1 or types <= {"float32", "bfloat16"} else None


class _Digest:
    """A hash over texts and tensors, with a list of what was unread or rounds differently."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.unread: list[str] = []
        self.types: set[str] = set()

    def hex(self) -> str:
        return self.hash.hexdigest()

    def add_text(self, value: Any) -> None:
        self.hash.update(json.dumps(value, sort_keys=True, default=str).encode() + b"\n")

    @torch.no_grad()
    def add_module(self, part: str, modules: list[Place]) -> None:
        _, module = modules[0]
        acting: list[Any] = []
        entries = list(tensors_of(modules, acting))
        self.add_text([part, [(short_name(one.name), one.shape) for one in entries], acting])
        if hasattr(module, "register_to_config"):
            self.add_text(_unusual(module))
        if getattr(module, "use_tiling", False):
            self.add_text("tiling")
        self.unread += [f"{part}.{one.name}" for one in entries if one.values is None]
        # Copied together: one by one, each copy would wait for the accelerator.
        found = [one.values for one in entries if one.values is not None]
        for (_, kind), values in itertools.groupby(found, lambda one: (one.device, one.dtype)):
            if kind.is_floating_point and kind not in PLAIN:
                self.types.add(str(kind).removeprefix("torch."))
            if kind.itemsize == 1:  # as raw bytes: torch cannot concatenate every 8-bit type
                together = torch.cat([one.view(torch.uint8) for one in values])
            else:
                together = torch.cat(list(values))
                together = together.to(torch.bfloat16) if kind.is_floating_point else together
            self.hash.update(raw_bytes(together))


def _vocabulary(tokenizer: Any) -> list[Any]:
    """Describe a tokenizer by its added tokens, a sample of the others, and its limits."""
    n = len(tokenizer)
    step = max(1, n // WHOLE)
    added = getattr(tokenizer, "added_tokens_decoder", {})
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "padding_side", "model_max_length")
    try:
        sample = tokenizer.convert_ids_to_tokens(list(range(0, n, step)))
    except Exception:  # a custom tokenizer, with gaps in its ids
        sample = []
    return [
        n,
        sample,
        sorted((number, str(token)) for number, token in added.items()),
        [getattr(tokenizer, name, None) for name in names],
    ]


def _unusual(one: Any) -> dict[str, Any]:
    """Return the non-default entries of a configuration: a new version may add defaults."""
    plain, usual = _plain(one.config), _defaults(one.__class__)
    return {k: v for k, v in plain.items() if k not in usual or usual[k] != v}


@functools.cache
def _defaults(kind: Any) -> dict[str, Any]:
    parameters = inspect.signature(kind.__init__).parameters
    return _plain({name: parameter.default for name, parameter in parameters.items()})


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values in a configuration, as they would be after a JSON round trip."""
    found = {}
    for name, value in config.items():
        if name.startswith("_"):
            continue
        if value is None or isinstance(value, bool | int | float | str):
            found[name] = value
        else:
            try:
                found[name] = json.loads(json.dumps(value))
            except TypeError:
                continue
    return found
