"""Files that are whole or absent, and JSON documents that remember what they were made with."""

from __future__ import annotations

from trimtab.storage.documents import (
    read_json,
    require_empty,
    require_kinds,
    require_same_settings,
    write_json,
)
from trimtab.storage.files import Progress, sha256, write_atomic

__all__ = [
    "Progress",
    "read_json",
    "require_empty",
    "require_kinds",
    "require_same_settings",
    "sha256",
    "write_atomic",
    "write_json",
]
