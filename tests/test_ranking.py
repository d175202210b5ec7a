"""Audits of many prompts: figures of each subject, ranked by deviation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tiny import tiny_pipeline
from trimtab.report import write_report
from trimtab.workflows import AuditResult, audit

PROMPTS = (
    "a photo of a baker", "a picture of a baker", "a photo of a clerk", "a picture of a clerk",
)  # fmt: skip


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    folder = tmp_path_factory.mktemp("ranking")
    return audit(
        tiny_pipeline(), PROMPTS, "gender", n=8, recogniser=Brightness(), to=folder,
        num_inference_steps=2,
    )  # fmt: skip


class Brightness:
    """A recogniser that calls the brighter half of the tiny model's pictures women."""

    name = "brightness"
    fingerprint = "brightness-1"

    def probabilities(self, images: list[Image.Image], prompts: list[list[str]]) -> np.ndarray:
        light = np.array([np.asarray(one.convert("L"), dtype=float).mean() for one in images])
        first = (light > 128).astype(float)
        return np.stack([first, 1 - first], axis=1)


def test_a_subject_has_the_pictures_of_all_its_prompts(audited: AuditResult) -> None:
    assert list(audited.by_subject) == ["baker", "clerk"]
    for subject, (view,) in audited.by_subject.items():
        own = view.of("gender")
        assert own is not None and own.n == 16
        prompts = [one for one in PROMPTS if one.endswith(subject)]
        parts = [audited.by_prompt[one][0].of("gender") for one in prompts]
        assert own.shares["woman"].count == sum(one.shares["woman"].count for one in parts if one)


def test_the_largest_deviation_comes_first(audited: AuditResult) -> None:
    ratios = [one.deviation_ratio.value for _, one in audited.ranking("gender")]
    assert len(ratios) == 2 and ratios == sorted(ratios, reverse=True)
    assert audited.ranking("age") == []
    assert "perceived gender by subject" in str(audited)


def test_the_page_shows_the_ranking(audited: AuditResult, tmp_path: Path) -> None:
    page = write_report(audited, tmp_path).read_text(encoding="utf-8")
    assert "which subject is furthest from the target" in page
    again = AuditResult.load(audited.store) if audited.store else None
    assert again == audited


@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS[:2], PROMPTS[::2]])
def test_there_is_no_subject_to_add_up(prompts: tuple[str, ...]) -> None:
    found = audit(tiny_pipeline(), prompts, "gender", n=3, recogniser=Brightness(),
                  num_inference_steps=2)  # fmt: skip
    assert found.by_subject == {}
    assert len(found.ranking("gender")) == (len(prompts) if len(prompts) > 1 else 0)
