"""Two ranks of which one is killed at a random moment; the other ends, and both go on to the same bytes.

A launcher such as torchrun ends the ranks that are left: SIGTERM, and SIGKILL later to one that waits inside a library.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGTERM

from tests.survival.commands import Ended, Machine, start
from tests.survival.world import TARGET, files_of, given, litter_in

ALONE = (
    r"subnets: (another rank has ended|stopped[^\n]*); what was finished is kept: run the same command again to go on\n"
)
OF_ITSELF, TOLD = 10, 20  # seconds until a rank left alone is sent SIGTERM, and after that SIGKILL

ENDS = {
    0: "was done",
    1: "ended of itself",
    130: "was told to end",
    -SIGTERM: "was told to end",
    -SIGKILL: "was killed",
}


def kill_ranks(place: Path, times: int, *, seed: int) -> str:
    """Kills one of two ranks so many times; gives a text of what came of it."""
    draw, began = Random(seed), time.perf_counter()
    at: Counter[str] = Counter()
    left: Counter[str] = Counter()
    wrong: list[str] = []
    runs, same = 0, 0
    place.mkdir(parents=True, exist_ok=True)
    both = _both(place / "said", _command(place / "undisturbed"))
    wrong += [f"exit code {each.code}: {each.errors[-500:]!r}" for each in both if each.code != 0]
    sound = files_of(place / "undisturbed")
    while sum(at.values()) < times and not wrong:
        folder = place / f"runs-{runs}"
        for attempt in count():
            kills = sum(at.values()) < times
            moment = both[0].span.moment(draw) if kills else None
            ended = _both(place / f"said-{runs}-{attempt}", _command(folder), rank=draw.randrange(2), moment=moment)
            if all(each.code == 0 for each in ended):
                break
            killed, other = ended
            at[killed.at] += 1
            left[f"{ENDS.get(other.code, f'exit code {other.code}')} {other.at}"] += 1
            if not _fine(other):
                wrong.append(f"left alone {other.at}: exit code {other.code}: {other.errors[-500:]!r}")
            if attempt > times + 1:
                wrong.append("never done")
                break
        runs += 1
        same += files_of(folder) == sound and not litter_in(folder)
    return "\n".join(
        [
            f"one of two ranks killed {sum(at.values())} times in {runs} runs; {same} of {runs} left the bytes of two "
            f"ranks undisturbed; {len(wrong)} wrong; {time.perf_counter() - began:.0f} s",
            *(f"  {number:4d} killed {phase}" for phase, number in at.most_common()),
            *(f"  {number:4d} times the other {end}" for end, number in left.most_common()),
            *(f"  WRONG {each}" for each in wrong),
        ]
    )


def _command(runs: Path) -> list[str]:
    return given(runs, "plain", TARGET, "finetune.checkpoint_every=2")


def _both(said: Path, command: list[str], *, rank: int = 0, moment: float | None = None) -> list[Ended]:
    """Two ranks of a command, of which one is killed at a moment, if they last so long; that one first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        start(said / each, command, machine=Machine(environment={**shared, "RANK": each, "LOCAL_RANK": each}))
        for each in "01"
    ]
    killed, other = ranks[rank], ranks[1 - rank]
    if moment is not None:
        killed.wait(moment)
        if killed.process.exitcode is None:
            killed.signal(SIGKILL)
            for number, patience in ((SIGTERM, OF_ITSELF), (SIGKILL, TOLD)):
                other.process.join(patience)
                other.signal(number)
    return [killed.ended(), other.ended()]


def _fine(other: Ended) -> bool:
    """Whether a rank left alone ended as it should; where ranks still look for each other, libraries wait for long."""
    if other.code in (-SIGKILL, -SIGTERM):
        return other.at in ("setting up", "before the settings are known")
    return other.code == 0 or (other.code in (1, 130) and bool(re.fullmatch(ALONE, other.errors)))
