"""Running pipelines: converting calls to steps, early stop, and side effects."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessorPil

from tiny import SCHEDULERS, tiny_pipeline, tiny_scheduler
from trimtab.errors import ModelError, UsageError
from trimtab.generation import initial_latents
from trimtab.pipelines import RunSettings, Step, family_of, latent_spec, run
from trimtab.pipelines.schedules import completing_calls

PROMPTS = ["a photo of a doctor", "a photo of a nurse"]
SETTINGS = RunSettings(num_inference_steps=6, guidance_scale=3.0)
TWO_CALLS_A_STEP = {"Heun", "KDPM2", "KDPM2Ancestral"}


def count_calls(pipe: Any) -> Counter[str]:
    """Count the calls of the denoiser and of the decoder from now on."""
    calls: Counter[str] = Counter()
    pipe.unet.register_forward_hook(lambda *_: calls.update(["unet"]))
    pipe.vae.decoder.register_forward_hook(lambda *_: calls.update(["decoder"]))
    return calls


def steps_of(pipe: Any, **options: Any) -> list[Step]:
    """Run the two prompts and collect the steps."""
    found: list[Step] = []
    latents = initial_latents(pipe, [0, 1])
    run(pipe, PROMPTS, latents, settings=SETTINGS, on_step=found.append, **options)
    return found


def calls_for(scheduler: str, step: int) -> int:
    """How many denoiser calls complete a step of six, by the definition of each scheduler."""
    if scheduler in TWO_CALLS_A_STEP:
        return 11 if step == 6 else 2 * step  # the last step needs no second evaluation
    return step + 1 if scheduler == "PNDM" else step  # PNDM evaluates its first step twice


@pytest.mark.parametrize("step", [1, 3, 6])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_early_stop_makes_no_call_too_many(scheduler: str, step: int) -> None:
    pipe = tiny_pipeline(scheduler)
    calls = count_calls(pipe)
    found = steps_of(pipe, stop_after=step)
    assert [entry.number for entry in found] == list(range(1, step + 1))
    assert calls == {"unet": calls_for(scheduler, step)}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_stopped_run_saw_the_same_latents_as_a_full_one(scheduler: str) -> None:
    pipe = tiny_pipeline(scheduler)

    def steps(**options: Any) -> list[Step]:
        return steps_of(pipe, generators=[torch.Generator().manual_seed(s) for s in (0, 1)])

    full, stopped = steps(), steps(stop_after=4)
    assert len(full) == 6
    for early, late in zip(stopped, full, strict=False):
        assert torch.equal(early.latents, late.latents)
        assert (early.timestep, early.sigma) == (late.timestep, late.sigma)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_pipeline_is_the_same_after_an_early_stop(scheduler: str) -> None:
    pipe = tiny_pipeline(scheduler)
    pipe.set_progress_bar_config(disable=True, desc="mine")

    def picture() -> np.ndarray[Any, Any]:
        generator = torch.Generator().manual_seed(5)
        return np.asarray(pipe(PROMPTS[0], num_inference_steps=4, generator=generator).images[0])

    before = picture()
    steps_of(pipe, stop_after=2)
    assert np.array_equal(before, picture())
    assert pipe._progress_bar_config == {"disable": True, "desc": "mine"}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_step_stands_where_its_timestep_says(scheduler: str) -> None:
    pipe = tiny_pipeline(scheduler)
    found = steps_of(pipe)
    signal = pipe.scheduler.alphas_cumprod.numpy()
    sigmas = np.sqrt((1 - signal) / signal)
    for step in found[:-1]:
        assert step.sigma == pytest.approx(np.interp(step.timestep, range(1000), sigmas), rel=0.01)
    assert (found[-1].timestep, found[-1].sigma) == (0, 0)
    assert [s.sigma for s in found] == sorted({s.sigma for s in found}, reverse=True)


def test_the_same_step_stands_at_the_same_noise_level_under_every_scheduler() -> None:
    levels = {}
    for name in set(SCHEDULERS) - {"DPMSolverMultistep"}:  # which cuts its grid differently
        pipe = tiny_pipeline(name, timestep_spacing="leading")
        levels[name] = [step.sigma for step in steps_of(pipe)]
    for name, sigmas in levels.items():
        assert sigmas == pytest.approx(levels["Euler"], rel=1e-3), name


def test_stored_latents_are_scaled_as_the_denoiser_sees_them() -> None:
    pipe = tiny_pipeline("Euler")
    seen: list[torch.Tensor] = []
    pipe.unet.register_forward_pre_hook(lambda _, args: seen.append(args[0][:2].clone()))
    found = steps_of(pipe)
    for step, following in zip(found, seen[1:], strict=False):
        assert torch.equal(step.latents, following)


@pytest.mark.parametrize(
    ("timesteps", "steps", "order", "calls"),
    [
        ([9, 6, 3], 3, 1, [0, 1, 2]),
        ([9, 6, 6, 3, 3], 3, 2, [1, 3, 4]),  # Heun
        ([9, 6, 6, 3], 3, 1, [1, 2, 3]),  # PNDM
        ([9, 7.5, 6, 4.5, 3], 3, 2, [1, 3, 4]),  # KDPM2
        ([9, 3, 3], 3, 1, [0, 1, 2]),  # rounding made two timesteps equal
        ([9], 1, 2, [0]),
    ],
)
def test_completing_calls(timesteps: list[float], steps: int, order: int, calls: list[int]) -> None:
    assert completing_calls(timesteps, steps, order) == calls


def test_a_schedule_without_clear_steps_is_refused() -> None:
    pipe = tiny_pipeline("PNDM", skip_prk_steps=False)
    with pytest.raises(ModelError, match="skip_prk_steps"):
        steps_of(pipe, stop_after=2)


def test_a_pipeline_that_never_calls_back_is_refused() -> None:
    class Deaf(StableDiffusionPipeline):
        def __call__(self, *args: Any, callback_on_step_end: Any = None, **options: Any) -> Any:
            return super().__call__(*args, **options)

    pipe = tiny_pipeline()
    with pytest.raises(ModelError, match="Deaf, which never called back"):
        steps_of(Deaf(**pipe.components, requires_safety_checker=False), stop_after=2)


def test_an_unknown_pipeline_is_refused_and_can_be_registered() -> None:
    class Stranger(DiffusionPipeline):
        pass

    with pytest.raises(ModelError, match="register_family"):
        latent_spec(Stranger())


def test_a_subclass_belongs_to_its_family() -> None:
    class Mine(StableDiffusionPipeline):
        pass

    pipe = Mine(**tiny_pipeline().components, requires_safety_checker=False)
    assert family_of(pipe).name == "stable-diffusion"


def test_latent_spec_follows_the_size_asked_for(pipe: Any) -> None:
    assert latent_spec(pipe).shape == (4, 8, 8)
    assert latent_spec(pipe, height=128, width=64).shape == (4, 16, 8)
    for size in (-8, 0, 60, 64.0, True):
        with pytest.raises(UsageError, match="multiple of 8"):
            latent_spec(pipe, height=size)


@pytest.mark.parametrize("shape", [(2, 4, 8, 9), (1, 4, 8, 8), (2, 3, 8, 8), (2, 256)])
def test_latents_of_a_wrong_shape_are_refused_before_the_call(
    pipe: Any, shape: tuple[int, ...]
) -> None:
    calls = count_calls(pipe)
    with pytest.raises(UsageError, match=r"expected shape \(2, 4, 8, 8\)"):
        run(pipe, PROMPTS, torch.zeros(shape), settings=SETTINGS)
    assert not calls


def test_latents_of_a_wrong_type_are_refused(pipe: Any) -> None:
    latents = torch.zeros(2, 4, 8, 8, dtype=torch.float16)
    with pytest.raises(UsageError, match=r"expected .* torch\.float32"):
        run(pipe, PROMPTS, latents, settings=SETTINGS)


@pytest.mark.parametrize("step", [0, 7, -1])
def test_a_stop_outside_the_run_is_refused(pipe: Any, step: int) -> None:
    with pytest.raises(UsageError, match="from 1 to 6"):
        steps_of(pipe, stop_after=step)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_inference_steps": 0},
        {"num_inference_steps": 2.5},
        {"num_inference_steps": True},
        {"guidance_scale": float("nan")},
        {"guidance_scale": float("inf")},
        {"guidance_scale": -1.0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        RunSettings(**wrong)


def test_whole_numbers_of_any_integer_type_are_taken(pipe: Any) -> None:
    asked = RunSettings(num_inference_steps=np.int64(3), height=np.int32(64), width=np.uint8(128))
    settings = asked.resolve(pipe).to_dict()
    assert json.loads(json.dumps(settings)) == settings
    assert (settings["num_inference_steps"], settings["height"], settings["width"]) == (3, 64, 128)


def test_more_steps_than_the_scheduler_has_are_refused(pipe: Any) -> None:
    with pytest.raises(UsageError, match="at most 1000"):
        RunSettings(num_inference_steps=1001).resolve(pipe)


def test_the_pipeline_s_own_defaults_are_filled_in(pipe: Any) -> None:
    assert RunSettings().resolve(pipe) == RunSettings(50, 7.5, None, 64, 64)


def test_a_negative_prompt_reaches_the_pipeline(pipe: Any) -> None:
    latents = initial_latents(pipe, [0, 1])
    negative = RunSettings(3, 7.5, "a nurse")
    ours = run(pipe, PROMPTS, latents, settings=negative)
    theirs = pipe(
        PROMPTS, latents=latents, num_inference_steps=3, negative_prompt=["a nurse"] * 2
    ).images
    plain = run(pipe, PROMPTS, latents, settings=RunSettings(3, 7.5))
    assert ours is not None
    assert plain is not None
    assert np.array_equal(ours.images[0], theirs[0])
    assert not np.array_equal(ours.images[0], plain.images[0])


def test_an_empty_negative_prompt_is_passed_on(pipe: Any) -> None:
    latents = initial_latents(pipe, [0, 1])
    ours = run(pipe, PROMPTS, latents, settings=RunSettings(3, 7.5, ""))
    theirs = pipe(PROMPTS, latents=latents, num_inference_steps=3, negative_prompt=[""] * 2).images
    assert ours is not None
    assert np.array_equal(ours.images[0], theirs[0])


def test_pictures_that_the_safety_checker_blacks_out_are_marked() -> None:
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2, "projection_dim": 8}
    vision = small | {"image_size": 32, "patch_size": 16}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=small, vision_config=vision))
    pipe = tiny_pipeline()
    pipe.register_modules(
        safety_checker=checker.eval(),
        feature_extractor=CLIPImageProcessorPil(size=32, crop_size=32),
    )
    latents = initial_latents(pipe, [0, 1])
    marks = []
    for threshold in (2.0, -2.0):  # a cosine never reaches the one, and always the other
        checker.concept_embeds_weights.data.fill_(threshold)
        checker.special_care_embeds_weights.data.fill_(threshold)
        pictures = run(pipe, PROMPTS, latents, settings=SETTINGS)
        assert pictures is not None
        marks.append(pictures.blocked)
    assert marks == [[False, False], [True, True]]
    assert not np.asarray(pictures.images[0]).any()


def test_hooks_are_freed_when_a_run_breaks_off(pipe: Any) -> None:
    freed = []

    class Watched(StableDiffusionPipeline):
        def maybe_free_model_hooks(self) -> None:
            freed.append(True)

    def interrupt(step: Step) -> None:
        raise KeyboardInterrupt

    watched = Watched(**pipe.components, requires_safety_checker=False)
    latents = initial_latents(watched, [0, 1])
    with pytest.raises(KeyboardInterrupt):
        run(watched, PROMPTS, latents, settings=SETTINGS, on_step=interrupt)
    run(watched, PROMPTS, latents, settings=SETTINGS, stop_after=1)
    assert len(freed) == 2


def test_swapping_the_scheduler_is_enough(pipe: Any) -> None:
    pipe.scheduler = tiny_scheduler("Heun")
    assert len(steps_of(pipe)) == 6
