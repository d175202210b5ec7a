"""What a user installs: the wheel contains everything that the package reads."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the installed hatchling, without a network."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=300,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    source = ROOT / "src"
    paths = [p.relative_to(source) for p in (source / "trimtab").rglob("*") if p.is_file()]
    files = {
        path.as_posix()
        for path in paths  # without what Python and the linters leave behind
        if not any(part == "__pycache__" or part.startswith(".") for part in path.parts)
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("trimtab/")}
    assert held == files
    assert "trimtab/py.typed" in held
    assert {Path(name).suffix for name in held} >= {".py", ".yaml", ".safetensors"}


def test_the_wheel_carries_the_licence_and_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    inside = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
    assert b"Apache License" in archive.read(inside["LICENSE"])
    assert b"trimtab = trimtab.cli:main" in archive.read(inside["entry_points.txt"])
    assert b"License-Expression: Apache-2.0" in archive.read(inside["METADATA"])


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 40e6


def test_each_model_is_small() -> None:
    folders = [*(ROOT / "src" / "trimtab" / "townsfolk" / "models").iterdir()]
    sizes = [
        sum(one.stat().st_size for one in each.rglob("*") if one.is_file()) for each in folders
    ]
    assert sizes and all(0 < size < 30e6 for size in sizes) and sum(sizes) < 60e6


# What torch has beside itself differs between its CPU and CUDA builds; any build will do.
OF_ONE_BUILD = re.compile("(cuda|nvidia|triton)(-|$)")


def pins() -> dict[str, str]:
    """Versions by name, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in found if line.count("==") != 1] == []
    return {canonicalize_name(name): version for name, version in (x.split("==") for x in found)}


def needed() -> dict[str, set[str]]:
    """Names of all dependencies of trimtab and its dev extra on this machine, with extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    todo = [*map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["dev"]])]
    found: dict[str, set[str]] = {}
    while todo:
        one = todo.pop()
        name, extras = canonicalize_name(one.name), {"", *one.extras}
        if OF_ONE_BUILD.match(name) or extras <= found.get(name, set()):
            continue
        found[name] = found.get(name, set()) | extras
        for other in map(Requirement, metadata.requires(name) or ()):
            if not other.marker or any(other.marker.evaluate({"extra": e}) for e in extras):
                todo.append(other)
    return found


def test_every_dependency_is_pinned() -> None:
    held = pins()
    assert sorted(needed().keys() - held) == []
    assert {"torch", "hypothesis", "markupsafe"} <= needed().keys()  # direct, dev and indirect ones
    assert not any(name.startswith("torchvision") for name in held)


def test_the_pinned_versions_are_installed() -> None:
    held = pins()
    found = {name: Version(metadata.version(name)).public for name in needed()}  # no "+cpu"
    assert found == {name: Version(held[name]).public for name in found}
