"""What a family's encoders read of a prompt: where they cut it, and where its words end."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from trimtab.pipelines.families import Text, family_of
from trimtab.pipelines.session import ENCODING

MARK = "\N{SECTION SIGN}"  # stands for the prompt in a template
SHOWN = 60  # characters of a prompt in a warning


class CutPromptWarning(UserWarning):
    """A prompt is longer than a text encoder reads."""


class Stretch(NamedTuple):
    """The rows of ``prompt_embeds`` that one encoder fills, in families whose denoiser sees all.

    Attributes
    ----------
    texts : list of range
        For each prompt, the rows of its tokens. The last of them ends the text: in CLIP and T5 a
        special token, in chat templates the end of the template.
    stop : int
        The row after the last one. Rows between the text and it are padding, which carries what
        the encoder makes of the whole text.
    """

    texts: list[range]
    stop: int


def stretches(pipe: Any, prompts: Sequence[str]) -> list[Stretch]:
    """Return where the texts of prompts are in ``prompt_embeds``.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    prompts : sequence of str
        The encoded prompts.

    Returns
    -------
    list of Stretch
        Empty in families whose denoisers see only the text, by a mask or by texts that keep their
        own lengths.
    """
    found: dict[int, Stretch] = {}
    for text in texts_of(pipe):
        if text.start is None or text.start(pipe) in found:
            continue
        first, length = text.start(pipe), text.length(pipe)
        stop = first + length
        tokenizer = tokenizer_of(pipe, text)
        with ENCODING:
            sizes = {one: min(length, _size(pipe, text, tokenizer, one)) for one in set(prompts)}
        left = tokenizer.padding_side == "left"
        texts = [
            range(stop - sizes[one], stop) if left else range(first, first + sizes[one])
            for one in prompts
        ]
        found[first] = Stretch(texts, stop)
    return list(found.values())


def cut_from(pipe: Any, prompt: str) -> dict[str, tuple[int, str]]:
    """Return what the encoders of a pipeline do not read of a prompt.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    prompt : str
        The prompt.

    Returns
    -------
    dict
        By tokenizer, how many tokens its encoder reads and the end of the prompt that is cut off;
        empty if all of it is read.
    """
    found = {}
    for text in texts_of(pipe):
        tokenizer, length = tokenizer_of(pipe, text), text.length(pipe)
        with ENCODING:
            tokens = _tokens(tokenizer, prompt)
            room = length - _beside(pipe, text, tokenizer)
        if len(tokens) > room:
            found[text.tokenizer] = length, tokenizer.decode(tokens[max(0, room) :]).strip()
    return found


def warn_of_cuts(pipe: Any, prompts: Iterable[str]) -> None:
    """Warn about each prompt that is longer than an encoder reads, and say what is cut off.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    prompts : iterable of str
        The prompts.
    """
    for prompt in sorted(set(prompts)):
        cut = cut_from(pipe, prompt)
        if cut:
            said = "; ".join(
                f"{name} reads {length} tokens and leaves out “{end}”"
                for name, (length, end) in cut.items()
            )
            start = prompt if len(prompt) <= SHOWN else f"{prompt[: SHOWN - 1]}…"
            warnings.warn(
                f"the prompt “{start}” is too long: {said}; shorten it",
                CutPromptWarning,
                stacklevel=3,
            )


def texts_of(pipe: Any) -> list[Text]:
    """Return the rows of the encoders that this pipeline has; SD 3 also runs without T5."""
    texts = family_of(pipe).texts
    return [text for text in texts if getattr(pipe, text.tokenizer, None) is not None]


def tokenizer_of(pipe: Any, text: Text) -> Any:
    """Return the tokenizer of words, which a processor of text and pictures contains."""
    found = getattr(pipe, text.tokenizer)
    return getattr(found, "tokenizer", found)


def _size(pipe: Any, text: Text, tokenizer: Any, prompt: str) -> int:
    """Return the number of tokens of a prompt, with special tokens or template."""
    if text.template is None:
        return len(_tokens(tokenizer, prompt, add_special_tokens=True))
    return len(_tokens(tokenizer, text.template(pipe, prompt)))


def _beside(pipe: Any, text: Text, tokenizer: Any) -> int:
    """Return how many tokens take room from the prompt: special ones, or a template's beginning."""
    if text.template is None:
        return int(tokenizer.num_special_tokens_to_add())
    before, _, _ = text.template(pipe, MARK).partition(MARK)
    return len(_tokens(tokenizer, before))


def _tokens(tokenizer: Any, text: str, *, add_special_tokens: bool = False) -> list[int]:
    # Not verbose: it would warn that the text is too long for the model.
    found = tokenizer(text, add_special_tokens=add_special_tokens, verbose=False)
    return list(found.input_ids)
