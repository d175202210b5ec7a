"""Pictures with their records, in memory or lazily from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from trimtab.errors import FileError
from trimtab.generation.png import read_picture
from trimtab.interventions import Direction

RUN_FILE = "run.json"
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class ImageRecord:
    """What is known about one picture.

    Attributes
    ----------
    seed : int
        The seed of its noise; a running number for pictures made elsewhere.
    prompt : str or None
        None for pictures made elsewhere.
    steering : dict
        `Steering.to_dict` of this picture alone; no terms when it was not steered.
    blocked : bool
        True when the pipeline's safety checker blacked it out, or a black picture stands for one
        that cannot be read: never classify it.
    """

    seed: int
    prompt: str | None
    steering: dict[str, Any]
    blocked: bool = False


class ImageSet(Sequence[Image.Image]):
    """A sequence of pictures; item i is a `PIL.Image.Image`, a slice another `ImageSet`.

    Parameters
    ----------
    records : sequence of ImageRecord
        One per picture.
    images : sequence of PIL.Image.Image or Path
        The pictures, or the files to read them from when they are asked for.
    settings : mapping, optional
        What decided the pictures, directions by name and hash; empty for pictures made elsewhere.
    model_path : str, optional
        Folder or Hub id of the model, as the pipeline names it.
    directions : sequence of Direction, optional
        Those that the pictures were steered by.
    """

    def __init__(
        self,
        records: Sequence[ImageRecord],
        images: Sequence[Image.Image | Path],
        settings: Mapping[str, Any] | None = None,
        *,
        model_path: str | None = None,
        directions: Sequence[Direction] = (),
    ) -> None:
        self.records = tuple(records)
        self._images = tuple(images)
        self.settings = dict(settings or {})
        self.model_path = model_path
        self.directions = tuple(directions)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.records)

    def __getitem__(self, i: Any) -> Any:
        """Give picture i, read when it is on disk, or the set of a slice."""
        if isinstance(i, slice):
            return self._like(self.records[i], self._images[i], self._settings_of(i))
        image = self._images[i]
        return read_picture(image) if isinstance(image, Path) else image

    def _settings_of(self, part: slice) -> dict[str, Any]:
        """Cut what the settings say of each picture: with the rest they repeat these alone."""
        cut: dict[str, Any] = {}
        if "seeds" in self.settings:
            cut["seeds"] = [record.seed for record in self.records[part]]
        if "steering" in self.settings:
            terms = [
                {key: v[part] if isinstance(v, list | tuple) else v for key, v in term.items()}
                for term in self.settings["steering"].get("terms", [])
            ]
            cut["steering"] = self.settings["steering"] | {"terms": terms}
        return self.settings | cut

    def __iter__(self) -> Iterator[Image.Image]:
        """Go through the pictures, one in memory at a time when they are on disk."""
        return (self[i] for i in range(len(self)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture."""
        return tuple(record.seed for record in self.records)

    @property
    def blocked(self) -> tuple[bool, ...]:
        """Whether each picture was blacked out by the safety checker."""
        return tuple(record.blocked for record in self.records)

    @property
    def prompt(self) -> str | None:
        """The prompt of them all; None for pictures made elsewhere."""
        return self.settings.get("prompt")

    @property
    def model(self) -> str | None:
        """The model's name; None for pictures made elsewhere."""
        return self.settings.get("model")

    @property
    def steering(self) -> dict[str, Any]:
        """The record of the steering of the whole set."""
        return dict(self.settings.get("steering", {"terms": []}))

    def __repr__(self) -> str:
        """Say how many, of what, by which model."""
        return f"ImageSet({len(self)} pictures of {self.prompt!r} by {self.model})"

    def screened(self) -> ImageSet:
        """Put a black picture, marked as blocked, in the place of each that cannot be read.

        A folder of a run holds a picture for every seed; to `classify` either is unknown.
        """
        records, images = list(self.records), list(self._images)
        for i, record in enumerate(records):
            try:
                self[i]
            except FileError:
                records[i], images[i] = replace(record, blocked=True), Image.new("RGB", (64, 64))
        return self._like(records, images, self.settings)

    def _like(
        self,
        records: Sequence[ImageRecord],
        images: Sequence[Image.Image | Path],
        settings: Mapping[str, Any],
    ) -> ImageSet:
        place = self.model_path
        return ImageSet(records, images, settings, model_path=place, directions=self.directions)

    def save(self, to: str | Path) -> ImageSet:
        """Write the set as a run folder: ``run.json`` and ``images/*.png``.

        Parameters
        ----------
        to : str or Path
            A new or empty folder, or one with the same settings.

        Returns
        -------
        ImageSet
            The same set, read from that folder.

        Raises
        ------
        FileError
            When the folder holds something else or cannot be written.
        """
        from trimtab.generation.folder import RunFolder  # it reads and writes image sets

        settings = self.settings | {"seeds": list(self.seeds)}
        folder = RunFolder(Path(to), settings, self.model_path, self.directions)
        for record, image in zip(self.records, self, strict=True):
            folder.add(record, image)
        return folder.image_set()

    @classmethod
    def from_folder(cls, path: str | Path) -> ImageSet:
        """Open a run folder, or any folder of pictures made elsewhere.

        Parameters
        ----------
        path : str or Path
            A folder; without ``run.json`` its pictures are taken in the order of their names,
            and their running numbers stand for seeds.

        Raises
        ------
        FileError
            When there are no pictures, or a run is damaged or not finished.
        """
        from trimtab.generation.folder import RunFolder

        folder = Path(path)
        if (folder / RUN_FILE).exists():
            return RunFolder.existing(folder).image_set()
        files = sorted(f for f in folder.glob("*") if f.suffix.lower() in SUFFIXES)
        if not files:
            raise FileError(
                got=f"{folder} without pictures",
                expected=f"a folder made by generate, or one with {', '.join(sorted(SUFFIXES))}",
                do="check the path",
            )
        records = [ImageRecord(i, None, {"terms": []}) for i in range(len(files))]
        return cls(records, files)
