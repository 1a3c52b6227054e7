"""The questions one asks of many masks at once, each with one number and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnets.overlap import Numbers
from subnets.pairs_of_runs import pairs_contrast, pairs_interval
from subnets.statistics import Interval, mean_interval

Row = dict[str, Any]
Usable = NDArray[np.bool_]


def overview_rows(
    values: Numbers,
    expected: Numbers,
    langs: Sequence[str],
    seeds: Sequence[int],
    *,
    floor: Numbers | None,
    with_oneshot: Numbers | None,
    confidence: float,
    resamples: int,
) -> list[Row]:
    """Means over pairs of runs by how the two are related, and the differences that questions are about.

    Intervals resample runs (`pairs_of_runs.pairs_interval`), so languages count as drawn from those there are.

    Args:
        values: of a measure, shape (runs, runs), symmetric.
        expected: the measure by chance, same shape.
        langs: of the runs.
        seeds: of the runs.
        floor: the measure of masks that depart from the one-shot mask independently, shape (runs, runs); None where
            there is none.
        with_oneshot: the measure of each run's mask and the one-shot mask, shape (runs,); None where there is none.
        confidence: of the intervals.
        resamples: of the runs.

    Returns:
        Rows with `what`, `mean`, `low`, `high`, `chance`, `floor` and `count` (pairs of runs; of one-shot masks and of
        differences between kinds of pairs, runs); what there are no runs for is left out.
    """
    same_lang = np.equal.outer(list(langs), list(langs))
    same_seed = np.equal.outer(list(seeds), list(seeds))
    relations: dict[str, Usable] = {
        "two languages, other seeds": ~same_lang & ~same_seed,
        "two languages, same seed": ~same_lang & same_seed,
        "one language, other seeds": same_lang & ~same_seed,
    }
    rows: list[Row] = []

    def add(what: str, found: Interval | None, pairs: Usable | None = None) -> None:
        if found is not None:
            beside = {"chance": _mean(expected, pairs), "floor": _mean(floor, pairs), "count": found.count}
            rows.append({"what": what, "mean": found.mean, "low": found.low, "high": found.high} | beside)

    how: dict[str, Any] = {"confidence": confidence, "resamples": resamples}
    for what, usable in relations.items():
        add(what, pairs_interval(values, usable, same_runs=True, **how), usable)
    if with_oneshot is not None:
        add("one mask and the one-shot mask", mean_interval(with_oneshot, **how))
    apart, alike, ceiling = relations.values()
    add("other seeds: one language less two", pairs_contrast(values, ceiling, apart, **how))
    add("two languages: same seed less other", pairs_contrast(values, alike, apart, **how))
    add("two languages, other seeds: less chance", pairs_interval(values - expected, apart, same_runs=True, **how))
    if floor is not None:
        add("two languages, other seeds: less floor", pairs_interval(values - floor, apart, same_runs=True, **how))
    return rows


def _mean(values: Numbers | None, usable: Usable | None) -> float | None:
    if values is None or usable is None or not usable.any():
        return None
    return float(values[usable].mean())
