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
    from trimtab.storage.codec import from_document as from_document
    from trimtab.storage.codec import json_schema as json_schema
    from trimtab.storage.codec import to_document as to_document
    from trimtab.storage.index import PictureIndex as PictureIndex
    from trimtab.storage.index import PictureRow as PictureRow
    from trimtab.storage.pictures import picture_hash as picture_hash
    from trimtab.storage.pictures import read_picture as read_picture
    from trimtab.storage.rows import Schema as Schema
    from trimtab.storage.rows import register_schema as register_schema
    from trimtab.storage.store import Store as Store
    from trimtab.storage.store import as_store as as_store
    from trimtab.storage.store import scratch_store as scratch_store
    from trimtab.storage.tensors import encode_tensors as encode_tensors

__all__ = [
    "Difference",
    "PictureIndex",
    "PictureRow",
    "Progress",
    "Schema",
    "Store",
    "as_store",
    "canonical_json",
    "differences",
    "document_hash",
    "encode_tensors",
    "from_document",
    "json_schema",
    "parse_document",
    "picture_hash",
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
        "PictureIndex": "index",
        "PictureRow": "index",
        "Schema": "rows",
        "Store": "store",
        "as_store": "store",
        "encode_tensors": "tensors",
        "from_document": "codec",
        "json_schema": "codec",
        "picture_hash": "pictures",
        "read_picture": "pictures",
        "register_schema": "rows",
        "scratch_store": "store",
        "to_document": "codec",
    },
)
