"""The overlap of all pairs of masks, beside other ways to the same counts: seconds a pair, and memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from subnets.all_pairs import intersections
from tests.benchmarks import memory
from tests.benchmarks.harness import Setting, Unequal, timed_turns
from tests.benchmarks.lines import Line, at_most, line
from tests.benchmarks.training import synchronise

Pairs = dict[tuple[int, int], tuple[int, int]]  # in both and in either, by pair
OURS = "blocks"


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


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """All ways start from masks in memory in their own form, find the same counts, and then take turns.

    Floats take 4 bytes a bit: theirs has fewer masks, and so fewer pairs. On another device it is the floats' way that
    runs there.
    """
    size = setting.size
    bools = drawn(size.weights, size.masks)
    packed = [np.packbits(each, bitorder="little") for each in bools]
    floats = [torch.from_numpy(each).float().to(setting.device) for each in bools[: size.float_masks]]
    ways: dict[str, Callable[[], Pairs]] = {
        OURS: partial(by_blocks, packed),
        "float stack": partial(by_float_stack, floats),
        "numpy bools": partial(by_bools, bools),
        "packed words": partial(by_words, packed),
    }
    found = {name: way() for name, way in ways.items()}
    for name, counts in found.items():
        if any(found[OURS][pair] != count for pair, count in counts.items()):
            raise Unequal(f"{name} does not find the same counts")
    extra = {name: memory.rise(way, setting.device if name == "float stack" else "cpu") for name, way in ways.items()}

    def counted(way: Callable[[], Any]) -> None:
        way()
        synchronise(setting.device)

    turns = timed_turns({name: partial(counted, way) for name, way in ways.items()}, setting.turns(5))
    seconds = {name: [each / len(found[name]) for each in values] for name, values in turns.items()}
    others = [name for name in ways if name != OURS]
    lines = [
        line("overlap of all pairs, a pair", against=other, unit="s", ours=seconds[OURS], theirs=seconds[other],
             mark=at_most(0.0005, "s"))
        for other in others
    ]  # fmt: skip
    lines += [
        line("extra memory of it", against=other, unit="B", ours=[extra[OURS]], theirs=[extra[other]],
             mark=at_most(size.weights / 8, "B"))
        for other in others
    ]  # fmt: skip
    return lines, [
        f"{size.masks} masks of {size.weights:,} bits, {size.float_masks} of them as floats; all counts are the same; "
        "the bound on memory is one packed mask"
    ]


def drawn(bits: int, masks: int) -> list[NDArray[np.bool_]]:
    """Masks that keep about half."""
    rng = np.random.default_rng(0)
    return [rng.integers(2, size=bits, dtype=np.uint8).view(np.bool_) for _ in range(masks)]
