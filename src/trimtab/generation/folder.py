"""The folder of a run: ``run.json`` and ``images/*.png``; a rerun goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from PIL import Image

from trimtab.errors import FileError
from trimtab.generation.images import RUN_FILE, ImageRecord, ImageSet
from trimtab.generation.png import read_record, write_png
from trimtab.interventions import Direction
from trimtab.pipelines import library_versions
from trimtab.storage import (
    read_json,
    require_empty,
    require_kinds,
    require_same_settings,
    write_json,
)

FORMAT = "trimtab-run"
APART = ("seeds", "prompt", "steering")
"""Settings of a run that a picture's record says of this picture alone."""


def require_terms(path: Path, steering: Mapping[str, Any] | None) -> None:
    """Refuse a record of a steering whose terms do not name a direction and a strength.

    Raises
    ------
    FileError
        When one is missing.
    """
    for term in (steering or {}).get("terms", []):
        if not ({"direction", "hash"} <= term.keys() and isinstance(term["hash"], str)):
            raise FileError(
                got=f"{path} with a steering by {term}",
                expected="terms with direction, hash and strength",
                do="restore the file, or start in a new folder",
            )


def _public(place: str | None) -> str | None:
    """Return a Hub id, and None for a path: pictures travel, and it tells of somebody's machine."""
    hidden = place is None or Path(place).is_absolute() or Path(place).exists()
    return None if hidden else place


class RunFolder:
    """Pictures on disk, each whole and with its record before it counts as done.

    Parameters
    ----------
    path : Path
        A new or empty folder, or one with the same settings; ``batch_size`` may differ, and the
        folder's own stays on record.
    settings : mapping
        Everything that decides the pictures, JSON-able; ``seeds`` among it.
    model_path : str, optional
        Where the model came from; no setting, since a model may move.
    directions : sequence of Direction, optional
        Those that the steering names, kept in the folder: with it the run can be repeated.

    Raises
    ------
    FileError
        When the folder holds something else, or a damaged picture.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        model_path: str | None,
        directions: Sequence[Direction] = (),
    ) -> None:
        self.path, self.settings, self.model_path = path, dict(settings), model_path
        self.records: dict[int, ImageRecord] = {}
        run_file = path / RUN_FILE
        if run_file.exists():
            found = read_json(run_file, FORMAT, "settings")["settings"]
            # Between batch sizes pictures differ by rounding only, and who ran out of memory must
            # be able to go on with a smaller one.
            if "batch_size" in found:
                self.settings["batch_size"] = found["batch_size"]
            require_same_settings(path, found, self.settings)
            self._find_finished()
        else:
            require_empty(path, "generate")
            run = {"format": FORMAT, "version": 1, "settings": self.settings}
            extra = {"model_path": model_path, "versions": library_versions()}
            write_json(run_file, run | extra)
        for direction in directions:
            file = self._direction_file(direction.hash)
            if not file.exists():
                direction.save(file)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """Open a folder with the settings that it was made with."""
        run = read_json(path / RUN_FILE, FORMAT, "settings")
        require_kinds(
            path / RUN_FILE,
            {"steering": {}} | run["settings"],  # pictures made elsewhere have none
            seeds=list[int],
            steering=dict[str, list[dict]],  # type: ignore[type-arg]
        )
        require_terms(path / RUN_FILE, run["settings"].get("steering"))
        return cls(path, run["settings"], run.get("model_path"))

    def add(self, record: ImageRecord, image: Image.Image) -> None:
        """Write one picture, unless it is there already."""
        if record.seed not in self.records:
            shared = {key: value for key, value in self.settings.items() if key not in APART}
            about = {"model_path": _public(self.model_path), "settings": shared}
            shared["config"] = _public(shared.get("config"))
            write_png(self._file(record.seed), image, asdict(record) | about)
            self.records[record.seed] = record

    def image_set(self) -> ImageSet:
        """Give the pictures, read when they are asked for.

        Raises
        ------
        FileError
            When some are missing.
        """
        seeds = self.settings["seeds"]
        missing = [seed for seed in seeds if seed not in self.records]
        if missing:
            raise FileError(
                got=f"{self.path} with {len(self.records)} pictures",
                expected=f"{len(seeds)} (the first that is missing has seed {missing[0]})",
                do="run the same generate again: it continues there",
            )
        records = [self.records[seed] for seed in seeds]
        files = [self._file(seed) for seed in seeds]
        named = [term["hash"] for term in self.settings.get("steering", {}).get("terms", [])]
        kept = [file for one in named if (file := self._direction_file(one)).exists()]
        directions = [Direction.load(file) for file in kept]
        place = self.model_path
        return ImageSet(records, files, self.settings, model_path=place, directions=directions)

    def _find_finished(self) -> None:
        for seed in self.settings["seeds"]:
            file = self._file(seed)
            if not file.exists():
                continue
            try:
                found = read_record(file)
                record = ImageRecord(**{one.name: found[one.name] for one in fields(ImageRecord)})
            except KeyError:
                record = None
            if (
                record is None
                or (record.seed, record.prompt) != (seed, self.settings.get("prompt"))
                or not (isinstance(record.steering, dict) and isinstance(record.blocked, bool))
            ):
                raise FileError(
                    got=f"picture {file} of another run",
                    expected=f"the picture of seed {seed}",
                    do="delete it and run generate again",
                )
            self.records[seed] = record

    def _direction_file(self, name: str) -> Path:
        return self.path / "directions" / f"{name[:12]}.safetensors"

    def _file(self, seed: int) -> Path:
        return self.path / "images" / f"{seed:05d}.png"
