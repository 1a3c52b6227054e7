"""Times the overlap of all pairs of masks against other ways to the same counts.

Run from the repository: `python -m tests.benchmarks.overlap [bits] [masks] [rounds]`; an encoder of mBERT's size has
85 million bits. All ways start from masks in memory in their own form (packed bits, bools, floats), are first checked
to find the same counts, and then take turns, each round in the other order, so that a busy machine slows them all
alike. Floats take 4 bytes a bit and mask: 2.7 GB for the defaults, and minutes where memory is slow to come by.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from subnets.all_pairs import intersections
from tests.benchmarks.selection import peak_mebibytes

Pairs = dict[tuple[int, int], tuple[int, int]]  # in both and in either, by pair
DEFAULTS = (85_000_000, 8, 3)


def by_blocks(rows: list[NDArray[np.uint8]]) -> Pairs:
    """What the framework does: all pairs at once, over packed bits in blocks that stay in the cache."""
    both = intersections(rows)
    kept = np.diagonal(both)
    either = kept[:, None] + kept[None, :] - both
    return {pair: (int(both[pair]), int(either[pair])) for pair in combinations(range(len(rows)), 2)}


def by_words(rows: list[NDArray[np.uint8]]) -> Pairs:
    """One pair at a time: and, or, and their bits counted, over packed words."""
    words = [row[: len(row) // 8 * 8].view(np.uint64) for row in rows]
    rest = [row[len(row) // 8 * 8 :] for row in rows]
    return {
        (i, j): (
            int(np.bitwise_count(words[i] & words[j]).sum()) + int(np.bitwise_count(rest[i] & rest[j]).sum()),
            int(np.bitwise_count(words[i] | words[j]).sum()) + int(np.bitwise_count(rest[i] | rest[j]).sum()),
        )
        for i, j in combinations(range(len(rows)), 2)
    }


def by_bools(masks: list[NDArray[np.bool_]]) -> Pairs:
    """One pair at a time: and, or, and their sums."""
    return {
        (i, j): (int(np.count_nonzero(masks[i] & masks[j])), int(np.count_nonzero(masks[i] | masks[j])))
        for i, j in combinations(range(len(masks)), 2)
    }


def by_float_stack(masks: list[torch.Tensor]) -> Pairs:
    """The pattern of published code, one pair at a time: float masks stacked, summed, and compared with 2 and 0."""
    found = {}
    for i, j in combinations(range(len(masks)), 2):
        summed = torch.stack([masks[i], masks[j]]).sum(dim=0)
        found[i, j] = int((summed == 2).sum()), int((summed > 0).sum())
    return found


def main(bits: int, masks: int, rounds: int) -> None:
    """Check, time in turn, print medians."""
    bools = drawn(bits, masks)
    packed = [np.packbits(each, bitorder="little") for each in bools]
    floats = [torch.from_numpy(each).float() for each in bools]
    ways: dict[str, Callable[[], Pairs]] = {
        "blocks": partial(by_blocks, packed),
        "packed words": partial(by_words, packed),
        "numpy bools": partial(by_bools, bools),
        "float stack": partial(by_float_stack, floats),
    }
    extra = {name: peak_mebibytes(way) for name, way in ways.items()}
    first, *others = [way() for way in ways.values()]
    if any(found != first for found in others):
        sys.exit("the ways do not find the same counts")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            begin = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(machine())
    print(f"{masks} masks of {bits:,} bits, {len(first)} pairs, {torch.get_num_threads()} threads, {rounds} rounds")
    print(f"{'way':<16}{'ms a pair':>10}{'times blocks':>14}{'extra MiB':>11}")
    for name, median in medians.items():
        print(f"{name:<16}{1000 * median / len(first):>10.2f}{median / medians['blocks']:>14.1f}{extra[name]:>11.0f}")


def drawn(bits: int, masks: int) -> list[NDArray[np.bool_]]:
    """Masks that keep about half."""
    rng = np.random.default_rng(0)
    return [rng.integers(2, size=bits, dtype=np.uint8).view(np.bool_) for _ in range(masks)]


def machine() -> str:
    """The processor (Linux), its cores, and how busy they are with other work."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in described if line.startswith("model name")]
    return f"{(names or [platform.processor()])[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(*given, *DEFAULTS[len(given) :]))
