"""Grounded captions: a model that describes a picture and says where each thing is (Kosmos-2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image

from trimtab.concepts.words import fold, without_article
from trimtab.errors import ModelError, UsageError
from trimtab.recognition.detection import Detection
from trimtab.recognition.grounding import PretrainedDetector

PROMPT = "An image of"
"""The beginning of a caption, as the model was trained to continue it."""
_LAST_PATCH = "<patch_index_1023>"  # of 32 x 32


class CaptionDetector(PretrainedDetector):
    """Kosmos-2: what a caption of the picture mentions, with the boxes that the caption gives.

    The caption is the most probable one, token by token (greedy), so that it is always the same. It
    names by itself what it sees: with phrases, only those things are kept that it calls so, apart
    from case and article ("a Dog" is "dog"). What is not found may still be in the picture: a
    caption mentions few things. A thing is mentioned or not, so that all scores are 1. Boxes are
    exact to a 32nd of the picture.

    Parameters
    ----------
    model : Kosmos2ForConditionalGeneration
        The model.
    tokenizer, image_processor, name
        As in `PretrainedDetector`.
    prompt : str, optional
        The beginning of the caption; "Describe this image in detail:" leads to a longer one.
    longest : int, optional
        The most tokens of a caption, those of boxes included.

    Raises
    ------
    ModelError
        If the tokenizer has no words for places.
    UsageError
        If `prompt` is empty, or `longest` below 1.

    References
    ----------
    Z. Peng et al., Kosmos-2: grounding multimodal large language models to the world, ICLR 2024.
    """

    code = "kosmos-2 1"
    threshold = 0.0

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        *,
        name: str = "",
        prompt: str = PROMPT,
        longest: int = 128,
    ) -> None:
        super().__init__(model, tokenizer, image_processor, name=name)
        if not prompt.strip() or longest < 1:
            raise UsageError(
                got=f"prompt={prompt!r}, longest={longest}",
                expected="a prompt, and at least one token",
                do="leave them out",
            )
        if _LAST_PATCH not in tokenizer.get_vocab():
            raise ModelError(
                got=f"{self.name}, whose tokenizer has no {_LAST_PATCH}",
                expected="the tokenizer of Kosmos-2, with 1024 places in a picture",
                do="download or save it again",
            )
        self.prompt, self.longest = prompt.strip(), longest
        from transformers.models.kosmos2.processing_kosmos2 import Kosmos2Processor

        # At once, since it marks some words of the tokenizer, which the fingerprint covers.
        self._processor: Any = Kosmos2Processor(image_processor, tokenizer)

    def caption(self, picture: Image.Image) -> str:
        """Return the caption of a picture, with the model's own marks around things and places.

        Parameters
        ----------
        picture : PIL.Image.Image
            A picture in RGB.
        """
        from transformers import GenerationConfig

        # The whole picture as a square, however the image processor is set: places refer to it.
        size = self.model.config.vision_config.image_size
        square = picture.resize((size, size), Image.Resampling.BICUBIC)
        inputs = self._processor(
            images=square,
            text=f"<grounding>{self.prompt}",
            num_image_tokens=self.model.config.latent_query_num,
            return_tensors="pt",
        ).to(self.model.device)
        config = self.model.config.text_config
        greedy = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=self.longest,
            bos_token_id=config.bos_token_id,
            eos_token_id=config.eos_token_id,
            pad_token_id=config.pad_token_id,
        )
        with torch.inference_mode():
            tokens = self.model.generate(
                pixel_values=inputs["pixel_values"],
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                image_embeds_position_mask=inputs["image_embeds_position_mask"],
                generation_config=greedy,
            )
        said = self._processor.batch_decode(tokens, skip_special_tokens=True)[0]
        return str(self._processor.post_process_generation(said, cleanup_and_extract=False))

    def _settings(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "longest": self.longest}

    def _accepted(self, phrases: list[str]) -> list[str]:
        return phrases

    def _look(self, picture: Image.Image, phrases: list[str]) -> Iterable[Detection]:
        _, things = self._processor.post_process_generation(self.caption(picture))
        return mentioned(things, phrases, picture.size)


def mentioned(
    things: Iterable[tuple[str, tuple[int, int], list[tuple[float, float, float, float]]]],
    phrases: list[str],
    size: tuple[int, int],
) -> list[Detection]:
    """Return the things that a caption mentions, all of them or those that phrases name.

    Parameters
    ----------
    things : iterable of (name, span, boxes)
        The name of each, where in the caption it stands, and its boxes as shares of the picture.
    phrases : list of str
        What to keep; if empty, everything is kept, under its name without article.
    size : tuple of int
        Width and height of the picture in pixels.
    """
    asked: dict[str, str] = {}
    for phrase in phrases:
        asked.setdefault(_plain(phrase), phrase)
    found = []
    for name, _, boxes in things:
        plain = _plain(name)
        if name.startswith("<") or not plain or (asked and plain not in asked):
            continue  # a place without a name, or not asked for
        phrase = asked.get(plain, without_article(" ".join(name.split())).lower())
        for x1, y1, x2, y2 in boxes:
            if x1 < x2 and y1 < y2:
                box = (x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1])
                found.append(Detection(phrase, 1.0, box))
    return found


def _plain(name: str) -> str:
    return fold(without_article(name.strip()))
