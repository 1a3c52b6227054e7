"""What training changed: how masks depart from the one-shot mask of their base, and how alike they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pruning.mask import Bits
from subnets.all_pairs import MaskLike, PairCounts, Tally, check_same_matrices, intersections
from subnets.errors import InputError
from subnets.overlap import Integers, Numbers

STRATUM = 256  # weights next to each other by magnitude, of one matrix and one side of the threshold

SMALL, LARGE = "kept_though_small", "dropped_though_large"


def deviation_overlap(
    masks: Sequence[MaskLike], oneshot: MaskLike, magnitudes: Mapping[str, NDArray[np.float32]]
) -> dict[str, PairCounts]:
    """All pairs' overlap of the two sets of weights in which each mask departs from the one-shot mask.

    Magnitude masks of one base are mostly that base's magnitudes; what is left when these are taken away is what
    training did. Weights near the threshold cross it by noise alone, so chance here draws the same number of
    departures within strata: `STRATUM` weights of one matrix and one side of the threshold that follow each other by
    base magnitude.

    Args:
        masks: at least two.
        oneshot: the mask of the base's largest magnitudes with the same sparsity.
        magnitudes: absolute base weights of every matrix, of its shape.

    Returns:
        `kept_though_small`: weights kept, though not in the one-shot mask; `dropped_though_large`: weights of the
        one-shot mask that are removed.

    Raises:
        InputError: fewer than two masks, or masks or magnitudes of other matrices.
    """
    if len(masks) < 2:
        raise InputError(f"masks to compare: found {len(masks)}; expected at least 2")
    for at, mask in enumerate([*masks[1:], oneshot], start=2):
        check_same_matrices(masks[0].shapes, mask.shapes, which=at)
    if magnitudes.keys() != oneshot.shapes.keys():
        raise InputError("magnitudes: found those of other matrices than the masks have")
    tallies = {SMALL: Tally(len(masks)), LARGE: Tally(len(masks))}
    for name in sorted(oneshot.shapes):
        flat = np.asarray(magnitudes[name], dtype=np.float32).reshape(-1)
        by_magnitude = np.argsort(flat, kind="stable")
        large = _bools(oneshot.bits(name), flat.size)[by_magnitude]
        kept = np.stack([_bools(mask.bits(name), flat.size)[by_magnitude] for mask in masks])
        _add(tallies[SMALL], kept[:, ~large])
        _add(tallies[LARGE], ~kept[:, large])
    return {kind: tally.counts() for kind, tally in tallies.items()}


def in_common(
    *, oneshot: int, added_by_both: Numbers | Integers, dropped: Integers, dropped_by_both: Numbers | Integers
) -> Numbers:
    """How many weights each two masks keep, told by their departures from the one-shot mask.

    Of its K weights both keep those that neither drops, of the others those that both add:
    |L & R| = K - |dropped by L| - |dropped by R| + |dropped by both| + |added by both|.
    With the last two as chance has them it is what masks share that depart as far but independently.

    Args:
        oneshot: weights of the one-shot mask, K.
        added_by_both: weights both keep though small, shape (masks, masks).
        dropped: weights each drops though large, shape (masks,).
        dropped_by_both: weights both drop though large, shape (masks, masks).

    Returns:
        Shape (masks, masks).
    """
    kept_of_oneshot = oneshot - dropped[:, None] - dropped[None, :] + dropped_by_both
    return np.asarray(kept_of_oneshot + added_by_both, dtype=np.float64)


def _add(tally: Tally, departs: NDArray[np.bool_]) -> None:
    """Adds one side of one matrix: shape (masks, weights), by magnitude."""
    starts = np.arange(0, departs.shape[1], STRATUM)
    if not len(starts):
        return
    packed = np.packbits(departs, axis=1)
    kept = np.add.reduceat(departs, starts, axis=1, dtype=np.int64)
    tally.add_(intersections(list(packed), kept.sum(axis=1)), kept, np.diff(starts, append=departs.shape[1]))


def _bools(bits: Bits, size: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits, count=size, bitorder="little").view(np.bool_)
