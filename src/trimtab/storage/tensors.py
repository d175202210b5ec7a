"""Tensors with metadata as safetensors, with the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

LONGEST = 50_000_000
"""Largest header that is read, in bytes."""


def encode_tensors(
    tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Return the bytes of a safetensors file.

    The library itself writes metadata entries in random order.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
        The arrays by name.
    metadata : mapping of str to str, optional
        Strings for the header.
    """
    # The library would write arrays in another memory order, such as channels last, unconverted.
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(whole, None if metadata is None else dict(metadata))
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def read_metadata(file: BinaryIO) -> dict[str, str]:
    """Read only the metadata of an open safetensors file.

    Raises
    ------
    ValueError
        If it is not a safetensors file.
    """
    size = int.from_bytes(file.read(8), "little")
    try:
        found = json.loads(file.read(min(size, LONGEST))).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError("not a safetensors file") from error
    return found if isinstance(found, dict) else {}
