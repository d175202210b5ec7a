"""Models of transformers that recognise, loaded from the Hub or a folder with nothing missing."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trimtab.errors import ModelError
from trimtab.pipelines import (
    choose_device,
    folder_name,
    quiet_loading,
    readable,
    require_vocabulary,
)

_JSON = (bool, int, float, str, list, dict, type(None))


@dataclass(frozen=True)
class Source:
    """Where a model comes from, and what to call it in messages.

    Parameters
    ----------
    name : str or path
        Hub id or folder.
    what : str
        "recogniser" or "detector": also the name of a model's folder for its own one.
    expected : str
        What would be accepted, for errors.
    revision : str, optional
        Revision of the Hub repository.
    """

    name: str | os.PathLike[str]
    what: str
    expected: str
    revision: str | None = None

    @property
    def path(self) -> str:
        """The name as a text."""
        return os.fspath(self.name)

    @property
    def label(self) -> str:
        """The name for records: that of a folder without its path, or the Hub id."""
        folder = Path(self.name).resolve()
        if not folder.is_dir():
            return self.path
        if folder.name == self.what:  # of a model, which alone tells it from others
            return f"{folder_name(folder.parent)}/{folder.name}"
        return folder.name

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of every ``from_pretrained``."""
        return {"revision": self.revision, "trust_remote_code": False}

    def reading(self, part: str) -> contextlib.AbstractContextManager[None]:
        """Return a block whose errors say that a part of the model cannot be loaded."""
        again = "download or save it again"
        return readable(
            f"the {self.what} {self.path!r}, whose {part} cannot be loaded",
            expected=self.expected,
            do=again if Path(self.name).is_dir() else "check the name, and the connection",
        )

    def require_config(self) -> None:
        """Reject a folder without ``config.json``, and name the one in it that was probably meant.

        Raises
        ------
        ModelError
            If it has none.
        """
        folder = Path(self.name)
        if folder.is_dir() and not (folder / "config.json").is_file():
            own = (folder / self.what).is_dir()
            raise ModelError(
                got=f"the {self.what} {self.path!r} without a config.json",
                expected=self.expected,
                do=f"name its folder {self.what}, if you mean it" if own else "name another folder",
            )


@dataclass(frozen=True)
class Parts:
    """A model on its device in float32, its tokenizer and its image processor."""

    model: Any
    tokenizer: Any
    image_processor: Any


def load_parts(source: Source, model_class: Any, device: str) -> Parts:
    """Load a model of transformers with its tokenizer and image processor.

    Only safetensors weights are used, and no code that comes with a model. torchvision is not
    needed.

    Parameters
    ----------
    source : Source
        Where it comes from.
    model_class : type
        The class, with ``from_pretrained``.
    device : str
        A torch device; "auto" uses an accelerator if there is one.

    Raises
    ------
    ModelError
        If it cannot be found or read, or lacks weights.
    UsageError
        If there is no such device.
    """
    from transformers import AutoTokenizer

    # The name in the package itself requires torchvision in older versions of transformers.
    from transformers.models.auto.image_processing_auto import AutoImageProcessor

    place = choose_device(device)
    source.require_config()
    with quiet_loading():
        with source.reading("config.json and weights"):
            model, info = model_class.from_pretrained(
                source.path,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                **source.options,
            )
        if info["missing_keys"]:
            raise ModelError(
                got=f"the {source.what} {source.path!r} without {min(info['missing_keys'])!r}",
                expected="all weights of the model",
                do="download or save it again",
            )
        with source.reading("tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(source.path, **source.options)
        with source.reading("image processor"):
            # The explicitly named PIL backend needs no torchvision, and does not warn about it.
            processor = AutoImageProcessor.from_pretrained(
                source.path, backend="pil", **source.options
            )
    require_vocabulary(f"the tokenizer of {source.path!r}", tokenizer)
    return Parts(model.to(place), tokenizer, processor)


def plain_settings(image_processor: Any) -> dict[str, Any]:
    """Return the settings of an image processor that decide what it does, for a fingerprint."""
    settings = image_processor.to_dict()
    # Class names and paths do not affect what a processor does.
    kept = {key: value for key, value in settings.items() if "name_or_path" not in key}
    return {key: value for key, value in sorted(kept.items()) if isinstance(value, _JSON)}
