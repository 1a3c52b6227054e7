"""Measuring fairly: sides that take turns, ratios taken turn by turn, and processes that each have their own memory."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

from tests.benchmarks.sizes import Size


class Skipped(Exception):
    """What a row needs is not here."""


class Unequal(Exception):
    """The sides of a row do not come to the same result, so there is nothing to compare."""


@dataclass(frozen=True)
class Setting:
    """What the command asks of a row.

    Attributes:
        repeats: how often the sides take turns; None: as often as the row finds right.
        checkpoint: a folder with a real pre-trained encoder.
        data: a folder of real data, laid out as `data=files` reads it.
    """

    size: Size
    repeats: int | None = None
    device: str = "cpu"
    checkpoint: str | None = None
    data: str | None = None

    def turns(self, usual: int) -> int:
        """How often the sides take turns."""
        return self.repeats or usual

    def on_cpu_only(self) -> None:
        """Raises Skipped on another device."""
        if self.device != "cpu":
            raise Skipped("it does not depend on the device; measured with --device cpu")


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles of some numbers."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of one number or more.

    >>> spread([1.0, 3.0, 2.0])
    Spread(median=2.0, low=1.5, high=2.5)
    """
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def take_turns(sides: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, list[Any]]:
    """What each side gives at each of its turns. Every second time they go in the other order: A B, B A, A B.

    So what a machine does in the meantime (other work, heat) befalls all of them alike, and none is always first.
    """
    found: dict[str, list[Any]] = {name: [] for name in sides}
    for turn in range(turns):
        for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(sides[name]())
    return found


def timed(work: Callable[[], object]) -> float:
    """Seconds by the clock that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def timed_turns(sides: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Seconds of each side at each of its turns."""
    return take_turns({name: partial(timed, work) for name, work in sides.items()}, turns)


class Child:
    """A generator that runs in a fresh process; each call gives its next result.

    The process has memory of its own, so that its peak is nobody else's; it waits between two calls, and ends with
    whoever started it.
    """

    def __init__(self, work: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work, arguments))
        self._process.start()
        theirs.close()

    def __call__(self) -> Any:
        """The generator's next result. Raises what it raised: Skipped, Unequal, and all else as RuntimeError."""
        try:
            self._pipe.send(True)
            fine, result = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise RuntimeError(f"a process ended with exit code {self._process.exitcode}") from None
        if not fine:
            raise result
        return result

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._process.close()


@contextmanager
def children(sides: Mapping[str, tuple[Callable[..., Iterator[Any]], Sequence[Any]]]) -> Iterator[dict[str, Child]]:
    """A child a side, each from a generator function and its arguments."""
    with ExitStack() as stack:
        started = {}
        for name, (work, arguments) in sides.items():
            started[name] = Child(work, *arguments)
            stack.callback(started[name].close)
        yield started


def in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives when called in a fresh process."""
    with children({"only": (_once, (function, arguments))}) as started:
        return started["only"]()


def _once(function: Callable[..., Any], arguments: Sequence[Any]) -> Iterator[Any]:
    yield function(*arguments)


def _serve(pipe: Any, work: Callable[..., Iterator[Any]], arguments: Sequence[Any]) -> None:
    """The child's side: a result a request, until nobody asks any more or whoever asked has gone."""
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        results = work(*arguments)
        while pipe.recv():
            try:
                pipe.send((True, next(results)))
            except (Skipped, Unequal) as problem:
                pipe.send((False, problem))
            except Exception:
                pipe.send((False, RuntimeError(traceback.format_exc())))


def _end_with_parent() -> None:
    """Waits for the end of the process that started this one, and ends it in the midst of its work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
