"""How the text tower of a dual encoder is fed: padding, mask, case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from trimtab.errors import ModelError, first_line

CLIP = ("clip", "metaclip_2")
"""Model types that are causal and pool at the end-of-text token, so that padding has no effect."""
SIGLIP = ("siglip", "siglip2")
"""Model types trained on lower-case text, padded to full length, without a mask."""
PROBES = ("a woman", "a photo of a man who reads a newspaper")
"""Two sentences of different lengths."""


def tokens_of(model: Any, tokenizer: Any, sentences: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the text inputs of a dual encoder as in its training, padded to full length.

    The full length makes the embedding of a sentence independent of the others in its batch.

    Parameters
    ----------
    model : transformers model
        A model with `get_text_features`.
    tokenizer : transformers tokenizer
        The model's tokenizer.
    sentences : sequence of str
        m sentences; long ones are truncated.

    Returns
    -------
    dict of str to Tensor, shape (m, length)
        ``input_ids``, and where the model takes them also ``attention_mask`` and
        ``token_type_ids``.
    """
    if model.config.model_type in SIGLIP:
        sentences = [one.lower() for one in sentences]
    found = tokenizer(
        list(sentences),
        padding="max_length",
        truncation=True,
        max_length=_length(model, tokenizer),
        return_tensors="pt",
        **({"return_attention_mask": True} if is_masked(model) else {}),
    )
    names = accepted(model.get_text_features) if is_masked(model) else {"input_ids"}
    return {name: value for name, value in found.items() if name in names}


def is_masked(model: Any) -> bool:
    """Return whether a model's padding must be masked: not for CLIP, nor for SigLIP."""
    return model.config.model_type not in CLIP + SIGLIP


def accepted(features: Callable[..., Any]) -> set[str]:
    """Return the names of the inputs that a method of a model takes."""
    return set(inspect.signature(features).parameters)


def require_no_effect_of_padding(model: Any, tokenizer: Any, unit: Callable[..., Any]) -> None:
    """Reject a model whose embedding of a sentence differs from that of the sentence alone.

    Parameters
    ----------
    model, tokenizer
        As in `tokens_of`.
    unit : callable
        Takes a method of the model and its inputs, and returns unit embeddings ``(m, e)``.

    Raises
    ------
    ModelError
        If they differ, or the model cannot embed a sentence.
    """
    kind = type(model).__name__
    try:
        together = unit(model.get_text_features, **tokens_of(model, tokenizer, PROBES))
        names = accepted(model.get_text_features)
        for row, sentence in zip(together, PROBES, strict=True):
            alone = tokenizer(
                [sentence],
                truncation=True,
                max_length=_length(model, tokenizer),
                return_tensors="pt",
            )
            inputs = {name: value for name, value in alone.items() if name in names}
            cosine = float((unit(model.get_text_features, **inputs)[0] * row).sum())
            if not cosine > 0.9999:
                raise not_a_dual_encoder(
                    f"{kind}, whose embedding of a sentence depends on its padding "
                    f"(cosine {cosine:.2f})"
                )
    # A model that is no dual encoder of one text and one image fails in its own way.
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        said = f"{kind}, which cannot embed a sentence ({first_line(error)})"
        raise not_a_dual_encoder(said) from error


def not_a_dual_encoder(got: str) -> ModelError:
    """Return the error for a model that cannot be used as a dual encoder."""
    return ModelError(
        got=got,
        expected="a dual encoder such as CLIPModel or SiglipModel",
        do="choose a CLIP or SigLIP model",
    )


def _length(model: Any, tokenizer: Any) -> int:
    """Return the greatest number of tokens of a sentence."""
    config = model.config.text_config
    positions: int = config.max_position_embeddings
    if "roberta" in config.model_type or model.config.model_type == "altclip":
        positions -= config.pad_token_id + 1  # positions start after that of the padding
    return min(positions, tokenizer.model_max_length) if is_masked(model) else positions
