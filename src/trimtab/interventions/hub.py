"""Folders and Hub repositories with one value each, following huggingface_hub's conventions."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from trimtab.errors import FileError, TrimtabError, cause
from trimtab.interventions.file import Format, Metadata, Tensors, decode, read
from trimtab.storage import write_atomic, write_json

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

CONFIG = "config.json"
WRITTEN = "library_name: trimtab"
"""Identifies a card written by trimtab."""
HUB_ID = re.compile(r"\w[\w.-]*/(?!.*\.(safetensors|png|jpe?g|webp)$)[\w.-]+")


class Shared(ABC):
    """Base class of values that can be saved in a file and shared on the Hub with a model card.

    A folder or repository contains the file, ``config.json`` (the provenance, for people and for
    the Hub, which uses it to count downloads) and ``README.md``, the model card.
    """

    format: ClassVar[Format]
    provenance: dict[str, Any]

    @property
    @abstractmethod
    def name(self) -> str:
        """A short name for tables."""

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Return the content of the file.

        Raises
        ------
        UsageError
            If the provenance cannot be written as JSON.
        """

    @classmethod
    @abstractmethod
    def _make(cls, metadata: Metadata, tensors: Tensors) -> Self:
        """Return the value in a file; raise if the content is invalid."""

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "bytes") -> Self:
        """Read the result of `to_bytes`.

        Parameters
        ----------
        data : bytes
            The content of a file.
        where : str
            Where it comes from, for messages.

        Raises
        ------
        FileError
            If it is damaged or in another format.
        """
        return decode(data, where, cls.format, cls._make)

    def save(self, file: str | Path) -> Path:
        """Write one ``.safetensors`` file.

        Parameters
        ----------
        file : str or Path
            The file; replaced if it exists.

        Raises
        ------
        FileError
            If it cannot be written.
        UsageError
            If the provenance cannot be written as JSON.
        """
        write_atomic(Path(file), self.to_bytes())
        return Path(file)

    @classmethod
    def load(cls, file: str | Path) -> Self:
        """Read a file, and check its format, hashes, shapes and norms.

        Parameters
        ----------
        file : str or Path
            A file written by `save`.

        Raises
        ------
        FileError
            If it is missing, damaged, or in another format.
        """
        return read(Path(file), cls.format, cls._make)

    @abstractmethod
    def generate_model_card(self, repository: str = "ORGANISATION/NAME") -> ModelCard:
        """Return the model card, with the repository named in its code."""

    def save_pretrained(self, folder: str | Path, repository: str = "ORGANISATION/NAME") -> None:
        """Write the file, its ``config.json`` and its model card to a folder.

        A ``README.md`` that was not written by trimtab is not changed.

        Parameters
        ----------
        folder : str or Path
            The folder; created if missing.
        repository : str
            The name of the repository in the code of the card.

        Raises
        ------
        FileError
            If it cannot be written.
        UsageError
            If the provenance cannot be written as JSON, or its ``measured`` is not an effect.
        """
        card = self.generate_model_card(repository)  # raises its errors before anything is written
        readme = Path(folder) / "README.md"
        self.save(Path(folder) / self.format.file)
        write_json(Path(folder) / CONFIG, dict(self.provenance))
        if not readme.exists() or WRITTEN in readme.read_text(encoding="utf-8"):
            write_atomic(readme, str(card).encode())

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
    ) -> Self:
        """Read from a folder, or from a repository on the Hugging Face Hub.

        Parameters
        ----------
        name : str or Path
            A folder written by `save_pretrained`, or the id of a repository, ``"org/name"``.
        revision, token, cache_dir, force_download, local_files_only
            As in huggingface_hub; its offline mode (``HF_HUB_OFFLINE=1``) is respected.

        Raises
        ------
        FileError
            If it does not exist, or is damaged.
        """
        if Path(name).is_dir():
            return cls.load(Path(name) / cls.format.file)
        if Path(name).is_file():
            raise FileError(
                got=f"the file {name}",
                expected="a folder, or a repository on the Hub",
                do=f"read a file with {cls.format.reader}",
            )
        file = fetched(
            str(name),
            (cls.format,),
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
        )
        return cls.load(file)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
        create_pr: bool = False,
        commit_message: str | None = None,
    ) -> str:
        """Publish with a model card on the Hugging Face Hub.

        Parameters
        ----------
        repo_id : str
            ``"org/name"``; created if it does not exist.
        private, token, branch, create_pr, commit_message
            As in huggingface_hub.

        Returns
        -------
        str
            The address of the commit.

        Raises
        ------
        FileError
            If the Hub cannot be reached, or the repository cannot be written.
        """
        from huggingface_hub import HfApi

        with _one_line(self.format.what, repo_id, "published", token):
            api = HfApi(token=token)
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            with tempfile.TemporaryDirectory() as folder:
                self.save_pretrained(folder, repo_id)
                commit = api.upload_folder(
                    repo_id=repo_id,
                    folder_path=folder,
                    commit_message=commit_message or f"{self.format.what} {self.name}",
                    revision=branch,
                    create_pr=create_pr,
                )
        return str(commit)


def fetched(repo_id: str, kinds: tuple[Format, ...], **options: Any) -> Path:
    """Download the file of a repository, in the first of the given formats that it contains.

    Raises
    ------
    FileError
        If there is no such file, or the Hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    what = " or ".join(kind.what for kind in kinds)
    with _one_line(what, repo_id, "loaded", options.get("token")):
        with contextlib.suppress(EntryNotFoundError):  # the Hub counts downloads by this file
            hf_hub_download(repo_id, CONFIG, **options)
        for kind in kinds[:-1]:
            with contextlib.suppress(EntryNotFoundError):
                return Path(hf_hub_download(repo_id, kind.file, **options))
        return Path(hf_hub_download(repo_id, kinds[-1].file, **options))


@contextlib.contextmanager
def _one_line(what: str, name: str, act: str, token: str | bool | None) -> Iterator[None]:
    """Turn exceptions of huggingface_hub into a one-line error without tokens."""
    remarks = logging.getLogger("huggingface_hub.utils._http")
    remarks.addFilter(_worth_saying)
    try:
        yield
    except TrimtabError:
        raise
    # It raises many kinds: OSError, ValueError, and those of the underlying HTTP library.
    except Exception as error:
        said = cause(error)
        if isinstance(token, str):
            said = said.replace(token, "…")
        raise FileError(
            got=f"{what} {name!r}, which cannot be {act} ({said})",
            expected="a folder that trimtab wrote, or a repository on the Hub",
            do="check the name, the connection, and whether you are logged in (hf auth login)",
        ) from error
    finally:
        remarks.removeFilter(_worth_saying)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Hide what huggingface_hub logs before it raises: our error says it, without a token."""
    return not re.search("thrown while requesting|Retrying in", record.getMessage())
