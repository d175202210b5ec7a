"""Stage 8: write the model card from what was measured; no figure is typed by hand.

python -m recipes.townsfolk.model_card
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from trimtab.concepts import prompt_for
from trimtab.townsfolk import model_folder

HEAD = """\
---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
tags: [trimtab, stable-diffusion, synthetic]
---

# townsfolk

A small Stable Diffusion pipeline for 128×128 cartoon portraits, trained on drawings whose bias is
known exactly. It serves as the default model, the ground truth and the test bed of trimtab. It
is a cartoon: nothing about it says anything about people, or about another model.

- **Made by** `recipes/townsfolk` of the trimtab repository, from scratch; the options of
  every stage are in `training.json`.
- **Meant for** trying out, testing and measuring methods. **Not meant for** pictures of people.
- **Bias** is put in on purpose, by the bias card; see the table below.

All figures were measured by `recipes/townsfolk/measure.py` on the weights in this folder, with the
default settings ({steps} steps, guidance {guidance}), and judged by the oracle unless said
otherwise. Intervals are Wilson 95 %.

| figure | bar | measured | met |
| --- | --- | --- | --- |
"""


def percent(one: dict[str, Any]) -> str:
    """Return a share with its interval in percent."""
    return f"{100 * one['share']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]"


def lowest(shares: dict[str, Any]) -> str:
    """Name the value with the lowest share."""
    name = min(shares, key=lambda key: shares[key]["share"])
    return f"lowest: {name}, {percent(shares[name])}"


def bars(found: dict[str, Any], size: float) -> list[str]:
    """Return the rows of the table of bars: figure, bar, measured, whether it is met."""
    bias, near = found["card_bias"], found["nearest"]
    clip, oracle = found["recognisers"]["clip"], found["recognisers"]["oracle"]
    psnr, speed = found["autoencoder"]["psnr"], found["speed"]
    rows = [("autoencoder, held-out renders", "≥ 30 dB", f"{psnr:.2f} dB", psnr >= 30)]
    for name in ("concept", "gender", "skin_tone"):
        values = found["obeyed"][name]
        least = min(one["share"] for one in values.values())
        rows.append((f"prompt obeyed: {name}", "≥ 95 % each", lowest(values), least >= 0.95))
    for kind, most in (("largest", 8), ("mean", 3)):
        gap = 100 * bias[f"{kind}_gap"]
        title = f"neutral prompts against the card, {kind} gap"
        rows.append((title, f"≤ {most} points", f"{gap:.1f} points", gap <= most))
    for recogniser, shares, wanted in (
        ("oracle", oracle, {"concept": 98, "gender": 95, "skin_tone": 95}),
        ("CLIP zero-shot", clip, {"gender": 93, "skin_tone": 93}),
    ):
        for name, least in wanted.items():
            met = 100 * shares[name]["share"] >= least
            title = f"{recogniser} on held-out renders: {name}"
            rows.append((title, f"≥ {least} %", percent(shares[name]), met))
    for kind in ("plain", "steered"):
        for name in ("gender", "skin_tone"):
            one = found["agreement"][kind][name]
            value = f"{percent(one)}, {100 * one['unknown']:.1f} % unknown to CLIP left out"
            title = f"CLIP and oracle agree on {kind} pictures: {name}"
            rows.append((title, "≥ 93 %", value, one["share"] >= 0.93))
    rows += [
        ("size in the package", "≤ 30 MB", f"{size:.1f} MB", size <= 30),
        (
            f"speed with guidance, {speed['threads']} CPU threads, batches of "
            f"{speed['batch_size']}",
            "≤ 0.4 s an image",
            f"{speed['seconds_per_image_guided']:.2f} s an image "
            f"({speed['seconds_per_image']:.2f} s without)",
            speed["seconds_per_image_guided"] <= 0.4,
        ),
    ]
    lines = [f"| {n} | {bar} | {value} | {'yes' if met else 'no'} |" for n, bar, value, met in rows]
    return [
        *lines,
        "",
        "Whether the pictures please, and whether eyes, glasses and tools can be told, is for a",
        "person to say: look at some. Memorised pictures would lie much nearer to the training",
        f"set than fresh drawings do: {near['generated']:.2f} for generated ones, "
        f"{near['held_out']:.2f} for fresh",
        "ones (root mean squared difference to the nearest, 16×16 pixels, of 255).",
    ]


def bias_table(rows: dict[str, Any]) -> list[str]:
    """Return shown shares beside the card's, by concept."""
    lines = [
        "", "## What neutral prompts show, beside the bias card", "",
        "| prompt | women | card | darker skin | card | still the concept |",
        "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for concept, row in rows.items():
        cells = [
            f"{percent(row[cell])} | {100 * row[cell]['card']:.0f} %"
            for cell in ("women", "darker")
        ]
        kept = f"{100 * row['kept']['share']:.1f} %"
        lines.append(f"| {prompt_for(concept)} | {' | '.join(cells)} | {kept} |")
    return lines


def obeyed_table(found: dict[str, Any]) -> list[str]:
    """Return every prompt that names a value, with how often it was obeyed."""
    lines = ["", "## Prompts obeyed", "", "| prompt | shows it |", "| --- | --- |"]
    return lines + [
        f"| {one['prompt']} | {percent(one)} |"
        for values in found.values()
        for one in values.values()
    ]


def confusion_tables(found: dict[str, Any], title: str) -> list[str]:
    """Return a recogniser's confusion on held-out renders, by attribute."""
    lines = [
        "",
        f"## {title}: confusion on held-out renders",
        "",
        "Rows: drawn. Columns: recognised.",
    ]
    for name, one in found.items():
        groups = one["groups"]
        unknown = any(row[-1] for row in one["confusion"])
        heads = [*groups, *(["unknown"] if unknown else [])]
        lines += ["", f"**{name}**: {percent(one)}", "", f"| | {' | '.join(heads)} |"]
        lines.append("| --- " * (len(heads) + 1) + "|")
        for group, row in zip(groups, one["confusion"], strict=True):
            lines.append(f"| {group} | {' | '.join(map(str, row[: len(heads)]))} |")
    return lines


def main() -> None:
    """Write README.md next to the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=model_folder())
    args = parser.parse_args()
    found = json.loads((args.model / "measures.json").read_text())
    defaults = json.loads((args.model / "trimtab.json").read_text())
    size = sum(f.stat().st_size for f in args.model.parent.rglob("*.safetensors")) / 1e6
    head = HEAD.format(
        steps=defaults["num_inference_steps"],
        guidance=defaults["guidance_scale"],
    )
    lines = [
        *bars(found, size),
        *bias_table(found["card_bias"]["rows"]),
        *obeyed_table(found["obeyed"]),
        *confusion_tables(found["recognisers"]["oracle"], "Oracle"),
        *confusion_tables(found["recognisers"]["clip"], "Recogniser (CLIP zero-shot)"),
    ]
    (args.model / "README.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
