"""How languages stand to each other: a world where the answer is known."""

from itertools import combinations

import pytest

from subnets.language_graph import mantel
from subnets.pair_table import PairTable
from subnets.relatedness import KINSHIP, kinship, relatedness

GENERA = {"de": 0, "en": 0, "es": 1, "fr": 1, "hi": 2, "ur": 2}  # Germanic, Romance, Indic
LANGS = tuple(GENERA)


def rows_of(overlap, *, seeds="other", langs=LANGS):
    return [
        {"left": one, "right": other, "seeds": seeds, "corrected": overlap(one, other)}
        for one, other in combinations(sorted(langs), 2)
    ]


def by_genus(one, other):
    return 0.9 if GENERA[one] == GENERA[other] else 0.1


def found(rows, **more):
    return relatedness(rows, sparsity=0.5, overlap="jaccard", distances={}, permutations=9999, **more)


def told(related):
    return {row["statistic"]: row for row in related.rows}


def test_overlap_by_genus_is_found_as_communities_tree_and_clusters():
    related = found(rows_of(by_genus))
    assert related.graph.communities == (("de", "en"), ("es", "fr"), ("hi", "ur"))
    assert {frozenset(edge) for edge in related.graph.tree.edges} >= {
        frozenset(pair) for pair in (("de", "en"), ("es", "fr"), ("hi", "ur"))
    }
    statistics = told(related)
    assert statistics["adjusted Rand index of communities and genus"]["value"] == 1
    assert statistics["adjusted Rand index of communities and genus"]["p"] < 0.1  # 15 ways to pair six languages
    assert statistics["adjusted Rand index of communities and family"]["value"] == 0  # all are Indo-European
    assert statistics["cophenetic correlation"]["value"] == pytest.approx(1)


def test_overlap_that_knows_nothing_of_genealogy_is_not_found_to_follow_it():
    def by_spelling(one, other):
        return 0.5 + 0.01 * ((ord(one[0]) * 7 + ord(other[0]) * 3) % 11)

    p = told(found(rows_of(by_spelling)))[f"Mantel correlation (Spearman) with {KINSHIP}"]["p"]
    assert p > 0.05


def test_kinship_is_0_within_a_genus_1_within_a_family_and_2_without():
    table = kinship(["zh", "de", "fr", "en"])
    at = {name: place for place, name in enumerate(table.names)}
    found = {pair: table.values[at[pair[0]], at[pair[1]]] for pair in (("de", "en"), ("de", "fr"), ("de", "zh"))}
    assert found == {("de", "en"): 0, ("de", "fr"): 1, ("de", "zh"): 2}


def test_mantel_is_that_of_one_minus_overlap_over_the_languages_both_tables_have():
    distances = PairTable.of_pairs(
        {pair: float(sum(map(ord, "".join(pair))) % 7) for pair in combinations(("de", "en", "es", "fr"), 2)}
    )
    related = relatedness(
        rows_of(by_genus), sparsity=0.5, overlap="jaccard", distances={"mine": distances}, permutations=99
    )
    row = told(related)["Mantel correlation (Spearman) with mine"]
    own = PairTable.of_pairs({pair: 1 - by_genus(*pair) for pair in combinations(("de", "en", "es", "fr"), 2)})
    assert row["value"] == mantel(own, distances, method="spearman", permutations=99, seed=0).value
    assert row["languages"] == "de+en+es+fr"


def test_languages_with_pairs_of_other_seeds_are_used_and_the_same_seed_only_where_there_are_too_few():
    def none(one, other):
        return 0.4

    same, other = rows_of(by_genus, seeds="same"), rows_of(none)
    assert found(same + other).overlaps.upper.tolist() == pytest.approx([0.4] * 15)
    without_one = found(same + [row for row in other if "ur" not in (row["left"], row["right"])])
    assert (without_one.seeds, "ur" in without_one.overlaps.names) == ("other", False)
    few = found(same + other[:1])
    assert (few.seeds, set(few.overlaps.upper)) == ("same", {0.9, 0.1})
    assert {row["seeds"] for row in few.rows} == {"same"}


def test_languages_of_which_nothing_is_known_are_compared_all_the_same():
    langs = ("aa", "bb", "cc", "dd")
    related = found(rows_of(lambda one, other: 0.2 + 0.1 * (one == "aa"), langs=langs))
    assert related.overlaps.names == langs
    assert not [name for name in told(related) if "Rand" in name or "Mantel" in name]


def test_two_languages_and_overlaps_at_chance_say_nothing():
    assert found(rows_of(by_genus, langs=("de", "en"))) is None
    assert found(rows_of(lambda one, other: -0.01)) is None
