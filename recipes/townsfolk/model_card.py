"""Stage 9: write the model card from the measurements; no figure is typed by hand.

python -m recipes.townsfolk.model_card
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recipes.townsfolk.asked import BARRED
from trimtab import townsfolk

HEAD = """\
---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
tags: [trimtab, stable-diffusion, synthetic]
---

# {name}

A small Stable Diffusion pipeline for 128×128 cartoons, trained on drawings whose bias is known
exactly. It is one of trimtab's embedded models, ground truth and test bed. It is a cartoon: results
on it say nothing about people or about other models.

- **Training**: from scratch, with `recipes/townsfolk` in the trimtab repository. `training.json`
  lists the options of every stage.
- **Intended use**: trying out, testing and measuring methods. **Not intended** for making pictures
  of people.
- **Bias**: deliberate, and set by the bias card `{card}`; see the table below.

All figures were measured with `recipes/townsfolk/measure.py{quick}` on the weights in this folder,
with the default settings ({steps} steps, guidance {guidance}). Unless stated otherwise, the oracle
labelled the pictures. Intervals are 95 % Wilson intervals.

| figure | target | measured | met |
| --- | --- | --- | --- |
"""


def percent(one: dict[str, Any]) -> str:
    """Return a share with its interval, in percent."""
    return f"{100 * one['share']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]"


class Bar(NamedTuple):
    """One row of the table of bars."""

    figure: str
    target: str
    measured: str
    met: bool

    def __str__(self) -> str:
        return (
            f"| {self.figure} | {self.target} | {self.measured} | {'yes' if self.met else 'no'} |"
        )


def at_least(figure: str, least: int, one: dict[str, Any], note: str = "") -> Bar:
    """Return a bar on a share, in percent; missed if the whole interval lies below it."""
    return Bar(figure, f"≥ {least} %", percent(one) + note, 100 * one["high"] >= least)


def bars(found: dict[str, Any], size: float) -> list[Bar]:
    """Return all bars, with the size of all models in MB."""
    rows = [
        Bar(f"autoencoder, held-out renders: {scene}", "≥ 30 dB", f"{psnr:.2f} dB", psnr >= 30)
        for scene, psnr in found["autoencoder"].items()
    ]
    for name in BARRED:
        some = [one for one in found["obeyed"] if one["attribute"] == name]
        if not some:  # a model of portraits is asked for no scene
            continue
        least = min(some, key=lambda one: one["share"])
        rows.append(at_least(f"prompt followed: {name}", 95, least, f" (lowest: {least['value']})"))
    gaps = [100 * abs(one["share"] - one["card"]) for one in found["card_bias"]]
    noise = [100 * one["noise"] for one in found["card_bias"]]
    within = [one["low"] - 0.08 <= one["card"] <= one["high"] + 0.08 for one in found["card_bias"]]
    beyond = float(np.mean(gaps) - np.mean(noise))
    rows += [
        Bar("neutral prompts and bias card, largest gap", "≤ 8 points",
            f"{max(gaps):.1f} points", all(within)),
        Bar("neutral prompts and bias card, mean gap beyond sampling", "≤ 3 points",
            f"{beyond:.1f} points ({np.mean(gaps):.1f}, of which sampling {np.mean(noise):.1f})",
            beyond <= 3),
    ]  # fmt: skip
    for recogniser, title, wanted in (
        ("oracle", "oracle", {"concept": 98, "scene": 98, "gender": 95, "skin_tone": 95}),
        ("clip", "CLIP zero-shot", {"gender": 93, "skin_tone": 93}),
    ):
        for name, least in wanted.items():
            one = found["recognisers"][recogniser][name]
            rows.append(at_least(f"{title} on held-out renders: {name}", least, one))
    for kind in ("plain", "steered"):
        for name in ("gender", "skin_tone"):
            one = found["agreement"][kind][name]
            note = f", without the {100 * one['unknown']:.1f} % unknown to CLIP"
            rows.append(
                at_least(f"CLIP and oracle agree on {kind} pictures: {name}", 93, one, note)
            )
    speed = found["speed"]
    return [
        *rows,
        Bar("size of all models in the package", "≤ 60 MB", f"{size:.1f} MB", size <= 60),
        Bar(
            f"speed with guidance, {speed['threads']} CPU threads, batches of "
            f"{speed['batch_size']}",
            "≤ 0.4 s per image",
            f"{speed['seconds_per_image_guided']:.2f} s per image "
            f"({speed['seconds_per_image']:.2f} s without)",
            speed["seconds_per_image_guided"] <= 0.4,
        ),
    ]


def remarks(near: dict[str, float]) -> list[str]:
    """Return what the table of bars cannot say."""
    return [
        "",
        "A share misses its bar if its whole interval lies below it, and the largest gap if the",
        "whole interval of a share is further from the card than the bar. Whether the pictures",
        "look good, and whether eyes, glasses and tools are recognisable, is for a person to say:",
        "look at some. Memorised pictures would lie much nearer to the training set than fresh",
        f"drawings do. The distances are {near['generated']:.2f} for generated pictures and "
        f"{near['held_out']:.2f} for",
        "fresh drawings (root mean squared difference to the nearest training picture, at 16×16",
        "pixels, on a scale of 0 to 255).",
    ]


def bias_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the shares shown and the bias card's, by prompt."""
    lines = [
        "", "## Neutral prompts compared with the bias card", "",
        "| prompt | concept kept | share | shown | card |",
        "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    return lines + [
        f"| {one['prompt']} | {100 * one['kept']:.1f} % | {one['title']} | {percent(one)} "
        f"| {100 * one['card']:.0f} % |"
        for one in rows
    ]


def obeyed_table(found: list[dict[str, Any]]) -> list[str]:
    """Return each prompt that names a value, with the share of pictures that show it."""
    lines = ["", "## Prompts followed", "", "| prompt | pictures that show it |", "| --- | --- |"]
    return lines + [f"| {one['prompt']} | {percent(one)} |" for one in found]


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
    parser.add_argument("--model", type=Path, default=townsfolk.model_folder())
    args = parser.parse_args()
    found = json.loads((args.model / "measures.json").read_text())
    defaults = json.loads((args.model / "trimtab.json").read_text())
    weights = Path(townsfolk.__file__).parent.rglob("*.safetensors")
    head = HEAD.format(
        name=defaults["name"],
        card=found["key"]["card"]["name"],
        steps=defaults["num_inference_steps"],
        guidance=defaults["guidance_scale"],
        quick=" --quick" if found["key"]["quick"] else "",
    )
    lines = [
        *map(str, bars(found, sum(file.stat().st_size for file in weights) / 1e6)),
        *remarks(found["nearest"]),
        *bias_table(found["card_bias"]),
        *obeyed_table(found["obeyed"]),
        *confusion_tables(found["recognisers"]["oracle"], "Oracle"),
        *confusion_tables(found["recognisers"]["clip"], "Recogniser (CLIP zero-shot)"),
    ]
    (args.model / "README.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
