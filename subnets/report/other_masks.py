"""Masks chosen by other means than magnitude, beside each other and held against dense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from subnets.catalogue import SAME_LEVEL, FinishedRun, signature
from subnets.statistics import Interval, mean_interval
from subnets.transfer_means import sign_of

OF_A_SCORE = ("pruning.score", "pruning.score_examples", "pruning.score_batches")


@dataclass(frozen=True)
class ByScore:
    """The masks of a language at a sparsity that were chosen by one score, over seeds.

    Attributes:
        chosen_by: the score, as `pruning.score` names it.
        seeds: of the runs.
        score: on validation.
        dense: of the same runs' dense rounds.
        difference: how much better than dense, run by run; above 0 is better, whatever the metric.
    """

    model: str
    task: str
    lang: str
    chosen_by: str
    sparsity: float
    metric: str
    seeds: tuple[int, ...]
    score: Interval
    dense: Interval
    difference: Interval


def by_score(runs: Sequence[FinishedRun], *, confidence: float, resamples: int) -> list[ByScore]:
    """The masks of runs that differ in nothing but their score, for every model and task with at least two scores.

    Of several such families of runs of a model and task the largest.
    """
    found = []
    for model, task in sorted({(run.model, run.task) for run in runs}):
        family = _largest_family([run for run in runs if (run.model, run.task) == (model, task)])
        cells: dict[tuple[str, str, float], dict[int, tuple[FinishedRun, float]]] = {}
        for run in family:
            for entry in run.results.rounds[1:]:
                cell = (run.lang, run.score, round(entry.sparsity, SAME_LEVEL))
                cells.setdefault(cell, {}).setdefault(run.seed, (run, entry.score))
        for (lang, score, sparsity), of_seed in sorted(cells.items()):
            metric = family[0].results.metric
            scores = [each for _, each in of_seed.values()]
            dense = [run.results.rounds[0].score for run, _ in of_seed.values()]
            better = [sign_of(metric) * (one - other) for one, other in zip(scores, dense, strict=True)]
            over = (mean_interval(each, confidence=confidence, resamples=resamples) for each in (scores, dense, better))
            found.append(ByScore(model, task, lang, score, sparsity, metric, tuple(sorted(of_seed)), *over))
    return found


def _largest_family(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Runs that differ in their score alone, of at least two scores; none where there are no such runs."""
    families: dict[str, list[FinishedRun]] = {}
    for run in runs:
        families.setdefault(signature(run, but_for=OF_A_SCORE), []).append(run)
    several = [family for family in families.values() if len({run.score for run in family}) > 1]
    return max(several, key=len, default=[])
