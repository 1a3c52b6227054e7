"""Sentence retrieval: which sentence of another language is a translation, told by vectors alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnets.errors import InputError

Numbers = NDArray[np.float64]
Vectors = NDArray[np.floating[Any]]

ROWS_AT_ONCE = 512  # a chunk against 100,000 sentences is 400 MB
SLACK = 1e-9  # scores are near 1; the same score summed in another order differs by rounding


@dataclass(frozen=True)
class Ranks:
    """Where each sentence's own translation stands among all sentences of the other language.

    Attributes:
        better: how many score higher than the translation, shape (2, sentences): found from the left side, from the
            right side.
        equal: how many score the same, itself among them, same shape; from 1.
    """

    better: NDArray[np.int64]
    equal: NDArray[np.int64]

    def found(self, top: int) -> Numbers:
        """The chance that a translation is among the best `top`, shape (2, sentences), in [0, 1].

        Without a tie it is 0 or 1. Those that score the same are in random order: of t such behind g better ones each
        is among the best with (top - g) / t, so that vectors which are all the same find top of n, as chance does, and
        the order of the sentences changes nothing.
        """
        return np.clip((top - self.better) / self.equal, 0.0, 1.0)

    def accuracies(self, top: int) -> tuple[float, float]:
        """The share of translations found from the left side and from the right, in 0 to 100; by chance 100 top / n."""
        left, right = self.found(top).mean(axis=1)
        return 100.0 * float(left), 100.0 * float(right)


def retrieve(left: Vectors, right: Vectors, *, neighbours: int) -> Ranks:
    """Ranks of the translations by the ratio margin (Artetxe and Schwenk 2019, section 3.1, equation 1).

    score(x, y) = cos(x, y) / ((mean of cos(x, z) over the k nearest z of the other language
                               + mean of cos(z, y) over the k nearest z of x's language) / 2)

    The margin tells a neighbour from a sentence that is near to everything. Scaling any vector changes nothing;
    permuting both languages alike permutes the ranks. Memory is `ROWS_AT_ONCE` x sentences.

    Args:
        left: vectors of the sentences of one language, shape (sentences, width).
        right: of their translations, same number and order, same width.
        neighbours: k, 1 to the number of sentences.

    Raises:
        ValueError: shapes that do not fit, a vector of zeros or of what is no number, or no such k.
        InputError: cosines to the nearest neighbours are not positive, where the ratio means nothing.
    """
    one, other = _directions(left, right, neighbours)
    means = _nearest(one, other, neighbours), _nearest(other, one, neighbours)
    if means[0].min() + means[1].min() <= 0:
        raise InputError(
            f"the ratio margin needs nearest neighbours with a positive mean cosine; found {means[0].min():.3f} and "
            f"{means[1].min():.3f}: take fewer parallel.neighbours (found {neighbours}) or more sentences"
        )
    own = np.einsum("ij,ij->i", one, other) / (means[0] + means[1]) * 2
    better, equal = np.zeros((2, len(one)), dtype=np.int64), np.zeros((2, len(one)), dtype=np.int64)
    for rows in _chunks(len(one)):
        scores = one[rows] @ other.T / (means[0][rows, None] + means[1]) * 2
        better[0, rows], equal[0, rows] = _against(scores, own[rows, None], axis=1)
        higher, same = _against(scores, own, axis=0)
        better[1] += higher
        equal[1] += same
    return Ranks(better, equal)


def _directions(left: Vectors, right: Vectors, neighbours: int) -> tuple[Numbers, Numbers]:
    """Vectors of length 1."""
    if left.shape != right.shape or left.ndim != 2 or not len(left):
        raise ValueError(f"vectors of translations must be of one shape: found {left.shape} and {right.shape}")
    if not 1 <= neighbours <= len(left):
        raise ValueError(f"neighbours: found {neighbours}; expected 1 to {len(left)}, the number of sentences")
    given = [np.asarray(each, dtype=np.float64) for each in (left, right)]
    lengths = [np.linalg.norm(each, axis=1, keepdims=True) for each in given]
    if not all((np.isfinite(each) & (each > 0)).all() for each in lengths):
        raise ValueError("a vector of zeros, or of what is no number, has no direction")
    return given[0] / lengths[0], given[1] / lengths[1]


def _nearest(from_: Numbers, to: Numbers, neighbours: int) -> Numbers:
    """The mean cosine of every vector to its nearest neighbours on the other side, shape (sentences,)."""
    first = len(to) - neighbours
    means = [np.partition(from_[rows] @ to.T, first, axis=1)[:, first:].mean(axis=1) for rows in _chunks(len(from_))]
    return np.concatenate(means)


def _against(scores: Numbers, own: Numbers, *, axis: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many scores lie above the translations' own, and how many are the same."""
    return (scores > own + SLACK).sum(axis=axis), (np.abs(scores - own) <= SLACK).sum(axis=axis)


def _chunks(count: int) -> Iterator[slice]:
    return (slice(first, min(first + ROWS_AT_ONCE, count)) for first in range(0, count, ROWS_AT_ONCE))
