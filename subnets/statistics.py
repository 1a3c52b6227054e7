"""Statistics of scores: how sure a mean, an overlap or a difference is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Score = Callable[[Numbers], Numbers]  # totals of counts, shape (..., counts) -> scores, shape (...)
RESAMPLED_AT_ONCE = 2**22  # drawn counts held in memory at a time
SLACK = 1e-9  # of the largest statistic: equal statistics summed in another order differ by rounding


def paired_bootstrap(left: Numbers, right: Numbers, score: Score, *, resamples: int, seed: int) -> Numbers:
    """Differences score(left) - score(right) over resampled examples, the same examples for both (Koehn 2004).

    A corpus score (F1, perplexity) is that of the drawn examples' totals, never a mean of scores of examples. The
    spread is that of the test set; what another seed of training would change is not in it.

    Args:
        left: counts of each example, shape (examples, counts).
        right: the other system's counts of the same examples, same shape.
        score: totals of shape (..., counts) -> scores of shape (...).
        resamples: how often all examples are drawn with replacement.
        seed: of the draws.

    Returns:
        Shape (resamples,). Equal outcomes give differences of exactly 0.

    Raises:
        ValueError: outcomes of other examples, or of none.
    """
    _check_paired(left, right)
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
    """A value with how sure it is.

    Attributes:
        mean: of the values; of a difference, the difference measured.
        low: lower end at `confidence`; None where what was drawn once says nothing of its spread.
        high: upper end; None with `low`.
        confidence: the share of such intervals meant to hold the true value, in (0, 1).
        count: how many values (seeds, pairs of runs, examples) it is made of.
    """

    mean: float
    low: float | None
    high: float | None
    confidence: float
    count: int

    def __str__(self) -> str:
        if self.low is None:
            return f"{self.mean:.3f} ({'one only' if self.count == 1 else 'no interval'})"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_interval(
    values: Sequence[float] | Numbers, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The mean over seeds with a percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    The n values are drawn with replacement, n at a time; the ends are the quantiles (1 - confidence) / 2 and
    (1 + confidence) / 2 of the draws' means. They lie within the values. Resampled means spread by the variance over
    n, not n - 1, so few seeds give too narrow an interval: at 95 %, ten normal scores hold the true mean about 90 %
    of the time, five 84 %, three 75 %. Two give an interval that ends at both of them; one gives none.

    Args:
        values: one a seed, shape (seeds,), finite.
        confidence: of the interval, in (0, 1).
        resamples: how often all are drawn; from 1.
        seed: of the draws.

    Raises:
        ValueError: no value, one that is not finite, or a confidence or number of resamples that cannot be.
    """
    found = _checked_numbers(values, what="an interval needs values")
    check_resampling(confidence, resamples)
    if len(found) == 1:
        return Interval(float(found[0]), None, None, confidence, 1)
    rng, at_once = np.random.default_rng(seed), max(1, RESAMPLED_AT_ONCE // len(found))
    means = [
        found[rng.integers(len(found), size=(min(at_once, resamples - first), len(found)))].mean(axis=1)
        for first in range(0, resamples, at_once)
    ]
    return interval_of(float(found.mean()), np.concatenate(means), confidence, len(found))


def difference_interval(
    left: Numbers, right: Numbers, score: Score, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """score(left) - score(right) of the same examples, with the percentile interval of `paired_bootstrap`.

    Arguments and errors are those of `paired_bootstrap` and `mean_interval`. One example alone gives no interval.
    """
    _check_paired(left, right)
    check_resampling(confidence, resamples)
    difference = float(score(left.sum(axis=0)) - score(right.sum(axis=0)))
    if len(left) == 1:
        return Interval(difference, None, None, confidence, 1)
    drawn = paired_bootstrap(left, right, score, resamples=resamples, seed=seed)
    return interval_of(difference, drawn, confidence, len(left))


def permutation_p(observed: float, permuted: Numbers) -> float:
    """The one-sided p-value of a statistic: the share of drawn permutations that reach it, itself among them.

    (1 + number >= observed) / (1 + permutations) (Phipson and Smyth 2010): in (0, 1], never 0; 1 without a
    permutation. Ties to rounding (`SLACK`) count as reached.

    >>> permutation_p(2.0, np.array([0.0, 1.0, 2.0]))
    0.5

    Raises:
        ValueError: a statistic that is not finite.
    """
    if not (np.isfinite(observed) and np.isfinite(permuted).all()):
        raise ValueError("statistics of a permutation test must be finite")
    reached = permuted >= observed - SLACK * max(abs(observed), float(np.abs(permuted).max(initial=0.0)))
    return float((1 + reached.sum()) / (1 + len(permuted)))


def difference_p(
    left: Sequence[float] | Numbers, right: Sequence[float] | Numbers, *, permutations: int = 9999, seed: int = 0
) -> float:
    """Whether two groups differ in mean: the permutation test of their labels (Fisher 1935), two-sided.

    p = the share of ways to deal the pooled values out whose difference of means reaches the measured one: of all
    C(n + m, n) ways where these are at most `permutations` (exact), else by `permutation_p` of so many drawn ones.
    Twice the smaller side, at most 1. In (0, 1]; 1 for equal values. No p is below 2 / C(n + m, n): 0.1 for three
    seeds against three, so that only from four against four (0.029) can a difference be significant at 0.05.

    Args:
        left: shape (n,), n from 2, finite.
        right: shape (m,), m from 2, finite.
        permutations: the most to look at; from 1.
        seed: of the draws; without effect where the test is exact.

    Raises:
        ValueError: a group of fewer than two (one seed says nothing), or a value that is not finite.
    """
    one, other = (_checked_numbers(each, what="groups to compare need values", least=2) for each in (left, right))
    check_resampling(None, permutations)
    pooled = np.concatenate([one, other])
    pooled = pooled - pooled.mean()  # rounding is then as small as the differences are
    # With a sum of 0 in all, a difference of means is the left sum times a constant.
    if comb(len(pooled), len(one)) <= permutations:
        return _two_sided(float(pooled[: len(one)].sum()), _all_sums(pooled, len(one)), exact=True)
    return _two_sided(
        float(pooled[: len(one)].sum()), _drawn_sums(pooled, len(one), permutations, seed=seed), exact=False
    )


def swap_p(left: Numbers, right: Numbers, score: Score, *, permutations: int = 9999, seed: int = 0) -> float:
    """Whether score(left) differs from score(right): outcomes are swapped example by example, two-sided.

    Approximate randomisation (Noreen 1989; for F1, Yeh 2000): were the systems alike, either outcome of an example
    could be either's. p is as in `difference_p`, of all 2^examples ways where these are at most `permutations`. For
    numbers, one a seed, shape (seeds, 1), and a score that divides the total by the seeds. In (0, 1]; 1 for equal
    outcomes; from six pairs on it can be below 0.05.

    Args:
        left: counts of each example, shape (examples, counts).
        right: the other system's counts of the same examples, same shape.
        score: totals of shape (..., counts) -> scores of shape (...).
        permutations: the most to look at; from 1.
        seed: of the draws; without effect where the test is exact.

    Raises:
        ValueError: outcomes of other examples, or of none, or a score that is not finite.
    """
    _check_paired(left, right)
    check_resampling(None, permutations)
    examples, one, other, change = len(left), left.sum(axis=0), right.sum(axis=0), right - left
    exact = examples < 63 and 2**examples <= permutations
    count, at_once = 2**examples if exact else permutations, max(1, RESAMPLED_AT_ONCE // examples)
    rng = np.random.default_rng(seed)
    differences: list[Any] = []
    for first in range(0, count, at_once):
        here = min(at_once, count - first)
        if exact:
            swapped = np.arange(first, first + here)[:, None] >> np.arange(examples) & 1
        else:
            swapped = rng.integers(2, size=(here, examples), dtype=np.int8)
        moved = swapped.astype(np.float64) @ change
        differences.append(score(one + moved) - score(other - moved))
    return _two_sided(float(score(one) - score(other)), np.concatenate(differences), exact=exact)


def holm(p_values: Sequence[float] | Numbers) -> Numbers:
    """P-values adjusted for many tests, such that the chance of any false finding is controlled (Holm 1979).

    The i-th smallest of m becomes the largest (m - j + 1) p_j of j <= i, at most 1. Holds whatever the dependence of
    the tests. Never below what was given, never above Bonferroni's m p; in the order given; none gives none.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    Raises:
        ValueError: what is no p-value.
    """
    found = _checked_p_values(p_values)
    order = np.argsort(found, kind="stable")
    factors = len(found) - np.arange(len(found))
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(np.maximum.accumulate(found[order] * factors), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float] | Numbers) -> Numbers:
    """P-values adjusted such that the expected share of false findings is controlled (Benjamini and Hochberg 1995).

    The i-th smallest of m becomes the smallest m p_j / j of j >= i. Holds for independent or positively dependent
    tests. Never below what was given, never above `holm`; in the order given; none gives none.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]

    Raises:
        ValueError: what is no p-value.
    """
    adjusted: Numbers = scipy.stats.false_discovery_control(_checked_p_values(p_values), method="bh")
    return adjusted


def interval_of(mean: float, resampled: Numbers, confidence: float, count: int) -> Interval:
    """The percentile interval of resampled means, shape (resamples,)."""
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high), confidence, count)


def _two_sided(observed: float, permuted: Numbers, *, exact: bool) -> float:
    """Twice the smaller side's p-value. Drawn permutations do not hold the observed one; all of them do."""
    if exact:  # of the ways that are equal to the observed one, `permutation_p` adds one: leave it out
        permuted = np.delete(permuted, np.argmin(np.abs(permuted - observed)))
    return min(1.0, 2 * min(permutation_p(observed, permuted), permutation_p(-observed, -permuted)))


def _all_sums(pooled: Numbers, size: int) -> Numbers:
    """The sum of every choice of so many values."""
    ways, at_once = combinations(range(len(pooled)), size), max(1, RESAMPLED_AT_ONCE // size)
    sums: list[Any] = []
    while chosen := list(islice(ways, at_once)):
        sums.append(pooled[np.array(chosen)].sum(axis=1))
    return np.concatenate(sums)


def _drawn_sums(pooled: Numbers, size: int, permutations: int, *, seed: int) -> Numbers:
    """The sums of so many drawn choices of so many values."""
    rng, at_once = np.random.default_rng(seed), max(1, RESAMPLED_AT_ONCE // len(pooled))
    sums: list[Any] = []
    for first in range(0, permutations, at_once):
        rows = np.tile(pooled, (min(at_once, permutations - first), 1))
        sums.append(rng.permuted(rows, axis=1)[:, :size].sum(axis=1))
    return np.concatenate(sums)


def _checked_numbers(values: Sequence[float] | Numbers, *, what: str, least: int = 1) -> Numbers:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) < least or not np.isfinite(found).all():
        raise ValueError(f"{what}: found {found.tolist()}; expected at least {least}, finite, in a row")
    return found


def _checked_p_values(p_values: Sequence[float] | Numbers) -> Numbers:
    found = np.asarray(p_values, dtype=np.float64)
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"p-values: found {found.tolist()}; expected numbers from 0 to 1, in a row")
    return found


def _check_paired(left: Numbers, right: Numbers) -> None:
    if left.shape != right.shape or not len(left):
        raise ValueError(
            f"paired outcomes must be of the same examples, at least one: {left.shape} against {right.shape}"
        )


def check_resampling(confidence: float | None, resamples: int) -> None:
    """Raises ValueError for a confidence outside (0, 1), or fewer than one resample."""
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(f"confidence: found {confidence}; expected a share between 0 and 1")
    if resamples < 1:
        raise ValueError(f"resamples: found {resamples}; expected at least 1")
