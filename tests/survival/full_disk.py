"""`find` and `transfer` on a disk that fills up at random moments, and on one that can only be read."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random

from tests.survival.commands import Ended, run, start
from tests.survival.world import Undisturbed, files_of, litter_in, torn, undisturbed

SIZE = 4 << 20  # bytes of the disk
LEFT = 500 << 10  # bytes that a filled disk has left at most: a command writes more
FULL = r"subnets: [^\n]*No space left on device[^\n]*\n"
READ_ONLY = r"subnets: runs_dir: [^\n]* is no folder that can be written; choose another runs_dir\n"


class NoDisk(RuntimeError):
    """No disk of a few megabytes can be had here: that takes the right to mount one."""


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of `SIZE` bytes in memory.

    Raises:
        NoDisk: none can be mounted here.
    """
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Within, nobody can write to a disk, the administrator neither."""
    _mount("-o", "remount,ro", str(disk))
    try:
        yield
    finally:
        _mount("-o", "remount,rw", str(disk))


@contextmanager
def filled(disk: Path, *, left: int) -> Iterator[None]:
    """Within, a disk has at most so many bytes left."""
    state, filler = os.statvfs(disk), disk / "filler"
    size = state.f_bavail * state.f_frsize - left
    with filler.open("wb") as file:
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)
    try:
        yield
    finally:
        filler.unlink()


def fill(place: Path, times: int, *, seed: int) -> str:
    """Fills the disk until so many commands have failed of it; gives a text of what came of it.

    Raises:
        NoDisk: none can be mounted here.
    """
    draw, began = Random(seed), time.perf_counter()
    at: Counter[str] = Counter()
    wrong: list[str] = []
    done = same = 0
    sound = undisturbed(place / "sound")
    for number in count():
        with small_disk(place / f"disk-{number}") as disk:
            runs = sound.begun(disk / "runs")
            for name, command in sound.commands(runs).items():
                for attempt in count():
                    said = place / f"said-{number}-{name}-{attempt}"
                    moment = draw.choice([0, sound.spans[name].moment(draw)])
                    left = draw.randrange(LEFT) if sum(at.values()) < times else SIZE
                    ended = _filled_at(disk, said, command, moment=moment, left=left)
                    wrong += [f"torn: {each}" for each in torn(runs, sound.files)]
                    wrong += [f"left behind: {each}" for each in litter_in(runs)]
                    if ended.code == 0:
                        break
                    at[ended.at] += 1
                    if ended.code not in (1, 2) or not re.fullmatch(FULL, ended.errors):
                        wrong.append(f"exit code {ended.code}: {ended.errors!r}")
            done += 1
            same += files_of(runs) == sound.files
            if number == 0:
                wrong += _only_read(disk, runs, sound, place)
        if sum(at.values()) >= times:
            break
    return "\n".join(
        [
            f"the disk was full {sum(at.values())} times in {done} x find and transfer; {same} of {done} left the same "
            f"bytes once there was room; {len(wrong)} wrong; {time.perf_counter() - began:.0f} s",
            *(f"  {times:4d} failed {phase}" for phase, times in at.most_common()),
            *(f"  WRONG {each}" for each in wrong),
        ]
    )


def _filled_at(disk: Path, said: Path, command: list[str], *, moment: float, left: int) -> Ended:
    """A command during which, from a moment on, the disk is full."""
    if not moment:
        with filled(disk, left=left):
            return start(said, command).ended()
    begun = start(said, command)
    begun.wait(moment)
    with filled(disk, left=left):
        return begun.ended()


def _only_read(disk: Path, runs: Path, sound: Undisturbed, place: Path) -> Iterator[str]:
    """What goes wrong where a finished run is shown, and a new one begun, on a disk that can only be read."""
    shown, begun = sound.commands(runs)["find"], sound.commands(runs, "seed=7")["find"]
    with read_only(disk):
        ended = run(place / "said-shown", shown)
        if ended.code != 0 or "nothing was computed" not in ended.output:
            yield f"read-only, shown: exit code {ended.code}: {ended.errors!r}"
        ended = run(place / "said-begun", begun)
        if ended.code != 2 or not re.fullmatch(READ_ONLY, ended.errors):
            yield f"read-only, begun: exit code {ended.code}: {ended.errors!r}"


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise NoDisk(f"mount {' '.join(arguments)}: {getattr(problem, 'stderr', problem)}") from None
