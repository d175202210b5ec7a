"""The notation of interventions on the command line: ``FILE``, ``FILE=STRENGTH``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trimtab.errors import UsageError
from trimtab.interventions.adjustment import Adjustment, parts_of
from trimtab.interventions.direction import Direction
from trimtab.interventions.embedding import EmbeddingAdjustment
from trimtab.interventions.file import DIRECTION, MITIGATION, kind_of
from trimtab.interventions.hub import HUB_ID, fetched
from trimtab.interventions.intervention import Intervention
from trimtab.interventions.projection import LAM, CalibratedProjection
from trimtab.interventions.shift import EmbeddingShift, Where
from trimtab.interventions.words import JOINT, AddedWords

ARROW, EQUAL = "->", "=="
OPTIONS = {
    "words": "--add-words",
    "shifts": "--shift",
    "after": "--shift-after-words",
    "pairs": "--project",
    "off": "--project-off",
}
"""The options of the command line by the parameters of `parse_adjustment`."""
STRONGEST = 100.0
"""In standard deviations; well before this, only the direction is left of the noise."""


def find(name: str | Path) -> Direction | Intervention:
    """Read a direction or a mitigation from a file, a folder, or a repository on the Hub.

    Parameters
    ----------
    name : str or Path
        A path, or ``"org/name"``; existing paths take precedence.

    Raises
    ------
    FileError
        If it does not exist, or is damaged.
    """
    file = _file_of(name)
    try:
        with file.open("rb") as content:
            kind = kind_of(content)
    except OSError:
        kind = None  # which Direction.load says in its own words
    return Intervention.load(file) if kind is MITIGATION else Direction.load(file)


def load_intervention(name: str | Path, strength: float | None = None) -> Intervention:
    """Read a direction or a mitigation as an intervention.

    Parameters
    ----------
    name : str or Path
        A file, a folder, or a Hub repository ``"org/name"``; existing paths take precedence.
    strength : float, optional
        For a direction, the strength in standard deviations of the noise. For a mitigation, a
        factor for its own strengths; its provenance is then dropped, since its measurements no
        longer apply.

    Raises
    ------
    FileError
        If it does not exist, or is damaged.
    UsageError
        If it is a direction and no strength is given.
    """
    found = find(name)
    if isinstance(found, Intervention):
        return found if strength is None else found * strength
    if strength is None:
        raise UsageError(
            got=f"{name}, a direction, without a strength",
            expected="FILE=STRENGTH, or strength= in Python; only a mitigation has its own",
            do="add the strength in standard deviations of the noise, e.g. 3.5",
        )
    return Intervention(strength * found)


def parse_steering(items: Sequence[str]) -> Intervention:
    """Return the sum of all ``--steer`` options.

    ``FILE=STRENGTH`` is a direction with a strength, ``FILE`` a mitigation, and ``FILE=0.5`` a
    mitigation at half its strengths. ``FILE`` may also be a folder or a Hub repository.

    Parameters
    ----------
    items : sequence of str
        The value of each ``--steer``.

    Raises
    ------
    FileError
        If a file cannot be read.
    UsageError
        If a strength is missing, not a number or out of range, or the parts cannot be combined.
    """
    total = Intervention()
    for item in items:
        name, strength = _parse(item)
        part = load_intervention(name, strength)
        for direction, found in part.steering.terms:
            _check_strength(item, f"{found:g} of {direction.name}", found)
        total = part if len(items) == 1 else total + part
    return total


def parse_words(items: Sequence[str]) -> AddedWords | None:
    """Return the words of all ``--add-words`` options.

    A single text is added to every prompt. From several, ``TEXT=WEIGHT``, each picture draws one.

    Parameters
    ----------
    items : sequence of str
        The value of each ``--add-words``; the result is None if there are none.

    Raises
    ------
    UsageError
        If one of several has no weight, or one is given twice.
    """
    if not items:
        return None
    if len(items) == 1:
        return AddedWords(items[0])
    weights: dict[str, float] = {}
    for item in items:
        text, _, weight = item.rpartition("=")
        number = _number(weight)
        if number is None or "=" not in item or text in weights:
            raise UsageError(
                got=f"--add-words {item!r}",
                expected="TEXT=WEIGHT, each text once, where there are several",
                do="add the weight, e.g. 'smiling=1'",
            )
        weights[text] = number
    return AddedWords(weights)


def parse_shift(item: str, where: Where = "all") -> EmbeddingShift:
    """Return the shift of one ``--shift`` option, ``AWAY -> TOWARDS=STRENGTH``.

    Parameters
    ----------
    item : str
        E.g. "a photo of a man -> a photo of a woman=0.5".
    where : {"all", "after"}
        As in `EmbeddingShift`.

    Raises
    ------
    UsageError
        If it is not written like this, or the strength is out of range.
    """
    away, arrow, rest = item.partition(ARROW)
    towards, equals, text = rest.rpartition("=")
    strength = _number(text)
    if not arrow or not equals or strength is None:
        raise UsageError(
            got=f"--shift {item!r}",
            expected="AWAY -> TOWARDS=STRENGTH",
            do="write e.g. 'a photo of a man -> a photo of a woman=0.5'",
        )
    return EmbeddingShift(away.strip(), towards.strip(), strength, where)


def parse_pair(item: str) -> tuple[str, str]:
    """Return the prompts of one ``--project`` option, ``ONE == OTHER``.

    Raises
    ------
    UsageError
        If it is not written like this.
    """
    one, sign, other = item.partition(EQUAL)
    if not sign:
        raise UsageError(
            got=f"--project {item!r}",
            expected="ONE == OTHER",
            do="write e.g. 'a photo of a woman doctor == a photo of a man doctor'",
        )
    return one.strip(), other.strip()


def written(adjustment: Adjustment | None) -> list[str] | None:
    """Return an adjustment as options of the command line.

    Parameters
    ----------
    adjustment : Adjustment or None
        The adjustment.

    Returns
    -------
    list of str or None
        None if options cannot express it.
    """
    values: dict[str, list[str]] = {name: [] for name in OPTIONS}
    lam = LAM
    for part in parts_of(adjustment):
        match part:
            case AddedWords() if part.joint == JOINT:
                values["words"] += _written_words(part)
            case EmbeddingShift():
                name = "shifts" if part.where == "all" else "after"
                values[name].append(f"{part.away} {ARROW} {part.towards}={part.strength!r}")
            case CalibratedProjection():
                values["pairs"] += [f"{one} {EQUAL} {other}" for one, other in part.pairs]
                values["off"] += part.biased
                lam = part.lam
            case _:
                return None
    try:  # options lose the order of parts, and prompts may contain the signs
        again = parse_adjustment(**values, lam=lam)
    except UsageError:
        return None
    if again != _unbound(adjustment):
        return None
    options = [f"{OPTIONS[name]}={one}" for name, some in values.items() for one in some]
    return options if lam == LAM else [*options, f"--project-lam={lam!r}"]


def parse_adjustment(
    words: Sequence[str] = (),
    shifts: Sequence[str] = (),
    after: Sequence[str] = (),
    pairs: Sequence[str] = (),
    off: Sequence[str] = (),
    lam: float = LAM,
) -> Adjustment | None:
    """Return the sum of the adjustments on the command line, or None if there are none.

    Parameters
    ----------
    words, shifts, after, pairs, off : sequence of str
        The values of each ``--add-words``, ``--shift``, ``--shift-after-words``, ``--project`` and
        ``--project-off``.
    lam : float
        The value of ``--project-lam``.

    Raises
    ------
    UsageError
        If one is not written as it should be, or a number is out of range.
    """
    parts: list[Adjustment] = []
    if (found := parse_words(words)) is not None:
        parts.append(found)
    parts += [parse_shift(item) for item in shifts]
    parts += [parse_shift(item, "after") for item in after]
    if pairs or off:
        parts.append(CalibratedProjection(map(parse_pair, pairs), lam, off))
    return sum(parts[1:], parts[0]) if parts else None


def _unbound(adjustment: Adjustment | None) -> Adjustment | None:
    """Return an adjustment for any text encoder, as the command line makes it."""
    parts = [
        one.with_encoder() if isinstance(one, EmbeddingAdjustment) else one
        for one in parts_of(adjustment)
    ]
    return sum(parts[1:], parts[0]) if parts else None


def _written_words(words: AddedWords) -> list[str]:
    """Return the texts that `parse_words` reads as these words."""
    if len(words.words) == 1:
        return [words.words[0][0]]
    return [f"{text}={weight!r}" for text, weight in words.words]


def _parse(item: str) -> tuple[str, float | None]:
    name, equals, text = item.rpartition("=")
    if not equals or Path(item).exists():
        return item, None
    strength = _number(text)
    if not name or strength is None:
        raise UsageError(
            got=f"--steer {item!r}",
            expected="FILE=STRENGTH, e.g. woman.safetensors=3.5",
            do="add the strength in standard deviations of the noise",
        )
    _check_strength(item, text, strength)
    return name, strength


def _check_strength(item: str, said: str, strength: float | tuple[float, ...]) -> None:
    if isinstance(strength, tuple) or not -STRONGEST <= strength <= STRONGEST:  # NaN is neither
        raise UsageError(
            got=f"strength {said} in --steer {item!r}",
            expected=f"a number from {-STRONGEST:g} to {STRONGEST:g}",
            do="choose another; 1 to 10 is typical",
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _file_of(name: str | Path) -> Path:
    path = Path(name)
    if path.is_dir():
        mitigation = path / MITIGATION.file
        return mitigation if mitigation.exists() else path / DIRECTION.file
    if not path.exists() and HUB_ID.fullmatch(str(name)):
        return fetched(str(name), (MITIGATION, DIRECTION))
    return path
