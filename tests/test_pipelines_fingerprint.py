"""The two fingerprints of a model: what changes them, and what must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from tokenizers import AddedToken
from transformers import CLIPConfig

from tiny import tiny_pipeline, tiny_scheduler, tiny_xl_pipeline
from tiny_families import TINY
from trimtab import townsfolk
from trimtab.pipelines import fingerprint_of, load_model, matches, model_facts
from trimtab.pipelines.fingerprint import first_numbers
from trimtab.recognition import ZeroShotRecogniser


def safety_checker() -> StableDiffusionSafetyChecker:
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2, "projection_dim": 8}
    vision = small | {"image_size": 32, "patch_size": 16}
    return StableDiffusionSafetyChecker(CLIPConfig(text_config=small, vision_config=vision))


def from_the_ninth_on(pipe: Any) -> None:
    for weight in pipe.unet.parameters():
        weight.data.view(-1)[8:] *= 1.5


def one_row(pipe: Any) -> None:
    pipe.text_encoder.get_input_embeddings().weight.data[77] = 1.0


def one_row_more(pipe: Any) -> None:
    torch.manual_seed(0)
    n = len(pipe.tokenizer)
    pipe.text_encoder.resize_token_embeddings(n + 1, mean_resizing=False)


def all_but_the_first_column(pipe: Any) -> None:
    pipe.unet.mid_block.resnets[0].conv1.weight.data.flatten(1)[:, 1:] *= 1.5


OF_THE_NOISE: dict[str, Callable[[Any], None]] = {
    "one weight": lambda pipe: pipe.unet.conv_in.weight.data.mul_(1.5),
    "every number from the ninth on": from_the_ninth_on,
    "all but one column": all_but_the_first_column,
    "a bias": lambda pipe: pipe.unet.conv_out.bias.data[-1:].add_(1),
    "a row of the embeddings": one_row,
    "one row more": one_row_more,
    "a token more": lambda pipe: pipe.tokenizer.add_tokens(["<x>"]),
    "a token that is taken whole": lambda pipe: pipe.tokenizer.add_tokens([AddedToken("doctor")]),
    "a shorter text": lambda pipe: setattr(pipe.tokenizer, "model_max_length", 8),
    "a buffer": lambda pipe: pipe.unet.register_buffer("mean", torch.ones(3)),
    "a setting of the denoiser": lambda pipe: pipe.unet.register_to_config(flip_sin_to_cos=False),
}
OF_THE_PICTURE: dict[str, Callable[[Any], None]] = {
    "the decoder": lambda pipe: pipe.vae.decoder.layers[-1].weight.data.mul_(0.5),
    "the scaling factor": lambda pipe: pipe.vae.register_to_config(scaling_factor=0.5),
    "FreeU": lambda pipe: pipe.enable_freeu(s1=0.9, s2=0.2, b1=1.2, b2=1.4),
    "a safety checker": lambda pipe: pipe.register_modules(safety_checker=safety_checker()),
}


@pytest.mark.parametrize("what", OF_THE_NOISE)
def test_a_change_of_the_noise_s_way_changes_both(what: str) -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    OF_THE_NOISE[what](pipe)
    after = fingerprint_of(pipe)
    assert after.noise != before.noise
    assert after.picture != before.picture
    assert matches(before.noise, pipe) is False


@pytest.mark.parametrize("what", OF_THE_PICTURE)
def test_a_change_behind_the_latents_leaves_directions_alone(what: str) -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    OF_THE_PICTURE[what](pipe)
    after = fingerprint_of(pipe)
    assert after.noise == before.noise
    assert after.picture != before.picture
    assert matches(before.noise, pipe) is True
    assert matches(before.picture, pipe) is False


def test_what_was_undone_leaves_no_trace() -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    pipe.enable_freeu(s1=0.9, s2=0.2, b1=1.2, b2=1.4)
    pipe.disable_freeu()
    pipe.register_modules(safety_checker=safety_checker())
    pipe.register_modules(safety_checker=None)
    pipe("a photo", num_inference_steps=1, output_type="np")
    pipe.unet.to(memory_format=torch.channels_last)
    pipe.set_progress_bar_config(disable=True)
    assert fingerprint_of(pipe) == before


@pytest.mark.parametrize("name", ["sd1", "sdxl", *TINY])
def test_a_model_is_known_again_from_its_folder_and_in_half_precision(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make = {"sd1": tiny_pipeline, "sdxl": tiny_xl_pipeline, **TINY}[name]
    pipe = make()
    before = fingerprint_of(pipe)
    assert before.noise.startswith("noise-1:")
    assert before.picture.startswith("picture-1:")
    assert before.unread == ()
    assert fingerprint_of(make(seed=1)) != before
    pipe.save_pretrained(tmp_path)
    for dtype in ("float32", "bfloat16"):
        assert fingerprint_of(load_model(tmp_path, device="cpu", dtype=dtype)) == before
    capfd.readouterr()


def test_the_embedded_model_is_the_same_with_every_version_of_the_libraries() -> None:
    found = fingerprint_of(townsfolk.load())
    assert found.noise == "noise-1:b69cefa4259ecc6a6e6eef2233ead488"
    recogniser = ZeroShotRecogniser.load(townsfolk.model_folder() / "recogniser")
    assert recogniser.fingerprint.startswith("f1e8644e")


def test_half_precision_of_another_kind_cannot_be_compared() -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    pipe.to(torch.float16)
    half = fingerprint_of(pipe)
    assert half.noise.startswith("noise-1.float16:")
    assert matches(before.noise, pipe) is None
    assert matches(half.noise, pipe) is True
    assert matches("noise-9:abc", pipe) is None


def test_weights_out_of_reach_are_told_by_name_and_shape() -> None:
    """Like a part of a pipeline that was not loaded."""

    def taken(*parts: str, channels: int = 4) -> Any:
        pipe = tiny_pipeline(channels=channels)
        for name in parts:
            getattr(pipe, name).to("meta")
        return fingerprint_of(pipe)

    assert taken("unet") == taken("unet")
    assert len({taken().noise, taken("unet").noise, taken("unet", channels=8).noise}) == 3
    assert "unet.conv_in.weight" in taken("unet").unread
    pipe = tiny_pipeline()
    pipe.vae.to("meta")
    n = len(list(pipe.vae.parameters()))
    assert model_facts(pipe)["unread"] == [f"vae ({n} tensors)"]


def test_a_quantised_tensor_is_read_by_what_it_is_made_of_or_not_at_all() -> None:
    class Quantised(torch.Tensor):
        """Numbers that torch cannot read, as in libraries for quantised weights."""

        data_inside: torch.Tensor
        opens: bool

        @staticmethod
        def __new__(cls, inside: torch.Tensor, opens: bool) -> Quantised:
            shell = torch.Tensor._make_wrapper_subclass(cls, inside.shape, dtype=torch.float32)
            shell.data_inside, shell.opens = inside, opens
            return shell  # type: ignore[no-any-return]

        def __tensor_flatten__(self) -> tuple[list[str], None]:
            if not self.opens:
                raise RuntimeError("closed")
            return ["data_inside"], None

        @classmethod
        def __torch_dispatch__(cls, func: Any, *_: Any, **__: Any) -> Any:
            raise NotImplementedError(func)

    def taken(value: int, *, opens: bool) -> Any:
        pipe = tiny_pipeline()
        inside = torch.full((8, 4, 3, 3), value, dtype=torch.int8)
        pipe.unet.conv_in._parameters["weight"] = Quantised(inside, opens)
        return fingerprint_of(pipe)

    assert taken(1, opens=True).unread == ()
    assert taken(1, opens=True).noise != taken(2, opens=True).noise
    assert taken(1, opens=False) == taken(2, opens=False)
    assert taken(1, opens=False).unread == ("unet.conv_in.weight",)


def test_weights_of_eight_bits_can_be_read() -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    pipe.unet.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32
    )
    eighth = fingerprint_of(pipe)
    assert eighth.noise.startswith("noise-1.float8_e4m3fn:")
    assert eighth.unread == ()
    assert matches(before.noise, pipe) is None


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")
def test_a_compiled_module_is_the_same_model() -> None:
    pipe = tiny_pipeline()
    before = fingerprint_of(pipe)
    pipe.unet = torch.compile(pipe.unet)
    assert fingerprint_of(pipe) == before


def test_adapters_count_with_their_scale_while_they_are_on() -> None:
    peft = pytest.importorskip("peft")
    pipe = tiny_pipeline()
    bare = fingerprint_of(pipe).noise
    config = peft.LoraConfig(r=4, init_lora_weights=False, target_modules=["to_q", "to_v"])
    torch.manual_seed(1)
    pipe.unet.add_adapter(config, adapter_name="style")
    pipe.text_encoder.add_adapter(
        peft.LoraConfig(r=4, init_lora_weights=False, target_modules=["q_proj"])
    )
    found = [fingerprint_of(pipe).noise]
    pipe.text_encoder.disable_adapters()
    found.append(fingerprint_of(pipe).noise)
    for scale in (0.2, 0.5):
        pipe.unet.set_adapters(["style"], [scale])
        found.append(fingerprint_of(pipe).noise)
    assert len({bare, *found}) == 5
    pipe.unet.disable_adapters()
    assert fingerprint_of(pipe).noise == bare
    pipe.unet.enable_adapters()
    assert fingerprint_of(pipe).noise == found[-1]


def test_weights_that_accelerate_keeps_elsewhere_are_read_there() -> None:
    accelerate = pytest.importorskip("accelerate")
    pipe = TINY["flux"]()  # its T5 encoder has tied weights
    before = fingerprint_of(pipe)
    for name in ("transformer", "text_encoder_2"):
        accelerate.cpu_offload(getattr(pipe, name), torch.device("cpu"))
    assert next(pipe.transformer.parameters()).is_meta
    assert fingerprint_of(pipe) == before


# Directions that were recorded by the algorithm before


def test_an_older_hash_is_checked_by_its_own_algorithm() -> None:
    pipe = tiny_pipeline()
    for part in (pipe.vae, pipe.text_encoder, pipe.unet):
        for weight in part.parameters():
            weight.data.copy_(torch.linspace(0, 1, weight.numel()).view_as(weight))
    recorded = "ba03a408c5df1fbe"  # by the edition before
    assert first_numbers(pipe) == recorded
    assert matches(recorded, pipe, model_dtype="float32") is True
    one_row(pipe)  # which it did not see
    assert matches(recorded, pipe, model_dtype="float32") is True
    pipe.unet.conv_in.weight.data.mul_(1.5)
    assert matches(recorded, pipe, model_dtype="bfloat16") is False
    assert matches(recorded, pipe, model_dtype="float16") is None
    assert matches(recorded, pipe) is None
    pipe.vae.to("meta")
    assert matches(recorded, pipe, model_dtype="float32") is None


# What is remembered of a model that was loaded


def test_nothing_of_ours_is_saved_with_a_loaded_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_pipeline().save_pretrained(tmp_path / "one")
    pipe = load_model(tmp_path / "one", device="cpu")
    assert model_facts(pipe)["changed"] == []
    pipe.save_pretrained(tmp_path / "other")
    capfd.readouterr()
    before, after = (
        json.loads((tmp_path / name / "model_index.json").read_text()) for name in ("one", "other")
    )
    after.pop("_name_or_path", None)  # diffusers' own
    assert after == before


def test_each_kind_of_change_after_loading_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_pipeline().save_pretrained(tmp_path)
    pipe = load_model(tmp_path, device="cpu")
    capfd.readouterr()
    pipe.vae.register_to_config(scaling_factor=0.5)
    assert model_facts(pipe)["changed"] == ["picture"]
    pipe.scheduler = tiny_scheduler("Euler")
    one_row(pipe)
    assert model_facts(pipe)["changed"] == ["weights", "scheduler"]
    assert model_facts(tiny_pipeline())["changed"] is None  # nobody saw it loaded
