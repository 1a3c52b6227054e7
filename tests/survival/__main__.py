"""Many changed files of every kind: `python -m tests.survival [COUNT] [FILE ...]`; exits with 1 where one does harm."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from random import Random

from tabulate import tabulate

from tests.survival.attempt import BAD, attempt, counted
from tests.survival.readers import READERS, Reader


def main(count: int, names: list[str]) -> int:
    """Prints a row a kind of file; gives how many attempts ended as none may."""
    rows, bad = [], 0
    for name in names or list(READERS):
        row, harm = _row(READERS[name], count)
        rows.append(row)
        bad += harm
    print(tabulate(rows, headers="keys", disable_numparse=True))
    print(f"largest process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    return bad


def _row(reader: Reader, count: int) -> tuple[dict[str, str], int]:
    outcomes: Counter[str] = Counter()
    slowest, largest, shown = 0.0, 0, set()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place, counted():
        folder = Path(place)
        reader.make(folder)
        sound = (folder / reader.name).read_bytes()
        expected = reader.read(folder)
        for number in range(count):
            one = attempt(reader, folder, sound=sound, expected=expected, draw=Random(f"{reader.name}/{number}"))
            outcomes[one.outcome] += 1
            slowest, largest = max(slowest, one.seconds), max(largest, one.peak)
            if one.outcome in BAD and (key := (one.outcome, one.said[:60])) not in shown and len(shown) < 10:
                shown.add(key)
                print(f"{reader.name}, {number}: {one.outcome}: {one.said[:300]!r}", file=sys.stderr)
    bad = sum(outcomes[name] for name in BAD)
    row = {"file": reader.name, "tried": str(count)}
    row |= {name: str(outcomes[name]) for name in ("refused", "accepted", "unchanged")}
    row |= {"harm": str(bad), "slowest": f"{slowest:.2f} s", "most memory": f"{largest / 2**20:.1f} MiB"}
    return row | {"seconds": f"{time.perf_counter() - began:.0f}"}, bad


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of numpy about numbers in damaged files
    arguments = sys.argv[1:]
    number = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 10_000
    sys.exit(1 if main(number, arguments) else 0)
