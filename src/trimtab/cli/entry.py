"""The entry point: errors become one line and an exit code, bugs a traceback."""

from __future__ import annotations

import itertools
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from trimtab.cli.app import app
from trimtab.cli.console import complain, finish, warn
from trimtab.cli.demo import place_of
from trimtab.errors import TrimtabError, UsageError

# Click's UsageError, the base class of all its command-line errors. typer gives it no public name,
# but typer's public BadParameter derives from it.
WRONG_USE: Any = typer.BadParameter.__base__

# What typer says of a number, which it leaves to pydantic, or to Click in earlier versions.
WANTED = re.compile(r"(?:should be|is not) (.+?)(?:, |$)")
NEAR = 0.75  # similarity, from 0 to 1, of a name that was probably meant

# The option of a command that names the store in which it keeps its work, to continue there. What
# is not listed keeps nothing.
KEEPING = {
    "demo": "out", "audit": "out", "learn": "keep", "mitigate": "out", "generate": "out",
    "sensitivity": "out",
    "paper": "out",
}  # fmt: skip


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 failure, 2 usage error.

    Parameters
    ----------
    args : sequence of str, optional
        The words after ``trimtab``; default ``sys.argv[1:]``.

    Raises
    ------
    SystemExit
        With the exit code.
    """
    words = list(sys.argv[1:] if args is None else args) or ["--help"]
    debug, code = False, 0
    context: Any = None
    rest: list[str] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        try:
            with typer.main.get_command(app).make_context("trimtab", words) as context:
                debug, rest = context.params["debug"], list(context.args)
                context.command.invoke(context)
            finish()
        except typer.Exit as leaving:
            code = leaving.exit_code
        except BrokenPipeError:  # the reader, such as `head`, closed the pipe
            code = 1
        except (Exception, KeyboardInterrupt) as error:
            command = context.invoked_subcommand if context else None
            told = _told(error, words, command, lambda: _again(context, rest))
            if debug or told is None:
                raise
            complain(str(told))
            code = told.exit_code
    raise SystemExit(code)


def _told(
    error: BaseException, words: Sequence[str], command: str | None, again: Callable[[], str]
) -> TrimtabError | None:
    """Return an error caused by the user or the machine as one of ours; None for a bug.

    `words` is the command line, and `command` the name in it; `again` says what was kept and how to
    continue.
    """
    if isinstance(error, TrimtabError):
        return error
    if isinstance(error, WRONG_USE):
        return _wrong_use(error, words, command)
    if isinstance(error, KeyboardInterrupt):
        return TrimtabError(got="an interrupt", expected="the command to finish", do=again())
    if isinstance(error, OSError):
        return TrimtabError(
            got=": ".join(filter(None, [str(error.filename or ""), error.strerror or str(error)])),
            expected="files that can be read and written",
            do=f"fix this, then {again()}",
        )
    # OutOfMemoryError is torch's, raised on an accelerator; importing it would load torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return TrimtabError(
            got="too little memory",
            expected="enough for the model and one batch of pictures",
            do=f"choose a smaller --batch-size if the command has one, then {again()}",
        )
    return None


def _again(context: Any, rest: Sequence[str]) -> str:
    """Return how to continue the command that `context` was running.

    The command's own context is gone by now, so its words, `rest`, are parsed again.
    """
    name = context.invoked_subcommand if context else None
    option = KEEPING.get(name or "")
    if option is None:
        return "run the same command again; nothing was kept"
    command = context.command.commands[name]
    given = command.make_context(name, list(rest), parent=context).params
    place = given[option]
    if name == "demo":
        place = place_of(place, quick=given["quick"], full=given["full"])
    if place is None or str(place).startswith("memory:"):
        return f"run it again from the start: nothing was kept (--{option} FOLDER keeps it)"
    if not _begun(place):
        return "run the same command again; nothing was done yet"
    return f"run the same command again to continue: finished work is kept in {place}"


def _begun(place: str | Path) -> bool:
    """Say whether there is a store; where that cannot be found out, nothing is promised."""
    from trimtab.storage import Store

    try:
        return Store(place).exists
    except (TrimtabError, OSError):
        return False


def _wrong_use(error: Any, words: Sequence[str], command: str | None) -> UsageError:
    """Return a Click error as one of ours, with the value that it concerns and what may be given.

    `command` is that of trimtab; Click leaves it out where an option lacks its value.
    """
    path = error.ctx.command_path if error.ctx else " ".join(filter(None, ("trimtab", command)))
    problem = error.format_message().rstrip(".").removeprefix("Got ")
    expected = error.ctx.get_usage().partition(":")[2].strip() if error.ctx else path
    names = getattr(getattr(error, "param", None), "opts", ())
    wanted = WANTED.search(problem)
    if hasattr(error, "possibilities") and hasattr(error, "option_name"):
        problem, expected = f"no such option: {error.option_name}", f"an option of {path}"
        if near := get_close_matches(error.option_name, error.possibilities or (), 1, NEAR):
            expected += f", perhaps {near[0]}"
    elif hasattr(error, "option_name"):
        expected = f"the option as {path} takes it"
    elif wanted and names:
        value = _value_of(names, words)
        problem = f"{value} for {max(names, key=len)!r}"
        expected = wanted[1] if wanted[1].startswith("a ") else f"a number {wanted[1]}"
    do = f"see {path} --help"
    return UsageError(got=problem[:1].lower() + problem[1:], expected=expected, do=do)


def _value_of(names: Sequence[str], words: Sequence[str]) -> str:
    """Return the last value that was given to an option on a command line, in quotes."""
    value = "a value"
    for word, after in itertools.pairwise((*words, "")):
        name, equals, own = word.partition("=")
        if name in names:
            value = repr(own if equals else after)
    return value
