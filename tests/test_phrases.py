"""Lists of phrases."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.concepts import PhraseList, phrase_list, phrase_lists
from trimtab.errors import FileError, UsageError


def test_the_shipped_lists_are_a_vocabulary() -> None:
    lists = [phrase_list(name) for name in phrase_lists()]
    sentences = [sentence for one in lists for sentence in one.sentences]
    assert len(sentences) >= 600
    assert len(set(sentences)) == len(sentences)
    assert {one.name for one in lists} == set(phrase_lists())
    assert not [one for one in sentences if "{" in one or "  " in one]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("clothes", "a photo of a person wearing an apron"),
        ("bodies", "a photo of a person with freckles"),
        ("expressions", "a photo of an angry person"),
        ("styles", "an oil painting"),
    ],
)
def test_a_template_takes_the_article(name: str, sentence: str) -> None:
    assert sentence in phrase_list(name).sentences


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "hats.yaml"
    file.write_text("name: hats\ntemplate: wearing {a} {phrase}\nphrases: [top  hat, ushanka]\n")
    found = phrase_list(file)
    assert found.sentences == ("wearing a top hat", "wearing an ushanka")
    assert phrase_list(["écharpe", "帽子"]).sentences[1] == "a photo of a 帽子"
    assert phrase_list(found) is found


@pytest.mark.parametrize("phrases", [(), ("cap", "Cap"), ("cap", " ")])
def test_unfit_phrases_are_refused(phrases: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="phrases that differ"):
        PhraseList("hats", phrases)


@pytest.mark.parametrize(
    "text",
    [
        "", "phrases: cap", "phrases: []", "phrases: [a, a]", "words: [a]", "[a, b]", "a: [",
        "phrases: [cap]\ntemplate: a hat",
    ],
)  # fmt: skip
def test_files_that_describe_no_list_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(FileError, match=r"own\.yaml"):
        phrase_list(file)


def test_unknown_names_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'hats'.*accessories, activities"):
        phrase_list("hats")
    with pytest.raises(FileError, match="check the path"):
        phrase_list(tmp_path / "nowhere.yaml")
