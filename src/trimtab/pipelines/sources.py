"""Where a model comes from: a folder or Hub repository, or one file with a whole checkpoint."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Stored:
    """A model in the diffusers layout: a folder, or a repository on the Hub."""

    name: str
    revision: str | None
    variant: str | None

    def facts(self) -> dict[str, str | None]:
        """Give what a record says of it beside its name."""
        return {"revision": self.revision, "variant": self.variant, "config": None}

    def pipeline_class(self) -> Any:
        """Find the class of the pipeline; of a repository nothing else is downloaded."""
        return _class_of(self.name, self.revision)

    def weights(self) -> Files:
        """List the files of the weights; those of a repository are there afterwards."""
        folder = Path(self.name)
        if not folder.is_dir():
            folder = Path(DiffusionPipeline.download(self.name, **self._asked()))
        return weight_files(folder, self.variant)

    def load(self, kind: Any, dtype: torch.dtype, *, lean: bool) -> Any:
        """Put the pipeline together, in main memory."""
        return kind.from_pretrained(self.name, dtype=dtype, low_cpu_mem_usage=lean, **self._asked())

    def _asked(self) -> dict[str, Any]:
        return {"revision": self.revision, "variant": self.variant, "use_safetensors": True}


@dataclass(frozen=True)
class SingleFile:
    """One safetensors file with a whole checkpoint, and the pipeline that it fits."""

    file: Path
    config: str | None

    def facts(self) -> dict[str, str | None]:
        """Give what a record says of it beside its name."""
        return {"revision": None, "variant": None, "config": self.config}

    @cached_property
    def plan(self) -> str:
        """Folder or Hub id of the pipeline; guessed by diffusers where none was named."""
        if self.config is not None:
            return self.config
        checkpoint = single_file_utils.load_single_file_checkpoint(str(self.file))
        guess = single_file_utils.fetch_diffusers_config(checkpoint)
        return str(guess["pretrained_model_name_or_path"])

    def pipeline_class(self) -> Any:
        """Find the class of the pipeline.

        Raises
        ------
        ModelError
            When diffusers loads no single files of that family.
        """
        kind = _class_of(self.plan, None)
        if not hasattr(kind, "from_single_file"):
            raise ModelError(
                got=f"the file {self.file} of the family {family_of_class(kind).name}",
                expected="a folder or a Hub id: diffusers loads no single files of this family",
                do="take the model in the diffusers layout",
            )
        return kind

    def weights(self) -> Files:
        """List the file."""
        return {"checkpoint": [self.file]}

    def load(self, kind: Any, dtype: torch.dtype, *, lean: bool) -> Any:
        """Put the pipeline together, in main memory."""
        pipe = kind.from_single_file(str(self.file), config=self.plan, dtype=dtype)
        pipe.register_to_config(_name_or_path=str(self.file.absolute()))
        return pipe


def source_of(
    name: Path, *, revision: str | None, variant: str | None, config: str | Path | None
) -> Stored | SingleFile:
    """Tell what a name stands for.

    Raises
    ------
    UsageError
        When an option does not go with it, or the file is not a safetensors file.
    """
    if not name.is_file():
        if config is not None:
            raise UsageError(
                got=f"config {str(config)!r} for {str(name)!r}",
                expected="a config only for a single .safetensors file",
                do="leave it out",
            )
        return Stored(str(name), revision, variant)
    if name.suffix != ".safetensors":
        raise UsageError(
            got=f"model file {name}",
            expected="a .safetensors file: pickled weights can run code",
            do="take the model's safetensors file, or convert it where you trust it",
        )
    if revision is not None or variant is not None:
        raise UsageError(
            got=f"revision or variant with the file {name}",
            expected="neither: a file is one revision and one variant",
            do="leave them out",
        )
    return SingleFile(name, None if config is None else str(config))


def _class_of(source: str, revision: str | None) -> Any:
    """Return the class of the pipeline in a folder or repository."""
    name = DiffusionPipeline.load_config(source, revision=revision)["_class_name"]
    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    if found is None:
        raise ModelError(
            got=f"model {source!r} with a pipeline of its own, {name}",
            expected="a pipeline class of diffusers: code from a model's repository is never run",
            do="load it yourself and pass the pipeline to trimtab",
        )
    return found
