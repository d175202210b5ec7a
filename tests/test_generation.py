"""Initial latents and pictures: bit by bit what diffusers itself would do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tiny import SCHEDULERS, tiny_pipeline
from tiny_families import TINY
from trimtab.errors import ModelError, UsageError
from trimtab.generation import (
    ImageSet,
    OtherModelWarning,
    OtherSettingsWarning,
    generate,
    initial_latents,
)
from trimtab.interventions import AddedWords, Direction, Intervention, Steering
from trimtab.latents import SeedOverlapWarning
from trimtab.pipelines import NotFiniteWarning, model_facts
from trimtab.recognition import classify
from trimtab.storage import picture_hash
from trimtab.workflows import audit

PROMPT = "a photo of a doctor"
FAST = {"num_inference_steps": 4, "batch_size": 2}
D = Direction.random((4, 8, 8), 1)


def arrays(images: ImageSet) -> list[np.ndarray]:
    """The pictures as arrays."""
    return [np.asarray(image) for image in images]


def same(a: ImageSet, b: ImageSet) -> bool:
    """Whether two sets hold the same pictures, bit by bit."""
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=5), strength=st.floats(-9, 9))
def test_initial_latents_do_not_depend_on_the_batch(
    pipe: Any, seeds: list[int], strength: float
) -> None:
    together = initial_latents(pipe, seeds, strength * D)
    for row, seed in zip(together, seeds, strict=True):
        assert torch.equal(row, initial_latents(pipe, [seed], strength * D)[0])


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_noise_depends_on_the_seed_alone(pipe: Any, dtype: torch.dtype, device: str) -> None:
    before = initial_latents(pipe, [0], 5 * D)
    try:
        torch.set_default_dtype(dtype)
        torch.set_default_device(device)
        after = initial_latents(pipe, [0], 5 * D)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert after.device.type == "cpu"
    assert torch.equal(before, after)


@pytest.mark.parametrize("scheduler", ["DDIM", "Euler"])
@pytest.mark.parametrize("steer", [None, 0 * D, [0, 0, 0] * D])
def test_initial_latents_are_the_pipeline_s_own_draw(scheduler: str, steer: Any) -> None:
    pipe = tiny_pipeline(scheduler)
    pipe.scheduler.set_timesteps(4)
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    shape = (3, pipe.unet.config.in_channels, 64, 64, torch.float32, pipe.device)
    own = pipe.prepare_latents(*shape, generators)
    ours = initial_latents(pipe, range(3), steer)
    assert torch.equal(ours * pipe.scheduler.init_noise_sigma, own)


def test_steering_adds_strength_times_direction(pipe: Any) -> None:
    moved = initial_latents(pipe, [0, 1], 5 * D) - initial_latents(pipe, [0, 1])
    for row in moved:
        np.testing.assert_allclose(row.numpy(), 5 * D.array, atol=1e-5)
    each = initial_latents(pipe, [3, 3], [0, 5] * D)
    assert torch.equal(each[0], initial_latents(pipe, [3])[0])
    assert torch.equal(each[1], initial_latents(pipe, [3], 5 * D)[0])
    assert torch.equal(initial_latents(pipe, [3], D), initial_latents(pipe, 3, 1 * D))


def test_initial_latents_follow_type_and_size() -> None:
    pipe = tiny_pipeline().to(dtype=torch.bfloat16)
    latents = initial_latents(pipe, [0], height=128)
    assert (latents.dtype, latents.shape) == (torch.bfloat16, (1, 4, 16, 8))
    plain = initial_latents(tiny_pipeline(), [0], height=128)
    assert torch.equal(latents, plain.to(torch.bfloat16))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_strength_zero_is_what_generator_gives(scheduler: str) -> None:
    pipe = tiny_pipeline(scheduler)
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    own = pipe([PROMPT] * 2, generator=generators, num_inference_steps=4).images
    for steer in (None, 0 * D, [0, 0] * D):
        ours = generate(pipe, PROMPT, range(2), steer, **FAST)
        for mine, theirs in zip(ours, own, strict=True):
            assert np.array_equal(mine, theirs)
    assert np.abs(np.asarray(own[0], int) - np.asarray(own[1], int)).mean() > 2
    assert np.asarray(own[0]).std() > 10


def test_the_bare_pipeline_takes_the_latents(pipe: Any) -> None:
    own = pipe(PROMPT, latents=initial_latents(pipe, [0], 5 * D), num_inference_steps=4).images[0]
    assert np.array_equal(own, generate(pipe, PROMPT, [0], 5 * D, **FAST)[0])
    assert not np.array_equal(own, generate(pipe, PROMPT, [0], **FAST)[0])
    many = pipe(
        PROMPT,
        latents=initial_latents(pipe, range(3), D),
        num_images_per_prompt=3,
        num_inference_steps=4,
    )
    assert len(many.images) == 3


def test_pictures_hardly_depend_on_the_batch(pipe: Any) -> None:
    one = generate(pipe, PROMPT, range(4), num_inference_steps=4, batch_size=1)
    four = generate(pipe, PROMPT, range(4), num_inference_steps=4, batch_size=4)
    gap = np.abs(np.stack(arrays(one)).astype(int) - np.stack(arrays(four)).astype(int))
    assert gap.max() <= 2
    assert (gap > 0).mean() <= 0.001


def test_an_ancestral_picture_belongs_to_its_seed() -> None:
    pipe = tiny_pipeline("EulerAncestral")
    forward = generate(pipe, PROMPT, [1, 2], **FAST)
    backward = generate(pipe, PROMPT, [2, 1], **FAST)
    assert same(forward, backward[::-1])


def test_records_and_settings(pipe: Any) -> None:
    images = generate(
        pipe, PROMPT, [5, 6, 7], [0, 1, 2] * D, guidance_scale=3, negative_prompt="a nurse", **FAST
    )
    assert len(images) == 3
    assert images.seeds == (5, 6, 7)
    assert (set(images.prompts), images.model) == ({PROMPT}, "StableDiffusionPipeline")
    assert images.blocked == (False, False, False)
    assert [record.intervention for record in images.records] == [
        Intervention(steering).to_dict() for steering in (Steering(), D, 2 * D)
    ]
    assert [images.documents[record.spec]["intervention"] for record in images.records] == [
        record.intervention for record in images.records
    ]
    assert all(record.picture == picture_hash(images[i]) for i, record in enumerate(images.records))
    assert len({record.spec for record in images.records}) == 3
    environment = images.records[0].environment
    assert (environment["device"], environment["threads"]) == ("cpu", torch.get_num_threads())
    assert "diffusers" in environment["versions"]
    assert images.settings["guidance_scale"] == 3
    assert images.settings["negative_prompt"] == "a nurse"
    assert images[-1].size == (64, 64)
    assert images[1:].seeds == (6, 7)
    assert images[1:].records == images.records[1:]


def test_progress_counts_pictures(pipe: Any) -> None:
    seen: list[tuple[int, int, str]] = []
    generate(pipe, PROMPT, range(3), progress=lambda *args: seen.append(args), **FAST)
    assert seen == [(2, 3, "generate"), (3, 3, "generate")]


def test_seeds_that_a_direction_was_learned_from_are_warned_about(pipe: Any) -> None:
    learned = Direction(D.array, {"attribute": "gender", "seeds": [1, 2]})
    with pytest.warns(SeedOverlapWarning, match="2 seeds"):
        generate(pipe, PROMPT, range(3), learned, **FAST)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt ''"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": None}, "prompt None"),
        ({"seeds": []}, "no seeds"),
        ({"seeds": [1, 2, 1]}, "seed 1 more than once"),
        ({"seeds": [-1]}, "seed -1"),
        ({"steer": Direction.random((4, 8, 9), 0)}, r"expected \(4, 8, 8\)"),
        ({"steer": [1, 2, 3] * D}, "strengths for 3 images"),
        ({"steer": 5}, "steer of type int"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"num_inference_steps": 0}, "num_inference_steps 0"),
        ({"guidance_scale": float("nan")}, "guidance_scale nan"),
        ({"height": 100}, "height 100"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    pipe: Any, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    call = {"prompt": PROMPT, "seeds": [0, 1], "to": tmp_path / "run"} | FAST | arguments
    with pytest.raises(UsageError, match=message):
        generate(pipe, **call)
    assert not (tmp_path / "run").exists()


def test_initial_latents_refuse_what_does_not_fit(pipe: Any) -> None:
    with pytest.raises(UsageError, match=r"expected \(4, 8, 8\)"):
        initial_latents(pipe, [0], Direction.random((4, 16, 16), 0))
    with pytest.raises(UsageError, match="strengths for 2 images"):
        initial_latents(pipe, [0], [1, 2] * D)
    with pytest.raises(ModelError, match="register_family"):
        initial_latents(object(), [0])


def test_initial_latents_refuse_what_is_not_noise_unless_it_is_left_out(pipe: Any) -> None:
    both = Intervention(2 * D, AddedWords("smiling"))
    with pytest.raises(UsageError, match=r"words “smiling”.*noise_only=True"):
        initial_latents(pipe, [0], both)
    found = initial_latents(pipe, [0], both, noise_only=True)
    assert torch.equal(found, initial_latents(pipe, [0], 2 * D))
    assert torch.equal(found, initial_latents(pipe, [0], Intervention(2 * D)))


def test_a_direction_of_other_weights_is_warned_about_and_recorded(pipe: Any) -> None:
    facts = model_facts(pipe)
    own = Direction(D.array, facts)
    (record,) = generate(pipe, PROMPT, [0], own, **FAST).records
    assert "learned_elsewhere" not in record.environment
    halved = Direction(D.array, facts | {"weights": "1" * 16, "model_dtype": "float16"})
    (record,) = generate(pipe, PROMPT, [0], halved, **FAST).records
    assert "learned_elsewhere" not in record.environment
    other = Direction(D.array, {"name": "other", "model": "that/one", "weights": "0" * 16})
    with pytest.warns(OtherModelWarning, match="other was learned on that/one"):
        images = generate(pipe, PROMPT, [0], other, **FAST)
    assert images.records[0].environment["learned_elsewhere"] == [
        {"name": "other", "hash": D.hash, "model": "that/one"}
    ]
    with pytest.warns(OtherModelWarning, match="that/one"):
        initial_latents(pipe, [0], other)
    unhashed = Direction(D.array, {"name": "other", "model": "that/one"})
    retrained = Direction(D.array, facts | {"weights": "1" * 16, "model_dtype": "bfloat16"})
    for one in (unhashed, retrained):
        with pytest.warns(OtherModelWarning):
            initial_latents(pipe, [0], one)


def test_a_direction_used_at_other_settings_is_remarked_on_once(pipe: Any) -> None:
    learned = {"scheduler": "DDIMScheduler", "num_inference_steps": 4, "guidance_scale": 7.5}
    own = Direction.random((4, 8, 8), 31).annotated(**learned)
    (record,) = generate(pipe, PROMPT, [0], own, guidance_scale=7.5, **FAST).records
    assert "measured_elsewhere" not in record.environment
    said = "learned with guidance scale 7.5, not with guidance scale 3: its effect"
    with pytest.warns(OtherSettingsWarning, match=said) as warned:
        found = [generate(pipe, PROMPT, [0], own, guidance_scale=3.0, **FAST) for _ in range(2)]
    assert len(warned) == 1
    entry = {"name": own.name, "hash": own.hash, "how": "learned"}
    for images in found:
        assert images.records[0].environment["measured_elsewhere"] == [
            {**entry, "settings": {"guidance_scale": [7.5, 3.0]}}
        ]
    generate(pipe, PROMPT, [0], 0 * own, guidance_scale=2.0, **FAST)  # which changes nothing
    with pytest.warns(OtherSettingsWarning, match="4 steps, guidance scale 7.5, not with 3 steps"):
        generate(pipe, PROMPT, [0], 2 * own, num_inference_steps=3, guidance_scale=4.0)


def test_where_a_direction_was_measured_counts_more_than_where_it_was_learned(pipe: Any) -> None:
    measured = {"settings": {"num_inference_steps": 4, "guidance_scale": 7.5}}
    facts = {"num_inference_steps": 50, "measured": measured}
    own = Direction.random((4, 8, 8), 32).annotated(**facts)
    generate(pipe, PROMPT, [0], own, guidance_scale=7.5, **FAST)
    with pytest.warns(OtherSettingsWarning, match="was measured with 4 steps, not with 5"):
        generate(pipe, PROMPT, [0], own, num_inference_steps=5, guidance_scale=7.5)


def test_a_measured_mitigation_is_compared_as_a_whole(pipe: Any) -> None:
    own = Direction.random((4, 8, 8), 35).annotated(num_inference_steps=50)
    facts = {"name": "equal shares", "measured": {"settings": {"num_inference_steps": 4}}}
    whole = Intervention(2 * own, provenance=facts)
    generate(pipe, PROMPT, [0], whole, **FAST)
    with pytest.warns(OtherSettingsWarning, match="equal shares was measured with 4 steps, not"):
        generate(pipe, PROMPT, [0], whole, num_inference_steps=5)
    with pytest.warns(OtherSettingsWarning, match="was learned with 50 steps, not with 4 steps"):
        generate(pipe, PROMPT, [0], whole / 2, **FAST)  # to which the measurement does not apply


def test_latents_know_the_scheduler_alone() -> None:
    own = Direction.random((4, 8, 8), 33)
    learned = own.annotated(scheduler="DDIMScheduler", num_inference_steps=4, guidance_scale=2.0)
    initial_latents(tiny_pipeline(), [0], learned)
    with pytest.warns(OtherSettingsWarning, match="scheduler EulerDiscreteScheduler"):
        initial_latents(tiny_pipeline("Euler"), [0], learned)
    for old in (own, own.annotated(scheduler=None, measured={"n": 5})):  # as older files may be
        initial_latents(tiny_pipeline("Euler"), [0], old)


def test_an_audit_says_that_a_direction_is_used_at_other_settings(pipe: Any) -> None:
    own = Direction.random((4, 8, 8), 34).annotated(num_inference_steps=25)
    with pytest.warns(OtherSettingsWarning):
        found = audit(pipe, PROMPT, n=2, steer=own, recogniser=Certain(), **FAST)
    assert "was learned with 25 steps, not with 4 steps" in found.note


def test_weights_have_one_hash_in_float32_and_bfloat16() -> None:
    pipe = tiny_pipeline()
    whole = model_facts(pipe)["weights"]
    pipe.to(torch.bfloat16)
    assert model_facts(pipe)["weights"] == whole
    with torch.no_grad():
        pipe.unet.conv_in.weight.mul_(1.1)
    assert model_facts(pipe)["weights"] != whole


class Certain:
    """Recognises the first group in every picture."""

    name = "certain"

    def probabilities(self, images: Any, prompts: Any) -> np.ndarray:
        return np.eye(len(prompts))[[0] * len(images)]


def spoil(module: torch.nn.Module, method: str, value: float, rows: Any = slice(None)) -> None:
    """Make a module return this value for some pictures of each call."""
    original = getattr(module, method)

    def spoilt(*args: Any, **options: Any) -> Any:
        found = original(*args, **options)
        tensor = found[0] if isinstance(found, tuple) else found.sample
        tensor[rows] = value
        return found

    setattr(module, method, spoilt)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("to", [None, "store"])
def test_a_picture_that_is_not_finite_is_blocked_and_named(
    value: float, to: str | None, tmp_path: Path
) -> None:
    pipe = tiny_pipeline()
    spoil(pipe.vae, "decode", value, rows=1)
    store = to and tmp_path / to
    for _ in range(2):  # the second time, from the store
        with pytest.warns(NotFiniteWarning, match=r"1 of 3 pictures.*float32.*seeds 1\)"):
            images = generate(pipe, PROMPT, range(3), batch_size=3, to=store, num_inference_steps=4)
    assert images.blocked == (False, True, False)
    seen = classify(images, "gender", recogniser=Certain())
    assert seen.answer().status.tolist() == ["known", "blocked", "known"]


def test_an_audit_says_which_pictures_are_not_finite(tmp_path: Path) -> None:
    pipe = tiny_pipeline()
    spoil(pipe.vae, "decode", math.nan, rows=1)
    with pytest.warns(NotFiniteWarning):
        result = audit(
            pipe, PROMPT, "gender", n=3, recogniser=Certain(), to=tmp_path, num_inference_steps=2
        )
    assert "1 of 3 pictures" in result.note and "seeds 1" in result.note
    assert result.views[0].figures[0].unknown.count == 1


def test_a_prompt_whose_pictures_are_not_finite_does_not_end_the_others() -> None:
    pipe, prompts = tiny_pipeline(), ["a photo of a cat", PROMPT, "a photo of a dog"]
    encode = pipe.encode_prompt

    def overflowing(prompt: Any, *args: Any, **options: Any) -> Any:
        found = encode(prompt, *args, **options)
        if prompts[1] in prompt:
            found[0].fill_(math.inf)
        return found

    pipe.encode_prompt = overflowing
    with pytest.warns(NotFiniteWarning, match="2 of 6 pictures"):
        images = generate(pipe, prompts, range(2), batch_size=2, num_inference_steps=2)
    assert images.blocked == (False, False, True, True, False, False)


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_a_model_without_finite_pictures_is_an_error(part: str, tmp_path: Path) -> None:
    pipe = tiny_pipeline()
    with torch.no_grad():
        [*getattr(pipe, part).parameters()][-1].fill_(math.nan)
    for batch_size in (1, 2):
        with pytest.raises(ModelError, match=r"denoiser in float32, autoencoder in float32"):
            generate(pipe, PROMPT, range(2), batch_size=batch_size, num_inference_steps=4)


@pytest.mark.parametrize("family", ["kandinsky3", "flux", "sana", "sd3"])
def test_every_family_notices_pictures_that_are_not_finite(family: str) -> None:
    pipe = TINY[family]()
    decoder = getattr(pipe, "vae", None) or pipe.movq
    spoil(decoder, "decode", math.nan, rows=0)
    size = {"height": 64, "width": 64, "num_inference_steps": 2}
    with pytest.warns(NotFiniteWarning, match="1 of 2 pictures"):
        images = generate(pipe, PROMPT, range(2), **size)
    assert images.blocked == (True, False)


def test_a_direction_of_another_family_is_refused(pipe: Any) -> None:
    flux = Direction(D.array, {"name": "woman", "family": "flux"})
    with pytest.raises(UsageError, match="of the family flux; expected one of stable-diffusion"):
        generate(pipe, PROMPT, [0], flux, **FAST)
    with pytest.raises(UsageError, match="family flux"):
        initial_latents(pipe, [0], flux)


def test_a_notebook_shows_the_pictures_that_can_be_read(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"torn")
    shown = ImageSet.from_folder(tmp_path)._repr_html_()
    assert shown.count("data:image/webp") == 2 and shown.count(">none<") == 1
    assert "c.png" in shown
