"""Write the folder of ComfyUI nodes with the part of trimtab that it needs, so it stands alone."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NODES, SOURCE = ROOT / "integrations" / "comfyui", ROOT / "src" / "trimtab"
PARTS = ("__init__.py", "py.typed", "errors.py", "lazy.py", "storage", "interventions")
"""What reading and applying a direction imports; trimtab's other rooms are left out."""
UNUSED = shutil.ignore_patterns("__pycache__", "*.pyc")


def write(folder: Path) -> Path:
    """Write the folder, in place of an earlier one.

    Parameters
    ----------
    folder : Path
        Where to write; it may exist only if it was written by this script.

    Returns
    -------
    Path
        The folder.
    """
    if folder.exists() and not (folder / "vendor" / "trimtab").is_dir():
        raise SystemExit(f"{folder} exists and was not written by this script; name another folder")
    # What a repository in the folder knows of its history stays.
    for old in folder.iterdir() if folder.exists() else ():
        if old.name != ".git":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(NODES, folder, ignore=UNUSED, dirs_exist_ok=True)
    shutil.copy(ROOT / "LICENSE", folder)
    readme = folder / "README.md"
    # Links to the rest of the repository would lead nowhere.
    alone = re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", readme.read_text(encoding="utf-8"))
    readme.write_text(alone, encoding="utf-8")
    for part in PARTS:
        found, copy = SOURCE / part, folder / "vendor" / "trimtab" / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(found, copy, ignore=UNUSED) if found.is_dir() else shutil.copy(found, copy)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist" / "comfyui-trimtab")
    print(write(parser.parse_args().folder))
