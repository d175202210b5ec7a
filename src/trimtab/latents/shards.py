"""Shards: the latents of one block of seeds, as arrays and as files of a store.

A block's file is ``latents/SPEC16/BLOCK-HASH16.safetensors``. It contains a tensor ``step_<k>`` of
shape ``(groups, seeds of the block, c, h, w)`` for every step; its metadata contain the noise
level after each step and the environment. Files are written once, atomically, and named by their
content.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from trimtab.errors import FileError
from trimtab.storage import Store, encode_tensors, sha256
from trimtab.storage.tensors import read_metadata

HEAD = {"format": "trimtab-latents", "version": "1"}
Levels = dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Shard:
    """Latents of some seeds.

    Attributes
    ----------
    levels : dict of int to tuple of float
        The timestep and sigma of the latents, by step.
    arrays : dict of int to numpy.ndarray
        Latents ``(groups, seeds, c, h, w)``, by step.
    """

    levels: Levels
    arrays: dict[int, npt.NDArray[Any]]

    @staticmethod
    def join(shards: Sequence[Shard]) -> Shard:
        """Concatenate shards along the seeds."""
        arrays = {
            step: np.concatenate([shard.arrays[step] for shard in shards], axis=1)
            for step in shards[0].arrays
        }
        return Shard(shards[0].levels, arrays)


class ShardFolder:
    """The shards of one spec in a store.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Full hash of the spec.
    spec : mapping
        The spec.
    """

    def __init__(self, store: Store, name: str, spec: Mapping[str, Any]) -> None:
        self._store, self._name = store, name
        self._folder = f"latents/{name[:16]}"
        capture = spec["capture"]
        shape = (len(capture["groups"]), spec["batch_size"], *capture["shape"])
        self._shapes = {f"step_{step}": shape for step in capture["steps"]}
        self._dtype = capture["dtype"]

    def files(self) -> dict[int, str]:
        """Return the file name of each existing block."""
        found: dict[int, str] = {}
        for name in self._store.names(self._folder):
            number = name.partition("-")[0]
            if number.isdigit() and name.endswith(".safetensors"):
                found.setdefault(int(number), name)
        return found

    def add(self, block: int, shard: Shard, environment: Mapping[str, Any]) -> None:
        """Write the shard of a block."""
        about = {
            "spec": self._name,
            "block": str(block),
            "levels": json.dumps(shard.levels),
            "environment": json.dumps(environment, sort_keys=True),
        }
        tensors = {f"step_{step}": array for step, array in shard.arrays.items()}
        data = encode_tensors(tensors, HEAD | about)
        self._store.add_file(f"{self._folder}/{block:06d}-{sha256(data)[:16]}.safetensors", data)

    def finish(self) -> None:
        """Remove incomplete files left by killed writers."""
        self._store.sweep(self._folder)

    def read(self, name: str) -> Shard:
        """Read a file listed by `files`.

        Raises
        ------
        FileError
            If the file is damaged, or belongs to something else.
        """
        where = f"{self._folder}/{name}"
        try:
            data = self._store.read_file(where)
            if sha256(data)[:16] != name.partition("-")[2].removesuffix(".safetensors"):
                raise ValueError("its content does not match its name")
            about, tensors = read_metadata(io.BytesIO(data)), load(data)
            found = {key: array.shape for key, array in tensors.items()}
            right = (HEAD | {"spec": self._name}).items() <= about.items()
            if not right or found != self._shapes:
                raise ValueError("it belongs to something else")
            levels = {
                int(k): (float(t), float(s)) for k, (t, s) in json.loads(about["levels"]).items()
            }
            if {f"step_{step}" for step in levels} != self._shapes.keys():
                raise ValueError("a noise level is missing")
            return Shard(levels, {step: tensors[f"step_{step}"] for step in sorted(levels)})
        except (OSError, SafetensorError, TypeError, ValueError) as error:
            raise FileError(
                got=f"{self._store.url}/{where}, which is damaged ({error})",
                expected="the file as it was written",
                do="restore it, or delete it and run again to recreate it",
            ) from error
