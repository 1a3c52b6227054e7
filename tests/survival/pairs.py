"""Two processes that want the same at the same moment, on one machine or on two that share a folder."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from signal import SIGKILL

from tests.survival.commands import Command, Ended, Machine, start
from tests.survival.world import Undisturbed, files_of, litter_in, undisturbed

APART = 0.3  # seconds between the two at most
LEFT = r"subnets: [^\n]*: another process is working on this run; wait for it, or stop it\n"
HERE, THERE, NO_FLOCK = Machine(host="here"), Machine(host="there"), Machine(has_flock=False)


def _same_run(sound: Undisturbed, runs: Path) -> list[list[str]]:
    return [sound.commands(runs)["find"]] * 2


def _same_masks(sound: Undisturbed, runs: Path) -> list[list[str]]:
    """Two transfers of one mask under two names: every sub-network is wanted by both."""
    command = sound.commands(runs)["transfer"]
    return [command, [each.replace("source=en", "source=en/seed0") for each in command]]


def _same_dense(sound: Undisturbed, runs: Path) -> list[list[str]]:
    """Two searches that differ in pruning alone: the dense runs of other seeds are wanted by both."""
    return [sound.commands(runs, f"pruning.sparsities=[{each}]")["find"] for each in (0.3, 0.4)]


# By what they share: the commands, how their data are pruned and the ticket ruled, and who may leave.
CASES: dict[str, tuple[Callable[[Undisturbed, Path], list[list[str]]], str, tuple[Machine, Machine]]] = {
    "the same run": (_same_run, "plain", (Machine(), Machine())),
    "the same run from two machines": (_same_run, "plain", (HERE, THERE)),
    "the same run where no lock dies with its process": (_same_run, "plain", (NO_FLOCK, NO_FLOCK)),
    "the same sub-networks from two machines": (_same_masks, "plain", (HERE, THERE)),
    "the same dense runs from two machines": (_same_dense, "rewound", (HERE, THERE)),
}


def pair(place: Path, times: int, *, seed: int) -> str:
    """Starts pairs, so many of each case; gives a text of what came of it."""
    draw, began = Random(seed), time.perf_counter()
    sound = {rule: undisturbed(place / rule, rule) for rule in ("plain", "rewound")}
    lines, bad = [], 0
    for at, (case, (commands, rule, machines)) in enumerate(CASES.items()):
        alone = _one_after_the_other(place / f"alone-{at}", sound[rule], commands)
        ends: Counter[str] = Counter()
        wrong: list[str] = []
        for number in range(times):
            folder = place / f"pair-{at}-{number}"
            runs = _begun(folder, sound[rule], commands)
            begun = []
            for each, (command, machine) in enumerate(zip(commands(sound[rule], runs), machines, strict=True)):
                begun.append(start(folder / f"said-{each}", command, machine=machine))
                time.sleep(draw.uniform(0, APART) * (each == 0))
            ended = [each.ended() for each in begun]
            ends[" and ".join(sorted(_end(each) for each in ended))] += 1
            wrong += _wrong(begun, ended, runs, alone)
        bad += len(wrong)
        lines += [f"  {case}: {dict(ends)}; {len(wrong)} wrong", *(f"    WRONG {each}" for each in wrong)]
    stale = [each for machine in (Machine(), NO_FLOCK) for each in _stale(place, sound["plain"], machine)]
    bad += len(stale)
    seconds = time.perf_counter() - began
    head = f"{times} pairs of each of {len(CASES)} kinds, and locks of killed processes; {bad} wrong; {seconds:.0f} s"
    return "\n".join([head, *lines, *(f"  WRONG {each}" for each in stale)])


def _begun(folder: Path, sound: Undisturbed, commands: Callable[[Undisturbed, Path], list[list[str]]]) -> Path:
    """A runs folder in which there is all that the commands build on."""
    runs = sound.begun(folder / "runs")
    if commands is _same_masks:
        start(folder / "said-find", sound.commands(runs)["find"]).ended()
    return runs


def _one_after_the_other(
    folder: Path, sound: Undisturbed, commands: Callable[[Undisturbed, Path], list[list[str]]]
) -> tuple[dict[str, str], int]:
    """What both commands leave, and how many trainings they take."""
    runs, trainings = _begun(folder, sound, commands), 0
    for number, command in enumerate(commands(sound, runs)):
        begun = start(folder / f"said-{number}", command)
        begun.ended()
        trainings += begun.trainings
    return files_of(runs), trainings


def _end(ended: Ended) -> str:
    if ended.code == 0:
        return "found it done" if "nothing was computed" in ended.output else "worked"
    return "left" if ended.code == 2 and re.fullmatch(LEFT, _own(ended.errors)) else f"exit code {ended.code}"


def _own(errors: str) -> str:
    """What we say, without the warning of the library of locks that it takes another kind of lock."""
    return "".join(line for line in errors.splitlines(keepends=True) if line.startswith("subnets: "))


def _wrong(begun: list[Command], ended: list[Ended], runs: Path, alone: tuple[dict[str, str], int]) -> list[str]:
    files, trainings = alone
    wrong = [f"exit code {each.code}: {each.errors!r}" for each in ended if _end(each).startswith("exit code")]
    trained = sum(each.trainings for each in begun)
    if trained != trainings:
        wrong.append(f"{trained} trainings instead of {trainings}")
    found = files_of(runs)
    differing = sorted(name for name in found.keys() | files.keys() if found.get(name) != files.get(name))
    return wrong + [f"differs: {each}" for each in differing] + [f"left behind: {each}" for each in litter_in(runs)]


def _stale(place: Path, sound: Undisturbed, machine: Machine) -> list[str]:
    """What goes wrong where a process is killed as it holds the lock, and the next comes at once."""
    folder = place / f"stale-{machine.has_flock}"
    runs = sound.begun(folder / "runs")
    command = sound.commands(runs)["find"]
    first = start(folder / "said-killed", command, machine=machine)
    while not first.trainings and first.process.is_alive():
        time.sleep(0.02)
    first.signal(SIGKILL)
    first.ended()
    ended = start(folder / "said-next", command, machine=machine).ended()
    return [] if ended.code == 0 else [f"a lock of a killed process held the next up: {ended.errors!r}"]
