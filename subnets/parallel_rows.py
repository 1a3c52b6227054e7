"""Rows of results over parallel sentences: every layer of every sub-network, by retrieval and by similarity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnets.retrieval import Numbers, Ranks, retrieve
from subnets.settings import ParallelSettings
from subnets.similarity import by_chance, measures, space_of
from subnets.statistics import mean_interval

Row = dict[str, Any]
Vectors = NDArray[np.float32]

UNDEFINED = 1e-9  # a chance level this near to 1 leaves nothing to correct


@dataclass(frozen=True)
class Spaces:
    """What a sub-network makes of parallel sentences, each side of shape (layers + 1, sentences, width)."""

    subnetwork: str
    sparsity: float
    lang: Vectors
    pivot: Vectors


def retrieval_rows(spaces: Iterable[Spaces], settings: ParallelSettings, *, seed: int) -> list[Row]:
    """A row a sub-network, layer and top (1 and `settings.top`), as `parallel_results.RetrievalRow`.

    Args:
        spaces: that of the dense base first.
        settings: neighbours, top, confidence and resamples.
        seed: of the resamples of sentences.
    """
    rows: list[Row] = []
    dense: dict[tuple[int, int], Numbers] = {}
    for space in spaces:
        for layer, (lang, pivot) in enumerate(zip(space.lang, space.pivot, strict=True)):
            ranks = retrieve(lang, pivot, neighbours=settings.neighbours)
            for top in sorted({1, settings.top}):
                found = 100.0 * ranks.found(top).mean(axis=0)
                beyond = found - dense.setdefault((layer, top), found)
                named = {"layer": layer, "subnetwork": space.subnetwork, "sparsity": space.sparsity, "top": top}
                rows.append(named | _retrieved(ranks, top, found, beyond, settings, seed))
    return rows


def similarity_rows(spaces: Iterable[Spaces], settings: ParallelSettings, *, seed: int) -> list[Row]:
    """A row a sub-network, layer and measure, as `parallel_results.SimilarityRow`; the pivot's side weighs in PWCCA.

    Args:
        spaces: any.
        settings: variance and permutations.
        seed: of the permutations.
    """
    rows: list[Row] = []
    for space in spaces:
        for layer, (lang, pivot) in enumerate(zip(space.lang, space.pivot, strict=True)):
            named = {"layer": layer, "subnetwork": space.subnetwork, "sparsity": space.sparsity}
            rows.extend(named | each for each in _similar(pivot, lang, settings, seed))
    return rows


def _retrieved(ranks: Ranks, top: int, found: Numbers, beyond: Numbers, settings: ParallelSettings, seed: int) -> Row:
    from_lang, from_pivot = ranks.accuracies(top)
    sure = {"confidence": settings.confidence, "resamples": settings.resamples, "seed": seed}
    accuracy, difference = mean_interval(found, **sure), mean_interval(beyond, **sure)  # type: ignore[arg-type]
    return {
        "from_lang": from_lang, "from_pivot": from_pivot,
        "accuracy": accuracy.mean, "low": accuracy.low, "high": accuracy.high,
        "chance": 100.0 * top / len(found),
        "beyond_dense": difference.mean, "beyond_dense_low": difference.low, "beyond_dense_high": difference.high,
    }  # fmt: skip


def _similar(left: Vectors, right: Vectors, settings: ParallelSettings, seed: int) -> Iterator[Row]:
    one, other = space_of(left), space_of(right)
    for name, measure in measures(settings.variance).items():
        if not (one.varies and other.varies):
            yield {"measure": name, "value": None, "chance": None, "chance_sd": None, "corrected": None}
            continue
        value = measure(one, other)
        chance, spread = by_chance(one, other, measure=measure, permutations=settings.permutations, seed=seed)
        corrected = None if chance > 1 - UNDEFINED else (value - chance) / (1 - chance)
        yield {"measure": name, "value": value, "chance": chance, "chance_sd": spread, "corrected": corrected}
