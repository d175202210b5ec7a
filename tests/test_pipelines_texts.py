"""Embeddings of whole texts by the encoders of every family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from test_contract import FAMILIES
from tiny import tiny_pipeline, tiny_xl_pipeline
from tiny_families import TINY
from trimtab import townsfolk
from trimtab.errors import UsageError
from trimtab.pipelines import RunSettings, encode, text_embeddings

TEXTS = ["a photo of a doctor", "a photo of a woman", "a man"]
POOLING = {
    "sd1": {"text_encoder"}, "sd2": {"text_encoder"}, "lcm": {"text_encoder"},
    "sdxl": {"text_encoder", "text_encoder_2"},
    "sdxl-turbo": {"text_encoder", "text_encoder_2"},
    "sdxl-lightning": {"text_encoder", "text_encoder_2"},
    "sd3": {"text_encoder", "text_encoder_2"},
    "flux": {"text_encoder"}, "flux-schnell": {"text_encoder"},
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_encoder_that_pools_embeds_whole_texts(name: str) -> None:
    pipe = FAMILIES[name]()
    found = text_embeddings(pipe, TEXTS)
    assert found.keys() == POOLING.get(name, set())
    for rows in found.values():
        assert rows.shape[0] == len(TEXTS) and rows.dtype == np.float32
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for encoder, rows in text_embeddings(pipe, TEXTS[::-1]).items():
        assert np.allclose(rows[::-1], found[encoder], atol=1e-5)


@pytest.mark.parametrize(
    ("build", "argument", "encoder"),
    [
        (tiny_xl_pipeline, "pooled_prompt_embeds", "text_encoder_2"),
        (TINY["flux"], "pooled_prompt_embeds", "text_encoder"),
    ],
)
def test_it_is_what_the_denoiser_gets(
    build: Callable[[], Any], argument: str, encoder: str
) -> None:
    pipe = build()
    given = encode(pipe, TEXTS, RunSettings()).parts[argument]
    assert isinstance(given, torch.Tensor)
    unit = torch.nn.functional.normalize(given.float(), dim=1).numpy()
    assert np.allclose(text_embeddings(pipe, TEXTS)[encoder], unit, atol=1e-5)


def test_a_long_text_is_cut_where_the_encoder_stops() -> None:
    pipe = tiny_pipeline()
    long = "doctor " * 40
    (rows,) = text_embeddings(pipe, [long, long + "nurse"]).values()
    assert np.array_equal(*rows)


def test_the_embedded_model_knows_whom_a_doctor_resembles() -> None:
    (rows,) = text_embeddings(
        townsfolk.load(), ["a photo of a doctor", "a portrait of a doctor", "a photo of a chef"]
    ).values()
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_no_texts_are_refused() -> None:
    with pytest.raises(UsageError, match="no texts"):
        text_embeddings(tiny_pipeline(), [])
