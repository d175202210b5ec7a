"""Observations from pictures: recognisers, their answers, and how these are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy
from trimtab.recognition.classification import classify, correct, recall
from trimtab.recognition.detection import Detection, Detector, average_precision, overlap
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
    "Detection",
    "Detector",
    "Embedder",
    "Embeddings",
    "Labels",
    "Observations",
    "Preservation",
    "Question",
    "Recogniser",
    "ZeroShotRecogniser",
    "average_precision",
    "classify",
    "correct",
    "embed",
    "overlap",
    "preservation",
    "psnr",
    "recall",
    "recogniser_for",
    "release_recogniser",
    "tidy",
]

# These need torch and pyarrow: observations can be read and audited without them.
__getattr__ = lazy(__name__, {"archive": ["tidy"], "zero_shot": ["ZeroShotRecogniser"]})
