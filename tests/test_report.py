"""The page of a study or an audit: whole, self-contained, and true to its summary."""

from __future__ import annotations

import copy
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tiny import tiny_pipeline
from trimtab.concepts import attribute, concept_pack
from trimtab.drawing.words import number, numbers, p_value, percent, percents, points, sigmas
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, generate
from trimtab.generation.images import ImageRecord
from trimtab.metrics import AuditFrame
from trimtab.recognition import Labels, classify
from trimtab.report import before_after, report
from trimtab.statistics import bootstrap
from trimtab.workflows import Dose, DoseResponse, Plan, Reading, mitigate

PROMPT = "a photo of a doctor"
PACK = concept_pack("townsfolk")
SECTIONS = {
    "oracle": "Judged by the oracle",
    "paired": "Changes on the same seeds",
    "dose_response": "How the strength was chosen",
    "spillover": "What else changed",
    "controls": "Control: a random direction",
    "preservation": "PSNR in dB",
    "accuracy_by_step": "Accuracy by step",
    "generic_svm": "generic SVM",
    "sum": "With all directions added up",
    "pictures": "Same seeds, before and after",
}


class Colours:
    """A recogniser that goes by the colours of a picture."""

    name = "colours"

    def embed_images(self, images: Any) -> np.ndarray:
        pixels = [np.asarray(image.resize((4, 4)), dtype=np.float32).ravel() for image in images]
        values = np.array(pixels) - 127.5
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    def probabilities(self, images: Any, prompts: Any) -> np.ndarray:
        directions = np.random.default_rng(len(prompts)).normal(size=(48, len(prompts)))
        scores = np.exp(9 * self.embed_images(images) @ directions)
        return scores / scores.sum(axis=1, keepdims=True)


def reading(
    arm: str, women: float, n: int, *, oracle: bool, groups: tuple[str, ...] = ("woman", "man")
) -> Reading:
    rng = np.random.default_rng(5)
    picked = (rng.random(n) < women).astype(int)
    names = [
        groups[0] if hit else groups[1 + i % (len(groups) - 1)] for i, hit in enumerate(picked)
    ]
    age = [("young", "old")[i] for i in (rng.random(n) < 0.3).astype(int)]
    work = ["doctor" if value < 0.97 else "nurse" for value in rng.random(n)]
    views = {}
    for view in ("product", "oracle")[: 1 + oracle]:
        unsure = ["unknown", *names[1:]] if view == "product" else names
        views[view] = {
            "gender": Labels.from_names("gender", groups, unsure, title="perceived gender"),
            "age": Labels.from_names("age", ("young", "old"), age, title="perceived age"),
            "concept": Labels.from_names("concept", PACK.names, work),
        }
    return Reading([None] * n, "doctor", views, f"pictures/{arm}")  # type: ignore[arg-type]


def made(
    n: int = 20, *, oracle: bool = True, prompt: str = PROMPT, **options: Any
) -> dict[str, Any]:
    """An entry with every part, from labels."""
    share = {"plain": 0.1, "steered": 0.5, "sum": 0.45, "generic_svm": 0.3, "random_direction": 0.1}
    arms = {arm: reading(arm, p, n, oracle=oracle, **options) for arm, p in share.items()}
    plain, groups = arms["plain"], arms["plain"].views["product"]["gender"].groups
    doses = [Dose(s, 10, 9, round(s), 10 - (s == 8)) for s in (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)]
    values = np.linspace(20, 24, n)
    steps = [{"step": k, "accuracy": 0.7 + k / 60, "standard_error": 0.03} for k in (2, 5, 10)]
    later = [arm for arm in arms if arm != "plain"]
    return {
        "prompt": prompt,
        "concept": "doctor",
        "attribute": "gender",
        "title": "perceived gender",
        "n": n,
        "towards": groups[0],
        "step": 5,
        "strength": 3.4375,
        "limited_by": None,
        "sum_strengths": {"gender": 3.1, "skin_tone": 1.5},
        **{arm: one.figures("gender") for arm, one in arms.items()},
        "paired": {arm: plain.compare(arms[arm], "gender") for arm in later},
        "controls": [plain.compare(arms["random_direction"], "gender")],
        "spillover": {arm: plain.spillover(arms[arm], ["gender"]) for arm in later},
        "preservation": {
            arm: {"psnr": vars(bootstrap(values)), "cosine": vars(bootstrap(values / 30))}
            for arm in later
        },
        "dose_response": DoseResponse(doses).to_dict(),
        "judged_doses": [vars(dose) for dose in doses] if oracle else [],
        "accuracy_by_step": steps,
        "direction": {"file": "directions/gender.safetensors", "kept": 0.94,
                      "cosines": {"skin_tone": -0.12}, "seeds": 50},
        "generic": {"step": 10, "cosine": 0.31, "accuracy_by_step": steps, "file": "g.safetensors"},
        "pictures": {arm: f"pictures/{arm}" for arm in arms},
    }  # fmt: skip


def summary_of(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "model": "townsfolk",
        "seconds": 431.2,
        "command": "trimtab demo --out <folder>",
        "python": 'import trimtab as tt\npipe = tt.townsfolk.load()  # "any" & <all>',
        "results": list(entries),
    }


def save_pictures(folder: Path, arm: str, shade: int, n: int = 12) -> None:
    records = [ImageRecord(seed, PROMPT, {"terms": []}) for seed in range(n)]
    pictures = [Image.new("RGB", (64, 64), (shade, 10 * i, 120)) for i in range(n)]
    ImageSet(records, pictures, {"prompt": PROMPT}).save(folder / "pictures" / arm)


class Page(HTMLParser):
    """Looks at a page as a browser would: what it loads, its ids, cells, and open tags."""

    VOID = ("meta", "link", "img", "br", "path", "use", "rect", "circle", "clippath")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        for key, value in attrs:
            if key in ("src", "href", "srcset", "xlink:href", "data"):
                self.loads.append(value)
            if key == "id":
                self.ids.append(value)
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
            self.cells[-1] += data


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_a_study_becomes_a_page(tmp_path: Path) -> None:
    gender, skin = attribute("gender"), attribute("skin_tone")
    plan = Plan(
        PROMPT, [gender, skin], watch=[attribute("age")], n=10, n_capture=6, n_dose=6,
        num_inference_steps=10, batch_size=10,
    )  # fmt: skip
    entries = mitigate(tiny_pipeline(), plan, to=tmp_path / "doctor", recogniser=Colours())
    written = report(summary_of(*({**e, "folder": "doctor"} for e in entries)), to=tmp_path)
    assert written == tmp_path / "report.html"
    html = text_of(written)
    for entry in entries:
        assert f"along “{entry['towards']}”" in html
    for part, heading in SECTIONS.items():
        assert (heading in html) == (part != "oracle"), heading
    # Ten seeds: plain, steered twice and the sum; then plain, two generic and two random ones.
    assert html.count("data:image/webp") == 10 * (4 + 5)
    saved = json.loads(text_of(tmp_path / "summary.json"))
    assert saved["results"][0]["plain"] == json.loads(json.dumps(entries[0]["plain"]))


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    save_pictures(tmp_path, "plain", 90)
    save_pictures(tmp_path, "steered", 200)
    html = text_of(report(summary_of(made()), to=tmp_path))
    assert all(heading in html for heading in SECTIONS.values())
    page = Page(html)
    assert not page.open  # every tag is closed, in order
    assert not page.seen & {"script", "iframe", "object", "embed"}
    assert all(url.startswith(("data:", "#")) for url in page.loads)
    assert {url[1:] for url in page.loads if url.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "http" not in html and "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert "max-width" in html and 'name="viewport"' in html


@pytest.mark.parametrize("oracle", [True, False])
def test_every_figure_is_shown(tmp_path: Path, oracle: bool) -> None:
    entry = made(oracle=oracle)
    cells = Page(text_of(report(summary_of(entry), to=tmp_path))).cells
    floors = " / ".join(cells).split(" / ")
    for arm in ("plain", "steered", "sum", "generic_svm", "random_direction"):
        assert set(entry[arm]) == ({"product", "oracle"} if oracle else {"product"})
        for figures in entry[arm].values():
            for group, share in figures["shares"].items():
                assert f"{percent(share)} ({percents(figures['share_ci'][group])})" in cells
            assert percent(figures["unknown"]) in cells
            assert percent(figures["concept_kept"]) in cells
            ratio = number(figures["deviation_ratio"])
            assert f"{ratio} ({numbers(figures['deviation_ratio_ci'])})" in cells
            assert number(figures["noise_floor"]) in floors
    for comparisons in entry["paired"].values():
        for comparison in comparisons.values():
            for row in comparison["rows"]:
                assert any(cell.startswith(points(row["difference"])) for cell in cells)
    for rows in entry["spillover"]["steered"].values():
        for row in rows:
            assert {points(row["difference"]), p_value(row["p_holm"])} <= set(cells)
    for kept in entry["preservation"].values():
        for key, digits in (("psnr", 1), ("cosine", 3)):
            ends = numbers((kept[key]["low"], kept[key]["high"]), digits)
            assert f"{number(kept[key]['value'], digits)} ({ends})" in cells
    for dose in entry["dose_response"]["doses"]:
        assert {number(dose["strength"]), str(dose["towards"]), str(dose["kept"])} <= set(cells)
    for one in entry["accuracy_by_step"]:
        assert {str(one["step"]), percent(round(one["accuracy"], 3))} <= set(cells)
    assert {sigmas(3.4375), "−0.12", "0.31", "0.94"} <= set(cells)


def test_the_headline_says_it_in_words(tmp_path: Path) -> None:
    entry = made()
    plain, steered = (entry[arm]["product"] for arm in ("plain", "steered"))
    html = unescape(text_of(report(summary_of(entry), to=tmp_path)))
    assert (
        f"Of 20 pictures of “{PROMPT}”, {percent(plain['shares']['man'])} were perceived as men; "
        f"with the noise moved {sigmas(3.4375)} along “woman”, "
        f"{percent(steered['shares']['man'])}; {percent(steered['concept_kept'])} still read as "
        "a doctor."
    ) in html
    for word in ("debias", "unbiased", "solve", "fair ", "fairer", "race-neutral"):
        assert word not in html


@pytest.mark.parametrize("part", SECTIONS)
def test_what_is_missing_is_left_out(tmp_path: Path, part: str) -> None:
    save_pictures(tmp_path, "plain", 90)
    entry = made(oracle=part != "oracle")
    entry.pop(part, None)
    if part == "generic_svm":
        for key in ("generic", "paired", "preservation", "spillover"):
            entry.pop(key)
    html = text_of(report(summary_of(entry), to=tmp_path))
    heading = "generic SVM</th>" if part == "generic_svm" else SECTIONS[part]
    assert heading not in html
    Page(html)


def test_a_bare_entry_is_enough(tmp_path: Path) -> None:
    entry = made(oracle=False)
    bare = {key: entry[key] for key in ("prompt", "attribute", "n", "towards", "strength")}
    for arm in ("plain", "steered"):
        bare[arm] = {"product": {"shares": entry[arm]["product"]["shares"], "unknown": 0.05}}
    html = text_of(report({"schema": 1, "model": None, "results": [bare]}, to=tmp_path))
    assert "along “woman”" in html and "cartoon" not in html
    Page(html)


def test_markup_in_names_is_text(tmp_path: Path) -> None:
    prompt = 'a photo of a doctor </style><script>alert("1")</script> & $x_1$'
    entry = made(prompt=prompt, groups=("<b>$a^2$</b>", "o&o"))
    html = text_of(report(summary_of(entry) | {"title": "<i>title</i>"}, to=tmp_path))
    assert "<script" not in html and "<i>" not in html and "<b>" not in html
    assert unescape(html).count(prompt) >= 3
    assert "&lt;b&gt;$a^2$&lt;/b&gt;" in html  # in figures as well: no formula is made of it
    assert "trimtab demo --out &lt;folder&gt;" in html
    Page(html)


def test_many_groups_are_drawn_side_by_side(tmp_path: Path) -> None:
    groups = tuple(f"monk {i}" for i in range(1, 11))
    html = text_of(report(summary_of(made(40, groups=groups)), to=tmp_path))
    assert all(f">{group}</text>" in html for group in groups)
    assert "target 10\u202f%" in html


def test_notices_say_what_to_be_careful_with(tmp_path: Path) -> None:
    entry = made() | {"limited_by": "concept"}
    entry["steered"]["product"] |= {"unknown": 0.2, "concept_kept": 0.5}
    html = text_of(report(summary_of(entry), to=tmp_path))
    assert "The strength was held back" in html
    assert "are unknown" in html and "more than 3 points were lost" in html
    entry = made()
    entry["sum"]["oracle"] |= {"concept_kept": 0.4}
    html = text_of(report(summary_of(entry), to=tmp_path))
    assert "of the pictures steered by the sum still read as a doctor" in html
    calm = made()
    for arm in ("steered", "sum"):
        calm[arm]["product"] |= {"unknown": 0.0, "concept_kept": 1.0}
    assert 'class="notice"' not in text_of(report(summary_of(calm), to=tmp_path))


def test_the_pictures_behind_a_dose_are_counted(tmp_path: Path) -> None:
    entry = made()
    assert "10 pictures at each strength, with" in text_of(report(summary_of(entry), to=tmp_path))
    entry["dose_response"]["doses"][0] |= {"n": 30, "known": 27, "kept": 30}
    html = text_of(report(summary_of(entry), to=tmp_path))
    assert "10 pictures at each strength, 30 at strength 0, with" in html


@pytest.mark.parametrize("kept", [10, 5])
def test_a_strength_that_costs_the_concept_is_shaded(tmp_path: Path, kept: int) -> None:
    doses = [Dose(s, 10, 9, round(s), kept if s == 8 else 10) for s in (0.0, 2.0, 4.0, 6.0, 8.0)]
    response = DoseResponse(doses).to_dict()
    html = unescape(text_of(report(summary_of(made() | {"dose_response": response}), to=tmp_path)))
    if kept == 10:
        assert "here none that was tried" in html
    else:
        assert f"here {sigmas(response['limit'])}, shaded beyond" in html


def test_what_else_changed_is_drawn_for_the_steered_and_for_the_sum(tmp_path: Path) -> None:
    def drawn() -> int:
        return text_of(report(summary_of(entry), to=tmp_path)).count("<svg")

    entry = made()
    both = drawn()
    entry["spillover"].pop("sum")
    assert drawn() == both - 1
    entry["spillover"].pop("steered")
    assert drawn() == both - 2


def test_summary_goes_round(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b" / "c"
    save_pictures(first / "doctor", "plain", 90)
    save_pictures(first / "doctor", "steered", 200)
    summary = summary_of(made() | {"folder": "doctor"})
    summary["results"][0]["plain"]["product"]["noise_floor"] = np.float64("nan")
    before = copy.deepcopy(summary)
    html = text_of(report(summary, to=first))
    assert repr(summary) == repr(before)  # the caller's own is left alone
    saved = json.loads(text_of(first / "summary.json"))
    assert saved["results"][0]["plain"]["product"]["noise_floor"] is None
    assert saved["results"][0]["steered"] == summary["results"][0]["steered"]
    assert html == text_of(report(first))  # read back, written again: the same to the letter
    assert html == text_of(report(first, to=second))  # its pictures are found from there, too
    again = json.loads(text_of(second / "summary.json"))
    assert again["results"][0]["folder"] == "../../a/doctor"
    assert html == text_of(report(second))


def test_the_report_of_other_results_is_left_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    report(summary_of(made()), to=first)
    report(summary_of(made() | {"n": 77}), to=second)
    before = text_of(second / "summary.json"), text_of(second / "report.html")
    with pytest.raises(FileError, match=r"other results than .*a new folder"):
        report(first, to=second)
    assert before == (text_of(second / "summary.json"), text_of(second / "report.html"))
    report(first, to=tmp_path / "c")
    report(first, to=tmp_path / "c")  # its own page is replaced


def test_a_run_gets_a_shorter_page(tmp_path: Path) -> None:
    images = generate(tiny_pipeline(), PROMPT, range(6), num_inference_steps=2, to=tmp_path / "run")
    html = text_of(report(tmp_path / "run"))  # not recognised yet: pictures alone
    assert html.count("data:image/webp") == 6
    frame = AuditFrame(classify(images, "gender", Colours())).to_dict()
    (tmp_path / "run" / "audit.json").write_text(json.dumps({"frames": [frame]}), encoding="utf-8")
    for again in (report(tmp_path / "run"), report(tmp_path / "run", to=tmp_path / "page")):
        html = text_of(again)
        page = Page(html)
        assert "Perceived gender" in html and "recognised by colours" in html
        for share in frame["by_group"].values():
            assert {percent(share["value"]), percents((share["low"], share["high"]))} <= set(
                page.cells
            )
        assert number(frame["deviation_ratio"]["noise_floor"], 3) in page.cells
        assert html.count("data:image/webp") == 6
        saved = json.loads(text_of(again.parent / "summary.json"))
        assert saved["run"]["frames"] == [frame]
    assert html == text_of(report(tmp_path / "page"))  # of a folder that has only the summary


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{not json", "cannot be read"),
        ("[1, 2]", "another kind"),
        ('{"schema": 7, "results": []}', "schema 7"),
        ('{"name": "foreign"}', "schema None"),
        ('{"schema": 1, "results": []}', "without results"),
        ('{"schema": 1, "results": ["x"]}', "result 1 of 1 is no entry"),
        ('{"schema": 1, "results": [{}]}', "result 1 of 1 without prompt"),
        ('{"schema": 1, "run": 3}', "broken run"),
    ],
)
def test_a_folder_that_cannot_be_reported(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "summary.json").write_text(content, encoding="utf-8")
    with pytest.raises(FileError, match=said) as caught:
        report(tmp_path)
    assert "summary.json" in str(caught.value) and "expected" in str(caught.value)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e.pop("steered"), "without steered"),
        (lambda e: e.update(plain={"oracle": e["plain"]["oracle"]}), "broken plain"),
        (lambda e: e["steered"]["product"]["shares"].update(woman=None), "broken steered"),
        (lambda e: e["sum"]["product"].update(shares={"a": 0.5, "b": 0.5}), "broken sum"),
        (lambda e: e.update(towards="nobody"), "broken plain"),
        (lambda e: e.update(strength=float("nan")), "without strength"),
        (lambda e: e.update(spillover=[1]), "broken spillover"),
    ],
)
def test_a_broken_entry_is_named(tmp_path: Path, change: Any, said: str) -> None:
    entry = made()
    change(entry)
    with pytest.raises(UsageError, match=said):
        report(summary_of(entry), to=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"dose_response": [1]},
        {"dose_response": {"doses": []}},
        {"dose_response": {"doses": [{"strength": 0}], "intercept": 0, "slope": 1}},
        {"dose_response": {"doses": [vars(Dose(s, 0, 0, 0, 0)) for s in (0.0, 1.0)],
                           "intercept": "0", "slope": 1}},
        {"judged_doses": [3]},
        {"paired": {"steered": 3}},
        {"paired": {"steered": {"product": {"rows": [{}]}}}},
        {"controls": [5]},
        {"accuracy_by_step": [{}]},
        {"accuracy_by_step": {"step": 1}},
        {"direction": {"cosines": [1]}},
        {"pictures": {"plain": 3}},
    ],
)  # fmt: skip
def test_what_an_edited_entry_does_to_a_figure_is_one_error(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    summary = summary_of(made() | change)
    with pytest.raises(UsageError, match="the results, which cannot be drawn"):
        report(summary, to=tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(FileError, match="which cannot be drawn") as caught:
        report(tmp_path)
    assert str(tmp_path) in caught.value.got and "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize("frames", ["5", "null", '[{"attribute": "a", "n": 1}]', "[3]"])
def test_a_broken_audit_is_named(tmp_path: Path, frames: str) -> None:
    save_pictures(tmp_path, "plain", 90)
    run = tmp_path / "pictures" / "plain"
    (run / "audit.json").write_text(f'{{"frames": {frames}}}', encoding="utf-8")
    with pytest.raises(FileError, match=r"audit\.json, with a broken run"):
        report(run)
    (run / "audit.json").unlink()
    settings = json.loads(text_of(run / "run.json"))
    settings["settings"]["seeds"] = 5
    (run / "run.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(FileError, match="cannot be drawn"):
        report(run)


def test_results_need_a_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pass to=folder"):
        report(summary_of(made()))
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FileError, match="expected a folder"):
        report(summary_of(made()), to=tmp_path / "file")


def test_damaged_pictures_are_named(tmp_path: Path) -> None:
    save_pictures(tmp_path, "plain", 90)
    (tmp_path / "pictures" / "plain" / "images" / "00003.png").write_bytes(b"torn")
    with pytest.raises(FileError, match=r"00003\.png"):
        report(summary_of(made()), to=tmp_path)


def test_before_after_is_a_strip_of_pairs(tmp_path: Path) -> None:
    for arm, shade in (("plain", 20), ("steered", 220)):
        save_pictures(tmp_path, arm, shade)
    plain, steered = (
        ImageSet.from_folder(tmp_path / "pictures" / arm) for arm in ("plain", "steered")
    )
    rows = {"plain": plain, "steered": steered}
    path = before_after(rows, [7, 2, 5], tmp_path / "strip.png")
    with Image.open(path) as strip:
        strip.load()
    width, height = strip.size
    for column, seed in enumerate((7, 2, 5)):
        x = round((column + 0.5) * width / 3)
        for y, shade in ((0.3, 20), (0.8, 220)):
            assert strip.getpixel((x, round(y * height))) == (shade, 10 * seed, 120, 255)
    with pytest.raises(UsageError, match="seed 99"):
        before_after(rows, [1, 99], tmp_path / "no.png")
    with pytest.raises(UsageError, match="no seeds"):
        before_after(rows, [], tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()
