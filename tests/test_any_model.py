"""The whole way on models of other families, from a folder, with a recogniser from a folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

import tiny_families
from commands import done, trimtab
from tiny import tiny_text_config, tiny_tokenizer, tiny_xl_pipeline
from trimtab.interventions import load_intervention
from trimtab.storage import Store
from trimtab.workflows import MitigationResult, PanelsResult

PROMPT = "a photo of a doctor"
SIZE = 32  # pixels that the recogniser sees


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model with random weights, as a folder."""
    folder, words = tmp_path_factory.mktemp("clip"), tiny_tokenizer()
    torch.manual_seed(0)
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": SIZE, "patch_size": 8, "projection_dim": 16,
    }  # fmt: skip
    text = tiny_text_config(words).to_dict()
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    CLIPModel(config).save_pretrained(folder)
    words.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    ).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("build", [tiny_xl_pipeline, tiny_families.flux])
def test_the_whole_way_on_another_family(
    build: Callable[[], Any], recogniser: Path, tmp_path: Path
) -> None:
    model, store = tmp_path / "model", tmp_path / "store"
    build().save_pretrained(model)
    size = ("--height", 64, "--width", 64, "--batch-size", 5, "--num-inference-steps", 8)
    shared = ("--model", model, *size)
    words = ("mitigate", PROMPT, *shared, "--recogniser", recogniser, "--n", 5, "--n-capture", 5)
    words = (*words, "--n-dose", 5, "-a", "gender", "-a", "skin_tone", "--out", store)
    said = done(*words)
    result = MitigationResult.load(store)
    assert f"at most {result.planned:,} pictures, 5 in each audited set, and " in said.err
    assert [arm.role for arm in result.arms] == ["plain", "sum", "single", "single"]
    assert result.model["name"] == "model"
    assert all(len(arm.views) == 1 for arm in result.arms)  # no oracle outside townsfolk
    page = store / "reports" / result.name / "report.html"
    assert str(page) in said.out
    assert PROMPT in page.read_text(encoding="utf-8")
    file = store / result.file
    assert len(load_intervention(file).steering.terms) == 2
    again = done(*words, "--json")
    assert " done" not in again.err
    assert again.json == result.to_dict()
    done("generate", PROMPT, *shared, "--n", 5, "--steer", file, "--out", tmp_path / "run")
    assert len(list((tmp_path / "run").rglob("*.png"))) == 5


def test_panels_of_a_file_on_another_family(recogniser: Path, tmp_path: Path) -> None:
    model, store, file = tmp_path / "model", tmp_path / "store", tmp_path / "panels.yaml"
    tiny_xl_pipeline().save_pretrained(model)
    file.write_text(
        "name: mine\nsteps: [0.25, 0.5]\nweights: [10, 15]\n"
        "settings: {num_inference_steps: 8, height: 64, width: 64}\npanels:\n"
        f"  - {{prompt: {PROMPT}, towards: {{gender: woman}}, adjust: true}}\n"
        f"  - {{prompt: {PROMPT}, towards: {{gender: woman, skin_tone: darker}}}}\n",
        encoding="utf-8",
    )
    words = ("paper", "--panels", file, "--model", model, "--recogniser", recogniser)
    sizes = ("--n", 5, "--n-capture", 5, "--n-dose", 5, "--n-grid", 5, "--n-transfer", 5)
    more = ("--n-sensitivity", 3, "--precision", 0, "--batch-size", 5, "--out", store)
    said = done(*words, *sizes, *more)
    (name,) = [one for one in Store.existing(store).results() if one.startswith("mine")]
    result = PanelsResult.load(store, name)
    assert str(result) in said.out
    assert [one.title for one in result.panels] == [
        f"{PROMPT} → woman", f"{PROMPT} → woman + darker",
    ]  # fmt: skip
    assert [one.grid.steps for one in result.panels] == [(2, 4)] * 2
    assert result.sensitivity is not None
    page = store / "reports" / name / "report.html"
    assert str(page) in said.out
    again = done(*words, *sizes, *more, "--json")
    assert again.json == PanelsResult.load(store, name).to_dict()
    shared = done(*words, *sizes, *more[:-1], tmp_path / "shared", "--workers", 2)
    assert {"1", "2"} == set(re.findall(r"^(\d): ", shared.err, re.M))
    assert re.search(r"^[12]: all directions: 5 done", shared.err, re.M)
    assert not [line for line in shared.err.splitlines() if line.startswith("plain: ")]
    assert PanelsResult.load(tmp_path / "shared", name).made == result.made


def test_quick_panels_have_sizes_of_their_own(tmp_path: Path) -> None:
    refused = trimtab("paper", "--quick", "--n", 10, "--out", tmp_path / "store")
    assert refused.code == 2
    assert "--n" in refused.err
    assert not (tmp_path / "store").exists()


def test_panels_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "panels.yaml"
    file.write_text("panels: [{prompt: a photo of a doctor}]", encoding="utf-8")
    refused = trimtab("paper", "--panels", file, "--out", tmp_path / "store")
    assert refused.code == 1
    assert len(refused.err.splitlines()) == 1
    assert "no groups in the panel" in refused.err
    assert trimtab("paper", "--panels", "none", "--out", tmp_path / "store").code == 2
