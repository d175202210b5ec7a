"""From pictures to labels: the zero-shot recogniser, the protocol for others, and `Labels`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.recognition.classification import classify, recogniser_for
from trimtab.recognition.labels import Labels, load_labels, save_labels
from trimtab.recognition.protocol import Recogniser
from trimtab.recognition.similarity import Preservation, preservation, psnr

if TYPE_CHECKING:
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

__all__ = [
    "Labels",
    "Preservation",
    "Recogniser",
    "ZeroShotRecogniser",
    "classify",
    "load_labels",
    "preservation",
    "psnr",
    "recogniser_for",
    "save_labels",
]


def __getattr__(name: str) -> Any:
    # Only this one needs torch: labels can be read and audited without loading it.
    if name == "ZeroShotRecogniser":
        from trimtab.recognition.zero_shot import ZeroShotRecogniser

        return ZeroShotRecogniser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
