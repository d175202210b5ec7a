"""Stage 7: assemble the trained parts into a diffusers folder, in half precision.

python -m recipes.townsfolk.assemble --to src/trimtab/townsfolk
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
        text_encoder=CLIPTextModel.from_pretrained(WORK / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(WORK / "tokenizer"),
        unet=UNet2DConditionModel.from_pretrained(denoiser),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def training(denoiser: Path) -> dict[str, Any]:
    """Return the options, inputs and number of steps each part was trained with."""
    stages = {}
    for file in (
        autoencoder.CHECKPOINT,
        clip.CHECKPOINT,
        unet.CHECKPOINT,
        oracle.CHECKPOINT,
        detector.CHECKPOINT,
    ):
        if file == unet.CHECKPOINT and denoiser != WORK / "unet":  # kept from an earlier model
            earlier = json.loads((denoiser.parent / "training.json").read_text())
            stages[file.stem] = earlier[file.stem]
            continue
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        stages[file.stem] = state["facts"] | {"steps_done": state["step"]}
    return stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("src/trimtab/townsfolk"))
    parser.add_argument("--guidance", type=float, help="default guidance scale of the model")
    parser.add_argument(
        "--denoiser",
        type=Path,
        default=WORK / "unet",
        help="folder of the denoiser, e.g. of an assembled model whose denoiser stays",
    )
    args = parser.parse_args()
    # Assemble elsewhere first, so that a missing part leaves the existing weights untouched.
    made = WORK / "assembled"
    shutil.rmtree(made, ignore_errors=True)
    pipeline(args.denoiser).to(torch.float16).save_pretrained(made, safe_serialization=True)
    for config in made.glob("*/config.json"):  # drop local paths
        facts = json.loads(config.read_text())
        facts.pop("_name_or_path", None)
        config.write_text(json.dumps(facts, indent=2) + "\n")
    # Under these names, every version of transformers finds the weights.
    encoder = made / "text_encoder" / "model.safetensors"
    weights = load_file(encoder)
    named = {f"text_model.{name.removeprefix('text_model.')}": w for name, w in weights.items()}
    save_file(named, encoder, metadata={"format": "pt"})
    recogniser = made / "recogniser"
    # The recogniser's text tower is the model's text encoder.
    CLIPModel.from_pretrained(WORK / "clip").half().save_pretrained(recogniser)
    CLIPTokenizer.from_pretrained(WORK / "tokenizer").save_pretrained(recogniser)
    (recogniser / "preprocessor_config.json").write_text(
        json.dumps(IMAGE_PROCESSOR, indent=2) + "\n"
    )
    shutil.copy(WORK / FILE, recogniser / FILE)
    defaults = DEFAULTS | ({} if args.guidance is None else {"guidance_scale": args.guidance})
    (made / "trimtab.json").write_text(json.dumps(defaults, indent=2) + "\n")
    (made / "training.json").write_text(json.dumps(training(args.denoiser), indent=2) + "\n")
    load_file(WORK / "oracle.safetensors")  # fails if the file is damaged
    shutil.copy(WORK / "oracle.safetensors", args.to / "oracle.safetensors")
    shutil.rmtree(args.to / "model", ignore_errors=True)
    shutil.copytree(made, args.to / "model")
    size = sum(f.stat().st_size for f in args.to.rglob("*") if f.is_file()) / 1e6
    print(f"{args.to}: {size:.1f} MB; next, measure the model and write its model card")


if __name__ == "__main__":
    main()
