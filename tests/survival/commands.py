"""The command in a process of its own that costs no imports: a server holds them all, and every process forks off it.

A command can be stopped, killed, or made to believe things of its machine; it notes what it is at and what it trains.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

# The functions that are at each thing, by where they are looked up; the rest of a step's time is "in between".
POINTS = {
    "setting up": ["subnets.search.set_up", "subnets.transfer.set_up"],
    "training": ["subnets.workbench.train_"],
    "scoring": ["subnets.workbench.evaluate"],
    "choosing": ["subnets.workbench.Workbench.choose"],
    "writing": ["subnets.workspace.Folder.write_parts"],
    "in between": ["subnets.run._carried_out"],
}
AT = ("before the settings are known", *POINTS)
HEAVY = [
    "subnets.run",
    "subnets.steps.find",
    "subnets.steps.transfer",
    "subnets.search",
    "subnets.transfer",
    "evaluate",
]


EARLY = 0.1  # share of the moments before the settings are known
POLL = 0.005  # seconds


@dataclass(frozen=True)
class Machine:
    """What a command is made to believe, and when it is killed in a write.

    Attributes:
        host: the machine's name; every process of such a machine has the number 1, as in a container.
        has_flock: whether the file system knows locks that die with their process.
        killed_at: SIGKILL at the so-manieth moment of a write: before it is flushed, before it is renamed, after that.
        environment: variables, as of a rank.
        watched: a file to note memory and open files in after every cell.
    """

    host: str | None = None
    has_flock: bool = True
    killed_at: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    watched: Path | None = None


@dataclass(frozen=True)
class Span:
    """What a command takes, in seconds of the processor, as others keep the machine busy: to its settings, in all."""

    known: float
    total: float

    def moment(self, draw: Random) -> float:
        """A moment of it, seldom before the settings are known, as nothing is there to be lost."""
        early = draw.random() < EARLY
        return draw.uniform(0, self.known) if early else draw.uniform(self.known, self.total)


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        at: what it was at.
        span: what it took, where it was not killed.
    """

    code: int
    at: str
    output: str
    errors: str
    span: Span


@dataclass(frozen=True)
class Command:
    """A command that has been started."""

    process: ForkServerProcess
    phase: Any
    folder: Path

    def signal(self, number: int) -> None:
        """Sends a signal, if it still runs; it may end, and be forgotten by its server, just before it is sent."""
        if self.process.is_alive() and self.process.pid:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def wait(self, seconds: float) -> None:
        """Waits until it has had so many seconds of the processor, or has ended."""
        place, tick = Path(f"/proc/{self.process.pid}/stat"), os.sysconf("SC_CLK_TCK")
        with suppress(OSError, IndexError):  # it has ended
            while self.process.is_alive():
                user, system = place.read_text().rpartition(")")[2].split()[11:13]
                if (int(user) + int(system)) / tick >= seconds:
                    return
                self.process.join(POLL)

    def ended(self, *, within: float = 300) -> Ended:
        """Waits for its end.

        Raises:
            TimeoutError: it goes on for longer.
        """
        self.process.join(within)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"still running after {within} s, {AT[self.phase.value]}: {self._text('errors')}")
        code = self.process.exitcode
        self.process.close()
        span = Span(*(float(self._text(name) or "nan") for name in ("known", "total")))
        return Ended(code, AT[self.phase.value], self._text("output"), self._text("errors"), span)

    @property
    def trainings(self) -> int:
        """How many trainings it has begun."""
        return len(self._text("trained"))

    def _text(self, name: str) -> str:
        place = self.folder / name
        return place.read_text() if place.is_file() else ""


def start(folder: Path, arguments: Sequence[str], *, machine: Machine | None = None) -> Command:
    """Starts a command; what it prints is kept in `folder`, which is made."""
    folder.mkdir(parents=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    phase = context.RawValue("i", 0)
    process = context.Process(target=_carry_out, args=(folder, list(arguments), machine or Machine(), phase))
    process.start()
    return Command(process, phase, folder)


def run(folder: Path, arguments: Sequence[str], *, machine: Machine | None = None, within: float = 300) -> Ended:
    """Starts a command and waits for its end."""
    return start(folder, arguments, machine=machine).ended(within=within)


def _carry_out(folder: Path, arguments: list[str], machine: Machine, phase: Any) -> None:
    for number, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    import torch

    torch.set_num_threads(1)
    _believe(machine)
    _note(folder, phase)
    from subnets.run import main

    sys.argv = ["subnets", *arguments]
    try:
        main()
    finally:
        (folder / "total").write_text(str(time.process_time()))


def _believe(machine: Machine) -> None:
    os.environ.update(machine.environment)
    if machine.host is not None:
        socket.gethostname = lambda: machine.host or ""
        os.getpid = lambda: 1
    if not machine.has_flock:
        fcntl.flock = _no_flock
    if machine.killed_at is not None:
        _kill_in_a_write(machine.killed_at)
    if machine.watched is not None:
        _watch(machine.watched)


def _no_flock(_file: int, _operation: int) -> None:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def _kill_in_a_write(last: int) -> None:
    moments = iter(range(last + 1))
    fsync, replace = os.fsync, Path.replace

    def passed() -> None:
        if next(moments, last) == last:
            signal.raise_signal(signal.SIGKILL)

    def flushing(file: Any) -> None:
        passed()
        fsync(file)

    def renaming(self: Path, target: Any) -> Path:
        passed()
        renamed = replace(self, target)
        passed()
        return renamed

    os.fsync, Path.replace = flushing, renaming  # type: ignore[method-assign]


def _note(folder: Path, phase: Any) -> None:
    for name, places in POINTS.items():
        for place in places:
            owner, attribute = _owner(place)
            setattr(owner, attribute, _noting(getattr(owner, attribute), name, folder, phase))


def _noting(function: Callable[..., Any], name: str, folder: Path, phase: Any) -> Callable[..., Any]:
    def noted(*arguments: Any, **named: Any) -> Any:
        if name == "training":
            with (folder / "trained").open("a") as file:
                file.write(".")
        if name == "in between":
            (folder / "known").write_text(str(time.process_time()))
        with _at(name, phase):
            return function(*arguments, **named)

    return noted


@contextmanager
def _at(name: str, phase: Any) -> Iterator[None]:
    before, phase.value = phase.value, AT.index(name)
    yield
    phase.value = before  # not where it fails: what it was at is what is asked


def _owner(place: str) -> tuple[Any, str]:
    *modules, attribute = place.split(".")
    for length in range(len(modules), 0, -1):
        name = ".".join(modules[:length])
        try:
            found: Any = __import__(name, fromlist=["_"])
        except ModuleNotFoundError:
            continue
        for each in modules[length:]:
            found = getattr(found, each)
        return found, attribute
    raise ModuleNotFoundError(place)


def _watch(place: Path) -> None:
    import subnets.run

    carried_out = subnets.run._carried_out

    def watched(settings: Any) -> Any:
        result = carried_out(settings)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        opened, threads = (sum(1 for _ in Path("/proc/self", each).iterdir()) for each in ("fd", "task"))
        with place.open("a") as file:
            file.write(f"{resident} {opened} {threads}\n")
        return result

    subnets.run._carried_out = watched
