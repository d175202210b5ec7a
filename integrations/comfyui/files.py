"""Files of directions and mitigations: those in ``models/trimtab``, elsewhere, and on the Hub."""

from __future__ import annotations

import os
from pathlib import Path

from trimtab.errors import UsageError
from trimtab.interventions import Direction, Intervention, find
from trimtab.interventions.hub import HUB_ID
from trimtab.storage import sha256

FOLDER, SUFFIX = "trimtab", ".safetensors"
NOTHING = "none"
"""Entry of the list that stands for no file."""


def register() -> None:
    """Tell ComfyUI about ``models/trimtab``; extra_model_paths.yaml may name more folders."""
    import folder_paths  # ComfyUI's

    own = os.path.join(folder_paths.models_dir, FOLDER)
    folder_paths.add_model_folder_path(FOLDER, own, is_default=True)
    folders, _ = folder_paths.folder_names_and_paths[FOLDER]
    folder_paths.folder_names_and_paths[FOLDER] = (folders, {SUFFIX})
    os.makedirs(own, exist_ok=True)


def listed() -> list[str]:
    """Return the entries of the list: none, and the files in ``models/trimtab``."""
    import folder_paths

    return [NOTHING, *folder_paths.get_filename_list(FOLDER)]


def read(file: str, elsewhere: str) -> Direction | Intervention:
    """Read the direction or mitigation that a node names.

    Parameters
    ----------
    file : str
        An entry of the list.
    elsewhere : str
        A Hub id or a path, used instead of the file unless empty.

    Raises
    ------
    FileError
        If it does not exist, or is damaged.
    UsageError
        If both are empty.
    """
    return find(_name(file, elsewhere))


def checked(file: str, elsewhere: str) -> None:
    """Check what can be checked without the network: local files are read, a Hub id is not.

    Raises
    ------
    FileError, UsageError
        As in `read`.
    """
    name = _name(file, elsewhere)
    if not _on_hub(name):
        find(name)


def content_hash(file: str, elsewhere: str) -> str:
    """Return a hash of the content of a local file; of a Hub id, which is not asked, the id."""
    try:
        name = _name(file, elsewhere)
        if _on_hub(name):
            return name
        path = Path(name)
        files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        return " ".join(sha256(one.read_bytes()) for one in files)
    except (OSError, UsageError) as error:
        return str(error)  # which reading it says in its own words


def _name(file: str, elsewhere: str) -> str:
    """Return a path or a Hub id."""
    import folder_paths

    typed = elsewhere.strip().strip("\"'").strip()  # as file managers copy a path
    if typed:
        return typed if _on_hub(typed) else str(Path(typed).expanduser())
    chosen = file.strip()
    if chosen in ("", NOTHING):
        raise UsageError(
            got="no file",
            expected=f"a file in models/{FOLDER}, a Hub id or a path",
            do=f"put a .safetensors file of trimtab in ComfyUI's models/{FOLDER}, press R and "
            "choose it",
        )
    found = folder_paths.get_full_path(FOLDER, chosen)
    # A name that is no longer in the list is shown as it was saved in the workflow.
    return str(found or Path(folder_paths.get_folder_paths(FOLDER)[0], chosen))


def _on_hub(name: str) -> bool:
    return HUB_ID.fullmatch(name) is not None and not Path(name).exists()
