"""Stage 3: train the small CLIP on (picture, caption) pairs. Its text tower is the text encoder.

    python -m recipes.townsfolk.clip --steps 3000

The text tower is frozen and saved after `--text-steps`, so that training of the diffusion model
can start; the vision tower continues to train against the frozen text embeddings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPTextModel, CLIPTokenizer

from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Average,
    augment,
    checkpoint,
    fingerprint,
    learning_rate,
    people,
    pictures,
    resume,
    schedule,
    to_tensor,
)
from trimtab.townsfolk.captions import NAMEABLE, caption, vocabulary
from trimtab.townsfolk.world import AGES, BACKDROPS, CONCEPTS, GENDERS, TONES, Person

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
    bpe.train_from_iterator([" ".join(vocabulary())], trainer)
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


def codes(persons: Sequence[Person]) -> np.ndarray:
    """Encode people as integers (n, len(NAMEABLE)), with one column per nameable attribute."""
    return np.array(
        [
            (
                CONCEPTS.index(p.concept),
                GENDERS.index(p.gender),
                p.skin == "darker",
                TONES.index(p.tone),
                AGES.index(p.age),
                p.glasses,
                p.jewellery,
                BACKDROPS.index(p.backdrop),
            )
            for p in persons
        ],
        dtype=np.int64,
    )


def constraints(persons: Sequence[Person], named: Sequence[Collection[str]]) -> np.ndarray:
    """Return which attributes each caption claims, (n, len(NAMEABLE)); "person" is no concept."""
    mask = np.array([[name in names for name in NAMEABLE] for names in named])
    mask[:, 0] &= np.array([p.concept != "person" for p in persons])
    return mask


def flipped(person: Person, named: Collection[str], rng: np.random.Generator) -> Person:
    """Return the person with one named attribute changed, as a hard negative."""
    name = str(rng.choice(list(named) or ["gender"]))
    if name == "concept":
        return replace(
            person, concept=str(rng.choice([c for c in CONCEPTS if c != person.concept]))
        )
    if name == "gender":
        return replace(person, gender=GENDERS[1 - GENDERS.index(person.gender)])
    if name in ("skin", "tone"):
        return replace(person, tone=11 - person.tone)
    if name == "age":
        return replace(person, age=AGES[1 - AGES.index(person.age)])
    if name == "backdrop":
        others = [b for b in BACKDROPS if b != person.backdrop]
        return replace(person, backdrop=str(rng.choice(others)))
    return replace(person, **{name: not getattr(person, name)})


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


@torch.no_grad()
def zero_shot(model: CLIPModel, tokenizer: CLIPTokenizer, n: int = 1500) -> dict[str, float]:
    """Return the accuracy on held-out renders with prompts that a user would type."""
    persons, _ = people(HELD_OUT)
    images = pictures(HELD_OUT)[:n]
    n = len(images)
    features = torch.cat(
        [embed_images(model, to_tensor(images[i : i + 128])) for i in range(0, n, 128)]
    )
    tests = {
        "gender": (["a photo of a woman", "a photo of a man"], codes(persons)[:n, 1]),
        "skin": (
            ["a photo of a light-skinned person", "a photo of a dark-skinned person"],
            codes(persons)[:n, 2],
        ),
        "age": (["a photo of a young person", "a photo of an old person"], codes(persons)[:n, 4]),
        "glasses": (
            ["a photo of a person without glasses", "a photo of a person with glasses"],
            codes(persons)[:n, 5],
        ),
        "jewellery": (
            ["a photo of a person without jewellery", "a photo of a person with jewellery"],
            codes(persons)[:n, 6],
        ),
        "concept": ([f"a photo of a {c}" for c in CONCEPTS[:-1]], codes(persons)[:n, 0]),
    }
    out = {}
    for name, (prompts, truth) in tests.items():
        guess = (features @ embed_texts(model, tokenizer, prompts).T).argmax(1).cpu().numpy()
        keep = truth < len(prompts)
        out[name] = float((guess == truth)[keep].mean())
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
    args = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    model = build(tokenizer).to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02, betas=(0.9, 0.98))
    average = Average(model, 0.998)
    facts = vars(args) | {"drawings": fingerprint(WORK / f"{TRAIN}.json")}
    start = resume(CHECKPOINT, model, optimizer, average, facts)
    if start > args.text_steps:
        freeze_text(model, average)
    images = pictures(TRAIN)
    persons, named = people(TRAIN)
    attributes = codes(persons)
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
            checkpoint(CHECKPOINT, step, model, optimizer, average, facts)
        rows = np.sort(rng.choice(len(images), args.batch, replace=False))
        own = [(persons[i], named[i]) for i in rows]
        wrong = [(flipped(p, names, rng), names) for p, names in own]
        claims = [p for p, _ in own + wrong]
        names = [n for _, n in own + wrong]
        texts = [caption(p, n, rng) for p, n in own + wrong]
        truth = (
            (attributes[rows][:, None] == codes(claims)[None]) | ~constraints(claims, names)[None]
        ).all(-1)
        loss = contrastive_loss(
            embed_images(model, augment(to_tensor(images[rows]), rng)),
            embed_texts(model, tokenizer, texts),
            torch.from_numpy(truth).to(DEVICE),
            model.logit_scale,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.logit_scale.data.clamp_(max=4.0)
        average.update(model, step)
        if (step + 1) % 300 == 0 or step + 1 == args.steps:
            checkpoint(CHECKPOINT, step + 1, model, optimizer, average, facts)
            copy = build(tokenizer).to(DEVICE).eval()
            average.copy_to(copy)
            print(f"loss {loss.item():.3f}", zero_shot(copy, tokenizer), flush=True)
    copy = build(tokenizer).eval()
    average.copy_to(copy)
    copy.save_pretrained(WORK / "clip")
    tokenizer.save_pretrained(WORK / "clip")


if __name__ == "__main__":
    main()
