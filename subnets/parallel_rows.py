"""Rows of results over parallel sentences: every layer of every sub-network, by retrieval and by similarity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
class Seen:
    """What a sub-network makes of parallel sentences: an entry a layer, as `ranks` or `similarities` gives it."""

    subnetwork: str
    sparsity: float
    layers: Sequence[Any]


def ranks(lang: Vectors, pivot: Vectors, settings: ParallelSettings, *, seed: int) -> list[Ranks]:  # noqa: ARG001
    """Where translations stand in every layer; vectors of either side have shape (layers + 1, sentences, width).

    Nothing is drawn, so `seed` changes nothing.
    """
    return [retrieve(*sides, neighbours=settings.neighbours) for sides in zip(lang, pivot, strict=True)]


def similarities(lang: Vectors, pivot: Vectors, settings: ParallelSettings, *, seed: int) -> list[list[Row]]:
    """Every measure in every layer beside chance, the pivot's side weighing in PWCCA; vectors as those of `ranks`.

    `seed` is that of the permutations.
    """
    return [list(_similar(*sides, settings, seed)) for sides in zip(pivot, lang, strict=True)]


def retrieval_rows(seen: Iterable[Seen], settings: ParallelSettings, *, seed: int) -> list[Row]:
    """A row a sub-network, layer and top (1 and `settings.top`), as `parallel_results.RetrievalRow`.

    Args:
        seen: the `ranks` of sub-networks, those of the dense base first.
        settings: top, confidence and resamples.
        seed: of the resamples of sentences.
    """
    rows: list[Row] = []
    dense: dict[tuple[int, int], Numbers] = {}
    for each in seen:
        for layer, at in enumerate(each.layers):
            for top in sorted({1, settings.top}):
                found = 100.0 * at.found(top).mean(axis=0)
                beyond = found - dense.setdefault((layer, top), found)
                named = {"layer": layer, "subnetwork": each.subnetwork, "sparsity": each.sparsity, "top": top}
                rows.append(named | _retrieved(at, top, found, beyond, settings, seed))
    return rows


def similarity_rows(seen: Iterable[Seen], _settings: ParallelSettings, *, seed: int) -> list[Row]:  # noqa: ARG001
    """A row a sub-network, layer and measure, as `parallel_results.SimilarityRow`, of `similarities`."""
    return [
        {"layer": layer, "subnetwork": each.subnetwork, "sparsity": each.sparsity} | row
        for each in seen
        for layer, measured in enumerate(each.layers)
        for row in measured
    ]


def _retrieved(
    found_at: Ranks, top: int, found: Numbers, beyond: Numbers, settings: ParallelSettings, seed: int
) -> Row:
    from_lang, from_pivot = found_at.accuracies(top)
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
