"""`find` and `transfer` killed or stopped at random moments, begun again until they are done; what they leave then."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.survival.commands import AT, Ended, Machine, Span, start
from tests.survival.world import RULES, Undisturbed, files_of, litter_in, torn, undisturbed

IN_WRITES = 0.25  # share of the kills that come at a moment of a write, which takes too little time to be met often
MOMENTS = 60  # of writes, more than a command has
STATES = ["finetune.checkpoint_every=2"]
PLACE = (
    r" in (?:find ner de seed=0|transfer ner de seed=0 source=en@0\.3)"
    r"(?:, setting up|, [^;\n]+ after \d+ of \d+ steps(?:, of which \d+ are kept)?)?"
)
LEAVE = r"subnets: stopped{place}; what was finished is kept: run the same command again to go on\n"


@dataclass
class Tally:
    """What came of it.

    Attributes:
        kills: commands that were killed or stopped, by what they were at.
        runs: commands that were begun, killed and gone on with until they were done.
        same: of these, how many left the bytes that undisturbed ones leave, and nothing else.
        wrong: what was not as it should be, in words.
        said: what those that were stopped said, without their numbers.
    """

    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    same: int = 0
    wrong: list[str] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)


def kill(place: Path, times: int, *, seed: int, by: tuple[signal.Signals, ...] = (signal.SIGKILL,)) -> Tally:
    """Disturbs commands so many times, at moments drawn from a seed; `place` is an empty folder."""
    draw, tally = Random(seed), Tally()
    sound = {rule: undisturbed(place / rule, rule) for rule in RULES}
    for number in count():
        rule = list(RULES)[number % len(RULES)]
        states = STATES if number // len(RULES) % 2 else []
        runs = sound[rule].begun(place / f"runs-{number}")
        for name, command in sound[rule].commands(runs, *states).items():
            for attempt in count():
                left = times - sum(tally.kills.values())
                said = place / f"said-{number}-{name}-{attempt}"
                ended = _attempt(said, command, sound[rule].spans[name], draw, by if left > 0 else ())
                _judge(ended, runs, sound[rule], tally)
                if ended.code == 0:
                    break
            tally.runs += 1
            tally.same += not torn(runs, sound[rule].files)
        if files_of(runs) != sound[rule].files or litter_in(runs):
            tally.wrong.append(f"{runs}: other files than undisturbed: {sorted(_differing(runs, sound[rule]))}")
        if sum(tally.kills.values()) >= times:
            return tally
    raise AssertionError("never reached")


def _attempt(said: Path, command: list[str], span: Span, draw: Random, by: tuple[signal.Signals, ...]) -> Ended:
    """A command, disturbed at a moment of what it takes in whole, if it lasts as long."""
    if not by:
        return start(said, command).ended()
    number, moment = draw.choice(by), span.moment(draw)
    if number == signal.SIGKILL and draw.random() < IN_WRITES:
        return start(said, command, machine=Machine(killed_at=draw.randrange(MOMENTS))).ended()
    begun = start(said, command)
    begun.wait(moment)
    begun.signal(number)
    return begun.ended(within=60)


def _judge(ended: Ended, runs: Path, sound: Undisturbed, tally: Tally) -> None:
    if ended.code == 0:
        return
    tally.kills[ended.at] += 1
    if files := torn(runs, sound.files):
        tally.wrong.append(f"{runs}: torn when killed {ended.at}: {files}")
    if ended.code == -signal.SIGKILL:
        return
    early = ended.at == AT[0]
    if ended.code == 130 and re.fullmatch(LEAVE.format(place=f"(?:{PLACE}){'?' * early}"), ended.errors):
        tally.said[re.sub(r"\d+", "N", ended.errors.strip())] += 1
    elif not (ended.code in (-signal.SIGTERM, 130, 1) and early):
        tally.wrong.append(f"stopped {ended.at}: exit code {ended.code}: {ended.errors!r}")


def _differing(runs: Path, sound: Undisturbed) -> Iterator[str]:
    found = files_of(runs)
    yield from (name for name in found.keys() | sound.files.keys() if found.get(name) != sound.files.get(name))
    yield from (str(each) for each in litter_in(runs))


def timed(place: Path, times: int, *, seed: int, by: tuple[signal.Signals, ...] = (signal.SIGKILL,)) -> str:
    """Disturbs, and gives a text of what came of it."""
    began = time.perf_counter()
    tally = kill(place, times, seed=seed, by=by)
    names = "/".join(each.name for each in by)
    lines = [
        f"{names} {sum(tally.kills.values())} times in {tally.runs} commands; {tally.same} of {tally.runs} left the "
        f"same bytes; {len(tally.wrong)} wrong; {time.perf_counter() - began:.0f} s",
        *(f"  {number:4d} killed {at}" for at, number in tally.kills.most_common()),
        *(f"  {number:4d} said {said}" for said, number in tally.said.most_common()),
        *(f"  WRONG {each}" for each in tally.wrong),
    ]
    return "\n".join(lines)
