"""Lists of prompts from all sources, and the subject of a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.concepts import (
    are_paraphrases,
    concept_pack,
    paraphrases_of,
    prompts_from,
    subject_of,
)
from trimtab.errors import FileError, UsageError


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("a photo of a doctor", "doctor"),
        ("A photo of an engineer at work", "engineer at work"),
        ("an image of the CEO", "CEO"),
        ("a close-up portrait of a nurse", "nurse"),
        ("photos of doctors", "doctors"),
        ("a black and white photo of a chef", "chef"),
        ("a doctor in a hospital", "doctor in a hospital"),
        ("a wedding", "wedding"),
        ("CEO at a desk", "CEO at a desk"),
        ("a photo of", "photo of"),
        ("医者の写真", "医者の写真"),
    ],
)
def test_the_subject_of_a_prompt(prompt: str, subject: str) -> None:
    assert subject_of(prompt) == subject


@pytest.mark.parametrize("name", ["townsfolk", "winobias"])
def test_a_pack_fills_its_templates(name: str) -> None:
    prompts, pack = prompts_from(name), concept_pack(name)
    assert len(set(prompts)) == len(prompts) == sum(len(group.phrases) for group in pack.groups)
    assert {subject_of(prompt) for prompt in prompts} == set(pack.names)


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1).filter(
            lambda text: not text.startswith("#")
        ),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_a_file_gives_its_lines_in_any_script(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str]
) -> None:
    file = tmp_path_factory.mktemp("prompts") / "prompts.txt"
    file.write_text("\ufeff# a remark\r\n\r\n" + "\r\n".join(prompts), encoding="utf-8", newline="")
    assert prompts_from(file) == tuple(prompts)
    assert prompts_from(str(file)) == prompts_from(prompts) == tuple(prompts)


@pytest.mark.parametrize(
    "content",
    ["", "\ufeff", "\n \n", "# only a remark\n", "a photo of a doctor\na photo of a doctor"],
)
def test_a_file_without_prompts_or_with_one_twice_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"got .*prompts\.txt"):
        prompts_from(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    for name in ("nowhere.txt", "latin.txt"):
        with pytest.raises(FileError, match=name):
            prompts_from(tmp_path / name)


@pytest.mark.parametrize("wrong", ["", "  ", [], [""], ["a", "a"], ["a", 3]])
def test_what_is_no_prompt_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"got .*; expected .*; "):
        prompts_from(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "second", "last"),
    [
        ("a photo of a doctor", "a picture of a doctor", "a doctor"),
        (
            "A photo of an engineer at work",
            "a picture of an engineer at work",
            "an engineer at work",
        ),
        ("a portrait of the CEO", "a photo of the CEO", "the CEO"),
        ("a wedding", "a photo of a wedding", "a good photo of a wedding"),
    ],
)
def test_paraphrases_differ_in_how_they_begin(prompt: str, second: str, last: str) -> None:
    found = paraphrases_of(prompt)
    assert (found[0], found[1], found[-1]) == (prompt, second, last)
    assert len({one.lower() for one in found}) == len(found) == 8
    assert paraphrases_of(prompt, 3) == found[:3]
    assert are_paraphrases(found)
    assert not are_paraphrases([*found, "a photo of a nurse"])


@pytest.mark.parametrize(
    ("prompt", "n", "expected"),
    [
        ("a photo of a doctor", 9, "2 to 8"),
        ("a photo of a doctor", 1, "2 to 8"),
        ("a painting of a doctor", 2, "begins like"),
        ("a black and white photo of a doctor", 2, "begins like"),
    ],
)
def test_paraphrases_that_there_are_not_are_refused(prompt: str, n: int, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        paraphrases_of(prompt, n)
