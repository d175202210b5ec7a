"""Studies: the strength found from a dose-response, and a whole mitigation in a folder."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tiny import tiny_pipeline
from trimtab.concepts import attribute
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, generate
from trimtab.interventions import Direction
from trimtab.latents import LatentSamples
from trimtab.recognition import Labels, classify
from trimtab.workflows import (
    Dose,
    DoseResponse,
    Plan,
    measure_response,
    measured_effect,
    mitigate,
)
from trimtab.workflows.dose import LARGEST_STRENGTH, MAX_LOSS, JointResponse
from trimtab.workflows.plan import MOST_DOSES, PLAIN_BLOCKS

PROMPT = "a photo of a doctor"
GENDER, SKIN = attribute("gender"), attribute("skin_tone")


# Dose and response


@st.composite
def doses(draw: Any) -> list[Dose]:
    """Measured doses, strength 0 among them; any may show nobody."""
    n = draw(st.integers(5, 40))
    steps = draw(st.lists(st.integers(1, 64), min_size=1, max_size=7, unique=True))
    found = []
    for step in [0, *steps]:
        known = draw(st.integers(0, n))
        found.append(Dose(step / 4, n, known, draw(st.integers(0, known)), draw(st.integers(0, n))))
    return found


@given(doses())
def test_the_curves_are_shares_and_monotone(seen: list[Dose]) -> None:
    response = DoseResponse(seen)
    grid = np.linspace(0, 2 * LARGEST_STRENGTH, 50)
    share, kept = response.share(grid), response.kept(grid)
    assert (np.diff(share) >= 0).all()
    assert (np.diff(kept) <= 1e-12).all()
    for curve in (share, kept):
        assert ((curve >= 0) & (curve <= 1)).all()


@given(doses(), st.floats(0, LARGEST_STRENGTH))
def test_the_strength_for_a_share_is_where_the_curve_has_it(
    seen: list[Dose], strength: float
) -> None:
    response = DoseResponse(seen)
    share = float(response.share(strength))
    if response.slope > 1e-6 and 0.005 < share < 0.995:
        assert response.strength_for(share) == pytest.approx(strength, abs=1e-6)


@given(doses(), st.floats(0.05, 0.95))
def test_the_strength_chosen_keeps_the_concept(seen: list[Dose], share: float) -> None:
    response = DoseResponse(seen)
    strength, held_back = response.choose(share)
    largest = max(dose.strength for dose in seen)
    assert 0 <= strength <= response.limit <= largest
    plain = response.doses[0].kept / response.doses[0].n
    assert strength == 0 or response.kept(strength) >= plain - MAX_LOSS - 1e-9
    if held_back is None:
        assert strength == response.strength_for(share)
    elif held_back == "response":
        assert strength == response.slope == 0
    else:
        assert response.strength_for(share) > strength == response.limit
        assert (held_back == "concept") == (response.limit < largest)


def test_collapsed_pictures_do_not_flatten_the_curve() -> None:
    good = [Dose(w, 40, 40, round(40 * p), 40) for w, p in ((0, 0.1), (1, 0.25), (2, 0.5))]
    collapsed = [Dose(w, 40, 40, 10, 2) for w in (8, 16)]
    alone, beside = DoseResponse(good), DoseResponse([*good, *collapsed])
    assert beside.strength_for(0.5) == alone.strength_for(0.5) == pytest.approx(2, abs=0.2)


@given(
    st.floats(-3, -1),
    st.floats(-3, -1),
    st.floats(0.5, 2),
    st.floats(0.5, 2),
    st.floats(-0.4, 0.4),
    st.floats(-0.4, 0.4),
)
def test_the_strengths_of_a_sum_undo_what_directions_do_to_each_other(
    a: float, b: float, own_a: float, own_b: float, a_by_b: float, b_by_a: float
) -> None:
    logits, slopes = np.array([a, b]), np.array([[own_a, a_by_b], [b_by_a, own_b]])
    rows = [[0, 0], *[[w, 0] for w in (1, 2, 4)], *[[0, w] for w in (1, 2, 4)], [2, 2]]
    n = 1_000_000  # so that counts are as good as shares
    doses = []
    for row in rows:
        share = 1 / (1 + np.exp(-(logits + slopes @ np.array(row))))
        doses.append([Dose(0, n, n, round(n * p), n) for p in share])
    response = JointResponse(rows, doses)
    found = response.strengths_for(0.5, [50, 50])
    wanted = np.linalg.solve(slopes, -logits)
    if (wanted >= 0).all():
        assert found == pytest.approx(wanted, rel=0.02, abs=0.02)
    assert (response.strengths_for(0.5, [1, 0]) <= [1, 1e-6]).all()


def test_collapsed_pictures_do_not_bend_a_sum() -> None:
    def row(a: float, b: float, kept: int = 400) -> list[Dose]:
        return [Dose(0, 400, 400, round(400 / (1 + math.exp(2 - w))), kept) for w in (a, b)]

    rows = [(0, 0), (1, 0), (3, 0), (0, 1), (0, 3)]
    seen = [row(*w) for w in rows]
    alone = JointResponse(rows, seen).strengths_for(0.5, [8, 8])
    # What a collapsed picture shows of either attribute is anything.
    collapsed = [Dose(0, 400, 400, 40, 20)] * 2
    beside = JointResponse([*rows, (8, 0), (0, 8)], [*seen, collapsed, collapsed])
    assert beside.strengths_for(0.5, [8, 8]) == pytest.approx(alone)
    assert alone == pytest.approx([2, 2], abs=0.05)


@given(doses())
def test_what_was_counted_is_what_is_written(seen: list[Dose]) -> None:
    written = json.loads(json.dumps(DoseResponse(seen).to_dict(), allow_nan=False))
    assert [Dose(**dose) for dose in written["doses"]] == sorted(seen, key=lambda d: d.strength)


@pytest.mark.parametrize(
    ("towards", "kept", "limit"),
    [
        ([4, 3, 2, 1], [20] * 4, 8),
        ([0, 0, 0, 0], [20] * 4, 8),
        ([4, 3, 2, 1], [20, 20, 10, 5], pytest.approx(2, abs=0.2)),
    ],
)
def test_a_direction_that_moves_nothing_gets_no_strength(
    towards: list[int], kept: list[int], limit: float
) -> None:
    rows = zip((0, 2, 4, 8), towards, kept, strict=True)
    response = DoseResponse([Dose(w, 20, 20, hits, k) for w, hits, k in rows])
    assert response.slope == 0
    assert response.choose() == (0, "response")
    assert response.limit == limit


def test_pictures_that_show_nobody_are_no_evidence_for_a_strength() -> None:
    response = DoseResponse([Dose(w, 10, 0, 0, 10) for w in (0, 1, 2)])
    assert response.slope == 0
    assert response.choose() == (0, "response")


def test_no_strength_is_needed_where_the_share_is_there_already() -> None:
    response = DoseResponse([Dose(w, 10, 10, 6, 10) for w in (0, 1, 2)])
    assert response.choose(0.5) == (0, None)


def sampled(ed50: float, slope: float, n: int, seed: int, lost_at: float = math.inf) -> Any:
    """A model whose share is logistic in the strength and whose concept goes at `lost_at`."""
    rng = np.random.default_rng(seed)

    def measure(strength: float) -> Dose:
        known = int(rng.binomial(n, 0.95))
        p = 1 / (1 + math.exp(-slope * (strength - ed50)))
        kept = n if strength < lost_at else int(rng.binomial(n, 0.3))
        return Dose(strength, n, known, int(rng.binomial(known, p)), kept)

    return measure


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steepness", [2.0, 4.0])
@pytest.mark.parametrize("ed50", [0.5, 1.0, 2.0, 3.5, 6.0, 10.0])
def test_the_strength_for_one_half_is_found(ed50: float, steepness: float, seed: int) -> None:
    slope = steepness / ed50  # the plain share is 12 % or 2 %
    response = measure_response(sampled(ed50, slope, 60, seed))
    strength, held_back = response.choose()
    assert held_back is None
    true_share = 1 / (1 + math.exp(-slope * (strength - ed50)))
    assert true_share == pytest.approx(0.5, abs=0.2)
    strengths = [dose.strength for dose in response.doses]
    assert strengths[0] == 0
    assert len(set(strengths)) == len(strengths) >= 6


def test_doses_stop_where_the_concept_collapses() -> None:
    response = measure_response(sampled(12, 0.3, 60, 0, lost_at=3))
    strength, held_back = response.choose()
    assert held_back == "concept"
    assert strength < 3
    assert max(dose.strength for dose in response.doses) == 4  # 8 and 16 were not tried
    assert len(response.doses) >= 6


# Plans


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ""},
        {"prompt": "a photo of a unicorn"},
        {"attributes": ()},
        {"pack": "nowhere"},
        {"n": 1},
        {"n": 10_001},
        {"n": 2.5},
        {"n": math.nan},
        {"n_capture": 1},
        {"n_dose": 0},
        {"controls": -1},
        {"attributes": (attribute("monk_tone"),)},
    ],
)
def test_a_plan_refuses_what_cannot_be_done(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"got .*; expected .*; "):
        Plan(**{"prompt": PROMPT, "attributes": (GENDER,)} | wrong)


def test_the_seeds_of_a_plan_are_disjoint() -> None:
    plan = Plan(PROMPT, (GENDER,), n=10_000, n_capture=10_000, n_dose=400)
    blocks = [plan.calibration_seeds(dose) for dose in range(MOST_DOSES + 1)]
    assert list(map(len, blocks)) == [PLAIN_BLOCKS * 400, *[400] * MOST_DOSES]
    every = [*plan.audit_seeds, *plan.capture_seeds, *itertools.chain(*blocks)]
    assert len(set(every)) == len(every)


# A whole mitigation


def colour(image: Image.Image) -> Any:
    """Mean red, green and blue."""
    return np.asarray(image.convert("RGB"), dtype=float).mean(axis=(0, 1))


class Colours:
    """A recogniser of its own kind: gender by green, all else of two groups by blue.

    `levels` are the mean colours above which a picture shows the second group, `spread` how far
    from them it is sure.
    """

    name = "colours"

    def __init__(self, levels: Any, spread: Any) -> None:
        self.levels, self.spread = levels, spread

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> np.ndarray:
        z = np.stack([(colour(image) - self.levels) / self.spread for image in images])
        if len(prompts) > 2:  # is it still a doctor? unless its colours have left all bounds
            doctor = next(i for i, texts in enumerate(prompts) if "doctor" in texts[0])
            found = np.where(np.abs(z).max(axis=1) < 6, doctor, (doctor + 1) % len(prompts))
            return np.eye(len(prompts))[found] * 0.9 + 0.1 / len(prompts)
        one = 1 / (1 + np.exp(4 * z[:, 1 if "woman" in prompts[0][0] else 2]))
        return np.stack([one, 1 - one], axis=1)


class Unsure(Colours):
    """Never knows anybody."""

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> np.ndarray:
        return np.full((len(images), len(prompts)), 1 / len(prompts))


PLAN = Plan(
    PROMPT,
    (GENDER, SKIN),
    watch=(attribute("age"),),
    n=9,
    n_capture=6,
    n_dose=6,
    controls=2,
    num_inference_steps=8,  # the fewest that leave a choice of steps to learn at
    batch_size=6,
)


@pytest.fixture(scope="module")
def recogniser() -> Colours:
    """A recogniser for which one in four plain pictures shows the first group."""
    images = generate(tiny_pipeline(), PROMPT, range(30_000, 30_024), num_inference_steps=8)
    found = np.stack([colour(image) for image in images])
    return Colours(np.quantile(found, 0.25, axis=0), found.std(axis=0))


class Judge:
    """An oracle that agrees with a recogniser, or says the opposite of all it says."""

    def __init__(self, recogniser: Colours, opposite: bool = False) -> None:
        self.recogniser, self.opposite = recogniser, opposite

    def __call__(self, images: ImageSet) -> dict[str, Labels]:
        wanted = {a.name: a for a in (GENDER, SKIN, PLAN.concepts)}  # nothing of age
        found = {name: classify(images, a, self.recogniser) for name, a in wanted.items()}
        if not self.opposite:
            return found
        return {
            name: Labels(name, one.groups, one.probabilities[:, ::-1], one.seeds)
            for name, one in found.items()
        }


class Study(NamedTuple):
    """A finished study: its folder, its entries, and how often it called the denoiser."""

    folder: Path
    entries: list[dict[str, Any]]
    calls: int


@pytest.fixture(scope="module")
def study(recogniser: Colours, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study, finished at one go."""
    folder, pipe = tmp_path_factory.mktemp("study"), tiny_pipeline()
    calls = unet_calls(pipe)
    judge = Judge(recogniser)
    entries = mitigate(pipe, PLAN, to=folder, judge=judge, recogniser=recogniser)
    return Study(folder, entries, len(calls))


def unet_calls(pipe: Any) -> list[int]:
    """A list that grows with every call of the denoiser."""
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_an_entry_has_the_keys_of_the_schema(study: Study) -> None:
    entries = study.entries
    assert [entry["attribute"] for entry in entries] == ["gender", "skin_tone"]
    for entry in entries:
        assert entry["prompt"] == PROMPT
        assert entry["n"] == PLAN.n
        assert entry["step"] in (1, 2)
        assert entry["strength"] >= 0
        assert len(entry["dose_response"]["doses"]) >= 6
        assert set(entry["sum_strengths"]) == {"gender", "skin_tone"}
        for arm in ("plain", "steered", "random_direction", "generic_svm", "sum"):
            assert set(entry[arm]) == {"product", "oracle"}
            for figures in entry[arm].values():
                assert set(figures) >= {
                    "shares",
                    "unknown",
                    "deviation_ratio",
                    "deviation_ratio_ci",
                    "noise_floor",
                    "concept_kept",
                }
                total = sum(figures["shares"].values()) + figures["unknown"]
                assert total == pytest.approx(1)
        assert len(entry["controls"]) == 2
        others = {"gender", "skin_tone", "age"} - {entry["attribute"]}
        spillover = entry["spillover"]
        assert {row["attribute"] for row in spillover["steered"]["product"]} == others
        assert {row["attribute"] for row in spillover["steered"]["oracle"]} == others - {"age"}
        assert {row["attribute"] for row in spillover["sum"]["product"]} == {"age"}


def test_entries_are_json(study: Study) -> None:
    entries = study.entries
    assert json.loads(json.dumps(entries, allow_nan=False)) == entries


def test_what_an_entry_names_lies_in_the_folder(study: Study) -> None:
    folder, entries = study.folder, study.entries
    first, second = (Direction.load(folder / entry["direction"]["file"]) for entry in entries)
    assert first.cosine(second) == pytest.approx(0, abs=1e-5)
    for entry in entries:
        assert set(entry["pictures"]) >= {"plain", "steered", "sum"}
        for place in entry["pictures"].values():
            assert ImageSet.from_folder(folder / place).seeds == tuple(PLAN.audit_seeds)
        steering = ImageSet.from_folder(folder / entry["pictures"]["steered"]).steering
        assert [term["strength"] for term in steering["terms"]] == [entry["strength"]]


def test_a_kept_direction_says_what_it_was_seen_to_do(study: Study) -> None:
    for entry in study.entries:
        direction = Direction.load(study.folder / entry["direction"]["file"])
        seen, towards = direction.provenance["measured"], entry["towards"]
        assert (seen["prompt"], seen["n"], seen["group"]) == (PROMPT, PLAN.n, towards)
        assert (seen["strength"], seen["concept"]) == (entry["strength"], entry["concept"])
        for arm in ("plain", "steered"):
            figures = entry[arm]["product"]
            assert seen[arm] == {
                "share": figures["shares"][towards],
                "interval": figures["share_ci"][towards],
                "unknown": figures["unknown"],
                "concept_kept": figures["concept_kept"],
            }
        rows = entry["paired"]["steered"]["product"]["rows"]
        (row,) = (row for row in rows if row["group"] == towards)
        assert seen["difference"] == {key: row[key] for key in seen["difference"]}
        others = [row["attribute"] for row in entry["spillover"]["steered"]["product"]]
        assert [row["attribute"] for row in seen["spillover"]] == others
        card = direction.generate_model_card().text
        assert f"{PLAN.n} pictures of “{PROMPT}”" in card
        assert "which also chose the strength" in card


def test_the_effect_of_a_direction_learned_by_hand(recogniser: Colours, study: Study) -> None:
    pipe = tiny_pipeline()
    own = Direction.load(study.folder / study.entries[0]["direction"]["file"])
    sets = (generate(pipe, PROMPT, range(4), steer) for steer in (None, 2 * own))
    before, after = ({a.name: classify(s, a, recogniser) for a in (GENDER, SKIN)} for s in sets)
    seen = measured_effect(own, 2, PROMPT, before, after)
    assert (seen["n"], seen["recogniser"]) == (4, before["gender"].recogniser)
    assert [row["attribute"] for row in seen["spillover"]] == ["skin_tone"]
    card = own.annotated(measured=seen).generate_model_card().text
    assert "without and with 2 × this direction" in card
    assert "| plain | " in card
    assert " | n/a |" in card  # nobody said what the pictures should show
    assert "chose" not in card
    with pytest.raises(UsageError, match="expected gender, which"):
        measured_effect(own, 2, PROMPT, {"skin_tone": before["skin_tone"]}, after)
    with pytest.raises(UsageError, match="'concept' among them"):
        measured_effect(own, 2, PROMPT, before, after, concept="doctor")
    with pytest.raises(UsageError, match="strength nan"):
        measured_effect(own, math.nan, PROMPT, before, after)
    learned_from = own.annotated(seeds=[3, 100])
    with pytest.raises(UsageError, match="1 seeds that"):
        measured_effect(learned_from, 2, PROMPT, before, after)


def test_audit_seeds_decide_nothing(study: Study) -> None:
    folder = study.folder
    pictures = folder / "pictures"
    audit: set[int] = set()
    for run in pictures.glob("*/run.json"):
        audit |= set(ImageSet.from_folder(run.parent).seeds)
    deciding: set[int] = set()
    doses: dict[str, list[tuple[int, ...]]] = {}
    for run in (pictures / "calibration").glob("*/run.json"):
        seeds = ImageSet.from_folder(run.parent).seeds
        deciding |= set(seeds)
        doses.setdefault(run.parent.name.rsplit("-", 1)[0], []).append(seeds)
    for blocks in doses.values():  # each dose of a direction has seeds of its own
        assert len(set().union(*blocks)) == sum(map(len, blocks))
    for manifest in (folder / "latents").glob("*/manifest.json"):
        deciding |= set(LatentSamples.from_folder(manifest.parent).seeds)
    assert len(audit) == PLAN.n
    recorded = {name: set(range(*ends)) for name, ends in study.entries[0]["seeds"].items()}
    assert audit == recorded["audit"]
    assert deciding <= recorded["calibration"] | recorded["capture"]
    assert deciding >= recorded["capture"] | set(PLAN.calibration_seeds())
    assert not audit & deciding


def test_a_rerun_makes_nothing_again(study: Study, recogniser: Colours) -> None:
    folder, entries = study.folder, study.entries
    pipe = tiny_pipeline()
    calls = unet_calls(pipe)
    judge = Judge(recogniser)
    assert mitigate(pipe, PLAN, to=folder, judge=judge, recogniser=recogniser) == entries
    assert not calls


@pytest.mark.parametrize(
    "at", ["capture gender doctor", "calibration/gender 2", "skin tone steered"]
)
def test_an_interrupted_study_goes_on_to_the_same_result(
    study: Study, recogniser: Colours, tmp_path: Path, at: str
) -> None:
    def interrupt(done: int, total: int, what: str) -> None:
        if what.replace("_", " ") == at:
            raise KeyboardInterrupt

    pipe, judge = tiny_pipeline(), Judge(recogniser)
    calls = unet_calls(pipe)
    with pytest.raises(KeyboardInterrupt):
        mitigate(pipe, PLAN, to=tmp_path, judge=judge, recogniser=recogniser, progress=interrupt)
    assert 0 < len(calls) < study.calls
    again = mitigate(pipe, PLAN, to=tmp_path, judge=judge, recogniser=recogniser)
    assert len(calls) == study.calls  # nothing was done twice
    assert again == study.entries


def test_the_oracle_decides_nothing(study: Study, recogniser: Colours, tmp_path: Path) -> None:
    entries = study.entries
    folder = Path(shutil.copytree(study.folder, tmp_path / "again"))
    shutil.rmtree(folder / "directions")
    kept = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(kept | {"decisions": {}}))
    pipe = tiny_pipeline()
    calls = unet_calls(pipe)
    judge = Judge(recogniser, opposite=True)
    judged = mitigate(pipe, PLAN, to=folder, judge=judge, recogniser=recogniser)
    assert not calls  # every steering was the same, or pictures would have been made
    for entry, other in zip(entries, judged, strict=True):
        for key in ("towards", "step", "strength", "limited_by", "sum_strengths", "dose_response"):
            assert entry[key] == other[key]
        assert entry["plain"]["product"] == other["plain"]["product"]
        assert entry["plain"]["oracle"]["shares"] != other["plain"]["oracle"]["shares"]


def test_decisions_taken_are_kept(study: Study, recogniser: Colours, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study.folder, tmp_path / "again"))
    kept = json.loads((folder / "study.json").read_text())
    assert kept["decisions"]["gender strength"]["strength"] == study.entries[0]["strength"]
    kept["decisions"]["gender strength"]["strength"] = 1.23
    (folder / "study.json").write_text(json.dumps(kept))
    shutil.rmtree(folder / "pictures" / "gender-steered")
    shutil.rmtree(folder / "pictures" / "gender-random-1")
    shutil.rmtree(folder / "pictures" / "gender-random-2")
    shutil.rmtree(folder / "pictures" / "gender-generic-svm")
    entries = mitigate(tiny_pipeline(), PLAN, to=folder, recogniser=recogniser)
    assert entries[0]["strength"] == 1.23


def test_a_folder_of_another_study_is_refused(study: Study, recogniser: Colours) -> None:
    other = Plan("a photo of a nurse", (GENDER,), n=9, n_dose=6, num_inference_steps=4)
    with pytest.raises(FileError, match="made with plan"):
        mitigate(tiny_pipeline(), other, to=study.folder, recogniser=recogniser)


def test_a_folder_of_another_recogniser_is_refused(study: Study, recogniser: Colours) -> None:
    other = Colours(recogniser.levels, recogniser.spread)
    other.name = "other colours"
    with pytest.raises(FileError, match=r'made with recogniser "colours"; expected .*other'):
        mitigate(tiny_pipeline(), PLAN, to=study.folder, recogniser=other)


def test_a_study_ends_even_where_nobody_is_recognised(tmp_path: Path) -> None:
    plan = Plan(PROMPT, (GENDER,), n=3, n_capture=5, n_dose=5, num_inference_steps=2)
    zero = np.zeros(3)
    entries = mitigate(tiny_pipeline(), plan, to=tmp_path, recogniser=Unsure(zero, zero))
    json.dumps(entries, allow_nan=False)
    assert entries[0]["plain"]["product"]["unknown"] == 1
    assert entries[0]["plain"]["product"]["deviation_ratio"] is None
