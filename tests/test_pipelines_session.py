"""Runs use a copy: what is left unchanged, overlapping runs, and kinds of errors."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from tiny import tiny_pipeline, tiny_scheduler
from tiny_families import TINY
from trimtab.errors import ModelError, UsageError
from trimtab.generation import initial_latents
from trimtab.pipelines import RunSettings, encode, run, threads

SETTINGS = RunSettings(num_inference_steps=4, guidance_scale=3.0, height=64, width=64)
PROMPTS = ["a photo of a doctor", "a photo of a nurse"]


def pictures(pipe: Any, seed: int = 0, prompts: list[str] = PROMPTS, **options: Any) -> bytes:
    seeds = [seed + i for i in range(len(prompts))]
    latents = initial_latents(pipe, seeds, height=64, width=64)
    made = run(
        pipe,
        prompts,
        latents,
        settings=SETTINGS,
        generators=[torch.Generator().manual_seed(one) for one in seeds],
        **options,
    )
    assert made is not None
    return b"".join(image.tobytes() for image in made.images)


def state(value: Any) -> Any:
    """Return the contents of an object, with tensors as bytes."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return np.asarray(value).tobytes()
    if isinstance(value, dict):
        return {key: state(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [state(one) for one in value]
    return value


@pytest.mark.parametrize("scheduler", ["PNDM", "EulerAncestral", "DPMSolverMultistep"])
def test_pipeline_and_scheduler_are_the_same_bit_for_bit_after_a_run(scheduler: str) -> None:
    pipe = tiny_pipeline(scheduler)
    pipe.set_progress_bar_config(desc="mine", disable=True)
    pipe("a photo", num_inference_steps=3)
    before = dict(vars(pipe)), copy.deepcopy(state(vars(pipe.scheduler)))
    config = dict(pipe.config)
    pictures(pipe)
    assert vars(pipe) == before[0]
    assert state(vars(pipe.scheduler)) == before[1]
    assert dict(pipe.config) == config


def test_a_scheduler_of_one_s_own_class_is_honoured() -> None:
    class Twice(diffusers.DDIMScheduler):
        """Steps with twice the denoiser's prediction."""

        factor = 1.0

        def step(self, model_output: torch.Tensor, *rest: Any, **options: Any) -> Any:
            return super().step(self.factor * model_output, *rest, **options)

    pipe = tiny_pipeline()
    plain = pictures(pipe)
    pipe.scheduler = Twice.from_config(pipe.scheduler.config)
    assert pictures(pipe) == plain
    pipe.scheduler.factor = 2.0
    assert pictures(pipe) != plain


def patched(pipe: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Give a scheduler its own step method, as users do."""
    own = pipe.scheduler.step

    def step(model_output: torch.Tensor, *rest: Any, **options: Any) -> Any:
        return own(change(model_output), *rest, **options)

    pipe.scheduler.step = step


def test_a_step_that_the_user_put_on_the_scheduler_is_honoured_and_stays() -> None:
    pipe = tiny_pipeline()
    plain = pictures(pipe)
    patched(pipe, lambda guess: 2 * guess)
    before = dict(vars(pipe.scheduler))
    doubled = pictures(pipe)
    assert doubled != plain
    assert vars(pipe.scheduler) == before
    assert pictures(pipe) == doubled


def at_once(*runs: Callable[[Callable[[Any], None]], bytes]) -> list[bytes | Exception]:
    """Run each in its own thread, with all runs in progress at the same time."""
    barrier = threading.Barrier(len(runs), timeout=60)
    found: list[bytes | Exception] = [b""] * len(runs)

    def work(place: int) -> None:
        def meet(step: Any) -> None:
            if step.number in (1, 3):
                barrier.wait()

        try:
            found[place] = runs[place](meet)
        except Exception as error:
            barrier.abort()
            found[place] = error

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(runs))]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return found


@pytest.mark.parametrize("make", [tiny_pipeline, lambda: tiny_pipeline("EulerAncestral")])
def test_runs_that_overlap_give_the_pictures_of_runs_one_after_the_other(
    make: Callable[[], Any],
) -> None:
    pipe = make()
    others = ["a photo", "a woman, a man"]
    alone = [pictures(pipe), pictures(pipe, 7, others)]
    for _ in range(3):
        together = at_once(
            lambda meet: pictures(pipe, on_step=meet),
            lambda meet: pictures(pipe, 7, others, on_step=meet),
        )
        assert together == alone
    assert "step" not in vars(pipe.scheduler)


@pytest.mark.parametrize("name", ["flux", "z-image", "sd3"])
def test_runs_of_flow_models_may_overlap(name: str) -> None:
    pipe = TINY[name]()
    alone = [pictures(pipe), pictures(pipe, 7)]
    together = at_once(
        lambda meet: pictures(pipe, on_step=meet), lambda meet: pictures(pipe, 7, on_step=meet)
    )
    assert together == alone


def test_a_run_inside_another_one_disturbs_neither() -> None:
    pipe = tiny_pipeline("PNDM")
    alone = [pictures(pipe), pictures(pipe, 7)]
    inner: list[bytes] = []

    def meanwhile(step: Any) -> None:
        if step.number == 2:
            inner.append(pictures(pipe, 7))

    assert [pictures(pipe, on_step=meanwhile), *inner] == alone


def test_a_second_run_is_refused_where_parts_change_while_they_work() -> None:
    pipe = tiny_pipeline()
    patched(pipe, lambda guess: guess)
    alone = pictures(pipe)

    def meanwhile(step: Any) -> None:
        with pytest.raises(UsageError, match=r"a second concurrent run.*replaced methods"):
            pictures(pipe, 7)

    assert pictures(pipe, on_step=meanwhile) == alone
    assert pictures(pipe) == alone


def test_a_second_run_of_an_offloaded_pipeline_is_refused() -> None:
    accelerate = pytest.importorskip("accelerate")
    pipe = tiny_pipeline()
    alone = pictures(pipe)
    accelerate.cpu_offload(pipe.unet, torch.device("cpu"))

    def meanwhile(step: Any) -> None:
        with pytest.raises(UsageError, match=r"a second concurrent run.*whose unet has hooks"):
            pictures(pipe, 7)

    assert pictures(pipe, on_step=meanwhile) == alone


@pytest.mark.parametrize("own", [None, 5])
def test_noise_of_a_brownian_tree_comes_from_the_seeds(own: int | None) -> None:
    pytest.importorskip("torchsde")
    pipe = tiny_pipeline()
    config = dict(pipe.scheduler.config) | {"noise_sampler_seed": own}
    pipe.scheduler = diffusers.DPMSolverSDEScheduler.from_config(config, use_karras_sigmas=True)
    both = pictures(pipe)
    assert pictures(pipe) == both
    half = len(both) // 2
    alone = pictures(pipe, 1, PROMPTS[1:])
    difference = np.frombuffer(both[half:], np.uint8).astype(int) - np.frombuffer(alone, np.uint8)
    assert np.abs(difference).max() <= 2  # by rounding: the noise is that of the seed


def test_a_scheduler_with_noise_of_no_seed_is_refused_by_its_name() -> None:
    class Careless(diffusers.DDIMScheduler):
        def step(self, model_output: Any, timestep: Any, sample: Any, **options: Any) -> Any:
            found = super().step(model_output, timestep, sample)
            found.prev_sample += torch.randn_like(sample)
            return found

    pipe = tiny_pipeline()
    pipe.scheduler = Careless.from_config(pipe.scheduler.config)
    with pytest.raises(ModelError, match="Careless, which draws noise from torch's global state"):
        pictures(pipe)


def test_a_scheduler_that_does_not_tell_its_noise_level_generates_and_is_not_captured() -> None:
    pipe = tiny_pipeline()
    pipe.scheduler = diffusers.IPNDMScheduler()
    assert pictures(pipe)
    with pytest.raises(ModelError, match="IPNDMScheduler, which does not expose its noise level"):
        pictures(pipe, on_step=lambda step: None)


# Errors


def test_what_pipeline_and_scheduler_refuse_is_told_in_one_line() -> None:
    pipe = tiny_pipeline()
    pipe.scheduler = tiny_scheduler("DDIM", timestep_spacing="odd")
    with pytest.raises(UsageError, match=r"settings that StableDiffusionPipeline rejects"):
        pictures(pipe)


@pytest.mark.parametrize(
    ("make", "scheduler", "said"),
    [
        (tiny_pipeline, "FlowMatchEulerDiscrete", "FlowMatchEulerDiscreteScheduler, which fails"),
        (tiny_pipeline, "KarrasVe", "KarrasVeScheduler, which fails in StableDiffusionPipeline"),
        (tiny_pipeline, "RePaint", "RePaintScheduler, which fails in StableDiffusionPipeline"),
        (TINY["qwen-image"], "DDIM", "settings that QwenImagePipeline rejects"),
        (TINY["qwen-image"], "EulerDiscrete", "EulerDiscreteScheduler, which fails in QwenImage"),
    ],
)
def test_a_scheduler_that_does_not_work_with_a_pipeline_is_refused(
    make: Callable[[], Any], scheduler: str, said: str
) -> None:
    pipe = make()
    kind = getattr(diffusers, f"{scheduler}Scheduler")
    pipe.scheduler = kind.from_config(pipe.scheduler.config)
    with pytest.raises(UsageError, match=said) as told:
        pictures(pipe)
    assert "\n" not in str(told.value)


def test_any_other_error_inside_a_pipeline_stays_what_it_is() -> None:
    class Broken(StableDiffusionPipeline):
        def prepare_extra_step_kwargs(self, *args: Any) -> Any:
            raise ValueError("a bug of its own")

    pipe = Broken(**tiny_pipeline().components, requires_safety_checker=False)
    with pytest.raises(ValueError, match="a bug of its own") as told:
        pictures(pipe)
    assert not isinstance(told.value, UsageError)

    def wrong(step: Any) -> None:
        raise ValueError("in a callback")

    with pytest.raises(ValueError, match="in a callback") as told:
        pictures(tiny_pipeline(), on_step=wrong)
    assert not isinstance(told.value, UsageError)


def test_an_adapter_that_wants_a_picture_is_told() -> None:
    pipe = tiny_pipeline()
    pipe.unet.register_to_config(encoder_hid_dim_type="ip_image_proj")
    with pytest.raises(UsageError, match="IP-Adapter"):
        pictures(pipe)


def test_every_image_may_have_a_prompt_of_its_own() -> None:
    pipe = tiny_pipeline()
    both = pictures(pipe)
    half = len(both) // 2
    swapped = pictures(pipe, prompts=PROMPTS[::-1])
    assert len({both[:half], both[half:], swapped[:half], swapped[half:]}) == 4
    found = encode(pipe, PROMPTS, SETTINGS)
    assert pictures(pipe, conditioning=found) == both
    with pytest.raises(UsageError, match="a conditioning of 1 rows for 2 prompts"):
        pictures(pipe, conditioning=found.rows(slice(1)))


# Threads of the processor


def test_threads_hold_for_a_block() -> None:
    before = torch.get_num_threads()
    with threads(2) as n:
        assert torch.get_num_threads() == n == 2
        with threads(None) as same:
            assert same == 2
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError, match="on the way"), threads(2):
        raise RuntimeError("on the way")
    assert torch.get_num_threads() == before
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(UsageError, match="threads"), threads(wrong):  # type: ignore[arg-type]
            pass
