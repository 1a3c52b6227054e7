"""Topological overlap of many masks: a row a pair of languages and measure, beside chance and ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruning.mask import Mask
from subnets.overlap import Beside, Numbers
from subnets.pairs_of_runs import pairs_interval
from subnets.statistics import Interval
from subnets.topology import beside_random, pair_of, topological_overlaps

Row = dict[str, Any]
Runs = Sequence[int]


def topology_rows(
    masks: Sequence[Mask],
    langs: Sequence[str],
    seeds: Sequence[int],
    *,
    heads: int,
    draws: int,
    confidence: float,
    resamples: int,
) -> list[Row]:
    """The measures of `topology` for every two languages, over pairs of runs with other seeds where there are such.

    Chance is that of random masks with the same counts in every matrix, drawn for the first pair of runs of each two
    languages; a few draws give its level, not its tails, so there is no z. A language beside itself is the ceiling.

    Args:
        masks: one a run.
        langs: of the runs.
        seeds: of the runs.
        heads: attention heads of a layer.
        draws: pairs of random masks for each two languages.
        confidence: of the intervals over pairs of runs.
        resamples: of the runs.
    """

    @cache
    def measured(left: int, right: int) -> dict[str, float]:
        return topological_overlaps(pair_of(masks[left], masks[right], heads=heads))

    members = {lang: [at for at, each in enumerate(langs) if each == lang] for lang in sorted(set(langs))}
    rows: list[Row] = []
    for left, right in combinations_with_replacement(members, 2):
        relation, pairs = _pairs(members[left], members[right], seeds)
        if not pairs:
            continue
        one, other = pairs[0]
        chance = beside_random(masks[one], masks[other], heads=heads, keeping="counts", draws=draws, seed=0)
        found = {pair: measured(*sorted(pair)) for pair in pairs}
        for measure, beside in chance.items():
            values, usable = _table(
                members[left], members[right], {pair: each[measure] for pair, each in found.items()}
            )
            interval = pairs_interval(
                values, usable, same_runs=left == right, confidence=confidence, resamples=resamples
            )
            if interval is not None and np.isfinite([interval.mean, float(beside.chance)]).all():
                place = {"measure": measure, "left": left, "right": right, "seeds": relation}
                rows.append(place | _row(interval, len(pairs), beside))
    ceilings = {(row["measure"], row["left"]): row["mean"] for row in rows if row["left"] == row["right"]}
    for row in rows:
        ends = [ceilings.get((row["measure"], row[side])) for side in ("left", "right")]
        row["ceiling"] = None if None in ends else float(np.mean(ends))  # type: ignore[arg-type]
    return rows


def _pairs(left: Runs, right: Runs, seeds: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
    """The pairs of runs of two languages that are held beside each other, and whether their seeds differ."""
    pairs = [(one, other) for one in left for other in right if one != other]
    if left == right:
        pairs = [(one, other) for one, other in pairs if one < other]
    apart = [(one, other) for one, other in pairs if seeds[one] != seeds[other]]
    return ("other", apart) if apart or left == right else ("same", pairs)


def _table(left: Runs, right: Runs, values: Mapping[tuple[int, int], float]) -> tuple[Numbers, NDArray[np.bool_]]:
    """Values by pair as `pairs_interval` wants them: shape (left, right), and which are there."""
    table = np.full((len(left), len(right)), np.nan)
    for (one, other), value in values.items():
        table[left.index(one), right.index(other)] = value
        if left == right:
            table[left.index(other), right.index(one)] = value
    usable = ~np.isnan(table)
    return np.nan_to_num(table), usable


def _row(found: Interval, pairs: int, beside: Beside) -> Row:
    chance, spread = float(beside.chance), float(beside.standard_deviation)
    return {
        "pairs": pairs, "mean": found.mean, "low": found.low, "high": found.high,
        "chance": chance, "chance_sd": spread,
        "corrected": (found.mean - chance) / (1 - chance) if chance != 1 else 1.0,
    }  # fmt: skip
