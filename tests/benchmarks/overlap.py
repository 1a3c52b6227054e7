"""The overlap of all pairs of masks, beside other ways to the same counts: seconds a pair, and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pruning.mask import Mask, ones_in
from subnets.all_pairs import pair_counts
from subnets.parts import Part
from tests.benchmarks import memory
from tests.benchmarks.harness import Setting, Unequal, timed_turns
from tests.benchmarks.lines import Line, at_most, line
from tests.benchmarks.training import synchronise

Pairs = dict[tuple[int, int], tuple[int, int]]  # in both and in either, by pair
OURS, WORDS = "blocks", "packed words"


def by_blocks(masks: list[Mask]) -> Pairs:
    """All pairs at once, over packed bits in blocks that stay in the cache, with chance beside, as reports want it."""
    counts = pair_counts(masks, "whole")[Part()].counts
    either = counts.left + counts.right - counts.both
    return {pair: (int(counts.both[pair]), int(either[pair])) for pair in combinations(range(len(masks)), 2)}


def by_words(masks: list[Mask]) -> Pairs:
    """One pair at a time: and, and its bits counted, over packed words; a mask knows how many it keeps."""
    rows, kept = [mask.packed for mask in masks], [mask.kept for mask in masks]
    both = {(i, j): ones_in(rows[i] & rows[j]) for i, j in combinations(range(len(rows)), 2)}
    return {(i, j): (count, kept[i] + kept[j] - count) for (i, j), count in both.items()}


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
    """All ways start from masks in memory in their own form, of which packed ones know how much they keep, as masks
    from files do; they find the same counts, and then take turns.

    Floats take 4 bytes a bit: theirs has fewer masks, and so fewer pairs. On another device it is the floats' way that
    runs there. As many masks as a study has are compared in the two ways that need no more memory than packed masks.
    """
    size = setting.size
    bools = drawn(size.weights, size.masks)
    packed = [Mask.adopt_(size.shapes, np.packbits(each, bitorder="little")) for each in bools]
    floats = [torch.from_numpy(each).float().to(setting.device) for each in bools[: size.float_masks]]
    ways: dict[str, Callable[[], Pairs]] = {
        OURS: partial(by_blocks, packed),
        "float stack": partial(by_float_stack, floats),
        "numpy bools": partial(by_bools, bools),
        WORDS: partial(by_words, packed),
    }
    lines = _lines("overlap of all pairs, a pair", ways, setting, turns=5)
    extra = {name: memory.rise(way, setting.device if name == "float stack" else "cpu") for name, way in ways.items()}
    lines += [
        line("extra memory of it", against=other, unit="B", ours=[extra[OURS]], theirs=[extra[other]],
             mark=at_most(size.weights / 8, "B"))
        for other in ways if other != OURS
    ]  # fmt: skip
    del bools, floats, ways
    study = [Mask.adopt_(size.shapes, bits) for bits in drawn_packed(size.weights, size.study_masks)]
    both = {OURS: partial(by_blocks, study), WORDS: partial(by_words, study)}
    lines += _lines("overlap of all pairs of a study, a pair", both, setting, turns=3)
    return lines, [
        f"{size.masks} masks of {size.weights:,} bits, {size.float_masks} of them as floats; a study of eleven "
        f"languages and three seeds has {size.study_masks}; all counts are the same, and ours finds what chance gives "
        "besides; the bound on memory is one packed mask"
    ]


def _lines(what: str, ways: Mapping[str, Callable[[], Pairs]], setting: Setting, *, turns: int) -> list[Line]:
    """The time of ours beside each other way's."""
    found = {name: way() for name, way in ways.items()}
    for name, counts in found.items():
        if any(found[OURS][pair] != count for pair, count in counts.items()):
            raise Unequal(f"{name} does not find the same counts")

    def counted(way: Callable[[], Any]) -> None:
        way()
        synchronise(setting.device)

    taken = timed_turns({name: partial(counted, way) for name, way in ways.items()}, setting.turns(turns))
    seconds = {name: [each / len(found[name]) for each in values] for name, values in taken.items()}
    return [
        line(what, against=other, unit="s", ours=seconds[OURS], theirs=seconds[other], mark=at_most(0.0005, "s"))
        for other in ways
        if other != OURS
    ]


def drawn(bits: int, masks: int) -> list[NDArray[np.bool_]]:
    """Masks that keep about half."""
    rng = np.random.default_rng(0)
    return [rng.integers(2, size=bits, dtype=np.uint8).view(np.bool_) for _ in range(masks)]


def drawn_packed(bits: int, masks: int) -> list[NDArray[np.uint8]]:
    """The same, packed, without ever being anything else."""
    rng = np.random.default_rng(0)
    return [rng.integers(256, size=bits // 8, dtype=np.uint8) for _ in range(masks)]
