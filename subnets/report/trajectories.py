"""Trajectories over seeds: score by sparsity, the dense band, the ticket of the means, and the controls beside it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from finetune.outcomes import metric_called
from subnets.catalogue import SAME_LEVEL, FinishedRun
from subnets.statistics import Interval, mean_interval


@dataclass(frozen=True)
class Point:
    """A sparsity with the score over the seeds that have it."""

    sparsity: float
    score: Interval


@dataclass(frozen=True)
class Control:
    """A control at one sparsity, that of the own tickets of the runs it was trained for.

    Attributes:
        name: of the control.
        sparsity: of its masks.
        score: over the runs whose control has this sparsity.
        behind: how much better these runs' own tickets are; above 0 where the ticket is better, whatever the metric.
            None where they have none.
    """

    name: str
    sparsity: float
    score: Interval
    behind: Interval | None


@dataclass(frozen=True)
class Trajectory:
    """The runs of one model, task and language, over their seeds.

    Attributes:
        points: by sparsity, the lowest first; 0 is the dense run.
        dense: mean over the dense seeds; its standard deviation is None for one seed.
        ticket: the sparsest point that all seeds have and whose mean is within one standard deviation of the dense
            mean (Foroutan et al. 2022, section 3), whatever rule the runs' own tickets follow; None where there is
            none, where there is no standard deviation, or where a dense run scores 0 or no better than one answer to
            everything.
        passed: sparsities at which some run's round was ended early, so that there is no mean. Without a ticket it is
            not known then whether there would be one among them.
        own_tickets: the sparsity of each run's own ticket, by seed.
        controls: by name and sparsity.
        test_score: of the ticket on the test split, mean over seeds; None without a test split or ticket.
        seconds: of all the runs.
    """

    model: str
    task: str
    lang: str
    metric: str
    higher_is_better: bool
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    dense: float
    dense_standard_deviation: float | None
    dense_seeds: tuple[int, ...]
    ticket: Point | None
    passed: tuple[float, ...]
    own_tickets: dict[int, float | None]
    controls: tuple[Control, ...]
    test_score: Interval | None
    seconds: float


def trajectories(runs: Sequence[FinishedRun], *, confidence: float, resamples: int) -> list[Trajectory]:
    """The trajectory of every model, task and language.

    Args:
        runs: finished ones; those of one model, task and language should differ in seed alone.
        confidence: of the intervals over seeds.
        resamples: of the bootstrap.
    """

    def key(run: FinishedRun) -> tuple[str, str, str]:
        return (run.model, run.task, run.lang)

    return [_trajectory(list(group), confidence, resamples) for _, group in groupby(sorted(runs, key=key), key=key)]


def _trajectory(runs: list[FinishedRun], confidence: float, resamples: int) -> Trajectory:
    first = min(runs, key=lambda run: run.seed)
    found = first.results
    higher = metric_called(found.metric).higher_is_better

    def over(values: Sequence[float]) -> Interval:
        return mean_interval(values, confidence=confidence, resamples=resamples)

    # A level that some runs passed over has scores of those alone whose sparser rounds failed: no mean is taken there.
    passed = {round(entry.sparsity, SAME_LEVEL) for run in runs for entry in run.results.passed}
    by_sparsity: dict[float, list[float]] = {}
    for run in runs:
        for entry in run.results.rounds:
            level = round(entry.sparsity, SAME_LEVEL)
            if level not in passed:
                by_sparsity.setdefault(level, []).append(entry.score)
    points = tuple(Point(sparsity, over(scores)) for sparsity, scores in sorted(by_sparsity.items()))
    dense, spread, dense_seeds = _dense(runs)
    learnt = all(run.results.has_learnt for run in runs)
    shared = [point for point in points if point.score.count == len(runs)]
    ticket = _ticket(shared, dense, spread, higher=higher) if learnt else None
    return Trajectory(
        model=first.model,
        task=first.task,
        lang=first.lang,
        metric=found.metric,
        higher_is_better=higher,
        seeds=tuple(sorted(run.seed for run in runs)),
        points=points,
        dense=dense,
        dense_standard_deviation=spread,
        dense_seeds=dense_seeds,
        ticket=ticket,
        passed=tuple(sorted(passed)),
        own_tickets={run.seed: run.results.ticket.sparsity if run.results.ticket else None for run in runs},
        controls=_controls(runs, over, 1 if higher else -1),
        test_score=_test_score(runs, ticket, over),
        seconds=sum(run.results.seconds for run in runs),
    )


def _dense(runs: list[FinishedRun]) -> tuple[float, float | None, tuple[int, ...]]:
    """Mean and spread of the dense runs: those that the runs' tickets were held against where all had the same."""
    seeds = {run.results.dense.seeds for run in runs}
    shared = {frozenset(each) for each in seeds}
    first = runs[0].results.dense
    if len(shared) == 1 and len(first.seeds) >= len({run.seed for run in runs}):
        return first.score, first.standard_deviation, tuple(sorted(first.seeds))
    scores = {run.seed: run.results.rounds[0].score for run in runs}
    spread = statistics.stdev(scores.values()) if len(scores) > 1 else None
    return statistics.fmean(scores.values()), spread, tuple(sorted(scores))


def _ticket(points: Sequence[Point], dense: float, spread: float | None, *, higher: bool) -> Point | None:
    if spread is None or dense <= 0:
        return None
    sign = 1 if higher else -1
    passing = [point for point in points if point.sparsity > 0 and sign * (point.score.mean - dense) >= -spread]
    return max(passing, key=lambda point: point.sparsity) if passing else None


def _controls(runs: list[FinishedRun], over: Callable[[Sequence[float]], Interval], sign: int) -> tuple[Control, ...]:
    having: dict[tuple[str, float], list[tuple[FinishedRun, float]]] = {}
    for run in runs:
        for control, entry in run.results.controls.items():
            having.setdefault((control, round(entry.sparsity, SAME_LEVEL)), []).append((run, entry.score))
    found = []
    for (name, sparsity), scores in sorted(having.items()):
        behind = [
            sign * (run.results.ticket.score - score)
            for run, score in scores
            if run.results.ticket and round(run.results.ticket.sparsity, SAME_LEVEL) == sparsity
        ]
        found.append(Control(name, sparsity, over([score for _, score in scores]), over(behind) if behind else None))
    return tuple(found)


def _test_score(
    runs: list[FinishedRun], ticket: Point | None, over: Callable[[Sequence[float]], Interval]
) -> Interval | None:
    scores = [
        entry.test_score
        for run in runs
        for entry in run.results.rounds
        if ticket and round(entry.sparsity, SAME_LEVEL) == ticket.sparsity and entry.test_score is not None
    ]
    return over(scores) if scores else None
