"""How many weights are kept by exactly j of n masks, beside what independent masks would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.mask import Bits, ones_in
from subnets.algebra import exactly, tallied
from subnets.all_pairs import MaskLike, check_same_matrices
from subnets.errors import InputError
from subnets.overlap import Chance, Integers, Numbers
from subnets.parts import Part, parts_called


@dataclass(frozen=True)
class Ladder:
    """The weights of a part by how many of n masks keep them.

    Attributes:
        sizes: `sizes[j]` weights are kept by exactly j masks, shape (n + 1,), exact; the last is the core.
        expected: of these sizes, for random masks with the same number of kept weights in each matrix.
    """

    sizes: Integers
    expected: Chance


def ladder(masks: Sequence[MaskLike], kind: str = "whole", *, heads: int = 1) -> dict[Part, Ladder]:
    """The ladder of every part of a kind (`parts.KINDS`).

    In expectation a weight of a matrix is kept by j masks with the Poisson-binomial probability of the masks' shares
    of that matrix (Wang 1993); the spread follows from the joint probability of two weights of a matrix, as a mask
    with k of n weights keeps both of two with probability k (k - 1) / (n (n - 1)).

    Raises:
        InputError: no mask, masks of other matrices, or a kind that there is not.
    """
    if not masks:
        raise InputError("masks to compare: found none; expected at least one")
    shapes = masks[0].shapes
    for at, mask in enumerate(masks[1:], start=2):
        check_same_matrices(shapes, mask.shapes, which=at)
    found = {}
    for part, cells in parts_called(kind, shapes, heads=heads).items():
        sizes = np.zeros(len(masks) + 1, dtype=np.int64)
        mean, variance = np.zeros(len(masks) + 1), np.zeros(len(masks) + 1)
        for cell in cells:
            shape = shapes[cell.matrix]
            rows = [cell.bits(mask.bits(cell.matrix), shape) for mask in masks]
            sizes += _sizes(rows, cell.size(shape))
            kept = np.array([ones_in(row) for row in rows])
            expected = expected_sizes(kept, cell.size(shape))
            mean += expected.mean
            variance += expected.standard_deviation**2
        found[part] = Ladder(sizes, Chance(mean, np.sqrt(variance)))
    return found


def expected_sizes(kept: Integers, size: int) -> Chance:
    """Of random masks of one matrix: how many weights exactly j of them keep.

    Args:
        kept: by each mask, shape (n,).
        size: weights of the matrix.

    Returns:
        Mean and standard deviation, shape (n + 1,) each.
    """
    one = poisson_binomial(kept / size)
    two = _of_two(np.asarray(kept, dtype=np.float64), size)
    variance = size * one * (1 - one) + size * (size - 1.0) * (two - one**2)
    return Chance(size * one, np.sqrt(np.maximum(variance, 0.0)))


def poisson_binomial(shares: Numbers) -> Numbers:
    """The probabilities of 0, 1, ... n successes in n independent trials with the given chances; shape (n + 1,)."""
    probabilities = np.ones(1)
    for share in shares:
        probabilities = np.convolve(probabilities, [1 - share, share])
    return probabilities


def _of_two(kept: Numbers, size: int) -> Numbers:
    """The probability that of two weights of a matrix each is kept by exactly j masks; shape (n + 1,)."""
    ways = max(size * (size - 1.0), 1.0)
    joint = np.ones((1, 1))
    for k in kept:
        both, one, none = k * (k - 1) / ways, k * (size - k) / ways, (size - k) * (size - k - 1) / ways
        wider = np.zeros((len(joint) + 1, len(joint) + 1))
        wider[1:, 1:] += both * joint
        wider[1:, :-1] += one * joint
        wider[:-1, 1:] += one * joint
        wider[:-1, :-1] += none * joint
        joint = wider
    return np.diagonal(joint).copy()


def _sizes(rows: Sequence[Bits], size: int) -> Integers:
    votes = tallied(rows)
    classes = [ones_in(exactly(j, votes)) for j in range(1, len(rows) + 1)]
    return np.array([size - sum(classes), *classes], dtype=np.int64)
