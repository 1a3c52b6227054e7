"""What a run lives through: `python -m tests.survival.endurance [SUITE] [COUNT] [SEED]`, from the repository.

Without a suite all of them, each as often as docs/reliability.md reports; the exit code is 1 where something went
wrong. The seed decides at which moments it happens.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.survival.full_disk import NoDisk, fill
from tests.survival.kills import timed
from tests.survival.pairs import pair
from tests.survival.ranks import kill_ranks
from tests.survival.soak import soak

# What is done to the commands, and how often.
SUITES: dict[str, tuple[Callable[..., str], int]] = {
    "kills": (timed, 200),
    "stops": (partial(timed, by=(signal.SIGTERM, signal.SIGINT)), 50),
    "disk": (fill, 20),
    "pairs": (pair, 5),
    "ranks": (kill_ranks, 10),
    "soak": (soak, 300),
}


def main(names: list[str], times: int | None, seed: int) -> bool:
    """Runs suites, and prints what came of each; whether nothing went wrong."""
    fine = True
    for name in names or list(SUITES):
        suite, usual = SUITES[name]
        with tempfile.TemporaryDirectory() as place:
            try:
                text = suite(Path(place) / name, times or usual, seed=seed)
            except NoDisk as problem:
                text = f"skipped: {problem}"
        print(f"{name} (seed {seed}): {text}", flush=True)
        fine = fine and "WRONG" not in text
    return fine


if __name__ == "__main__":
    words = sys.argv[1:]
    numbers = [int(each) for each in words if each.isdigit()]
    sys.exit(not main([each for each in words if not each.isdigit()], *(*numbers, *(None, 0)[len(numbers) :])))
