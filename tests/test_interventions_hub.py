"""Directions in folders and on the Hub: huggingface_hub itself, against a small server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from torch.nn import functional

from commands import in_a_process, trimtab
from hub_server import hub
from trimtab.errors import FileError, UsageError
from trimtab.interventions import Direction, find

TOKEN = "hf_aSecretOfTheTest"
SECRET = "import os; token = os.environ['SECRET']\n"
MEASURED = {
    "prompt": "a photo of a doctor",
    "concept": "doctor",
    "n": 100,
    "seeds": list(range(100)),
    "strength": 4.5,
    "recogniser": "a recogniser",
    "chose_strength": True,
    "group": "woman",
    "plain": {"share": 0.1, "interval": [0.05, 0.17], "unknown": 0.0, "concept_kept": 1.0},
    "steered": {"share": 0.52, "interval": [0.42, 0.62], "unknown": 0.01, "concept_kept": 0.99},
    "difference": {"difference": 0.42, "low": 0.32, "high": 0.52},
    "spillover": [
        {"attribute": "jewellery", "group": "jewellery", "before": 0.1, "after": 0.3, "low": 0.1,
         "high": 0.3},
    ],
}  # fmt: skip
FACTS = {
    "attribute": "gender",
    "towards": "woman",
    "model": "someone/little-model",
    "weights": "0123",
    "family": "stable-diffusion",
    "height": 64,
    "width": 64,
    "step": 6,
    "num_inference_steps": 20,
    "scheduler": "DDIMScheduler",
    "prompts": {"woman": ["a photo of a woman"], "man": ["a photo of a man"]},
    "seeds": list(range(20_000, 20_050)),
    "estimator": {"name": "MeanDifference"},
    "accuracy": 0.97,
    "accuracy_interval": [0.93, 0.99],
}


def learned(**facts: Any) -> Direction:
    return Direction(Direction.random((4, 8, 8), 1).array, FACTS | facts)


def with_direction(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return in_a_process(f"from trimtab import Direction\n{code}", **env)


def test_a_folder_goes_round(tmp_path: Path) -> None:
    direction = learned(measured=MEASURED, licence="cc-by-4.0")
    direction.save_pretrained(tmp_path / "woman")
    found = Direction.from_pretrained(tmp_path / "woman")
    assert found == direction
    assert found.provenance == direction.provenance
    assert find(tmp_path / "woman") == direction
    names = {path.name for path in (tmp_path / "woman").iterdir()}
    assert names == {"README.md", "config.json", "direction.safetensors"}
    assert json.loads((tmp_path / "woman" / "config.json").read_text()) == direction.provenance


def test_the_card_says_where_it_comes_from_what_it_does_and_its_limits(tmp_path: Path) -> None:
    learned(measured=MEASURED, licence="cc-by-4.0").save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.base_model == "someone/little-model"
    assert "trimtab" in card.data.tags
    for said in (
        "| prompts | “a photo of a woman”; “a photo of a man” |",
        "| seeds | 50, from 20000 to 20049 |",
        "| step | 6 of 20 |",
        "0.97 [0.93, 0.99]",
        "100 pictures of “a photo of a doctor”",
        "| gender | woman | 10% [5%, 17%] | 52% [42%, 62%] | +42 [+32, +52] | 0% → 1% |",
        "The concept (doctor) was kept in 100% of the plain and in 99% of the steered pictures.",
        "| jewellery | jewellery | 10% → 30% | [+10, +30] |",
        "4.5 * direction",
        "## Limits",
        "cc-by-4.0. The licence of the model binds besides.",
    ):
        assert said in card.text
    for word in ("debias", "unbiased", "solve", "fair"):
        assert word not in card.text.lower()


def test_a_card_without_a_measurement_says_so() -> None:
    card = Direction.random((4, 8, 8), 0).generate_model_card()
    assert "Not measured." in card.text
    assert "Not stated." in card.text
    assert card.data.base_model is None


def test_a_direction_goes_to_the_hub_and_comes_back_by_name(tmp_path: Path) -> None:
    direction = learned(measured=MEASURED)
    file = direction.save(tmp_path / "woman.safetensors")
    with hub(TOKEN) as (address, repositories):
        home = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        pushed = with_direction(
            f"{SECRET}print(Direction.load({str(file)!r}).push_to_hub('org/woman', token=token))",
            HF_DEBUG="1", SECRET=TOKEN, **home,
        )  # fmt: skip
        assert pushed.returncode == 0, pushed.stderr
        assert "/org/woman/commit/" in pushed.stdout
        assert TOKEN not in pushed.stdout + pushed.stderr
        assert set(repositories["org/woman"]) == {
            "README.md", "config.json", "direction.safetensors"
        }  # fmt: skip
        card = repositories["org/woman"]["README.md"].decode()
        assert 'from_pretrained("org/woman")' in card
        loaded = with_direction(
            "d = Direction.from_pretrained('org/woman')\nprint(d.hash, d.provenance['towards'])",
            **home,
        )
        assert loaded.stdout.split() == [direction.hash, "woman"], loaded.stderr
        missing = with_direction("Direction.from_pretrained('org/man')", **home)
        assert "direction 'org/man', which cannot be loaded (the repository does" in missing.stderr
        repositories["org/empty"] = {}
        empty = with_direction("Direction.from_pretrained('org/empty')", **home)
        assert "does not contain the required file" in empty.stderr
    offline = with_direction(
        "print(Direction.from_pretrained('org/woman').hash)", HF_HUB_OFFLINE="1", **home
    )
    assert offline.stdout.split() == [direction.hash], offline.stderr
    unknown = with_direction("Direction.from_pretrained('org/man')", HF_HUB_OFFLINE="1", **home)
    assert "disabled by HF_HUB_OFFLINE" in unknown.stderr


def test_a_token_is_in_no_message(tmp_path: Path) -> None:
    file = learned().save(tmp_path / "woman.safetensors")
    with hub("another") as (address, _):
        refused = with_direction(
            f"{SECRET}Direction.load({str(file)!r}).push_to_hub('org/woman', token=token)",
            HF_ENDPOINT=address, HF_HOME=str(tmp_path / "home"), HF_DEBUG="1", SECRET=TOKEN,
        )  # fmt: skip
    assert refused.returncode == 1
    assert "cannot be published" in refused.stderr
    assert TOKEN not in refused.stdout + refused.stderr


def test_a_missing_folder_file_or_name_is_refused(tmp_path: Path) -> None:
    gone = (tmp_path, tmp_path / "nothing.safetensors", tmp_path / "no" / "folder", "./nowhere")
    for name in gone:
        with pytest.raises(FileError, match="No such file"):
            find(name)


def test_a_file_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    learned().save_pretrained(tmp_path)
    with pytest.raises(FileError, match=r"read a file with Direction\.load"):
        Direction.from_pretrained(tmp_path / "direction.safetensors")


def test_what_measured_nothing_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"measured with prompts: field required"):
        learned(measured={"n": 1}).save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_card_tells_whose_accuracy_it_is() -> None:
    made = learned().orthogonal_to(Direction.random((4, 8, 8), 2))
    card = made.generate_model_card().text
    assert "| accuracy of the direction that it was made from | 0.97 [0.93, 0.99] |" in card
    assert "cross-validated accuracy" not in card
    guessed = learned(accuracy=0.55, accuracy_interval=[0.3, 0.8]).generate_model_card().text
    assert "perhaps nothing was learned" in guessed


def test_a_folder_with_the_file_alone_is_read_without_a_remark(tmp_path: Path) -> None:
    direction = learned()
    direction.save(tmp_path / "direction.safetensors")
    loaded = with_direction(f"print(Direction.from_pretrained({str(tmp_path)!r}).hash)")
    assert (loaded.stdout.strip(), loaded.stderr) == (direction.hash, "")


def test_the_card_is_that_of_the_direction_beside_it(tmp_path: Path) -> None:
    learned().save_pretrained(tmp_path)
    learned(licence="cc-by-4.0").save_pretrained(tmp_path)
    assert "cc-by-4.0" in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("somebody's own words")
    learned().save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "somebody's own words"


def test_what_json_cannot_say_is_refused(tmp_path: Path) -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(UsageError, match="cannot be written as JSON"):
            learned(note=value).save(tmp_path / "d.safetensors")
    assert not list(tmp_path.iterdir())


# Other sizes and other models


def test_what_was_measured_is_not_of_what_is_made_from_it() -> None:
    direction = learned(measured=MEASURED)
    for other in (direction.orthogonal_to(Direction.random((4, 8, 8), 9)),
                  direction.resampled((4, 16, 16))):  # fmt: skip
        assert "measured" not in other.provenance
        assert "accuracy" not in other.provenance
        assert other.provenance["accuracy_as_learned"] == 0.97
        assert "Not measured." in other.generate_model_card().text
    assert "height" not in direction.resampled((4, 16, 16)).provenance


def test_a_direction_is_resampled_when_asked() -> None:
    direction = learned()
    larger = direction.resampled((4, 16, 12))
    assert larger.shape == (4, 16, 12)
    assert np.linalg.norm(larger.array) == pytest.approx(1, abs=1e-5)
    assert larger.provenance["resampled_from"] == [4, 8, 8]
    assert direction.resampled((4, 8, 8)) is direction
    for shape in ((16, 8, 8), (4, 8), (4, 8, 0), (4, 8.0, 8)):
        with pytest.raises(UsageError, match="4, height, width"):
            direction.resampled(shape)


@pytest.mark.parametrize("shape", [(4, 16, 12), (4, 5, 7), (4, 1, 30)])
def test_resampling_is_that_of_torch_with_antialias(shape: tuple[int, ...]) -> None:
    cells = torch.from_numpy(learned().array.astype(np.float64))[None]
    expected = functional.interpolate(cells, shape[1:], mode="bilinear", antialias=True)[0]
    assert learned().resampled(shape).cosine(Direction.along(expected)) == pytest.approx(1)


def test_what_is_smooth_survives_there_and_back() -> None:
    rows, columns = np.mgrid[0:8, 0:8] / 8
    smooth = Direction.along(np.stack([rows, columns, rows * columns, 1 - rows]))
    assert smooth.resampled((4, 16, 16)).resampled((4, 8, 8)).cosine(smooth) > 0.99


def test_the_command_takes_a_folder_and_inspects_it(tmp_path: Path) -> None:
    learned(measured=MEASURED).save_pretrained(tmp_path / "woman")
    text = trimtab("inspect", tmp_path / "woman").out
    for said in ("gender: woman", "someone/little-model", "50, from 20000 to 20049"):
        assert said in text
    assert "gender: woman        0.10 [0.05, 0.17] -> 0.52 [0.42, 0.62]\n" in text
    assert "jewellery: jewellery 0.10 -> 0.30, not steered\n" in text
    assert "concept kept         1.00 -> 0.99\n" in text
    facts = json.loads(trimtab("inspect", tmp_path / "woman", "--json").out)
    assert facts["provenance"]["measured"] == MEASURED
    assert facts["sha256"] == learned().hash


def test_a_measured_effect_changed_by_hand_is_shown_as_it_is(tmp_path: Path) -> None:
    file = learned(measured={"group": "woman", "seen": "by me"}).save(tmp_path / "d.safetensors")
    assert "by me" in trimtab("inspect", file).out
