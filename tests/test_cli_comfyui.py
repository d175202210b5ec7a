"""`trimtab inspect` on pictures made by ComfyUI, which writes its graph into each PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from commands import done, trimtab

Graph = dict[str, dict[str, Any]]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def graph() -> Graph:
    """Return what KSampler with a steered model leaves in a picture."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors"),
        "2": node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="old.safetensors"),
        "3": node("CLIPTextEncode", clip=["2", 1], text="a photo of a doctor"),
        "4": node("CLIPTextEncode", clip=["2", 1], text=""),
        "5": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "6": node(
            "TrimtabLoadDirection", file="woman.safetensors", strength=2.55, hub_id_or_path=""
        ),
        "7": node(
            "TrimtabLoadDirection",
            file="none",
            strength=-1,
            hub_id_or_path="name/dark",
            steering=["6", 0],
        ),
        "8": node("TrimtabSteerModel", model=["2", 0], steering=["7", 0], resample=False),
        "9": node(
            "KSampler",
            model=["8", 0],
            positive=["3", 0],
            negative=["4", 0],
            latent_image=["5", 0],
            seed=5,
            steps=20,
            cfg=7.5,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "10": node("VAEDecode", samples=["9", 0], vae=["1", 2]),
        "11": node("SaveImage", images=["10", 0], filename_prefix="ComfyUI"),
    }


def with_noise_node() -> Graph:
    """Return what SamplerCustomAdvanced with a steered noise leaves in a picture."""
    return {
        "1": node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default"),
        "2": node("CLIPTextEncode", text="a photo of a doctor"),
        "3": node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
        "4": node("BasicGuider", model=["1", 0], conditioning=["3", 0]),
        "5": node("RandomNoise", noise_seed=["6", 0]),
        "6": node("PrimitiveInt", value=41),
        "7": node("TrimtabBatchStrengths", text="0, 1.5, 3"),
        "8": node(
            "TrimtabLoadDirection", file="woman.safetensors", strength=3.0, strengths=["7", 0]
        ),
        "9": node("TrimtabSteerNoise", noise=["5", 0], steering=["8", 0]),
        "10": node("KSamplerSelect", sampler_name="euler"),
        "11": node("BasicScheduler", model=["1", 0], scheduler="simple", steps=4, denoise=1.0),
        "12": node(
            "SamplerCustomAdvanced",
            noise=["9", 0],
            guider=["4", 0],
            sampler=["10", 0],
            sigmas=["11", 0],
        ),
    }


def picture(folder: Path, **chunks: Any) -> Path:
    info = PngInfo()
    for name, text in chunks.items():
        info.add_text(name, text if isinstance(text, str) else json.dumps(text))
    file = folder / "ComfyUI_00001_.png"
    Image.new("RGB", (64, 64)).save(file, pnginfo=info)
    return file


def test_it_says_how_a_picture_was_steered(tmp_path: Path) -> None:
    file = picture(tmp_path, prompt=graph(), workflow={"nodes": []})
    facts = done("inspect", file, "--json").json
    assert facts["made_by"] == "ComfyUI"
    assert facts["samplers"] == {
        "KSampler 9": {
            "checkpoint": "sd15.safetensors",
            "loras": ["old.safetensors"],
            "prompt": "a photo of a doctor",
            "seed": 5,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "steering": [
                {"file": "name/dark", "strength": -1},
                {"file": "woman.safetensors", "strength": 2.55},
            ],
        }
    }
    text = done("inspect", file).out
    assert "-1 × name/dark + 2.55 × woman.safetensors" in text
    assert "sd15.safetensors" in text


def test_it_follows_noise_and_guider(tmp_path: Path) -> None:
    file = picture(tmp_path, prompt=with_noise_node())
    (facts,) = done("inspect", file, "--json").json["samplers"].values()
    assert facts["checkpoint"] == "flux.safetensors"
    assert facts["prompt"] == "a photo of a doctor"
    assert (facts["seed"], facts["steps"], facts["sampler_name"]) == (41, 4, "euler")
    assert facts["steering"] == [{"file": "woman.safetensors", "strengths": "0, 1.5, 3"}]
    assert "[0, 1.5, 3] × woman.safetensors" in done("inspect", file).out


def test_it_says_that_nothing_of_trimtab_was_there(tmp_path: Path) -> None:
    plain = {name: one for name, one in graph().items() if "Trimtab" not in one["class_type"]}
    plain["9"]["inputs"]["model"] = ["2", 0]
    file = picture(tmp_path, prompt=plain)
    assert done("inspect", file, "--json").json["samplers"]["KSampler 9"]["steering"] == []
    assert "none of trimtab" in done("inspect", file).out


def test_a_damaged_graph_is_no_record(tmp_path: Path) -> None:
    for chunks in ({"prompt": "{"}, {"prompt": "[]"}, {"prompt": {"1": "x"}}, {"workflow": {}}):
        result = trimtab("inspect", picture(tmp_path, **chunks))
        assert result.code == 1 and "without a record" in result.err
    circular = graph()
    circular["2"]["inputs"]["model"] = ["8", 0]
    circular["6"]["inputs"]["steering"] = ["7", 0]
    done("inspect", picture(tmp_path, prompt=circular))
