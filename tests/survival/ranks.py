"""Two ranks of which one is killed at a random moment; the other ends by itself, and both go on to the same bytes."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from signal import SIGKILL

from tests.survival.commands import Ended, Machine, start
from tests.survival.world import TARGET, files_of, given, litter_in

ALONE = r"subnets: [^\n]*another rank has ended[^\n]*\n"
SECONDS = 60  # in which a rank left alone must have ended


def kill_ranks(place: Path, times: int, *, seed: int) -> str:
    """Kills one of two ranks so many times; gives a text of what came of it."""
    draw, began = Random(seed), time.perf_counter()
    at: Counter[str] = Counter()
    wrong: list[str] = []
    runs, same = 0, 0
    place.mkdir(parents=True, exist_ok=True)
    first = time.perf_counter()
    both = _both(place / "said", _command(place / "undisturbed"))
    wrong += [f"exit code {each.code}: {each.errors[-500:]!r}" for each in both if each.code != 0]
    seconds, sound = time.perf_counter() - first, files_of(place / "undisturbed")
    while sum(at.values()) < times and not wrong:
        folder = place / f"runs-{runs}"
        for attempt in count():
            kills = sum(at.values()) < times
            moment = draw.uniform(0, seconds) if kills else None
            ended = _both(place / f"said-{runs}-{attempt}", _command(folder), rank=draw.randrange(2), moment=moment)
            if all(each.code == 0 for each in ended):
                break
            at[next(each.at for each in ended if each.code == -SIGKILL)] += 1
            wrong += [
                f"left alone {each.at}: exit code {each.code}: {each.errors[-500:]!r}"
                for each in ended
                if each.code not in (0, -SIGKILL) and not (each.code == 1 and re.fullmatch(ALONE, each.errors))
            ]
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
            *(f"  WRONG {each}" for each in wrong),
        ]
    )


def _command(runs: Path) -> list[str]:
    return given(runs, "plain", TARGET, "finetune.checkpoint_every=2")


def _both(said: Path, command: list[str], *, rank: int = 0, moment: float | None = None) -> list[Ended]:
    """Two ranks of a command, of which one is killed at a moment, if they last so long."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        start(said / each, command, machine=Machine(environment={**shared, "RANK": each, "LOCAL_RANK": each}))
        for each in "01"
    ]
    if moment is not None:
        ranks[rank].process.join(moment)
        ranks[rank].signal(SIGKILL)
    return [each.ended(within=SECONDS) for each in ranks]
