"""Storage: atomically written files, documents, rows, pictures, and the store that keeps them.

The store needs pyarrow and fsspec, which are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy
from trimtab.storage.documents import (
    Difference,
    canonical_json,
    differences,
    document_hash,
    parse_document,
    require_kinds,
    told_differences,
    write_json,
)
from trimtab.storage.files import Progress, sha256, write_atomic

if TYPE_CHECKING:
    from trimtab.storage.codec import from_document, json_schema, to_document
    from trimtab.storage.decoder import Decoded, UnreadableError, read_file, read_picture
    from trimtab.storage.decoding import as_shown
    from trimtab.storage.index import PictureIndex, PictureRow
    from trimtab.storage.pictures import picture_hash
    from trimtab.storage.reduction import Reduction
    from trimtab.storage.rows import Schema, register_schema
    from trimtab.storage.store import Store, as_store, scratch_store
    from trimtab.storage.tensors import encode_tensors

__all__ = [
    "Decoded",
    "Difference",
    "PictureIndex",
    "PictureRow",
    "Progress",
    "Reduction",
    "Schema",
    "Store",
    "UnreadableError",
    "as_shown",
    "as_store",
    "canonical_json",
    "differences",
    "document_hash",
    "encode_tensors",
    "from_document",
    "json_schema",
    "parse_document",
    "picture_hash",
    "read_file",
    "read_picture",
    "register_schema",
    "require_kinds",
    "scratch_store",
    "sha256",
    "to_document",
    "told_differences",
    "write_atomic",
    "write_json",
]

__getattr__ = lazy(
    __name__,
    {
        "codec": ["from_document", "json_schema", "to_document"],
        "decoder": ["Decoded", "UnreadableError", "read_file", "read_picture"],
        "decoding": ["as_shown"],
        "index": ["PictureIndex", "PictureRow"],
        "pictures": ["picture_hash"],
        "reduction": ["Reduction"],
        "rows": ["Schema", "register_schema"],
        "store": ["Store", "as_store", "scratch_store"],
        "tensors": ["encode_tensors"],
    },
)
