"""The tables of retrieval and similarity over parallel sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from subnets.parallel_means import AtLayer, Retrieved, Similar, best_layers
from subnets.report.matrix_content import in_short
from subnets.report.parallel_content import (
    MEASURES,
    SUBNETWORKS,
    Looked,
    by_subject,
    in_thousandths,
    pair_of,
    seeds_in_words,
    whose,
)
from subnets.statistics import Interval

Row = dict[str, Any]


def tables_of(looked: Looked) -> dict[str, tuple[list[Row], list[Row]]]:
    """Every table by name, as data and as a paper shows it."""
    return {
        "retrieval": (retrieval_rows(looked.retrieved), best_rows(looked.retrieved)),
        "similarity": (similarity_rows(looked.similar), mean_rows(looked.similar)),
    }


def shown(looked: Looked) -> dict[str, tuple[list[Row], str, list[Row]]]:
    """Under each figure: a table, its caption, and a longer table to unfold."""
    return {
        "retrieval": (
            best_rows(looked.retrieved),
            "Translations found in the best layer of each sub-network, in percent",
            layers_of_retrieval(looked.retrieved),
        ),
        "similarity": (
            mean_rows(looked.similar),
            "Mean over layers; in brackets, of sentences paired at random",
            layers_of_similarity(looked.similar),
        ),
    }


def retrieval_rows(rows: Iterable[Retrieved]) -> list[Row]:
    """A row a layer, sub-network and top, numbers as numbers: what the CSV holds."""
    return [
        {
            **_place(row), "top": row.top, "from_lang": row.from_lang, "from_pivot": row.from_pivot,
            **_interval("accuracy", row.accuracy), "chance": row.chance,
            **_interval("beyond_dense", row.beyond_dense),
        }
        for row in rows
    ]  # fmt: skip


def similarity_rows(rows: Iterable[Similar]) -> list[Row]:
    """A row a layer, sub-network and measure, numbers as numbers: what the CSV holds."""
    return [
        {
            **_place(row), "measure": row.measure, **_interval("value", row.value), "chance": row.chance,
            "chance_sd": row.chance_sd, "corrected": row.corrected,
        }
        for row in rows
    ]  # fmt: skip


def best_rows(rows: Iterable[Retrieved]) -> list[Row]:
    """A row a subject and top: what each sub-network finds in the layer where that is most."""
    found = []
    for group in by_subject(rows, "top"):
        best = best_layers(group)
        cells = {name: f"{in_short(row.accuracy)} in layer {row.layer}" for name, row in best.items()}
        masked = best.get("masked")
        found.append(
            _in_words(group) | {"among": f"{group[0].top} of {group[0].sentences:,}"} | _by_subnetwork(cells)
            | {"masked less dense": in_short(masked.beyond_dense) if masked else "–",
               "chance": f"{group[0].chance:.2f}", "seeds": seeds_in_words(group)}
        )  # fmt: skip
    return found


def mean_rows(rows: Iterable[Similar]) -> list[Row]:
    """A row a subject and measure: the mean over layers of each sub-network, beside sentences paired at random."""
    found = []
    for group in by_subject(rows, "measure"):
        cells = {name: _mean_beside_chance([row for row in group if row.subnetwork == name]) for name in SUBNETWORKS}
        found.append(
            _in_words(group) | {"measure": MEASURES[group[0].measure]} | _by_subnetwork(cells)
            | {"sentences": f"{group[0].sentences:,}", "seeds": seeds_in_words(group)}
        )  # fmt: skip
    return found


def layers_of_retrieval(rows: Iterable[Retrieved]) -> list[Row]:
    """A row a subject, top and layer, a column a sub-network."""
    return [
        _in_words(group) | {"among": str(group[0].top), "layer": str(layer)}
        | _by_subnetwork({row.subnetwork: in_short(row.accuracy) for row in group if row.layer == layer})
        for group in by_subject(rows, "top")
        for layer in sorted({row.layer for row in group})
    ]  # fmt: skip


def layers_of_similarity(rows: Iterable[Similar]) -> list[Row]:
    """A row a subject, measure and layer, a column a sub-network."""
    return [
        _in_words(group) | {"measure": MEASURES[group[0].measure], "layer": str(layer)}
        | _by_subnetwork({row.subnetwork: _beside_chance(row) for row in group if row.layer == layer})
        for group in by_subject(rows, "measure")
        for layer in sorted({row.layer for row in group})
    ]  # fmt: skip


def _place(row: AtLayer) -> Row:
    subject = row.subject
    return {
        "model": subject.model, "task": subject.task, "lang": subject.lang, "pivot": subject.pivot,
        "mask": subject.mask, "mask_task": subject.mask_task, "sparsity": subject.sparsity,
        "seeds": seeds_in_words([row]), "sentences": row.sentences, "subnetwork": row.subnetwork, "layer": row.layer,
    }  # fmt: skip


def _in_words(rows: Sequence[AtLayer]) -> Row:
    subject = rows[0].subject
    return {
        "mask": whose(subject), "languages": pair_of(subject), "model": subject.model, "task": subject.task,
        "sparsity": f"{subject.sparsity:.1%}",
    }  # fmt: skip


def _by_subnetwork(cells: dict[str, str]) -> Row:
    return {said: cells.get(name) or "–" for name, said in SUBNETWORKS.items()}


def _beside_chance(row: Similar) -> str:
    return "" if row.value is None else f"{in_thousandths(row.value)} ({row.chance:z.3f})"


def _mean_beside_chance(rows: Sequence[Similar]) -> str:
    told = [(row.value.mean, row.chance) for row in rows if row.value is not None and row.chance is not None]
    if not told:
        return ""
    value, chance = (statistics.fmean(each) for each in zip(*told, strict=True))
    return f"{value:z.3f} ({chance:z.3f})"


def _interval(name: str, found: Interval | None) -> Row:
    return {name + end: getattr(found, of, None) for end, of in (("", "mean"), ("_low", "low"), ("_high", "high"))}
