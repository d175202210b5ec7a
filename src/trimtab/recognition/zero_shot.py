"""Zero-shot recognition with CLIP, SigLIP and similar dual encoders in transformers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import UsageError
from trimtab.pipelines import module_fingerprint
from trimtab.recognition.loading import Source, load_parts, plain_settings
from trimtab.recognition.protocol import OWN_FOLDER
from trimtab.recognition.tokens import (
    CLIP,
    accepted,
    is_masked,
    not_a_dual_encoder,
    require_no_effect_of_padding,
    tokens_of,
)
from trimtab.storage import document_hash, picture_hash

_KEPT = 4096  # picture embeddings to cache
_PADDED = 8  # batches are padded to a multiple, so that a result does not depend on other pictures
# Increment with every change here that affects a probability of CLIP, or of any other model.
_CODE, _CODE_OF_OTHERS = "zero-shot 1", "zero-shot 2"
_EXPECTED = "the id or folder of a CLIP or SigLIP model with safetensors weights"


class ZeroShotRecogniser:
    """Compares pictures with sentences in the embedding space of a dual encoder.

    A group is represented by the normalised mean of its phrases' unit embeddings (the prompt
    ensemble of Radford et al. 2021, section 3.1.4). The probability of a group is the softmax, over
    the groups, of the cosine times the model's own scale. (SigLIP was trained with a sigmoid; its
    bias is the same for all groups and cancels.)

    Embeddings of the last few thousand pictures are cached by content, so that several questions
    about the same pictures embed them only once.

    Parameters
    ----------
    model : transformers model
        A model with `get_image_features`, `get_text_features` and `logit_scale`.
    tokenizer : transformers tokenizer
        The model's tokenizer.
    image_processor : transformers image processor
        The model's image processor.
    name : str, optional
        The name to record in labels.
    batch_size : int, optional
        Number of pictures or sentences to embed at a time.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        *,
        name: str = "",
        batch_size: int = 32,
    ) -> None:
        if batch_size < 1:
            raise UsageError(
                got=f"batch_size={batch_size}", expected="1 or more", do="leave it out"
            )
        for part in ("get_image_features", "get_text_features", "logit_scale"):
            if not hasattr(model, part):
                raise not_a_dual_encoder(f"{type(model).__name__}, which has no {part}")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.name = name or type(model).__name__
        self.batch_size = batch_size
        if is_masked(model):
            require_no_effect_of_padding(model, tokenizer, self._unit)
        self._seen: dict[str, NDArray[np.float32]] = {}
        self._centres: dict[tuple[tuple[str, ...], ...], NDArray[np.float64]] = {}

    @classmethod
    def load(
        cls,
        name: str | os.PathLike[str],
        *,
        device: str = "auto",
        revision: str | None = None,
        batch_size: int = 32,
    ) -> ZeroShotRecogniser:
        """Load a CLIP or SigLIP model from the Hub or a folder, using only safetensors weights.

        Parameters
        ----------
        name : str or path
            For example "openai/clip-vit-large-patch14", "google/siglip-base-patch16-224".
        device : str, optional
            A torch device; "auto" uses an accelerator if there is one.
        revision : str, optional
            Revision of the Hub repository.
        batch_size : int, optional
            Number of pictures or sentences to embed at a time.

        Raises
        ------
        ModelError
            If the model cannot be found or read, lacks weights, or is not a dual encoder.
        UsageError
            If there is no such device.
        """
        from transformers import AutoModel

        source = Source(name, OWN_FOLDER, _EXPECTED, revision)
        parts = load_parts(source, AutoModel, device)
        return cls(
            parts.model,
            parts.tokenizer,
            parts.image_processor,
            name=source.label,
            batch_size=batch_size,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that affects answers: weights, preprocessing, code of this class.

        As in `trimtab.pipelines.module_fingerprint`, only a sample of large tensors is hashed. The
        device and the versions of libraries are not included.
        """
        as_clip = self.model.config.model_type in CLIP
        return document_hash(
            {
                "code": _CODE if as_clip else _CODE_OF_OTHERS,
                "model": module_fingerprint(self.model, self.tokenizer),
                "image_processor": plain_settings(self.image_processor),
                "length": self.model.config.text_config.max_position_embeddings,
            }
        )

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return unit embeddings of pictures, shape (n, e)."""
        keys = []
        for batch in _batches(images, self.batch_size):
            hashes = [picture_hash(picture) for picture in batch]
            keys += hashes
            named = zip(hashes, batch, strict=True)
            fresh = {key: picture for key, picture in named if key not in self._seen}
            if fresh:
                rgb = [picture.convert("RGB") for picture in fresh.values()]
                inputs = self.image_processor(images=rgb, return_tensors="pt")
                features = self.model.get_image_features
                names = accepted(features)
                rows = self._unit(features, **{k: _padded(inputs[k]) for k in inputs if k in names})
                self._seen.update(zip(fresh, rows, strict=False))
        found = self._stack([self._seen[key] for key in keys])
        for key in list(self._seen)[: max(0, len(self._seen) - _KEPT)]:
            del self._seen[key]
        return found

    def embed_text(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return unit embeddings of sentences, shape (m, e); long sentences are truncated."""
        rows: list[NDArray[np.float32]] = []
        for batch in _batches(sentences, self.batch_size):
            tokens = tokens_of(self.model, self.tokenizer, batch)
            rows.extend(self._unit(self.model.get_text_features, **tokens))
        return self._stack(rows)

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """Return the probability of each group for each picture.

        Parameters
        ----------
        images : sequence of PIL.Image
            n pictures of any size and mode.
        prompts : sequence of sequence of str
            The phrases of each of the C groups.

        Returns
        -------
        ndarray of float, shape (n, C)
            Rows add up to 1.

        Raises
        ------
        UsageError
            If there are fewer than two groups, or one has no phrase.
        """
        if len(prompts) < 2 or any(isinstance(p, str) or not p for p in prompts):
            raise UsageError(
                got=f"prompts={prompts!r}",
                expected="a list of phrases for each of at least two groups",
                do="give every group a phrase",
            )
        scale = float(self.model.logit_scale.detach().exp().cpu())
        # Not a matrix product, since its last bits depend on the number of pictures.
        embeddings = self.embed_images(images).astype(np.float64)
        logits = scale * np.einsum("ne,ce->nc", embeddings, self._centres_of(prompts))
        logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
        weights: NDArray[np.float64] = np.exp(logits)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def _centres_of(self, prompts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Return the unit mean of each group's phrases, shape (C, e)."""
        key = tuple(tuple(phrases) for phrases in prompts)
        if key not in self._centres:
            every = self.embed_text([phrase for phrases in key for phrase in phrases])
            ends = np.cumsum([len(phrases) for phrases in key])[:-1]
            means = np.stack([part.mean(axis=0) for part in np.split(every, ends)])
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            self._centres[key] = means.astype(np.float64)
        return self._centres[key]

    def alignment(
        self, images: Sequence[Image.Image], prompt: str | Sequence[str]
    ) -> NDArray[np.float64]:
        """Return the cosine of each picture with the prompt, or with its own prompt, shape (n,).

        The CLIP score of Hessel et al. 2021 is 2.5 times this value, if positive.

        Raises
        ------
        UsageError
            If there are several prompts, but not one per picture.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        if not isinstance(prompt, str) and len(prompts) != len(images):
            raise UsageError(
                got=f"{len(prompts)} prompts for {len(images)} pictures",
                expected="one prompt, or one per picture",
                do="make the numbers equal",
            )
        text = self.embed_text(prompts).astype(np.float64)
        cosines: NDArray[np.float64] = (self.embed_images(images) * text).sum(axis=1)
        return cosines

    def _unit(self, features: Any, **inputs: torch.Tensor) -> NDArray[np.float32]:
        inputs = {key: value.to(self.model.device) for key, value in inputs.items()}
        with torch.inference_mode():
            found = features(**inputs)
        vectors = found if isinstance(found, torch.Tensor) else found.pooler_output
        if vectors.dim() != 2:
            kind, shape = type(self.model).__name__, tuple(vectors.shape)
            raise not_a_dual_encoder(f"{kind}, with embeddings of shape {shape}")
        unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
        array: NDArray[np.float32] = unit.cpu().numpy()
        return array

    def _stack(self, rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if rows:
            return np.stack(rows)
        size = getattr(self.model.config, "projection_dim", None)
        return np.empty((0, size or self.model.config.text_config.hidden_size), np.float32)


def _padded(rows: torch.Tensor) -> torch.Tensor:
    """Repeat the last row, so that the number of rows is a multiple of `_PADDED`."""
    return torch.cat([rows, rows[-1:].repeat(-len(rows) % _PADDED, *[1] * (rows.dim() - 1))])


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    # By index, one batch at a time, since pictures may be read from disk on access.
    for start in range(0, len(items), size):
        yield [items[i] for i in range(start, min(start + size, len(items)))]
