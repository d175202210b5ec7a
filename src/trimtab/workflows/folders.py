"""Comparing the pictures in two folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.concepts import Attribute
from trimtab.generation import ImageSet
from trimtab.metrics import Comparison
from trimtab.metrics.pairing import Pairing, seeds_make_pairs
from trimtab.recognition import classify, recogniser_for
from trimtab.storage import Progress
from trimtab.storage.formats import shown_name, told_left_out
from trimtab.workflows.audits import attributes_of, sources_of
from trimtab.workflows.records import SourceFile


@dataclass(frozen=True)
class FolderComparison:
    """The changes between the pictures in two folders.

    Attributes
    ----------
    folders : tuple of str
        The two folders.
    comparisons : tuple of Comparison
        One per attribute.
    sources : tuple of tuple of SourceFile
        The files of each folder, with what became of each.
    left_out : tuple of dict
        For each folder, the number of other files by suffix.
    """

    folders: tuple[str, str]
    comparisons: tuple[Comparison, ...]
    sources: tuple[tuple[SourceFile, ...], tuple[SourceFile, ...]]
    left_out: tuple[dict[str, int], dict[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "folders": list(self.folders),
            "comparisons": [one.to_dict() for one in self.comparisons],
            "sources": [[vars(file) for file in files] for files in self.sources],
            "left_out": list(self.left_out),
        }

    def __str__(self) -> str:
        """Return a table for each attribute, and what was left out or could not be read."""
        parts = [str(one) for one in self.comparisons]
        if self.comparisons[0].paired_by == "nothing":
            parts.append(
                "Not paired: seeds are known only of pictures that trimtab generated, and make "
                "pairs if none occurs twice in a folder and some occur in both. To pair by file "
                "name, use --paired (in Python, paired=True)."
            )
        for folder, files, left in zip(self.folders, self.sources, self.left_out, strict=True):
            for status in ("unreadable", "blocked"):
                found = [f"  {one.name}: {one.reason}" for one in files if one.status == status]
                if found:
                    parts.append("\n".join([f"{status} in {folder}: {len(found)}", *found]))
            if left:
                parts.append(f"{folder}: {told_left_out(left)}")
        return "\n\n".join(parts)


def compare_images(
    folder: str | Path,
    other: str | Path,
    attributes: Attribute | str | Sequence[Attribute | str] = "gender",
    *,
    paired: bool = False,
    recogniser: Any = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> FolderComparison:
    """Compare whom the pictures in two folders show.

    Pictures that trimtab generated are paired by the prompt and the seed that are written in them.
    If any picture has none, two of a folder have the same, or the folders share none, they are
    compared as a whole.

    Parameters
    ----------
    folder, other : str or Path
        The two folders; differences are other - folder.
    attributes, recogniser, device, progress
        As in `audit_images`.
    paired : bool, optional
        Pair the pictures by the names of their files instead. Pass it only if the same name means
        the same subject: unrelated folders may both hold a 0001.png.

    Raises
    ------
    FileError
        If a folder has no pictures, or none can be read.
    UsageError, ModelError
        As in `classify` and `Comparison.between`.
    """
    asked = attributes_of(attributes)
    sets = [ImageSet.from_folder(one) for one in (folder, other)]
    found = recogniser_for(sets[0], recogniser, device=device)
    seen = [classify(images, asked, found, progress=progress) for images in sets]
    first, second = (
        sources_of(one, observations)
        for one, observations in zip((folder, other), seen, strict=True)
    )
    labels = [(seen[0].labels(one.name), seen[1].labels(one.name)) for one in asked]
    by: Pairing = "file" if paired else "seed" if seeds_make_pairs(*labels[0]) else "nothing"
    comparisons = tuple(Comparison.between(*both, by=by) for both in labels)
    names = (shown_name(str(folder)), shown_name(str(other)))
    left_out = (sets[0].left_out, sets[1].left_out)
    return FolderComparison(names, comparisons, (first, second), left_out)
