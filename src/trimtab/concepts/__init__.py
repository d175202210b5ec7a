"""Attributes, groups and concepts: what to ask a model for and what to look for in its pictures."""

from __future__ import annotations

from trimtab.concepts.catalogue import (
    Named,
    as_attribute,
    as_attributes,
    attribute,
    attributes,
    concept_pack,
    concept_packs,
)
from trimtab.concepts.mentions import concept_in, prompt_for
from trimtab.concepts.phrases import OVERVIEW, PhraseList, phrase_list, phrase_lists
from trimtab.concepts.prompts import (
    are_paraphrases,
    begins_like_a_photo,
    paraphrases_of,
    prompts_from,
    subject_of,
)
from trimtab.concepts.target import Target
from trimtab.concepts.values import Attribute, Concept, Group

__all__ = [
    "OVERVIEW",
    "Attribute",
    "Concept",
    "Group",
    "Named",
    "PhraseList",
    "Target",
    "are_paraphrases",
    "as_attribute",
    "as_attributes",
    "attribute",
    "attributes",
    "begins_like_a_photo",
    "concept_in",
    "concept_pack",
    "concept_packs",
    "paraphrases_of",
    "phrase_list",
    "phrase_lists",
    "prompt_for",
    "prompts_from",
    "subject_of",
]
