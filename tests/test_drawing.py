"""Plots, tables and pictures from plain values: what they say, and what they are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from PIL import Image

from trimtab import drawing
from trimtab.drawing import Table
from trimtab.errors import UsageError
from trimtab.statistics import Accuracy, Dose, Estimate, Response, Share, wilson


@dataclass(frozen=True)
class Seen:
    groups: tuple[str, ...]
    shares: Mapping[str, Share]
    unknown: Share


def seen(unknown: int = 0, **counts: int) -> Seen:
    n = unknown + sum(counts.values())
    shares = {group: wilson(count, n) for group, count in counts.items()}
    return Seen(tuple(counts), shares, wilson(unknown, n))


DOSES = tuple(Dose(float(s), 30, 29, 3 * s, 30 - s) for s in (0, 2, 4, 8))
CURVE = {
    "strength": (0.0, 4.0, 8.0),
    "share": (0.0, 0.4, 0.9),
    "kept": (1.0, 0.9, 0.7),
}
RESPONSE = Response(0.3, DOSES, DOSES[:2], CURVE, 0.97, 5.0)
CHANGE = Estimate(0.1, 50, 0.0, 0.2)


@dataclass(frozen=True)
class Changed:
    difference: float = 0.12
    low: float = -0.04
    high: float = 0.28


def drawn_afresh() -> dict[str, Markup]:
    two = [("plain", seen(4, woman=6, man=90)), ("steered", seen(woman=50, man=50))]
    ten = [("plain", seen(**{f"monk {i}": i for i in range(1, 11)}))]
    return {
        "two": drawing.shares(two, {"woman": 0.3, "man": 0.7}),
        "ten": drawing.shares(ten, dict.fromkeys(ten[0][1].shares, 0.1)),
        "dose": drawing.dose_response(RESPONSE, "woman", ["woman", "man"], 2.5),
        "differences": drawing.differences([("age", "old", {"oracle": Changed()})], margin=0.1),
        "shift": drawing.dose_response(RESPONSE, "woman", ["woman", "man"], 2.5, of_noise=False),
        "grid": drawing.heat_map(
            [[0.0, 0.25, 1.0], [0.5, 0.75, float("nan")]],
            [2, 5],
            [0, 2.5, 15],
            names=("step", "weight"),
            chosen=(3, 20),
        ),
        "deviation": drawing.deviation([("plain", {"recogniser": CHANGE})]),
        "accuracy": drawing.accuracy([Accuracy(5, 0.8, 0.02)], 5, [Accuracy(10, 0.7, 0.03)]),
    }


every_plot = cache(drawn_afresh)
PLOTS = ["two", "ten", "dose", "shift", "grid", "differences", "deviation", "accuracy"]


def test_a_plot_is_the_same_bytes_again() -> None:
    assert drawn_afresh() == every_plot()


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_one_element_that_wears_the_colours_of_its_page(name: str) -> None:
    drawn = every_plot()[name]
    svg = ElementTree.fromstring(drawn)
    ids = [element.attrib["id"] for element in svg.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", drawn)) <= {
        pair for one in ids for pair in ((one, ""), ("", one))
    }
    assert "http" not in drawn and "DejaVu" not in drawn and "<style" not in drawn
    assert not re.search("#[0-9a-f]{6}", drawn)  # every colour is a variable
    assert "var(--ink)" in drawn
    assert svg.attrib["role"] == "img" and len(svg.attrib["aria-label"]) > 30


def test_a_plot_tells_its_figures_to_those_who_cannot_see_it() -> None:
    plots = every_plot()
    for name, said in {
        "two": ("plain: women 6\u202f% (3 to 12\u202f%)", "Target: women 30\u202f%, men 70\u202f%"),
        "ten": ("monk 10 18.2\u202f%",),
        "dose": ("12 of 29", "Target: 30\u202f%", "Chosen: 2.5\u202fσ"),
        "shift": ("Chosen: 2.5.",),
        "grid": ("step 2: 0\u202f% at weight 0, 25\u202f% at weight 2.5", "step 5: 50"),
        "differences": ("age, old, oracle: +12 (−4 to +28)",),
        "deviation": ("plain, recogniser: 0.10 (0.00 to 0.20)",),
        "accuracy": ("step 5: 80\u202f%",),
    }.items():
        label = ElementTree.fromstring(plots[name]).attrib["aria-label"]
        assert all(one in label for one in said)


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_can_be_read_on_a_phone(name: str) -> None:
    drawn = every_plot()[name]
    width = float(ElementTree.fromstring(drawn).attrib["viewBox"].split()[2])
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", drawn)]
    assert sizes and min(sizes) * 330 / width >= 10  # in a page 390 pixels wide


def test_a_dose_response_names_the_unit_of_its_strengths() -> None:
    assert "standard deviations of the noise" in every_plot()["dose"]
    assert "multiples of the difference" in every_plot()["shift"]
    assert "σ" not in every_plot()["shift"]


def test_an_unknown_cell_of_a_grid_stays_empty() -> None:
    texts = re.findall(r">(\d+)</text>", every_plot()["grid"])
    assert {"25", "50", "75", "100"} <= set(texts)
    assert "nan" not in every_plot()["grid"]


def test_a_long_label_of_a_row_has_two_lines() -> None:
    rows = [("sum of directions", {"recogniser": CHANGE}), ("x" * 50, {"recogniser": CHANGE}),
            ("one two three four five six seven", {"recogniser": CHANGE})]  # fmt: skip
    texts = re.findall(r">([^<>]+)</text>", drawing.deviation(rows))
    assert {"sum of", "directions", "x" * 16, "one two three"} <= set(texts)
    assert sum(text.endswith("…") for text in texts) == 2  # of what is longer still
    assert max(map(len, texts)) <= len("chance alone 0.20")


def test_any_target_is_drawn() -> None:
    drawn = every_plot()["two"]
    assert "target 30\u202f% women" in drawn and "50\u202f% women" not in drawn
    uneven = drawing.shares([("plain", seen(a=1, b=2, c=3))], {"a": 0.2, "b": 0.2, "c": 0.6})
    assert "dashed: target" in uneven


def test_texts_are_texts_in_plots_and_tables() -> None:
    drawn = drawing.shares([("<b>plain</b>", seen(**{"$a^2$": 3, "o&o": 4}))],
                           {"$a^2$": 0.5, "o&o": 0.5})  # fmt: skip
    assert "<b>" not in drawn and "$a^2$" in drawn and "o&amp;o" in drawn
    html = Table("<i>", ["<u>"], [["<b>"]]).__html__()
    assert not re.search("<[iub]>", html)
    assert "&lt;x&gt;" in drawing.notebook("<x>", Table("", ["a"], [["b"]]))


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1),
                 min_size=3, max_size=3),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_a_table_as_text_is_aligned(rows: list[list[str]]) -> None:
    lines = str(Table("", ["one", "two", "three"], rows)).splitlines()
    assert len(lines) == len(rows) + 1
    assert [line.split() for line in lines[1:]] == rows
    assert len({len(line) for line in lines}) <= len(lines)


def test_each_cell_of_a_wide_table_can_stand_alone() -> None:
    cells = ["steered", "recogniser", "20", "55 % (34 to 74 %)", "40 % (22 to 61 %)", "0.05"]
    head = ["pictures", "judged by", "N", "women", "<men>", "p"]
    wide = Table("", head, [cells]).__html__()
    assert re.findall('data-label="([^"]*)"', wide) == [*head[:4], "&lt;men&gt;", "p"]
    assert "(34\xa0to\xa074 %)" in wide  # an interval is never broken
    narrow = Table("", head[:3], [cells[:3]]).__html__()
    assert "data-label" not in narrow and "<td>20</td>" in narrow
    assert "data-label" not in Table("", [], [["file", "a" * 80]]).__html__()


def test_an_empty_table_is_nothing() -> None:
    table = Table("caption", ["a"], [])
    assert not table and str(table) == "" and table.__html__() == ""


def test_missing_pictures_have_a_place_in_gallery_and_sheet() -> None:
    picture = Image.new("RGB", (8, 8), (200, 10, 10))
    rows = drawing.gallery([3, 5], [("plain", [picture, None])])
    assert rows.count("data:image/webp") == 1 and 'alt="plain, seed 3"' in rows
    assert rows.count(">none<") == 1 and "--rows: 3" in rows
    assert drawing.contact_sheet([("3", picture), ("5", None)]).count("<figure>") == 2


def test_a_strip_is_of_pairs(tmp_path: Path) -> None:
    seeds = (7, 2, 5)
    rows = {
        arm: [Image.new("RGB", (64, 64), (shade, 10 * seed, 120)) for seed in seeds]
        for arm, shade in (("plain", 20), ("steered", 220))
    }
    path = drawing.write_strip(rows, tmp_path / "strip.png")
    with Image.open(path) as strip:
        strip.load()
    width, height = strip.size
    for column, seed in enumerate(seeds):
        x = round((column + 0.5) * width / 3)
        for y, shade in ((0.3, 20), (0.8, 220)):
            assert strip.getpixel((x, round(y * height))) == (shade, 10 * seed, 120, 255)
    with pytest.raises(UsageError, match="rows of 2 and 3 pictures"):
        drawing.write_strip({**rows, "steered": rows["steered"][:2]}, tmp_path / "no.png")
    with pytest.raises(UsageError, match="rows of no pictures"):
        drawing.write_strip({}, tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()
