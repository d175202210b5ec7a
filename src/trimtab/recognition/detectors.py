"""`load_detector`: a detector in transformers, by Hub id or folder."""

from __future__ import annotations

import os
from typing import Any

from trimtab.errors import ModelError
from trimtab.recognition.captioning import CaptionDetector
from trimtab.recognition.grounding import GroundingDinoDetector, OwlDetector, PretrainedDetector
from trimtab.recognition.loading import Source, load_parts
from trimtab.recognition.protocol import OWN_DETECTOR

KINDS: dict[str, tuple[type[PretrainedDetector], str]] = {
    "owlvit": (OwlDetector, "OwlViTForObjectDetection"),
    "owlv2": (OwlDetector, "Owlv2ForObjectDetection"),
    "grounding-dino": (GroundingDinoDetector, "GroundingDinoForObjectDetection"),
    "mm-grounding-dino": (GroundingDinoDetector, "MMGroundingDinoForObjectDetection"),
    "kosmos-2": (CaptionDetector, "Kosmos2ForConditionalGeneration"),
}
"""Model type in config.json -> our class, and that of the model in transformers."""
_EXPECTED = (
    "the id or folder of an OWL-ViT, OWLv2, Grounding DINO or Kosmos-2 model with safetensors "
    "weights"
)


def load_detector(
    name: str | os.PathLike[str],
    *,
    device: str = "auto",
    revision: str | None = None,
    **settings: Any,
) -> PretrainedDetector:
    """Load a detector from the Hub or a folder, using only safetensors weights.

    Parameters
    ----------
    name : str or path
        For example "google/owlv2-base-patch16-ensemble", "IDEA-Research/grounding-dino-tiny",
        "microsoft/kosmos-2-patch14-224".
    device : str, optional
        A torch device; "auto" uses an accelerator if there is one.
    revision : str, optional
        Revision of the Hub repository.
    **settings
        Passed to the detector: `floor`, or for a grounded caption `prompt` and `longest`.

    Returns
    -------
    OwlDetector, GroundingDinoDetector or CaptionDetector
        The detector, by the model's type.

    Raises
    ------
    ModelError
        If the model cannot be found or read, lacks weights, or is not a detector.
    UsageError
        If there is no such device, or a setting is invalid.
    """
    import transformers

    source = Source(name, OWN_DETECTOR, _EXPECTED, revision)
    source.require_config()
    with source.reading("config.json"):
        config = transformers.AutoConfig.from_pretrained(source.path, **source.options)
    if config.model_type not in KINDS:
        raise ModelError(
            got=f"{source.path!r}, a model of type {config.model_type!r}",
            expected=_EXPECTED,
            do="choose another model",
        )
    kind, model_class = KINDS[config.model_type]
    parts = load_parts(source, getattr(transformers, model_class), device)
    return kind(parts.model, parts.tokenizer, parts.image_processor, name=source.label, **settings)
