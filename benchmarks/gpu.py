"""Measure the cost of trimtab on a GPU, with full-size models and random weights.

Builds pipelines the size of SDXL and FLUX.1 in bfloat16, without downloads: the pictures are noise,
but every matrix has its real size. For each pipeline, alternating within one process, it measures:

- steered ÷ plain time per image, with `generate`;
- images per second with `generate` ÷ with a hand-written loop at its best batch size;
- seconds of `capture` up to step 10 of 50 ÷ seconds for as many complete images;
- peak memory.

Without a GPU, it only prints a message; `--size tiny` tries the script on the CPU.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

import trimtab as tt
from common import arguments, finish
from overhead import ratio
from trimtab.pipelines import latent_spec

PROMPT = "a photo of a doctor"
STEPS, CAPTURED = 50, 10
BATCHES = (1, 2, 4, 8, 16)
BARS = {  # figure -> its description, and whether its median meets the bar
    "steered_over_plain": ("steered ÷ plain <= 1.01", lambda value: value <= 1.01),
    "generate_over_loop": ("generate ÷ loop >= 0.97", lambda value: value >= 0.97),
    "capture_over_images": ("capture ÷ images <= 0.25", lambda value: value <= 0.25),
}


def tokenizer(length: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer without words: only the number of tokens matters here."""
    words = Tokenizer(WordLevel({"<pad>": 0, "<unk>": 1, "</s>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="</s>",
        model_max_length=length,
    )


def clip(width: int, layers: int, *, tiny: bool) -> CLIPTextConfig:
    """Return the configuration of a CLIP text tower, with heads 64 wide as in both of SDXL's."""
    width, layers, heads = (16, 1, 2) if tiny else (width, layers, width // 64)
    return CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=4 * width, projection_dim=width,
        num_hidden_layers=layers, num_attention_heads=heads, bos_token_id=1, eos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip


def autoencoder(channels: int, *, tiny: bool) -> Any:
    """Build the autoencoder of SDXL and FLUX.1, with 8 pixels per cell."""
    widths = (8, 8, 8, 8) if tiny else (128, 256, 512, 512)
    return diffusers.AutoencoderKL(
        latent_channels=channels, block_out_channels=widths, layers_per_block=1 if tiny else 2,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4 if tiny else 32, sample_size=64 if tiny else 1024, force_upcast=False,
        shift_factor=0.0,
    )  # fmt: skip


def in_main_memory(kind: type, **options: Any) -> Any:
    """Build a scheduler with tables in main memory, which diffusers reads with numpy."""
    with torch.device("cpu"):
        return kind(**options)


def sdxl(*, tiny: bool) -> Any:
    """Build a pipeline the size of SDXL, with 2.6 billion parameters in the UNet."""
    first, second = clip(768, 12, tiny=tiny), clip(1280, 32, tiny=tiny)
    widths, heads, depth = (320, 640, 1280), (5, 10, 20), (1, 2, 10)
    if tiny:
        widths, heads, depth = (8, 8, 16), (1, 1, 2), (1, 1, 1)
    wide = first.hidden_size + second.hidden_size
    unet = diffusers.UNet2DConditionModel(
        sample_size=8 if tiny else 128, in_channels=4, out_channels=4, block_out_channels=widths,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=depth, attention_head_dim=heads, cross_attention_dim=wide,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=6 * 256 + second.projection_dim,
        norm_num_groups=4 if tiny else 32,
    )  # fmt: skip
    return diffusers.StableDiffusionXLPipeline(
        vae=autoencoder(4, tiny=tiny),
        text_encoder=CLIPTextModel(first),
        text_encoder_2=CLIPTextModelWithProjection(second),
        tokenizer=tokenizer(77),
        tokenizer_2=tokenizer(77),
        unet=unet,
        scheduler=in_main_memory(
            diffusers.EulerDiscreteScheduler,
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            steps_offset=1,
        ),
        add_watermarker=False,
    )


def flux(*, tiny: bool) -> Any:
    """Build a pipeline the size of FLUX.1 dev, with 12 billion parameters in the transformer."""
    t5 = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
    blocks = {"num_layers": 19, "num_single_layers": 38, "num_attention_heads": 24}
    if tiny:
        t5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 2}
        blocks = {"num_layers": 1, "num_single_layers": 1, "num_attention_heads": 1}
    first = clip(768, 12, tiny=tiny)
    pipe = diffusers.FluxPipeline(
        transformer=diffusers.FluxTransformer2DModel(
            in_channels=64, attention_head_dim=128, joint_attention_dim=t5["d_model"],
            pooled_projection_dim=first.hidden_size, guidance_embeds=True, **blocks,
        ),
        vae=autoencoder(16, tiny=tiny),
        text_encoder=CLIPTextModel(first),
        tokenizer=tokenizer(77),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=32128, feed_forward_proj="gated-gelu", **t5)
        ),
        tokenizer_2=tokenizer(512),
        scheduler=in_main_memory(
            diffusers.FlowMatchEulerDiscreteScheduler, shift=3.0, use_dynamic_shifting=True
        ),
    )  # fmt: skip
    pipe.default_sample_size = 8 if tiny else 128
    return pipe


MODELS: dict[str, Callable[..., Any]] = {"sdxl": sdxl, "flux": flux}


def built(name: str, device: torch.device, *, tiny: bool) -> Any:
    """Build a pipeline in bfloat16, on the device where it will run."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    torch.manual_seed(0)
    try:
        with device:
            pipe = MODELS[name](tiny=tiny)
    finally:
        torch.set_default_dtype(before)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device, torch.bfloat16)


def seconds(work: Callable[[], Any]) -> float:
    """Return the seconds that some work takes, including work on the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def in_turns(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, np.ndarray]:
    """Time several variants, each of which goes first equally often."""
    for work in ways.values():
        work()  # warm up
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 else list(ways)[::-1]
        for name in names:
            found[name].append(seconds(ways[name]))
    return {name: np.array(times) for name, times in found.items()}


def by_hand(pipe: Any, n: int, batch: int, steps: int) -> None:
    """Make n images the way a user without trimtab would."""
    for start in range(0, n, batch):
        seeds = range(start, min(start + batch, n))
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        pipe([PROMPT] * len(seeds), generator=generators, num_inference_steps=steps)


def best_batch(pipe: Any, steps: int, most: int) -> int:
    """Return the batch size at which the hand-written loop makes the most images per second."""
    speeds: dict[int, float] = {}
    for batch in (one for one in BATCHES if one <= most):
        try:
            by_hand(pipe, batch, batch, 1)
            speeds[batch] = batch / seconds(lambda batch=batch: by_hand(pipe, batch, batch, steps))
        except torch.OutOfMemoryError:
            if not speeds:
                raise
            torch.cuda.empty_cache()
            break
    return max(speeds, key=speeds.__getitem__)


def measured(pipe: Any, *, rounds: int, steps: int, most: int) -> dict[str, Any]:
    """Measure all figures for one pipeline."""
    batch = best_batch(pipe, steps, most)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    steer = 5 * tt.Direction.random(latent_spec(pipe), seed=0)
    options = {"num_inference_steps": steps, "batch_size": batch}

    def generate(steer: Any) -> None:
        tt.generate(pipe, PROMPT, range(batch), steer, **options)

    ways = {
        "plain": lambda: generate(None),
        "steered": lambda: generate(steer),
        "loop": lambda: by_hand(pipe, batch, batch, steps),
    }
    times = in_turns(ways, rounds)
    gender = tt.attribute("gender")
    stop = {"num_inference_steps": STEPS, "batch_size": batch}
    images = batch * len(gender.groups)
    learning = in_turns(
        {
            "capture": lambda: tt.capture(pipe, gender, range(batch), [CAPTURED], **stop),
            "images": lambda: tt.generate(pipe, PROMPT, range(images), **stop),
        },
        max(1, rounds // 5),
    )
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {
        "batch_size": batch,
        "num_inference_steps": steps,
        "seconds_per_image": {
            name: round(float(np.median(found)) / batch, 4) for name, found in times.items()
        },
        "steered_over_plain": ratio(times["steered"], times["plain"]),
        "generate_over_loop": ratio(times["loop"], times["plain"]),  # in images per second
        "capture_over_images": ratio(learning["capture"], learning["images"]),
        "peak_memory_gb": peak and round(peak / 1e9, 1),
    }


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], model=False)
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=tuple(MODELS))
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each comparison")
    parser.add_argument("--inference-steps", type=int, default=20, help="for the first two figures")
    parser.add_argument("--most", type=int, default=16, help="largest batch size to try")
    options = parser.parse_args()
    for name in ("rounds", "inference_steps", "most"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    tiny = options.size == "tiny"
    if not (torch.cuda.is_available() or tiny):
        print("no CUDA device here: nothing measured (try the script on the CPU with --size tiny)")
        return 0
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, Any] = {}
    for name in options.models:
        try:
            pipe = built(name, device, tiny=tiny)
            found[name] = measured(
                pipe, rounds=options.rounds, steps=options.inference_steps, most=options.most
            )
        except torch.OutOfMemoryError as error:  # keep the results of the others
            print(f"{name} does not fit: {error}", file=sys.stderr)
        pipe = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    bars = {
        f"{name}: {words}": met(figures[figure]["median"])
        for name, figures in found.items()
        for figure, (words, met) in BARS.items()
        if not tiny  # at that size, Python takes longer than the model
    }
    figures = {"benchmark": "gpu", "size": options.size, "models": found}
    return finish(figures, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
