"""Observations from pictures: recognisers, their answers, and how these are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy
from trimtab.recognition.classification import classify, correct, recall
from trimtab.recognition.detecting import detect
from trimtab.recognition.detection import Detection, Detector, average_precision, overlap
from trimtab.recognition.detections import Counts, Detections
from trimtab.recognition.embeddings import Embeddings, embed
from trimtab.recognition.faces import FaceRecogniser
from trimtab.recognition.holder import (
    detector_for,
    recogniser_for,
    release_detector,
    release_recogniser,
)
from trimtab.recognition.labels import Labels
from trimtab.recognition.observations import Answer, Observations
from trimtab.recognition.protocol import Embedder, Recogniser
from trimtab.recognition.questions import Question
from trimtab.recognition.similarity import Preservation, preservation, psnr

if TYPE_CHECKING:
    from trimtab.recognition.archive import tidy
    from trimtab.recognition.captioning import CaptionDetector
    from trimtab.recognition.detectors import load_detector
    from trimtab.recognition.grounding import GroundingDinoDetector, OwlDetector
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

__all__ = [
    "Answer",
    "CaptionDetector",
    "Counts",
    "Detection",
    "Detections",
    "Detector",
    "Embedder",
    "Embeddings",
    "FaceRecogniser",
    "GroundingDinoDetector",
    "Labels",
    "Observations",
    "OwlDetector",
    "Preservation",
    "Question",
    "Recogniser",
    "ZeroShotRecogniser",
    "average_precision",
    "classify",
    "correct",
    "detect",
    "detector_for",
    "embed",
    "load_detector",
    "overlap",
    "preservation",
    "psnr",
    "recall",
    "recogniser_for",
    "release_detector",
    "release_recogniser",
    "tidy",
]

# These need torch and pyarrow: observations can be read and audited without them.
__getattr__ = lazy(
    __name__,
    {
        "archive": ["tidy"],
        "captioning": ["CaptionDetector"],
        "detectors": ["load_detector"],
        "grounding": ["GroundingDinoDetector", "OwlDetector"],
        "zero_shot": ["ZeroShotRecogniser"],
    },
)
