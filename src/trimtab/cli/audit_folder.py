"""The folder of an audit: pictures made elsewhere, and what earlier audits of it saw."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from trimtab.generation import ImageSet
from trimtab.recognition import Labels, load_labels
from trimtab.recognition.labels import LABELS_FILE
from trimtab.storage import sha256


def kept_labels(out: Path, asked: Collection[str]) -> list[Labels]:
    """Read what an earlier audit of the same pictures saw of other attributes."""
    if not (out / LABELS_FILE).exists():
        return []
    return [labels for name, labels in load_labels(out).items() if name not in asked]


def copied(pictures: ImageSet, out: Path) -> ImageSet:
    """Copy pictures made elsewhere into the folder of the audit, before they are looked at."""
    if not pictures.settings:  # then what is in them must tell them from others
        pictures = pictures.screened()
        content = "".join(sha256(image.tobytes()) for image in pictures)
        pictures.settings["content"] = sha256(content.encode())
    return pictures.save(out)
