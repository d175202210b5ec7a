"""Open-vocabulary detectors in transformers: OWL-ViT, OWLv2 and Grounding DINO."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from PIL import Image

from trimtab.errors import UsageError
from trimtab.pipelines import module_fingerprint
from trimtab.recognition.detection import Detection, distinct
from trimtab.recognition.loading import plain_settings
from trimtab.storage import as_shown, document_hash

FLOOR = 0.05
"""The least score that is reported, well below any threshold that is applied when reading."""
_TOGETHER = 8  # phrases embedded at a time, always so many: no phrase depends on the others


class PretrainedDetector(ABC):
    """What detectors in transformers have in common: a name, a fingerprint, one way to be asked.

    They look at one picture at a time, so that a result never depends on other pictures, and at the
    phrases in alphabetical order, so that it never depends on theirs.

    Parameters
    ----------
    model : transformers model
        The model.
    tokenizer : transformers tokenizer
        The model's tokenizer.
    image_processor : transformers image processor
        The model's image processor.
    name : str, optional
        The name to record.
    """

    code: ClassVar[str]
    """To be changed with every change that affects a finding."""
    threshold: float
    """The least score that counts, unless another one is given when findings are read."""

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any, *, name: str = "") -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.name = name or type(model).__name__

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that affects findings: weights, preprocessing, code, settings.

        As in `trimtab.pipelines.module_fingerprint`, only a sample of large tensors is hashed. The
        device and the versions of libraries are not included.
        """
        return document_hash(
            {
                "code": self.code,
                "model": module_fingerprint(self.model, self.tokenizer),
                "image_processor": plain_settings(self.image_processor),
                **self._settings(),
            }
        )

    def detect(
        self, images: Sequence[Image.Image], phrases: Sequence[str]
    ) -> list[list[Detection]]:
        """Return what is found in each picture, best first.

        Parameters
        ----------
        images : sequence of PIL.Image
            n pictures of any size and mode, each taken as a viewer shows it.
        phrases : sequence of str
            What to look for, such as "stethoscope".

        Returns
        -------
        list of list of Detection
            One list for each picture. Boxes are in pixels of the picture as shown, within it.

        Raises
        ------
        UsageError
            If a phrase is empty or too long for the model, or there is none where one is needed.
        """
        asked = self._accepted(sorted(distinct(phrases)))
        found = []
        for i in range(len(images)):  # by index, since a picture may be read from disk on access
            some = self._look(as_shown(images[i]), asked)
            found.append(sorted(some, key=lambda one: (-one.score, one.phrase, one.box)))
        return found

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what else decides findings, for the fingerprint."""

    @abstractmethod
    def _accepted(self, phrases: list[str]) -> list[str]:
        """Return the phrases, unless the model cannot look for them."""

    @abstractmethod
    def _look(self, picture: Image.Image, phrases: list[str]) -> Iterable[Detection]:
        """Yield what is found in one picture in RGB."""

    def _pixels(self, picture: Image.Image) -> dict[str, torch.Tensor]:
        """Return the model's inputs for a picture."""
        inputs = self.image_processor(images=[picture], return_tensors="pt")
        return {name: value.to(self.model.device) for name, value in inputs.items()}


class OpenVocabularyDetector(PretrainedDetector):
    """A detector that scores boxes for phrases; each box is given to its best phrase.

    Phrases compete for a box: with "person" and "woman" asked together, a box is one or the other.

    Parameters
    ----------
    model, tokenizer, image_processor, name
        As in `PretrainedDetector`.
    floor : float, optional
        The least score of what is reported, 0 to 1.

    Raises
    ------
    UsageError
        If `floor` is not from 0 to 1.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        *,
        name: str = "",
        floor: float = FLOOR,
    ) -> None:
        super().__init__(model, tokenizer, image_processor, name=name)
        if not 0 <= floor <= 1:
            raise UsageError(
                got=f"floor={floor}", expected="a number from 0 to 1", do="leave it out"
            )
        self.floor = floor

    def _settings(self) -> dict[str, Any]:
        return {"floor": self.floor, "length": self._longest}

    @property
    @abstractmethod
    def _longest(self) -> int:
        """The greatest number of tokens that the text encoder takes at a time."""

    @abstractmethod
    def _tokens(self, phrase: str) -> list[int]:
        """Return the tokens of a phrase, with those that are added around it."""

    def _accepted(self, phrases: list[str]) -> list[str]:
        if not phrases:
            raise UsageError(
                got=f"no phrases for {self.name}",
                expected="at least one",
                do='name what to look for, e.g. phrases=["stethoscope"]',
            )
        for phrase in phrases:
            n = len(self._tokens(phrase))
            if n > self._longest:
                raise UsageError(
                    got=f"the phrase {phrase!r} of {n} tokens",
                    expected=f"at most {self._longest}, which {self.name} reads",
                    do="shorten it",
                )
        return phrases

    def _reported(
        self,
        phrases: Sequence[str],
        scores: torch.Tensor,
        boxes: torch.Tensor,
        side: tuple[int, int],
        picture: Image.Image,
    ) -> Iterator[Detection]:
        """Yield the boxes that score enough, each with its best phrase.

        Parameters
        ----------
        phrases : sequence of str
            The m phrases.
        scores : Tensor, shape (q, m)
            Score of each box for each phrase.
        boxes : Tensor, shape (q, 4)
            Centre, width and height, as shares of `side`.
        side : tuple of int
            Width and height in pixels of what the model saw, padding included.
        picture : PIL.Image.Image
            The picture, which boxes are clipped to.
        """
        best, which = scores.cpu().max(dim=1)
        boxes = boxes.cpu().double()
        centre, size = boxes[:, :2], boxes[:, 2:]
        corners = torch.cat([centre - size / 2, centre + size / 2], dim=1)
        corners *= torch.tensor(side * 2, dtype=torch.float64)
        limits = torch.tensor(picture.size * 2, dtype=torch.float64)
        corners = torch.minimum(corners.clamp(min=0), limits)
        for i in (best >= self.floor).nonzero()[:, 0].tolist():
            left, top, right, bottom = corners[i].tolist()
            if left < right and top < bottom:  # the rest lies in the padding
                yield Detection(phrases[int(which[i])], float(best[i]), (left, top, right, bottom))


class OwlDetector(OpenVocabularyDetector):
    """OWL-ViT and OWLv2: every patch of the picture proposes one box, compared with each phrase.

    A phrase is embedded as it stands, without a template. The score is the sigmoid of the logit.

    Parameters
    ----------
    model : OwlViTForObjectDetection or Owlv2ForObjectDetection
        The model.
    tokenizer, image_processor, name, floor
        As in `OpenVocabularyDetector`.

    References
    ----------
    M. Minderer et al., Simple open-vocabulary object detection with vision transformers, ECCV 2022;
    Scaling open-vocabulary object detection, NeurIPS 2023.
    """

    code = "owl 1"
    threshold = 0.1  # as in the post-processing in transformers

    _embedded: tuple[list[str], torch.Tensor] | None = None

    @property
    def _longest(self) -> int:
        return int(self.model.config.text_config.max_position_embeddings)

    def _tokens(self, phrase: str) -> list[int]:
        return list(self.tokenizer(phrase, verbose=False)["input_ids"])

    @torch.inference_mode()
    def _look(self, picture: Image.Image, phrases: list[str]) -> Iterable[Detection]:
        # The same as the model's own forward, which would embed the phrases for every picture.
        features = self.model.image_embedder(self._pixels(picture)["pixel_values"])[0]
        patches = features.flatten(1, 2)
        queries = self._queries(phrases)
        present = torch.ones(queries.shape[:2], dtype=torch.bool, device=queries.device)
        logits, _ = self.model.class_predictor(patches, queries, present)
        boxes = self.model.box_predictor(patches, features)
        longest = max(picture.size)
        # OWLv2 pads a picture to a square at the right or below; OWL-ViT stretches it to one.
        padded = self.model.config.model_type == "owlv2"
        side = (longest, longest) if padded else picture.size
        return list(self._reported(phrases, logits[0].sigmoid(), boxes[0], side, picture))

    def _queries(self, phrases: list[str]) -> torch.Tensor:
        """Return the embeddings of phrases, shape (1, m, e); those last used are kept."""
        if self._embedded is None or self._embedded[0] != phrases:
            dual = getattr(self.model, self.model.config.model_type)
            rows = []
            for start in range(0, len(phrases), _TOGETHER):
                some = phrases[start : start + _TOGETHER]
                tokens = self.tokenizer(
                    [*some, *some[-1:] * (_TOGETHER - len(some))],
                    padding="max_length",
                    max_length=self._longest,
                    return_attention_mask=True,
                    return_tensors="pt",
                ).to(self.model.device)
                found = dual.get_text_features(tokens.input_ids, tokens.attention_mask)
                vectors = found if isinstance(found, torch.Tensor) else found.pooler_output
                rows.append(vectors[: len(some)])
            queries = torch.nn.functional.normalize(torch.cat(rows), dim=-1)[None]
            self._embedded = list(phrases), queries
        return self._embedded[1]


class GroundingDinoDetector(OpenVocabularyDetector):
    """Grounding DINO and MM Grounding DINO: the picture is read together with a list of phrases.

    The model scores each box for every token of its text. The score for a phrase is the mean over
    the tokens of that phrase, as in the original evaluation on COCO; so a box has one of the asked
    phrases, never a part of one or two in one. Stops and question marks, which separate phrases for
    the model, are left out of them. If there are more phrases than the model reads at a time, it
    looks several times, and boxes of different passes do not compete.

    Parameters
    ----------
    model : GroundingDinoForObjectDetection or MMGroundingDinoForObjectDetection
        The model.
    tokenizer, image_processor, name, floor
        As in `OpenVocabularyDetector`.

    References
    ----------
    S. Liu et al., Grounding DINO: marrying DINO with grounded pre-training for open-set object
    detection, ECCV 2024.
    """

    code = "grounding dino 1"
    threshold = 0.25  # as in the post-processing in transformers

    @property
    def _longest(self) -> int:
        config = self.model.config
        return int(min(config.max_text_len, config.text_config.max_position_embeddings))

    def _tokens(self, phrase: str) -> list[int]:
        begin, end, stop = self._marks()
        return [begin, *self._words(phrase), stop, end]

    def _accepted(self, phrases: list[str]) -> list[str]:
        super()._accepted(phrases)
        for phrase in phrases:
            if not self._words(phrase):
                raise UsageError(
                    got=f"the phrase {phrase!r}", expected="at least one word", do="use words"
                )
        return phrases

    @torch.inference_mode()
    def _look(self, picture: Image.Image, phrases: list[str]) -> Iterable[Detection]:
        pixels = self._pixels(picture)
        found: list[Detection] = []
        for some in self._passes(phrases):
            tokens, spans = self._text(some)
            ids = torch.tensor([tokens], device=self.model.device)
            seen = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), **pixels)
            scores = phrase_scores(seen.logits[0], spans)
            found.extend(self._reported(some, scores, seen.pred_boxes[0], picture.size, picture))
        return found

    def _passes(self, phrases: list[str]) -> Iterator[list[str]]:
        """Yield the phrases, as many at a time as the model reads."""
        some: list[str] = []
        for phrase in phrases:
            if some and len(self._text([*some, phrase])[0]) > self._longest:
                yield some
                some = []
            some.append(phrase)
        yield some

    def _text(self, phrases: Sequence[str]) -> tuple[list[int], list[slice]]:
        """Return the tokens of "phrase. phrase." and where in them each phrase stands."""
        begin, end, stop = self._marks()
        tokens, spans = [begin], []
        for phrase in phrases:
            words = self._words(phrase)
            spans.append(slice(len(tokens), len(tokens) + len(words)))
            tokens += [*words, stop]
        return [*tokens, end], spans

    def _words(self, phrase: str) -> list[int]:
        separators = {*self._marks(), self.tokenizer.convert_tokens_to_ids("?")}
        found = self.tokenizer(phrase.lower(), add_special_tokens=False, verbose=False)
        return [token for token in found["input_ids"] if token not in separators]

    def _marks(self) -> tuple[int, int, int]:
        """Return the tokens at the beginning, at the end, and after each phrase."""
        stop = self.tokenizer.convert_tokens_to_ids(".")
        return self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, stop


def phrase_scores(logits: torch.Tensor, spans: Sequence[slice]) -> torch.Tensor:
    """Return the score of each box for each phrase: the mean probability of the phrase's tokens.

    Parameters
    ----------
    logits : Tensor, shape (q, tokens)
        The logit of each of q boxes for each token of the text.
    spans : sequence of slice
        Where each of m phrases stands in the text.

    Returns
    -------
    Tensor, shape (q, m)
        From 0 to 1.
    """
    probabilities = logits.cpu().double().sigmoid()  # some devices have no float64
    return torch.stack([probabilities[:, span].mean(dim=1) for span in spans], dim=1)
