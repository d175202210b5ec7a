"""Tests of the documentation: its Python runs; its commands, modules, files and links exist.

A block that cannot run here says why on the line before it: ``<!-- not run: needs a GPU -->``.
"""

from __future__ import annotations

import builtins
import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from trimtab.cli import app
from trimtab.concepts import attribute
from trimtab.concepts.panels import panels_from
from trimtab.pipelines import families, known_families

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SHELL = ("console", "bash", "sh", "shell")
NOT_RUN = re.compile(r"<!--\s*not run:\s*\S.*-->")
SEEDS = 8  # a range in a page's Python is cut to so many: it must run, not impress


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is the number of its first line of code."""

    language: str
    line: int
    text: str
    run: bool


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a Markdown text."""
    lines = text.splitlines()
    start, fence, language = -1, "", ""
    for number, line in enumerate(lines):
        mark = re.match(r"\s*(```+|~~~+)\s*([\w+-]*)", line)
        if start < 0 and mark:
            start, fence, language = number, mark[1], mark[2].lower()
        elif start >= 0 and line.strip() == fence:
            before = next((text for text in reversed(lines[:start]) if text.strip()), "")
            code = "\n".join(lines[start + 1 : number])
            yield Block(language, start + 2, code, not NOT_RUN.search(before))
            start = -1


def commands(block: Block) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, words) of each command in a shell block, continued lines joined."""
    number, held = block.line, ""
    for offset, raw in enumerate(block.text.splitlines()):
        if block.language == "console" and not held:
            if not raw.startswith("$ "):  # what the command prints
                continue
            raw = raw[2:]
        if not held:
            number = block.line + offset
        held += raw
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        line, held = held, ""
        for part in re.split(r"&&|\|\||;", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words:
                yield number, [Path(words[0]).name, *words[1:]]


def spans(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, words) of each `code span` of a Markdown text, fenced blocks left out."""
    for number, line in enumerate(unfenced(text).splitlines(), start=1):
        for span in re.findall(r"`([^`]+)`", line):
            if span.split():
                yield number, span.split()


def unfenced(text: str) -> str:
    """Empty the fenced blocks of a Markdown text, keeping the numbers of the lines."""
    lines = text.splitlines()
    for block in blocks(text):
        first = block.line - 1
        lines[first : first + len(block.text.splitlines())] = [""] * len(block.text.splitlines())
    return "\n".join(lines)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+\s+(.+?)\s*#*$", unfenced(text), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
        name = name.replace(" ", "-")
        found[name] = found.get(name, -1) + 1
    return {f"{name}-{n}" if n else name for name, last in found.items() for n in range(last + 1)}


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", text, re.MULTILINE))


def exists(module: str) -> bool:
    """Return whether `python -m` would find a module."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # its package is not there
        return False
    if found is not None and found.submodule_search_locations is not None:
        return exists(f"{module}.__main__")  # what runs of a package
    return found is not None


def unknown_in(words: list[str]) -> str | None:
    """Return what is wrong with a `make` or `python -m` command; None for all others."""
    if words[0] == "make":
        goals = [w for w in words[1:] if not w.startswith(("-", "#")) and "=" not in w]
        wrong = [goal for goal in goals if goal not in targets()]
        return f"make has no target {wrong[0]}" if wrong else None
    if re.fullmatch(r"python[\d.]*", words[0]) and words[1:2] == ["-m"] and len(words) > 2:
        return None if exists(words[2]) else f"there is no module {words[2]}"
    return None


def wrong_in(words: list[str], command: Any) -> str | None:
    """Return what the program does not know in a command line, or None."""
    path = "trimtab"
    for word in words:
        if word in ("|", ">", ">>", "&", "--"):
            break
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        if re.match(r"--?[A-Za-z]", word):
            if word.split("=")[0] not in known | {"--help"}:
                return f"{path} has no option {word.split('=')[0]}"
        elif getattr(command, "commands", None):
            if word not in command.commands:
                return f"{path} has no command {word}"
            command, path = command.commands[word], f"{path} {word}"
    return None


def short_range(*numbers: int) -> builtins.range:
    """Replace `range` in a page: the same range, cut to a few seeds."""
    return builtins.range(*numbers)[:SEEDS]


def run_in(page: Path) -> list[Block]:
    """Return the Python blocks of a page that should run."""
    found = blocks(page.read_text(encoding="utf-8"))
    return [block for block in found if block.language in ("python", "py") and block.run]


@pytest.mark.parametrize("page", [*filter(run_in, PAGES)], ids=lambda page: page.name)
def test_the_python_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(families, "_FAMILIES", dict(families._FAMILIES))  # a page may add one
    names: dict[str, Any] = {"__name__": "__main__", "range": short_range}
    for block in run_in(page):
        code = "\n" * (block.line - 1) + block.text  # so that a traceback tells the page's line
        exec(compile(code, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)  # for the recipes
    root = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8")
    shell = [c for block in blocks(text) if block.language in SHELL for c in commands(block)]
    wrong = [
        *((line, wrong_in(words[1:], root)) for line, words in shell if words[0] == "trimtab"),
        *((line, unknown_in(words)) for line, words in (*shell, *spans(text))),
    ]
    assert [f"{page.name}:{line}: {problem}" for line, problem in wrong if problem] == []


def dead_links(page: Path) -> list[str]:
    """Return the links of a page to files or headings that do not exist."""
    text, dead = page.read_text(encoding="utf-8"), []
    for pair in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        link = "".join(pair)
        path, _, anchor = link.partition("#")
        file = page.parent / path if path else page
        if "://" in link:
            continue
        if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_the_attributes_and_panels_of_the_page_load(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    found = [block for block in blocks(page) if block.language in ("yaml", "yml")]
    assert found
    for block in found:
        file = tmp_path / "own.yaml"
        file.write_text(block.text, encoding="utf-8")
        if "\npanels:" in block.text:
            assert panels_from(file).panels
        else:
            assert len(attribute(file).groups) >= 2


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    root: Any = typer.main.get_command(app)
    names = [name for name, command in root.commands.items() if not command.hidden]
    missing = [name for name in names if not re.search(rf"trimtab {name}\b", page)]
    assert names and not missing


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shell = [block.text for block in blocks(text) if block.language in SHELL]
    assert any("make demo" in block for block in shell)
    assert any("make test" in block for block in shell)


# The checks above are only worth something when they find faults: a page that has some.
FAULTY = """
```console
$ trimtab nothing --model x
$ trimtab generate --no-such-option 3 \\
    --model townsfolk
trimtab this is output
$ SEED=1 trimtab generate --model townsfolk
$ make demo ARGS=--quick && make coffee
$ python -m trimtab.nothing
$ python -m nothing.at.all && .venv/bin/python -m trimtab.cli.app && python -m pip list
$ python -m trimtab.concepts
# no heading
```
Then `make tea` and `python3 -m teapot`; see [this](#here), [that](README.md#nowhere) and
[both](#a-heading-of-code-1).
# A heading, *of* `code`
## A heading of code
<!-- not run: an example -->
```python
raise SystemExit
```
"""


def test_faults_in_a_page_are_found(tmp_path: Path) -> None:
    root = typer.main.get_command(app)
    console, python = blocks(FAULTY)
    assert not python.run and FAULTY.splitlines()[python.line - 1] == "raise SystemExit"
    shell = [words for _, words in commands(console)]
    found = [wrong_in(words[1:], root) for words in shell if words[0] == "trimtab"]
    assert found == [
        "trimtab has no command nothing",
        "trimtab generate has no option --no-such-option",
        None,
    ]
    unknown = map(unknown_in, (*shell, *(words for _, words in spans(FAULTY))))
    assert [problem for problem in unknown if problem] == [
        "make has no target coffee",
        "there is no module trimtab.nothing",
        "there is no module nothing.at.all",
        "there is no module trimtab.concepts",
        "make has no target tea",
        "there is no module teapot",
    ]
    (tmp_path / "README.md").write_text("# Title", encoding="utf-8")
    (tmp_path / "page.md").write_text(FAULTY, encoding="utf-8")
    assert dead_links(tmp_path / "page.md") == ["#here", "README.md#nowhere"]
    assert anchors(FAULTY) == {"a-heading-of-code", "a-heading-of-code-1"}
    assert run_in(tmp_path / "page.md") == []


def test_the_tables_have_a_row_for_every_family() -> None:
    table = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(family.name for family in known_families())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## Models\n")[1].split("\n## ")[0]
    assert len(re.findall(r"^\| (?!family|---)", section, re.MULTILINE)) == len(rows)


def test_the_published_schemas_are_those_of_the_results() -> None:
    spec = importlib.util.spec_from_file_location("schemas", ROOT / "docs" / "write_schemas.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {path.name: path.read_text(encoding="utf-8") for path in module.FOLDER.iterdir()}
    assert found == module.schemas(), "run make schemas"
