"""Tiny pipelines of every family with random weights, from configuration: no download.

Uses parts of tests/tiny.py. `TINY` lists all builders; each takes `seed` and returns a pipeline on
the CPU in float32 whose pictures are `SIZE` pixels wide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import torch
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tiny import (
    LENGTH,
    WORDS,
    tiny_scheduler,
    tiny_text_config,
    tiny_tokenizer,
    tiny_unet,
    tiny_vae,
    tiny_xl_pipeline,
)

SIZE = 64  # pixels; half of it would leave FLUX.2 only four cells

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}"
    "{% else %}{% for part in m['content'] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def t5_tokenizer() -> T5Tokenizer:
    """Whole words and single letters."""
    letters = {letter: -9.0 for letter in "abcdefghijklmnopqrstuvwxyz,.-▁"}
    pieces = letters | {f"▁{word}": -3.0 for word in WORDS}
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces.items()]
    return T5Tokenizer(vocabulary, extra_ids=0, model_max_length=LENGTH)


def t5_encoder(tokenizer: T5Tokenizer, width: int = 32) -> T5EncoderModel:
    """One layer; `width` is a multiple of 8."""
    config = T5Config(
        vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=2
    )
    return T5EncoderModel(config).eval()


def qwen_tokenizer() -> Qwen2Tokenizer:
    """Single bytes, with chat markers."""
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: n for n, token in enumerate([*bytes_to_unicode().values(), *marks])}
    tokenizer = Qwen2Tokenizer(vocabulary, [], model_max_length=512, chat_template=CHAT)
    tokenizer.add_special_tokens({"additional_special_tokens": marks[1:]})
    return tokenizer


def gemma_tokenizer() -> GemmaTokenizer:
    """Single letters."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz,.-▁"]
    vocabulary = {token: n for n, token in enumerate(tokens)}
    return GemmaTokenizer(vocabulary, [], model_max_length=LENGTH)


def decoder_config(tokenizer: Any, layers: int) -> dict[str, Any]:
    """Width 16, two heads: for any of the language models that encode prompts."""
    return {
        "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": layers, "num_attention_heads": 2, "num_key_value_heads": 2,
        "head_dim": 8, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip


def flow_scheduler(**options: Any) -> Any:
    """Return the scheduler of SD3, FLUX, Qwen-Image and Z-Image."""
    return diffusers.FlowMatchEulerDiscreteScheduler(**options)


def sd2(seed: int = 0) -> Any:
    """Stable Diffusion 2.1: predicts v."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    return diffusers.StableDiffusionPipeline(
        vae=tiny_vae(4),
        text_encoder=CLIPTextModel(tiny_text_config(tokenizer)).eval(),
        tokenizer=tokenizer,
        unet=tiny_unet(SIZE // 8, 4, use_linear_projection=True),
        scheduler=tiny_scheduler("DDIM", prediction_type="v_prediction"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl_turbo(seed: int = 0) -> Any:
    """SDXL-Turbo: ancestral Euler whose timesteps trail, so that one step starts at the last."""
    pipe = tiny_xl_pipeline("EulerAncestral", seed=seed)
    pipe.scheduler = tiny_scheduler("EulerAncestral", timestep_spacing="trailing")
    return pipe


def sdxl_lightning(seed: int = 0) -> Any:
    """SDXL-Lightning: Euler whose timesteps trail."""
    pipe = tiny_xl_pipeline("Euler", seed=seed)
    pipe.scheduler = tiny_scheduler("Euler", timestep_spacing="trailing")
    return pipe


def lcm(seed: int = 0) -> Any:
    """Latent consistency model: guidance enters as an embedding."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    return diffusers.LatentConsistencyModelPipeline(
        vae=tiny_vae(4),
        text_encoder=CLIPTextModel(tiny_text_config(tokenizer)).eval(),
        tokenizer=tokenizer,
        unet=tiny_unet(SIZE // 8, 4, time_cond_proj_dim=32),
        scheduler=diffusers.LCMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sd3(seed: int = 0) -> Any:
    """Stable Diffusion 3 and 3.5, with all three text encoders."""
    torch.manual_seed(seed)
    clip, t5 = tiny_tokenizer(), t5_tokenizer()
    config = tiny_text_config(clip)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=SIZE // 8, patch_size=2, in_channels=16, out_channels=16, num_layers=2,
        attention_head_dim=8, num_attention_heads=2, joint_attention_dim=32,
        caption_projection_dim=16, pooled_projection_dim=32, pos_embed_max_size=SIZE // 8,
        qk_norm="rms_norm",
    )  # fmt: skip
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=flow_scheduler(shift=3.0),
        vae=tiny_vae(16),
        text_encoder=CLIPTextModelWithProjection(config).eval(),
        tokenizer=clip,
        text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer_2=clip,
        text_encoder_3=t5_encoder(t5),
        tokenizer_3=t5,
    )


def flux(seed: int = 0, *, guidance_embeds: bool = True) -> Any:
    """FLUX.1 dev; schnell without `guidance_embeds`."""
    torch.manual_seed(seed)
    clip, t5 = tiny_tokenizer(), t5_tokenizer()
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=8,
        num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=16,
        guidance_embeds=guidance_embeds, axes_dims_rope=(2, 2, 4),
    )  # fmt: skip
    pipe = diffusers.FluxPipeline(
        transformer=transformer.eval(),
        scheduler=flow_scheduler(shift=3.0, use_dynamic_shifting=True),
        vae=tiny_vae(16),
        text_encoder=CLIPTextModel(tiny_text_config(clip)).eval(),
        tokenizer=clip,
        text_encoder_2=t5_encoder(t5),
        tokenizer_2=t5,
    )
    pipe.default_sample_size = SIZE // 8  # the pipeline's own attribute, 128 in every checkpoint
    return pipe


def _flux2_parts(guidance_embeds: bool) -> dict[str, Any]:
    transformer = diffusers.Flux2Transformer2DModel(
        patch_size=1, in_channels=128, num_layers=1, num_single_layers=1, attention_head_dim=8,
        num_attention_heads=2, joint_attention_dim=3 * 16, timestep_guidance_channels=16,
        axes_dims_rope=(2, 2, 2, 2), guidance_embeds=guidance_embeds,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLFlux2(
        block_out_channels=(4, 4, 4, 4), layers_per_block=1, latent_channels=32,
        norm_num_groups=2, sample_size=SIZE, mid_block_add_attention=False,
    )  # fmt: skip
    return {
        "transformer": transformer.eval(),
        "vae": vae.eval(),
        "scheduler": flow_scheduler(shift=3.0, use_dynamic_shifting=True),
    }


def flux2(seed: int = 0) -> Any:
    """FLUX.2 dev: takes the layers 10, 20 and 30 of Mistral 3."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    config = Mistral3Config(
        text_config={"model_type": "mistral", **decoder_config(tokenizer, 30)},
        vision_config={
            "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 32,
            "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32, "patch_size": 16,
            "head_dim": 8,
        },
        image_token_index=0,
    )  # fmt: skip
    encoder = Mistral3ForConditionalGeneration(config).eval()
    pipe = diffusers.Flux2Pipeline(
        text_encoder=encoder, tokenizer=tokenizer, **_flux2_parts(guidance_embeds=True)
    )
    pipe.default_sample_size = SIZE // 8
    return pipe


def flux2_klein(seed: int = 0, *, is_distilled: bool = True) -> Any:
    """FLUX.2 Klein: takes the layers 9, 18 and 27 of Qwen 3; the base models are not distilled."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    pipe = diffusers.Flux2KleinPipeline(
        text_encoder=Qwen3ForCausalLM(Qwen3Config(**decoder_config(tokenizer, 27))).eval(),
        tokenizer=tokenizer,
        is_distilled=is_distilled,
        **_flux2_parts(guidance_embeds=False),
    )
    pipe.default_sample_size = SIZE // 8
    return pipe


def qwen_image(seed: int = 0) -> Any:
    """Qwen-Image: its autoencoder is one for video, with a picture as the only frame."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    text = decoder_config(tokenizer, 1)
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    config = Qwen2_5_VLConfig(
        text_config={**text, "rope_parameters": rope},
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
            "out_hidden_size": 16,
        },
        image_token_id=0, video_token_id=0, vision_start_token_id=0, vision_end_token_id=0,
    )  # fmt: skip
    transformer = diffusers.QwenImageTransformer2DModel(
        in_channels=64, out_channels=16, num_layers=1, attention_head_dim=8,
        num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(2, 2, 4),
    )  # fmt: skip
    pipe = diffusers.QwenImagePipeline(
        transformer=transformer.eval(),
        scheduler=flow_scheduler(use_dynamic_shifting=True),
        vae=diffusers.AutoencoderKLQwenImage(base_dim=4, z_dim=16, num_res_blocks=1).eval(),
        text_encoder=Qwen2_5_VLForConditionalGeneration(config).eval(),
        tokenizer=tokenizer,
    )
    pipe.default_sample_size = SIZE // 8
    return pipe


def z_image(seed: int = 0) -> Any:
    """Z-Image and its Turbo; 1024 pixels are hard-coded in the pipeline, so pass a size."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    transformer = diffusers.ZImageTransformer2DModel(
        in_channels=16, dim=16, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
        cap_feat_dim=16, axes_dims=[2, 2, 4], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    for pad in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(pad)  # left as uninitialised memory
    return diffusers.ZImagePipeline(
        transformer=transformer.eval(),
        scheduler=flow_scheduler(shift=3.0),
        vae=tiny_vae(16),
        text_encoder=Qwen3Model(Qwen3Config(**decoder_config(tokenizer, 2))).eval(),
        tokenizer=tokenizer,
    )


def _sana_parts(**options: Any) -> dict[str, Any]:
    tokenizer = gemma_tokenizer()
    config = Gemma2Config(**decoder_config(tokenizer, 1), query_pre_attn_scalar=8)
    transformer = diffusers.SanaTransformer2DModel(
        in_channels=32, out_channels=32, num_layers=1, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8,
        cross_attention_dim=16, caption_channels=16, sample_size=SIZE // 32, **options,
    )  # fmt: skip
    vae = diffusers.AutoencoderDC(
        latent_channels=32, attention_head_dim=4,
        encoder_block_out_channels=(4, 4, 4, 4, 8, 32),
        decoder_block_out_channels=(4, 4, 4, 4, 8, 32),  # the last: a divisor of the latents'
        encoder_layers_per_block=(1,) * 6, decoder_layers_per_block=(1,) * 6,
        encoder_qkv_multiscales=((),) * 6, decoder_qkv_multiscales=((),) * 6,
    )  # fmt: skip
    return {
        "transformer": transformer.eval(),
        "vae": vae.eval(),
        "text_encoder": Gemma2Model(config).eval(),
        "tokenizer": tokenizer,
    }


def sana(seed: int = 0) -> Any:
    """Sana; a size and ``use_resolution_binning=False`` must be given, or it makes 1024 pixels."""
    torch.manual_seed(seed)
    scheduler = diffusers.DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0,
        final_sigmas_type="zero",
    )  # fmt: skip
    return diffusers.SanaPipeline(scheduler=scheduler, **_sana_parts())


def sana_sprint(seed: int = 0) -> Any:
    """Sana Sprint; as `sana`."""
    torch.manual_seed(seed)
    parts = _sana_parts(guidance_embeds=True, qk_norm="rms_norm_across_heads")
    return diffusers.SanaSprintPipeline(scheduler=diffusers.SCMScheduler(), **parts)


def _pixart_parts(**options: Any) -> dict[str, Any]:
    tokenizer = t5_tokenizer()
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=SIZE // 8, num_layers=1, num_attention_heads=2, attention_head_dim=8,
        in_channels=4, out_channels=8, cross_attention_dim=16, caption_channels=32, **options,
    )  # fmt: skip
    return {
        "transformer": transformer.eval(),
        "vae": tiny_vae(4),
        "text_encoder": t5_encoder(tokenizer),
        "tokenizer": tokenizer,
        "scheduler": diffusers.DPMSolverMultistepScheduler(),
    }


def pixart_alpha(seed: int = 0) -> Any:
    """PixArt-alpha; ``use_resolution_binning=False`` must be given."""
    torch.manual_seed(seed)
    return diffusers.PixArtAlphaPipeline(**_pixart_parts(use_additional_conditions=False))


def pixart_sigma(seed: int = 0) -> Any:
    """PixArt-Sigma; as `pixart_alpha`."""
    torch.manual_seed(seed)
    return diffusers.PixArtSigmaPipeline(**_pixart_parts(use_additional_conditions=False))


def kandinsky3(seed: int = 0) -> Any:
    """Kandinsky 3; 1024 pixels are hard-coded in the pipeline, so pass a size."""
    torch.manual_seed(seed)
    tokenizer = t5_tokenizer()
    unet = diffusers.Kandinsky3UNet(
        in_channels=4, time_embedding_dim=4, groups=2, attention_head_dim=4,
        layers_per_block=2, block_out_channels=(8, 16), cross_attention_dim=8, encoder_hid_dim=32,
    )  # fmt: skip
    movq = diffusers.VQModel(
        block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, layers_per_block=1,
        norm_type="spatial", num_vq_embeddings=12, vq_embed_dim=4, mid_block_add_attention=False,
    )  # fmt: skip
    return diffusers.Kandinsky3Pipeline(
        unet=unet.eval(),
        movq=movq.eval(),
        text_encoder=t5_encoder(tokenizer),
        tokenizer=tokenizer,
        scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
    )


TINY: dict[str, Callable[..., Any]] = {
    "sd3": sd3,
    "flux": flux,
    "flux2": flux2,
    "flux2-klein": flux2_klein,
    "qwen-image": qwen_image,
    "z-image": z_image,
    "sana": sana,
    "sana-sprint": sana_sprint,
    "pixart-alpha": pixart_alpha,
    "pixart-sigma": pixart_sigma,
    "lcm": lcm,
    "sdxl-turbo": sdxl_turbo,
    "sdxl-lightning": sdxl_lightning,
    "sd2": sd2,
    "kandinsky3": kandinsky3,
}
