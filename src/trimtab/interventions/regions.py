"""Where texts are among token embeddings, and the vectors that summarise example prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from trimtab.pipelines import (
    NEGATIVE,
    Conditioning,
    RunSettings,
    encode,
    role_of,
    stretches,
    warn_of_cuts,
)

TOGETHER = 16  # prompts encoded at once: those of T5 take 8 MB each
_KEPT = 8  # sets of examples for each pipeline
_EXAMPLES: WeakKeyDictionary[Any, dict[Any, dict[str, list[torch.Tensor]]]] = WeakKeyDictionary()
"""What `examples_of` found, which is the same for every batch."""


class Region(NamedTuple):
    """Where texts are among the tokens of one encoder, as far as the denoiser sees them.

    Attributes
    ----------
    rows : torch.Tensor
        Booleans (n, length), the tokens that the denoiser sees.
    after : torch.Tensor or None
        Booleans (n, length), the token that ends the text and the padding after it; None if the
        denoiser sees no padding.
    last : list of int
        The token that ends each text.
    """

    rows: torch.Tensor
    after: torch.Tensor | None
    last: list[int]


Summary = Callable[[torch.Tensor, Region], torch.Tensor]
"""From the tokens (k, length, width) of prompts to one vector each, (k, width)."""


def regions_of(
    conditioning: Conditioning, name: str, pipe: Any, prompts: Sequence[str]
) -> list[Region]:
    """Return the regions of a part of token embeddings, one for each encoder that fills it.

    Parameters
    ----------
    conditioning : Conditioning
        The encoded prompts.
    name : str
        The part.
    pipe : diffusers.DiffusionPipeline
        The pipeline that encoded them.
    prompts : sequence of str
        The prompts.
    """
    value = conditioning.parts[name]
    tokens = padded(value)
    shape, device = tokens.shape[:2], tokens.device
    found = []
    for texts, stop in stretches(pipe, prompts):
        rows, after = (torch.zeros(shape, dtype=torch.bool, device=device) for _ in range(2))
        for i, text in enumerate(texts):
            rows[i, text.start : stop] = True
            after[i, text.stop - 1 : stop] = True
        found.append(Region(rows, after, [text.stop - 1 for text in texts]))
    if found:
        return found
    mask = conditioning.parts.get(conditioning.masks.get(name, ""))
    if isinstance(mask, torch.Tensor):
        rows = mask.bool()
    elif isinstance(value, torch.Tensor):
        rows = torch.ones(shape, dtype=torch.bool, device=device)
    else:
        lengths = torch.tensor([len(one) for one in value], device=device)
        rows = torch.arange(shape[1], device=device) < lengths[:, None]
    return [Region(rows, None, [int(row.nonzero()[-1]) for row in rows])]


def examples_of(
    pipe: Any, encoder: str, prompts: tuple[str, ...], summary: Summary
) -> dict[str, list[torch.Tensor]]:
    """Return the vectors of example prompts, encoded once for a pipeline in its current state.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    encoder : str
        The fingerprint of its text encoders.
    prompts : tuple of str
        The examples.
    summary : callable
        Makes one vector of the tokens of each.

    Returns
    -------
    dict
        By part, one tensor (k, width) in float32 for each encoder; one for a pooled embedding.

    Warns
    -----
    CutPromptWarning
        If an example is longer than a text encoder reads.
    """
    kept = _EXAMPLES.setdefault(pipe, {})
    key = encoder, prompts, summary
    if key not in kept:
        warn_of_cuts(pipe, prompts)
        if len(kept) >= _KEPT:
            kept.clear()
        kept[key] = _encoded(pipe, prompts, summary)
    return kept[key]


def _encoded(
    pipe: Any, prompts: tuple[str, ...], summary: Summary
) -> dict[str, list[torch.Tensor]]:
    found: dict[str, list[list[torch.Tensor]]] = {}
    for start in range(0, len(prompts), TOGETHER):
        some = prompts[start : start + TOGETHER]
        conditioning = encode(pipe, some, RunSettings())
        for name, value in of_prompt(conditioning):
            rows = padded(value).float()
            pooled = role_of(name) == "pooled"
            regions = [] if pooled else regions_of(conditioning, name, pipe, some)
            vectors = [rows] if pooled else [summary(rows, region) for region in regions]
            found.setdefault(name, []).append(vectors)
    return {
        name: [torch.cat(several) for several in zip(*parts, strict=True)]
        for name, parts in found.items()
    }


def of_prompt(conditioning: Conditioning) -> Iterator[tuple[str, Any]]:
    """Yield the embeddings of the prompt, without masks and without the negative prompt's."""
    for name, value in conditioning.parts.items():
        if role_of(name) != "mask" and not name.startswith(NEGATIVE):
            yield name, value


def padded(value: Any) -> torch.Tensor:
    """Return a part as one tensor; texts of different lengths are padded with zeros."""
    if isinstance(value, torch.Tensor):
        return value
    return torch.nn.utils.rnn.pad_sequence(list(value), batch_first=True)
