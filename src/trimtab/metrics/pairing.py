"""Pairing the pictures of two sets: by prompt and seed, or by the name of their file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.recognition.labels import Labels

Pairing = Literal["seed", "file", "nothing"]
"""What two pictures have in common that are compared: prompt and seed, the name of their file, or
nothing, if two sets are compared as a whole."""


def require_alike(before: Labels, after: Labels) -> None:
    """Reject labels of different attributes or groups, or of two versions of a recogniser."""
    if (before.attribute, before.groups) != (after.attribute, after.groups):
        raise UsageError(
            got=f"{before.attribute} ({', '.join(before.groups)}) against "
            f"{after.attribute} ({', '.join(after.groups)})",
            expected="the same attribute and groups",
            do="compare like with like",
        )


def paired_codes(
    before: Labels, after: Labels, by: Pairing
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes of the pictures that both sets contain, matched by prompt and seed or name.

    Two sets with one prompt each are matched by seed only, so that "a doctor" may be compared with
    "a doctor in a hospital". Pictures that could not be read have no counterpart.
    """
    require_alike(before, after)
    what = "file name" if by == "file" else "seed"
    both = _keys(before, after, by)
    places = []
    for labels, keys in zip((before, after), both, strict=True):
        if len(set(keys)) < len(labels):
            raise UsageError(
                got=f"a {what} that occurs twice" + ("" if by == "file" else " with one prompt"),
                expected="one picture for each prompt and seed",
                do="compare one set of pictures at a time",
            )
        places.append({key: row for row, key in enumerate(keys) if not labels.missed[row]})
    first, second = places
    shared = [key for key in first if key in second]
    if not shared:
        raise UsageError(
            got=f"no {what} in common",
            expected="pictures of the same "
            + ("subjects under the same names" if by == "file" else "prompts and seeds"),
            do="pair them by seed, or not at all"
            if by == "file"
            else "generate both with the same ones",
        )
    i, j = [first[key] for key in shared], [second[key] for key in shared]
    return before.codes[i], after.codes[j]


def seeds_make_pairs(before: Labels, after: Labels) -> bool:
    """Return whether the pictures of two sets can be paired by the seeds in their records.

    They cannot if a picture has no record, two of a set have the same, or the sets share none that
    can be read.
    """
    if before.numbered.any() or after.numbered.any():
        return False
    both = _keys(before, after, "seed")
    read = [
        {key for key, lost in zip(keys, labels.missed.tolist(), strict=True) if not lost}
        for labels, keys in zip((before, after), both, strict=True)
    ]
    return all(len(set(keys)) == len(keys) for keys in both) and not read[0].isdisjoint(read[1])


def _keys(before: Labels, after: Labels, by: Pairing) -> list[list[tuple[str, Any]]]:
    """Return what the pictures of each set are paired by."""
    one_each = all(len(set(labels.prompts.tolist())) == 1 for labels in (before, after))
    found = []
    for labels in (before, after):
        if by == "file":
            _require_names(labels)
        alone = one_each or by == "file"
        prompts = [""] * len(labels) if alone else labels.prompts.tolist()
        found.append(
            list(
                zip(prompts, (labels.files if by == "file" else labels.seeds).tolist(), strict=True)
            )
        )
    return found


def _require_names(labels: Labels) -> None:
    if not all(labels.files.tolist()):
        raise UsageError(
            got="pictures without file names",
            expected="pictures of a folder, to pair them by name",
            do="open them with ImageSet.from_folder",
        )
