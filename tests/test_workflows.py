"""Workflows: audit, learn and mitigate, on tiny pipelines, in a store."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from colours import Colours, colours_of
from tiny import tiny_pipeline
from trimtab import townsfolk
from trimtab.concepts import Target, attribute, concept_pack
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, generate
from trimtab.interventions import Adjustment, Direction, Effect, EmbeddingShift, load_intervention
from trimtab.metrics import AuditFrame
from trimtab.recognition import Answer, Observations, Question, classify
from trimtab.report import write_report
from trimtab.storage import Store
from trimtab.workflows import (
    AuditResult,
    LearnResult,
    MitigationResult,
    Plan,
    audit,
    audit_images,
    learn,
    load_result,
    measured_effect,
    mitigate,
)
from trimtab.workflows.mitigation import ContrastWarning
from trimtab.workflows.rates import rates_of_rare_groups
from trimtab.workflows.readings import (
    Reader,
    Reading,
    Sight,
    alignment_of,
    changes_of,
    preserved,
    views_of,
)

PROMPT = "a photo of a doctor"
GENDER, SKIN = attribute("gender"), attribute("skin_tone")


class Unsure(Colours):
    """Never knows anybody."""

    fingerprint = "unsure-1"

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> np.ndarray:
        return np.full((len(images), len(prompts)), 1 / len(prompts))


PLAN = Plan(
    PROMPT,
    ("gender", "skin_tone"),
    watch=("age",),
    concepts="townsfolk",
    n=10,
    n_capture=5,
    n_dose=5,
    precision=None,
    controls=2,
    generic=True,
    num_inference_steps=8,  # the fewest that leave a choice of steps to learn at
    batch_size=5,
)


@pytest.fixture(scope="module")
def recogniser() -> Colours:
    """A recogniser for which one in four plain pictures shows the first group."""
    return colours_of(PROMPT)


class Oracle:
    """An oracle that agrees with a recogniser, or says the opposite of all it says."""

    def __init__(self, recogniser: Colours, opposite: bool = False) -> None:
        self.recogniser, self.opposite = recogniser, opposite

    def __call__(self, images: ImageSet, *, store: Store | None = None) -> Observations:
        wanted = (GENDER, SKIN, concept_pack("townsfolk"))  # nothing of age
        found = classify(images, wanted, self.recogniser)
        if not self.opposite:
            return found
        answers = {
            name: replace(one, probabilities=one.probabilities[:, ::-1])
            for name, one in found.answers.items()
        }
        return replace(found, answers=answers)


class Study(NamedTuple):
    """A finished mitigation: its store, its result, and how often it called the denoiser."""

    store: Path
    result: MitigationResult
    calls: int


def unet_calls(pipe: Any) -> list[int]:
    """A list that grows with every call of the denoiser."""
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    return calls


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def study(recogniser: Colours, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A mitigation, finished at one go."""
    folder, pipe = tmp_path_factory.mktemp("study"), tiny_pipeline()
    calls = unet_calls(pipe)
    result = mitigate(pipe, PLAN, to=folder, oracle=Oracle(recogniser), recogniser=recogniser)
    return Study(folder, result, len(calls))


# A mitigation


def test_a_result_tells_of_every_set_of_pictures(study: Study) -> None:
    result = study.result
    assert [one.learned.attribute for one in result.attributes] == ["gender", "skin_tone"]
    roles = [arm.role for arm in result.arms]
    assert roles == ["plain", "sum", *(["single", "random", "random", "generic"] * 2)]
    assert len({arm.name for arm in result.arms}) == len(result.arms)
    for arm in result.arms:
        assert arm.n == PLAN.n
        recogniser, oracle = arm.views
        assert [one.attribute for one in recogniser.figures] == ["gender", "skin_tone", "age"]
        assert [one.attribute for one in oracle.figures] == ["gender", "skin_tone"]
        for view in arm.views:
            assert view.concept_kept is not None
            (both,) = view.intersections
            assert len(both.groups) == 4
            for figures in (*view.figures, both):
                total = sum(share.value for share in figures.shares.values())
                assert total + figures.unknown.value == pytest.approx(1)
        steered = {"gender", "skin_tone"} if arm.role == "sum" else {arm.attribute}
        for change in arm.changes:
            known = {"gender", "skin_tone"} | ({"age"} if change.role == "recogniser" else set())
            assert {row.attribute for row in change.spillover} == known - steered
            for row in change.spillover:
                assert row.expected is not None
                assert row.expected.n <= 4 * len(PLAN.rate_seeds)
        assert bool(arm.changes) == (arm.preservation is not None) == (arm.role != "plain")
    named = [row.expected and row.expected.named for arm in result.arms
             for change in arm.changes for row in change.spillover]  # fmt: skip
    assert any(named)  # of ten pictures, every group is rare


def test_every_decision_is_on_record(study: Study) -> None:
    for one in study.result.attributes:
        assert one.learned.step in (1, 2)
        assert one.strength >= 0
        assert len(one.response.doses) >= 6
        assert len(one.response.judged) == len(one.response.doses)
        assert one.calibration.strengths == {one.learned.attribute: one.strength}
        assert one.target.source
        assert one.generic is not None and -1 <= one.generic.cosine <= 1
    joint = study.result.joint
    assert joint is not None and set(joint.strengths) == {"gender", "skin_tone"}


def test_local_directions_are_applied_and_on_record(
    study: Study, recogniser: Colours, tmp_path: Path
) -> None:
    plan = replace(PLAN, local=True, controls=0, generic=False, n=4)
    result = mitigate(tiny_pipeline(), plan, to=tmp_path, recogniser=recogniser)
    directions = [direction for direction, _ in result.intervention.steering.terms]
    for one, direction in zip(result.attributes, directions, strict=True):
        local = one.learned.local
        assert local is not None and local.energy == 0.75
        assert (direction.array != 0).any(axis=0).sum() == local.cells < local.of
        assert direction.provenance["local"]["cells"] == local.cells
        (cosine,) = one.learned.applied.values()
        assert cosine == pytest.approx(directions[0].cosine(directions[1]))
    assert result.attributes[0].learned.kept < 1
    assert str(result).count(", local (") == 2
    assert not any(one.learned.local or one.learned.applied for one in study.result.attributes)


def test_an_adjustment_stays_in_place_while_strengths_are_chosen(
    study: Study, recogniser: Colours, tmp_path: Path
) -> None:
    shift, pipe = EmbeddingShift("a photo of a man", "a photo of a woman", 0.5), tiny_pipeline()
    plan = replace(PLAN, adjust=shift, controls=0, generic=False, n=4)
    result = mitigate(pipe, plan, to=tmp_path, recogniser=recogniser)
    bound = Adjustment.to_dict(shift.bound(pipe))
    assert [arm.role for arm in result.arms] == ["plain", "adjusted", "sum", "single", "single"]
    plain, alone, *steered = result.arms
    assert plain.intervention["adjustment"] is None
    assert all(arm.intervention["adjustment"] == bound for arm in (alone, *steered))
    assert not alone.intervention["steering"]["terms"]
    again = generate(pipe, PROMPT, range(2), adjust=shift, num_inference_steps=8)
    found = result.pictures(alone, range(2))
    assert [one.tobytes() for one in found] == [one.tobytes() for one in again]
    assert {one.attribute for one in alone.changes[0].comparisons} >= {"gender", "skin_tone"}
    assert not {one.attribute for one in alone.changes[0].spillover} & {"gender", "skin_tone"}
    both = result.intervention
    assert both.adjustment == shift.bound(pipe) and both.steering.terms
    calibrating = generate(
        pipe, PROMPT, plan.calibration_seeds(), adjust=shift, num_inference_steps=8, batch_size=5
    )
    labels = classify(calibrating, "gender", recogniser).labels("gender")
    first = result.attributes[0]
    assert first.response.doses[0].towards == (labels.names == first.learned.towards).sum()
    page = write_report(result, tmp_path / "page").read_text(encoding="utf-8")
    assert "adjustment alone" in page
    assert str(shift) in unescape(page)
    assert result.name != study.result.name


def test_an_adjustment_of_strength_0_is_none() -> None:
    shift = EmbeddingShift("a photo of a man", "a photo of a woman", 0.0)
    assert Plan(PROMPT, "gender", adjust=shift).facts() == Plan(PROMPT, "gender").facts()


def test_a_rare_group_is_looked_for_under_its_own_prompt(
    recogniser: Colours, tmp_path: Path
) -> None:
    prompts = (PROMPT, "a picture of a doctor", "a photo of a nurse")
    plan = Plan(
        prompts, "gender", watch=("skin_tone",), n=30, n_rates=5, num_inference_steps=2,
        batch_size=5,
    )  # fmt: skip
    reader = Reader((GENDER, SKIN), recogniser)

    def read(what: str, steering: Any, seeds: range, texts: Sequence[str]) -> Any:
        images = generate(tiny_pipeline(), texts, seeds, steering, num_inference_steps=2)
        return reader(images, texts)

    plain = read("plain", None, plan.audit_seeds, prompts)
    found = rates_of_rare_groups(plain, plan, read)["gender"]["recogniser"]
    named = {
        (prompt, f"a photo of a {group} {prompt.split()[-1]}")
        for prompt, cut in plain.cuts()
        for group in ("woman", "man")
        if (plain.sights["recogniser"].observations.labels("gender").names[cut] == group).sum() < 20
    }
    assert 0 < len(named) < 6
    assert len(found) == 5 * len(named)
    assert set(found.prompts.tolist()) == {prompt for prompt, _ in named}
    assert rates_of_rare_groups(plain, replace(plan, n_rates=0), read) == {}


def test_rates_are_not_from_prompts_that_name_another_attribute() -> None:
    """Of the women, half are darker only where the prompt asks for it."""

    def reading(*rows: tuple[str, str, int]) -> Reading:
        shown = [row for *row, n in rows for _ in range(n)]
        images: Any = [None] * len(shown)
        answers = {
            one.name: Answer(
                Question.of(one), "any", "1",
                np.eye(2)[[one.names.index(row[i]) for row in shown]],
                np.full(len(shown), "known"), np.zeros(len(shown), bool),
            )
            for i, one in enumerate((GENDER, SKIN))
        }  # fmt: skip
        seeds = np.arange(len(shown))
        texts = np.full(len(shown), PROMPT)
        seen = Observations(texts, seeds, texts, texts, answers)
        sight = Sight("any", seen, ("gender", "skin_tone"), None)
        return Reading(images, (PROMPT,), {"recogniser": sight})

    plain = reading(("man", "lighter", 50))
    steered = reading(("woman", "lighter", 25), ("man", "lighter", 25))
    women, dark = reading(("woman", "lighter", 30)), reading(("woman", "darker", 30))
    rates = {
        name: {"recogniser": one.sights["recogniser"].observations}
        for name, one in (("gender", women), ("skin_tone", dark))
    }
    (change,) = changes_of(plain, steered, ["gender"], rates)  # type: ignore[arg-type]
    (row,) = change.spillover
    assert row.expected is not None and row.expected.named
    assert row.expected.share == row.before == row.after == 1


def test_one_round_claims_only_the_shares_that_it_measured(study: Study) -> None:
    for one in study.result.attributes:
        doses = {dose.strength: dose for dose in one.response.doses}
        shares = [reached.share for reached in one.calibration.reached]
        assert len(shares) == (one.strength in doses)
        for share in shares:
            dose = doses[one.strength]
            assert (share.value, share.n) == (dose.towards / dose.known, dose.known)


def test_a_result_is_saved_and_loaded_as_it_was(study: Study) -> None:
    assert MitigationResult.load(study.store) == study.result
    assert load_result(study.store, study.result.name) == study.result
    text = str(study.result)
    for name in ("plain", "all directions", "random 1: gender", "generic SVM: skin tone"):
        assert name in text
    assert text.count("equal shares, the default") == 2


def test_a_result_goes_to_another_store_with_its_files(study: Study, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    first = MitigationResult.load(study.store)
    first.save(elsewhere)
    MitigationResult.load(study.store)  # the first is as it was
    again = MitigationResult.load(elsewhere)
    assert again == study.result
    assert again.intervention == study.result.intervention
    for arm in again.arms:
        mine, theirs = first.pictures(arm), again.pictures(arm)
        assert theirs.records == mine.records
        assert theirs.directions == mine.directions
        assert [one.tobytes() for one in theirs] == [one.tobytes() for one in mine]
    reports = [write_report(one, tmp_path / f"report {i}") for i, one in enumerate((first, again))]
    assert reports[0].read_bytes() == reports[1].read_bytes()
    assert files(elsewhere).items() <= files(study.store).items()
    before = files(elsewhere)
    first.save(elsewhere)
    assert files(elsewhere) == before


def test_an_audit_goes_to_another_store_with_its_pictures(
    recogniser: Colours, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"num_inference_steps": 2, "n": 4, "recogniser": recogniser}
    made = audit(tiny_pipeline(), [PROMPT, "a photo of a nurse"], to=tmp_path / "a", **options)
    made.save("memory://audited elsewhere")
    again = AuditResult.load("memory://audited elsewhere")
    assert again == made
    assert again.pictures().records == made.pictures().records
    assert [one.tobytes() for one in again.pictures()] == [one.tobytes() for one in made.pictures()]
    missing = AuditResult.load(tmp_path / "a")
    next((tmp_path / "a").rglob("000001.png")).unlink()
    with pytest.raises(FileError, match="cannot be read"):
        missing.save(tmp_path / "b")


def test_pictures_that_were_all_blocked_align_with_nothing(recogniser: Colours) -> None:
    class Embeds(Colours):
        fingerprint = "embeds-1"

        def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
            return np.ones((len(images), 3), dtype=np.float32)

        def embed_text(self, sentences: Sequence[str]) -> np.ndarray:
            return np.ones((len(sentences), 3), dtype=np.float32)

    mine = Embeds(recogniser.levels, recogniser.spread)
    images = generate(tiny_pipeline(), PROMPT, range(3), num_inference_steps=2)
    for blocked, expected in (((0, 1, 2), []), ((1,), [3.0, 3.0])):
        records = [replace(one, blocked=i in blocked) for i, one in enumerate(images.records)]
        seen = ImageSet(records, list(images), images.documents)
        reading = Reader((GENDER,), mine)(seen, [PROMPT])
        cosines = alignment_of(reading, mine, None)["recogniser"]
        assert cosines[np.isfinite(cosines)].tolist() == expected
        views = views_of(reading, {}, ["gender"], {"recogniser": cosines})
        assert (views[0].alignment is None) == (not expected)
        preserved(reading, reading, mine, None)


def test_what_a_mitigation_brings_home_does_it_again(study: Study) -> None:
    result = study.result
    file = study.store / result.file
    brought = load_intervention(file)
    first, second = (direction for direction, _ in brought.steering.terms)
    assert first.cosine(second) == pytest.approx(0, abs=1e-5)
    again = generate(
        tiny_pipeline(), PROMPT, range(4), brought, num_inference_steps=8, batch_size=5
    )
    sums = result.pictures(result.arm("all directions"), range(4))
    assert [image.tobytes() for image in again] == [image.tobytes() for image in sums]
    measured, target = brought.provenance["measured"], brought.provenance["target"]
    assert measured["n"] == PLAN.n
    assert measured["settings"]["num_inference_steps"] == 8
    assert measured["settings"]["scheduler"] == "DDIMScheduler"
    assert [shift["attribute"] for shift in measured["shifts"]] == ["gender", "skin_tone"]
    assert target["gender"]["source"]
    view = result.arm("all directions").views[0]
    for shift in measured["shifts"]:
        figures = view.of(shift["attribute"])
        assert figures is not None
        assert shift["steered"]["share"] == figures.shares[shift["group"]].value


COMPUTED_AGAIN = """
import sys


class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "diffusers", "transformers"):
            raise ImportError(name)


sys.meta_path.insert(0, Refused())
from trimtab import AuditFrame, MitigationResult
from trimtab.recognition import recall

result = MitigationResult.load(sys.argv[1])
targets = {one.learned.attribute: one.target for one in result.attributes}
for arm in result.arms:
    pictures, view = result.pictures(arm), arm.views[0]
    seen = recall(pictures, [*targets, "age"], "colours", store=result.store)
    frame = AuditFrame(seen, target=targets)
    assert tuple(frame.by_attribute.values()) == view.figures, arm.name
    assert (frame.intersection(*targets),) == view.intersections, arm.name
"""


def test_figures_are_computed_again_where_there_is_no_model(study: Study) -> None:
    command = [sys.executable, "-c", COMPUTED_AGAIN, str(study.store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_audit_seeds_decide_nothing(study: Study) -> None:
    store = Store.existing(study.store)
    rows = store.rows("index", columns=["spec", "seed"]).to_pylist()
    audited = set(range(*study.result.seeds["audit"]))
    judged = {arm.spec for arm in study.result.arms}
    plain = study.result.arm("plain").spec
    for row in rows:
        if row["spec"] not in judged:  # made for a decision
            assert row["seed"] not in audited
        if row["spec"] == plain and row["seed"] not in audited:
            assert row["seed"] in range(*study.result.seeds["calibration"])
    spans = [set(range(*ends)) for ends in study.result.seeds.values()]
    assert not any(a & b for a, b in itertools.combinations(spans, 2))


def test_no_picture_is_made_twice(study: Study) -> None:
    rows = Store.existing(study.store).rows("index", columns=["prompt", "picture"]).to_pylist()
    seen = [(row["prompt"], row["picture"]) for row in rows]
    assert len(set(seen)) == len(seen) == study.result.made


def test_a_rerun_makes_nothing_again(study: Study, recogniser: Colours) -> None:
    before, pipe = files(study.store), tiny_pipeline()
    calls = unet_calls(pipe)
    again = mitigate(pipe, PLAN, to=study.store, oracle=Oracle(recogniser), recogniser=recogniser)
    assert again == study.result
    assert not calls
    assert files(study.store) == before


@pytest.mark.parametrize("at", ["capture gender", "calibrate gender at 2", "plain"])
def test_an_interrupted_mitigation_goes_on_to_the_same_files(
    study: Study, recogniser: Colours, tmp_path: Path, at: str
) -> None:
    def interrupt(done: int, total: int, what: str) -> None:
        if what.startswith(at):
            raise KeyboardInterrupt

    pipe, oracle = tiny_pipeline(), Oracle(recogniser)
    calls = unet_calls(pipe)
    options: dict[str, Any] = {"to": tmp_path, "oracle": oracle, "recogniser": recogniser}
    with pytest.raises(KeyboardInterrupt):
        mitigate(pipe, PLAN, progress=interrupt, **options)
    assert 0 < len(calls) < study.calls
    assert mitigate(pipe, PLAN, **options) == study.result
    assert len(calls) == study.calls  # nothing was done twice
    assert files(tmp_path) == files(study.store)


def test_the_oracle_decides_nothing(study: Study, recogniser: Colours, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study.store, tmp_path / "again"))
    shutil.rmtree(folder / "studies")
    pipe = tiny_pipeline()
    calls = unet_calls(pipe)
    oracle = Oracle(recogniser, opposite=True)
    judged = mitigate(pipe, PLAN, to=folder, oracle=oracle, recogniser=recogniser)
    assert not calls
    for one, other in zip(judged.attributes, study.result.attributes, strict=True):
        assert (one.strength, one.learned) == (other.strength, other.learned)
        assert one.response.doses == other.response.doses
        assert one.response.judged != other.response.judged


def test_decisions_taken_are_kept(study: Study, recogniser: Colours, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study.store, tmp_path / "again"))
    (file,) = folder.glob("studies/*/gender-strength-*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"strength": 1.25}))
    again = mitigate(tiny_pipeline(), PLAN, to=folder, recogniser=recogniser)
    assert again.attributes[0].strength == 1.25


def test_a_store_serves_several_studies_and_shares_their_plain_pictures(
    study: Study, recogniser: Colours, tmp_path: Path
) -> None:
    folder, pipe = Path(shutil.copytree(study.store, tmp_path / "again")), tiny_pipeline()
    calls = unet_calls(pipe)
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 5, "concepts": "townsfolk"}
    other = mitigate(
        pipe, PROMPT, "gender", to=folder, recogniser=recogniser, n=10, n_capture=5, n_dose=5,
        precision=None, **options,
    )  # fmt: skip
    assert other.arm("plain").spec == study.result.arm("plain").spec
    plain = other.pictures(other.arm("plain"))
    first = study.result.pictures(study.result.arm("plain"))
    assert [one.tobytes() for one in plain] == [one.tobytes() for one in first]
    assert len(calls) < study.calls
    assert len(Store.existing(folder).results()) == 2
    with pytest.raises(FileError, match="2 results"):
        MitigationResult.load(folder)


def test_refinement_brings_a_share_to_its_target_or_says_what_stopped_it(
    recogniser: Colours, tmp_path: Path
) -> None:
    target = Target({"woman": 0.4, "man": 0.6}, "a test")
    result = mitigate(
        tiny_pipeline(), PROMPT, "gender", to=tmp_path, recogniser=recogniser, target=target,
        concepts="townsfolk", n=6, n_capture=6, n_dose=6, precision=0.2, num_inference_steps=8,
        batch_size=6,
    )  # fmt: skip
    (one,) = result.attributes
    found = one.calibration
    assert found.precision == 0.2
    assert found.rounds >= 1
    assert 0 < found.pictures <= PLAN.n_dose * 20
    (reached,) = found.reached
    if found.stopped_by == "precision":
        wanted = target[one.learned.towards]
        assert wanted - 0.2 <= reached.share.low <= reached.share.high <= wanted + 0.2
    else:
        assert found.stopped_by in ("concept", "range", "budget", "response")
    assert "a test" in str(result)


def test_a_mitigation_ends_even_where_nobody_is_recognised(tmp_path: Path) -> None:
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 6, "n_dose": 6}
    result = mitigate(
        tiny_pipeline(), PROMPT, "gender", to=tmp_path, recogniser=Unsure(0, 1), n=2, n_capture=5,
        **options,
    )  # fmt: skip
    (one,) = result.attributes
    assert (one.strength, one.calibration.stopped_by) == (0, "response")
    assert result.arm("gender").views[0].figures[0].unknown.value == 1
    again = MitigationResult.load(tmp_path)
    assert again.to_dict() == result.to_dict()  # NaN among its figures


def test_a_recogniser_that_nobody_can_tell_from_another_takes_its_own_decisions(
    recogniser: Colours, tmp_path: Path
) -> None:
    nameless = Colours(recogniser.levels, recogniser.spread)
    nameless.fingerprint = ""
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 5, "precision": None}
    options |= {"n": 5, "n_capture": 5, "n_dose": 5, "to": tmp_path}
    first = mitigate(tiny_pipeline(), PROMPT, "gender", recogniser=nameless, **options)
    assert not (tmp_path / "studies").exists()
    again = mitigate(tiny_pipeline(), PROMPT, "gender", recogniser=nameless, **options)
    assert again.to_dict() == first.to_dict()


def test_more_audit_pictures_take_no_decision_anew(recogniser: Colours, tmp_path: Path) -> None:
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 5, "precision": None}
    options |= {"n_capture": 5, "n_dose": 5, "to": tmp_path, "recogniser": recogniser}
    pipe = tiny_pipeline()
    few = mitigate(pipe, PROMPT, "gender", n=5, **options)
    calls = unet_calls(pipe)
    more = mitigate(pipe, PROMPT, "gender", n=10, **options)
    sets = 2 if few.attributes[0].strength else 1  # at strength 0, the second is the first
    assert len(calls) == sets * 8 * 1  # five more pictures in each
    assert more.attributes[0].strength == few.attributes[0].strength
    assert len(list(tmp_path.glob("studies/*"))) == 1
    assert {few.name, more.name} == set(Store(tmp_path).results())


def test_a_plan_comes_alone(recogniser: Colours, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a Plan together with attributes, precision"):
        mitigate(tiny_pipeline(), PLAN, "gender", precision=0.1, to=tmp_path, recogniser=recogniser)


def test_a_recogniser_with_questions_of_its_own_must_know_what_is_asked(tmp_path: Path) -> None:
    oracle = townsfolk.load_oracle()
    with pytest.raises(UsageError, match="'hair'"):
        hair = attribute_of(tmp_path, "hair")
        mitigate(tiny_pipeline(), PROMPT, hair, to=tmp_path / "store", recogniser=oracle)


def attribute_of(folder: Path, name: str) -> Any:
    """An attribute of a user's own."""
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\ngroups: [{{name: long}}, {{name: short}}]\n")
    return attribute(file)


def test_a_guessed_contrast_is_said(recogniser: Colours, tmp_path: Path) -> None:
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 5, "precision": None}
    options |= {"n": 2, "n_capture": 5, "n_dose": 5, "to": tmp_path, "recogniser": recogniser}
    with pytest.warns(ContrastWarning, match="a photo of a woman doctor at work"):
        mitigate(tiny_pipeline(), "a doctor at work", "gender", **options)


def test_a_concept_that_the_attribute_names_itself_is_not_judged(
    recogniser: Colours, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"num_inference_steps": 8, "batch_size": 5, "precision": None}
    options |= {
        "n": 2,
        "n_capture": 5,
        "n_dose": 5,
        "to": tmp_path / "store",
        "recogniser": recogniser,
    }
    hair = attribute_of(tmp_path, "hair")  # whose own prompts are of a person
    result = mitigate(tiny_pipeline(), "a photo of a person", hair, **options)
    assert all(view.concept_kept is None for arm in result.arms for view in arm.views)
    facts = load_intervention(tmp_path / "store" / result.file).provenance["measured"]
    assert Effect.from_dict(facts).concept_kept is None
    page = write_report(result, tmp_path / "page")
    assert "“Concept kept”" not in page.read_text(encoding="utf-8")


def test_two_attributes_may_have_groups_of_one_name(recogniser: Colours, tmp_path: Path) -> None:
    plan = Plan(PROMPT, ("glasses", "jewellery"))
    assert len(set(plan.rule.question(PROMPT).names)) == 8


def test_audits_of_other_questions_and_targets_stand_side_by_side(
    recogniser: Colours, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"to": tmp_path, "n": 2, "recogniser": recogniser}
    options |= {"num_inference_steps": 2, "batch_size": 2}
    pipe = tiny_pipeline()
    audit(pipe, PROMPT, "gender", **options)
    audit(pipe, PROMPT, "gender", target={"woman": 0.3, "man": 0.7}, **options)
    audit(pipe, PROMPT, attribute_of(tmp_path.parent, "gender"), **options)
    assert len(Store(tmp_path).results()) == 3


def test_several_prompts_are_mitigated_together(recogniser: Colours, tmp_path: Path) -> None:
    prompts = (PROMPT, "a picture of a doctor")
    result = mitigate(
        tiny_pipeline(), prompts, "gender", to=tmp_path, recogniser=recogniser, n=4, n_capture=6,
        n_dose=6, precision=None, num_inference_steps=8, batch_size=6,
    )  # fmt: skip
    for arm in result.arms:
        assert arm.n == 8
        assert tuple(arm.by_prompt) == prompts
        each = [views[0].of("gender") for views in arm.by_prompt.values()]
        pooled = arm.views[0].of("gender")
        assert pooled is not None
        assert pooled.n == sum(one.n for one in each if one is not None)
        assert [record.prompt for record in result.pictures(arm).records] == [
            prompt for prompt in prompts for _ in range(4)
        ]


# Effects


def test_the_effect_of_a_direction_learned_by_hand(recogniser: Colours, study: Study) -> None:
    pipe = tiny_pipeline()
    own = Direction.load(study.store / study.result.attributes[0].learned.file)
    run = {"num_inference_steps": 8}  # where it was learned
    sets = (generate(pipe, PROMPT, range(4), steer, **run) for steer in (None, 2 * own))
    before, after = (classify(s, (GENDER, SKIN), recogniser) for s in sets)
    seen = measured_effect(2 * own, before, after, settings=own.provenance)
    assert (seen["n"], seen["recogniser"]) == (4, "colours")
    assert seen["settings"] == {
        "scheduler": "DDIMScheduler", "num_inference_steps": 8, "guidance_scale": 7.5
    }  # fmt: skip
    card = own.annotated(measured=seen).generate_model_card().text
    assert "by colours; scheduler DDIMScheduler, 8 steps, guidance scale 7.5." in card
    assert [row["attribute"] for row in seen["spillover"]] == ["skin_tone"]
    with pytest.raises(UsageError, match="including gender"):
        measured_effect(own, before.select(np.arange(4)), replace(after, answers={}))
    with pytest.raises(UsageError, match="seeds that"):
        measured_effect(own.annotated(seeds=[3, 100]), before, after)


# Audits


def test_an_audit_keeps_and_extends_what_it_made(recogniser: Colours, tmp_path: Path) -> None:
    pipe = tiny_pipeline()
    calls = unet_calls(pipe)
    options: dict[str, Any] = {"recogniser": recogniser, "num_inference_steps": 2}
    few = audit(pipe, PROMPT, "gender", to=tmp_path, n=4, **options)
    first = len(calls)
    more = audit(pipe, PROMPT, ("gender", "skin_tone"), to=tmp_path, n=9, **options)
    assert len(calls) - first < 2 * first + 2  # five more pictures, not nine
    assert (few.n, more.n) == (4, 9)
    assert few.spec == more.spec
    again = tmp_path / "again"
    audit(tiny_pipeline(), PROMPT, ("gender", "skin_tone"), to=again, n=9, **options)
    made = {name: data for name, data in files(tmp_path).items() if name.startswith("images")}
    assert made == {k: v for k, v in files(again).items() if k.startswith("images")}
    (view,) = more.views
    assert [one.attribute for one in view.figures] == ["gender", "skin_tone"]
    assert view.intersections[0].attribute == "gender × skin_tone"
    frame = AuditFrame(classify(more.pictures(), "gender", recogniser))
    assert frame.figures.shares == view.figures[0].shares
    assert AuditResult.load(tmp_path, few.name) == few
    assert str(few.views[0].figures[0]) in str(few)


def test_an_audit_needs_no_store(recogniser: Colours) -> None:
    target = Target({"woman": 0.3, "man": 0.7}, "a test")
    prompts = [PROMPT, "a picture of a nurse"]
    result = audit(
        tiny_pipeline(), prompts, "gender", target=target, n=3, recogniser=recogniser,
        num_inference_steps=2,
    )  # fmt: skip
    assert (result.n, tuple(result.by_prompt)) == (6, tuple(prompts))
    assert result.views[0].figures[0].target == target
    assert "a test" in str(result)
    with pytest.raises(FileError, match="never stored"):
        result.pictures()


def test_pictures_made_elsewhere_are_audited_where_they_are(
    recogniser: Colours, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, image in enumerate(generate(tiny_pipeline(), PROMPT, range(4), num_inference_steps=2)):
        image.save(folder / f"{i}.png")
    result = audit_images(folder, ("gender",), to=tmp_path / "store", recogniser=recogniser)
    assert (result.n, result.prompts, result.seeds) == (4, (), None)
    assert len(result.pictures()) == 4
    assert AuditResult.load(tmp_path / "store") == result
    with pytest.raises(FileError, match="nowhere"):
        audit_images(tmp_path / "nowhere", recogniser=recogniser)


@pytest.mark.parametrize(
    "target",
    [{"woman": 0.5, "man": 0.6}, {"woman": 0.5, "other": 0.5}, {"age": {"young": 0.5, "old": 0.5}}],
)
def test_a_wrong_target_is_refused_before_any_picture(target: Any, recogniser: Colours) -> None:
    with pytest.raises(UsageError, match=r"got .*; expected .*; "):
        audit(object(), PROMPT, "gender", target=target, recogniser=recogniser)


# Learning


def test_a_direction_is_learned_and_kept(tmp_path: Path) -> None:
    pipe = tiny_pipeline()
    calls = unet_calls(pipe)
    options: dict[str, Any] = {"n": 6, "num_inference_steps": 8, "licence": "cc-by-4.0"}
    result = learn(pipe, "gender", towards="man", on="doctor", to=tmp_path, **options)
    direction = result.direction
    assert direction.provenance["towards"] == "man"
    assert direction.provenance["licence"] == "cc-by-4.0"
    assert (result.learned.hash, result.learned.on) == (direction.hash, ("doctor",))
    assert result.learned.step == direction.provenance["step"]
    assert "<- chosen" in str(result)
    assert LearnResult.load(tmp_path) == result
    made = len(calls)
    assert learn(pipe, "gender", towards="man", on="doctor", to=tmp_path, **options) == result
    assert len(calls) == made
    with pytest.raises(UsageError, match="towards"):
        learn(pipe, "monk_tone", to=tmp_path)
