"""Dual encoders of several kinds are fed as they were trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tr
from PIL import Image

from tiny_families import gemma_tokenizer
from trimtab.concepts import attribute
from trimtab.errors import ModelError
from trimtab.recognition import ZeroShotRecogniser

SIZE = 32
TOWER = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VISION = TOWER | {"image_size": SIZE, "patch_size": 8}
SENTENCES = ["a woman", "a photo of a man who reads a long newspaper"]


def letters() -> tr.BertTokenizer:
    """Single letters, with the masks of BERT."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    small = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*marks, *small, *(f"##{letter}" for letter in small)]
    return tr.BertTokenizer({token: n for n, token in enumerate(tokens)}, model_max_length=60)


def text(**more: Any) -> dict[str, Any]:
    return TOWER | {"vocab_size": len(letters()), "max_position_embeddings": 64, **more}


def blip() -> Any:
    of_text = text(bos_token_id=2, eos_token_id=3, sep_token_id=3, pad_token_id=0)
    config = tr.BlipConfig(text_config=of_text, vision_config=VISION, projection_dim=8)
    return tr.BlipModel(config)


def chinese_clip() -> Any:
    config = tr.ChineseCLIPConfig(text_config=text(), vision_config=VISION, projection_dim=8)
    return tr.ChineseCLIPModel(config)


def alt_clip() -> Any:
    of_text = text(project_dim=16, pad_token_id=0, bos_token_id=2, eos_token_id=3)
    return tr.AltCLIPModel(
        tr.AltCLIPConfig(text_config=of_text, vision_config=VISION, projection_dim=8)
    )


def vision_text() -> Any:
    config = tr.VisionTextDualEncoderConfig.from_vision_text_configs(
        tr.ViTConfig(**VISION), tr.BertConfig(**text()), projection_dim=8
    )
    return tr.VisionTextDualEncoderModel(config)


MASKED: dict[str, Callable[[], Any]] = {
    "BLIP": blip,
    "Chinese-CLIP": chinese_clip,
    "AltCLIP": alt_clip,
    "VisionTextDualEncoder": vision_text,
}


def sensitive(model: Any) -> Any:
    """Return a random model whose embeddings differ from sentence to sentence."""
    torch.manual_seed(0)
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.4)
    return model


def save(model: Any, tokenizer: Any, processor: Any, folder: Path) -> None:
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)


def processor() -> Any:
    return tr.CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    )


@pytest.mark.parametrize("name", MASKED)
def test_embeddings_are_the_model_s_own(name: str, tmp_path: Path) -> None:
    save(sensitive(MASKED[name]()), letters(), processor(), tmp_path)
    recogniser = ZeroShotRecogniser.load(tmp_path, device="cpu")
    picture = Image.linear_gradient("L").resize((SIZE, SIZE)).convert("RGB")
    pixels = recogniser.image_processor(images=[picture], return_tensors="pt")
    ours = recogniser.embed_text(SENTENCES)
    for sentence, row in zip(SENTENCES, ours, strict=True):
        tokens = recogniser.tokenizer([sentence], return_tensors="pt")
        with torch.inference_mode():
            found = recogniser.model(**tokens, **pixels)
        embeds = torch.nn.functional.normalize(found.text_embeds, dim=-1)
        np.testing.assert_allclose(row, embeds[0].numpy(), atol=1e-5)
    embeds = torch.nn.functional.normalize(found.image_embeds, dim=-1)
    np.testing.assert_allclose(recogniser.embed_images([picture])[0], embeds[0], atol=1e-5)
    assert np.abs(ours[0] - ours[1]).max() > 0.01


def siglip2(tokenizer: Any, folder: Path) -> ZeroShotRecogniser:
    of_text = TOWER | {"vocab_size": len(tokenizer), "max_position_embeddings": 16}
    config = tr.Siglip2Config(text_config=of_text, vision_config=TOWER | {"patch_size": 8})
    config.vision_config.num_patches = 16
    images = tr.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    save(sensitive(tr.Siglip2Model(config)), tokenizer, images, folder)
    return ZeroShotRecogniser.load(folder)


def test_siglip_2_of_any_aspect_gets_the_shape_of_each_picture(tmp_path: Path) -> None:
    recogniser = siglip2(gemma_tokenizer(), tmp_path)
    pictures = [
        Image.linear_gradient("L").resize(size).convert("RGB") for size in ((16, 64), (40, 24))
    ]
    together = recogniser.embed_images(pictures)
    for picture, row in zip(pictures, together, strict=True):
        inputs = recogniser.image_processor(images=[picture], return_tensors="pt")
        with torch.inference_mode():
            own = recogniser.model.get_image_features(**inputs).pooler_output
        np.testing.assert_allclose(row, torch.nn.functional.normalize(own, dim=-1)[0], atol=1e-5)


def test_siglip_2_reads_small_letters_whatever_its_tokenizer(tmp_path: Path) -> None:
    recogniser = siglip2(gemma_tokenizer(), tmp_path)
    phrases = [phrase for group in attribute("race").groups for phrase in group.phrases]
    small = [phrase.lower() for phrase in phrases]
    assert phrases != small
    np.testing.assert_array_equal(recogniser.embed_text(phrases), recogniser.embed_text(small))


def test_a_model_that_ignores_its_mask_is_refused_by_its_name(tmp_path: Path) -> None:
    class Unmasked(tr.BlipModel):
        def get_text_features(self, input_ids: Any = None, **options: Any) -> Any:
            return super().get_text_features(input_ids)

    model = sensitive(Unmasked(blip().config))
    with pytest.raises(ModelError, match=r"Unmasked, whose embedding .* depends on its padding"):
        ZeroShotRecogniser(model, letters(), processor())
