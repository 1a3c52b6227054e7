"""One changed file read once: what came out, how long it took, how much memory it took."""

from __future__ import annotations

import signal
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from subnets.errors import INPUT_ERRORS
from tests.survival.readers import Reader

SECONDS = 10  # after which a reader hangs
TIMES_THE_FILE = 10
ALWAYS = 32 << 20  # bytes that any file may take: a small text, parsed, is many times as large


@dataclass(frozen=True)
class Attempt:
    """What became of a changed file.

    Attributes:
        outcome: `unchanged`, `refused`, `accepted`, or what must not be: one of `BAD` (`words`: an error that does not
            name the file, or is not one printable line).
        said: the error's text, if there was one.
        seconds: it took.
        peak: bytes that Python and numpy allocated at most.
    """

    outcome: str
    said: str
    seconds: float
    peak: int


BAD = ("another content", "crash", "hang", "memory", "words")


def attempt(reader: Reader, folder: Path, *, sound: bytes, expected: Any, draw: Random) -> Attempt:
    """Changes the file of a reader in its folder and reads it; `sound` and `expected` are what it was."""
    content = draw.choice(list(reader.mutators))(sound, draw)
    return tried(reader, folder, content=content, sound=sound, expected=expected)


def tried(reader: Reader, folder: Path, *, content: bytes, sound: bytes, expected: Any) -> Attempt:
    """Reads the folder with a content in the file's place."""
    (folder / reader.name).write_bytes(content)
    with counted():
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        began = time.perf_counter()
        outcome, said = _read(reader, folder, unchanged=content == sound, expected=expected)
        seconds = time.perf_counter() - began
        peak = tracemalloc.get_traced_memory()[1] - before
    if peak > max(ALWAYS, TIMES_THE_FILE * len(content)):
        outcome, said = "memory", f"{peak} bytes for a file of {len(content)}"
    return Attempt(outcome, said, seconds, peak)


@contextmanager
def counted() -> Iterator[None]:
    """Within, what Python and numpy allocate is counted.

    Where many attempts follow each other one of these is put around them all: each time it stops counting, CPython
    3.11 loses about 37 bytes for every line of source that allocated anything, 80 KB for the reading of a run.
    """
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def _read(reader: Reader, folder: Path, *, unchanged: bool, expected: Any) -> tuple[str, str]:
    previous = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        found = reader.read(folder)
    except INPUT_ERRORS as problem:
        said = str(problem)
        fine = str(folder) in said and "\n" not in said and said.isprintable()
        return ("refused" if fine else "words"), said
    except _TooLong:
        return "hang", f"more than {SECONDS} s"
    except Exception as problem:  # a crash is what is looked for
        return "crash", f"{type(problem).__name__}: {problem}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if unchanged:
        return "unchanged", ""
    if reader.guarded and found != expected:
        return "another content", repr(found)[:200]
    return "accepted", ""


class _TooLong(BaseException):
    """What no reader may catch."""


def _too_long(_signal: int, _frame: object) -> None:
    raise _TooLong
