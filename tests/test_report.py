"""The page of a result: whole, self-contained, and true to what the result says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from results import PROMPT, add_pictures, audited, direction, study
from trimtab.concepts import Target
from trimtab.drawing.words import number, numbers, p_value, percent, percents, points, sigmas
from trimtab.errors import FileError, UsageError
from trimtab.report import write_report
from trimtab.statistics import Estimate, Share, wilson
from trimtab.storage import Store
from trimtab.workflows import AuditResult, MitigationResult
from trimtab.workflows.records import Local, SourceFile

SECTIONS = (
    "Same seeds, before and after",
    "Who is shown",
    "Changes on the same seeds",
    "How the strength was chosen",
    "What else changed",
    "Control: random directions",
    "Deviation ratio",
    "PSNR in dB",
    "Accuracy by step",
    "All attributes together",
    "Intersection: ",
    "What else changed with the sum",
    "Reproducing these results",
    "Methods and limitations",
)
MADE_ELSEWHERE: dict[str, Any] = {"prompts": (), "model": {}, "spec": "", "seeds": None}


class Page(HTMLParser):
    """Looks at a page as a browser would: what it loads, its ids, cells, and open tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.cells: list[str] = []
        self.labels: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(self.html)
        self.text = " ".join(unescape(re.sub("<[^>]*>", " ", self.html)).split())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        given = dict(attrs)
        self.loads += [given[k] for k in ("src", "href", "srcset", "data") if k in given]
        self.ids += [given["id"]] if "id" in given else []
        if tag in ("svg", "img"):
            self.labels.append(given.get("aria-label") or given.get("alt") or "")
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data.replace("\N{NO-BREAK SPACE}", " ")


@cache
def whole() -> MitigationResult:
    return study()


def page_of(result: Any, to: Path) -> Page:
    page = Page(write_report(result, to))
    assert not page.open  # every tag is closed, in order
    return page


def cell(share: Share | None) -> str:
    assert share is not None
    return f"{percent(share.value)} ({percents((share.low, share.high))})"


def estimated(one: Estimate, digits: int = 2) -> str:
    return f"{number(one.value, digits)} ({numbers((one.low, one.high), digits)})"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    add_pictures(store, whole())
    whole().save(store)
    return store


def test_the_page_needs_nothing_else(store: Store) -> None:
    page = Page(write_report(store))
    for heading in SECTIONS:
        assert heading in page.text, heading
    assert not page.seen & {"script", "iframe", "object", "embed"}
    assert all(url.startswith(("data:", "#")) for url in page.loads)
    assert {url[1:] for url in page.loads if url.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "http" not in page.html and "@import" not in page.html
    assert set(re.findall(r"url\((.)", page.html)) <= {"#"}
    assert 'name="viewport"' in page.html
    # Ten seeds, one of them blocked: plain, two steered, the sum; then plain, generic, random.
    assert page.html.count("data:image/webp") == 9 * (4 + 3)
    assert all(len(label) > 10 for label in page.labels)  # whoever cannot see is told


def test_the_page_is_the_same_bytes_again(store: Store, tmp_path: Path) -> None:
    first = write_report(store).read_bytes()
    loaded = MitigationResult.load(store, "doctor")
    own = write_report(loaded)
    assert own == store.folder / "reports" / "doctor" / "report.html"  # type: ignore[operator]
    for again in (write_report(str(store.folder), tmp_path / "new" / "place"), own):
        assert again.read_bytes() == first
    for folder in (tmp_path / "new" / "place", own.parent):
        saved = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        assert saved == json.loads(json.dumps(store.result("doctor")))
    assert sorted(one.name for one in own.parent.iterdir()) == ["report.html", "summary.json"]


@pytest.mark.parametrize("oracle", [True, False])
def test_every_figure_is_shown_with_its_interval_and_n(tmp_path: Path, oracle: bool) -> None:
    result = study(oracle=oracle)
    page = page_of(result, tmp_path)
    cells = set(page.cells) | set(" / ".join(page.cells).split(" / "))
    assert "20" in cells
    for arm in result.arms:
        assert len(arm.views) == 1 + oracle
        for view in arm.views:
            assert cell(view.concept_kept) in cells
            for figures in (*view.figures[:2], *view.intersections):
                if arm.attribute not in (None, figures.attribute):
                    continue
                assert {cell(share) for share in figures.shares.values()} <= cells
                assert cell(figures.unknown) in cells
                assert estimated(figures.deviation_ratio) in cells
                assert number(figures.deviation_ratio.noise_floor) in cells
        for change in arm.changes:
            for comparison in change.comparisons:
                if arm.attribute in (None, comparison.attribute):
                    for row in (*comparison.rows, comparison.unknown):
                        assert any(one.startswith(points(row.difference)) for one in cells)
            for spilled in change.spillover:
                assert {points(spilled.difference), p_value(spilled.p_holm)} <= cells
                if arm.role in ("single", "sum"):
                    one = spilled.expected
                    assert one is not None
                    assert {percent(one.share), points(one.difference), str(one)} <= cells
        if arm.preservation and arm.preservation.psnr and arm.preservation.cosine:
            assert estimated(arm.preservation.psnr, 1) in cells
            assert estimated(arm.preservation.cosine, 3) in cells
    for one in result.attributes:
        for dose in (*one.response.doses, *one.response.judged):
            assert {number(dose.strength), str(dose.towards), str(dose.kept)} <= cells
        for step in one.learned.accuracies:
            assert {str(step.step), percent(round(step.accuracy, 3))} <= cells
        assert sigmas(one.strength) in cells
    assert {"−0.12", "0.31", percent(0.94)} <= cells
    assert ("oracle" in page.text) == oracle


def test_the_headline_says_it_in_words(tmp_path: Path) -> None:
    result = whole()
    plain, steered = (arm.views[0] for arm in result.arms[:2])
    page = page_of(result, tmp_path)
    assert (
        f"Of 20 pictures of “{PROMPT}”, {percent(plain.figures[0].shares['woman'].value)} were "
        f"perceived as women; with the noise moved {sigmas(3.4375)} along “woman”, "
        f"{percent(steered.figures[0].shares['woman'].value)}; 95\u202f% still read as a doctor."
    ).replace("\u202f", " ") in page.text
    for word in ("debias", "unbiased", "solve", "fair ", "fairer", "race-neutral"):
        assert word not in page.html


def test_the_page_says_what_the_result_says_and_nothing_of_its_own(tmp_path: Path) -> None:
    wanted = Target({"woman": 0.3, "man": 0.7}, "survey of 2024, table 3")
    result = replace(study(target=wanted), concepts=("doctor",), threshold=0.71)
    page = page_of(result, tmp_path)
    text = page.text
    assert text.count("30 % women and 70 % men (survey of 2024, table 3)") >= 2
    assert "the strength at which 30 % of the recognised pictures show women" in text
    assert "audit seeds 0 to 19, calibration seeds 10,000 to 10,599" in text
    assert "a probability below 0.71" in text
    assert result.concept_rule in text
    assert unescape("The model draws <b>squares</b>.") in unescape(page.html)
    assert "720 of 900 planned" in text
    assert (
        "Expected from calibration seeds: 48 % women (90 % interval 43 to 53 %, 200 pictures)"
        in text
    )
    assert "every share is within ± 5 points of its target" in text
    assert "budget of pictures was used up" in text  # of the sum
    assert "7.0 σ, and larger strengths are shaded" in text


@pytest.mark.parametrize(
    ("stopped_by", "said"),
    [
        ("once", "A single round of calibration"),
        ("concept", "would lose the concept"),
        ("range", "the largest strength allowed"),
        ("response", "moved the share"),
        ("budget", "budget of pictures"),
    ],
)
def test_what_stopped_calibration_is_said(tmp_path: Path, stopped_by: str, said: str) -> None:
    page = page_of(study(stopped_by=stopped_by), tmp_path)
    assert said in page.text
    assert ('<p class="notice">' in page.html) == (stopped_by != "once")


def test_a_local_direction_says_how_much_of_it_is_left(tmp_path: Path) -> None:
    first, *others = study().attributes
    made = replace(first.learned, local=Local(0.75, 45, 256), applied={"skin_tone": 0.04})
    result = replace(study(), attributes=(replace(first, learned=made), *others))
    page = page_of(result, tmp_path)
    assert "cells kept 45 of 256, with 75 % of its energy" in page.text
    assert "cosine with skin tone, as applied 0.04" in page.text
    assert str(result).count(", local (45 of 256 cells)") == 1


def test_what_the_groups_bring_is_told_from_spillover(tmp_path: Path) -> None:
    result = study(60)
    page = page_of(result, tmp_path)
    assert page.text.count("as the groups alone would change them") == 3  # two and their sum
    rows = [
        row
        for arm in result.arms
        for change in arm.changes
        for row in change.spillover
        if arm.role in ("single", "sum")
    ]
    lines = [line for line in str(result).splitlines() if line.endswith(
        ("shown", "groups", "spillover", "”"))]  # fmt: skip
    assert len(lines) == len(rows) > 4
    assert "is from pictures whose prompt names it" not in page.text
    arms = [
        replace(arm, changes=tuple(
            replace(change, spillover=tuple(
                replace(row, expected=row.expected and replace(
                    row.expected, reading="cannot tell", rarest="<b>", n=4, named=True))
                for row in change.spillover))
            for change in arm.changes))
        for arm in result.arms
    ]  # fmt: skip
    page = page_of(replace(result, arms=tuple(arms)), tmp_path)
    assert "cannot tell from 4 pictures of “<b>”" in page.cells
    assert "is from pictures whose prompt names it" in page.text


def test_notices_say_what_to_be_careful_with(tmp_path: Path) -> None:
    page = page_of(study(40, unsure=9), tmp_path)
    assert "22.5 % of the steered pictures are unknown" in page.text
    result = whole()
    arms = [
        replace(arm, views=tuple(replace(v, concept_kept=wilson(8, 20)) for v in arm.views))
        if arm.role == "sum"
        else arm
        for arm in result.arms
    ]
    page = page_of(replace(result, arms=tuple(arms)), tmp_path)
    assert "of the pictures steered by the sum still read as a doctor" in page.text
    assert "a loss of more than 3 points" in page.text
    assert '<p class="notice">' not in page_of(result, tmp_path).html


def test_one_attribute_alone_is_enough(tmp_path: Path) -> None:
    result = whole()
    one = replace(result.attributes[0], generic=None)
    bare = replace(
        result,
        attributes=(one,),
        joint=None,
        arms=tuple(
            replace(arm, changes=(), preservation=None,
                    views=tuple(replace(v, intersections=()) for v in arm.views))
            for arm in result.arms[:2]
        ),
        python="",
        command="",
    )  # fmt: skip
    page = page_of(bare, tmp_path)
    for heading in (
        "All attributes together",
        "Control: ",
        "PSNR",
        "generic SVM",
        "Reproducing these results",
    ):
        assert heading not in page.text
    assert page.html.count("<img") == 0  # never saved: there is no store to read pictures from


def test_several_prompts_have_a_table_and_a_gallery_each(tmp_path: Path) -> None:
    prompts = (PROMPT, "a portrait of a <doctor>")
    result = study(prompts=prompts)
    store = Store(tmp_path / "store")
    add_pictures(store, result, n=2)
    page = Page(write_report(result.save(store)))
    assert "Of 40 pictures of 2 prompts" in page.text
    assert page.text.count("Prompt by prompt") >= 2  # for each attribute
    assert page.cells.count("a portrait of a <doctor>") >= 10
    assert page.html.count('<table class="gallery"') == 4
    assert "<doctor>" not in page.html


def test_markup_in_names_is_text(tmp_path: Path) -> None:
    prompt = 'a photo of a doctor </style><script>alert("1")</script> & $x_1$'
    result = study(prompts=(prompt,), groups=("<b>$a^2$</b>", "o&o"), model={"name": "<i>m</i>"})
    page = page_of(result, tmp_path)
    assert not page.seen & {"script", "i", "b"}
    assert unescape(page.html).count(prompt) >= 3
    assert "&lt;b&gt;$a^2$&lt;/b&gt;" in page.html  # in figures as well: no formula is made of it
    assert "trimtab mitigate --out &lt;folder&gt;" in page.html


def test_groups_stand_in_their_own_order_never_ranked(tmp_path: Path) -> None:
    groups = tuple(f"monk {i}" for i in (3, 1, 10, 2, 4, 5, 6, 7, 8, 9))
    page = page_of(study(60, groups=groups), tmp_path)
    for found in (re.findall(r">(monk \d+)</text>", page.html),
                  re.findall(r'<th scope="col">(monk \d+)</th>', page.html)):  # fmt: skip
        assert tuple(found[:10]) == groups
    assert "target 10\u202f%" in page.html


@pytest.mark.parametrize("prompts", [(PROMPT,), (PROMPT, "a portrait of a doctor")])
def test_an_audit_gets_a_shorter_page(tmp_path: Path, prompts: tuple[str, ...]) -> None:
    result = audited(prompts=prompts)
    store = Store(tmp_path)
    add_pictures(store, result, n=20)
    page = Page(write_report(result.save(store)))
    cells = set(page.cells)
    view = result.views[0]
    for figures in (*view.figures, *view.intersections):
        for share in figures.shares.values():
            assert {percent(share.value), percents((share.low, share.high))} <= cells
        for one in figures.by_name.values():
            assert {number(one.value, 3), numbers((one.low, one.high), 3)} <= cells
        assert number(figures.kl.noise_floor, 3) in cells
        assert f"{figures.title[:1].upper()}{figures.title[1:]}" in page.text
    assert "largest <share>" in cells  # a metric of one's own
    assert "Target: 50\u202f% women and 50\u202f% men (equal shares" in page.html
    assert page.html.count("data:image/webp") == 19 * len(prompts)
    assert ("Prompt by prompt" in page.text) == (len(prompts) > 1)
    assert "not changed" not in page.text.split("Methods and limitations")[1]  # nothing was moved


def test_pictures_made_elsewhere_are_shown_from_their_folder(tmp_path: Path) -> None:
    from PIL import Image

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a<b>.png", "b.png"):
        Image.new("RGB", (8, 8)).save(pictures / name)
    (pictures / "torn.png").write_bytes(b"torn")
    result = audited(2, folder=str(pictures), **MADE_ELSEWHERE)
    page = page_of(result, tmp_path / "page")
    assert page.html.count("data:image/webp") == 2 and "a&lt;b&gt;.png" in page.html
    assert "Whom the pictures in “pictures” show" in page.text  # in the title as well
    assert f"folder {pictures} pictures 2 " in page.text and "in each set" not in page.text
    assert "All 2." in page.text and "describe these pictures" in page.text


@pytest.mark.parametrize(
    ("visible", "blank", "gone", "said"),
    [
        (3, 0, 0, "All 3."),
        (3, 1, 0, "3 of 4; one shows nothing."),
        (3, 2, 0, "3 of 5; 2 show nothing."),
        (2, 1, 1, "2 of 4; one shows nothing; the others are no longer there."),
        (41, 0, 0, "The first 40 of 41."),
        (41, 2, 0, "The first 40 of 43; 2 show nothing."),
    ],
)
def test_a_page_says_which_pictures_of_a_folder_it_shows(
    tmp_path: Path, visible: int, blank: int, gone: int, said: str
) -> None:
    from PIL import Image

    there = [f"{i:02}.png" for i in range(visible)]
    for name in there:
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    sources = [
        *(SourceFile(f"{i}-blank.png", "", "blocked", "nothing is visible") for i in range(blank)),
        *(SourceFile(name, "", "read") for name in there),
        *(SourceFile(f"gone-{i}.png", "", "read") for i in range(gone)),
        SourceFile("torn.png", "", "unreadable", "it is <damaged>"),
    ]
    result = audited(n=visible + blank + gone, folder=str(tmp_path), sources=tuple(sources),
                     **MADE_ELSEWHERE)  # fmt: skip
    page = page_of(result, tmp_path / "page")
    assert f"Pictures {said} " in page.text
    assert {"torn.png", "it is <damaged>"} <= set(page.cells)


def test_a_store_with_several_results_is_one_page(tmp_path: Path) -> None:
    several = Store(tmp_path)
    for result in (study(), audited(), direction()):
        result.save(several)
    page = Page(write_report(several))
    assert len(page.ids) == len(set(page.ids))
    assert page.text.count("Who is shown") == 2 and "mean difference" in page.text
    saved = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in saved["results"]] == several.results()


def test_a_learned_direction_has_a_page(tmp_path: Path) -> None:
    page = page_of(direction(), tmp_path)
    assert "Cross-validated accuracy by step" in page.text and "pointing to" in page.cells


def test_results_need_a_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pass to=folder"):
        write_report(study().save(Store("memory://report-without-a-place")))
    page = write_report(Store("memory://report-without-a-place"), tmp_path / "page")
    assert page.is_file()
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FileError, match="expected a folder"):
        write_report(direction(), tmp_path / "file")
    with pytest.raises(UsageError, match="got a dict"):
        write_report({"schema": 1}, tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "which is not a store"),
        ({"summary.json": "{}"}, "first edition"),
        ({"store.json": '{"format": "trimtab-store", "version": 1}'},
         "without results"),
        ({"store.json": '{"format": "trimtab-store", "version": 1}',
          "results/x.json": "{torn"}, "cannot be read"),
        ({"store.json": '{"format": "trimtab-store", "version": 1}',
          "results/x.json": '{"format": "foreign"}'}, "kind foreign"),
    ],
)  # fmt: skip
def test_what_cannot_be_reported(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=said) as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def without_plain(result: MitigationResult) -> MitigationResult:
    return replace(result, arms=result.arms[1:])


def with_other_groups(result: MitigationResult) -> MitigationResult:
    arms = (*result.arms[:1], study(groups=("a", "b")).arms[1], *result.arms[2:])
    return replace(result, arms=arms)


def towards_nobody(result: MitigationResult) -> MitigationResult:
    one = result.attributes[0]
    changed = replace(one, learned=replace(one.learned, towards="nobody"))
    return replace(result, attributes=(changed, *result.attributes[1:]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_plain, "no plain pictures"),
        (with_other_groups, "other groups of gender in 'gender'"),
        (towards_nobody, "no plain share of 'nobody'"),
    ],
)
def test_a_result_that_cannot_be_is_named(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(FileError, match=said):
        write_report(change(whole()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_damaged_pictures_are_named(tmp_path: Path) -> None:
    result: AuditResult = audited(4)
    store = Store(tmp_path)
    add_pictures(store, result, n=4)
    result.save(store)
    next(tmp_path.glob("images/*/*/*/000002.png")).write_bytes(b"torn")
    with pytest.raises(FileError, match=r"000002\.png"):
        write_report(store)


def test_a_result_shows_itself_in_a_notebook(store: Store) -> None:
    shown = MitigationResult.load(store, "doctor")._repr_html_()
    assert shown.count("<svg") == 2 and "data:image/webp" in shown
    assert "equal shares, the default" in shown
    assert "<script" not in shown and "--ink" in shown
    alone = audited()._repr_html_()  # never kept: no pictures
    assert alone.count("<svg") == 4 and alone.count("<style>") == 1
    assert direction()._repr_html_().count("<svg") == 1


def test_a_report_needs_no_model(store: Store, tmp_path: Path) -> None:
    import subprocess
    import sys

    code = f"""
import sys

class Refusal:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "diffusers", "transformers"):
            raise ImportError(name)

sys.meta_path.insert(0, Refusal())
import trimtab as tt
tt.write_report({str(store.folder)!r}, {str(tmp_path)!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").read_bytes() == write_report(store).read_bytes()
