"""The only room that uses diffusers: model families, loading a pipeline and running it."""

from __future__ import annotations

import trimtab.pipelines.table  # noqa: F401 (it registers its rows)
from trimtab.errors import cause, first_line
from trimtab.pipelines.conditioning import NEGATIVE, Conditioning, role_of
from trimtab.pipelines.devices import choose_device, release_memory, threads
from trimtab.pipelines.encoder import encode
from trimtab.pipelines.families import (
    Family,
    LatentSpec,
    Text,
    family_of,
    known_families,
    latent_dtype,
    latent_spec,
    latents_argument,
    register_family,
    whole_number,
)
from trimtab.pipelines.fingerprint import (
    Fingerprint,
    encoder_fingerprint,
    fingerprint_of,
    matches,
    module_fingerprint,
)
from trimtab.pipelines.finiteness import NotFiniteWarning, not_finite, remark_on_not_finite
from trimtab.pipelines.identity import (
    folder_name,
    model_defaults,
    model_facts,
    model_name,
    model_note,
    model_path,
)
from trimtab.pipelines.libraries import library_versions, quiet_loading, readable
from trimtab.pipelines.loader import load_model
from trimtab.pipelines.parts import require_vocabulary
from trimtab.pipelines.runner import Pictures, run
from trimtab.pipelines.schedules import Step
from trimtab.pipelines.settings import RunSettings
from trimtab.pipelines.text_embeddings import text_embeddings
from trimtab.pipelines.texts import CutPromptWarning, Stretch, cut_from, stretches, warn_of_cuts

__all__ = [
    "NEGATIVE",
    "Conditioning",
    "CutPromptWarning",
    "Family",
    "Fingerprint",
    "LatentSpec",
    "NotFiniteWarning",
    "Pictures",
    "RunSettings",
    "Step",
    "Stretch",
    "Text",
    "cause",
    "choose_device",
    "cut_from",
    "encode",
    "encoder_fingerprint",
    "family_of",
    "fingerprint_of",
    "first_line",
    "folder_name",
    "known_families",
    "latent_dtype",
    "latent_spec",
    "latents_argument",
    "library_versions",
    "load_model",
    "matches",
    "model_defaults",
    "model_facts",
    "model_name",
    "model_note",
    "model_path",
    "module_fingerprint",
    "not_finite",
    "quiet_loading",
    "readable",
    "register_family",
    "release_memory",
    "remark_on_not_finite",
    "require_vocabulary",
    "role_of",
    "run",
    "stretches",
    "text_embeddings",
    "threads",
    "warn_of_cuts",
    "whole_number",
]
