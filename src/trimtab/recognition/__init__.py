"""Observations from pictures: recognisers, their answers, and how these are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.recognition.classification import classify, correct, recall
from trimtab.recognition.embeddings import Embeddings, embed
from trimtab.recognition.holder import recogniser_for, release_recogniser
from trimtab.recognition.labels import Labels
from trimtab.recognition.observations import Answer, Observations
from trimtab.recognition.protocol import Embedder, Recogniser
from trimtab.recognition.questions import Question
from trimtab.recognition.similarity import Preservation, preservation, psnr

if TYPE_CHECKING:
    from trimtab.recognition.archive import tidy
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

__all__ = [
    "Answer",
    "Embedder",
    "Embeddings",
    "Labels",
    "Observations",
    "Preservation",
    "Question",
    "Recogniser",
    "ZeroShotRecogniser",
    "classify",
    "correct",
    "embed",
    "preservation",
    "psnr",
    "recall",
    "recogniser_for",
    "release_recogniser",
    "tidy",
]


def __getattr__(name: str) -> Any:
    # These need torch and pyarrow: observations can be read and audited without them.
    if name == "ZeroShotRecogniser":
        from trimtab.recognition.zero_shot import ZeroShotRecogniser

        return ZeroShotRecogniser
    if name == "tidy":
        from trimtab.recognition.archive import tidy

        return tidy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
