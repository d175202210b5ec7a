"""Versions of the libraries, and control of the messages they print while loading."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from trimtab import __version__

_LIBRARY_LOGS: tuple[Any, ...] = (diffusers_logging, transformers_logging)
_REMARKS = {  # logger -> messages about things that are in order
    "diffusers.pipelines.pipeline_utils": "^Expected types for vae: .*AutoencoderTiny",
    "diffusers.configuration_utils": "block_out_channels.* were passed to AutoencoderTiny",
    "transformers.utils.import_utils": "requires torchvision .*falling back",
    "huggingface_hub.utils._http": "thrown while requesting|Retrying in",
}


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that affect results."""
    return dict(_versions())


@functools.cache  # reading them takes milliseconds, and each batch records them
def _versions() -> dict[str, str]:
    names = ("torch", "diffusers", "transformers", "numpy", "scikit-learn")
    found = {"trimtab": __version__}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Hide progress bars and messages that no user can act on, and nothing else."""
    bars = [library for library in _LIBRARY_LOGS if library.is_progress_bar_enabled()]
    for name in _REMARKS:
        logging.getLogger(name).addFilter(_worth_saying)
    for library in bars:
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # A huggingface_hub warning about an argument that diffusers passes.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")
            yield
    finally:
        for name in _REMARKS:
            logging.getLogger(name).removeFilter(_worth_saying)
        for library in bars:
            library.enable_progress_bar()


def _worth_saying(record: logging.LogRecord) -> bool:
    return not re.search(_REMARKS[record.name], record.getMessage())
