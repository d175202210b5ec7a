"""The sources of a model: a folder or Hub repository, or a file with a complete checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline
from diffusers.loaders import single_file_utils

from trimtab.errors import ModelError, UsageError
from trimtab.pipelines.families import family_of_class
from trimtab.pipelines.memory import Files, weight_files
from trimtab.pipelines.parts import (
    load_parts,
    require_filled,
    require_tokens,
    require_unscaled,
    whole_modules,
)

HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


@dataclass(frozen=True)
class Stored:
    """A model in the diffusers layout: a folder, or a repository on the Hub."""

    name: str
    revision: str | None
    variant: str | None
    path: None = None  # diffusers remembers it

    def facts(self) -> dict[str, str | None]:
        """Return what a record states besides the name: for a repository, the exact commit."""
        on_hub = not Path(self.name).is_dir()
        return {
            "revision": self.folder.name if on_hub else None,
            "variant": self.variant,
            "config": None,
        }

    def pipeline_class(self) -> Any:
        """Return the class of the pipeline, without downloading the rest of a repository."""
        return _class_of(self.name, self.revision)

    @cached_property
    def folder(self) -> Path:
        """The model's folder, or the cache folder to which its repository is downloaded."""
        folder = Path(self.name)
        if folder.is_dir():
            return folder
        return Path(DiffusionPipeline.download(self.name, **self._asked()))

    def fetch_weights(self) -> Files:
        """List the weight files, downloading those of a repository."""
        return weight_files(self.folder, self.variant)

    def load(self, kind: Any, dtype: torch.dtype, *, lean: bool) -> Any:
        """Put the pipeline together, in main memory."""
        parts = load_parts(self.folder, dtype=dtype, variant=self.variant, lean=lean)
        asked = self._asked() | parts
        pipe = kind.from_pretrained(self.name, dtype=dtype, low_cpu_mem_usage=lean, **asked)
        require_filled(pipe)
        require_tokens(pipe)
        return pipe

    def _asked(self) -> dict[str, Any]:
        return {"revision": self.revision, "variant": self.variant, "use_safetensors": True}


@dataclass(frozen=True)
class SingleFile:
    """One safetensors file with a complete checkpoint, and the pipeline it belongs to."""

    file: Path
    config: str | None

    @property
    def path(self) -> str:
        """The absolute path of the file."""
        return str(self.file.absolute())

    def facts(self) -> dict[str, str | None]:
        """Return what a record states besides the name."""
        config = self.config
        if config is not None and Path(config).exists():
            config = str(Path(config).absolute())  # so that it stays valid in other working folders
        return {"revision": None, "variant": None, "config": config}

    @cached_property
    def plan(self) -> str:
        """Folder or Hub id of the pipeline; guessed by diffusers if not given."""
        if self.config is not None:
            return self.config
        checkpoint = single_file_utils.load_single_file_checkpoint(str(self.file))
        guess = single_file_utils.fetch_diffusers_config(checkpoint)
        return str(guess["pretrained_model_name_or_path"])

    def pipeline_class(self) -> Any:
        """Return the class of the pipeline.

        Raises
        ------
        ModelError
            If diffusers cannot load single files of the family.
        """
        kind = _class_of(self.plan, None)
        if not hasattr(kind, "from_single_file"):
            raise ModelError(
                got=f"the file {self.file} of the family {family_of_class(kind).name}",
                expected="a folder or a Hub id: diffusers cannot load single files of this family",
                do="use the model in the diffusers layout",
            )
        return kind

    def fetch_weights(self) -> Files:
        """List the file."""
        return {"checkpoint": [self.file]}

    def load(self, kind: Any, dtype: torch.dtype, *, lean: bool) -> Any:
        """Put the pipeline together, in main memory."""
        require_unscaled(self.file.name, [self.file])
        with whole_modules():
            pipe = kind.from_single_file(str(self.file), config=self.plan, dtype=dtype)
        require_filled(pipe)
        require_tokens(pipe)
        return pipe


def source_of(
    name: str | Path, *, revision: str | None, variant: str | None, config: str | Path | None
) -> Stored | SingleFile:
    """Return the source that a name refers to.

    Raises
    ------
    UsageError
        If an option does not apply to the source, or the file is not a safetensors file.
    ModelError
        If the name is a path that does not exist.
    """
    file = Path(name)
    if not file.exists() and HUB_ID.fullmatch(str(name)) is None:
        raise ModelError(
            got=f"model {str(name)!r}, which does not exist",
            expected="a folder, a file, or a Hub id such as org/name",
            do="check the path",
        )
    if not file.is_file():
        if config is not None:
            raise UsageError(
                got=f"config {str(config)!r} for {str(name)!r}",
                expected="a config only for a single .safetensors file",
                do="leave it out",
            )
        if file.exists() and revision is not None:
            raise UsageError(
                got=f"revision {revision!r} of the folder {file}",
                expected="a revision only of a repository on the Hub",
                do="leave it out",
            )
        return Stored(str(name), revision, variant)
    if file.suffix != ".safetensors":
        raise UsageError(
            got=f"model file {file}",
            expected="a .safetensors file: pickled weights can run code",
            do="use the model's safetensors file, or convert the model if you trust it",
        )
    if revision is not None or variant is not None:
        raise UsageError(
            got=f"revision or variant with the file {file}",
            expected="neither, since a file has only one revision and variant",
            do="leave them out",
        )
    return SingleFile(file, None if config is None else str(config))


def _class_of(source: str, revision: str | None) -> Any:
    """Return the class of the pipeline in a folder or repository."""
    index = DiffusionPipeline.load_config(source, revision=revision)
    name = index.get("_class_name") if isinstance(index, dict) else None
    if name is None:
        raise ModelError(
            got=f"model {source!r} with a model_index.json that names no pipeline class",
            expected="a JSON object with _class_name and the parts of the pipeline",
            do="download or save the model again",
        )
    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(found, type) and issubclass(found, DiffusionPipeline)):
        raise ModelError(
            got=f"model {source!r} with a custom pipeline, {name}",
            expected="a pipeline class of diffusers: code from a model's repository is never run",
            do="load it yourself and pass the pipeline to trimtab",
        )
    return found
