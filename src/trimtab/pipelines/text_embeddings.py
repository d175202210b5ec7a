"""The one embedding that a text encoder of a pipeline has for a whole text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trimtab.errors import UsageError
from trimtab.pipelines.families import Text
from trimtab.pipelines.placement import device_of
from trimtab.pipelines.session import ENCODING
from trimtab.pipelines.texts import texts_of, tokenizer_of

_BATCH = 64
_WHOLE = ("text_embeds", "pooler_output")  # projected, or else pooled


@torch.no_grad()
def text_embeddings(pipe: Any, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Embed texts with each text encoder of a pipeline that projects or pools them.

    CLIP's text towers do; T5, Gemma and Qwen, which have one embedding per token only, do not.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    texts : sequence of str
        n texts, cut where the encoder stops reading.

    Returns
    -------
    dict of str to ndarray of float32, shape (n, e)
        Unit rows, by the name of the encoder in the pipeline, such as ``"text_encoder_2"``; empty
        if there is no such encoder.

    Raises
    ------
    UsageError
        If there are no texts.
    ModelError
        If the pipeline's family is not in the table.
    """
    if not texts:
        raise UsageError(got="no texts", expected="at least one", do="give some")
    found = {}
    for text in texts_of(pipe):
        name = text.tokenizer.replace("tokenizer", "text_encoder")
        # The first text alone tells whether it is worthwhile to encode the others.
        parts = [_whole(pipe, name, text, texts[:1])]
        if parts[0] is None:
            continue
        parts += [
            _whole(pipe, name, text, texts[start : start + _BATCH])
            for start in range(1, len(texts), _BATCH)
        ]
        rows = torch.cat([part for part in parts if part is not None]).float().cpu().numpy()
        found[name] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def _whole(pipe: Any, name: str, text: Text, texts: Sequence[str]) -> torch.Tensor | None:
    """Return the projected or pooled embeddings of texts, (n, e); None if there are none."""
    tokenizer = tokenizer_of(pipe, text)
    with ENCODING:
        ids = tokenizer(
            list(texts),
            padding="max_length",
            max_length=text.length(pipe),
            truncation=True,
            return_tensors="pt",
        ).input_ids
    out = getattr(pipe, name)(ids.to(device_of(pipe)))
    rows = (getattr(out, one, None) for one in _WHOLE)
    return next((row for row in rows if row is not None), None)
