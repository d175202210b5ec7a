"""Errors that trimtab raises. Each says in one line what it got, what it expected, what to do."""

from __future__ import annotations

from pathlib import PurePath


class TrimtabError(Exception):
    """Base class of all errors that trimtab raises; the command line prints them on one line.

    Parameters
    ----------
    got : str
        What was found, with the value.
    expected : str
        What would have been accepted.
    do : str
        What to do next, as an imperative.
    """

    exit_code = 1

    def __init__(self, *, got: str, expected: str, do: str) -> None:
        self.got, self.expected, self.do = got, expected, do
        super().__init__(f"got {got}; expected {expected}; {do}")


class UsageError(TrimtabError, ValueError):
    """An argument is invalid: unknown name, number out of range, empty prompt (exit code 2)."""

    exit_code = 2


class ModelError(TrimtabError):
    """A model cannot be loaded, or a pipeline does not behave as its family requires."""


class FileError(TrimtabError):
    """A file or folder is missing, damaged, foreign or full, or holds other settings."""


LONGEST = 200
"""Characters of another library's message that are quoted."""
CAUSES = {
    "LocalEntryNotFoundError": "it is not in the cache, and the Hub is unreachable or disabled by "
    "HF_HUB_OFFLINE",
    "RepositoryNotFoundError": "the repository does not exist, or is private",
    "EntryNotFoundError": "the repository does not contain the required file",
}
"""Error class in huggingface_hub, whose own messages take several lines -> what it means."""


def cause(error: BaseException) -> str:
    """Return on one line why a library could not read something, with Hub errors first."""
    chain: BaseException | None = error
    while chain is not None:
        kinds = {kind.__name__ for kind in type(chain).__mro__}
        for name, reason in CAUSES.items():
            if name in kinds:
                return reason
        chain = chain.__cause__ or chain.__context__
    file = getattr(error, "filename", None)
    return first_line(error) + (f": {PurePath(file).name}" if isinstance(file, str) else "")


def first_line(error: BaseException) -> str:
    """Return the first line of an error message, to quote in one of ours: no numbers of errno."""
    said = getattr(error, "strerror", None) or str(error)
    line = (said.strip().splitlines() or [type(error).__name__])[0]
    if len(line) <= LONGEST:
        return line
    return (line[:LONGEST].rpartition(" ")[0] or line[:LONGEST]) + " …"
