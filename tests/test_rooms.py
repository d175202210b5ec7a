"""The rooms of the package: which may import which, and what must not be imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trimtab

SRC = Path(trimtab.__file__).parent
ROOMS = (
    "lazy",
    "errors",
    "storage",
    "statistics",
    "concepts",
    "pipelines",
    "drawing",
    "latents",
    "interventions",
    "generation",
    "recognition",
    "metrics",
    "workflows",
    "report",
    "townsfolk",
    "cli",
    "__main__",
)
MODULES = sorted(SRC.rglob("*.py"))
HEAVY = ("torch", "diffusers", "transformers", "sklearn", "matplotlib", "pyarrow")


def name_of(path: Path) -> str:
    """Return the dotted name of a module, for example trimtab.metrics.distances."""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the room of a dotted name; the package itself is the room ''."""
    return ([*module.split("."), ""])[1]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything a module imports, at any depth and under any `if`."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = ".".join([*base, *([node.module] if node.module else [])])
            if full == "trimtab":  # `from trimtab import x`: x may be a room
                names = [alias.name for alias in node.names if alias.name != "__version__"]
                yield from ((node.lineno, f"trimtab.{name}") for name in names)
            else:
                yield node.lineno, full


def in_rooms(*rooms: str) -> list[Path]:
    """Return the modules of some rooms."""
    return [path for path in MODULES if room_of(name_of(path)) in rooms]


def fresh(code: str) -> set[str]:
    """Return the top-level modules that a new Python has loaded after running some code."""
    code += "\nimport sys, json; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_every_module_lives_in_a_known_room() -> None:
    strays = {name_of(p) for p in MODULES if room_of(name_of(p)) not in ("", *ROOMS)}
    assert not strays, f"not in the table of rooms: {sorted(strays)}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    if room != "cli":
        allowed -= {"townsfolk"} - {room}
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in in_rooms(room)
        for line, name in imports(path)
        if name.split(".")[0] == "trimtab" and room_of(name) not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("rooms", "forbidden"),
    [
        (("lazy", "errors", "statistics", "concepts", "metrics"), HEAVY),
        (("storage",), tuple(name for name in HEAVY if name != "pyarrow")),
        (tuple(room for room in ROOMS if room != "pipelines"), ("diffusers",)),
        (ROOMS, ("pickle", "cloudpickle", "dill", "joblib", "shelve")),
    ],
)
def test_rooms_do_without(rooms: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in in_rooms(*rooms)
        for line, name in imports(path)
        if name.split(".")[0] in forbidden
    ]
    assert not wrong


def test_nothing_trusts_remote_code_and_only_the_command_line_prints() -> None:
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                wrong.append(f"{name_of(path)}:{node.lineno} trusts remote code")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
                and room_of(name_of(path)) != "cli"
            ):
                wrong.append(f"{name_of(path)}:{node.lineno} prints")
    assert not wrong


def test_modules_stay_short_enough_to_read() -> None:
    lines = {name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    assert {name: n for name, n in lines.items() if n > 400} == {}


@pytest.mark.parametrize(
    "code", ["import trimtab", "import trimtab.cli", "dir(__import__('trimtab'))"]
)
def test_import_is_light(code: str) -> None:
    assert fresh(code).isdisjoint(HEAVY)


APPLIED = """
import torch, trimtab
direction = trimtab.Direction.load({file!r})
noise = torch.randn(3, 4, 8, 8) + torch.from_numpy(([0, 1, 2] * direction).offset(3))
again = trimtab.load_intervention({file!r}, 2.5).resampled((4, 4, 4)).offset(1)
"""


def test_applying_a_direction_loads_torch_and_numpy_only(tmp_path: Path) -> None:
    file = trimtab.Direction.random((4, 8, 8), 0).save(tmp_path / "d.safetensors")
    loaded = fresh(APPLIED.format(file=str(file)))
    heavier = ("scipy", "pandas", "PIL", "huggingface_hub", "fsspec", "jinja2", "pydantic", "yaml")
    assert loaded.isdisjoint({*HEAVY, *heavier} - {"torch"})
    assert "torch" in loaded


def test_applying_a_mitigation_needs_no_diffusers(tmp_path: Path) -> None:
    words = trimtab.AddedWords("smiling")
    mitigation = trimtab.Intervention(3 * trimtab.Direction.random((4, 8, 8), 0), words)
    file = mitigation.save(tmp_path / "m.safetensors")
    loaded = fresh(f"import trimtab; trimtab.load_intervention({str(file)!r}).offset(1)")
    assert loaded.isdisjoint({*HEAVY, "scipy", "pandas", "PIL", "huggingface_hub", "fsspec"})


@pytest.mark.parametrize("name", trimtab.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(trimtab, name) is not None
    assert name in dir(trimtab)


def test_a_room_is_reached_by_its_name() -> None:
    assert "trimtab" in fresh("import trimtab.report; trimtab.report.page; trimtab.write_report")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        trimtab.nothing_like_this  # noqa: B018
