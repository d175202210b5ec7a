"""The ComfyUI nodes, given noise and latents in the form that ComfyUI's own nodes hand over.

ComfyUI is not installed: its NOISE is any object with `seed` and `generate_noise(input_latent)`,
where `input_latent["samples"]` is a tensor whose shape says how much noise is wanted.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from trimtab.errors import FileError, UsageError
from trimtab.interventions import AddedWords, Direction, Intervention

FOLDER = Path(__file__).parents[1] / "integrations" / "comfyui"
SHAPES = {  # channels, height, width as ComfyUI's empty latents have them, without the batch
    "SD 1.5, SDXL": (4, 8, 8),
    "SD3, FLUX.1, Z-Image": (16, 8, 8),
    "FLUX.2": (128, 4, 4),
    "Qwen-Image": (16, 1, 8, 8),
}


@pytest.fixture(scope="module")
def nodes() -> Any:
    """Import the folder as ComfyUI does with one in custom_nodes."""
    spec = importlib.util.spec_from_file_location("custom_nodes_trimtab", FOLDER / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class StockNoise:
    """What RandomNoise gives: one generator for the whole batch, on the CPU."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        samples = input_latent["samples"]
        generator = torch.manual_seed(self.seed)
        return torch.randn(samples.shape, dtype=samples.dtype, generator=generator)


def direction_like(shape: tuple[int, ...], seed: int = 0) -> Direction:
    return Direction.random((shape[0], *shape[-2:]), seed)


@pytest.mark.parametrize("model", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_noise_is_moved_and_nothing_else(
    nodes: Any, tmp_path: Path, model: str, dtype: torch.dtype
) -> None:
    shape = SHAPES[model]
    direction = direction_like(shape)
    file = direction.save(tmp_path / "woman.safetensors")
    (steering,) = nodes.LoadDirection().load(str(file), 3.0)
    latent = {"samples": torch.zeros(2, *shape, dtype=dtype)}
    (noise,) = nodes.SteerNoise().steer(StockNoise(7), steering)
    found = noise.generate_noise(latent)
    plain = StockNoise(7).generate_noise(latent)
    moved = torch.tensor(3 * direction.array).reshape(1, *shape).to(dtype)
    assert torch.equal(found, plain + moved)
    assert (found.shape, found.dtype, noise.seed) == (plain.shape, dtype, 7)


def test_strength_zero_changes_nothing(nodes: Any, tmp_path: Path) -> None:
    file = direction_like((4, 8, 8)).save(tmp_path / "d.safetensors")
    (steering,) = nodes.LoadDirection().load(str(file), 0.0)
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    (noise,) = nodes.SteerNoise().steer(StockNoise(1), steering)
    assert torch.equal(noise.generate_noise(latent), StockNoise(1).generate_noise(latent))


def test_what_has_no_noise_is_not_steered(nodes: Any) -> None:
    class DisabledNoise(StockNoise):
        def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
            return torch.zeros_like(input_latent["samples"])

    (noise,) = nodes.SteerNoise().steer(DisabledNoise(1), 1 * direction_like((4, 8, 8)))
    with pytest.raises(UsageError, match="no noise at all"):
        noise.generate_noise({"samples": torch.ones(1, 4, 8, 8)})


def test_a_pasted_path_is_found(nodes: Any, tmp_path: Path) -> None:
    direction = direction_like((4, 8, 8))
    file = direction.save(tmp_path / "d.safetensors")
    assert nodes.LoadDirection().load(f' "{file}" ', 1.0) == (1 * direction,)


def test_a_mitigation_brings_its_own_strengths(nodes: Any, tmp_path: Path) -> None:
    steering = 3 * direction_like((4, 8, 8), 0) - 2 * direction_like((4, 8, 8), 1)
    file = str(Intervention(steering).save(tmp_path / "doctor.safetensors"))
    assert nodes.LoadDirection().load(file, 1.0) == (steering,)
    assert nodes.LoadDirection().load(file, 0.5, steering) == (1.5 * steering,)
    first = nodes.LoadDirection.IS_CHANGED(file, strength=1.0)
    Intervention(2 * steering).save(file)
    assert nodes.LoadDirection.IS_CHANGED(file, strength=1.0) != first


def test_what_is_not_noise_is_left_out_only_when_asked(nodes: Any, tmp_path: Path) -> None:
    own = Intervention(3 * direction_like((4, 8, 8)), AddedWords("smiling"))
    file = str(own.save(tmp_path / "doctor.safetensors"))
    with pytest.raises(UsageError, match=r"words “smiling”.*noise_only=True"):
        nodes.LoadDirection().load(file, 1.0)
    assert nodes.LoadDirection().load(file, 1.0, noise_only=True) == (own.steering,)


def test_directions_add_up(nodes: Any, tmp_path: Path) -> None:
    pair = [direction_like((4, 8, 8), seed) for seed in (0, 1)]
    files = [str(one.save(tmp_path / f"{i}.safetensors")) for i, one in enumerate(pair)]
    (first,) = nodes.LoadDirection().load(files[0], 2.0)
    (both,) = nodes.LoadDirection().load(files[1], -1.0, first)
    assert both == 2 * pair[0] - pair[1]


@pytest.mark.parametrize("shape", [(4, 8, 9), (16, 8, 8), (4, 2, 8, 8)])
def test_a_direction_of_another_model_or_size_is_refused(
    nodes: Any, shape: tuple[int, ...]
) -> None:
    (noise,) = nodes.SteerNoise().steer(StockNoise(1), 1 * direction_like((4, 8, 8)))
    with pytest.raises(UsageError, match=r"expected .*the shape of these latents"):
        noise.generate_noise({"samples": torch.zeros(1, *shape)})


def test_a_missing_file_is_refused(nodes: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nothing\.safetensors"):
        nodes.LoadDirection().load(str(tmp_path / "nothing.safetensors"), 1.0)


def test_comfyui_finds_what_it_looks_for(nodes: Any) -> None:
    assert set(nodes.NODE_CLASS_MAPPINGS) == set(nodes.NODE_DISPLAY_NAME_MAPPINGS)
    for node in nodes.NODE_CLASS_MAPPINGS.values():
        asked = node.INPUT_TYPES()
        assert set(asked) <= {"required", "optional"}
        assert callable(getattr(node, node.FUNCTION))
        assert node.CATEGORY and isinstance(node.RETURN_TYPES, tuple)
