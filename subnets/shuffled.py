"""What a run's mask shares with the mask that its own rounds choose where labels say nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pruning.mask_file import StoredMask
from subnets.all_pairs import PairCounts, pair_counts_of
from subnets.catalogue import SAME_LEVEL, FinishedRun
from subnets.overlap import MEASURES, beside_chance
from subnets.parts import Part
from subnets.settings import Control
from subnets.statistics import mean_interval

Row = dict[str, Any]
Departures = Callable[[Sequence[StoredMask]], Mapping[str, PairCounts]]

SHUFFLED: Control = "shuffled_labels"


def shuffled_rows(
    runs: Sequence[FinishedRun],
    masks: Sequence[StoredMask],
    *,
    sparsity: float,
    departures: Departures,
    confidence: float,
    resamples: int,
) -> list[Row]:
    """Rows of an overview: Jaccard of each run's mask and its control's, and of what both depart in from one-shot.

    A run and its control share head, data order and texts: what more two languages share is not of the labels.

    Args:
        runs: those whose control `shuffled_labels` has this sparsity are taken; without one there is no row.
        masks: of the runs.
        sparsity: of the masks, to `SAME_LEVEL` decimals.
        departures: what masks depart in from the one-shot mask, by name; nothing where the base is not at hand.
        confidence: of the intervals over runs.
        resamples: of the runs.

    Raises:
        InputError: a control's mask is damaged or another run's.
    """
    measured: dict[str, list[tuple[float, float]]] = {}
    for run, mask in zip(runs, masks, strict=True):
        control = run.results.controls.get(SHUFFLED)
        if control is None or round(control.sparsity, SAME_LEVEL) != sparsity:
            continue
        pair = [mask, run.mask(control)]
        counts = {"jaccard": pair_counts_of(pair, ["whole"], heads=1)["whole"][Part()], **departures(pair)}
        for name, each in counts.items():
            beside = beside_chance(MEASURES["jaccard"], each.counts, each.expected)
            measured.setdefault(name, []).append((float(beside.value[0, 1]), float(beside.chance[0, 1])))
    rows = []
    for name, found in measured.items():
        values, chance = zip(*found, strict=True)
        over = mean_interval(values, confidence=confidence, resamples=resamples)
        rows.append(
            {
                "sparsity": sparsity, "measure": name, "what": "one mask and that of shuffled labels",
                "mean": over.mean, "low": over.low, "high": over.high, "chance": statistics.fmean(chance),
                "floor": None, "count": over.count,
            }
        )  # fmt: skip
    return rows
