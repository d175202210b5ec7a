"""Captured latents as a value: one array per step and group, paired by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import FileError, UsageError
from trimtab.latents.seeds import check_seeds, turn
from trimtab.latents.shards import ShardFolder
from trimtab.latents.spec import FORMAT, settings_of
from trimtab.storage import Store


class LatentSamples:
    """Latents of the same seeds under the prompts of each group, at some steps.

    Parameters
    ----------
    settings : mapping
        JSON-serialisable facts that determine the data: model, prompts, seeds, steps, sizes etc.
    levels : mapping of int to tuple of float
        The timestep and sigma of the latents, by step.
    arrays : mapping of int to numpy.ndarray
        Latents ``(groups, seeds, c, h, w)``, by step.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        levels: Mapping[int, tuple[float, float]],
        arrays: Mapping[int, npt.NDArray[Any]],
    ) -> None:
        self.settings = dict(settings)
        self._levels = dict(levels)
        self._arrays = dict(arrays)

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in order."""
        return tuple(self.settings["prompts"])

    @property
    def prompts(self) -> dict[str, tuple[str, ...]]:
        """The prompts of each group; `turns` contains the one used for each seed."""
        return {name: tuple(texts) for name, texts in self.settings["prompts"].items()}

    @property
    def turns(self) -> tuple[int, ...]:
        """The index of the prompt for each seed, and of the concept if there are several."""
        n = len(next(iter(self.settings["prompts"].values())))
        return tuple(turn(seed, n) for seed in self.seeds)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, the same for every group."""
        return tuple(self.settings["seeds"])

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of completed steps after which latents were captured."""
        return tuple(self.settings["steps"])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Canonical shape ``(c, h, w)`` of one image's latents."""
        channels, height, width = self.settings["shape"]
        return channels, height, width

    def latents(self, step: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return the latents after `step` completed steps, as the denoiser receives them.

        Parameters
        ----------
        step : int
            One of `steps`.

        Returns
        -------
        dict of str to numpy.ndarray
            Latents ``(seeds, c, h, w)`` of each group, float32; row i belongs to seed i.

        Raises
        ------
        UsageError
            If this step was not captured.
        """
        array = self._arrays[self._known(step)].astype(np.float32)
        return dict(zip(self.groups, array, strict=True))

    def timestep(self, step: int) -> float:
        """Return the timestep of the latents after `step` steps."""
        return self._levels[self._known(step)][0]

    def sigma(self, step: int) -> float:
        """Return the noise level of the latents after `step` steps."""
        return self._levels[self._known(step)][1]

    @classmethod
    def from_store(
        cls,
        store: Store | str | Path,
        spec: str | Mapping[str, Any] | None = None,
        seeds: Iterable[int] | None = None,
    ) -> LatentSamples:
        """Read captured latents, and check every shard against its hash.

        Parameters
        ----------
        store : Store, str or Path
            The store passed to `capture` as ``to=``.
        spec : str or mapping, optional
            The spec, or its full hash; may be omitted if the store has only one capture.
        seeds : iterable of int, optional
            The seeds to read, in order. Defaults to all captured seeds, sorted.

        Raises
        ------
        FileError
            If there is no such capture, it is damaged, or seeds are missing.
        """
        store = store if isinstance(store, Store) else Store.existing(store)
        name = store.require_spec(spec) if isinstance(spec, Mapping) else spec or _only(store)
        document = store.spec(name)
        where = f"{store.url}/specs/{name}.json"
        size = int(settings_of(document, (), where)["batch_size"])
        folder = ShardFolder(store, name, document)
        files = folder.files()
        if seeds is None:
            order = tuple(
                s for block in sorted(files) for s in range(block * size, (block + 1) * size)
            )
        else:
            order = check_seeds(seeds)
        missing = [seed for seed in order if seed // size not in files]
        if missing or not order:
            first = f" (the first that is missing is {missing[0]})" if missing else ""
            raise FileError(
                got=f"{store.url} with latents of {len(order) - len(missing)} of the seeds",
                expected=f"{len(order) or 'at least one'}{first}",
                do="run the same capture again to continue it",
            )
        rows_of: dict[int, list[int]] = {}
        for i, seed in enumerate(order):
            rows_of.setdefault(seed // size, []).append(i)
        arrays: dict[int, npt.NDArray[Any]] = {}
        # Latents are large: only one block is in memory beside the result.
        for block, rows in rows_of.items():
            shard = folder.read(files[block])
            places = [order[i] % size for i in rows]
            for step, array in shard.arrays.items():
                if step not in arrays:
                    shape = (len(array), len(order), *array.shape[2:])
                    arrays[step] = np.empty(shape, array.dtype)
                arrays[step][:, rows] = array[:, places]
        return cls(settings_of(document, order, where), shard.levels, arrays)

    def __repr__(self) -> str:
        """Return attribute, groups, number of seeds and steps."""
        return (
            f"LatentSamples({self.settings['attribute']}: {', '.join(self.groups)}; "
            f"{len(self.seeds)} seeds; steps {', '.join(map(str, self.steps))})"
        )

    def _known(self, step: int) -> int:
        if step not in self.steps:
            raise UsageError(
                got=f"step {step}",
                expected=f"a captured step: {', '.join(map(str, self.steps))}",
                do="choose one of them, or capture that step",
            )
        return step


def _only(store: Store) -> str:
    """Return the only capture in a store."""
    found = [name for name, spec in store.specs().items() if spec.get("format") == FORMAT]
    if len(found) != 1:
        raise FileError(
            got=f"{store.url} with {len(found)} captures",
            expected="one",
            do="say which by its spec" if found else "capture latents into it first",
        )
    return found[0]
