"""What overlaps say of how languages stand to each other: tree, communities, clustering, and their agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from subnets.errors import InputError
from subnets.language_graph import Agreement, Hierarchy, LanguageGraph, agreement, hierarchy, language_graph, mantel
from subnets.languages import groups_by, languages
from subnets.pair_table import PairTable

Row = dict[str, Any]

FEATURES = ("genus", "family", "script", "word_order")
FEWEST = 3  # languages of which relations can be told
KINSHIP = "genus and family"  # the distance that ships: 0 in one genus, 1 in one family, else 2


@dataclass(frozen=True)
class Relatedness:
    """How the languages of one level of sparsity stand to each other by one overlap.

    Attributes:
        sparsity: of the masks.
        seeds: whether the overlaps are of pairs of runs with `other` seeds or, where there are none, the `same`.
        overlap: the measure whose values, corrected for chance and cut off at 0, the graph is made of.
        overlaps: these values.
        graph: with its maximum spanning tree and communities.
        hierarchy: clustering of 1 - overlap.
        rows: each statistic with its value and, where shuffling names makes one, its p.
    """

    sparsity: float
    seeds: str
    overlap: str
    overlaps: PairTable
    graph: LanguageGraph
    hierarchy: Hierarchy
    rows: list[Row]


def relatedness(
    rows: Sequence[Row],
    *,
    sparsity: float,
    overlap: str,
    distances: Mapping[str, PairTable],
    permutations: int,
    seed: int = 0,
) -> Relatedness | None:
    """Relations by the mean overlap of each two languages.

    Args:
        rows: of pairs of languages, whole masks, at this sparsity and of this measure. Languages with runs of other
            seeds than every other language are used, or all by runs of the same seed where there are too few.
        sparsity: of the masks.
        overlap: the measure.
        distances: tables to hold the overlaps against by Mantel's test, by name; languages in both are used.
        permutations: of the names of the languages, at most.
        seed: of the permutations and of Louvain.

    Returns:
        None with fewer than three languages, or where no two overlap more than by chance.
    """
    seeds, overlaps = _overlaps(rows)
    if overlaps is None or overlaps.upper.max() <= 0:
        return None
    graph = language_graph(overlaps, resolution=1.0, seed=seed)
    clustering = hierarchy(overlaps.from_one(), method="average")
    found: list[Row] = [_row("modularity of the communities", graph.modularity, overlaps.names)]
    if clustering.cophenetic_correlation is not None:
        found.append(_row("cophenetic correlation", clustering.cophenetic_correlation, overlaps.names))
    found.extend(_agreements(graph, permutations=permutations, seed=seed))
    known = [name for name in overlaps.names if name in languages()]
    tables = {KINSHIP: kinship(known), **distances} if len(known) >= FEWEST else dict(distances)
    for name, table in tables.items():
        found.extend(_mantels(overlaps, name, table, permutations=permutations, seed=seed))
    place = {"sparsity": sparsity, "overlap": overlap, "seeds": seeds}
    return Relatedness(sparsity, seeds, overlap, overlaps, graph, clustering, [place | row for row in found])


def kinship(langs: Sequence[str]) -> PairTable:
    """Distances by the genealogy of `languages.tsv`: 0 in one genus, 1 in one family, 2 otherwise.

    Raises:
        InputError: a language of which nothing is known, or fewer than two.
    """
    genus, family = groups_by("genus", langs), groups_by("family", langs)
    return PairTable.of_pairs(
        {
            (one, other): 0.0 if genus[one] == genus[other] else 1.0 if family[one] == family[other] else 2.0
            for one, other in combinations(sorted(langs), 2)
        }
    )


def _overlaps(rows: Sequence[Row]) -> tuple[str, PairTable | None]:
    """Corrected means over pairs of runs with other seeds, of the languages that have these with all others."""
    for seeds in ("other", "same"):
        means = {
            (row["left"], row["right"]): max(0.0, row["corrected"])
            for row in rows
            if row["seeds"] == seeds and row["left"] < row["right"]
        }
        names = _with_all_others(means)
        if len(names) >= FEWEST:
            return seeds, PairTable.of_pairs({pair: mean for pair, mean in means.items() if names.issuperset(pair)})
    return "none", None


def _with_all_others(pairs: Mapping[tuple[str, str], float]) -> set[str]:
    """The names left when the one with most pairs missing is taken away until none is missing."""
    names = {name for pair in pairs for name in pair}
    while True:
        missing = Counter(name for pair in combinations(sorted(names), 2) if pair not in pairs for name in pair)
        if not missing:
            return names
        names.remove(max(sorted(missing), key=missing.__getitem__))


def _agreements(graph: LanguageGraph, *, permutations: int, seed: int) -> list[Row]:
    """Of the communities with what is known of the languages; those of which nothing is known are left out."""
    communities = [[lang for lang in community if lang in languages()] for community in graph.communities]
    communities = [community for community in communities if community]
    known = sorted(lang for community in communities for lang in community)
    if len(known) < FEWEST:
        return []
    return [
        _row(
            f"adjusted Rand index of communities and {feature.replace('_', ' ')}",
            agreement(communities, groups_by(feature, known), permutations=permutations, seed=seed),
            known,
        )
        for feature in FEATURES
    ]


def _mantels(overlaps: PairTable, name: str, table: PairTable, *, permutations: int, seed: int) -> list[Row]:
    shared = sorted(set(overlaps.names) & set(table.names))
    if len(shared) < FEWEST:
        return []
    try:
        found = mantel(
            overlaps.only(shared).from_one(),
            table.only(shared),
            method="spearman",
            permutations=permutations,
            seed=seed,
        )
    except InputError:  # all numbers are equal: there is nothing to correlate
        return []
    return [_row(f"Mantel correlation (Spearman) with {name}", found, shared)]


def _row(statistic: str, found: Agreement | float, names: Sequence[str]) -> Row:
    row = {"statistic": statistic, "value": found, "p": None, "two_sided_p": None, "permutations": None}
    if isinstance(found, Agreement):
        row |= {"value": found.value, "p": found.p, "two_sided_p": found.two_sided_p}
        row |= {"permutations": found.permutations}
    return row | {"languages": "+".join(names)}
