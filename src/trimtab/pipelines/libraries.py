"""Versions of the libraries, and control of the messages they print while loading."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from trimtab import __version__
from trimtab.errors import ModelError, TrimtabError, cause

_LIBRARIES = ("diffusers", "transformers", "huggingface_hub")
_LIBRARY_LOGS: tuple[Any, ...] = (diffusers_logging, transformers_logging)
_SHAPES = re.compile("expected shape|size mismatch|ignore_mismatched_sizes")
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
def readable(what: str, *, expected: str, do: str) -> Iterator[None]:
    """Turn any exception of the libraries about what they load into a one-line error.

    Parameters
    ----------
    what : str
        What is loaded, up to the reason, e.g. ``"unet, which cannot be loaded"``.
    expected, do : str
        As in `ModelError`.

    Raises
    ------
    ModelError
        From any exception but those of trimtab, and a lack of memory.
    """
    try:
        yield
    except (TrimtabError, MemoryError):
        raise
    # They let through whatever their own dependencies raise: OSError, ValueError, HTTP…
    except Exception as error:
        shapes = "its weights do not have the shapes in its config.json"
        why = shapes if _SHAPES.search(str(error)) else cause(error)
        raise ModelError(got=f"{what} ({why})", expected=expected, do=do) from error


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Hide progress bars, and messages that no user can act on.

    The others are shown at the end of the block, unless it fails: its error then says in one line
    what the libraries say in many.
    """
    bars = [library for library in _LIBRARY_LOGS if library.is_progress_bar_enabled()]
    loggers = [logging.root, *map(logging.getLogger, _LIBRARIES)]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    held = [_Held() for _ in handlers]
    for library in bars:
        library.disable_progress_bar()
    for handler, messages in zip(handlers, held, strict=True):
        handler.filters.insert(0, messages)  # the user's own filters see a message once, later
    try:
        with warnings.catch_warnings():
            # A huggingface_hub warning about an argument that diffusers passes.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")
            yield
    finally:
        for handler, messages in zip(handlers, held, strict=True):
            handler.removeFilter(messages)
        for library in bars:
            library.enable_progress_bar()
    for handler, messages in zip(handlers, held, strict=True):
        for record in messages.worth_saying:
            handler.handle(record)


class _Held(logging.Filter):
    """Holds back what the libraries say in this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()
        self.worth_saying: list[logging.LogRecord] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self.thread or record.name.partition(".")[0] not in _LIBRARIES:
            return True
        remark = _REMARKS.get(record.name)
        if remark is None or not re.search(remark, record.getMessage()):
            self.worth_saying.append(record)
        return False
