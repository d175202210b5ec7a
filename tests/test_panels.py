"""Panels: the YAML form, the study on a tiny pipeline, the result and its report."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colours import Colours, colours_of
from tiny import tiny_pipeline
from trimtab import townsfolk
from trimtab.concepts import attribute
from trimtab.concepts.panels import Panel, Panels, panel_lists, panels_from
from trimtab.errors import FileError, TrimtabError, UsageError
from trimtab.generation import generate
from trimtab.interventions import EmbeddingShift
from trimtab.recognition import classify
from trimtab.report import write_report
from trimtab.report.claims import claims
from trimtab.storage import Store
from trimtab.workflows import PanelsResult, load_result, run_panels

PROMPT, OTHER = "a photo of a doctor", "a picture of a doctor"
FORM = f"""
name: mine
concepts: townsfolk
watch: [age]
steps: [0.2, 0.5]
weights: [4, 2]
settings: {{num_inference_steps: 8}}
panels:
  - prompt: {PROMPT}
    towards: {{gender: woman}}
    adjust: true
  - prompt: {OTHER}
    towards: {{gender: man}}
  - prompt: {PROMPT}
    towards: {{gender: woman, skin_tone: darker}}
"""
SMALL: dict[str, Any] = {
    "n": 6, "n_capture": 5, "n_dose": 5, "n_grid": 5, "n_transfer": 5, "precision": None,
    "batch_size": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def recogniser() -> Colours:
    """A recogniser for which one in four plain pictures shows the first group."""
    return colours_of(PROMPT)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Panels:
    """The panels of `FORM`."""
    file = tmp_path_factory.mktemp("panels") / "mine.yaml"
    file.write_text(FORM, encoding="utf-8")
    return panels_from(file)


@pytest.fixture(scope="module")
def result(
    listed: Panels, recogniser: Colours, tmp_path_factory: pytest.TempPathFactory
) -> PanelsResult:
    """These panels on the tiny model, in a store."""
    store = tmp_path_factory.mktemp("store")
    return run_panels(tiny_pipeline(), listed, to=store, recogniser=recogniser, **SMALL)


def test_the_lists_that_ship_can_be_read() -> None:
    assert {"paper", "paper-quick", "paper-sdxl"} <= set(panel_lists())
    for name in panel_lists():
        listed = panels_from(name)
        assert listed.panels
        assert list(listed.weights) == sorted(listed.weights)
    sdxl = panels_from("paper-sdxl")
    assert (sdxl.steps, sdxl.weights, dict(sdxl.settings)) == (
        (0.2,), (10.0, 15.0), {"num_inference_steps": 50},
    )  # fmt: skip


PANEL = "panels: [{prompt: a photo of a doctor, towards: {gender: woman}}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("panels: []", "expected a list"),
        ("panels: [{prompt: a photo of a doctor}]", "no groups in the panel"),
        ("panels: [{prompt: a photo of a doctor, towards: {}}]", "no groups in the panel"),
        ("panels: [{prompt: a photo of a doctor, towards: [gender]}]", "expected attributes"),
        ("panels: [{prompt: a photo of a doctor, towards: {hair: long}}]", "the attribute 'hair'"),
        ("panels: [{prompt: a photo of a doctor, towards: {gender: boy}}]", "'boy' of gender"),
        ("panels: [{prompt: a doctor, towards: {race: Black}}]", "expected one of two groups"),
        (
            "panels: [{prompt: a photo of a man and a woman, towards: {gender: woman}}]",
            "which names woman and man",
        ),
        (
            "panels: [{prompt: a doctor, towards: {gender: man, skin_tone: darker}, adjust: true}]",
            "adjust with 2 attributes",
        ),
        ("panels: [{prompt: a photo of men and women, towards: {gender: man}}]", "names woman"),
        ("panels: [{prompt: a doctor, towards: {skin tone: darker, skin_tone: lighter}}]", "twice"),
        ("panels: [{prompt: a doctor, towards: {gender: man}, adjust: 'no'}]", "adjust: 'no'"),
        (f"attributes: 5\n{PANEL}", "expected a list"),
        (f"watch: age\n{PANEL}", "expected a list"),
        ("panels: [{prompt: a doctor, towards: {gender: man}, learn_on: 5}]", "expected a list"),
        ("panels: [{prompt: '', towards: {gender: woman}}]", "the prompt ''"),
        (f"weights: [.nan]\n{PANEL}", "weights nan"),
        (f"weights: [-1]\n{PANEL}", "weights -1"),
        (f"steps: [2]\n{PANEL}", "steps 2"),
        (f"steps: []\n{PANEL}", "steps without a number"),
        (f"settings: {{seed: 1}}\n{PANEL}", "the key 'seed'"),
        (f"colour: red\n{PANEL}", "the key 'colour'"),
        ("panels: [{prompt: a, towards: {gender: man}}, {prompt: a, towards: {gender: man}}]",
         "twice"),
        ("- a", "expected a mapping"),
        (": :", "not one YAML document"),
    ],
)  # fmt: skip
def test_a_file_that_describes_no_panels_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "panels.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FileError) as caught:
        panels_from(file)
    assert said in str(caught.value)
    assert "panels.yaml" in str(caught.value)


def test_a_list_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="paper-sdxl"):
        panels_from("papers")
    with pytest.raises(FileError, match="cannot be read"):
        panels_from(tmp_path / "none.yaml")


def test_a_panel_may_name_one_group_but_not_both() -> None:
    wealth = attribute("wealth")
    named = Panel("a photo of a wealthy man and his house", (wealth,), {"wealth": "wealthy"})
    assert named.title == "a photo of a wealthy man and his house → wealthy"
    with pytest.raises(UsageError, match="names wealthy and poor"):
        Panel("a photo of a wealthy and a poor man", (wealth,), {"wealth": "wealthy"})


def test_a_panel_defines_attributes_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "hats.yaml"
    file.write_text(
        "attributes: [{name: hat, groups: [{name: top hat}, {name: beret}]}]\n"
        "watch: [hat, age]\n"
        "panels:\n"
        "  - {prompt: a photo of a painter, towards: {hat: top hat}, learn_on: painter}\n"
        "  - {prompt: a photo of a poet, towards: {hat: beret}, watch: [gender]}\n"
        "  - {prompt: a photo of a hat, towards: {hat: beret}, watch: []}",
        encoding="utf-8",
    )
    panel, *others = panels_from(file).panels
    assert [one.name for one in panel.watch] == ["hat", "age"]
    assert [[one.name for one in each.watch] for each in others] == [["gender"], []]
    assert panel.attributes[0].names == ("top hat", "beret")
    assert panel.on == ("painter",)


@pytest.mark.parametrize(
    "sizes",
    [{"n_grid": 1}, {"n_transfer": 7}, {"n_grid": 2.5}, {"n_sensitivity": 1}, {"target": {}},
     {"adjust": None}, {"colour": "red"}],
)  # fmt: skip
def test_impossible_numbers_are_refused(
    sizes: dict[str, Any], listed: Panels, recogniser: Colours, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=next(iter(sizes))):
        run_panels(tiny_pipeline(), listed, to=tmp_path, recogniser=recogniser, **SMALL | sizes)


def test_the_overall_progress_only_rises(recogniser: Colours, tmp_path: Path) -> None:
    """Also where parts have the same name, as with a direction alone and with an adjustment."""
    calls: list[int] = []

    def tell(done: int, total: int, what: str) -> None:
        calls.extend([done] * (what == "all panels"))

    one = Panel(PROMPT, (attribute("gender"),), {"gender": "woman"}, adjust=True)
    listed = Panels("one", (one,), steps=(0.2,), weights=(2.0,))
    small = SMALL | {"n_transfer": 0, "num_inference_steps": 8}
    adjusted = run_panels(
        tiny_pipeline(), listed, to=tmp_path, recogniser=recogniser, progress=tell, **small
    )
    assert calls == sorted(calls)
    assert max(calls) < adjusted.planned
    alone = Panels("one", (replace(one, adjust=False),), steps=(0.2,), weights=(2.0,))
    plain = run_panels(tiny_pipeline(), alone, to=tmp_path, recogniser=recogniser, **small)
    assert plain.name != adjusted.name
    assert plain.panels[0].mitigation == adjusted.panels[0].mitigation


def test_a_prompt_without_paraphrases_is_no_obstacle(recogniser: Colours, tmp_path: Path) -> None:
    one = Panel(
        "portrait of a doctor", (attribute("gender"),), {"gender": "woman"}, on=("doctor",),
        concepts="townsfolk",
    )  # fmt: skip
    listed = Panels("one", (one,), steps=(0.2,), weights=(2.0,))
    small = SMALL | {"n_transfer": 0, "n_sensitivity": 2, "num_inference_steps": 8}
    found = run_panels(tiny_pipeline(), listed, to=tmp_path, recogniser=recogniser, **small)
    assert found.sensitivity is None
    assert "follow their noise is not known" in found.note


def test_each_panel_has_a_mitigation_and_a_grid(result: PanelsResult, listed: Panels) -> None:
    assert [one.title for one in result.panels] == [one.title for one in listed.panels]
    for outcome, panel in zip(result.panels, listed.panels, strict=True):
        names = [one.name for one in panel.attributes]
        assert [one.learned.attribute for one in outcome.mitigation.attributes] == names
        grid = outcome.grid
        assert (grid.steps, grid.weights) == ((2, 4), (2.0, 4.0))
        assert [one.attribute for one in grid.shares] == names
        for share in grid.shares:
            assert [[dose.strength for dose in row] for row in share.cells] == [[2.0, 4.0]] * 2
            assert all(dose.n == 5 for row in share.cells for dose in row)
            parts = (share.step, share.weight, share.interaction)
            values = [one.value for one in parts if one is not None]
            assert len(values) == 3
            assert np.isnan(values).all() or sum(values) == pytest.approx(1)


def test_a_panel_goes_to_the_rarer_group_or_on_to_the_one_it_names(result: PanelsResult) -> None:
    for outcome in result.panels:
        for one in outcome.mitigation.attributes:
            name, towards = one.learned.attribute, one.learned.towards
            plain = one.response.doses[0].share
            if name in outcome.even:
                assert abs(plain - 0.5) <= 0.10
                assert towards == outcome.listed[name]
                assert one.target.shares[towards] == 0.8
            else:
                assert plain < 0.5
                assert one.target.shares[towards] == 0.5


def test_no_cell_of_the_grid_uses_seeds_of_another_purpose(result: PanelsResult) -> None:
    for outcome in result.panels:
        ranges = [outcome.grid.seeds, *outcome.mitigation.seeds.values()]
        for (_, after), (first, _) in pairwise(sorted(ranges)):
            assert after <= first


def test_a_cell_of_the_grid_can_be_made_again(result: PanelsResult) -> None:
    """Its direction is the one that a user learns from the same seeds at the same step."""
    from trimtab.interventions import MeanDifference
    from trimtab.latents import capture

    outcome = result.panels[0]
    (share,) = outcome.grid.shares
    samples = capture(
        tiny_pipeline(), "gender", range(20_000, 20_005), [4], on="doctor", num_inference_steps=8,
        batch_size=5,
    )  # fmt: skip
    direction = MeanDifference(step=4, towards=share.towards).fit(samples).direction_
    images = generate(
        tiny_pipeline(), PROMPT, range(*outcome.grid.seeds), 2.0 * direction,
        num_inference_steps=8, batch_size=5,
    )  # fmt: skip
    labels = classify(images, "gender", colours_of(PROMPT)).labels("gender")
    assert int((labels.names == share.towards).sum()) == share.cells[1][0].towards


def test_an_adjustment_alone_and_with_the_direction(result: PanelsResult) -> None:
    first, *others = result.panels
    assert all(one.adjusted is None for one in others)
    adjusted = first.adjusted
    assert adjusted is not None
    assert adjusted.where == "after"
    assert [dose.strength for dose in adjusted.response.doses] == [0, 0.25, 0.5, 0.75, 1, 1.5, 2]
    ((name, group),) = [(one.attribute, one.towards) for one in first.grid.shares]
    shift = EmbeddingShift.between(name, group, on="doctor", where="after").bound(tiny_pipeline())
    if adjusted.strength:
        done = adjusted.arm.intervention
        assert done["adjustment"] == (adjusted.strength * shift).to_dict()
        assert not done["steering"]["terms"]
        assert adjusted.both is not None
        assert adjusted.both.intervention.adjustment == 0.5 * adjusted.strength * shift
    else:
        assert adjusted.both is None


def test_directions_are_applied_to_each_other_and_sums_are_counted(result: PanelsResult) -> None:
    pairs = [(one.learned_on, one.applied_to) for one in result.transfers]
    assert pairs == [(PROMPT, OTHER), (OTHER, PROMPT)]
    first, second = (result.panels[i].mitigation.attributes[0] for i in (0, 1))
    for one, (mine, theirs) in zip(
        result.transfers, ((first, second), (second, first)), strict=True
    ):
        sign = 1 if mine.learned.towards == theirs.learned.towards else -1
        assert one.strength == sign * mine.strength
        assert one.towards == theirs.learned.towards
    (added,) = result.added
    sum_arm = result.panels[2].mitigation.arm("all directions")
    crossed = sum_arm.views[0].intersections[0]
    assert added.steered.count == crossed.shares[" × ".join(added.groups)].count
    assert added.steered.value == pytest.approx(added.predicted + added.excess.value)


def test_the_first_panel_is_tried_at_other_settings(result: PanelsResult) -> None:
    first = result.panels[0].mitigation
    found = [(one.setting, one.usual, one.changed) for one in result.elsewhere]
    scale = first.settings["guidance_scale"]
    assert found == [
        ("guidance_scale", scale, round(0.7 * scale, 2)),
        ("guidance_scale", scale, round(1.5 * scale, 2)),
        ("num_inference_steps", 8, 4),
        ("num_inference_steps", 8, 16),
    ]
    assert all(one.judged[0].after.n == 5 for one in result.elsewhere)
    images = generate(
        tiny_pipeline(), PROMPT, range(5), first.intervention, num_inference_steps=16, batch_size=5
    )  # fmt: skip
    labels = classify(images, "gender", colours_of(PROMPT)).labels("gender")
    last = result.elsewhere[-1]
    assert last.judged[0].after.count == (labels.names == last.towards).sum()


def test_a_recogniser_that_embeds_tells_whether_the_model_listens(
    result: PanelsResult, tmp_path: Path
) -> None:
    assert result.sensitivity is None  # colours are no embedding
    one = Panel(PROMPT, (attribute("gender"),), {"gender": "woman"})
    small = SMALL | {"n": 4, "n_transfer": 0, "n_sensitivity": 3, "generic": False}
    found = run_panels(
        townsfolk.load(), Panels("one", (one,), steps=(0.2,), weights=(2.0,)), to=tmp_path,
        num_inference_steps=8, **small,
    )  # fmt: skip
    assert found.sensitivity is not None
    assert len(found.sensitivity.prompts) == 8
    assert found.sensitivity.seeds == (0, 3)
    page = unescape(write_report(found, tmp_path / "page").read_text(encoding="utf-8"))
    assert "Does the model listen to its noise?" in page
    assert found.sensitivity.effect.sentence() in page
    assert found.panels[0].grid.shares[0].step is None
    assert "The step at which" not in page


def test_a_rerun_makes_no_picture_and_the_same_result(
    result: PanelsResult, listed: Panels, recogniser: Colours
) -> None:
    calls = []
    assert result.store is not None
    again = run_panels(
        tiny_pipeline(), listed, to=result.store, recogniser=recogniser,
        progress=lambda done, total, what: calls.append((done, total, what)), **SMALL,
    )  # fmt: skip
    assert again.to_dict() == result.to_dict()
    overall = [(done, total) for done, total, what in calls if what == "all panels"]
    assert overall
    assert all(total == result.planned for _, total in overall)
    assert [done for done, _ in overall] == sorted(done for done, _ in overall)
    assert result.made <= result.planned


def test_a_result_survives_its_store_and_moves_to_another(
    result: PanelsResult, tmp_path: Path
) -> None:
    assert result.store is not None
    assert PanelsResult.load(result.store).to_dict() == result.to_dict()
    elsewhere = result.save(tmp_path / "other")
    loaded = load_result(Store.existing(tmp_path / "other"), elsewhere.name)
    assert isinstance(loaded, PanelsResult)
    for mitigation in loaded.mitigations():
        assert mitigation.intervention == result_of(result, mitigation.name).intervention
        assert len(mitigation.pictures(mitigation.arms[0])) == 6


def result_of(result: PanelsResult, name: str) -> Any:
    """Return one of its mitigations."""
    return next(one for one in result.mitigations() if one.name == name)


def test_one_line_for_each_share(result: PanelsResult) -> None:
    lines = str(result).splitlines()
    assert lines[0].startswith("3 panels, judged by the recogniser, n = 6")
    assert len(lines) == 2 + 4


def test_the_report_shows_every_panel_and_links_its_mitigation(
    result: PanelsResult, tmp_path: Path
) -> None:
    page = write_report(result, tmp_path / "page")
    text = unescape(page.read_text(encoding="utf-8"))
    for outcome in result.panels:
        assert outcome.title[2:] in text
        link = f"panels/{outcome.mitigation.name}/report.html"
        assert f'href="{link}"' in text
        assert (page.parent / link).exists()
    for claim in ("The step at which", "Directions add up", "Directions carry over", "It suffices",
                  "Does a direction hold"):  # fmt: skip
        assert claim in text
    assert "Every step and weight" in text


def test_a_store_reports_each_mitigation_once(result: PanelsResult, tmp_path: Path) -> None:
    assert result.store is not None
    page = write_report(result.store, tmp_path / "page").read_text(encoding="utf-8")
    assert page.count("<h2>Before and after</h2>") == 1
    assert "Same seeds, before and after" not in page


def test_a_model_that_is_refused_is_refused_before_any_picture(
    recogniser: Colours, tmp_path: Path
) -> None:
    listed = Panels(
        "bad", (Panel("a doctor at work", (attribute("gender"),), {"gender": "man"},
                      concepts="no_such_pack"),),
    )  # fmt: skip
    with pytest.raises(TrimtabError, match="no_such_pack"):
        run_panels(tiny_pipeline(), listed, to=tmp_path / "s", recogniser=recogniser)
    assert not list((tmp_path / "s").rglob("*.png"))


def test_the_page_of_the_documentation_is_written_from_a_store(
    result: PanelsResult, tmp_path: Path
) -> None:
    script = Path(__file__).parents[1] / "docs" / "write_paper.py"
    spec = importlib.util.spec_from_file_location("write_paper", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = "\n".join(module.page(result, tmp_path))
    for outcome in result.panels:
        assert f"### {outcome.title.capitalize()[:20]}" in text
    for name in re.findall(r"\]\((paper-[^)]+\.png)\)", text):
        assert (tmp_path / name).stat().st_size > 1000
    for one in claims(result):
        assert f"### {one.claim}" in text
        assert one.answer in text
