"""Notices pictures whose values are not finite, before they become black pixels."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from trimtab.errors import ModelError
from trimtab.pipelines.families import denoiser_of


class NotFiniteWarning(UserWarning):
    """Some pictures are not finite, and are therefore blocked."""


class Finiteness:
    """Which of a run's pictures are finite, read where the pipeline converts them.

    Conversion to 8 bits silently turns NaN into 0 and infinity into 0 or 255. Half precision is the
    usual cause, often of the autoencoder alone.

    Parameters
    ----------
    own : diffusers.DiffusionPipeline
        The copy of a pipeline that will be called; its methods of conversion are replaced.
    """

    def __init__(self, own: Any) -> None:
        self._found: list[bool] = []
        processor = getattr(own, "image_processor", None)
        if processor is not None:
            processor = copy.copy(processor)
            processor.postprocess = self._reading(processor.postprocess)
            vars(own)["image_processor"] = processor
        # Kandinsky 3 uses no image processor.
        vars(own)["numpy_to_pil"] = self._reading(own.numpy_to_pil)

    def _reading(self, convert: Callable[..., Any]) -> Callable[..., Any]:
        def reading(images: Any, *args: Any, **options: Any) -> Any:
            if isinstance(images, torch.Tensor):
                self._found = torch.isfinite(images).flatten(1).all(dim=1).tolist()
            elif isinstance(images, np.ndarray):
                self._found = [bool(np.isfinite(image).all()) for image in images]
            with np.errstate(invalid="ignore"):  # numpy's own warning about the conversion
                return convert(images, *args, **options)

        return reading

    def of(self, n: int) -> list[bool]:
        """Return a flag for each of the n pictures of the run, True if it is finite or unknown."""
        return self._found if len(self._found) == n else [True] * n


def not_finite(pipe: Any) -> ModelError:
    """Return the error for a model whose pictures are all not finite."""
    return ModelError(
        got=f"pictures without finite values (NaN) by {_types(pipe)}",
        expected="finite values: these pictures would be black",
        do=_advice(pipe),
    )


def remark_on_not_finite(pipe: Any, seeds: list[int], n: int) -> str:
    """Return the remark about some pictures that are not finite.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline that made them.
    seeds : list of int
        Their seeds, at least one.
    n : int
        Number of all pictures.
    """
    named = ", ".join(map(str, seeds[:10])) + (" …" if len(seeds) > 10 else "")
    return (
        f"{len(seeds)} of {n} pictures by {_types(pipe)} have values that are not finite and count "
        f"as blocked (seeds {named}); {_advice(pipe)}"
    )


def _advice(pipe: Any) -> str:
    if "float16" in _types(pipe):
        return "load the model in float32, or use an autoencoder made for half precision"
    return "check the weights of the model, and its adapters"


def _types(pipe: Any) -> str:
    """Name a pipeline's class with the types of its denoiser and its autoencoder."""
    types = [f"denoiser in {denoiser_of(pipe).dtype}"]
    autoencoder = getattr(pipe, "vae", None) or getattr(pipe, "movq", None)
    if autoencoder is not None:
        types.append(f"autoencoder in {autoencoder.dtype}")
    return f"{type(pipe).__name__} ({', '.join(types)})".replace("torch.", "")
