"""A place that is a store: its description of itself, and the files in it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from trimtab.errors import FileError
from trimtab.storage.documents import canonical_json, parse_document, require_kinds
from trimtab.storage.places import open_place

FORMAT = "trimtab-store"
STORE_FILE = "store.json"
THREADS, THREADS_FILE = "trimtab-threads", "threads.json"
FIRST_EDITION = ("run.json", "study.json", "manifest.json", "labels.parquet", "summary.json")


class Root:
    """The place of a store, opened and checked; `Store` adds the structure.

    Parameters, attributes and errors are those of `Store`.
    """

    def __init__(self, url: str | Path) -> None:
        self._place = open_place(url)
        self.url, self.folder = self._place.url, self._place.folder
        self._exists = self._check()

    @classmethod
    def existing(cls, url: str | Path) -> Self:
        """Open an existing store.

        Raises
        ------
        FileError
            If there is no store.
        """
        store = cls(url)
        if not store.exists:
            raise FileError(
                got=f"{store.url}, which is not a store",
                expected="the folder or URL of a store",
                do="check the path",
            )
        return store

    def __repr__(self) -> str:
        """Return the place as text."""
        return f"{type(self).__name__}({self.url!r})"

    def _check(self) -> bool:
        """Check what is in the place; return whether it is a store, not an empty place."""
        try:
            names = self._place.names()
        except NotADirectoryError:
            names = ["a file"]
        except OSError as error:
            raise FileError(
                got=f"{self.url}, which cannot be read ({error.strerror or error})",
                expected="a readable folder",
                do="check the path and its permissions",
            ) from error
        if STORE_FILE in names:
            where = f"{self.url}/{STORE_FILE}"
            parse_document(self._place.read(STORE_FILE), where, FORMAT)
            return True
        above = self.folder.absolute().parents if self.folder is not None else ()
        outer = next((folder for folder in above if (folder / STORE_FILE).is_file()), None)
        if names and outer:
            raise FileError(
                got=f"{self.url}, a folder of the store {outer}",
                expected="a new or empty folder, or a store",
                do=f"name {outer}, or a folder outside it",
            )
        if old := [name for name in FIRST_EDITION if name in names]:
            raise FileError(
                got=f"{self.url}, written by the first edition of trimtab ({', '.join(old)})",
                expected="a new or empty folder, or a store",
                do="choose another folder; of the first edition only direction files are still "
                "read",
            )
        if names:
            raise FileError(
                got=f"{self.url}, which holds something else ({names[0]})",
                expected="a new or empty folder, or a store",
                do="choose another folder",
            )
        return False

    @property
    def exists(self) -> bool:
        """Whether anything was ever added."""
        return self._exists

    def settle(self) -> None:
        """Create the store if there is nothing yet."""
        if not self._exists:
            self._place.add(STORE_FILE, canonical_json({"format": FORMAT, "version": 1}))
            self._place.sweep("")
            self._exists = self._check()

    @property
    def threads(self) -> int | None:
        """The number of torch threads that every process uses; None if none has used torch yet.

        Raises
        ------
        FileError
            If the file that contains it is damaged.
        """
        try:
            data = self._place.read(THREADS_FILE)
        except FileNotFoundError:
            return None
        where = f"{self.url}/{THREADS_FILE}"
        found = parse_document(data, where, THREADS)
        require_kinds(where, found, threads=int)
        return int(found["threads"])

    def choose_threads(self, threads: int) -> int:
        """Agree with all other processes on a number of torch threads.

        The number affects the last bits of pictures, so the first process that needs it chooses it
        for all.

        Parameters
        ----------
        threads : int
            The number this process would use.

        Returns
        -------
        int
            The number every process must use.
        """
        self.settle()
        about = {"format": THREADS, "version": 1, "threads": threads}
        self._place.add(THREADS_FILE, canonical_json(about))
        self._place.sweep("")
        # Read back rather than remembered: of several processes, one wrote the file.
        found = self.threads
        return threads if found is None else found

    def add_file(self, name: str, data: bytes) -> bool:
        """Write a file under a relative name unless it exists; return whether it was written."""
        self.settle()
        return self._place.add(name, data)

    def write_file(self, name: str, data: bytes) -> None:
        """Write a file under a relative name, replacing an existing one."""
        self.settle()
        self._place.write(name, data)

    def read_file(self, name: str) -> bytes:
        """Read a file listed by `names`.

        Raises
        ------
        FileNotFoundError
            If it does not exist.
        """
        return self._place.read(name)

    def names(self, folder: str) -> list[str]:
        """List the direct contents of a folder in the store."""
        return self._place.names(folder)

    def sweep(self, folder: str) -> None:
        """Remove incomplete files left in a folder by killed writers."""
        self._place.sweep(folder)
