"""Statistics of scores: how sure a difference is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
RESAMPLED_AT_ONCE = 2**22  # drawn counts held in memory at a time


def paired_bootstrap(
    left: Numbers, right: Numbers, score: Callable[[Numbers], Numbers], *, resamples: int, seed: int
) -> Numbers:
    """Differences score(left) - score(right) over resampled examples, the same examples for both (Koehn 2004).

    Args:
        left: counts of each example, shape (examples, counts).
        right: the other system's counts of the same examples, same shape.
        score: totals of shape (..., counts) -> scores of shape (...).
        resamples: how often all examples are drawn with replacement.
        seed: of the draws.

    Returns:
        Shape (resamples,). Equal outcomes give differences of exactly 0.
    """
    if left.shape != right.shape:
        raise ValueError(f"paired outcomes must be of the same examples: {left.shape} against {right.shape}")
    rng = np.random.default_rng(seed)
    examples = len(left)
    at_once = max(1, RESAMPLED_AT_ONCE // examples)
    differences: list[Any] = []
    for first in range(0, resamples, at_once):
        times = rng.multinomial(examples, np.full(examples, 1 / examples), size=min(at_once, resamples - first))
        differences.append(score(times @ left) - score(times @ right))
    return np.concatenate(differences)
