"""Controls: masks nobody trained for, drawn at random, to hold a ticket against."""

from __future__ import annotations

from collections.abc import Mapping

from pruning.mask import Mask, Shape
from pruning.scores import drawn_scores
from pruning.selection import keep_highest


def random_mask(shapes: Mapping[str, Shape], *, kept: int, seed: int) -> Mask:
    """A mask of exactly `kept` of all weights, every choice of them equally likely; the same for the same seed.

    Of one seed, a mask that keeps fewer is part of one that keeps more.

    Raises:
        InputError: `kept` below 0 or above the number of weights.
    """
    return random_within(Mask.full(shapes), kept=kept, seed=seed)


def random_within(mask: Mask, *, kept: int, seed: int) -> Mask:
    """A random part of what `mask` keeps, of exactly `kept` weights, all equally likely; the same for the same seed.

    Masks pruned to a lower sparsity and then at random to the target are a baseline between a ticket and a random mask
    (Foroutan et al. 2022, footnote 9).

    Raises:
        InputError: `kept` below 0 or above what the mask keeps.
    """
    return keep_highest(lambda name: drawn_scores(mask.shapes[name], name=name, seed=seed), mask, kept=kept)


def random_per_matrix(mask: Mask, *, seed: int) -> Mask:
    """A random mask that keeps as many weights of every matrix as `mask` does; the same for the same seed."""
    drawn = {}
    for name, shape in mask.shapes.items():
        drawn[name] = random_mask({name: shape}, kept=mask.kept_counts[name], seed=seed).packed
    return Mask.from_packed(mask.shapes, drawn)
