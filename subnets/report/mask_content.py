"""What the figures of compared masks show: overlaps, heads, relatedness, ladders and topologies."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from scipy.cluster.hierarchy import dendrogram

from subnets.languages import languages
from subnets.relatedness import Relatedness
from subnets.report.numbers import key, rounded

if TYPE_CHECKING:
    from subnets.comparison import Comparison  # with torch: seconds

Row = dict[str, Any]

SHOWN_PARTS = ("layer", "component")  # besides the whole; of Jaccard alone
NUMBERS = ("mean", "low", "high", "chance", "z", "corrected", "floor", "with_oneshot", "ceiling")


def overlaps(found: Comparison) -> Iterable[Row]:
    """One entry: rows of pairs of languages, and the order of the languages by sparsity."""
    chosen = [row for row in found.languages if _is_shown(row)]
    if not chosen:
        return
    names = sorted({row[side] for row in chosen for side in ("left", "right")})
    levels = sorted({row["sparsity"] for row in chosen})
    leaves = {each.sparsity: list(each.hierarchy.leaves) for each in found.relatedness if each.overlap == "jaccard"}
    # The columns in which the page reads them; one list a column is a quarter of the size of one dict a row.
    yield {
        "relations": {key(level): relation_of(_at(found.languages, level)) for level in levels},
        "order": {key(level): _ordered(names, leaves.get(level, [])) for level in levels},
        "rows": {
            "kind": [row["kind"] for row in chosen],
            "part": [part_of(row) for row in chosen],
            **{name: [row[name] for row in chosen] for name in ("measure", "seeds", "left", "right", "pairs")},
            "sparsity": [rounded(row["sparsity"]) for row in chosen],
            **{name: [rounded(row[name]) for row in chosen] for name in NUMBERS},
        },
    }


def _ordered(names: list[str], leaves: list[str]) -> list[str]:
    """The names as they were clustered, then those that were not, as they lack a pair of runs with some other."""
    return [*leaves, *(name for name in names if name not in leaves)]


def relation_of(rows: Iterable[Row]) -> str:
    """Which pairs of runs rows are read by: those with `other` seeds where there are such, else with the `same`."""
    return "other" if any(row["seeds"] == "other" for row in rows) else "same"


def _at(rows: Sequence[Row], sparsity: float) -> list[Row]:
    return [row for row in rows if row["sparsity"] == sparsity]


def _is_shown(row: Row) -> bool:
    if row["kind"] == "whole":
        return True
    return row["kind"] in SHOWN_PARTS and row["measure"] == "jaccard"


def part_of(row: Row) -> str:
    """A part in words: whole, layer 3, query."""
    return row["component"] or ("whole" if row["layer"] is None else f"layer {row['layer']}")


def heads(found: Comparison) -> Iterable[Row]:
    """Per sparsity, layer by head: the mean over pairs of languages of Jaccard and of what it is beside."""
    rows = [
        row
        for row in found.languages
        if row["kind"] == "head" and row["measure"] == "jaccard" and row["left"] != row["right"]
    ]
    for sparsity in sorted({row["sparsity"] for row in rows}):
        cells: dict[tuple[int, int], list[Row]] = {}
        level = _at(rows, sparsity)
        relation = relation_of(level)
        for row in level:
            if row["seeds"] == relation:
                cells.setdefault((row["layer"], row["head"]), []).append(row)
        layers, heads = (sorted({cell[side] for cell in cells}) for side in (0, 1))
        yield {
            "sparsity": rounded(sparsity),
            "seeds": relation,
            **{
                name: [
                    [rounded(statistics.fmean(row[name] for row in cells[layer, head])) for head in heads]
                    for layer in layers
                ]
                for name in ("mean", "chance", "corrected", "z")
            },
        }


def relatedness(found: Relatedness) -> Row:
    """How the languages of a level stand to each other: tree, graph, places, families."""
    names = found.overlaps.names
    known = {lang: languages()[lang] for lang in names if lang in languages()}
    drawn = dendrogram(found.hierarchy.linkage, no_plot=True)
    weights = {edge: found.graph.graph.edges[edge]["weight"] for edge in found.graph.graph.edges}
    places = nx.kamada_kawai_layout(found.graph.graph, dist=_lengths(found))
    told = {row["statistic"]: row for row in found.rows}
    return {
        "sparsity": rounded(found.sparsity),
        "overlap": found.overlap,
        "dendrogram": {
            "x": [[rounded(value) for value in link] for link in drawn["icoord"]],
            "y": [[rounded(value) for value in link] for link in drawn["dcoord"]],
        },
        "leaves": list(found.hierarchy.leaves),
        "places": {lang: [rounded(float(value)) for value in places[lang]] for lang in names},
        "edges": [list(edge) for edge in sorted(weights)],
        "tree": [list(edge) for edge in sorted(found.graph.tree.edges)],
        "communities": [list(community) for community in found.graph.communities],
        "families": {lang: each.family for lang, each in known.items()},
        "genera": {lang: each.genus for lang, each in known.items()},
        "seeds": found.seeds,
        "caption": _said(told, ("cophenetic correlation", "Mantel correlation (Spearman) with genus and family")),
        "graph_caption": _said(
            told,
            (
                "modularity of the communities",
                "adjusted Rand index of communities and genus",
                "adjusted Rand index of communities and family",
            ),
        ),
    }


def _lengths(found: Relatedness) -> dict[str, dict[str, float]]:
    """How far apart the graph is drawn: 1 - overlap, stretched so that small differences show."""
    values = 1 - found.overlaps.values
    spread = np.ptp(found.overlaps.upper) or 1.0
    scaled = 0.4 + (values - (1 - found.overlaps.upper.max())) / spread
    return {
        one: {other: float(scaled[row, column]) for column, other in enumerate(found.overlaps.names) if row != column}
        | {one: 0.0}
        for row, one in enumerate(found.overlaps.names)
    }


def _said(told: dict[str, Row], statistics_: Sequence[str]) -> str:
    parts = []
    for name in statistics_:
        if name in told:
            p = told[name]["p"]
            parts.append(f"{name} {told[name]['value']:.3f}" + ("" if p is None else f" (one-sided p {p:.3f})"))
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def ladders(found: Comparison) -> Iterable[Row]:
    """Per sparsity and part, the mean over seeds of how many weights exactly so many languages keep.

    Of the seeds that the most languages have.
    """
    most = max((row["languages"].count("+") for row in found.ladders), default=0)
    rows = [row for row in found.ladders if row["languages"].count("+") == most]

    def place(row: Row) -> tuple[float, int, str]:
        return (row["sparsity"], -1 if row["layer"] is None else row["layer"], row["languages"])

    for (sparsity, _, _), each in groupby(sorted(rows, key=place), key=place):
        group = list(each)
        steps = sorted({row["kept_by"] for row in group})

        def over(column: str, group: list[Row] = group, steps: list[int] = steps) -> list[float]:
            return [statistics.fmean(row[column] for row in group if row["kept_by"] == step) for step in steps]

        yield {
            "sparsity": rounded(sparsity),
            "part": part_of({"component": None, "layer": group[0]["layer"]}),
            "languages": group[0]["languages"],
            "seeds": len({row["seed"] for row in group}),
            "sizes": over("weights"),
            "expected": over("expected"),
            "expected_sd": over("expected_sd"),
        }


def topologies(found: Comparison) -> Iterable[Row]:
    """Per sparsity, the mean over pairs of languages of every topological measure, its range, chance and ceiling."""
    rows = [row for row in found.topologies if row["left"] != row["right"]]
    for sparsity in sorted({row["sparsity"] for row in rows}):
        relation = relation_of(_at(rows, sparsity))
        level = [row for row in _at(rows, sparsity) if row["seeds"] == relation]
        names = list(dict.fromkeys(row["measure"] for row in level))
        grouped = {name: [row for row in level if row["measure"] == name] for name in names}
        means = {name: [row["mean"] for row in of_measure] for name, of_measure in grouped.items()}
        yield {
            "sparsity": rounded(sparsity),
            "seeds": relation,
            "measures": [name.replace("_", " ") for name in names],
            "mean": [rounded(statistics.fmean(means[name])) for name in names],
            "low": [rounded(min(means[name])) for name in names],
            "high": [rounded(max(means[name])) for name in names],
            "chance": [rounded(statistics.fmean(row["chance"] for row in grouped[name])) for name in names],
            "ceiling": [rounded(_mean_of([row["ceiling"] for row in grouped[name]])) for name in names],
        }


def _mean_of(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.fmean(there) if there else None
