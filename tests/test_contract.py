"""The contract that every family in the table meets, tested on tiny pipelines of each.

The pipelines are diffusers' own, with random weights. To add a family, add a builder to
`tiny_families.TINY` and, if its scheduler can be changed, a line to `SCHEDULERS`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from tiny import tiny_pipeline, tiny_scheduler, tiny_xl_pipeline
from tiny_families import SIZE, TINY, flux, flux2_klein
from trimtab.concepts import attribute
from trimtab.errors import ModelError, UsageError
from trimtab.generation import generate, initial_latents
from trimtab.generation.initial import latents_and_generators
from trimtab.interventions import CalibratedProjection, Direction, EmbeddingShift
from trimtab.latents import capture, noise
from trimtab.pipelines import (
    Conditioning,
    CutPromptWarning,
    RunSettings,
    cut_from,
    encode,
    family_of,
    known_families,
    latent_spec,
    load_model,
    run,
    stretches,
)
from trimtab.pipelines.families import parameters

PROMPTS = ["a photo of a doctor", "a photo of a nurse"]
SEEDS = [3, 4]
SQUARE = {"height": SIZE, "width": SIZE}

FAMILIES: dict[str, Callable[[], Any]] = {
    "sd1": tiny_pipeline,
    "sdxl": tiny_xl_pipeline,
    **TINY,
    "flux-schnell": lambda: flux(guidance_embeds=False),
    "flux2-klein-base": lambda: flux2_klein(is_distilled=False),
}


def flow(name: str, **options: Any) -> Callable[[], Any]:
    """Return a function that makes another scheduler for a flow model."""
    return lambda: getattr(diffusers, name)(**{"shift": 3.0} | options)


OWN: Callable[[], Any] | None = None
TWO_CALLS = {
    "Heun": lambda: tiny_scheduler("Heun"),
    "KDPM2": lambda: tiny_scheduler("KDPM2"),
    "KDPM2Ancestral": lambda: tiny_scheduler("KDPM2Ancestral"),
    "FlowMatchHeun": flow("FlowMatchHeunDiscreteScheduler"),
}
ONE_MORE = {"PNDM": lambda: tiny_scheduler("PNDM")}  # at the first step alone
NOISY = {  # schedulers that add noise at every step
    "EulerAncestral": lambda: tiny_scheduler("EulerAncestral"),
    "stochastic FlowMatchEuler": flow("FlowMatchEulerDiscreteScheduler", stochastic_sampling=True),
}
OF_DIFFUSION = ("Heun", "KDPM2", "EulerAncestral", "PNDM")
OF_FLOW = ("FlowMatchHeun", "stochastic FlowMatchEuler")
# A pipeline that computes its own sigmas cannot have FlowMatchHeun, and one that hands a generator
# to every step can have no scheduler that takes none.
SCHEDULERS = {
    "sd1": OF_DIFFUSION,
    "sd2": OF_DIFFUSION,
    "sdxl": OF_DIFFUSION,
    "sdxl-turbo": OF_DIFFUSION,
    "sdxl-lightning": OF_DIFFUSION,
    "pixart-alpha": OF_DIFFUSION,
    "pixart-sigma": OF_DIFFUSION,
    "sd3": OF_FLOW,
    "sana": OF_FLOW,
    "flux": OF_FLOW[1:],
    "flux-schnell": OF_FLOW[1:],
    "flux2": OF_FLOW[1:],
    "flux2-klein": OF_FLOW[1:],
    "flux2-klein-base": OF_FLOW[1:],
    "qwen-image": OF_FLOW[1:],
    "z-image": OF_FLOW[1:],
    "kandinsky3": ("EulerAncestral", "KDPM2Ancestral"),
    "sana-sprint": (),  # no other scheduler is made for it
    "lcm": (),  # nor for it; its own adds noise at every step
}
GUIDED_APART = ("flux2-klein-base",)  # guidance takes a call of its own, not a row of the batch
SCHEDULED = [(name, one) for name in FAMILIES for one in ("own", *SCHEDULERS[name])]


@pytest.fixture(params=FAMILIES)
def pipe(request: pytest.FixtureRequest) -> Any:
    """Return a tiny pipeline of each family."""
    return quiet(FAMILIES[request.param]())


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def scheduled(name: str, scheduler: str) -> Any:
    """Return a tiny pipeline with one of its schedulers."""
    pipe = quiet(FAMILIES[name]())
    if scheduler != "own":
        pipe.scheduler = (TWO_CALLS | ONE_MORE | NOISY)[scheduler]()
    return pipe


def generators() -> list[torch.Generator]:
    """Return one CPU generator for each seed."""
    return [torch.Generator().manual_seed(seed) for seed in SEEDS]


def asked(pipe: Any) -> dict[str, Any]:
    """Return the settings of a short run; Sana Sprint is designed for two steps."""
    sprint = isinstance(pipe, diffusers.SanaSprintPipeline)
    return {"num_inference_steps": 2 if sprint else 4, **SQUARE}


def own_pictures(pipe: Any) -> list[Any]:
    """Return the pictures of the pipeline when it draws its own noise."""
    options = asked(pipe) | family_of(pipe).options(asked(pipe)["num_inference_steps"])
    torch.manual_seed(0)  # some flow pipelines let stochastic schedulers draw from global state
    return list(pipe(prompt=list(PROMPTS), generator=generators(), **options).images)


def our_pictures(
    pipe: Any, steer: Direction | None = None, negative: str | None = None, **options: Any
) -> list[Any]:
    """Return our pictures for the same seeds in the same batch."""
    latents, ours = latents_and_generators(pipe, SEEDS, steer, **SQUARE)
    settings = RunSettings(**asked(pipe), negative_prompt=negative)
    pictures = run(pipe, PROMPTS, latents, settings=settings, generators=ours, **options)
    assert pictures is not None
    return pictures.images


def same(some: list[Any], others: list[Any]) -> bool:
    """Return whether pictures are equal in every pixel."""
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def direction_for(pipe: Any) -> Direction:
    """Return a random direction in the pipeline's latents."""
    return Direction.random(latent_spec(pipe, **SQUARE).shape, 7)


def count_calls(pipe: Any) -> Counter[str]:
    """Count the calls of denoiser and decoder from now on."""
    calls: Counter[str] = Counter()
    denoiser = getattr(pipe, family_of(pipe).denoiser)
    denoiser.register_forward_hook(lambda *_: calls.update(["denoiser"]))
    decoder = (getattr(pipe, "vae", None) or pipe.movq).decoder
    decoder.register_forward_hook(lambda *_: calls.update(["decoder"]))
    return calls


def test_every_row_of_the_table_is_under_contract() -> None:
    covered = {family_of(make()).name for make in FAMILIES.values()}
    assert covered == {family.name for family in known_families()}


def test_noise_from_seeds_is_the_pipeline_s_own(pipe: Any) -> None:
    own = own_pictures(pipe)
    assert not np.array_equal(*own)
    assert same(our_pictures(pipe), own)


@pytest.mark.parametrize(("name", "scheduler"), SCHEDULED)
def test_two_equal_runs_are_equal_under_every_scheduler(name: str, scheduler: str) -> None:
    pipe = scheduled(name, scheduler)
    assert same(our_pictures(pipe), our_pictures(pipe))


def test_strength_zero_changes_nothing_and_another_does(pipe: Any) -> None:
    direction = direction_for(pipe)
    plain = our_pictures(pipe)
    assert same(our_pictures(pipe, 0 * direction), plain)
    assert not same(our_pictures(pipe, 5 * direction), plain)


def test_packing_is_linear_to_the_bit(pipe: Any) -> None:
    spec, row = latent_spec(pipe, **SQUARE), family_of(pipe)
    direction = direction_for(pipe)
    z, d = noise(spec, SEEDS), torch.tensor(direction.array)
    steered = initial_latents(pipe, SEEDS, 3 * direction, **SQUARE)
    assert torch.equal(steered, row.as_argument(z) + 3 * row.as_argument(d[None]))
    assert torch.equal(row.pack(z + 3 * d), row.pack(z) + 3 * row.pack(d[None]))
    assert torch.equal(row.unpack(row.pack(z), spec.shape), z)


@pytest.mark.parametrize(("name", "scheduler"), SCHEDULED)
def test_capture_and_early_stop(name: str, scheduler: str) -> None:
    pipe = scheduled(name, scheduler)
    before = own_pictures(pipe)
    calls = count_calls(pipe)
    settings = asked(pipe)
    steps = [1, 3] if settings["num_inference_steps"] > 2 else [1]
    samples = capture(pipe, attribute("gender"), SEEDS, steps, **settings, dtype="float32")
    a_step = 2 if scheduler in TWO_CALLS or name in GUIDED_APART else 1
    a_group = steps[-1] * a_step + (scheduler in ONE_MORE)
    assert calls == {"denoiser": len(samples.groups) * a_group}
    shape = latent_spec(pipe, **SQUARE).shape
    for step in steps:
        arrays = samples.latents(step)
        for group in samples.groups:
            assert arrays[group].shape == (len(SEEDS), *shape)
            assert np.isfinite(arrays[group]).all()
    for one, next_one in itertools.pairwise(steps):
        assert samples.timestep(one) > samples.timestep(next_one) >= 0
        assert samples.sigma(one) > samples.sigma(next_one) > 0
    assert same(own_pictures(pipe), before)


def test_batches_change_pictures_by_rounding_only(pipe: Any) -> None:
    together = initial_latents(pipe, SEEDS, **SQUARE)
    alone = [initial_latents(pipe, seed, **SQUARE) for seed in SEEDS]
    assert torch.equal(together, torch.cat(alone))
    prompt = PROMPTS[0]
    both, each = (generate(pipe, prompt, SEEDS, batch_size=n, **asked(pipe)) for n in (2, 1))
    for a, b in zip(both, each, strict=True):
        assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 2


def test_wrong_latents_are_refused_before_the_call(pipe: Any) -> None:
    right = initial_latents(pipe, SEEDS, **SQUARE)
    calls = count_calls(pipe)
    larger = initial_latents(pipe, SEEDS, height=2 * SIZE, width=SIZE)
    for wrong in (larger, right.to(torch.bfloat16), right[:1], right[..., :-1]):
        with pytest.raises(UsageError, match="expected shape"):
            run(pipe, PROMPTS, wrong, settings=RunSettings(**asked(pipe)))
    assert not calls


def test_a_size_that_the_family_cannot_draw_is_refused(pipe: Any) -> None:
    with pytest.raises(UsageError, match="a positive multiple of"):
        latent_spec(pipe, height=SIZE + 4, width=SIZE)


def test_a_callback_that_never_fires_is_an_error(pipe: Any) -> None:
    kind = type(pipe)

    def deaf(self: Any, **options: Any) -> Any:
        hooks = [name for name in options if name.startswith("callback")]
        assert hooks
        return kind.__call__(self, **{k: v for k, v in options.items() if k not in hooks})

    pipe.__class__ = type("Deaf", (kind,), {"__call__": deaf})
    with pytest.raises(ModelError, match="Deaf, which never called back"):
        our_pictures(pipe, on_step=lambda step: None)


def test_a_saved_model_gives_the_same_pictures(pipe: Any, tmp_path: Any) -> None:
    before = our_pictures(pipe)
    pipe.save_pretrained(tmp_path)
    again = quiet(load_model(tmp_path, device="cpu"))
    if hasattr(pipe, "default_sample_size"):
        again.default_sample_size = pipe.default_sample_size  # no part of what is saved
    assert same(our_pictures(again), before)


def test_embeddings_stand_for_prompts(pipe: Any) -> None:
    found = encode(pipe, PROMPTS, RunSettings(**asked(pipe)))
    plain = our_pictures(pipe)
    assert same(our_pictures(pipe, conditioning=found), plain)
    turned = found.rows(slice(None, None, -1))
    assert turned != found
    assert not same(our_pictures(pipe, conditioning=turned), plain)
    assert Conditioning.concatenate([found.rows(slice(0, 1)), found.rows(slice(1, 2))]) == found


def test_prompts_encoded_one_by_one_give_the_pictures_of_a_batch(pipe: Any) -> None:
    settings = RunSettings(**asked(pipe))
    prompts = [PROMPTS[0], "a photo"]  # of different lengths
    together = encode(pipe, prompts, settings)
    joined = Conditioning.concatenate([encode(pipe, [one], settings) for one in prompts])
    assert len(joined) == 2
    assert {name: np.shape(part) for name, part in dense(joined).items()} == {
        name: np.shape(part) for name, part in dense(together).items()
    }
    pictures = our_pictures(pipe, conditioning=joined)
    for one, other in zip(pictures, our_pictures(pipe, conditioning=together), strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 2  # by rounding


def dense(conditioning: Conditioning) -> dict[str, torch.Tensor]:
    """Return the parts that consist of one tensor."""
    return {k: v for k, v in conditioning.parts.items() if isinstance(v, torch.Tensor)}


def test_what_is_done_to_the_embeddings_reaches_the_pictures(pipe: Any) -> None:
    found = encode(pipe, PROMPTS, RunSettings(**asked(pipe)))
    plain = our_pictures(pipe)
    assert found.map(lambda tokens: 1 * tokens) == found
    assert not same(our_pictures(pipe, conditioning=found.map(lambda one: -one)), plain)


SHIFT = EmbeddingShift("a photo of a man", "a photo of a woman", 0.5)
PROJECTION = CalibratedProjection([("a woman doctor", "a man doctor"), ("woman", "man")])


@pytest.mark.parametrize("adjust", [SHIFT, PROJECTION, SHIFT + PROJECTION], ids=str)
def test_adjusted_embeddings_reach_the_pictures(pipe: Any, adjust: Any) -> None:
    settings = RunSettings(**asked(pipe))
    found = encode(pipe, PROMPTS, settings)
    changed = adjust.changed(found, pipe, PROMPTS, settings)
    assert changed.parts.keys() == found.parts.keys()
    for name, value in found.parts.items():
        same_values = all(map(torch.equal, value, changed.parts[name]))
        assert same_values == (name.startswith("negative_") or "mask" in name), name
    plain, ours = (our_pictures(pipe, conditioning=one) for one in (found, changed))
    assert not same(plain, ours)
    made = generate(pipe, PROMPTS[0], SEEDS, adjust=adjust, **asked(pipe))
    assert made.documents[made.records[0].spec]["intervention"]["adjustment"] == adjust.to_dict()
    assert same(list(made), list(generate(pipe, PROMPTS[0], SEEDS, adjust=adjust, **asked(pipe))))


def test_adjustments_of_strength_0_change_nothing(pipe: Any) -> None:
    plain = generate(pipe, PROMPTS[0], SEEDS, **asked(pipe))
    for idle in (0 * SHIFT, replace(SHIFT, strength=0), CalibratedProjection(PROJECTION.pairs, 0)):
        made = generate(pipe, PROMPTS[0], SEEDS, adjust=idle, **asked(pipe))
        assert same(list(made), list(plain)) and made.documents == plain.documents


def test_a_shift_after_the_words_leaves_them_alone_or_is_refused(pipe: Any) -> None:
    settings, shift = RunSettings(**asked(pipe)), replace(SHIFT, where="after")
    where = stretches(pipe, PROMPTS)
    if not where:
        with pytest.raises(UsageError, match="whose denoiser sees them"):
            generate(pipe, PROMPTS[0], SEEDS, adjust=shift, **asked(pipe))
        return
    found = encode(pipe, PROMPTS, settings)
    changed = shift.changed(found, pipe, PROMPTS, settings)
    before, after = found.parts["prompt_embeds"], changed.parts["prompt_embeds"]
    for texts, stop in where:
        for row, text in enumerate(texts):
            words = slice(text.start, text.stop - 1)
            assert torch.equal(before[row, words], after[row, words])
            moved = (after - before)[row, text.stop - 1 : stop]
            assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-5)
    assert max(stop for _, stop in where) == before.shape[1]
    for name in found.parts:
        if "pooled" in name:
            assert torch.equal(found.parts[name], changed.parts[name])


def test_what_an_encoder_does_not_read_is_told(pipe: Any) -> None:
    assert cut_from(pipe, PROMPTS[0]) == {}
    words = ["photo"] * 700 + ["nurse"]
    for name, (length, end) in cut_from(pipe, " ".join(words)).items():
        assert 0 < length < 700 and end.endswith("nurse"), name
        kept = " ".join(words).removesuffix(end)
        assert cut_from(pipe, kept.strip()).get(name) is None
        settings = RunSettings(**asked(pipe))
        one, other = (encode(pipe, [text], settings) for text in (f"{kept}{end}", f"{kept}the"))
        if len(cut_from(pipe, " ".join(words))) == 1:
            assert one == other  # what is cut off does not matter
    with pytest.warns(CutPromptWarning, match="leaves out “.*nurse”"):
        generate(pipe, " ".join(words), SEEDS[:1], **asked(pipe))


def test_a_negative_prompt_acts_or_is_refused(pipe: Any) -> None:
    row = family_of(pipe)
    if not row.negative_prompt or "negative_prompt" not in parameters(pipe):
        with pytest.raises(UsageError, match="got a negative prompt for"):
            our_pictures(pipe, negative="dark")
        return
    off = RunSettings(**asked(pipe), negative_prompt="dark", guidance_scale=row.unguided)
    with pytest.raises(UsageError, match="it has no effect below"):
        off.resolve(pipe)
    pictures = our_pictures(pipe, negative="dark")
    assert not same(pictures, our_pictures(pipe))
    found = encode(pipe, PROMPTS, RunSettings(**asked(pipe), negative_prompt="dark"))
    assert same(our_pictures(pipe, conditioning=found), pictures)


def test_a_guidance_scale_is_recorded_where_it_does_something(pipe: Any) -> None:
    settings = RunSettings(**asked(pipe), guidance_scale=3.0)
    recorded = settings.resolve(pipe).guidance_scale
    assert recorded in (3.0, None)
    found = []
    for one in (settings, replace(settings, guidance_scale=9.0)):
        latents, ours = latents_and_generators(pipe, SEEDS, None, **SQUARE)
        # Straight to the pipeline: `run` leaves out what does nothing.
        scale = {family_of(pipe).guidance: one.guidance_scale}
        options = asked(pipe) | family_of(pipe).options(asked(pipe)["num_inference_steps"])
        found.append(
            pipe(prompt=list(PROMPTS), latents=latents, generator=ours, **options, **scale).images
        )
    assert same(*found) == (recorded is None)


@pytest.mark.parametrize("steps", [1, 4])
def test_sana_sprint_takes_other_steps_than_two(steps: int) -> None:
    pipe = quiet(TINY["sana-sprint"]())
    assert len(generate(pipe, PROMPTS[0], [0], num_inference_steps=steps, **SQUARE)) == 1


def test_settings_that_a_pipeline_refuses_are_told_in_one_line() -> None:
    pipe = quiet(TINY["lcm"]())
    with pytest.raises(UsageError, match=r"settings that LatentConsistency.* rejects"):
        generate(pipe, PROMPTS[0], [0], num_inference_steps=60, **SQUARE)
