"""Tiny detectors with random weights, from configuration: no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers as tr
from transformers.convert_slow_tokenizer import bytes_to_unicode

SIZE = 32
LENGTH = 16
TOWER = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
TEXT = "a the big red car tree house dog cat wheel of with and lantern"
WORDS = TEXT.split()
PLACES = [f"<patch_index_{n:04d}>" for n in range(1024)]
# The marks that Kosmos-2 puts into text, as its tokenizer has them.
MARKS = [
    "</doc>", "<image>", "</image>", "</chunk>", "</line>", "<phrase>", "</phrase>", "<object>",
    "</object>", "</delimiter_of_multi_objects/>", "<grounding>",
]  # fmt: skip


def random_weights(model_class: Any, config: Any, std: float = 0.4) -> Any:
    """Return a model whose findings differ from picture to picture and phrase to phrase."""
    torch.manual_seed(0)
    model = model_class(config)
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=std)
    return model.eval()


def clip_tokenizer() -> tr.CLIPTokenizer:
    """Single bytes. The marks come last, as the models expect: they take a 0 for padding."""
    letters = list(bytes_to_unicode().values())
    marks = ["<|startoftext|>", "<|endoftext|>"]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *marks]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return tr.CLIPTokenizer(vocabulary, [], model_max_length=LENGTH)


def owl(kind: str = "owlv2") -> tuple[Any, Any, Any]:
    """Return model, tokenizer and image processor of OWLv2, or of OWL-ViT ("owlvit")."""
    tokenizer = clip_tokenizer()
    text = TOWER | {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH}
    options = {
        "text_config": text,
        "vision_config": TOWER | {"image_size": SIZE, "patch_size": 8},
        "projection_dim": 16,
    }
    size = {"height": SIZE, "width": SIZE}
    if kind == "owlv2":
        model = random_weights(tr.Owlv2ForObjectDetection, tr.Owlv2Config(**options))
        return model, tokenizer, tr.Owlv2ImageProcessorPil(size=size)
    model = random_weights(tr.OwlViTForObjectDetection, tr.OwlViTConfig(**options))
    return model, tokenizer, tr.OwlViTImageProcessorPil(size=size)


def bert_tokenizer() -> tr.BertTokenizer:
    """Whole words and single letters; the marks have the numbers that the model expects."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", *WORDS, *letters, *(f"##{letter}" for letter in letters), "[UNK]", "[MASK]"]
    vocabulary = {word: n for n, word in enumerate(words)}
    vocabulary |= {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
    missing = set(range(1030)) - set(vocabulary.values())
    vocabulary |= {f"[unused{n}]": n for n in missing}
    return tr.BertTokenizer(vocabulary, model_max_length=512)


def grounding_dino(kind: str = "grounding-dino", longest: int = 256) -> tuple[Any, Any, Any]:
    """Return model, tokenizer and image processor of Grounding DINO, with 30 boxes."""
    tokenizer = bert_tokenizer()
    swin = tr.SwinConfig(
        image_size=SIZE, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2],
        window_size=2, out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config_class = tr.MMGroundingDinoConfig if kind.startswith("mm") else tr.GroundingDinoConfig
    config = config_class(
        backbone_config=swin,
        text_config=TOWER | {"model_type": "bert", "vocab_size": 1030},
        num_queries=30, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=2,
        decoder_layers=2, decoder_ffn_dim=32, decoder_attention_heads=2, d_model=32,
        num_feature_levels=4, encoder_n_points=2, decoder_n_points=2, max_text_len=longest,
    )  # fmt: skip
    model_class: Any = (
        tr.MMGroundingDinoForObjectDetection
        if kind.startswith("mm")
        else tr.GroundingDinoForObjectDetection
    )
    images = tr.GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 128})
    return random_weights(model_class, config, 0.2), tokenizer, images


def kosmos_tokenizer() -> Any:
    """Whole words, single letters, marks and places."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = "abcdefghijklmnopqrstuvwxyzAI.,▁"
    pieces = [(one, 0.0) for one in special] + [(letter, -9.0) for letter in letters]
    pieces += [(f"▁{word}", -3.0) for word in (*WORDS, "An", "image")]
    tokenizer = tr.XLMRobertaTokenizer(vocab=[*pieces, ("<mask>", 0.0)])
    marks = [tr.AddedToken(one, lstrip=True, rstrip=False, normalized=False) for one in MARKS]
    places = [tr.AddedToken(one, lstrip=True, rstrip=False, normalized=False) for one in PLACES]
    tokenizer.add_tokens([*marks, *places])
    return tokenizer


def kosmos() -> tuple[Any, Any, Any]:
    """Return model, tokenizer and image processor of Kosmos-2."""
    tokenizer = kosmos_tokenizer()
    text = {
        "vocab_size": len(tokenizer), "max_position_embeddings": 256, "embed_dim": 16, "layers": 1,
        "ffn_dim": 32, "attention_heads": 2,
    }  # fmt: skip
    config = tr.Kosmos2Config(
        text_config=text,
        vision_config=TOWER | {"image_size": SIZE, "patch_size": 8},
        latent_query_num=4,
    )
    images = tr.CLIPImageProcessorPil(
        size={"height": SIZE, "width": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    )
    return random_weights(tr.Kosmos2ForConditionalGeneration, config), tokenizer, images


def saved(parts: tuple[Any, Any, Any], folder: Path) -> Path:
    """Save a model with its tokenizer and image processor, and return the folder."""
    for part in parts:
        part.save_pretrained(folder)
    return folder
