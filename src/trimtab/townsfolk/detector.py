"""The detector: names the objects in townsfolk pictures, with their boxes.

A small network without anchors, in the manner of CenterNet (Zhou et al., "Objects as points",
arXiv 1904.07850): a heat map of centres for each kind of object, and at each centre the place
within its cell and the size of the box. It is trained on the true boxes of drawings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import as_file, files

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from trimtab.errors import UsageError
from trimtab.recognition.detection import Detection
from trimtab.storage import sha256
from trimtab.townsfolk.batches import batches, other_sizes
from trimtab.townsfolk.canvas import SIZE

STRIDE = 4  # pixels a cell
CELLS = SIZE // STRIDE
FILE = "detector.safetensors"
_CODE = b"townsfolk detector 1"  # increment with every change here that affects a finding

OBJECTS = (
    "apple", "apron", "arch", "atom", "axe", "banner", "blackboard", "boat", "book", "bookshelf",
    "bouquet", "branch", "brick wall", "briefcase", "car", "chart", "chef hat", "circlet",
    "clipboard", "clothes", "cloud", "cottage", "crescent collar", "cross sign", "curtain", "duck",
    "dungarees", "earring", "fence", "finch", "flame", "flask", "flowers", "garden", "garland",
    "gears", "glasses", "goggles", "gown", "gull", "hammer", "hard hat", "heart", "helmet", "heron",
    "hut", "kitchen pans", "lanterns", "mansion", "medicine bottle", "model plane", "mushroom",
    "neckerchief", "necklace", "nurse cap", "owl", "person", "pilot cap", "pitchfork", "pool",
    "post", "reeds", "robe", "robin", "rock", "safety vest", "smoke", "sparrow", "stethoscope",
    "straw hat", "suit", "sun", "swan", "thatch roof", "tie", "tree", "trees", "veil", "villa",
    "water", "window", "wooden spoon", "wrench",
)  # fmt: skip
"""The kinds of objects that it knows, as the renderer names them."""


class ObjectDetector(nn.Module):
    """A convolutional network that is coarse and fine at once.

    Input: pictures (n, 3, 128, 128) in [-1, 1]. Output: logits of centres (n, K, 32, 32), and boxes
    (n, K, 4, 32, 32): the centre within its cell, in cells, and the logarithm of width and height
    in cells.
    """

    def __init__(self, widths: Sequence[int] = (24, 48, 80, 112), width: int = 72) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip((3, *widths), widths, strict=False)
        )
        self.middle = nn.Sequential(
            nn.Conv2d(widths[-1], widths[-1], 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(widths[-1], width, 3, padding=1),
        )
        # From 8 x 8 to 16 x 16 and 32 x 32 cells, each with what the way down saw there.
        self.beside = nn.ModuleList(nn.Conv2d(one, width, 1) for one in widths[-2:-4:-1])
        self.up = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
            for _ in self.beside
        )
        self.heat = nn.Conv2d(width, len(OBJECTS), 1)
        self.box = nn.Conv2d(width, 4 * len(OBJECTS), 1)
        # Nearly all cells are empty.
        self.heat.bias = nn.Parameter(torch.full((len(OBJECTS),), -4.0))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of centres, and boxes."""
        seen = []
        for layer in self.down:
            images = layer(images)
            seen.append(images)
        x = self.middle(images)
        for beside, up, fine in zip(self.beside, self.up, seen[-2::-1], strict=False):
            x = F.interpolate(x, scale_factor=2, mode="nearest") + beside(fine)
            x = x + up(x)
        x = F.silu(x)
        return self.heat(x), self.box(x).unflatten(1, (len(OBJECTS), 4))


def _block(before: int, after: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1),
        nn.GroupNorm(8, after),
        nn.SiLU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.SiLU(),
    )


class TownsfolkDetector:
    """The detector of townsfolk, which knows `OBJECTS` and nothing else.

    Parameters
    ----------
    model : ObjectDetector
        The trained network.
    fingerprint : str
        Fingerprint of its weights and of this code.
    least : float, optional
        The least score of what it reports.
    """

    name = "townsfolk detector"
    phrases = OBJECTS

    def __init__(self, model: ObjectDetector, fingerprint: str = "", least: float = 0.3) -> None:
        self.model, self.fingerprint, self.least = model.eval(), fingerprint, least

    def detect(
        self, images: Sequence[Image.Image], phrases: Sequence[str] = OBJECTS
    ) -> list[list[Detection]]:
        """Return the objects found in each picture, best first.

        Parameters
        ----------
        images : sequence of PIL.Image
            Townsfolk pictures, 128 x 128.
        phrases : sequence of str
            Some of `OBJECTS`.

        Raises
        ------
        UsageError
            If a phrase is not one of `OBJECTS`, or a picture has another size.
        """
        strange = [phrase for phrase in phrases if phrase not in OBJECTS]
        sizes = other_sizes(images)
        if strange or sizes:
            raise UsageError(
                got=f"a picture of {sizes.pop()} pixels" if sizes else f"the phrase {strange[0]!r}",
                expected=f"pictures of {SIZE} x {SIZE} and phrases among {', '.join(OBJECTS)}",
                do="use another detector: this one knows only townsfolk pictures",
            )
        return [[one for one in some if one.phrase in phrases] for some in self._every(images)]

    @torch.no_grad()
    def _every(self, images: Sequence[Image.Image]) -> Iterator[list[Detection]]:
        for tensor, n in batches(images):
            heat, box = self.model(tensor)
            score = heat.sigmoid()
            score = score * (score == F.max_pool2d(score, 3, stride=1, padding=1))
            yield from (_decoded(score[i], box[i], self.least) for i in range(n))


@cache
def load_detector() -> TownsfolkDetector:
    """Load the trained detector from the package."""
    model = ObjectDetector()
    with as_file(files("trimtab.townsfolk") / "models" / "townsfolk" / "recogniser" / FILE) as path:
        model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
        return TownsfolkDetector(model, sha256(path.read_bytes() + _CODE))


def _decoded(score: torch.Tensor, box: torch.Tensor, least: float) -> list[Detection]:
    kinds, rows, columns = (score >= least).nonzero(as_tuple=True)
    centre_x, centre_y, width, height = box[kinds, :, rows, columns].double().T
    x, y = (columns + centre_x) * STRIDE, (rows + centre_y) * STRIDE
    w, h = (one.clamp(-2, 4).exp() * STRIDE / 2 for one in (width, height))
    corners = torch.stack([x - w, y - h, x + w, y + h], dim=1).clamp(0, SIZE)
    values = score[kinds, rows, columns]
    return [
        Detection(OBJECTS[kinds[i]], float(values[i]), tuple(corners[i].tolist()))
        for i in values.argsort(descending=True).tolist()
    ]
