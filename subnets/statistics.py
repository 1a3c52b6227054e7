"""Statistics of scores: how sure a difference is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
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


@dataclass(frozen=True)
class Interval:
    """A mean with how sure it is.

    Attributes:
        mean: of the values.
        low: lower end at `confidence`; None where one value is all there is.
        high: upper end.
        confidence: as a share.
        count: how many values (seeds, pairs of runs) it is made of.
    """

    mean: float
    low: float | None
    high: float | None
    confidence: float
    count: int

    def __str__(self) -> str:
        if self.low is None:
            return f"{self.mean:.3f} (one only)"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_interval(
    values: Sequence[float] | Numbers, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The mean over seeds with a percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    With fewer than three values it says little: two values give an interval that ends at both of them.

    Raises:
        ValueError: no value.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("an interval needs at least one value; found none")
    if len(found) == 1:
        return Interval(float(found[0]), None, None, confidence, 1)
    means = found[np.random.default_rng(seed).integers(len(found), size=(resamples, len(found)))].mean(axis=1)
    return _interval(float(found.mean()), means, confidence, len(found))


def pairs_interval(
    values: Numbers,
    usable: NDArray[np.bool_],
    *,
    same_runs: bool = False,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval | None:
    """The mean over pairs of runs, with a bootstrap that resamples runs: pairs that share a run are not independent.

    Rows and columns are resampled apart, or together where they are the same runs. Draws without a usable pair are
    left out.

    Args:
        values: of each pair, shape (left runs, right runs).
        usable: which pairs count, same shape.
        same_runs: whether rows and columns are the same runs; a run beside itself is not usable then.
        confidence: of the interval.
        resamples: how often.
        seed: of the draws.

    Returns:
        None where no pair is usable; without ends where there are fewer than two pairs that differ.
    """
    if not usable.any():
        return None
    mean, count = float(values[usable].mean()), int(usable.sum())
    if min(values.shape) < (3 if same_runs else 2) or count < 2:
        return Interval(mean, None, None, confidence, count)
    rng = np.random.default_rng(seed)
    left, right = values.shape
    rows = rng.multinomial(left, np.full(left, 1 / left), size=resamples)
    columns = rows if same_runs else rng.multinomial(right, np.full(right, 1 / right), size=resamples)
    weights = np.einsum("ri,rj,ij->r", rows, columns, usable.astype(np.float64))
    sums = np.einsum("ri,rj,ij->r", rows, columns, np.where(usable, values, 0.0))
    return _interval(mean, sums[weights > 0] / weights[weights > 0], confidence, count)


def permutation_p(observed: float, permuted: Numbers) -> float:
    """The one-sided p-value of a statistic: the share of permutations that reach it, itself among them.

    (1 + number >= observed) / (1 + permutations), never 0 (Phipson and Smyth 2010). Ties to rounding count as reached.
    """
    reached = permuted >= observed - 1e-12 * max(1.0, abs(observed))
    return float((1 + reached.sum()) / (1 + len(permuted)))


def difference_p(left: Numbers, right: Numbers, *, permutations: int = 9999, seed: int = 0) -> float:
    """Whether two groups differ in mean: two-sided permutation test of their labels (exact where there are few)."""
    result = scipy.stats.permutation_test(
        (left, right), _difference, n_resamples=permutations, rng=np.random.default_rng(seed), vectorized=True
    )
    return float(result.pvalue)


def _difference(left: Numbers, right: Numbers, axis: int = -1) -> Any:
    return left.mean(axis=axis) - right.mean(axis=axis)


def holm(p_values: Sequence[float] | Numbers) -> Numbers:
    """P-values adjusted for many tests, such that the chance of any false finding is controlled (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1, and none may fall below one smaller than it; at most 1.
    """
    found = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(found, kind="stable")
    factors = len(found) - np.arange(len(found))
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(np.maximum.accumulate(found[order] * factors), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float] | Numbers) -> Numbers:
    """P-values adjusted such that the expected share of false findings is controlled (Benjamini and Hochberg 1995)."""
    adjusted: Numbers = scipy.stats.false_discovery_control(np.asarray(p_values, dtype=np.float64), method="bh")
    return adjusted


def _interval(mean: float, resampled: Numbers, confidence: float, count: int) -> Interval:
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high), confidence, count)
