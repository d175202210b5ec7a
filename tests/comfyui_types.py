"""Small versions of the ComfyUI types that the nodes meet; ComfyUI itself is not installed.

Each does what the class of the same purpose does in ComfyUI 0.3.64, without loading anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

Latent = dict[str, Any]


def prepare_noise(samples: torch.Tensor, seed: int) -> torch.Tensor:
    """Draw as ``comfy.sample.prepare_noise``: one generator for the whole batch, on the CPU."""
    generator = torch.manual_seed(seed)
    return torch.randn(samples.shape, dtype=samples.dtype, generator=generator)


class RandomNoise:
    """What the node RandomNoise gives."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generate_noise(self, input_latent: Latent) -> torch.Tensor:
        return prepare_noise(input_latent["samples"], self.seed)


class EmptyNoise:
    """What the node DisableNoise gives."""

    seed = 0

    def generate_noise(self, input_latent: Latent) -> torch.Tensor:
        return torch.zeros_like(input_latent["samples"])


class Executor:
    """``comfy.patcher_extension.WrapperExecutor``: calls wrappers from the first to the last."""

    def __init__(self, original: Callable[..., Any], wrappers: list[Any], index: int = 0) -> None:
        self.original, self.wrappers, self.index = original, wrappers, index

    def execute(self, *args: Any, **options: Any) -> Any:
        if self.index == len(self.wrappers):
            return self.original(*args, **options)
        return self.wrappers[self.index](self, *args, **options)

    def __call__(self, *args: Any, **options: Any) -> Any:
        following = Executor(self.original, self.wrappers, self.index + 1)
        return following.execute(*args, **options)


class Model:
    """``comfy.model_patcher.ModelPatcher``: what a MODEL is.

    Parameters
    ----------
    config : str
        The name of a class in ``comfy/supported_models.py``.
    """

    def __init__(self, config: str = "SD15") -> None:
        self.model = ModuleType("model")
        self.model.model_config = type(config, (), {})()  # type: ignore[attr-defined]
        self.wrappers: dict[str, dict[str, list[Any]]] = {}

    def clone(self) -> Model:
        other = Model()
        other.model = self.model
        other.wrappers = {
            kind: {key: list(found) for key, found in keys.items()}
            for kind, keys in self.wrappers.items()
        }
        return other

    def add_wrapper_with_key(self, wrapper_type: str, key: str, wrapper: Any) -> None:
        self.wrappers.setdefault(wrapper_type, {}).setdefault(key, []).append(wrapper)


def sample(model: Model, noise: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return the noise that a guider's run starts from, as ``CFGGuider.sample`` calls it."""

    def outer_sample(
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        sampler: object,
        sigmas: torch.Tensor,
        denoise_mask: object = None,
        callback: object = None,
        disable_pbar: bool = False,
        seed: int | None = None,
    ) -> torch.Tensor:
        return noise

    around = [one for found in model.wrappers.get("outer_sample", {}).values() for one in found]
    arguments = (torch.zeros_like(noise), None, torch.ones(2), None, None, False, seed)
    found: torch.Tensor = Executor(outer_sample, around).execute(noise, *arguments)
    return found


def ksampler(model: Model, seed: int, latent: Latent) -> torch.Tensor:
    """Return the noise that KSampler starts from."""
    return sample(model, prepare_noise(latent["samples"], seed), seed)


def folder_paths(models: Path) -> ModuleType:
    """Return ComfyUI's module of that name, for one folder of models."""
    module: Any = ModuleType("folder_paths")
    module.models_dir = str(models)
    module.folder_names_and_paths = {}

    def add_model_folder_path(name: str, folder: str, is_default: bool = False) -> None:
        folders, _ = module.folder_names_and_paths.setdefault(name, ([], set()))
        if folder not in folders:
            folders.insert(0 if is_default else len(folders), folder)

    def get_filename_list(name: str) -> list[str]:
        folders, suffixes = module.folder_names_and_paths[name]
        return sorted(
            os.path.relpath(os.path.join(place, file), folder)
            for folder in folders
            for place, _, files in os.walk(folder)
            for file in files
            if not suffixes or Path(file).suffix in suffixes
        )

    def get_full_path(name: str, file: str) -> str | None:
        inside = os.path.relpath(os.path.join("/", file), "/")
        places = (os.path.join(folder, inside) for folder in get_folder_paths(name))
        return next((place for place in places if os.path.isfile(place)), None)

    def get_folder_paths(name: str) -> list[str]:
        return list(module.folder_names_and_paths[name][0])

    for function in (add_model_folder_path, get_filename_list, get_full_path, get_folder_paths):
        setattr(module, function.__name__, function)
    return module  # type: ignore[no-any-return]
