"""The only room that knows diffusers: families of models, loading a pipeline, running it."""

from __future__ import annotations

import trimtab.pipelines.table  # noqa: F401 (it registers its rows)
from trimtab.pipelines.embedding import embed
from trimtab.pipelines.families import (
    Family,
    LatentSpec,
    family_of,
    known_families,
    latent_spec,
    latents_argument,
    register_family,
    whole_number,
)
from trimtab.pipelines.loading import (
    cause,
    choose_device,
    first_line,
    folder_name,
    library_versions,
    load_model,
    model_defaults,
    model_facts,
    model_name,
    model_path,
    quiet_loading,
)
from trimtab.pipelines.running import Pictures, run
from trimtab.pipelines.schedules import Step
from trimtab.pipelines.settings import RunSettings

__all__ = [
    "Family",
    "LatentSpec",
    "Pictures",
    "RunSettings",
    "Step",
    "cause",
    "choose_device",
    "embed",
    "family_of",
    "first_line",
    "folder_name",
    "known_families",
    "latent_spec",
    "latents_argument",
    "library_versions",
    "load_model",
    "model_defaults",
    "model_facts",
    "model_name",
    "model_path",
    "quiet_loading",
    "register_family",
    "run",
    "whole_number",
]
