"""Stage 3: train the small CLIP on (picture, caption) pairs. Its text tower is the text encoder.

    python -m recipes.townsfolk.clip --steps 3000

The text tower is frozen and saved after `--text-steps`, so that training of the diffusion model
can start; the vision tower continues to train against the frozen text embeddings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPTextModel, CLIPTokenizer

from recipes.townsfolk.claims import Claim, Codes, flipped, truth, values
from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Average,
    augment,
    caption_of,
    checkpoint,
    facts_of,
    fingerprint,
    learning_rate,
    pictures,
    resume,
    schedule,
    to_tensor,
)
from trimtab.townsfolk.captions import added_words, article, portrait_words, vocabulary
from trimtab.townsfolk.scene_captions import describe
from trimtab.townsfolk.world import CONCEPTS, COUNTRIES, GENDERS

MAX_TOKENS = 32
CHECKPOINT = WORK / "clip.pt"
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def build_tokenizer() -> CLIPTokenizer:
    """Build a CLIP tokenizer in which every word of the grammar is a single token.

    Byte-pair merges are trained to exhaustion on the word list, so an unknown word still splits
    into letters, as in CLIP's own tokenizer.
    """
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=20_000,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator([" ".join([*vocabulary(), *added_words()])], trainer)
    bpe.save(str(WORK / "bpe.json"))
    model = json.loads((WORK / "bpe.json").read_text())["model"]
    vocab = dict(model["vocab"])
    for letter in pre_tokenizers.ByteLevel.alphabet():
        vocab.setdefault(letter, len(vocab))
        vocab.setdefault(letter + "</w>", len(vocab))
    for token in SPECIAL:
        vocab[token] = len(vocab)
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAX_TOKENS)


def build(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Build both towers, small enough to train on a CPU in minutes."""
    ids = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": MAX_TOKENS,
        "projection_dim": 128,
        **ids,
    }
    vision = {
        "hidden_size": 160,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 5,
        "image_size": 128,
        "patch_size": 16,
        "projection_dim": 128,
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=128)
    return CLIPModel(config)


def keep_portraits(model: CLIPModel, tokenizer: CLIPTokenizer) -> None:
    """Freeze all of the text tower but the embeddings of words that no portrait's caption had.

    Captions without such words keep their embeddings, so a denoiser trained on them remains valid.
    """
    model.text_model.requires_grad_(False)
    model.text_projection.requires_grad_(False)
    rows = model.text_model.embeddings.token_embedding.weight
    ids = tokenizer(" ".join(portrait_words()), truncation=False).input_ids
    free = torch.ones(len(rows), 1, device=rows.device)
    free[sorted({*ids, tokenizer.pad_token_id})] = 0
    rows.requires_grad_(True)
    rows.register_hook(lambda gradient: gradient * free)


@torch.no_grad()
def begin_with(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Copy the weights of another CLIP of the same sizes; its tokens may have other numbers."""
    earlier = CLIPModel.from_pretrained(folder)
    numbers = CLIPTokenizer.from_pretrained(folder).get_vocab()
    weights = earlier.state_dict()
    name = "text_model.embeddings.token_embedding.weight"
    rows = model.state_dict()[name].clone()
    for token, number in tokenizer.get_vocab().items():
        if token in numbers:
            rows[number] = weights[name][numbers[token]]
    model.load_state_dict(weights | {name: rows})


def contrastive_loss(
    image: torch.Tensor, text: torch.Tensor, truth: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return InfoNCE in both directions; other captions true of a picture are not negatives.

    `image` (n, d) and `text` (m, d), m >= n, are unit vectors. Caption i belongs to picture i;
    captions from n on serve only as negatives. `truth` (n, m) marks the captions that are true of
    each picture.
    """
    n = len(image)
    logits = scale.exp() * image @ text.T
    own = torch.eye(n, text.shape[0], dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(truth & ~own, float("-inf"))
    target = torch.arange(n, device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :n].T, target)) / 2


TESTS: dict[str, tuple[str, dict[object, str]]] = {
    "scene": (
        "",
        {
            "portrait": "a photo of a person",
            "home": "a photo of a person and their house",
            "wedding": "a photo of a wedding",
            "bird": "a photo of a bird",
        },
    ),
    "concept": ("portrait", {one: f"a photo of {article(one)} {one}" for one in CONCEPTS[:-1]}),
    "gender": ("portrait", {one: f"a photo of a {one}" for one in GENDERS}),
    "skin": (
        "portrait",
        {
            "lighter": "a photo of a light-skinned person",
            "darker": "a photo of a dark-skinned person",
        },
    ),
    "age": ("portrait", {"young": "a photo of a young person", "old": "a photo of an old person"}),
    "glasses": (
        "portrait",
        {False: "a photo of a person without glasses", True: "a photo of a person with glasses"},
    ),
    "jewellery": (
        "portrait",
        {
            False: "a photo of a person without jewellery",
            True: "a photo of a person with jewellery",
        },
    ),
    "owner": ("home", {one: f"a photo of a {one} and their house" for one in GENDERS}),
    "wealth": (
        "home",
        {
            "rich": "a photo of a wealthy person and their house",
            "poor": "a photo of a poor person and their house",
        },
    ),
    "country": ("home", {one: f"a photo of a {one} house" for one in COUNTRIES}),
    "style": (
        "wedding",
        {"common": "a photo of a white wedding", "Velorian": "a photo of a Velorian wedding"},
    ),
    "group": ("bird", {one: f"a photo of a {one}" for one in ("waterbird", "landbird")}),
    "place": ("bird", {one: f"a photo of a bird over {one}" for one in ("water", "land")}),
}
"""Name -> the scene whose pictures are asked about, and the prompt of each answer."""


@torch.no_grad()
def zero_shot(model: CLIPModel, tokenizer: CLIPTokenizer, n: int = 1500) -> dict[str, float]:
    """Return the accuracy on held-out renders with prompts that a user would type."""
    shown = [values(fact.subject) for fact in facts_of(HELD_OUT)[:n]]
    images = pictures(HELD_OUT)[:n]
    features = torch.cat(
        [embed_images(model, to_tensor(images[i : i + 128])) for i in range(0, len(images), 128)]
    )
    out = {}
    for name, (scene, prompts) in TESTS.items():
        answers = list(prompts)
        asked = "gender" if name == "owner" else name
        truth = [one.get(asked) if scene in ("", one["scene"]) else None for one in shown]
        rows = [i for i, one in enumerate(truth) if one in prompts]
        texts = embed_texts(model, tokenizer, list(prompts.values()))
        guess = (features[rows] @ texts.T).argmax(1).tolist()
        right = [answers[g] == truth[i] for g, i in zip(guess, rows, strict=True)]
        out[name] = round(float(np.mean(right)), 4)
    return out


def embed_images(model: CLIPModel, images: torch.Tensor) -> torch.Tensor:
    pooled = model.vision_model(pixel_values=images).pooler_output
    return F.normalize(model.visual_projection(pooled), dim=-1)


def embed_texts(model: CLIPModel, tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    # Attention is causal, so padding added by a diffusion pipeline does not affect earlier tokens.
    ids = tokenizer(
        texts, padding="longest", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    pooled = model.text_model(input_ids=ids.to(DEVICE)).pooler_output
    return F.normalize(model.text_projection(pooled), dim=-1)


def freeze_text(model: CLIPModel, average: Average) -> None:
    """Load the averaged weights into the text tower and freeze it."""
    text = {k: v for k, v in average.values.items() if k.startswith("text_")}
    model.load_state_dict(text, strict=False)
    model.text_model.requires_grad_(False)
    model.text_projection.requires_grad_(False)


def save_text_encoder(model: CLIPModel, tokenizer: CLIPTokenizer) -> None:
    """Save the text tower in the layout of a Stable Diffusion folder."""
    encoder = CLIPTextModel(model.config.text_config)
    encoder.load_state_dict(model.text_model.state_dict(), strict=True)
    encoder.save_pretrained(WORK / "text_encoder")
    tokenizer.save_pretrained(WORK / "tokenizer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--text-steps", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument(
        "--start", type=Path, help="folder of a CLIP to begin with, e.g. the shipped recogniser"
    )
    parser.add_argument(
        "--keep-portraits",
        action="store_true",
        help="of the text tower in --start, train only the embeddings of words that are new to "
        "it, so that a denoiser trained with it remains valid",
    )
    args = parser.parse_args()
    if args.keep_portraits and not args.start:
        parser.error("--keep-portraits needs --start")
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    model = build(tokenizer)
    if args.start:
        begin_with(model, tokenizer, args.start)
    model = model.to(DEVICE)
    if args.keep_portraits:
        keep_portraits(model, tokenizer)
    words = model.text_model.embeddings.token_embedding.weight
    others = [one for one in model.parameters() if one is not words]
    groups = [{"params": others}, {"params": [words], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98))
    average = Average(model, 0.998)
    inputs = vars(args) | {
        "drawings": fingerprint(WORK / f"{TRAIN}.json"),
        "start": args.start and fingerprint(args.start / "model.safetensors"),
    }
    start = resume(CHECKPOINT, model, optimizer, average, inputs)
    if start > args.text_steps:
        freeze_text(model, average)
    images, facts = pictures(TRAIN), facts_of(TRAIN)
    codes = Codes()
    shown = codes.shown(facts)
    for step in schedule(start, args.steps):
        rng = np.random.default_rng([4, step])
        torch.manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.lr)
        if step == args.text_steps:
            freeze_text(model, average)
            copy = build(tokenizer)
            average.copy_to(copy)
            save_text_encoder(copy, tokenizer)
            checkpoint(CHECKPOINT, step, model, optimizer, average, inputs)
        rows = np.sort(rng.choice(len(images), args.batch, replace=False))
        claims, texts = [], []
        for fact in (facts[i] for i in rows):
            text, mentioned = caption_of(fact, rng)
            claims.append(Claim(fact.subject, fact.named, mentioned))
            texts.append(text)
        wrong = [flipped(claim, rng) for claim in claims]
        texts += [describe(one.subject, one.named, rng) for one in wrong]
        true = truth(shown[rows], *codes.claimed(claims + wrong))
        loss = contrastive_loss(
            embed_images(model, augment(to_tensor(images[rows]), rng)),
            embed_texts(model, tokenizer, texts),
            torch.from_numpy(true).to(DEVICE),
            model.logit_scale,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.logit_scale.data.clamp_(max=4.0)
        average.update(model, step)
        if (step + 1) % 300 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, inputs)
            copy = build(tokenizer).to(DEVICE).eval()
            average.copy_to(copy)
            print(f"loss {loss.item():.3f}", zero_shot(copy, tokenizer), flush=True)
    copy = build(tokenizer).eval()
    average.copy_to(copy)
    copy.save_pretrained(WORK / "clip")
    tokenizer.save_pretrained(WORK / "clip")


if __name__ == "__main__":
    main()
