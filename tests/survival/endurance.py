"""What a run lives through: `python -m tests.survival.endurance [SUITE ...] [COUNT] [SEED]`, from the repository.

Without a suite all of them, without a count each as often as docs/reliability.md reports; `little` instead is a small
count of each. The seed decides at which moments it happens. The exit code is 1 where something went wrong.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM

from tests.survival.full_disk import NoDisk, fill
from tests.survival.kills import timed
from tests.survival.pairs import pair
from tests.survival.ranks import kill_ranks
from tests.survival.soak import soak


@dataclass(frozen=True)
class Suite:
    """What is done to the commands, how often in full, and how often where it is only to be seen that it works."""

    run: Callable[..., str]
    full: int
    little: int


SUITES = {
    "kills": Suite(timed, 200, 5),
    "stops": Suite(partial(timed, by=(SIGTERM, SIGINT)), 50, 3),
    "disk": Suite(fill, 30, 3),
    "pairs": Suite(pair, 5, 1),
    "ranks": Suite(kill_ranks, 10, 1),
    "soak": Suite(soak, 300, 12),
}


def main(names: list[str], times: Callable[[Suite], int], seed: int) -> bool:
    """Runs suites, and prints what came of each; whether nothing went wrong."""
    fine = True
    for name in names or list(SUITES):
        with tempfile.TemporaryDirectory() as place:
            try:
                text = SUITES[name].run(Path(place) / name, times(SUITES[name]), seed=seed)
            except NoDisk as problem:
                text = f"skipped: {problem}"
        print(f"{name} (seed {seed}): {text}", flush=True)
        fine = fine and "WRONG" not in text
    return fine


def _asked(words: list[str]) -> tuple[list[str], Callable[[Suite], int], int]:
    numbers = [int(word) for word in words if word.isdigit()]
    seed = numbers[1] if len(numbers) > 1 else 0
    if numbers:
        return [word for word in words if not word.isdigit()], lambda _: numbers[0], seed
    names = [word for word in words if word != "little"]
    return names, (lambda suite: suite.little) if "little" in words else (lambda suite: suite.full), seed


if __name__ == "__main__":
    sys.exit(not main(*_asked(sys.argv[1:])))
