"""The door of the command line: an error is one line and an exit code, a bug is a traceback."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer

from trimtab.cli.app import app
from trimtab.cli.console import complain, finish, warn
from trimtab.errors import TrimtabError, UsageError

# Click's own UsageError, from which every complaint about a command line derives. It has no public
# name in typer, but typer's public BadParameter is a kind of it.
WRONG_USE: Any = typer.BadParameter.__base__

# The option of a command that names the folder in which it keeps its work, to continue there. What
# is not listed keeps nothing.
KEEPING = {"demo": "out", "audit": "out", "learn": "keep", "generate": "out"}
ALWAYS = ("demo",)  # without that option, it names a folder itself


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave: 0 done, 1 failed, 2 wrong use.

    Parameters
    ----------
    args : sequence of str, optional
        The words after ``trimtab``; those of this process where not given.

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
        except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
            code = 1
        except (Exception, KeyboardInterrupt) as error:
            told = _told(error, words, lambda: _again(context, rest))
            if debug or told is None:
                raise
            complain(str(told))
            code = told.exit_code
    raise SystemExit(code)


def _told(
    error: BaseException, words: Sequence[str], again: Callable[[], str]
) -> TrimtabError | None:
    """Say what the user, the system or the machine is the cause of; None for a bug.

    `words` is the command line; `again` says what is left of the work, and how to go on.
    """
    if isinstance(error, TrimtabError):
        return error
    if isinstance(error, WRONG_USE):
        return _wrong_use(error, words)
    if isinstance(error, KeyboardInterrupt):
        return TrimtabError(got="an interrupt", expected="to finish", do=again())
    if isinstance(error, OSError):
        return TrimtabError(
            got=": ".join(filter(None, [str(error.filename or ""), error.strerror or str(error)])),
            expected="files that can be read and written",
            do=f"see to it, then {again()}",
        )
    # The second is torch's, on an accelerator; its class is not at hand without loading torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return TrimtabError(
            got="too little memory",
            expected="room for the model and one batch of pictures",
            do=f"choose a smaller --batch-size where there is one, then {again()}",
        )
    return None


def _again(context: Any, rest: Sequence[str]) -> str:
    """Say whether the command that `context` was to run has kept what it did.

    Its own context is gone by now, so its words, `rest`, are read once more.
    """
    name = context.invoked_subcommand if context else None
    option = KEEPING.get(name or "")
    if option is None:
        return "run the same command again; nothing was kept"
    command = context.command.commands[name]
    folder = command.make_context(name, list(rest), parent=context).params[option]
    if folder is None and name not in ALWAYS:
        return f"run it again from the start: nothing was kept (--{option} FOLDER keeps it)"
    if folder is not None and not folder.exists():
        return "run the same command again; nothing was done yet"
    where = f" in {folder}" if folder else ""
    return f"run the same command again to continue: what was done is kept{where}"


def _wrong_use(error: Any, words: Sequence[str]) -> UsageError:
    """Put a complaint of Click into our words, with the value that it is about."""
    problem = error.format_message().rstrip(".")
    names = getattr(getattr(error, "param", None), "opts", ())
    for option, value in itertools.pairwise(words):
        if option in names:
            problem = problem.replace("Invalid value", f"Invalid value {value!r}", 1)
    usage = error.ctx.get_usage().partition(":")[2].strip() if error.ctx else "trimtab COMMAND"
    path = error.ctx.command_path if error.ctx else "trimtab"
    return UsageError(
        got=problem[:1].lower() + problem[1:], expected=usage, do=f"see {path} --help"
    )
