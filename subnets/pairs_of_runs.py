"""Means over pairs of runs: pairs that share a run are not independent, so intervals resample runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from subnets.statistics import Interval, Numbers, check_resampling, interval_of

FEWEST_RUNS = 3  # of which a bootstrap of runs says anything


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

    Rows and columns are resampled apart (Owen 2007), or together where they are the same runs (Snijders and Borgatti
    1999): a draw is sum l_i r_j x_ij / sum l_i r_j over usable pairs, l_i and r_j how often a run was drawn. Draws
    without a usable pair are left out, and so are runs without one. Values that are not usable are never read.

    Args:
        values: of each pair, shape (left runs, right runs).
        usable: which pairs count, same shape.
        same_runs: whether rows and columns are the same runs; then symmetric, and a run beside itself is not usable.
        confidence: of the interval, in (0, 1).
        resamples: how often; from 1.
        seed: of the draws.

    Returns:
        None where no pair is usable; without ends where these are of one run of a side, or where the same runs make
        one pair only. `count` is of pairs: of the same runs, a pair and its mirror image are one.

    Raises:
        ValueError: other shapes, a usable value that is not finite, a run paired with itself, or a confidence or
            number of resamples that cannot be.
    """
    _check_pairs(values, usable, same_runs=same_runs)
    check_resampling(confidence, resamples)
    if not usable.any():
        return None
    rows, columns = usable.any(axis=1), usable.any(axis=0)
    if same_runs:
        rows = columns = rows | columns
    values, usable = values[np.ix_(rows, columns)], usable[np.ix_(rows, columns)]
    mean, count = float(values[usable].mean()), int(usable.sum()) // (2 if same_runs else 1)
    if min(values.shape) < (3 if same_runs else 2):
        return Interval(mean, None, None, confidence, count)
    rng = np.random.default_rng(seed)
    left, right = (_times_drawn(rng, runs, resamples) for runs in values.shape)
    right = left if same_runs else right
    weights = ((left @ usable.astype(np.float64)) * right).sum(axis=1)
    sums = ((left @ np.where(usable, values, 0.0)) * right).sum(axis=1)
    if not weights.any():
        raise ValueError(f"resamples: found {resamples}, none of which drew a usable pair; take more")
    return interval_of(mean, sums[weights > 0] / weights[weights > 0], confidence, count)


def pairs_contrast(
    values: Numbers,
    ones: NDArray[np.bool_],
    others: NDArray[np.bool_],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval | None:
    """The mean over some pairs of runs less that over other pairs of the same runs, each draw of runs used for both.

    As `pairs_interval` with the same runs on both sides; draws without a pair of either kind are left out.

    Args:
        values: of each pair, shape (runs, runs).
        ones: the pairs of the first mean, same shape, symmetric, no run beside itself.
        others: the pairs of the second.
        confidence: of the interval, in (0, 1).
        resamples: how often runs are drawn.
        seed: of the draws.

    Returns:
        None where no pair is of one of the kinds; without ends where no draw has both. `count` is of runs.

    Raises:
        ValueError: as `pairs_interval`.
    """
    for usable in (ones, others):
        _check_pairs(values, usable, same_runs=True)
    check_resampling(confidence, resamples)
    if not (ones.any() and others.any()):
        return None
    difference = float(values[ones].mean() - values[others].mean())
    times = _times_drawn(np.random.default_rng(seed), len(values), resamples)
    weights, sums = (
        np.stack([((times @ np.where(usable, each, 0.0)) * times).sum(axis=1) for usable in (ones, others)])
        for each in (np.ones_like(values), values)
    )
    drawn = (weights > 0).all(axis=0)
    if not drawn.any() or len(values) < FEWEST_RUNS:
        return Interval(difference, None, None, confidence, len(values))
    means = sums[:, drawn] / weights[:, drawn]
    return interval_of(difference, means[0] - means[1], confidence, len(values))


def _times_drawn(rng: np.random.Generator, runs: int, resamples: int) -> Numbers:
    return rng.multinomial(runs, np.full(runs, 1 / runs), size=resamples).astype(np.float64)


def _check_pairs(values: Numbers, usable: NDArray[np.bool_], *, same_runs: bool) -> None:
    if values.shape != usable.shape or (same_runs and len(set(values.shape)) > 1):
        raise ValueError(f"pairs of runs: found values of shape {values.shape}, usable of shape {usable.shape}")
    if not np.isfinite(values[usable]).all():
        raise ValueError("pairs of runs: a usable value is not finite")
    if same_runs and np.diagonal(usable).any():
        raise ValueError("pairs of runs: a run beside itself is no pair")
