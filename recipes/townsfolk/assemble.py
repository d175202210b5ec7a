"""Stage 7: assemble the trained parts into a diffusers folder, in half precision.

    python -m recipes.townsfolk.assemble
    python -m recipes.townsfolk.assemble --others src/trimtab/townsfolk/models/townsfolk

With `--others`, only the denoiser is new.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderTiny,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from recipes.townsfolk import autoencoder, clip, detector, oracle, unet
from recipes.townsfolk.common import WORK
from trimtab.townsfolk.detector import FILE

DEFAULTS = {
    "name": "townsfolk",
    "note": "This model draws a cartoon world, made with known shares for each job. "
    "Its figures show how the method works there; they say nothing about other models.",
    "num_inference_steps": 20,
    "guidance_scale": 1.0,
}
IMAGE_PROCESSOR = {  # what the CLIP was trained on: [-1, 1], 128 x 128
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"height": 128, "width": 128},
    "resample": 3,
    "do_center_crop": False,
    "crop_size": {"height": 128, "width": 128},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "do_convert_rgb": True,
}


def scheduler() -> DPMSolverMultistepScheduler:
    """Return DPM-Solver++ 2M with the noise schedule that the denoiser was trained on."""
    return DPMSolverMultistepScheduler(**unet.NOISE, timestep_spacing="trailing", steps_offset=1)


def pipeline(denoiser: Path) -> StableDiffusionPipeline:
    """Build the pipeline from a denoiser and the other parts in the work folder, in float32."""
    return StableDiffusionPipeline(
        vae=AutoencoderTiny.from_pretrained(WORK / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(WORK / "text_encoder", dtype=torch.float32),
        tokenizer=CLIPTokenizer.from_pretrained(WORK / "tokenizer"),
        unet=UNet2DConditionModel.from_pretrained(denoiser),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def steps_of(file: Path) -> dict[str, Any]:
    """Return the options, inputs and number of steps that a part was trained with."""
    state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    return {file.stem: state["facts"] | {"steps_done": state["step"]}}


def trained(made: Path, guidance: float) -> None:
    """Assemble all parts from the work folder."""
    pipeline(WORK / "unet").to(torch.float16).save_pretrained(made, safe_serialization=True)
    # Under these names, every version of transformers finds the weights.
    encoder = made / "text_encoder" / "model.safetensors"
    weights = load_file(encoder)
    named = {f"text_model.{name.removeprefix('text_model.')}": w for name, w in weights.items()}
    save_file(named, encoder, metadata={"format": "pt"})
    recogniser = made / "recogniser"
    # The recogniser's text tower is the model's text encoder.
    CLIPModel.from_pretrained(WORK / "clip").half().save_pretrained(recogniser)
    CLIPTokenizer.from_pretrained(WORK / "tokenizer").save_pretrained(recogniser)
    write(recogniser / "preprocessor_config.json", IMAGE_PROCESSOR)
    shutil.copy(WORK / FILE, recogniser / FILE)
    parts = (autoencoder, clip, unet, oracle, detector)
    facts = [steps_of(part.CHECKPOINT).items() for part in parts]
    write(made / "training.json", dict(item for some in facts for item in some))
    write(made / "trimtab.json", DEFAULTS | {"guidance_scale": guidance})


def exchanged(made: Path, others: Path) -> None:
    """Assemble the denoiser from the work folder, and all other parts from an assembled model."""
    ignored = shutil.ignore_patterns("README.md", "measures.json", "unet")
    shutil.copytree(others, made, ignore=ignored)
    UNet2DConditionModel.from_pretrained(WORK / "unet").half().save_pretrained(made / "unet")
    facts = json.loads((others / "training.json").read_text())
    write(made / "training.json", facts | steps_of(unet.CHECKPOINT))


def write(file: Path, facts: dict[str, Any]) -> None:
    file.write_text(json.dumps(facts, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("src/trimtab/townsfolk"))
    parser.add_argument("--name", default="townsfolk", help="name of the model")
    parser.add_argument("--guidance", type=float, default=1.0, help="default guidance scale")
    parser.add_argument(
        "--others", type=Path, help="assembled model to take all parts from except the denoiser"
    )
    args = parser.parse_args()
    # Assemble elsewhere first, so that a missing part leaves the existing weights untouched.
    made = WORK / "assembled"
    shutil.rmtree(made, ignore_errors=True)
    if args.others is None:
        trained(made, args.guidance)
        load_file(WORK / "oracle.safetensors")  # fails if the file is damaged
        shutil.copy(WORK / "oracle.safetensors", args.to / "oracle.safetensors")
    else:
        exchanged(made, args.others)
    for config in made.glob("*/config.json"):  # drop local paths
        facts = json.loads(config.read_text())
        facts.pop("_name_or_path", None)
        write(config, facts)
    defaults = json.loads((made / "trimtab.json").read_text())
    write(made / "trimtab.json", defaults | {"name": args.name})
    target = args.to / "models" / args.name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(made, target)
    size = sum(f.stat().st_size for f in args.to.rglob("*.safetensors")) / 1e6
    print(f"{target}; all models: {size:.1f} MB; next, measure it and write its model card")


if __name__ == "__main__":
    main()
