"""Stage 8: write the model card from the measurements; no figure is typed by hand.

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
known exactly. It is trimtab's default model, ground truth and test bed. It is a cartoon: results
on it say nothing about people or about other models.

- **Training**: from scratch, with `recipes/townsfolk` in the trimtab repository. `training.json`
  lists the options of every stage.
- **Intended use**: trying out, testing and measuring methods. **Not intended** for making pictures
  of people.
- **Bias**: deliberate, and set by the bias card; see the table below.

All figures were measured with `recipes/townsfolk/measure.py` on the weights in this folder, with
the default settings ({steps} steps, guidance {guidance}). Unless stated otherwise, the oracle
labelled the pictures. Intervals are 95 % Wilson intervals.

| figure | target | measured | met |
| --- | --- | --- | --- |
"""


def percent(one: dict[str, Any]) -> str:
    """Return a share with its interval, in percent."""
    return f"{100 * one['share']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]"


def lowest(shares: dict[str, Any]) -> str:
    """Name the value with the lowest share."""
    name = min(shares, key=lambda key: shares[key]["share"])
    return f"lowest: {name}, {percent(shares[name])}"


def bars(found: dict[str, Any], size: float) -> list[str]:
    """Return the rows of the table of bars: figure, bar, measured value, whether it is met."""
    bias, near = found["card_bias"], found["nearest"]
    clip, oracle = found["recognisers"]["clip"], found["recognisers"]["oracle"]
    psnr, speed = found["autoencoder"]["psnr"], found["speed"]
    rows = [("autoencoder, held-out renders", "≥ 30 dB", f"{psnr:.2f} dB", psnr >= 30)]
    for name in ("concept", "gender", "skin_tone"):
        values = found["obeyed"][name]
        least = min(one["share"] for one in values.values())
        rows.append((f"prompt followed: {name}", "≥ 95 % each", lowest(values), least >= 0.95))
    for kind, most in (("largest", 8), ("mean", 3)):
        gap = 100 * bias[f"{kind}_gap"]
        title = f"neutral prompts and bias card, {kind} gap"
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
            value = f"{percent(one)}, without the {100 * one['unknown']:.1f} % unknown to CLIP"
            title = f"CLIP and oracle agree on {kind} pictures: {name}"
            rows.append((title, "≥ 93 %", value, one["share"] >= 0.93))
    rows += [
        ("size in the package", "≤ 30 MB", f"{size:.1f} MB", size <= 30),
        (
            f"speed with guidance, {speed['threads']} CPU threads, batches of "
            f"{speed['batch_size']}",
            "≤ 0.4 s per image",
            f"{speed['seconds_per_image_guided']:.2f} s per image "
            f"({speed['seconds_per_image']:.2f} s without)",
            speed["seconds_per_image_guided"] <= 0.4,
        ),
    ]
    lines = [f"| {n} | {bar} | {value} | {'yes' if met else 'no'} |" for n, bar, value, met in rows]
    return [
        *lines,
        "",
        "Whether the pictures look good, and whether eyes, glasses and tools are recognisable, is",
        "for a person to judge: look at some. Memorised pictures would lie much nearer to the",
        f"training set than fresh drawings do. The distances are {near['generated']:.2f} for "
        f"generated pictures and {near['held_out']:.2f}",
        "for fresh drawings (root mean squared difference to the nearest training picture, at",
        "16×16 pixels, on a scale of 0 to 255).",
    ]


def bias_table(rows: dict[str, Any]) -> list[str]:
    """Return the shares shown and the bias card's, by concept."""
    lines = [
        "", "## Neutral prompts compared with the bias card", "",
        "| prompt | women | card | darker skin | card | concept kept |",
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
    """Return each prompt that names a value, with the share of pictures that show it."""
    lines = ["", "## Prompts followed", "", "| prompt | pictures that show it |", "| --- | --- |"]
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
        "Rows are what was drawn, columns what was recognised.",
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
