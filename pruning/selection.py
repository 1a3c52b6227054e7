"""Selection: keep exactly the k highest scores, found by radix selection over the floats' bit patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.mask import Mask

CHUNK = 1 << 20  # weights looked at at once; a multiple of 8, so that a chunk starts at a byte of the mask
DTYPES = (torch.float32, torch.bfloat16, torch.float16)  # all exact in float32; float64 is not
BINS = 1 << 16
INFINITY = 0x7F800000  # bit pattern of +inf: above it lie NaN and what has the sign bit
NEGATIVE_ZERO = 0x80000000  # bit pattern of -0.0; all other negative ones are above it

Scores = Callable[[str], torch.Tensor]


def keep_highest(scores: Scores, mask: Mask, *, kept: int, names: Sequence[str] | None = None) -> Mask:
    """The mask that keeps exactly `kept` of the weights that `mask` keeps in `names`: those with the highest scores.

    Equal scores are broken by position: the weight that comes first (sorted names, then row-major) is kept first.
    Only surviving weights are ranked; what is pruned stays pruned, whatever its score. For non-negative floats the
    bit pattern read as an integer keeps the order, so the lowest kept score is found exactly in two passes, one over
    the upper and one over the lower 16 bits, without joining or sorting the matrices.

    Args:
        scores: gives the scores of a matrix: its shape, float32, bfloat16 or float16, on any device, not negative
            (-0.0 counts as 0.0, +inf is allowed). Called three times a matrix; it must give the same each time. From
            a GPU they are fetched in pieces.
        mask: the weights that survive so far.
        kept: how many to keep, from 0 to the number that survive in `names`.
        names: the matrices to rank together, all by default. The others stay as they are in `mask`.

    Raises:
        InputError: `kept` out of range, names unknown or repeated, or scores that are NaN, negative, of another shape
            or type, or different from call to call.
    """
    ranked = _ranked_names(mask, names)
    surviving = sum(mask.kept_counts[name] for name in ranked)
    if not 0 <= kept <= surviving:
        raise InputError(f"kept: found {kept}; allowed: 0 to {surviving}, the number of weights that survive")
    if surviving == 0:
        return mask
    upper, above_upper = _cut(bit_histogram(scores, mask, names=ranked), wanted=kept)
    lower, above_lower = _cut(bit_histogram(scores, mask, names=ranked, upper=upper), wanted=kept - above_upper)
    ties = kept - above_upper - above_lower
    chosen = _keep_from(scores, mask, names=ranked, threshold=upper << 16 | lower, ties=ties)
    found = sum(chosen.kept_counts[name] for name in ranked)
    if found != kept:
        raise InputError(f"scores changed between calls: {found} weights passed the threshold set for {kept}")
    return chosen


def bit_histogram(scores: Scores, mask: Mask, *, names: Sequence[str], upper: int | None = None) -> NDArray[np.int64]:
    """How many surviving weights of `names` have each value of the upper 16 bits of their score's float32 pattern.

    With `upper`, those with exactly these upper bits are counted by their lower 16 bits. Histograms of parts (other
    matrices, other ranks) add.

    Returns:
        Counts of shape (65536,).

    Raises:
        InputError: scores that `keep_highest` refuses.
    """
    counts = np.zeros(BINS, np.int64)
    for name in names:
        for _, keys, _ in _chunks(name, scores(name), mask=mask):
            bins = keys >> 16 if upper is None else keys[keys >> 16 == upper] & 0xFFFF
            counts += np.bincount(bins, minlength=BINS)
        if not upper:
            counts[0] -= mask.sizes[name] - mask.kept_counts[name]  # pruned weights have key 0 but are not ranked
    return counts


def _ranked_names(mask: Mask, names: Sequence[str] | None) -> list[str]:
    ranked = sorted(mask.names if names is None else names)
    unknown = sorted(set(ranked) - set(mask.names))
    if unknown or len(set(ranked)) < len(ranked):
        raise InputError(f"names to rank: found {ranked}; allowed: each once, of: {', '.join(mask.names)}")
    return ranked


def _cut(counts: NDArray[np.int64], *, wanted: int) -> tuple[int, int]:
    """The bin in which the `wanted`-th count from the top lies (the top one for 0), and how many lie above it."""
    from_top = np.cumsum(counts[::-1])
    place = int(np.searchsorted(from_top, max(wanted, 1)))
    above = int(from_top[place - 1]) if place else 0
    return BINS - 1 - place, above


def _keep_from(scores: Scores, mask: Mask, *, names: Sequence[str], threshold: int, ties: int) -> Mask:
    """Keep what survives above the threshold, and the first `ties` of the weights at it."""
    packed = {name: mask.bits(name) for name in mask.names}
    for name in names:
        chosen = packed[name] = np.empty_like(packed[name])
        for start, keys, kept in _chunks(name, scores(name), mask=mask):
            keep = keys > threshold
            if ties:
                at_threshold = keys == threshold if kept is None else (keys == threshold) & kept
                first = np.flatnonzero(at_threshold)[:ties]
                keep[first] = True
                ties -= len(first)
            bits = np.packbits(keep, bitorder="little")
            chosen[start // 8 : start // 8 + bits.size] = bits
    return Mask.from_packed(mask.shapes, packed)


def _chunks(
    name: str, scores: torch.Tensor, *, mask: Mask
) -> Iterator[tuple[int, NDArray[np.uint32], NDArray[np.bool_] | None]]:
    """A matrix in pieces: first flat index, keys in the order of the scores, which weights survive (None: all).

    The key of a pruned weight is 0.
    """
    if scores.dtype not in DTYPES or tuple(scores.shape) != mask.shapes[name]:
        raise InputError(
            f"scores of {name!r}: found {scores.dtype} of shape {tuple(scores.shape)}; "
            f"expected float32, bfloat16 or float16 of shape {mask.shapes[name]}"
        )
    flat = scores.detach().reshape(-1)
    bits = mask.bits(name)
    whole = mask.kept_counts[name] == mask.sizes[name]
    for start in range(0, flat.numel(), CHUNK):
        # numpy, not torch: it runs on one thread, so a machine busy with other work does not stall it.
        keys = flat[start : start + CHUNK].float().cpu().numpy().view(np.uint32)
        kept = None
        if not whole:
            unpacked = np.unpackbits(bits[start // 8 :][: CHUNK // 8], count=keys.size, bitorder="little")
            keys, kept = keys * unpacked, unpacked.view(np.bool_)
        yield start, _without_sign(name, keys), kept


def _without_sign(name: str, keys: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The keys with -0.0 read as 0.0; refuses NaN and negative scores."""
    if keys.max() <= INFINITY:
        return keys
    keys = np.where(keys == NEGATIVE_ZERO, np.uint32(0), keys)
    wrong = keys[keys > INFINITY]
    if wrong.size:
        raise InputError(f"scores of {name!r}: found {wrong[:1].view(np.float32)[0]}; expected numbers from 0 up")
    return keys
