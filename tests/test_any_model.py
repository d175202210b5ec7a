"""The whole way on models of other families, from a folder, with a recogniser from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

import tiny_families
from commands import done
from tiny import tiny_text_config, tiny_tokenizer, tiny_xl_pipeline
from trimtab.interventions import load_intervention
from trimtab.workflows import MitigationResult

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
