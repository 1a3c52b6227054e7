"""Rows of a comparison: pairs of runs with their counts, and pairs of languages with means over pairs of runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnets.all_pairs import PairCounts
from subnets.catalogue import FinishedRun
from subnets.overlap import Beside, Integers, Numbers
from subnets.pairs_of_runs import pairs_interval
from subnets.settings import CompareSettings

Row = dict[str, Any]

OTHER_SEEDS, SAME_SEED = "other", "same"


@dataclass(frozen=True)
class Known:
    """What a measure is held against besides chance; None where the base is not at hand.

    Attributes:
        floor: of masks that depart from the one-shot mask independently, shape (runs, runs).
        with_oneshot: of each mask and the one-shot mask itself, shape (runs,).
    """

    floor: Numbers | None = None
    with_oneshot: Numbers | None = None


def pair_rows(runs: list[FinishedRun], counts: PairCounts, measured: dict[str, Beside]) -> Iterator[Row]:
    """A row a pair of runs: their counts, and every measure beside chance.

    Args:
        runs: whose masks come first in the counts, in this order.
        counts: of the part.
        measured: every measure by name.
    """
    for left, right in combinations(range(len(runs)), 2):
        row: Row = {}
        for side, at in (("left", left), ("right", right)):
            run = runs[at]
            row |= {side: run.name, f"{side}_lang": run.lang, f"{side}_seed": run.seed}
            row[f"{side}_kept"] = int(counts.kept[at])
        row |= {"both": int(counts.both[left, right]), "total": counts.total}
        row |= {"both_expected": float(counts.expected.mean[left, right])}
        row |= {"z": float(measured["jaccard"].z[left, right])}
        for name, beside in measured.items():
            row |= {name: float(beside.value[left, right]), f"{name}_chance": float(beside.chance[left, right])}
            row |= {f"{name}_chance_sd": float(beside.standard_deviation[left, right])}
            row |= {f"{name}_corrected": float(beside.corrected[left, right])}
        yield row


def language_rows(
    runs: list[FinishedRun], measure: str, beside: Beside, settings: CompareSettings, known: Known
) -> list[Row]:
    """A row a pair of languages, over pairs of runs with other seeds and over those with the same.

    Args:
        runs: whose masks come first in what was measured, in this order.
        measure: its name; containment is lopsided and has both orders.
        beside: what was measured, shape (runs and more, runs and more).
        settings: confidence and resamples of the intervals.
        known: what the measure is held against.
    """
    langs = sorted({run.lang for run in runs})
    members = {lang: np.array([at for at, run in enumerate(runs) if run.lang == lang]) for lang in langs}
    seeds = np.array([run.seed for run in runs])
    pairs = product(langs, langs) if measure == "containment" else combinations_with_replacement(langs, 2)
    rows = [
        row for left, right in pairs for row in _rows_of_pair((left, right), members, seeds, measure, beside, settings)
    ]
    ceilings = {row["left"]: row["mean"] for row in rows if row["left"] == row["right"] and row["seeds"] == OTHER_SEEDS}
    for row in rows:
        left, right = (members[row[side]] for side in ("left", "right"))
        ends = [ceilings.get(row["left"]), ceilings.get(row["right"])]
        row["ceiling"] = None if None in ends else float(np.mean(ends))  # type: ignore[arg-type]
        apart = left[:, None] != right[None, :]
        row["floor"] = None if known.floor is None else float(known.floor[np.ix_(left, right)][apart].mean())
        alone = known.with_oneshot
        row["with_oneshot"] = None if alone is None else float(alone[np.concatenate([left, right])].mean())
    return rows


def _rows_of_pair(
    pair: tuple[str, str],
    members: dict[str, Integers],
    seeds: Integers,
    measure: str,
    beside: Beside,
    settings: CompareSettings,
) -> Iterator[Row]:
    left, right = pair
    block = np.ix_(members[left], members[right])
    same_seed: NDArray[np.bool_] = seeds[members[left]][:, None] == seeds[members[right]][None, :]
    same_runs = left == right
    itself = members[left][:, None] == members[right][None, :]
    for relation, usable in ((OTHER_SEEDS, ~same_seed), (SAME_SEED, same_seed & ~itself)):
        interval = pairs_interval(
            beside.value[block],
            usable,
            same_runs=same_runs,
            confidence=settings.confidence,
            resamples=settings.resamples,
        )
        if interval is None:
            continue
        yield {
            "measure": measure, "left": left, "right": right, "seeds": relation,
            "pairs": interval.count,
            "mean": interval.mean, "low": interval.low, "high": interval.high,
            "chance": float(beside.chance[block][usable].mean()),
            "z": float(beside.z[block][usable].mean()),
            "corrected": float(beside.corrected[block][usable].mean()),
        }  # fmt: skip
