"""Retrievals and similarities over seeds: how untrained sub-networks see parallel sentences, layer by layer."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from subnets.catalogue import SAME_LEVEL, differing_settings, signature
from subnets.parallel_results import SUBNETWORKS, Compared, Finished, RetrievalRow, SimilarityRow
from subnets.statistics import Interval, mean_interval
from subnets.transfers import without_places

OF_THE_SOURCE = ("source.mask", "source.task", "source.seed", "source.sparsity")  # settings that say whose mask
IN_ORDER = {name: place for place, name in enumerate(("svcca", "pwcca", "cka", "debiased_cka"))}
Row = TypeVar("Row", RetrievalRow, SimilarityRow)
Key = tuple[Any, ...]


@dataclass(frozen=True, order=True)
class Subject:
    """What results of several seeds share.

    Attributes:
        model, task: of the base and of the run whose settings were used.
        lang, pivot: the languages whose sentences were held against each other.
        mask: the expression without tasks, seeds and sparsities, of masks found on `mask_task`.
        sparsity: of the mask.
    """

    model: str
    task: str
    lang: str
    pivot: str
    mask: str
    mask_task: str
    sparsity: float


@dataclass(frozen=True)
class AtLayer:
    """What a value is of: one layer of one sub-network, over seeds.

    Attributes:
        seeds: of the masks, those of each mask together.
        sentences: how many pairs.
        subnetwork: one of `SUBNETWORKS`.
        layer: 0 is the embeddings.
    """

    subject: Subject
    seeds: tuple[tuple[int, ...], ...]
    sentences: int
    subnetwork: str
    layer: int


@dataclass(frozen=True)
class Retrieved(AtLayer):
    """How well translations are found among `top`; intervals are over seeds or, of a single one, over sentences.

    Attributes:
        from_lang, from_pivot: accuracy of either direction in 0 to 100; `accuracy` is their mean.
        chance: what vectors that say nothing find.
        beyond_dense: accuracy less that of the dense base on the same sentences.
    """

    top: int
    from_lang: float
    from_pivot: float
    accuracy: Interval
    chance: float
    beyond_dense: Interval


@dataclass(frozen=True)
class Similar(AtLayer):
    """How alike both languages are represented, by one measure; intervals are over seeds: of a single one, none.

    Attributes:
        value: None where all vectors are the same, as the embedding of a first token is; then all else is None, too.
        chance, chance_sd: mean and standard deviation where sentences are paired at random, averaged over seeds.
        corrected: mean of (value - chance) / (1 - chance); None where chance is 1.
    """

    measure: str
    value: Interval | None
    chance: float | None
    chance_sd: float | None
    corrected: float | None


def one_way_of_each(found: Sequence[Finished[Row]]) -> tuple[list[Finished[Row]], list[str]]:
    """Results that may be averaged: of a subject all on the same sentences and by the same settings, one of each seed.

    Of several ways to look at a subject, the one that most results of its model and task have is taken.

    Returns:
        The results in their order, and what was left out, in words.
    """
    common = Counter((each.results.model, each.results.task, _way(each)) for each in found)
    groups: dict[Subject, list[Finished[Row]]] = {}
    for each in found:
        groups.setdefault(_subject(each.results), []).append(each)
    chosen: list[Finished[Row]] = []
    left_out = []
    for subject, group in groups.items():
        ways = {_way(each): common[subject.model, subject.task, _way(each)] for each in group}
        _, way = max((count, way) for way, count in ways.items())
        shown = list({_seeds(each): each for each in group if _way(each) == way}.values())
        chosen.extend(shown)
        if len(shown) < len(group):
            differing = ", ".join(sorted(differing_settings(group).keys() - OF_THE_SOURCE)) or "their sentences"
            left_out.append(
                f"{len(group)} results of {subject.mask} on {subject.lang}-{subject.pivot} ({subject.task}), which "
                f"differ in {differing}: shown is {', '.join(each.name for each in shown)}"
            )
    return chosen, left_out


def retrieved(found: Iterable[Finished[RetrievalRow]], *, confidence: float, resamples: int) -> list[Retrieved]:
    """Every layer of every sub-network over seeds, sorted by subject, top, sub-network and layer.

    Args:
        found: those of one subject should differ in seeds alone.
        confidence: of the intervals over seeds.
        resamples: of the seeds.
    """

    def over(rows: list[tuple[Compared[RetrievalRow], RetrievalRow]], column: str, low: str, high: str) -> Interval:
        values = list(_by_mask(rows, column).values())
        if len(values) > 1:
            return mean_interval(values, confidence=confidence, resamples=resamples)
        only = rows[0][1]
        return Interval(values[0], getattr(only, low), getattr(only, high), confidence, 1)

    return [
        Retrieved(
            **_at_layer(rows),
            top=rows[0][1].top,
            from_lang=_mean(rows, "from_lang"),
            from_pivot=_mean(rows, "from_pivot"),
            accuracy=over(rows, "accuracy", "low", "high"),
            chance=rows[0][1].chance,
            beyond_dense=over(rows, "beyond_dense", "beyond_dense_low", "beyond_dense_high"),
        )
        for rows in _grouped(found, "top")
    ]


def similar(found: Iterable[Finished[SimilarityRow]], *, confidence: float, resamples: int) -> list[Similar]:
    """Every layer of every sub-network over seeds, sorted by subject, measure, sub-network and layer.

    Arguments are those of `retrieved`.
    """

    def over(rows: list[tuple[Compared[SimilarityRow], SimilarityRow]]) -> Interval:
        values = list(_by_mask(rows, "value").values())
        return mean_interval(values, confidence=confidence, resamples=resamples)

    return [
        Similar(
            **_at_layer(rows),
            measure=rows[0][1].measure,
            value=None if any(row.value is None for _, row in rows) else over(rows),
            chance=_mean_or_none(rows, "chance"),
            chance_sd=_mean_or_none(rows, "chance_sd"),
            corrected=_mean_or_none(rows, "corrected"),
        )
        for rows in _grouped(found, "measure")
    ]


def best_layers(rows: Iterable[Retrieved]) -> dict[str, Retrieved]:
    """The layer where each sub-network finds most, by sub-network; the lowest of equals."""
    found: dict[str, Retrieved] = {}
    for row in rows:
        best = found.get(row.subnetwork)
        if best is None or (row.accuracy.mean, -row.layer) > (best.accuracy.mean, -best.layer):
            found[row.subnetwork] = row
    return found


def _subject(results: Compared[Any]) -> Subject:
    named = {each.name: getattr(results, each.name) for each in fields(Subject)}
    return Subject(**named | {"mask": without_places(results.mask), "sparsity": round(results.sparsity, SAME_LEVEL)})


def _way(found: Finished[Any]) -> tuple[str, str]:
    """What results must share so that only their masks and seeds differ."""
    return (found.results.sentences_fingerprint, signature(found, but_for=OF_THE_SOURCE))


def _seeds(found: Finished[Any]) -> tuple[int, tuple[int, ...]]:
    return (found.results.seed, found.results.mask_seeds)


def _grouped(found: Iterable[Finished[Row]], column: str) -> Iterator[list[tuple[Compared[Row], Row]]]:
    """The rows of one subject, `column`, sub-network and layer, each with the results that it is of."""
    keyed = sorted(
        ((_place(each.results, row, column), each.results, row) for each in found for row in each.results.rows),
        key=itemgetter(0),
    )
    for _, group in groupby(keyed, key=itemgetter(0)):
        yield [(results, row) for _, results, row in group]


def _place(results: Compared[Any], row: Any, column: str) -> Key:
    value = getattr(row, column)
    return (_subject(results), IN_ORDER.get(value, value), SUBNETWORKS.index(row.subnetwork), row.layer)


def _at_layer(rows: Sequence[tuple[Compared[Row], Row]]) -> dict[str, Any]:
    results, row = rows[0]
    return {
        "subject": _subject(results),
        "seeds": tuple(sorted({each.mask_seeds for each, _ in rows})),
        "sentences": results.sentences,
        "subnetwork": row.subnetwork,
        "layer": row.layer,
    }


def _by_mask(rows: Sequence[tuple[Compared[Row], Row]], column: str) -> Mapping[Hashable, float]:
    """The mean value of each sub-network that was drawn or found anew: dense and one-shot are one, whatever the seeds.

    To count one network as often as there are seeds would make an interval of no width.
    """
    of_mask: dict[Hashable, list[float]] = {}
    for results, row in rows:
        drawn = {"masked": results.mask_seeds, "random": results.seed}.get(row.subnetwork)
        of_mask.setdefault(drawn, []).append(getattr(row, column))
    return {mask: statistics.fmean(values) for mask, values in of_mask.items()}


def _mean(rows: Sequence[tuple[Compared[Row], Row]], column: str) -> float:
    return statistics.fmean(_by_mask(rows, column).values())


def _mean_or_none(rows: Sequence[tuple[Compared[Row], Row]], column: str) -> float | None:
    return None if any(getattr(row, column) is None for _, row in rows) else _mean(rows, column)
