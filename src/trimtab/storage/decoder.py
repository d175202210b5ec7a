"""The process that decodes the user's own files, so that no file can end a run.

Image libraries are written in C. A damaged file can make them crash, hang, or fill the memory, and
then no `except` helps. So files are decoded by one process, which is started with the first file,
kept for all others, and replaced after a crash. It receives one line of JSON per file and answers
with one line and the pixels.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from trimtab.errors import FileError
from trimtab.storage.formats import shown_name
from trimtab.storage.reduction import Reduction

TIMEOUT = 60.0
"""Seconds after which a file counts as one that cannot be read."""
START_TIMEOUT = 300.0
_TRIES = 2  # the process may have crashed because of what an earlier file left behind
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from trimtab.storage.decoder_process import serve; serve()"
)
_Given = str | os.PathLike[str]


class UnreadableError(FileError):
    """A file that cannot be read as a picture; `reason` says why."""

    def __init__(self, path: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            got=f"picture {path}, which cannot be read ({reason})",
            expected="a complete picture",
            do="replace or remove it",
        )


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture read from a file.

    Attributes
    ----------
    image : PIL.Image.Image
        In RGB, as a viewer shows it; reduced if that was requested.
    picture : str
        The hash of its content at full size, `trimtab.storage.picture_hash`.
    blank : bool
        Whether nothing is visible in it.
    size : tuple of int
        Width and height in full.
    thumbnail : PIL.Image.Image, optional
        A small copy, if it was requested.
    """

    image: Image.Image
    picture: str
    blank: bool
    size: tuple[int, int]
    thumbnail: Image.Image | None


class _LostError(Exception):
    """The process ended, or did not answer in time."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class Decoder:
    """A process that decodes files, started when needed.

    Parameters
    ----------
    timeout : float, optional
        Seconds after which a file is given up.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(
        self, path: _Given, reduction: Reduction | None = None, *, thumbnail: int = 0
    ) -> Decoded:
        """Read a picture from a file.

        Parameters
        ----------
        path : str or Path
            The file.
        reduction : Reduction, optional
            How to reduce a large picture.
        thumbnail : int, optional
            The length of the longer side of a small copy, in pixels; 0 for none.

        Raises
        ------
        UnreadableError
            If it cannot be read, for whatever reason.
        """
        name = shown_name(os.fspath(path))
        request = {
            "path": os.fsencode(os.path.abspath(path)).hex(),
            "reduction": None if reduction is None else reduction.to_dict(),
            "thumbnail": thumbnail,
            "seconds": self.timeout,
        }
        with self._lock:
            answer, pixels = self._asked(name, json.dumps(request).encode() + b"\n")
        if "problem" in answer:
            raise UnreadableError(name, answer["problem"])
        size, small = tuple(answer["given"]), answer["thumbnail"]
        end = size[0] * size[1] * 3
        image = Image.frombytes("RGB", size, pixels[:end])
        image.info |= answer["texts"]
        return Decoded(
            image,
            answer["picture"],
            answer["blank"],
            tuple(answer["size"]),
            Image.frombytes("RGB", tuple(small), pixels[end:]) if small else None,
        )

    def close(self) -> None:
        """End the process; the next file starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        if self._owner == os.getpid():  # after a fork, it is the parent's
            process.kill()
            process.wait()

    def _asked(self, name: str, line: bytes) -> tuple[dict[str, Any], memoryview]:
        """Return the answer about one file, or the problem that the process died of."""
        for tries in range(1, _TRIES + 1):
            try:
                answer, pixels = self._exchange(line)
            except _LostError as error:
                self.close()
                if not error.again or tries == _TRIES:
                    return {"problem": str(error)}, memoryview(b"")
                continue
            except BaseException:  # an interrupt: the answer would be taken for the next one
                self.close()
                raise
            if not answer.get("again"):
                return answer, pixels
            self.close()  # what earlier files left behind may have filled the memory
            if tries == _TRIES:
                return answer, pixels
        raise AssertionError  # unreachable

    def _exchange(self, line: bytes) -> tuple[dict[str, Any], memoryview]:
        process = self._running()
        stdin, stdout = _pipes(process)
        deadline = time.monotonic() + self.timeout
        try:
            os.write(stdin, line)  # a line is shorter than a pipe's buffer
        except OSError as error:
            raise _LostError(_last_words(process), again=True) from error
        head = b""
        while b"\n" not in head:
            head += self._read(process, stdout, deadline)
        text, _, rest = head.partition(b"\n")
        answer = json.loads(text)
        pixels = bytearray(int(answer["bytes"]))
        pixels[: len(rest)] = rest
        view, at = memoryview(pixels), len(rest)
        while at < len(pixels):
            self._wait(stdout, deadline)
            got = os.readv(stdout, [view[at:]])
            if not got:
                raise _LostError(_last_words(process), again=True)
            at += got
        return answer, view

    def _read(self, process: subprocess.Popen[bytes], pipe: int, deadline: float) -> bytes:
        self._wait(pipe, deadline)
        data = os.read(pipe, 1 << 16)
        if not data:
            raise _LostError(_last_words(process), again=True)
        return data

    def _wait(self, pipe: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise _LostError(f"decoding takes more than {self.timeout:g} s", again=False)

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process, started if there is none, or if it belongs to a parent."""
        found = self._process
        if found is not None and self._owner == os.getpid() and found.poll() is None:
            return found
        self.close()
        # Warnings would be errors if the environment asks for that, and a session of its own keeps
        # Ctrl-C from the process: the answer would be lost, and the run would go on.
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},  # each takes some of its address space
            start_new_session=True,
        )
        self._owner = os.getpid()
        try:
            # Starting takes seconds on a busy machine, for which no file is to blame.
            self._wait(_pipes(self._process)[1], time.monotonic() + START_TIMEOUT)
            ready = os.read(_pipes(self._process)[1], 1)
        except _LostError:
            ready = b""
        if not ready:
            self.close()
            raise FileError(
                got=f"no answer from the process that decodes pictures ({sys.executable})",
                expected="a Python that can import trimtab and Pillow",
                do="check the environment",
            )
        return self._process


def _pipes(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin.fileno(), process.stdout.fileno()


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """Return why the process ended."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "the decoder stopped answering"
    try:
        how = signal.Signals(-code).name
    except ValueError:
        how = f"exit code {code}"
    return f"the decoder crashed: {how}"


_shared = Decoder()
atexit.register(_shared.close)


def read_file(path: _Given, reduction: Reduction | None = None, *, thumbnail: int = 0) -> Decoded:
    """Read a picture with the decoder that all share, as in `Decoder.read`."""
    return _shared.read(path, reduction, thumbnail=thumbnail)


def read_picture(path: Path) -> Image.Image:
    """Read a picture from a local file, in RGB, as a viewer shows it.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    """
    return read_file(path).image
