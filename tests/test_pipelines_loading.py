"""Loading models from folders, and what records say about them."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from commands import in_a_process
from hub_server import COMMIT, hub
from tiny import tiny_pipeline, tiny_scheduler, tiny_xl_pipeline
from trimtab.errors import FileError, ModelError, UsageError
from trimtab.pipelines import (
    RunSettings,
    latent_dtype,
    load_model,
    loader,
    model_defaults,
    model_facts,
    model_name,
    model_note,
    model_path,
)
from trimtab.pipelines.memory import (
    left_to_container,
    require_memory,
    size_of,
    weight_files,
)


@pytest.fixture
def folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """A model in a folder, as diffusers saves it."""
    path = tmp_path / "little-model"
    tiny_pipeline().save_pretrained(path)
    capfd.readouterr()
    return path


def test_a_folder_is_loaded_without_a_word(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pipe = load_model(folder, device="cpu")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert latent_dtype(pipe) == torch.float32
    assert (model_name(pipe), model_path(pipe)) == ("little-model", str(folder))
    assert pipe("a photo", num_inference_steps=1, output_type="np").images.shape == (1, 64, 64, 3)


def test_a_folder_named_in_short_is_remembered_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    pipe = load_model(folder.name, device="cpu")
    assert (model_name(pipe), model_path(pipe)) == ("little-model", str(folder))


def test_the_type_of_the_weights_can_be_chosen(folder: Path) -> None:
    assert latent_dtype(load_model(folder, device="cpu", dtype="bfloat16")) == torch.bfloat16


def test_unknown_types_and_devices_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="dtype 'float99'"):
        load_model(folder, device="cpu", dtype="float99")
    with pytest.raises(UsageError, match="device 'toaster'"):
        load_model(folder, device="toaster")


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    for name in (tmp_path / "nothing" / "here", "./nothing", "nothing/"):
        with pytest.raises(ModelError, match="which does not exist"):
            load_model(name)


def test_damaged_weights_are_refused(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(ModelError, match="little-model"):
        load_model(folder, device="cpu")


def test_the_folder_s_own_defaults_come_first(folder: Path) -> None:
    defaults = {
        "num_inference_steps": 7,
        "guidance_scale": 2.5,
        "name": "a name",
        "note": "Only squares.",
    }
    (folder / "trimtab.json").write_text(json.dumps(defaults))
    pipe = load_model(folder, device="cpu")
    assert model_defaults(pipe) == {"num_inference_steps": 7, "guidance_scale": 2.5}
    assert model_note(pipe) == "Only squares."
    assert RunSettings().resolve(pipe) == RunSettings(7, 2.5, None, 64, 64)
    assert RunSettings(num_inference_steps=3).resolve(pipe).num_inference_steps == 3


@pytest.mark.parametrize(
    "text", ["{", "[1]", '"x"', '{"guidance_scale": "much"}', '{"guidance": 1}']
)
def test_broken_defaults_are_refused(folder: Path, text: str) -> None:
    (folder / "trimtab.json").write_text(text)
    with pytest.raises(FileError, match=r"trimtab\.json"):
        RunSettings().resolve(load_model(folder, device="cpu"))


def test_a_pipeline_built_in_memory_has_a_name_and_no_path(pipe: Any) -> None:
    assert (model_name(pipe), model_path(pipe)) == ("StableDiffusionPipeline", None)


def test_facts_notice_other_weights_and_schedulers(pipe: Any) -> None:
    before = model_facts(pipe)
    assert model_facts(tiny_pipeline()) == before
    assert model_facts(tiny_pipeline(seed=1))["weights"] != before["weights"]
    pipe.scheduler = tiny_scheduler("Euler")
    assert model_facts(pipe)["scheduler"] == "EulerDiscreteScheduler"
    assert json.loads(json.dumps(before)) == before


def test_a_revision_of_a_folder_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"revision 'v1' of the folder"):
        load_model(folder, device="cpu", revision="v1")


# A single file


def original_names(pipe: Any) -> dict[str, torch.Tensor]:
    """Name the weights of `tiny_pipeline` as Stable Diffusion's own code did, in one checkpoint."""
    parts = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "down_blocks.0.resnets.0": "input_blocks.1.0",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
        "down_blocks.1.resnets.0": "input_blocks.3.0",
        "down_blocks.1.attentions.0": "input_blocks.3.1",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "up_blocks.0.resnets.0": "output_blocks.0.0",
        "up_blocks.0.attentions.0": "output_blocks.0.1",
        "up_blocks.0.resnets.1": "output_blocks.1.0",
        "up_blocks.0.attentions.1": "output_blocks.1.1",
        "up_blocks.0.upsamplers.0": "output_blocks.1.2",
        "up_blocks.1.resnets.0": "output_blocks.2.0",
        "up_blocks.1.resnets.1": "output_blocks.3.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    of_resnet = {
        ".norm1.": ".in_layers.0.",
        ".conv1.": ".in_layers.2.",
        ".time_emb_proj.": ".emb_layers.1.",
        ".norm2.": ".out_layers.0.",
        ".conv2.": ".out_layers.3.",
        ".conv_shortcut.": ".skip_connection.",
    }
    found = {}
    for name, weight in pipe.unet.state_dict().items():
        part = next(one for one in parts if name.startswith(f"{one}."))
        new = parts[part] + name.removeprefix(part)
        for ours, theirs in of_resnet.items() if ".resnets." in name else ():
            new = new.replace(ours, theirs)
        found[f"model.diffusion_model.{new}"] = weight.contiguous()
    for name, weight in pipe.text_encoder.state_dict().items():
        found[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = (
            weight
        )
    return found


def test_a_single_file_is_loaded_beside_the_folder_of_its_pipeline(
    folder: Path, tmp_path: Path
) -> None:
    other = tiny_pipeline(seed=1)
    file = tmp_path / "finetuned.safetensors"
    save_file(original_names(other), file)
    pipe = load_model(file, device="cpu", config=folder)
    assert (model_name(pipe), model_path(pipe)) == ("finetuned", str(file))
    for part in ("unet", "text_encoder"):
        weights = getattr(other, part).state_dict()
        for name, weight in getattr(pipe, part).state_dict().items():
            assert torch.equal(weight, weights[name])
    assert pipe("a photo", num_inference_steps=1, output_type="np").images.shape == (1, 64, 64, 3)


def test_what_does_not_go_with_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "old.ckpt"
    pickled.write_bytes(b"x")
    with pytest.raises(UsageError, match="pickled weights can run code"):
        load_model(pickled, device="cpu")
    file = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(1)}, file)
    with pytest.raises(UsageError, match="revision or variant"):
        load_model(file, device="cpu", revision="v1")
    with pytest.raises(UsageError, match="config"):
        load_model(folder, device="cpu", config=folder)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(file, device="cpu", config=folder)
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": "SanaPipeline"}))
    with pytest.raises(ModelError, match=r"family sana.*cannot load single files of this family"):
        load_model(file, device="cpu", config=folder)


# A model that is not whole


def thin_out(file: Path, change: str) -> None:
    """Take half of the weights out of a file, or give them other names."""
    weights = load_file(file)
    if change == "half":
        weights = dict(list(weights.items())[::2])
    else:
        weights = {f"other.{name}": weight for name, weight in weights.items()}
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize("change", ["half", "renamed"])
@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2", "unet", "vae"])
@pytest.mark.parametrize("accelerate", [True, False])
def test_a_part_without_all_of_its_weights_is_refused(
    tmp_path: Path, part: str, change: str, accelerate: bool
) -> None:
    if accelerate:
        pytest.importorskip("accelerate")
    (tiny_xl_pipeline() if part == "text_encoder_2" else tiny_pipeline()).save_pretrained(tmp_path)
    (file,) = (tmp_path / part).glob("*.safetensors")
    thin_out(file, change)
    with without_accelerate(not accelerate), pytest.raises(ModelError) as refused:
        load_model(tmp_path, device="cpu")
    assert f"got {part} without '" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("prefix", ["model.diffusion_model", "cond_stage_model"])
def test_a_single_file_without_all_weights_is_refused(
    folder: Path, tmp_path: Path, prefix: str, accelerate: bool
) -> None:
    if accelerate:
        pytest.importorskip("accelerate")
    file = tmp_path / "part.safetensors"
    weights = original_names(tiny_pipeline())
    needed = "time_embed.0.weight", "time_embed.0.bias"  # by which diffusers knows the layout
    of_part = [one for one in weights if one.startswith(prefix) and not one.endswith(needed)]
    save_file({k: v for k, v in weights.items() if k not in of_part[5::2]}, file)
    with without_accelerate(not accelerate), pytest.raises(ModelError) as refused:
        load_model(file, device="cpu", config=folder)
    assert "without" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("accelerate", [True, False])
def test_a_shard_without_all_weights_is_refused(tmp_path: Path, accelerate: bool) -> None:
    if accelerate:
        pytest.importorskip("accelerate")
    tiny_pipeline().save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted((tmp_path / "unet").glob("*-of-*.safetensors"))
    with without_accelerate(not accelerate):
        load_model(tmp_path, device="cpu")
        thin_out(shards[1], "half")
        with pytest.raises(ModelError, match="got unet without '"):
            load_model(tmp_path, device="cpu")


def test_a_part_beside_a_single_file_must_be_whole(folder: Path, tmp_path: Path) -> None:
    save_file(original_names(tiny_pipeline()), tmp_path / "model.safetensors")
    (file,) = (folder / "vae").glob("*.safetensors")
    thin_out(file, "half")
    with without_accelerate(True), pytest.raises(ModelError, match="got AutoencoderTiny without"):
        load_model(tmp_path / "model.safetensors", device="cpu", config=folder)


def test_scaled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    scales = {"conv_in.scale_weight": torch.ones(1), "scaled_fp8": torch.zeros(2)}
    (file,) = (folder / "unet").glob("*.safetensors")
    save_file(load_file(file) | scales, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="got unet with scaled weights"):
        load_model(folder, device="cpu")
    single = tmp_path / "model.safetensors"
    save_file(original_names(tiny_pipeline()) | scales, single)
    with pytest.raises(ModelError, match=r"got model\.safetensors with scaled weights"):
        load_model(single, device="cpu", config=folder)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("unet/config.json", None, "unet with no config.json"),
        ("text_encoder/config.json", None, "text_encoder with no config.json"),
        ("unet/config.json", "[1]", "unet with an unreadable config.json"),
        ("text_encoder/config.json", "no", "text_encoder with an unreadable config.json"),
        ("unet/config.json", '{"sample_size": 8}', "unet, which .* do not have the shapes"),
        ("text_encoder/config.json", '{"hidden_size": 8}', "text_encoder, which .* the shapes"),
        ("unet/diffusion_pytorch_model.safetensors", None, "unet, which cannot be loaded"),
        ("vae", None, "without the folder of its vae"),
        ("tokenizer", None, "tokenizer without a vocabulary"),
        ("scheduler", None, "no file named scheduler_config.json"),
        ("model_index.json", None, "no file named model_index.json"),
        ("model_index.json", "[]", "model_index.json that names no pipeline class"),
        ("model_index.json", "{}", "model_index.json that names no pipeline class"),
    ],
)
def test_a_part_that_is_missing_or_broken_is_told_by_its_name_alone(
    folder: Path, caplog: pytest.LogCaptureFixture, file: str, text: str | None, said: str
) -> None:
    place = folder / file
    if text is not None:
        place.write_text(text, encoding="utf-8")
    elif place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    with pytest.raises(ModelError, match=said) as told:
        load_model(folder, device="cpu")
    assert "again" in told.value.do
    assert "connection" not in str(told.value)
    assert not caplog.records


@pytest.mark.parametrize("fails", [True, False])
def test_what_libraries_say_is_shown_unless_loading_fails(folder: Path, fails: bool) -> None:
    file = folder / "unet" / "config.json"
    config = json.loads(file.read_text(encoding="utf-8")) | {"invented": 1}
    file.write_text(json.dumps(config), encoding="utf-8")
    if fails:
        thin_out(folder / "unet" / "diffusion_pytorch_model.safetensors", "half")
    code = f"""
import trimtab as tt
try:
    tt.load_model({str(folder)!r}, device="cpu")
except tt.TrimtabError:
    pass
"""
    said = in_a_process(code).stderr
    assert ("invented" in said) is not fails
    assert not fails or not said


def test_a_tokenizer_without_a_vocabulary_is_refused(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"got tokenizer without a vocabulary \(2 tokens\)"):
        load_model(folder, device="cpu")


@contextlib.contextmanager
def without_accelerate(hidden: bool) -> Iterator[None]:
    """Make diffusers, transformers and trimtab believe that accelerate is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        if hidden:
            for module in [name for name in sys.modules if name.partition(".")[0] == "diffusers"]:
                if hasattr(sys.modules[module], "is_accelerate_available"):
                    patch.setattr(sys.modules[module], "is_accelerate_available", lambda: False)
            patch.setattr(loader, "find_spec", lambda name: None)
        yield


# Memory, offloading, families


def huge(file: Path, numbers: int) -> None:
    """Claim this many numbers in a sparse file, which takes no space on the disk."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4]}})
    file.write_bytes(struct.pack("<Q", len(header)) + header.encode() + b"\0" * 4)


def test_memory_is_said_before_it_runs_out(folder: Path) -> None:
    huge(folder / "unet" / "diffusion_pytorch_model.safetensors", 10**15)
    with pytest.raises(ModelError, match=r",000,000\.0 GB in float32.* free on cpu"):
        load_model(folder, device="cpu")
    with pytest.raises(ModelError, match=r",000,000\.0 GB in float16"):
        load_model(folder, device="cpu", dtype="float16")


def test_only_parts_of_the_pipeline_count(folder: Path) -> None:
    (folder / "other").mkdir()
    huge(folder / "other" / "model.safetensors", 10**15)
    load_model(folder, device="cpu")


def test_offloading_leaves_weights_in_main_memory(tmp_path: Path) -> None:
    parts = {}
    for name in ("unet", "vae"):
        parts[name] = [tmp_path / f"{name}.safetensors"]
        save_file({"w": torch.zeros(1000)}, parts[name][0])
    nowhere = torch.device("meta")  # a device of which free_memory knows nothing
    for offload in (None, "model"):
        with pytest.raises(UsageError, match="meta"):
            require_memory(parts, torch.float32, nowhere, offload=offload, lean=True)
    require_memory(parts, torch.float32, nowhere, offload="sequential", lean=True)


def test_the_files_that_count_are_those_of_the_variant(tmp_path: Path) -> None:
    part, other = tmp_path / "unet", tmp_path / "vae"
    part.mkdir()
    other.mkdir()
    index = {"_class_name": "X", "unet": ["diffusers", "Y"], "vae": ["diffusers", "Z"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    for name in ("model", "model.bf16"):
        save_file({"w": torch.zeros(1)}, other / f"{name}.safetensors")
    names = ("model-00001-of-00002", "model-00002-of-00002", "model.fp16")
    for number, name in enumerate(names, 1):
        save_file({"w": torch.zeros(number)}, part / f"{name}.safetensors")
    for variant, numbers in ((None, [1, 2]), ("fp16", [3]), ("bf16", [1, 2])):
        files = weight_files(tmp_path, variant)["unet"]
        assert [size_of(file, torch.float16) for file in files] == [2 * n for n in numbers]
    with pytest.raises(ModelError, match="variant 'fp32' of a model that has no weights of it"):
        weight_files(tmp_path, "fp32")


def test_a_folder_of_another_variant_is_refused_by_its_name(tmp_path: Path) -> None:
    tiny_pipeline().save_pretrained(tmp_path, variant="fp16")
    for variant in (None, "bf16"):
        with pytest.raises(ModelError, match=r"only of the variant fp16.*--variant fp16"):
            load_model(tmp_path, device="cpu", variant=variant)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_packed_weights_count_as_they_are_stored(tmp_path: Path, dtype: torch.dtype) -> None:
    file = tmp_path / "packed.safetensors"
    weights = {"w": torch.zeros(10, dtype=torch.uint8), "scale": torch.zeros(3)}
    save_file(weights | {"f8": torch.zeros(5, dtype=torch.float8_e4m3fn)}, file)
    assert size_of(file, dtype) == 10 + (3 + 5) * dtype.itemsize


def test_a_container_s_limit_counts(tmp_path: Path) -> None:
    assert left_to_container(tmp_path) == math.inf
    for name, text in (("max", "1000"), ("current", "700"), ("stat", "file 90\ninactive_file 50")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert left_to_container(tmp_path) == 350
    (tmp_path / "memory.max").write_text("max\n")
    assert left_to_container(tmp_path) == math.inf


def test_shards_beside_a_whole_file_count_once(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text('{"unet": ["diffusers", "Y"]}')
    for name in ("model", "model-00001-of-00002", "model-00002-of-00002"):
        save_file({"w": torch.zeros(2)}, tmp_path / "unet" / f"{name}.safetensors")
    assert [file.name for file in weight_files(tmp_path, None)["unet"]] == ["model.safetensors"]


def test_a_model_is_loaded_by_its_name_on_the_hub(folder: Path, tmp_path: Path) -> None:
    pipe = tiny_pipeline()
    code = (
        "import json; from trimtab.pipelines import load_model, model_facts, model_path\n"
        "pipe = load_model('org/little-model', device='cpu')\n"
        "print(json.dumps(model_facts(pipe) | {'path': model_path(pipe)}))"
    )
    with hub("") as (address, repositories):
        files = (file for file in folder.rglob("*") if file.is_file())
        repositories["org/little-model"] = {
            str(file.relative_to(folder)): file.read_bytes() for file in files
        }
        home = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        online = in_a_process(code, **home)
        missing = in_a_process(code.replace("little", "large"), **home)
    offline = in_a_process(code, HF_HUB_OFFLINE="1", **home)
    assert online.stderr == ""
    for done in (online, offline):
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert facts["weights"] == model_facts(pipe)["weights"]
        assert (facts["model"], facts["path"]) == ("org/little-model", "org/little-model")
        assert facts["revision"] == COMMIT
    assert "the repository does not exist, or is private" in missing.stderr


def test_a_variant_is_loaded_and_recorded(tmp_path: Path) -> None:
    one, other = tiny_pipeline(), tiny_pipeline(seed=1)
    one.save_pretrained(tmp_path / "model")
    other.save_pretrained(tmp_path / "model", variant="fp16")
    for pipe, variant in ((one, None), (other, "fp16")):
        found = model_facts(load_model(tmp_path / "model", device="cpu", variant=variant))
        assert (found["variant"], found["weights"]) == (variant, model_facts(pipe)["weights"])


def test_pickled_weights_in_a_folder_are_refused(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match="pickled weights can run code"):
        load_model(folder, device="cpu")


def test_offloading_needs_an_accelerator(folder: Path) -> None:
    with pytest.raises(UsageError, match="everything is already in main memory"):
        load_model(folder, device="cpu", offload="model")
    with pytest.raises(UsageError, match="one of model, sequential"):
        load_model(folder, device="cpu", offload="disk")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("StableDiffusionUpscalePipeline", "register_family"),
        ("TheirOwn", "is never run"),
        ("utils", "is never run"),
    ],
)
def test_a_family_is_looked_up_before_weights_are_read(folder: Path, name: str, said: str) -> None:
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": name}))
    for file in folder.glob("*/*.safetensors"):
        file.unlink()
    with pytest.raises(ModelError, match=said):
        load_model(folder, device="cpu")
