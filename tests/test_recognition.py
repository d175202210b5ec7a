"""Recognition on a real, tiny, random CLIP and SigLIP saved to a folder."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
)

from trimtab.concepts import attribute, concept_pack
from trimtab.errors import ModelError, UsageError
from trimtab.recognition import (
    Labels,
    Recogniser,
    ZeroShotRecogniser,
    classify,
    preservation,
    psnr,
    recogniser_for,
    release_recogniser,
)

SIZE = 32


class Pictures(list):
    """A sequence of pictures with what an ImageSet has besides."""

    seeds = None
    blocked = None
    model_path = None


def pictures(n: int, *, first: int = 0) -> Pictures:
    made = []
    for seed in range(first, first + n):
        noise = np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        made.append(Image.fromarray(noise))
    return Pictures(made)


def tokenizer() -> CLIPTokenizer:
    words = "a an photo portrait picture of woman man person with without glasses doctor nurse"
    letters = "abcdefghijklmnopqrstuvwxyz-"
    vocab = ["<|startoftext|>", "<|endoftext|>", *letters, *(c + "</w>" for c in letters)]
    merges: list[tuple[str, str]] = []
    for word in words.split():
        whole = word[0] if len(word) > 1 else word + "</w>"
        for k, letter in enumerate(word[1:], start=2):
            step = letter + ("</w>" if k == len(word) else "")
            if (whole, step) not in merges:
                merges.append((whole, step))
            whole += step
            if whole not in vocab:
                vocab.append(whole)
    made = CLIPTokenizer({token: i for i, token in enumerate(vocab)}, merges)
    made.model_max_length = 24
    return made


def tower(**more: int) -> dict[str, int]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        **more,
    }


def save_clip(folder, *, seed: int = 0) -> None:
    torch.manual_seed(seed)
    words = tokenizer()
    text = tower(vocab_size=len(words), max_position_embeddings=24, projection_dim=16)
    text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    vision = tower(image_size=SIZE, patch_size=8, projection_dim=16)
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    CLIPModel(config).half().save_pretrained(folder)
    words.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    ).save_pretrained(folder)


TWO = ["gender", "age"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A model folder that carries its own recogniser, as the embedded one does."""
    folder = tmp_path_factory.mktemp("model")
    save_clip(folder / "recogniser")
    return folder


@pytest.fixture(scope="module")
def clip(model_folder) -> ZeroShotRecogniser:
    return ZeroShotRecogniser.load(model_folder / "recogniser", device="cpu")


def test_load_says_nothing(model_folder, capsys, caplog):
    ZeroShotRecogniser.load(model_folder / "recogniser")
    said = capsys.readouterr()
    assert said.out + said.err == "" and not caplog.records


def test_a_recogniser_without_a_vocabulary_is_refused(tmp_path):
    save_clip(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="without a vocabulary"):
        ZeroShotRecogniser.load(tmp_path)


def test_probabilities_are_the_models_own(clip):
    """With one phrase per group they are CLIPModel's softmax over its logits per image."""
    images = pictures(3)
    sentences = ["a photo of a woman", "a photo of a man"]
    mine = clip.probabilities(images, [[s] for s in sentences])
    tokens = clip.tokenizer(sentences, padding=True, return_tensors="pt")
    pixels = clip.image_processor(images=list(images), return_tensors="pt")
    with torch.inference_mode():
        theirs = clip.model(**tokens, **pixels).logits_per_image.softmax(-1).numpy()
    np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert np.ptp(mine[:, 0]) > 0


def test_text_is_cut_not_refused(clip):
    long = clip.embed_text(["a photo of a woman " * 50])
    np.testing.assert_allclose(np.linalg.norm(long, axis=1), 1, atol=1e-5)


def test_phrases_are_averaged_as_unit_embeddings(clip):
    images = pictures(4)
    woman = ["a photo of a woman", "a picture of a woman"]
    p = clip.probabilities(images, [woman, ["a photo of a man"]])
    centre = clip.embed_text(woman).mean(0)
    centre /= np.linalg.norm(centre)
    rows = np.stack([centre, clip.embed_text(["a photo of a man"])[0]])
    scale = clip.model.logit_scale.exp().item()
    logits = scale * clip.embed_images(images) @ rows.T
    expected = 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))
    np.testing.assert_allclose(p[:, 0], expected, atol=1e-5)


def test_batches_and_memory_change_nothing(clip, model_folder):
    images = pictures(7)
    one = ZeroShotRecogniser.load(model_folder / "recogniser", batch_size=1, device="cpu")
    np.testing.assert_allclose(one.embed_images(images), clip.embed_images(images), atol=1e-5)
    again = one.embed_images(list(reversed(images)))
    np.testing.assert_array_equal(again, one.embed_images(images)[::-1])


def test_what_a_picture_gives_does_not_depend_on_the_others(clip, model_folder):
    """To the last bit: a stopped run, or a larger one, must find the same answers."""
    gender = [group.phrases for group in attribute("gender").groups]
    whole = clip.probabilities(pictures(19), gender)
    again = ZeroShotRecogniser.load(model_folder / "recogniser", device="cpu")
    parts = [
        again.probabilities(pictures(k, first=i), gender) for i, k in ((0, 1), (1, 7), (8, 11))
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_fingerprint_tells_versions_apart(clip, model_folder):
    def load(**change):
        return ZeroShotRecogniser.load(model_folder / "recogniser", device="cpu", **change)

    assert clip.fingerprint == load(batch_size=3).fingerprint and len(clip.fingerprint) == 64
    other = load()
    with torch.no_grad():
        other.model.visual_projection.weight[0, 0] += 1e-3
    assert other.fingerprint != clip.fingerprint
    other = load()
    other.image_processor.image_mean = [0.5, 0.5, 0.5]
    assert other.fingerprint != clip.fingerprint


def test_any_mode_and_size_of_picture(clip):
    rgb = pictures(1)[0]
    odd = [rgb.convert("L"), rgb.convert("RGBA"), rgb.resize((50, 40)), rgb.convert("P")]
    assert clip.embed_images(odd).shape == (4, 16)
    assert clip.embed_images([]).shape == (0, 16)


def test_alignment_is_the_cosine(clip):
    images = pictures(2)
    prompts = ["a photo of a doctor", "a photo of a nurse"]
    one = clip.alignment(images, prompts[0])
    each = clip.alignment(images, prompts)
    expected = (clip.embed_images(images) * clip.embed_text(prompts)).sum(1)
    np.testing.assert_allclose(each, expected, atol=1e-6)
    assert one[0] == pytest.approx(each[0]) and one[1] != pytest.approx(each[1])
    with pytest.raises(UsageError, match="2 prompts for 3"):
        clip.alignment(pictures(3), prompts)


def test_siglip(tmp_path):
    torch.manual_seed(0)
    words = tokenizer()
    config = SiglipConfig(
        text_config=tower(vocab_size=len(words), max_position_embeddings=24),
        vision_config=tower(image_size=SIZE, patch_size=8),
    )
    SiglipModel(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(tmp_path)
    labels = classify(pictures(5), "gender", tmp_path).labels(threshold=0.0)
    np.testing.assert_allclose(labels.probabilities.sum(1), 1)
    assert labels.known.all()


def test_classify_finds_the_models_own_recogniser(model_folder, clip):
    images = pictures(5)
    images.model_path = str(model_folder)
    images.seeds = [9, 8, 7, 6, 5]
    gender = attribute("gender")
    labels = classify(images, gender).labels()
    assert labels.seeds.tolist() == [9, 8, 7, 6, 5]
    assert labels.attribute == "gender" and labels.groups == ("woman", "man")
    expected = clip.probabilities(images, [g.phrases for g in gender.groups])
    np.testing.assert_allclose(labels.probabilities, expected, atol=1e-6)
    held = recogniser_for(images)
    assert held is recogniser_for(images)  # loaded once
    assert held is not recogniser_for(images, device="cpu")  # where it was asked for
    release_recogniser()
    assert held is not recogniser_for(images)
    assert labels.recogniser == f"{model_folder.name}/recogniser"


def test_a_model_s_own_recogniser_has_the_model_s_name(tmp_path):
    save_clip(tmp_path / "model" / "recogniser")
    (tmp_path / "model" / "trimtab.json").write_text('{"name": "little world"}')
    own = ZeroShotRecogniser.load(tmp_path / "model" / "recogniser", device="cpu")
    assert own.name == "little world/recogniser"
    shutil.copytree(tmp_path / "model" / "recogniser", tmp_path / "mine")
    assert ZeroShotRecogniser.load(tmp_path / "mine", device="cpu").name == "mine"


@pytest.mark.parametrize("place", ["{}/moved", "./moved", "../moved", "a/b/c", "~/moved"])
def test_no_other_recogniser_stands_in_for_one_that_is_gone(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    images = pictures(2)
    images.model_path = place.format(tmp_path)
    with pytest.raises(ModelError, match=r"moved|a/b/c") as caught:
        classify(images, "gender")
    assert "recogniser= or --recogniser" in caught.value.do
    assert classify(images, "gender", FirstPixel()).labels().recogniser == "first pixel"


def test_several_questions_embed_each_picture_once(model_folder):
    recogniser, embedded = ZeroShotRecogniser.load(model_folder / "recogniser", batch_size=8), []
    one_by_one = [
        classify(pictures(10), name, ZeroShotRecogniser.load(model_folder / "recogniser"))
        for name in TWO
    ]
    look = recogniser.model.get_image_features

    def counted(pixel_values):
        embedded.append(len(pixel_values))
        return look(pixel_values=pixel_values)

    recogniser.model.get_image_features = counted
    together = classify(pictures(10), TWO, recogniser)
    assert embedded == [8, 8]  # ten pictures, padded, for both questions
    for name, alone in zip(TWO, one_by_one, strict=True):
        np.testing.assert_array_equal(
            together.labels(name).probabilities, alone.labels(name).probabilities
        )


def test_classify_among_concepts(clip):
    labels = classify(pictures(2), concept_pack("townsfolk"), clip).labels()
    assert labels.attribute == "concept" and labels.probabilities.shape == (2, 12)


class FirstPixel:
    """A recogniser of a user's own: the red of the first pixel decides."""

    name = "first pixel"

    def __init__(self):
        self.seen = 0

    def probabilities(self, images, prompts):
        self.seen += len(images)
        p = np.array([image.getpixel((0, 0))[0] / 255 for image in images])
        return np.column_stack([p, 1 - p])


def flat(*reds: int) -> Pictures:
    return Pictures(Image.new("RGB", (4, 4), (red, 0, 0)) for red in reds)


def test_classify_with_a_recogniser_of_ones_own():
    mine = FirstPixel()
    assert isinstance(mine, Recogniser)
    done = []
    images = flat(255, 0, 140, 200)
    labels = classify(images, "gender", mine, progress=lambda *step: done.append(step)).labels()
    assert labels.names.tolist() == ["woman", "man", "unknown", "woman"]
    assert labels.codes.tolist() == [0, 1, -1, 0]
    assert labels.seeds.tolist() == [0, 1, 2, 3] and labels.recogniser == "first pixel"
    assert done[-1][:2] == (4, 4)


def test_blocked_pictures_are_unknown_and_never_shown(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n, torn")

    class Torn(Pictures):
        def __getitem__(self, i):
            return Image.open(tmp_path / "torn.png") if i == 2 else super().__getitem__(i)

    images = Torn(flat(255, 255, 0, 0))
    images.blocked = [True, False, False, False]
    mine = FirstPixel()
    found = classify(images, "gender", mine)
    assert found.answer().status.tolist() == ["blocked", "known", "unreadable", "known"]
    labels = found.labels()
    assert labels.names.tolist() == ["unknown", "woman", "unknown", "man"]
    assert labels.blocked.tolist() == [True, False, True, False] and mine.seen == 2


def test_classify_refuses_nonsense(tmp_path):
    with pytest.raises(UsageError, match="no pictures"):
        classify([], "gender", FirstPixel())
    with pytest.raises(UsageError, match="no pictures"):
        classify(flat(1)[0], "gender", FirstPixel())  # one picture is not a sequence of them
    with pytest.raises(UsageError, match="ndarray as picture 0"):
        classify([np.zeros((4, 4, 3))], "gender", FirstPixel())
    with pytest.raises(UsageError, match="'genre'"):
        classify(flat(1), "genre", FirstPixel())
    with pytest.raises(UsageError, match="threshold=nan"):
        classify(flat(1), "gender", FirstPixel()).labels(threshold=float("nan"))
    with pytest.raises(UsageError, match="int as recogniser"):
        classify(flat(1), "gender", 7)
    with pytest.raises(ModelError, match=r"shape \(1, 2\) from FirstPixel"):
        classify(flat(1), "race", FirstPixel())
    images = flat(1, 2)
    images.blocked = [False]
    with pytest.raises(UsageError, match="1 blocked entries for 2"):
        classify(images, "gender", FirstPixel())


def test_recognisers_that_do_not_load(tmp_path, model_folder):
    with pytest.raises(ModelError, match=r"without a config\.json.*name another folder"):
        ZeroShotRecogniser.load(tmp_path)
    with pytest.raises(ModelError, match="name its folder recogniser"):
        ZeroShotRecogniser.load(model_folder)
    with pytest.raises(UsageError, match="device 'gramophone'"):
        ZeroShotRecogniser.load(model_folder / "recogniser", device="gramophone")
    with pytest.raises(UsageError, match="batch_size=0"):
        ZeroShotRecogniser.load(model_folder / "recogniser", batch_size=0)
    save_clip(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="weights cannot be loaded"):
        ZeroShotRecogniser.load(tmp_path)
    save_clip(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{x")
    with pytest.raises(ModelError, match="whose tokenizer cannot be loaded"):
        ZeroShotRecogniser.load(tmp_path)


def test_missing_weights_are_not_made_up(tmp_path):
    """transformers would fill in random numbers and go on."""
    from safetensors.torch import load_file, save_file

    save_clip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"without 'visual_projection\.weight'"):
        ZeroShotRecogniser.load(tmp_path)


def test_a_text_model_is_no_recogniser(tmp_path):
    save_clip(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "clip_vision_model", **config.pop("vision_config")}
    config["model_type"] = "clip_vision_model"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"recogniser|dual encoder"):
        ZeroShotRecogniser.load(tmp_path)


def test_labels_know_ties_and_the_threshold():
    p = [[0.6, 0.4], [0.59, 0.41], [0.5, 0.5], [0.1, 0.9]]
    labels = Labels("gender", ("woman", "man"), p, blocked=[False, False, False, True])
    assert labels.names.tolist() == ["woman", "unknown", "unknown", "unknown"]
    assert Labels("gender", ("woman", "man"), p, threshold=0.5).names[2] == "unknown"
    with pytest.raises(ValueError, match="read-only"):
        labels.probabilities[0, 0] = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": [[0.7, 0.7]]}, "add up to 1"),
        ({"probabilities": [[np.nan, 1.0]]}, "add up to 1"),
        ({"probabilities": [[1.2, -0.2]]}, "add up to 1"),
        ({"probabilities": [[0.2, 0.3, 0.5]]}, "shape"),
        ({"groups": ("woman",), "probabilities": [[1.0]]}, "two groups"),
        ({"seeds": [1, 2]}, "2 seeds"),
        ({"prompts": ["a", "b"]}, "2 prompts"),
        ({"threshold": 1.5}, "threshold=1.5"),
    ],
)
def test_labels_refuse_nonsense(change, message):
    good = {"attribute": "gender", "groups": ("woman", "man"), "probabilities": [[0.3, 0.7]]}
    with pytest.raises(UsageError, match=message):
        Labels(**(good | change))


def test_labels_from_names():
    names = ["man", "unknown", "woman"]
    labels = Labels.from_names("gender", ("woman", "man"), names, seeds=[3, 4, 5])
    assert labels.names.tolist() == names and labels.seeds.tolist() == [3, 4, 5]
    with pytest.raises(UsageError, match="'person'"):
        Labels.from_names("gender", ("woman", "man"), ["person"])


def test_psnr_against_the_definition():
    a, b = flat(100)[0], flat(110)[0]  # one channel of three differs by 10
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / (100 / 3)))
    assert psnr(a, a) == np.inf
    with pytest.raises(UsageError, match="same size"):
        psnr(a, a.resize((5, 5)))


def test_preservation_pairs_by_seed(clip):
    plain, steered = pictures(4), pictures(3, first=1)
    plain.seeds, steered.seeds = [0, 1, 2, 3], [3, 1, 2]
    steered[:] = [steered[2], steered[0], steered[1]]  # the same pictures, other order
    kept = preservation(plain, steered, clip)
    assert kept.seeds.tolist() == [1, 2, 3] and len(kept) == 3
    assert np.isinf(kept.psnr).all()
    np.testing.assert_allclose(kept.cosine, 1, atol=1e-5)
    plain.blocked = [False, True, False, False]
    assert preservation(plain, steered, clip).seeds.tolist() == [2, 3]


def test_preservation_refuses_what_it_cannot_pair(clip):
    with pytest.raises(UsageError, match="without seeds"):
        preservation(pictures(2), pictures(3), clip)
    with pytest.raises(UsageError, match="cannot embed"):
        preservation(pictures(2), pictures(2), FirstPixel())
    a, b = pictures(2), pictures(2)
    a.seeds, b.seeds = [0, 1], [2, 3]
    with pytest.raises(UsageError, match="no seed"):
        preservation(a, b, clip)
    b.seeds = [0, 0]
    with pytest.raises(UsageError, match="twice"):
        preservation(a, b, clip)
