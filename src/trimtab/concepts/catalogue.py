"""Attributes and concept packs, from the built-in catalogue or from a YAML file.

An attribute is one YAML document; the catalogue is a file with many of them::

    name: hair
    title: perceived hair length        # optional
    groups:
      - name: long
        modifier: long-haired           # optional: the name
        prompt: a photo of a long-haired person    # optional: made from the modifier
        phrases: [a photo of a person with long hair]   # optional: the prompt
      - name: short
        modifier: short-haired

A concept pack is one document with `name`, `concepts` (words, or `name` and `phrases`) and,
optionally, `templates` to build the phrases from, such as "a portrait of {a} {concept}".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from trimtab.concepts.documents import (
    is_file,
    list_of,
    mapping_of,
    names_in,
    read_document,
    shipped,
)
from trimtab.concepts.values import Attribute, Concept, ConceptPack, Group
from trimtab.concepts.words import fold, modified_prompt
from trimtab.errors import UsageError

Named: TypeAlias = Attribute | str | os.PathLike[str]
"""An attribute, its name in the catalogue, or the path of its YAML file."""

_PACKS = files("trimtab.concepts") / "packs"
_CATALOGUE = "attributes.yaml"


def attribute(name: str | os.PathLike[str]) -> Attribute:
    """Return an attribute from the catalogue or from a YAML file.

    Parameters
    ----------
    name : str or path
        A name listed by `attributes` ("skin tone" and "skin-tone" mean "skin_tone"), or a path
        that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Attribute
        With its groups, prompts and phrases.

    Raises
    ------
    UsageError
        If the catalogue has no such attribute; the message lists the available ones.
    FileError
        If the file is missing, is not YAML, or does not describe an attribute.
    """
    if is_file(name):
        return read_document(Path(name), attribute_of)
    try:
        return _catalogue()[fold(str(name))]
    except KeyError:
        raise UsageError(
            got=f"the attribute {str(name)!r}",
            expected=f"one of {', '.join(attributes())}, or a .yaml file",
            do="choose one, or define your own in a file",
        ) from None


def as_attribute(one: Named) -> Attribute:
    """Return an attribute, which is looked up if it is only named."""
    return one if isinstance(one, Attribute) else attribute(one)


def as_attributes(given: Named | Sequence[Named]) -> tuple[Attribute, ...]:
    """Return the attributes for an argument that takes one or several, in order."""
    several = [given] if isinstance(given, Attribute | str | os.PathLike) else given
    return tuple(map(as_attribute, several))


def attributes() -> tuple[str, ...]:
    """Return the names of the attributes in the catalogue."""
    return tuple(_catalogue())


def concept_pack(name: str | os.PathLike[str]) -> Attribute:
    """Return a concept pack as an attribute named "concept", with one group per concept.

    For example, `classify(images, concept_pack("townsfolk"))` answers "is it still a doctor?".

    Parameters
    ----------
    name : str or path
        A name listed by `concept_packs`, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Attribute
        Its groups are the concepts.

    Raises
    ------
    UsageError
        If there is no pack of that name.
    FileError
        If the file is missing, is not YAML, or does not describe a pack.
    """
    if is_file(name):
        return read_document(Path(name), _pack)
    key = fold(str(name))
    if key not in concept_packs():
        raise UsageError(
            got=f"the concept pack {str(name)!r}",
            expected=f"one of {', '.join(concept_packs())}, or a .yaml file",
            do="choose one, or list your concepts in a file",
        )
    return _shipped_pack(key)


def concept_packs() -> tuple[str, ...]:
    """Return the names of the concept packs that ship with trimtab."""
    return tuple(name for name in names_in(_PACKS) if f"{name}.yaml" != _CATALOGUE)


@cache
def _catalogue() -> dict[str, Attribute]:
    documents = yaml.safe_load_all((_PACKS / _CATALOGUE).read_text(encoding="utf-8"))
    return {item.name: item for item in map(attribute_of, documents)}


@cache
def _shipped_pack(name: str) -> Attribute:
    return _pack(shipped(_PACKS, name))


def attribute_of(document: Any) -> Attribute:
    """Return the attribute in a document of the form above."""
    data = mapping_of(document, "an attribute", ("name", "title", "groups"))
    groups = tuple(_group(item) for item in list_of(data.get("groups"), "the groups"))
    return Attribute(data.get("name", ""), groups, str(data.get("title") or ""))


def _group(item: Any) -> Group:
    data = mapping_of(item, "a group", ("name", "prompt", "modifier", "phrases"))
    name = data.get("name", "")
    modifier = data.get("modifier", name)
    prompt = data.get("prompt")
    if prompt is None:
        prompt = modified_prompt(str(modifier), "person")
    return Group(name, prompt, modifier, data.get("phrases", [prompt]))


def _pack(document: Any) -> Attribute:
    data = mapping_of(document, "a pack of concepts", ("name", "title", "templates", "concepts"))
    templates = tuple(list_of(data.get("templates", ["a photo of {a} {concept}"]), "the templates"))
    groups = []
    for item in list_of(data.get("concepts"), "the concepts"):
        entry = {"name": item} if isinstance(item, str) else item
        fields = mapping_of(entry, "a concept", ("name", "phrases"))
        groups.append(Concept(fields.get("name", ""), fields.get("phrases", templates)).as_group())
    return ConceptPack("concept", tuple(groups), str(data.get("title") or ""))
