"""The contents of a mitigation's file: the record, its directions, and their provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.interventions.direction import Direction
from trimtab.interventions.effect import Effect, checked
from trimtab.interventions.file import Metadata, Tensors, to_json
from trimtab.storage import sha256


@dataclass(frozen=True)
class Term:
    """A direction's hash, with its strength for every picture."""

    direction: str
    hash: str
    strength: float


@dataclass(frozen=True)
class Terms:
    """The steering."""

    terms: list[Term]


@dataclass(frozen=True)
class Record:
    """The record of an intervention, as returned by `Intervention.to_dict`."""

    steering: Terms
    adjustment: dict[str, Any] | None


@dataclass(frozen=True)
class KeptDirection:
    """What is stored about a direction besides its tensor."""

    shape: tuple[int, int, int]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class KeptTarget:
    """A target, with its source."""

    shares: dict[str, float]
    source: str = ""


@dataclass(frozen=True)
class Facts:
    """The entries of a mitigation's provenance that are read; there may be others."""

    name: str | None = None
    licence: str | None = None
    target: dict[str, KeptTarget] | None = None
    measured: Effect | None = None


@dataclass(frozen=True)
class Contents:
    """The entry ``contents`` of the metadata."""

    record: Record
    directions: dict[str, KeptDirection]
    provenance: dict[str, Any]


def encode(
    record: Mapping[str, Any], directions: Sequence[Direction], provenance: Mapping[str, Any]
) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors and the metadata of a file.

    Raises
    ------
    UsageError
        If the provenance cannot be written as JSON, an entry of it is invalid, or strengths are
        given per image.
    """
    contents = {
        "record": record,
        "directions": {
            one.hash: {"shape": one.shape, "provenance": one.provenance} for one in directions
        },
        "provenance": provenance,
    }
    checked(Facts, provenance, "provenance")
    text = to_json(contents)
    checked(Contents, contents, "a mitigation")
    tensors = {one.hash: one.array for one in directions}
    return tensors, {"contents": text, "sha256": sha256(text.encode())}


def decode(
    metadata: Metadata, tensors: Tensors
) -> tuple[dict[str, Any], list[Direction], dict[str, Any]]:
    """Return the record, the directions and the provenance in a file; the inverse of `encode`.

    Raises
    ------
    ValueError, KeyError
        If a hash does not match, or an entry is missing or has the wrong type.
    """
    text = metadata["contents"]
    if sha256(text.encode()) != metadata["sha256"]:
        raise ValueError("the hash of its contents does not match")
    document = json.loads(text)
    contents = checked(Contents, document, "contents")
    checked(Facts, contents.provenance, "provenance")
    wanted = {term.hash for term in contents.record.steering.terms}
    if not wanted == tensors.keys() == contents.directions.keys():
        raise ValueError("the directions are not those of the record")
    directions = []
    for name, kept in contents.directions.items():
        direction = Direction(tensors[name], kept.provenance)
        if direction.hash != name or direction.shape != kept.shape:
            raise ValueError(f"the hash of direction {direction.name} does not match")
        directions.append(direction)
    return document["record"], directions, contents.provenance
