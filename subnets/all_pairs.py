"""Intersections of all pairs of many masks: exact, in blocks that fit a cache, a few matrices in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from math import ceil
from typing import Protocol, TypeVar

import numpy as np
import simsimd
import torch
from numpy.typing import NDArray

from pruning.mask import Bits, Shape, ones_in
from subnets.errors import InputError
from subnets.overlap import Chance, Counts, Integers
from subnets.parts import Cell, Part, parts_called

Share = TypeVar("Share")
Result = TypeVar("Result")
BLOCK = 1 << 21  # bytes of all masks together that are compared at a time, for a second-level cache
NARROWEST = 1 << 12  # bytes of one mask at a time, at the least, however many masks there are
MOST_THREADS = 4  # they share the memory that masks are read from
SHARES = 2  # of the matrices, a thread: to hand each over by itself takes as long as to count it
FEWEST = 6  # masks: with fewer, threads lose in waiting what they gain


class MaskLike(Protocol):
    """What is needed of a mask: `Mask` has it, and `StoredMask`, whose bits stay in a file."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every matrix by name."""
        ...

    @property
    def kept_counts(self) -> Mapping[str, int]:
        """The number of kept weights of every matrix, exact."""
        ...

    def bits(self, name: str) -> Bits:
        """One matrix's packed bits."""
        ...


@dataclass(frozen=True)
class PairCounts:
    """All pairs of n masks in one part of the encoder.

    Attributes:
        both: kept by both, shape (n, n), exact.
        kept: kept by each, shape (n,), exact.
        total: weights there are.
        expected: of `both`, for random masks with the same number of kept weights in each cell; shape (n, n).
    """

    both: Integers
    kept: Integers
    total: int
    expected: Chance

    @property
    def counts(self) -> Counts:
        """For the measures of `overlap`; rows are the left masks."""
        return Counts(self.both, self.kept[:, None], self.kept[None, :], self.total)


def intersections(rows: Sequence[Bits], kept: Integers) -> Integers:
    """How many bits each two of n equally long packed arrays have in common, shape (n, n), exact.

    Args:
        rows: uint8, all of one length.
        kept: how many bits of each are 1, shape (n,).
    """
    with _openmp_as_before():
        return intersections_in(space_for(len(rows)), rows, kept)


def intersections_in(space: Bits, rows: Sequence[Bits], kept: Integers) -> Integers:
    """`intersections` in memory from `space_for` as many rows: fresh memory costs as much time as counting in it.

    |L and R| = (|L| + |R| - hamming(L, R)) / 2, the Hamming distances by simsimd, in blocks as large as `space`, where
    each array is read from memory once and then from the cache. The calling thread may be left with one OpenMP thread.
    """
    size = len(rows[0])
    width = ceil(size / ceil(size / (len(space) // len(rows))))
    block = space[: len(rows) * width].reshape(len(rows), width)
    apart = np.zeros((len(rows), len(rows)), np.int64)
    for first in range(0, size, width):
        filled = block[:, : min(width, size - first)]
        for place, row in zip(filled, rows, strict=True):
            place[:] = row[first : first + width]
        # Not into `out`: simsimd 6.5 then loses a reference to None at each call, until the interpreter stops.
        apart += np.asarray(simsimd.cdist(filled, filled, "hamming", dtype="bin8")).astype(np.int64)
    return (kept[:, None] + kept[None, :] - apart) // 2


@contextmanager
def _openmp_as_before() -> Iterator[None]:
    """Sets back what simsimd's cdist sets for the thread that calls it: the threads of OpenMP, and so of torch.

    The same function sets it back, as `torch.set_num_threads` would also change how MKL chooses its threads. Torch is
    spared where simsimd was loaded before it, with an OpenMP of its own.
    """
    threads, one = torch.get_num_threads(), np.zeros((1, 1), np.uint8)
    try:
        yield
    finally:
        if torch.get_num_threads() != threads:
            simsimd.cdist(one, one, "hamming", dtype="bin8", threads=threads)


def space_for(rows: int) -> Bits:
    """Memory for `intersections_in` of so many rows."""
    return np.empty(max(BLOCK, rows * NARROWEST), np.uint8)


def pair_counts(masks: Sequence[MaskLike], kind: str, *, heads: int = 1) -> dict[Part, PairCounts]:
    """`pair_counts_of` one kind."""
    return pair_counts_of(masks, (kind,), heads=heads)[kind]


def pair_counts_of(
    masks: Sequence[MaskLike], kinds: Sequence[str], *, heads: int = 1
) -> dict[str, dict[Part, PairCounts]]:
    """What all pairs of masks have in common in the parts of some kinds (`parts.KINDS`), with what chance gives.

    Each matrix is read once, and each cell of it counted once, however many parts it is in; a few threads, of those
    that torch may use, share the matrices out. Memory: of each thread a few times n masks' largest matrix; the counts
    of all cells; and the results.

    Raises:
        InputError: fewer than two masks, masks of other matrices or shapes, or a kind that there is not.
    """
    if len(masks) < 2:
        raise InputError(f"masks to compare: found {len(masks)}; expected at least 2")
    shapes = masks[0].shapes
    for at, mask in enumerate(masks[1:], start=2):
        check_same_matrices(shapes, mask.shapes, which=at)
    parts = {kind: parts_called(kind, shapes, heads=heads) for kind in kinds}
    tallies = {kind: {part: Tally(len(masks)) for part in found} for kind, found in parts.items()}
    counted_in: dict[Cell, list[Tally]] = {}
    for kind, found in parts.items():
        for part, cells in found.items():
            for cell in cells:
                counted_in.setdefault(cell, []).append(tallies[kind][part])
    for cell, both in _counted(masks, sorted(counted_in, key=lambda cell: cell.matrix)):
        for tally in counted_in[cell]:
            tally.add_(both, np.diagonal(both)[:, None], np.array([cell.size(shapes[cell.matrix])]))
    return {kind: {part: tally.counts() for part, tally in found.items()} for kind, found in tallies.items()}


def _counted(masks: Sequence[MaskLike], cells: Iterable[Cell]) -> Iterator[tuple[Cell, Integers]]:
    """`intersections` in each of some cells, which come sorted by their matrix; in their order."""
    of_matrix = [(name, list(group)) for name, group in groupby(cells, key=lambda cell: cell.matrix)]
    whole = [mask.kept_counts for mask in masks]

    def counted(share: list[tuple[str, list[Cell]]]) -> list[tuple[Cell, Integers]]:
        found, space = [], space_for(len(masks))
        for name, cells in share:
            shape, packed = masks[0].shapes[name], [mask.bits(name) for mask in masks]
            for cell in cells:
                rows = [cell.bits(bits, shape) for bits in packed]
                kept = [counts[name] for counts in whole] if cell.head is None else [ones_in(row) for row in rows]
                found.append((cell, intersections_in(space, rows, np.array(kept))))
        return found

    threads = 1 if len(masks) < FEWEST else min(MOST_THREADS, torch.get_num_threads())
    size = max(1, len(of_matrix) // (SHARES * threads))
    shares = [of_matrix[at : at + size] for at in range(0, len(of_matrix), size)]
    with _openmp_as_before():
        yield from chain.from_iterable(shared_out(counted, shares, threads=threads))


def shared_out(work: Callable[[Share], Result], shares: Sequence[Share], *, threads: int) -> Iterator[Result]:
    """What some work gives for each share, in their order, done by this thread and `threads` - 1 others.

    This thread takes shares from the end while there are such, instead of waiting: Linux may leave two new threads on
    one core until all is done, and the core of the thread that waits for them lies idle. What fails elsewhere is raised
    when this thread has nothing left to take.
    """
    if threads == 1:
        yield from map(work, shares)
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        begun = [pool.submit(work, share) for share in shares]
        try:
            own = {at: work(shares[at]) for at in reversed(range(len(shares))) if begun[at].cancel()}
            for at, other in enumerate(begun):
                yield own.pop(at) if at in own else other.result()
        finally:
            for other in begun:
                other.cancel()


class Tally:
    """Sums over strata that are independent of each other by chance, so that means and variances add up."""

    def __init__(self, masks: int) -> None:
        self.both = np.zeros((masks, masks), dtype=np.int64)
        self.mean: NDArray[np.float64] = np.zeros((masks, masks))
        self.variance: NDArray[np.float64] = np.zeros((masks, masks))
        self.total = 0

    def add_(self, both: Integers, kept: Integers, sizes: Integers) -> None:
        """Adds strata (`overlap.chance` has the formula).

        Args:
            both: in all of them together, shape (masks, masks).
            kept: of each, shape (masks, strata).
            sizes: shape (strata,).
        """
        n = sizes.astype(np.float64)
        shares = kept / n
        split = kept * (n - kept) / (n * np.sqrt(np.maximum(n - 1, 1)))
        self.both += both
        self.mean += shares @ kept.T
        self.variance += split @ split.T
        self.total += int(sizes.sum())

    def counts(self) -> PairCounts:
        """The sums."""
        return PairCounts(
            self.both, np.diagonal(self.both).copy(), self.total, Chance(self.mean, np.sqrt(self.variance))
        )


def check_same_matrices(first: Mapping[str, Shape], other: Mapping[str, Shape], *, which: int) -> None:
    """Makes sure that masks can be compared.

    Raises:
        InputError: what differs between the first mask and the `which`-th.
    """
    if first.keys() != other.keys():
        only = sorted(first.keys() ^ other.keys())[0]
        side = "first" if only in first else f"{which}."
        raise InputError(f"masks of other bases or parts cannot be compared: only the {side} mask has {only!r}")
    for name, shape in first.items():
        if shape != other[name]:
            raise InputError(
                f"masks of other bases cannot be compared: {name!r} is {shape} in the first mask and "
                f"{other[name]} in the {which}."
            )
