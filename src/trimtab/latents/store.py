"""The store of captured latents: shards, one a batch, in memory or in a folder.

A folder holds ``manifest.json`` (settings, noise levels, and the hash of each shard) and
``latents-00000.safetensors`` …, each with a tensor ``step_<k>`` of shape
``(groups, seeds of the batch, c, h, w)`` per step. The manifest is written after the shard:
whatever it lists is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from trimtab.errors import FileError
from trimtab.latents.samples import LatentSamples
from trimtab.latents.seeds import batches
from trimtab.pipelines import library_versions
from trimtab.storage import (
    read_json,
    require_empty,
    require_kinds,
    require_same_settings,
    sha256,
    write_atomic,
    write_json,
)

FORMAT = "trimtab-latents"
MANIFEST = "manifest.json"
Shard = dict[str, npt.NDArray[Any]]


class LatentStore:
    """Collects shards; with a folder, each is on disk before the next is begun.

    Parameters
    ----------
    settings : mapping
        Everything that decides the data, JSON-able. The ``batch_size`` of a folder that is
        continued may differ: the folder's own stays on record, this one cuts what is left.
    folder : Path, optional
        Where to keep the shards; in memory without.

    Raises
    ------
    FileError
        When the folder holds other settings, a damaged shard, or anything that is not ours.
    """

    def __init__(self, settings: Mapping[str, Any], folder: Path | None = None) -> None:
        self.settings, self.folder = dict(settings), folder
        self._batch_size: int = settings["batch_size"]
        self.levels: dict[int, tuple[float, float]] = {}
        self.shards: dict[int, Shard] = {}
        self._hashes: dict[int, str] = {}
        if folder is None:
            return
        if (folder / MANIFEST).exists():
            self._continue(folder)
        else:
            require_empty(folder, "capture")
            self._write_manifest(folder)

    @classmethod
    def existing(cls, folder: Path) -> LatentStore:
        """Open a folder with the settings that it was made with."""
        settings = _read_manifest(folder)["settings"]
        require_kinds(
            folder / MANIFEST,
            settings,
            attribute=str,
            prompts=dict[str, list[str]],
            seeds=list[int],
            steps=list[int],
            shape=list[int],
            batch_size=int,
        )
        return cls(settings, folder)

    def missing(self) -> list[tuple[int, slice]]:
        """List the batches that are still to do: number and slice of the seeds."""
        seeds = self.settings["seeds"]
        done = sum(_seeds_in(shard) for shard in self.shards.values())
        cuts = batches(seeds[done:], self._batch_size)  # shards are made in the order of the seeds
        return [
            (number, slice(cut.start + done, cut.stop + done))
            for number, cut in enumerate(cuts, start=len(self.shards))
        ]

    def add(self, number: int, shard: Shard, levels: Mapping[int, tuple[float, float]]) -> None:
        """Keep one finished batch."""
        self.levels.update(levels)
        if self.folder is not None:
            data = save(shard)
            write_atomic(self.folder / _name(number), data)
            self._hashes[number] = sha256(data)
            self._write_manifest(self.folder)
        self.shards[number] = shard

    def samples(self) -> LatentSamples:
        """Join the shards.

        Raises
        ------
        FileError
            When batches are missing.
        """
        if self.missing():
            raise FileError(
                got=f"{self.folder} with {len(self.shards)} finished shards",
                expected=f"{len(self.shards) + len(self.missing())}",
                do="run the same capture again: it continues there",
            )
        ordered = [self.shards[number] for number in sorted(self.shards)]
        arrays = {
            step: np.concatenate([shard[f"step_{step}"] for shard in ordered], axis=1)
            for step in self.settings["steps"]
        }
        return LatentSamples(self.settings, self.levels, arrays)

    def _continue(self, folder: Path) -> None:
        manifest = _read_manifest(folder)
        # Between batch sizes latents differ by rounding only, and who ran out of memory must be
        # able to go on with a smaller one.
        self.settings["batch_size"] = manifest["settings"].get("batch_size")
        require_same_settings(folder, manifest["settings"], self.settings)
        shards = manifest["shards"]
        try:
            levels = {int(k): (float(t), float(s)) for k, (t, s) in manifest["levels"].items()}
        except (TypeError, ValueError):
            levels = {}
        if shards.keys() != set(map(str, range(len(shards)))) or (
            shards and levels.keys() != set(self.settings["steps"])
        ):
            raise FileError(
                got=f"{folder / MANIFEST} that lacks a shard between others, or a level",
                expected="shards numbered from 0, and the levels of all steps",
                do="capture again into a new folder, or restore the file",
            )
        self.levels = levels
        self._hashes = {int(number): digest for number, digest in shards.items()}
        self.shards = {number: self._read(folder, number) for number in self._hashes}

    def _read(self, folder: Path, number: int) -> Shard:
        path = folder / _name(number)
        try:
            data = path.read_bytes()
            if sha256(data) == self._hashes[number]:
                return dict(load(data))
            problem = "its hash does not match the manifest"
        except (OSError, SafetensorError) as error:
            problem = str(error)
        raise FileError(
            got=f"a damaged shard {path} ({problem})",
            expected="the file as it was written",
            do="capture again into a new folder, or restore the file",
        )

    def _write_manifest(self, folder: Path) -> None:
        manifest = {
            "format": FORMAT,
            "version": 1,
            "settings": self.settings,
            "versions": library_versions(),
            "levels": self.levels,
            "shards": self._hashes,
        }
        write_json(folder / MANIFEST, manifest)


def _read_manifest(folder: Path) -> dict[str, Any]:
    return read_json(folder / MANIFEST, FORMAT, "settings", "levels", "shards")


def _seeds_in(shard: Shard) -> int:
    return int(next(iter(shard.values())).shape[1])


def _name(number: int) -> str:
    return f"latents-{number:05d}.safetensors"
