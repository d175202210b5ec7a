"""The ComfyUI nodes, given what ComfyUI's own nodes hand over (see comfyui_types.py)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import comfyui_types as comfy
import trimtab
from trimtab.errors import FileError, TrimtabError, UsageError
from trimtab.interventions import AddedWords, Direction, Intervention, Steering
from trimtab.latents import noise as noise_of_trimtab
from trimtab.pipelines import LatentSpec
from trimtab.pipelines.families import known_families

FOLDER = Path(__file__).parents[1] / "integrations" / "comfyui"
SHAPES = {  # channels, height, width as ComfyUI's empty latents have them, without the batch
    "SD15": (4, 8, 8),
    "SD3": (16, 8, 8),
    "Flux2": (128, 4, 4),
    "QwenImage": (16, 1, 8, 8),
}
FIELDS = ("INT", "FLOAT", "STRING", "BOOLEAN")
"""Types of inputs that ComfyUI draws as a field, besides lists."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return ComfyUI's folder of models."""
    return tmp_path / "models"


@pytest.fixture
def nodes(models: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the folder as ComfyUI does with one in custom_nodes, and return its nodes."""
    monkeypatch.setitem(sys.modules, "folder_paths", comfy.folder_paths(models))
    return loaded(FOLDER, monkeypatch).nodes


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    name = str(folder).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    for known in [one for one in sys.modules if one.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, known)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def direction_like(shape: tuple[int, ...], seed: int = 0, **facts: Any) -> Direction:
    return Direction.random((shape[0], *shape[-2:]), seed).annotated(**facts)


def load(nodes: Any, file: str = "none", strength: float = 3.0, **inputs: Any) -> Steering:
    """Run the node Load direction, and return its steering."""
    steering: Steering = nodes.LoadDirection().load(file, strength, **inputs)["result"][0]
    return steering


def told(nodes: Any, file: str) -> str:
    """Run the node Load direction, and return what it shows."""
    out = nodes.LoadDirection().load(file, 3.0)
    assert out["ui"]["text"] == [out["result"][1]]
    return str(out["result"][1])


def noise_of(nodes: Any, steering: Steering, latent: comfy.Latent, **inputs: Any) -> torch.Tensor:
    """Return the noise that SamplerCustomAdvanced gets."""
    (noise,) = nodes.SteerNoise().steer(comfy.RandomNoise(7), steering, **inputs)
    assert noise.seed == 7
    found: torch.Tensor = noise.generate_noise(latent)
    return found


def model_noise(
    nodes: Any, steering: Steering, latent: comfy.Latent, config: str = "SD15", **inputs: Any
) -> torch.Tensor:
    """Return the noise that KSampler starts from with a steered model."""
    (model,) = nodes.SteerModel().steer(comfy.Model(config), steering, **inputs)
    return comfy.ksampler(model, 7, latent)


@pytest.mark.parametrize("config", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_noise_is_moved_and_nothing_else(nodes: Any, config: str, dtype: torch.dtype) -> None:
    shape = SHAPES[config]
    direction = direction_like(shape)
    latent = {"samples": torch.zeros(2, *shape, dtype=dtype)}
    plain = comfy.RandomNoise(7).generate_noise(latent)
    moved = torch.tensor(3 * direction.array).reshape(1, *shape).to(dtype)
    for found in (
        noise_of(nodes, 3 * direction, latent),
        model_noise(nodes, 3 * direction, latent, config),
    ):
        assert torch.equal(found, plain + moved)
        assert (found.shape, found.dtype) == (plain.shape, dtype)


def test_a_steered_model_is_a_clone(nodes: Any) -> None:
    model, direction = comfy.Model(), direction_like((4, 8, 8))
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    (once,) = nodes.SteerModel().steer(model, 2 * direction)
    (twice,) = nodes.SteerModel().steer(once, 1 * direction)
    plain = comfy.ksampler(model, 7, latent)
    assert torch.equal(plain, comfy.RandomNoise(7).generate_noise(latent))
    moved = torch.tensor(direction.array)
    assert torch.equal(comfy.ksampler(once, 7, latent), plain + 2 * moved)
    assert torch.equal(comfy.ksampler(once, 7, latent), plain + 2 * moved)  # not added up
    assert torch.equal(comfy.ksampler(twice, 7, latent), plain + 2 * moved + moved)


def test_strength_zero_changes_nothing(nodes: Any) -> None:
    nothing = 0 * direction_like((4, 8, 8), family="flux")
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    plain = comfy.RandomNoise(7).generate_noise(latent)
    assert torch.equal(noise_of(nodes, nothing, latent), plain)
    assert torch.equal(model_noise(nodes, nothing, latent), plain)
    (noise,) = nodes.SteerNoise().steer(comfy.EmptyNoise(), nothing)
    assert not noise.generate_noise(latent).any()


def test_what_has_no_noise_is_not_steered(nodes: Any) -> None:
    steering = 1 * direction_like((4, 8, 8))
    (noise,) = nodes.SteerNoise().steer(comfy.EmptyNoise(), steering)
    with pytest.raises(UsageError, match=r"^Steer noise \(trimtab\): got no noise at all"):
        noise.generate_noise({"samples": torch.ones(1, 4, 8, 8)})
    # A second KSamplerAdvanced gets the same model and no noise: the first one has steered it.
    (model,) = nodes.SteerModel().steer(comfy.Model(), steering)
    assert not comfy.sample(model, torch.zeros(1, 4, 8, 8)).any()


def test_each_picture_of_a_batch_has_its_strength(nodes: Any, models: Path) -> None:
    direction = direction_like((4, 8, 8))
    direction.save(models / "trimtab" / "d.safetensors")
    strengths, count = nodes.BatchStrengths().strengths("0, 1.5; -3\n")
    assert (strengths, count) == ((0.0, 1.5, -3.0), 3)
    steering = load(nodes, "d.safetensors", strengths=strengths)
    latent = {"samples": torch.zeros(3, 4, 8, 8)}
    plain = comfy.RandomNoise(7).generate_noise(latent)
    for found in (noise_of(nodes, steering, latent), model_noise(nodes, steering, latent)):
        for i, strength in enumerate(strengths):
            assert torch.equal(found[i], plain[i] + torch.tensor(strength * direction.array))
    with pytest.raises(UsageError, match="got 3 strengths for a batch of 2 pictures"):
        model_noise(nodes, steering, {"samples": torch.zeros(2, 4, 8, 8)})


@pytest.mark.parametrize("text", ["", "one", "1, nan", "11", "1 2"])
def test_what_are_not_strengths_is_refused(nodes: Any, text: str) -> None:
    assert "separated by commas" in nodes.BatchStrengths.VALIDATE_INPUTS(text)
    with pytest.raises(UsageError, match=r"^Strengths of a batch \(trimtab\): got strengths"):
        nodes.BatchStrengths().strengths(text)


def test_a_sweep_is_even(nodes: Any) -> None:
    batch, count, single = nodes.SweepStrengths().sweep(-0.3, 0.3, 3)
    assert (batch, count, single) == ((-0.3, 0.0, 0.3), 3, [-0.3, 0.0, 0.3])
    assert nodes.SweepStrengths.OUTPUT_IS_LIST == (False, False, True)


def test_strengths_have_two_decimals(nodes: Any) -> None:
    _, options = nodes.LoadDirection.INPUT_TYPES()["required"]["strength"]
    assert (options["min"], options["max"], options["step"]) == (-10, 10, 0.01)
    assert round(2.55 / options["round"]) * options["round"] == pytest.approx(2.55)


@pytest.mark.parametrize(
    ("config", "family"),
    [("SDXL", "stable-diffusion"), ("Flux", "stable-diffusion-3"), ("HiDream", "flux")],
)
def test_a_direction_of_another_family_is_refused(nodes: Any, config: str, family: str) -> None:
    steering = 1 * direction_like((16, 8, 8), family=family)
    with pytest.raises(UsageError, match=rf"^Steer model \(trimtab\): got .*{family}.*{config}"):
        nodes.SteerModel().steer(comfy.Model(config), steering)


def test_the_families_of_comfyui_are_those_of_the_table(nodes: Any) -> None:
    families = sys.modules[nodes.__name__.replace(".nodes", ".families")]
    known = {family.name for family in known_families()}
    assert set(families.CLASSES) <= known and set(families.PIXELS) <= known
    for name, classes in families.CLASSES.items():
        for config in classes:
            steering = 1 * direction_like((4, 8, 8), family=name)
            nodes.SteerModel().steer(comfy.Model(config), steering)


def test_sizes_are_told_in_pixels_and_resampled_when_asked(nodes: Any) -> None:
    direction = direction_like((4, 8, 8))
    latent = {"samples": torch.zeros(1, 4, 8, 12)}
    for steer in (noise_of, model_noise):
        with pytest.raises(UsageError, match="for 64 × 64 pixels; expected 96 × 64 pixels"):
            steer(nodes, 1 * direction, latent)
        plain = comfy.RandomNoise(7).generate_noise(latent)
        moved = torch.tensor(direction.resampled((4, 8, 12)).array)
        assert torch.equal(steer(nodes, 1 * direction, latent, resample=True), plain + moved)


def test_pixels_of_flux_2_are_counted_in_sixteens(nodes: Any) -> None:
    with pytest.raises(UsageError, match="for 64 × 64 pixels; expected 32 × 64 pixels"):
        noise_of(nodes, 1 * direction_like((128, 4, 4)), {"samples": torch.zeros(1, 128, 4, 2)})


def test_other_latents_are_refused(nodes: Any) -> None:
    steering = 1 * direction_like((16, 8, 8), family="flux")
    with pytest.raises(UsageError, match=r"of the family flux with 16 channels; expected 4 ch"):
        noise_of(nodes, steering, {"samples": torch.zeros(1, 4, 8, 8)})
    with pytest.raises(UsageError, match="video with 5 frames"):
        noise_of(nodes, steering, {"samples": torch.zeros(1, 16, 5, 8, 8)})
    with pytest.raises(UsageError, match="a latent with 1 dimensions"):
        noise_of(nodes, steering, {"samples": torch.zeros(1, 16, 8)})


def test_one_picture_has_the_noise_that_trimtab_draws(nodes: Any) -> None:
    for shape in ((4, 8, 8), (16, 8, 8), (128, 4, 4)):
        spec = LatentSpec("any", shape, 64, 64)
        latent = {"samples": torch.zeros(2, *shape)}
        found = comfy.RandomNoise(7).generate_noise(latent)
        assert torch.equal(found[:1], comfy.prepare_noise(torch.zeros(1, *shape), 7))
        assert torch.equal(found[:1], noise_of_trimtab(spec, 7))
        assert not torch.equal(found[1:], noise_of_trimtab(spec, 8))


def test_the_list_shows_the_folder_of_models(nodes: Any, models: Path) -> None:
    def listed() -> list[str]:
        entries: list[str] = nodes.LoadDirection.INPUT_TYPES()["required"]["file"][0]
        return entries

    assert (models / "trimtab").is_dir() and listed() == ["none"]
    direction = direction_like((4, 8, 8))
    direction.save(models / "trimtab" / "d.safetensors")
    direction.save_pretrained(models / "trimtab" / "people")
    assert listed() == ["none", "d.safetensors", "people/direction.safetensors"]
    for file in listed()[1:]:
        assert nodes.LoadDirection.VALIDATE_INPUTS(file) is True
        assert load(nodes, file, 2.0) == 2 * direction


def test_a_file_elsewhere_is_found(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    direction = direction_like((4, 8, 8))
    file = direction.save(tmp_path / "d.safetensors")
    direction.save_pretrained(tmp_path / "folder")
    for typed in (f' "{file}" ', "~/d.safetensors", str(tmp_path / "folder")):
        assert nodes.LoadDirection.VALIDATE_INPUTS("none", typed) is True
        assert load(nodes, hub_id_or_path=typed, strength=1.0) == 1 * direction
        assert nodes.LoadDirection.IS_CHANGED("none", typed)


def test_what_cannot_be_read_is_refused_before_models_load(
    nodes: Any, models: Path, tmp_path: Path
) -> None:
    damaged = models / "trimtab" / "damaged.safetensors"
    damaged.write_bytes(b"not a file of ours")
    check = nodes.LoadDirection.VALIDATE_INPUTS
    assert "models/trimtab, a Hub id or a path" in check("none")
    assert "models/trimtab, a Hub id or a path" in check("", "  ")
    assert "gone.safetensors" in check("gone.safetensors")
    assert "damaged.safetensors" in check("damaged.safetensors")
    assert "nothing.safetensors" in check("none", str(tmp_path / "nothing.safetensors"))
    with pytest.raises(FileError, match=r"^Load direction \(trimtab\): got .*gone\.safetensors"):
        load(nodes, "gone.safetensors")


def test_the_hub_is_not_asked_before_the_graph_runs(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def connect(*_: Any) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert nodes.LoadDirection.VALIDATE_INPUTS("none", "name/direction") is True
    assert nodes.LoadDirection.IS_CHANGED("none", "name/direction") == "name/direction"


def test_linked_inputs_are_waited_for(nodes: Any) -> None:
    assert nodes.LoadDirection.VALIDATE_INPUTS(None, "") is True
    assert nodes.LoadDirection.VALIDATE_INPUTS("none", None) is True
    once = nodes.LoadDirection.IS_CHANGED(file="none", strength=1.0, hub_id_or_path=None)
    assert once == nodes.LoadDirection.IS_CHANGED(file="none", strength=2.0, hub_id_or_path=None)
    assert nodes.BatchStrengths.VALIDATE_INPUTS(None) is True


def test_a_replaced_file_is_noticed(nodes: Any, models: Path) -> None:
    file = models / "trimtab" / "d.safetensors"
    seen = []
    for seed in (0, 1, 0):
        direction_like((4, 8, 8), seed).save(file)
        seen.append(nodes.LoadDirection.IS_CHANGED(file=file.name, strength=1.0))
    assert seen[0] == seen[2] != seen[1]
    file.unlink()
    assert isinstance(nodes.LoadDirection.IS_CHANGED(file=file.name), str)


def test_a_direction_tells_what_it_is(nodes: Any, models: Path) -> None:
    arm = {"share": 0.2, "interval": [0.1, 0.3], "unknown": 0.0}
    measured = {
        "prompts": ["a photo of a doctor"],
        "n": 100,
        "seeds": [0],
        "recogniser": "clip",
        "chose_strength": False,
        "strength": 3.5,
        "spillover": [],
        "shifts": [
            {
                "attribute": "gender",
                "group": "woman",
                "plain": arm,
                "steered": arm | {"share": 0.5},
                "difference": {"difference": 0.3, "low": 0.2, "high": 0.4},
            }
        ],
    }
    facts = {
        "name": "gender: woman",
        "model": "org/model",
        "family": "stable-diffusion",
        "step": 5,
        "num_inference_steps": 20,
        "accuracy": 0.9,
        "accuracy_interval": [0.8, 0.95],
        "measured": measured,
        "licence": "cc-by-4.0",
    }
    direction_like((4, 8, 12), **facts).save(models / "trimtab" / "d.safetensors")
    assert told(nodes, "d.safetensors").splitlines() == [
        "direction gender: woman",
        "model: org/model",
        "family: stable-diffusion; 96 × 64 pixels",
        "step: 5 of 20",
        "accuracy: 0.90 [0.80, 0.95]",
        "effect at strength 3.5: woman 20% → 50% of 100 pictures, perceived by clip",
        "licence: cc-by-4.0",
        "steering: 3 gender: woman",
    ]


def test_a_bare_direction_tells_what_is_not_known(nodes: Any, models: Path) -> None:
    direction_like((4, 8, 8)).save(models / "trimtab" / "d.safetensors")
    text = told(nodes, "d.safetensors")
    assert "family: not stated, 4 channels; 64 × 64 pixels" in text
    assert "effect: not measured" in text


def test_a_mitigation_brings_its_own_strengths(nodes: Any, models: Path) -> None:
    steering = 3 * direction_like((4, 8, 8), 0) - 2 * direction_like((4, 8, 8), 1)
    own = Intervention(steering).annotated(
        name="doctor", target={"gender": {"shares": {"woman": 0.5, "man": 0.5}, "source": "us"}}
    )
    own.save(models / "trimtab" / "doctor.safetensors")
    assert load(nodes, "doctor.safetensors", 1.0) == steering
    assert load(nodes, "doctor.safetensors", 0.5, steering=steering) == 1.5 * steering
    assert load(nodes, "doctor.safetensors", strengths=(0.0, 1.0)) == [0, 1] * steering
    text = told(nodes, "doctor.safetensors")
    assert "mitigation doctor" in text and "target of gender: woman 50%, man 50%" in text


def test_what_is_not_noise_is_left_out_only_when_asked(nodes: Any, models: Path) -> None:
    own = Intervention(3 * direction_like((4, 8, 8)), AddedWords("smiling"))
    own.save(models / "trimtab" / "doctor.safetensors")
    said = r"changes the prompt: words “smiling”.*switch on noise_only"
    with pytest.raises(UsageError, match=said):
        load(nodes, "doctor.safetensors", 1.0)
    assert load(nodes, "doctor.safetensors", 1.0, noise_only=True) == own.steering


def test_directions_add_up(nodes: Any, models: Path) -> None:
    pair = [direction_like((4, 8, 8), seed) for seed in (0, 1)]
    for i, one in enumerate(pair):
        one.save(models / "trimtab" / f"{i}.safetensors")
    first = load(nodes, "0.safetensors", 2.0)
    assert load(nodes, "1.safetensors", -1.0, steering=first) == 2 * pair[0] - pair[1]


def test_an_older_comfyui_is_told_what_to_use(nodes: Any) -> None:
    class Old(comfy.Model):
        add_wrapper_with_key = None  # type: ignore[assignment]

        def clone(self) -> ModuleType:
            return ModuleType("model")

    with pytest.raises(TrimtabError, match="update ComfyUI, or use Steer noise"):
        nodes.SteerModel().steer(Old(), 1 * direction_like((4, 8, 8)))


def test_comfyui_finds_what_it_looks_for(nodes: Any) -> None:
    assert set(nodes.NODE_CLASS_MAPPINGS) == set(nodes.NODE_DISPLAY_NAME_MAPPINGS)
    for node in nodes.NODE_CLASS_MAPPINGS.values():
        asked = node.INPUT_TYPES()
        assert set(asked) <= {"required", "optional", "hidden"}
        assert callable(getattr(node, node.FUNCTION))
        assert node.CATEGORY and node.DESCRIPTION
        assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES)
        shown = {**asked["required"], **asked.get("optional", {})}
        assert all(options["tooltip"] for _, options in shown.values())
        json.dumps(shown)  # as /object_info sends it


def test_the_folder_can_be_found_and_installed() -> None:
    config = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    needed = (FOLDER / "requirements.txt").read_text(encoding="utf-8").split()
    assert config["project"]["version"] == trimtab.__version__
    assert config["project"]["dependencies"] == needed
    assert config["tool"]["comfy"].keys() >= {"PublisherId", "DisplayName", "requires-comfyui"}


ALONE = """
import importlib.util, json, os, sys
from pathlib import Path
folder, tests, models = sys.argv[1:]
# Leave out the trimtab that the tests run with, wherever it is installed.
sys.path = [one for one in sys.path if not os.path.isdir(os.path.join(one, "trimtab"))]
sys.path.append(tests)
import comfyui_types as comfy
sys.modules["folder_paths"] = comfy.folder_paths(Path(models))
spec = importlib.util.spec_from_file_location("nodes_of_trimtab", folder + "/__init__.py")
module = importlib.util.module_from_spec(spec)
sys.modules["nodes_of_trimtab"] = module
spec.loader.exec_module(module)
import torch
import trimtab
nodes = module.NODE_CLASS_MAPPINGS
steering, _ = nodes["TrimtabLoadDirection"]().load("m.safetensors", 1.0)["result"]
(model,) = nodes["TrimtabSteerModel"]().steer(comfy.Model("SD15"), steering)
latent = {"samples": torch.zeros(1, 4, 8, 8)}
moved = comfy.ksampler(model, 7, latent) - comfy.prepare_noise(latent["samples"], 7)
heavy = {"diffusers", "transformers", "sklearn", "scipy", "pyarrow", "PIL"} & set(sys.modules)
found = {"trimtab": trimtab.__file__, "moved": float(moved.norm()), "heavy": sorted(heavy)}
print(json.dumps(found))
"""


@pytest.mark.parametrize("way", ["written", "linked"])
def test_the_folder_works_without_an_installed_trimtab(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "custom_nodes" / "comfyui-trimtab"
    if way == "written":
        writer = FOLDER.parent / "write_comfyui.py"
        subprocess.run([sys.executable, writer, folder], check=True, capture_output=True)
        subprocess.run([sys.executable, writer, folder], check=True, capture_output=True)  # again
        assert (folder / "LICENSE").is_file() and (folder / "example_workflows").is_dir()
        source = folder / "vendor"
    else:
        folder.parent.mkdir()
        folder.symlink_to(FOLDER)
        source = FOLDER.parents[1] / "src"
    models = tmp_path / "models"
    (models / "trimtab").mkdir(parents=True)
    Intervention(3 * direction_like((4, 8, 8), family="stable-diffusion")).save(
        models / "trimtab" / "m.safetensors"
    )
    command = [sys.executable, "-I", "-c", ALONE, folder, Path(__file__).parent, models]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["trimtab"] == str(source / "trimtab" / "__init__.py")
    assert found["moved"] == pytest.approx(3, rel=1e-3)
    assert found["heavy"] == []


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    writer = FOLDER.parent / "write_comfyui.py"
    done = subprocess.run([sys.executable, writer, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "name another folder" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("file", sorted((FOLDER / "example_workflows").glob("*.json")))
def test_an_example_fits_the_nodes(nodes: Any, file: Path) -> None:
    workflow = json.loads(file.read_text(encoding="utf-8"))
    boxes = {box["id"]: box for box in workflow["nodes"]}
    for link, source, slot, target, place, kind in workflow["links"]:
        assert link in boxes[source]["outputs"][slot]["links"]
        assert boxes[target]["inputs"][place]["link"] == link
        assert boxes[source]["outputs"][slot]["type"] == kind
    ours = [box for box in boxes.values() if box["type"].startswith("Trimtab")]
    assert len(ours) >= 2
    for box in ours:
        node = nodes.NODE_CLASS_MAPPINGS[box["type"]]
        asked = node.INPUT_TYPES()
        inputs = {**asked["required"], **asked.get("optional", {})}
        fields = [one for one, (kind, _) in inputs.items() if kind in FIELDS or type(kind) is list]
        assert len(box["widgets_values"]) == len(fields)
        assert {one["name"] for one in box["inputs"]} <= set(inputs)
        assert tuple(one["type"] for one in box["outputs"]) == node.RETURN_TYPES
