"""What a study does: which prompt, which attributes, how many pictures for each decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trimtab.concepts import Attribute, concept_in, concept_pack
from trimtab.errors import UsageError
from trimtab.latents import AUDIT_SEEDS, CALIBRATION_SEEDS, CAPTURE_SEEDS

STEP_FRACTIONS = (0.1, 0.15, 0.2, 0.3)  # of the run: where a direction may be learned
PLAIN_BLOCKS = 3  # times as many calibration pictures without steering as at a dose
MOST_DOSES = 20  # of one attribute, its sums among them


def capture_steps(num_inference_steps: int) -> list[int]:
    """Return the steps of a run of this many at which a direction may be learned."""
    return sorted({max(1, round(f * num_inference_steps)) for f in STEP_FRACTIONS})


@dataclass(frozen=True)
class Plan:
    """The settings of one study.

    Parameters
    ----------
    prompt : str
        A neutral prompt that names one concept of the pack, e.g. "a photo of a doctor".
    attributes : sequence of Attribute
        What to mitigate, of two groups each. Each direction is made orthogonal to those of the
        attributes after it.
    pack : str
        The pack of concepts that the prompt's own concept is told from.
    watch : sequence of Attribute
        Other attributes, looked at for spillover only.
    n : int
        Audit pictures of every arm.
    n_capture : int
        Seeds of each contrast.
    n_dose : int
        Calibration pictures at every strength; three times as many without steering, since
        all others are compared with these.
    controls : int
        Random directions run at the strength of each learned one.
    generic : bool
        Whether the paper's way runs beside: the generic contrast ("a photo of a woman"), an SVM.
    generic_doses : bool
        Whether that gets a dose-response of its own.
    num_inference_steps : int, optional
        As in diffusers; the model's own default where not given.
    guidance_scale : float, optional
        Likewise.
    batch_size : int
        Images in one call of the pipeline.

    Raises
    ------
    UsageError
        If the prompt names no concept of the pack, an attribute has not two groups, or a number is
        out of range.
    """

    prompt: str
    attributes: Sequence[Attribute]
    pack: str = "townsfolk"
    watch: Sequence[Attribute] = ()
    n: int = 100
    n_capture: int = 50
    n_dose: int = 30
    controls: int = 1
    generic: bool = True
    generic_doses: bool = False
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    batch_size: int = 10
    concept: str = field(init=False)
    concepts: Attribute = field(init=False)

    def __post_init__(self) -> None:
        """Look the names up and check the numbers."""
        room = min(map(len, (AUDIT_SEEDS, CALIBRATION_SEEDS, CAPTURE_SEEDS)))
        for name, low, parts in (
            ("n", 2, 1),
            ("n_capture", 5, 1),
            ("n_dose", 5, PLAIN_BLOCKS + MOST_DOSES),
            ("controls", 0, 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= room // parts:
                raise UsageError(
                    got=f"{name}={value!r}",
                    expected=f"a whole number from {low} to {room // parts}",
                    do="choose another number",
                )
        if not self.attributes:
            raise UsageError(got="no attributes", expected="at least one", do="name one")
        for one in self.attributes:
            if len(one.groups) != 2:
                raise UsageError(
                    got=f"the attribute {one.name!r} of {len(one.groups)} groups",
                    expected="two groups, to be brought to one half each",
                    do="watch it instead, or choose an attribute of two groups",
                )
        concepts = concept_pack(self.pack)
        concept = concept_in(self.prompt, concepts)
        if concept is None:
            raise UsageError(
                got=f"prompt {self.prompt!r}",
                expected=f"one that names a concept of the pack {self.pack!r}",
                do=f"name one of {', '.join(concepts.names[:4])}, … or choose another pack",
            )
        object.__setattr__(self, "concepts", concepts)
        object.__setattr__(self, "concept", concept)

    @property
    def audit_seeds(self) -> range:
        """Seeds that no decision has seen."""
        return AUDIT_SEEDS[: self.n]

    def calibration_seeds(self, dose: int = 0) -> range:
        """Seeds that a strength is chosen on: others for every dose; dose 0 is without steering.

        The same seeds at every dose would carry the luck of one draw into all of them.
        """
        first, last = (PLAIN_BLOCKS + dose - 1 if dose else 0), PLAIN_BLOCKS + dose
        return CALIBRATION_SEEDS[first * self.n_dose : last * self.n_dose]

    @property
    def capture_seeds(self) -> range:
        """Seeds that directions are learned from."""
        return CAPTURE_SEEDS[: self.n_capture]

    @property
    def seed_ranges(self) -> dict[str, list[int]]:
        """First seed of each purpose and the one after its last, for records."""
        seeds = {
            "audit": self.audit_seeds,
            "calibration": CALIBRATION_SEEDS[: (PLAIN_BLOCKS + MOST_DOSES) * self.n_dose],
            "capture": self.capture_seeds,
        }
        return {purpose: [some.start, some.stop] for purpose, some in seeds.items()}
