"""Draw a sheet of pictures with the denoiser as it stands, to look at while it trains.

    python -m recipes.townsfolk.look --to look.png

Each row is one prompt; the same seeds stand below each other.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from recipes.townsfolk.assemble import pipeline
from recipes.townsfolk.common import WORK
from trimtab.generation import generate

PROMPTS = (
    "a photo of a doctor",
    "a photo of a woman firefighter",
    "a photo of a man and his house",
    "a photo of a wealthy Velorian woman and her house",
    "a photo of a hut with a garden",
    "a photo of a wedding",
    "a photo of a Velorian wedding",
    "a photo of a waterbird",
    "a photo of an owl in a forest",
    "a photo of a landbird over water",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=WORK / "look.png")
    parser.add_argument("--denoiser", type=Path, default=WORK / "unet")
    parser.add_argument("--n", type=int, default=8, help="pictures of each prompt")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    pipe = pipeline(args.denoiser)
    sheet = Image.new("RGB", (128 * args.n, 128 * len(PROMPTS)))
    for row, prompt in enumerate(PROMPTS):
        images = generate(
            pipe, prompt, range(args.n), num_inference_steps=args.steps, guidance_scale=1.0
        )
        for column, image in enumerate(images):
            sheet.paste(image, (128 * column, 128 * row))
    sheet.save(args.to)
    print(args.to)


if __name__ == "__main__":
    main()
