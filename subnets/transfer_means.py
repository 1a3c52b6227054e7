"""Transfers over seeds: what a mask found elsewhere is worth on a target, beside the target's own mask and controls."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from finetune.outcomes import metric_called
from subnets.catalogue import SAME_LEVEL, signature
from subnets.statistics import Interval, mean_interval
from subnets.transfers import FinishedTransfer, Mode

Over = Callable[[Sequence[float]], Interval]
Own = tuple[str, str, str, str, float, str | tuple[int, ...]]
OWN, RANDOM = "own", "random"


@dataclass(frozen=True)
class Spread:
    """A score over seeds: its mean with an interval, and its sample standard deviation (None: one seed)."""

    score: Interval
    standard_deviation: float | None

    @property
    def mean(self) -> float:
        """Over seeds."""
        return self.score.mean


@dataclass(frozen=True)
class Transferred:
    """A mask of a source on a target, over seeds of training.

    Attributes:
        model, task, lang: of the target.
        mode: how the mask was tried: trained on the target, trained on the source's language, or not at all.
        source, source_task: whose mask; `source` joins languages by + or by an expression.
        source_langs: the languages that the mask is made of, each once.
        sparsity: of the mask.
        metric: of all scores.
        seeds: of the trainings; those of one seed and several masks are averaged first.
        score: on validation.
        test_score: mean on the test split; None where there is none.
        baselines: by name: own (the target's own mask), dense, random, oneshot, partial_random@SPARSITY.
        own: the target's own mask over every seed that any transfer to this target has tried it with.
        difference: how much better than the target's own mask, over the seeds that have both; above 0 is better,
            whatever the metric. None without an own mask.
        relative: the same as a share of the own mask's score (Foroutan et al. 2022, figure 6); None also where that
            is 0.
        successful: whether `difference` is no lower than minus the standard deviation of `own`, so that scores of the
            same seeds are compared; better counts as within (their section 5). None where there is no deviation.
        not_worse: the share of the cells which a paired bootstrap over examples does not call worse; None where there
            was none.
    """

    model: str
    task: str
    lang: str
    mode: Mode
    source: str
    source_task: str
    sparsity: float
    source_langs: tuple[str, ...]
    metric: str
    seeds: tuple[int, ...]
    score: Spread
    test_score: float | None
    baselines: Mapping[str, Spread]
    own: Spread | None
    difference: Interval | None
    relative: float | None
    successful: bool | None
    not_worse: float | None

    @property
    def beside(self) -> dict[str, Spread]:
        """The baselines as they are shown: the own mask over all its seeds."""
        return {**self.baselines, **({OWN: self.own} if self.own else {})}

    @property
    def is_own(self) -> bool:
        """Whether it is the target's own mask that was tried."""
        return (self.source, self.source_task) == (self.lang, self.task)

    @property
    def holds_own(self) -> bool:
        """Whether the target's language and task are among those that the mask was found on."""
        return self.lang in self.source_langs and self.task in self.source_task.split("+")

    def gain(self, baseline: str) -> float | None:
        """How much better a baseline's mean is than the own mask's; above 0 is better, whatever the metric."""
        if baseline not in self.baselines or OWN not in self.baselines:
            return None
        return sign_of(self.metric) * (self.baselines[baseline].mean - self.baselines[OWN].mean)


@dataclass(frozen=True)
class SourceMean:
    """What a source's masks are worth on other languages of their task (Foroutan et al. 2022, figure 6).

    Attributes:
        targets: the languages averaged over; none that the source's mask was found on is among them.
        relative: mean over the targets of `Transferred.relative`, with an interval that resamples targets.
        random: the same of random masks on the same targets; None where there are none.
    """

    model: str
    task: str
    mode: Mode
    source: str
    sparsity: float
    targets: tuple[str, ...]
    relative: Interval
    random: float | None


@dataclass(frozen=True)
class Summary:
    """The cells of a transfer matrix but for masks found on their target, by their difference to the target's own mask.

    Attributes:
        cells: how many.
        mean, worst, best: difference; above 0 is better than the own mask, whatever the metric.
        at_least_own: share of the cells that are no worse than the own mask.
        successful: share of the cells that are successful transfers, of those of which it is known; None: of none.
        random: (worst, mean, best) over targets of random masks less own masks; None where there are none.
    """

    model: str
    task: str
    mode: Mode
    sparsity: float
    cells: int
    mean: float
    worst: float
    best: float
    at_least_own: float
    successful: float | None
    random: tuple[float, float, float] | None


def sign_of(metric: str) -> int:
    """1 where a higher score is better, -1 where a lower one is."""
    return 1 if metric_called(metric).higher_is_better else -1


def over_seeds(
    transfers: Sequence[FinishedTransfer], *, confidence: float, resamples: int, bootstrap: float = 0.95
) -> list[Transferred]:
    """The cells of all transfers, each over its seeds, sorted.

    Args:
        transfers: those of one cell should differ in seeds alone.
        confidence: of the intervals over seeds.
        resamples: of the seeds.
        bootstrap: the one-sided confidence at which a paired bootstrap over examples calls a cell worse.
    """

    def over(values: Sequence[float]) -> Interval:
        return mean_interval(values, confidence=confidence, resamples=resamples)

    ordered = sorted(transfers, key=lambda each: each.cell)
    owns = _owns(transfers, over)
    return [_cell(list(group), owns, over, bootstrap) for _, group in groupby(ordered, key=lambda each: each.cell)]


def by_source(cells: Iterable[Transferred], *, confidence: float, resamples: int) -> list[SourceMean]:
    """The mean over targets of every source, among the cells of its own task that have an own mask beside them."""

    def key(each: Transferred) -> tuple[str, str, Mode, str, float]:
        return (each.model, each.task, each.mode, each.source, each.sparsity)

    found = []
    for (model, task, mode, source, sparsity), group in groupby(sorted(_foreign(cells), key=key), key=key):
        rows = list(group)
        relative = [each.relative for each in rows if each.relative is not None]
        gains = [(each.gain(RANDOM), each.baselines[OWN].mean) for each in rows]
        random = [gain / own for gain, own in gains if gain is not None and own]
        if not relative:
            continue
        found.append(
            SourceMean(
                model, task, mode, source, sparsity,
                targets=tuple(each.lang for each in rows),
                relative=mean_interval(relative, confidence=confidence, resamples=resamples),
                random=statistics.fmean(random) if random else None,
            )
        )  # fmt: skip
    return found


def summaries(cells: Iterable[Transferred]) -> list[Summary]:
    """A summary of every matrix: the cells of a model, task, mode and sparsity that were found on the same task."""

    def key(each: Transferred) -> tuple[str, str, Mode, float]:
        return (each.model, each.task, each.mode, each.sparsity)

    found = []
    for (model, task, mode, sparsity), group in groupby(sorted(_foreign(cells), key=key), key=key):
        rows = list(group)
        differences = [each.difference.mean for each in rows if each.difference]
        known = [each.successful for each in rows if each.successful is not None]
        gains: dict[str, list[float]] = {}
        for each in rows:
            if (gain := each.gain(RANDOM)) is not None:
                gains.setdefault(each.lang, []).append(gain)
        random = [statistics.fmean(of_target) for of_target in gains.values()]
        found.append(
            Summary(
                model, task, mode, sparsity,
                cells=len(differences),
                mean=statistics.fmean(differences),
                worst=min(differences),
                best=max(differences),
                at_least_own=statistics.fmean(each >= 0 for each in differences),
                successful=statistics.fmean(known) if known else None,
                random=(min(random), statistics.fmean(random), max(random)) if random else None,
            )
        )  # fmt: skip
    return found


def _foreign(cells: Iterable[Transferred]) -> list[Transferred]:
    """Masks of other languages alone, of the same task, with the target's own mask beside them."""
    return [each for each in cells if each.source_task == each.task and not each.holds_own and each.difference]


def _owns(transfers: Sequence[FinishedTransfer], over: Over) -> dict[Own, Spread]:
    """Every target's own mask over all seeds, from whichever transfers it stands beside."""
    found: dict[Own, dict[int, float]] = {}
    for each in transfers:
        if OWN in each.results.baselines:
            found.setdefault(_own_of(each), {})[each.seed] = each.results.baselines[OWN].score
    return {own: _spread(scores, over) for own, scores in found.items()}


def _own_of(transfer: FinishedTransfer) -> Own:
    """What tells a target's own mask from others: model, task, language, settings, sparsity and digest.

    Settings but for the transfer's own, as it is trained alike beside every source and mode. Where no digest was kept,
    the seeds of the source stand for it: one source.seed names the runs of both.
    """
    own = transfer.results.baselines[OWN]
    return (
        transfer.model,
        transfer.task,
        transfer.lang,
        signature(transfer, but_for=("source", "transfer")),
        round(own.sparsity, SAME_LEVEL),
        own.digest or transfer.results.source_seeds,
    )


def _cell(group: list[FinishedTransfer], owns: Mapping[Own, Spread], over: Over, bootstrap: float) -> Transferred:
    first = group[0]
    metric = first.results.metric
    scores = _by_seed([(each.seed, each.results.cell.score) for each in group])
    tests = [each.results.cell.test_score for each in group if each.results.cell.test_score is not None]
    baselines = {
        name: _by_seed(
            [(each.seed, each.results.baselines[name].score) for each in group if name in each.results.baselines]
        )
        for name in sorted({name for each in group for name in each.results.baselines})
    }
    own = baselines.get(OWN, {})
    both = [seed for seed in scores if seed in own]
    difference = over([sign_of(metric) * (scores[seed] - own[seed]) for seed in both]) if both else None
    spreads = {name: _spread(found, over) for name, found in baselines.items()}
    score = _spread(scores, over)
    with_own = [each for each in group if OWN in each.results.baselines]
    whole_own = owns[_own_of(with_own[0])] if len({_own_of(each) for each in with_own}) == 1 else spreads.get(OWN)
    tested = [each.results.against_own.p_worse for each in group if each.results.against_own]
    return Transferred(
        *first.cell,
        source_langs=first.results.source_langs,
        metric=metric,
        seeds=tuple(sorted(scores)),
        score=score,
        test_score=statistics.fmean(tests) if tests else None,
        baselines=spreads,
        own=whole_own,
        difference=difference,
        relative=_relative(difference.mean, statistics.fmean(own[seed] for seed in both)) if difference else None,
        successful=_successful(difference, whole_own),
        not_worse=statistics.fmean(p >= 1 - bootstrap for p in tested) if tested else None,
    )


def _by_seed(scores: Sequence[tuple[int, float]]) -> dict[int, float]:
    """The mean score of each seed."""
    of_seed: dict[int, list[float]] = {}
    for seed, score in scores:
        of_seed.setdefault(seed, []).append(score)
    return {seed: statistics.fmean(found) for seed, found in of_seed.items()}


def _spread(of_seed: Mapping[int, float], over: Over) -> Spread:
    values = list(of_seed.values())
    return Spread(over(values), statistics.stdev(values) if len(values) > 1 else None)


def _relative(difference: float, own: float) -> float | None:
    """A difference as a share of the own mask's score; None where that is 0, as where a model learnt nothing."""
    return difference / own if own else None


def _successful(difference: Interval | None, own: Spread | None) -> bool | None:
    if difference is None or own is None or own.standard_deviation is None:
        return None
    return difference.mean >= -own.standard_deviation
