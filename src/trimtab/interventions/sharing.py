"""Directions in folders and repositories of their own, by huggingface_hub's conventions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from huggingface_hub import ModelHubMixin, hf_hub_download

from trimtab.errors import FileError, TrimtabError, UsageError
from trimtab.pipelines import cause, quiet_loading
from trimtab.storage import write_json

FILE = "direction.safetensors"
"""Its name in a folder or repository of its own."""
WRITTEN = "library_name: trimtab"
"""What the head of a card of ours says."""
HUB_ID = re.compile(r"\w[\w.-]*/(?!.*\.safetensors$)[\w.-]+")

ASKED = ("revision", "token", "cache_dir", "force_download", "local_files_only")
"""What huggingface_hub may be told about reading."""


class Shared(ModelHubMixin):
    """What a direction can do beyond its own file: it has a model card, and a name on the Hub."""

    if TYPE_CHECKING:
        provenance: dict[str, Any]

        @property
        def name(self) -> str: ...  # noqa: D102

        def save(self, file: str | Path) -> Path: ...  # noqa: D102

        @classmethod
        def load(cls, file: str | Path) -> Self: ...  # noqa: D102

    @classmethod
    def find(cls, name: str | Path) -> Self:
        """Read a direction from a file, or from a folder or Hub repository of its own.

        Parameters
        ----------
        name : str or Path
            A path, or ``"org/name"``; what exists on disk comes first.

        Raises
        ------
        FileError
            When there is none, or it is damaged.
        """
        if Path(name).is_dir() or (not Path(name).exists() and HUB_ID.fullmatch(str(name))):
            return cls.from_pretrained(name)
        return cls.load(name)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Self:
        """Read a direction from a folder or a repository on the Hugging Face Hub.

        Parameters
        ----------
        pretrained_model_name_or_path : str or Path
            A folder that `save_pretrained` made, or the id of a repository, ``"org/name"``.
        **options
            ``revision``, ``token``, ``cache_dir``, ``force_download``, ``local_files_only`` as in
            huggingface_hub; its offline mode (``HF_HUB_OFFLINE=1``) is respected.

        Raises
        ------
        FileError
            When there is no such direction, or it is damaged.
        UsageError
            When an option is unknown: it would have been ignored.
        """
        name = pretrained_model_name_or_path
        for unknown in options.keys() - set(ASKED):
            raise UsageError(
                got=f"option {unknown}", expected=f"one of {', '.join(ASKED)}", do="correct it"
            )
        if Path(name).is_file():
            raise FileError(
                got=f"the file {name}",
                expected="a folder, or a repository on the Hub",
                do="read a file with Direction.load",
            )
        with _reachable(str(name), "load", options.get("token")):
            return super().from_pretrained(name, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Publish the direction with its model card on the Hugging Face Hub.

        Parameters
        ----------
        repo_id : str
            ``"org/name"``; made when it does not exist.
        **options
            ``private``, ``token``, ``branch``, ``create_pr``, ``commit_message`` as in
            huggingface_hub.

        Returns
        -------
        str
            The address of the commit.

        Raises
        ------
        FileError
            When it cannot be reached or written.
        """
        options.setdefault("commit_message", f"Direction {self.name}")
        card = {"repository": repo_id} | options.pop("model_card_kwargs", {})
        with _reachable(repo_id, "publish", options.get("token")):
            return str(super().push_to_hub(repo_id, model_card_kwargs=card, **options))

    def _save_pretrained(self, save_directory: Path) -> None:
        self.generate_model_card()  # whose errors come before anything is written
        self.save(save_directory / FILE)
        card = save_directory / "README.md"
        if card.exists() and WRITTEN in card.read_text(encoding="utf-8"):
            card.unlink()  # or the card of another direction would stay beside this one
        # To be read on the Hub, which counts downloads by this file; `load` does not need it.
        write_json(save_directory / "config.json", dict(self.provenance))

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Self:
        folder = Path(model_id)
        if folder.is_dir():
            return cls.load(folder / FILE)
        return cls.load(hf_hub_download(model_id, FILE, **{key: options[key] for key in ASKED}))


@contextlib.contextmanager
def _reachable(name: str, act: str, token: str | bool | None) -> Iterator[None]:
    """Put what huggingface_hub raises into one line, without a token in it."""
    try:
        with quiet_loading():
            yield
    except TrimtabError:
        raise
    # It raises of every kind: OSError, ValueError, and those of the HTTP library beneath.
    except Exception as error:
        said = cause(error)
        if isinstance(token, str):
            said = said.replace(token, "…")
        raise FileError(
            got=f"direction {name!r}, which cannot be {act}ed ({said})",
            expected="a folder with direction.safetensors, or a repository on the Hub",
            do="check the name, the connection, and whether you are logged in (hf auth login)",
        ) from error
