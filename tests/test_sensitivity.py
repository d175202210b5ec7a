"""Whether pictures follow their noise: tiny pipelines that do or do not, and the embedded one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import done, trimtab
from tiny import tiny_pipeline
from trimtab import townsfolk
from trimtab.errors import UsageError
from trimtab.generation import generate
from trimtab.interventions import AddedWords, Direction
from trimtab.pipelines import latent_spec
from trimtab.report import write_report
from trimtab.statistics import LEAST_DISTANCE, Estimate
from trimtab.workflows import AuditResult, SensitivityResult, audit, load_result, sensitivity
from trimtab.workflows.seed_effect import SeedEffect

PROMPT = "a photo of a doctor"
FAST: dict[str, Any] = {"num_inference_steps": 4, "batch_size": 6}
FEW: dict[str, Any] = {"paraphrases": 3, "n": 6, "exchanged": 6, **FAST}


def small(image: Image.Image) -> Any:
    """Return 8 x 8 pixels from 0 to 1."""
    return np.asarray(image.convert("RGB").resize((8, 8)), dtype=float) / 255


@cache
def usual() -> Any:
    """Return the mean picture of the tiny pipeline, all of whose pictures resemble it."""
    pictures = generate(tiny_pipeline(), PROMPT, range(30_000, 30_012), **FAST)
    return np.mean([small(one) for one in pictures], axis=0)


class Pixels:
    """A recogniser that embeds how a picture differs from others, and calls green ones women."""

    name = "pixels"
    fingerprint = "pixels-1"

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> np.ndarray:
        green = np.array([(small(one) - usual())[..., 1].mean() for one in images])
        first = 1 / (1 + np.exp(-1000 * green))
        rest = np.tile((1 - first) / (len(prompts) - 1), (len(prompts) - 1, 1))
        return np.concatenate([first[None], rest]).T

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        flat = np.stack([(small(one) - usual()).ravel() for one in images])
        unit: np.ndarray = flat / np.linalg.norm(flat, axis=1, keepdims=True)
        return unit.astype(np.float32)


class Blind(Pixels):
    """A recogniser that cannot embed."""

    embed_images = None  # type: ignore[assignment]


def latents_as(pipe: Any, change: Callable[[Any, dict[str, Any]], None]) -> Any:
    """Return the pipeline with a class of its own, which changes what prepares the latents."""
    kind = type(pipe)

    def prepare(self: Any, *given: Any, **options: Any) -> Any:
        names = ("batch_size", "channels", "height", "width", "dtype", "device", "generator",
                 "latents")  # fmt: skip
        call = dict(zip(names, given, strict=False)) | options
        change(self, call)
        return kind.prepare_latents(self, *(call.get(name) for name in names))

    pipe.__class__ = type("Changed", (kind,), {"prepare_latents": prepare})
    return pipe


def deaf(pipe: Any) -> Any:
    """Return the pipeline so that it starts from one noise, whatever it is given."""
    first = latent_spec(pipe)

    def change(self: Any, call: dict[str, Any]) -> None:
        from trimtab.latents import noise

        call["latents"] = noise(first, [7]).to(call["latents"]).expand_as(call["latents"])

    return latents_as(pipe, change)


def obstinate(pipe: Any) -> Any:
    """Return the pipeline so that it draws its own noise from the generators it is given."""
    return latents_as(pipe, lambda self, call: call.update(latents=None))


def analysed(pipe: Any, **options: Any) -> SensitivityResult:
    return sensitivity(pipe, PROMPT, "gender", recogniser=Pixels(), **FEW | options)


@pytest.fixture(scope="module")
def followed() -> SensitivityResult:
    """The analysis of a tiny pipeline as it is."""
    return analysed(tiny_pipeline())


def test_a_pipeline_that_follows_its_noise_is_enough(followed: SensitivityResult) -> None:
    assert followed.enough and followed.effect.lack == ""
    assert followed.prompts == (PROMPT, "a picture of a doctor", "an image of a doctor")
    assert (followed.n, followed.seeds) == (18, (0, 6))
    effect = followed.effect
    assert effect.pictures is not None and effect.noise is not None
    assert effect.pictures.seed.value > 0.5  # with random weights, words hardly matter
    assert effect.noise.value == pytest.approx(1, abs=1e-3)  # DDIM draws nothing later
    assert set(effect.attributes) == {"gender"}
    assert effect.distance.n == 18
    text = str(followed)
    assert "follow their seeds" in text and "adjust=" not in text
    assert all(prompt in text for prompt in followed.prompts)


@pytest.mark.parametrize(("change", "lack"), [(deaf, "distance"), (obstinate, "noise")])
def test_a_pipeline_that_ignores_its_latents_is_told(
    change: Any, lack: str, followed: SensitivityResult
) -> None:
    found = analysed(change(tiny_pipeline()))
    assert not found.enough and found.effect.lack == lack
    assert found.effect.pictures is not None
    if change is deaf:
        assert found.effect.pictures.within.value == pytest.approx(0, abs=1e-6)
        assert found.effect.distance.value < 1e-6
    else:  # its seeds do matter, and would pass
        assert found.effect.noise is not None and found.effect.noise.value < 0.4
        assert found.effect.distance.value > LEAST_DISTANCE
    text = str(found)
    assert "Too little of the pictures follows the noise" in text
    assert "adjust=" in text and "AddedWords" in text


def test_what_a_scheduler_draws_later_is_told_from_the_initial_noise() -> None:
    share = analysed(tiny_pipeline("EulerAncestral")).effect.noise
    assert share is not None and share.value < 0.95


def test_paraphrases_may_decide_more_than_seeds(followed: SensitivityResult) -> None:
    pictures = followed.effect.pictures
    assert pictures is not None
    little = replace(pictures, within=Estimate(0.06, 18, 0.02, 0.1))
    assert replace(followed.effect, pictures=little).lack == "share"
    # but prompts about different things may
    assert replace(followed.effect, pictures=little, paraphrases=False).lack == ""


def test_your_own_paraphrases_are_kept() -> None:
    own = ["a photo of a doctor", "the doctor"]
    found = analysed(tiny_pipeline(), paraphrases=8, exchanged=0)
    assert len(found.prompts) == 8 and found.effect.noise is None
    found = sensitivity(tiny_pipeline(), own, recogniser=Pixels(), **FAST, n=3, exchanged=0)
    assert found.prompts == tuple(own)
    assert found.effect.paraphrases


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"n": 1}, "at least two seeds"),
        ({"exchanged": 1}, "none or at least two exchanged"),
        ({"paraphrases": 9}, "2 to 8"),
        ({"recogniser": Blind()}, "embed_images"),
    ],
)
def test_what_cannot_be_analysed_is_refused(options: Any, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        sensitivity(object() if "n" in options else tiny_pipeline(), PROMPT,
                    **{"recogniser": Pixels(), **FEW, **options})  # fmt: skip


def test_a_result_is_kept_shown_and_extended(tmp_path: Path, followed: SensitivityResult) -> None:
    pipe = tiny_pipeline()
    found = analysed(pipe, to=tmp_path / "a")
    assert SensitivityResult.load(tmp_path / "a") == found
    assert load_result(tmp_path / "a", found.name) == found
    assert found.effect.distance.value == pytest.approx(followed.effect.distance.value, abs=1e-3)
    assert len(found.pictures()) == 18
    found.save(tmp_path / "b")
    assert len(SensitivityResult.load(tmp_path / "b").pictures()) == 18
    page = write_report(found).read_text("utf-8")
    assert "Whether StableDiffusionPipeline follows its noise" in page
    assert "follow their seeds" in page and "an image of a doctor" in page
    assert "<img" in found._repr_html_()
    assert "follow their seeds" in followed._repr_html_()
    made: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: made.append(1))
    assert analysed(pipe, to=tmp_path / "a", exchanged=0).effect.pictures == found.effect.pictures
    assert not made


# Audits


def audited(pipe: Any, prompts: Any = PROMPT, **options: Any) -> AuditResult:
    return audit(pipe, prompts, recogniser=Pixels(), n=6, **FAST, **options)


def test_an_audit_says_in_one_line_whether_pictures_follow_their_seeds(tmp_path: Path) -> None:
    found = audited(tiny_pipeline(), to=tmp_path)
    assert found.seed_effect is not None and found.seed_effect.pictures is None
    lines = [line for line in str(found).splitlines() if "seeds" in line]
    assert len(lines) == 1 and lines[0].startswith("The pictures follow their seeds")
    assert AuditResult.load(tmp_path) == found
    assert "follow their seeds" in write_report(found).read_text("utf-8")
    ignored = str(audited(deaf(tiny_pipeline())))
    assert "Too little of the pictures" in ignored and "adjust=" in ignored


def test_an_audit_of_several_prompts_knows_paraphrases() -> None:
    of_one = audited(tiny_pipeline(), [PROMPT, "a picture of a doctor"]).seed_effect
    of_two = audited(tiny_pipeline(), [PROMPT, "a photo of a nurse"]).seed_effect
    for effect in (of_one, of_two):
        assert effect is not None and effect.pictures is not None
        assert set(effect.attributes) == {"gender"}
    assert of_one is not None and of_one.paraphrases
    assert of_two is not None and not of_two.paraphrases


def test_words_that_a_seed_draws_are_no_noise() -> None:
    assert audited(tiny_pipeline(), adjust=AddedWords({"woman": 1, "man": 1})).seed_effect is None
    assert audit(tiny_pipeline(), PROMPT, recogniser=Blind(), n=2, **FAST).seed_effect is None
    assert audit(tiny_pipeline(), PROMPT, recogniser=Pixels(), n=1, **FAST).seed_effect is None


def test_seeds_with_a_picture_that_nobody_sees_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trimtab.concepts import attribute
    from trimtab.generation import ImageSet
    from trimtab.workflows.readings import Reader
    from trimtab.workflows.seed_readings import seed_effect_of

    prompts = (PROMPT, "a picture of a doctor")
    images = generate(tiny_pipeline(), prompts, range(5), **FAST)
    records = [replace(one, blocked=i in (1, 8)) for i, one in enumerate(images.records)]
    some = ImageSet(records, list(images), images.documents)
    reading = Reader((attribute("gender"),), Pixels())(some, prompts)
    found = seed_effect_of(reading, Pixels(), None)
    assert found is not None and found.distance.n == 2 * 3
    reading = Reader((attribute("gender"),), Pixels())(some[:2], (PROMPT,))
    assert seed_effect_of(reading, Pixels(), None) is None


# The embedded model


def test_the_embedded_model_follows_its_noise(tmp_path: Path) -> None:
    words = ("--paraphrases", 3, "--n", 4, "--exchanged", 2, "--num-inference-steps", 8)
    result = done("sensitivity", PROMPT, *words, "--out", tmp_path)
    assert "follow their seeds" in result.out
    again = done("sensitivity", PROMPT, *words, "--out", tmp_path, "--json").json
    assert again["enough"] is True
    assert again["effect"]["distance"]["value"] > 2 * LEAST_DISTANCE
    assert again["effect"]["pictures"]["seed"]["value"] > 0.5
    assert json.loads((tmp_path / "results" / f"{again['name']}.json").read_text()) == again


def test_the_embedded_model_without_its_noise_does_not() -> None:
    pipe = deaf(townsfolk.load())
    found = sensitivity(pipe, PROMPT, paraphrases=2, n=3, exchanged=0, num_inference_steps=6)
    assert not found.enough


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text("a photo of a doctor\na doctor\n")
    result = trimtab("sensitivity", "--prompts", file, "--paraphrases", 4)
    assert result.code == 2 and "--paraphrases" in result.err


def test_an_effect_tells_what_rounding_may_hide(followed: SensitivityResult) -> None:
    pictures = followed.effect.pictures
    assert pictures is not None
    pictures = replace(pictures, negative=("prompt",))
    flat = replace(pictures, total=1e-12)
    effect = SeedEffect(followed.effect.distance, pictures, {"skin_tone": flat}, paraphrases=True)
    assert "skin tone" not in str(effect.table())
    assert effect.remarks() == [
        "Negative estimates are shown as 0: paraphrase (embeddings).",
        "The same in every picture: skin tone.",
    ]


def test_steering_nothing_leaves_the_effect_of_seeds(followed: SensitivityResult) -> None:
    random = Direction.random((4, 8, 8), 0)
    steered = audited(tiny_pipeline(), steer=2 * random).seed_effect
    assert steered is not None and steered.lack == ""
