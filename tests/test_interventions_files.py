"""The files of mitigations: what goes round, what is refused, and how the command line reads."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from commands import in_a_process
from hub_server import hub
from trimtab.errors import FileError, UsageError
from trimtab.interventions import (
    AddedWords,
    Arm,
    Change,
    Direction,
    Effect,
    Intervention,
    Kept,
    Shift,
    Spill,
    load_intervention,
    parse_adjustment,
    parse_steering,
    written,
)
from trimtab.storage import sha256

SHAPE = (4, 8, 8)
TOKEN = "hf_aSecretOfTheTest"
WOMAN = Direction(
    Direction.random(SHAPE, 1).array,
    {
        "attribute": "gender",
        "towards": "woman",
        "model": "someone/little-model",
        "num_inference_steps": 20,
        "seeds": [20_000, 20_001],
    },
)
DARKER = Direction(
    Direction.random(SHAPE, 2).array, {"attribute": "skin_tone", "towards": "dark", "step": 6}
)
EFFECT = Effect(
    prompts=["a photo of a doctor"],
    n=100,
    seeds=list(range(100)),
    recogniser="a recogniser",
    chose_strength=True,
    shifts=[
        Shift("gender", "woman", Arm(0.1, (0.05, 0.17), 0.0), Arm(0.52, (0.42, 0.62), 0.01),
              Change(0.42, 0.32, 0.52)),
        Shift("skin_tone", "dark", Arm(0.2, (0.13, 0.29), 0.0), Arm(0.48, (0.38, 0.58), 0.0),
              Change(0.28, 0.18, 0.38)),
    ],
    spillover=[Spill("jewellery", "jewellery", 0.1, 0.3, 0.1, 0.3)],
    concept="doctor",
    concept_kept=Kept(1.0, 0.99),
)  # fmt: skip
FACTS = {
    "name": "a doctor, mitigated",
    "licence": "cc-by-4.0",
    "target": {"gender": {"shares": {"woman": 0.5, "man": 0.5}, "source": "the census of 2021"}},
    "measured": EFFECT.to_dict(),
    "device": "cpu",
}
WORDS = AddedWords({"smiling": 1, "": 3})
DOCTOR = Intervention(3.2 * WOMAN - 1.5 * DARKER, WORDS, FACTS)


def metadata_of(file: Path) -> dict[str, str]:
    with safe_open(str(file), framework="numpy") as content:
        return dict(content.metadata())


def rewritten(file: Path, change: Any, **metadata: str) -> Path:
    """Change the contents of a mitigation's file and give it the hash that fits."""
    found = metadata_of(file)
    contents = json.loads(found["contents"])
    change(contents)
    text = json.dumps(contents)
    tensors = {one.hash: one.array for one, _ in DOCTOR.steering.terms}
    save_file(tensors, file, found | {"contents": text, "sha256": sha256(text.encode())} | metadata)
    return file


def test_a_file_goes_round_whole(tmp_path: Path) -> None:
    found = Intervention.load(DOCTOR.save(tmp_path / "doctor.safetensors"))
    assert found == DOCTOR and found.hash == DOCTOR.hash
    assert found.provenance == FACTS
    assert found.name == "a doctor, mitigated"
    kept = {one.hash: one.provenance for one, _ in found.steering.terms}
    assert kept == {WOMAN.hash: WOMAN.provenance, DARKER.hash: DARKER.provenance}
    assert Effect.from_dict(found.provenance["measured"]) == EFFECT


def test_the_same_content_gives_the_same_bytes() -> None:
    for own in (DOCTOR, WOMAN):
        assert {own.to_bytes() for _ in range(20)} == {own.to_bytes()}
        assert type(own).from_bytes(own.to_bytes()).to_bytes() == own.to_bytes()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100)), max_size=3),
    st.none() | st.text().filter(str.strip) | st.dictionaries(
        st.text().filter(str.strip), st.floats(0.01, 1e9), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["name", "licence", "prompt"]), st.text()),
)  # fmt: skip
def test_any_intervention_goes_round(terms: Any, words: Any, facts: dict[str, str]) -> None:
    steering = sum(strength * Direction.random(SHAPE, seed) for seed, strength in terms)
    own = Intervention(steering or None, words and AddedWords(words), facts)
    found = Intervention.from_bytes(own.to_bytes())
    assert found == own and found.provenance == facts
    assert found.to_dict() == own.to_dict()


@given(st.data())
def test_a_mutated_file_is_refused_or_says_the_same(data: st.DataObject) -> None:
    for own in (DOCTOR, WOMAN):
        content = bytearray(own.to_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
        cut = data.draw(st.integers(1, len(content)))
        for broken in (bytes(content), bytes(own.to_bytes()[:-cut])):
            try:
                found = type(own).from_bytes(broken, "x.safetensors")
            except FileError as error:
                assert "x.safetensors" in str(error)
            else:
                assert found == own
                assert own is WOMAN or found.provenance == own.provenance


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("record"), "record: field required"),
        (lambda c: c["record"].pop("adjustment"), r"record\.adjustment: field required"),
        (lambda c: c["record"]["steering"]["terms"][0].update(strength="3"), "strength"),
        (lambda c: c["record"]["steering"]["terms"][0].update(strength=[1, 2]), "strength"),
        (lambda c: c["record"]["steering"]["terms"].pop(), "not those of the record"),
        (lambda c: c["record"]["adjustment"].update(kind="spell"), "adjustment of kind 'spell'"),
        (lambda c: c["record"]["adjustment"].update(words={"a": -1}), "added words"),
        (lambda c: c["directions"].popitem(), "not those of the record"),
        (lambda c: c["directions"][WOMAN.hash].update(shape=[8, 4, 8]), "does not match"),
        (lambda c: c["directions"][WOMAN.hash]["provenance"].update(seeds=3), "seeds"),
        (lambda c: c.update(provenance=[1]), "provenance"),
        (lambda c: c["provenance"].update(licence=3), "licence"),
        (lambda c: c["provenance"]["target"]["gender"].pop("shares"), r"gender\.shares"),
        (lambda c: c["provenance"]["measured"].update(n="many"), r"measured\.n"),
    ],
)
def test_contents_that_do_not_fit_are_refused(tmp_path: Path, change: Any, said: str) -> None:
    file = rewritten(DOCTOR.save(tmp_path / "doctor.safetensors"), change)
    with pytest.raises(FileError, match=rf"doctor\.safetensors.*{said}.*trimtab-mitigation"):
        Intervention.load(file)


def test_a_later_version_is_refused_by_its_number(tmp_path: Path) -> None:
    for own in (DOCTOR, WOMAN):
        file = own.save(tmp_path / "x.safetensors")
        tensors = {"direction": WOMAN.array}
        save_file(tensors, file, metadata_of(file) | {"version": "7"})
        with pytest.raises(FileError, match=r"version 7.*update trimtab"):
            type(own).load(file)


def test_each_kind_of_file_says_what_reads_it(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"a mitigation, .*read it with trimtab\.load_intervention"):
        Direction.load(DOCTOR.save(tmp_path / "doctor.safetensors"))
    with pytest.raises(FileError, match=r"a direction, .*read it with Direction\.load"):
        Intervention.load(WOMAN.save(tmp_path / "woman.safetensors"))


def test_the_weights_of_a_model_are_no_mitigation(tmp_path: Path) -> None:
    save_file({"weight": np.ones(3, np.float32)}, tmp_path / "model.safetensors", {"format": "pt"})
    for kind in (Direction, Intervention):
        with pytest.raises(FileError, match=r"model\.safetensors \(format 'pt'\)"):
            kind.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (Intervention([1, 2] * WOMAN), "strength"),
        (DOCTOR.annotated(target={"gender": 0.5}), r"target\.gender"),
        (DOCTOR.annotated(measured={"n": 1}), r"measured\.prompts"),
        (DOCTOR.annotated(note=float("nan")), "cannot be written as JSON"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path: Path, own: Intervention, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        own.save(tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


# Reading either kind


def test_either_kind_is_read_by_name(tmp_path: Path) -> None:
    doctor, woman = DOCTOR.save(tmp_path / "doctor.st"), WOMAN.save(tmp_path / "woman.st")
    assert load_intervention(doctor) == DOCTOR
    assert load_intervention(doctor).provenance == FACTS
    assert load_intervention(doctor, 0.5) == Intervention(1.6 * WOMAN - 0.75 * DARKER, WORDS)
    assert load_intervention(str(woman), 3) == Intervention(3 * WOMAN)
    with pytest.raises(UsageError, match=r"woman\.st, a direction, without a strength"):
        load_intervention(woman)
    DOCTOR.save_pretrained(tmp_path / "doctor")
    WOMAN.save_pretrained(tmp_path / "woman")
    assert load_intervention(tmp_path / "doctor") == DOCTOR
    assert load_intervention(tmp_path / "woman", -2) == Intervention(-2 * WOMAN)
    with pytest.raises(FileError, match=r"nothing\.st"):
        load_intervention(tmp_path / "nothing.st")


def test_the_command_line_adds_up_files_and_strengths(tmp_path: Path) -> None:
    doctor, woman = DOCTOR.save(tmp_path / "a=b.st"), WOMAN.save(tmp_path / "woman.st")
    assert not parse_steering([])
    assert parse_steering([f"{doctor}"]).provenance == FACTS
    assert parse_steering([f"{doctor}=0.5"]) == DOCTOR / 2
    both = parse_steering([f"{woman}=3", f"{doctor}", f"{woman}=-1"])
    assert both == DOCTOR + 2 * WOMAN
    assert not both.provenance


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("woman.st", "FILE=STRENGTH"),
        ("woman.st=", "FILE=STRENGTH"),
        ("woman.st=much", "FILE=STRENGTH"),
        ("=3", "FILE=STRENGTH"),
        ("woman.st=nan", "from -100 to 100"),
        ("woman.st=101", "from -100 to 100"),
        ("doctor.st=99", "316.8 of gender: woman"),
    ],
)
def test_strengths_out_of_range_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    DOCTOR.save("doctor.st")
    WOMAN.save("woman.st")
    with pytest.raises(UsageError, match=said):
        parse_steering([item])


def test_words_are_written_as_they_are_read() -> None:
    assert parse_adjustment([]) is None
    assert parse_adjustment(["a=b"]) == AddedWords("a=b")
    assert parse_adjustment(["smiling=1", "=3"]) == WORDS
    for words in (WORDS, AddedWords("a=b")):
        options = written(words)
        assert options is not None
        assert parse_adjustment([one.removeprefix("--add-words=") for one in options]) == words
    for wrong in (["a", "b"], ["a=1", "a=2"], ["a=1", "b=x"], ["a=1", "b=-1"]):
        with pytest.raises(UsageError, match=r"added words|--add-words"):
            parse_adjustment(wrong)


# The model card and the Hub


def test_the_card_says_what_it_does_why_and_what_was_seen(tmp_path: Path) -> None:
    DOCTOR.save_pretrained(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "README.md", "config.json", "mitigation.safetensors"
    }  # fmt: skip
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.base_model == "someone/little-model"
    assert "latent-mitigation" in card.data.tags
    for said in (
        "# a doctor, mitigated",
        "| noise | 3.2 × gender: woman |",
        "| noise | -1.5 × skin_tone: dark |",
        "| conditioning | words “” 75%, “smiling” 25% |",
        "| gender | woman 50%, man 50% | the census of 2021 |",
        "100 pictures of “a photo of a doctor”, without and with it, on seeds 0 to 99",
        "which also chose the strength",
        "| gender | woman | 10% [5%, 17%] | 52% [42%, 62%] | +42 [+32, +52] | 0% → 1% |",
        "| skin_tone | dark | 20% [13%, 29%] | 48% [38%, 58%] | +28 [+18, +38] | 0% → 0% |",
        "The concept (doctor) was kept in 100% of the plain and in 99% of the steered pictures.",
        "| jewellery | jewellery | 10% → 30% | [+10, +30] |",
        "## What gender: woman was learned from",
        "## Limits",
        "cc-by-4.0. The licence of the model binds besides.",
    ):
        assert said in card.text
    for word in ("debias", "unbiased", "solve", "fair"):
        assert word not in card.text.lower()


def test_a_card_without_facts_says_so() -> None:
    card = Intervention(adjustment=AddedWords("smiling")).generate_model_card()
    for said in ("Not measured.", "Not stated.", "changes the prompt (words “smiling”)"):
        assert said in card.text


def test_a_mitigation_goes_to_the_hub_and_comes_back_by_name(tmp_path: Path) -> None:
    doctor, woman = DOCTOR.save(tmp_path / "doctor.st"), WOMAN.save(tmp_path / "woman.st")
    with hub(TOKEN) as (address, repositories):
        home = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        pushed = in_a_process(
            "import os, trimtab as tt\ntoken = os.environ['SECRET']\n"
            f"print(tt.load_intervention({str(doctor)!r}).push_to_hub('org/doctor', token=token))\n"
            f"tt.Direction.load({str(woman)!r}).push_to_hub('org/woman', token=token)",
            SECRET=TOKEN, **home,
        )  # fmt: skip
        assert "/org/doctor/commit/" in pushed.stdout, pushed.stderr
        files = {"README.md", "config.json", "mitigation.safetensors"}
        assert set(repositories["org/doctor"]) == files
        card = repositories["org/doctor"]["README.md"].decode()
        assert 'load_intervention("org/doctor")' in card
        load = (
            "import trimtab as tt\n"
            "print(tt.load_intervention('org/doctor').hash)\n"
            "print(tt.load_intervention('org/woman', 3).hash)\n"
        )
        loaded = in_a_process(
            load + "print(tt.Intervention.from_pretrained('org/doctor').hash)", **home
        )
        assert loaded.stdout.split() == [
            DOCTOR.hash, Intervention(3 * WOMAN).hash, DOCTOR.hash
        ], loaded.stderr  # fmt: skip
    offline = in_a_process(load, HF_HUB_OFFLINE="1", **home)
    assert offline.stdout.split() == [DOCTOR.hash, Intervention(3 * WOMAN).hash], offline.stderr


# Without the heavy libraries


def test_nothing_heavy_is_needed_to_read_and_show(tmp_path: Path) -> None:
    file = DOCTOR.save(tmp_path / "doctor.st")
    done = in_a_process(
        "import sys\n"
        "for name in ('torch', 'diffusers', 'transformers', 'sklearn', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "import trimtab as tt\n"
        f"found = tt.load_intervention({str(file)!r})\n"
        "found.resampled((4, 6, 6)).generate_model_card(), found._repr_html_()\n"
        "print(found)"
    )
    assert done.stdout.strip() == str(DOCTOR), done.stderr


# In a notebook


def test_both_show_themselves_in_a_notebook() -> None:
    odd = Direction(WOMAN.array, {"name": "<b>&", "prompts": {"a": ["1 < 2"]}})
    shown = odd._repr_html_()
    assert "&lt;b&gt;&amp;" in shown and "1 &lt; 2" in shown and "<b>" not in shown
    data = base64.b64decode(shown.partition("base64,")[2].partition('"')[0])
    picture = np.asarray(Image.open(io.BytesIO(data)))
    energy = (odd.array**2).sum(axis=0)
    assert picture.shape == (96, 96)
    highest, lowest = (np.unravel_index(f(energy), energy.shape) for f in (np.argmax, np.argmin))
    assert picture[highest[0] * 12, highest[1] * 12] == 255 == picture.max()
    assert picture[lowest[0] * 12, lowest[1] * 12] == picture.min()
    shown = DOCTOR._repr_html_()
    for said in (
        "3.2 gender: woman + -1.5 skin_tone: dark + words",
        "woman 50%, man 50% (the census of 2021)",
        "woman 10% → 52%",
        "someone/little-model",
    ):
        assert said in shown
