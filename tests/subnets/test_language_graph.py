"""Graphs of languages: hand cases, scikit-learn and scipy, and every permutation there is."""

from itertools import combinations, permutations
from math import factorial

import networkx as nx
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from subnets.errors import InputError
from subnets.language_graph import agreement, hierarchy, language_graph, mantel
from subnets.languages import groups_by
from subnets.pair_table import PairTable

ROMANCE, GERMANIC = ("es", "fr"), ("de", "en")


def table(values, names="abc"):
    pairs = combinations(names, 2)
    return PairTable.of_pairs(dict(zip(pairs, values, strict=True)))


def random_table(names, seed):
    rng = np.random.default_rng(seed)
    return table(rng.random(names * (names - 1) // 2), "abcdefghijk"[:names])


OVERLAPS = PairTable.of_pairs(
    {(one, other): 0.9 if {one, other} in ({*ROMANCE}, {*GERMANIC}) else 0.2 for one, other in combinations(
        sorted(ROMANCE + GERMANIC), 2
    )}
    | {("de", "es"): 0.3}
)  # fmt: skip


def test_tree_and_communities_by_hand():
    found = language_graph(OVERLAPS, resolution=1.0, seed=0)
    assert {frozenset(edge) for edge in found.tree.edges} == {
        frozenset(pair) for pair in (GERMANIC, ROMANCE, ("de", "es"))
    }
    assert found.communities == (GERMANIC, ROMANCE)
    # m = 2.7; communities have inside 0.9 and degrees 2.7 each: 2 * (0.9 / 2.7 - (2.7 / 5.4) ** 2).
    assert found.modularity == pytest.approx(2 * (0.9 / 2.7 - 0.25))


def test_languages_without_overlap_stand_apart():
    found = language_graph(table([0.5, 0, 0, 0, 0, 0.4], "abcd"), resolution=1.0, seed=0)
    assert found.communities == (("a", "b"), ("c", "d"))
    assert sorted(found.tree.edges) == [("a", "b"), ("c", "d")]
    assert sorted(found.graph) == ["a", "b", "c", "d"]


def test_of_equal_overlaps_the_tree_takes_the_first_pairs():
    found = language_graph(table([0.5] * 6, "abcd"), resolution=1.0, seed=0)
    assert sorted(found.tree.edges) == [("a", "b"), ("a", "c"), ("a", "d")]


def test_resolution_makes_communities_smaller_or_larger():
    found = [language_graph(OVERLAPS, resolution=resolution, seed=0).communities for resolution in (0.1, 1, 5)]
    assert [len(communities) for communities in found] == [1, 2, 4]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_the_tree_weighs_the_most_of_all_trees(seed):
    overlaps = random_table(5, seed)
    found = language_graph(overlaps, resolution=1.0, seed=0)
    edges = list(found.graph.edges(data="weight"))
    weights = [
        sum(weight for *_, weight in chosen)
        for chosen in combinations(edges, 4)
        if nx.is_connected(nx.Graph([pair[:2] for pair in chosen])) and len({n for e in chosen for n in e[:2]}) == 5
    ]
    assert found.tree.size("weight") == pytest.approx(max(weights))


def partitions(names):
    """All ways to put names into groups."""
    if not names:
        yield []
        return
    first, *rest = names
    for partition in partitions(rest):
        yield [[first], *partition]
        for place, group in enumerate(partition):
            yield [*partition[:place], [first, *group], *partition[place + 1 :]]


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 2**32))
def test_communities_have_the_largest_modularity_of_all_partitions(seed):
    found = language_graph(random_table(6, seed), resolution=1.0, seed=0)
    best = max(nx.community.modularity(found.graph, partition) for partition in partitions(list("abcdef")))
    assert found.modularity == pytest.approx(best)


LABELS = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("uvw")), min_size=2, max_size=5)


@settings(deadline=None, max_examples=40)
@given(LABELS)
def test_agreement_is_scikit_learns_and_its_p_that_of_all_permutations(labels):
    left, right = ([pair[side] for pair in labels] for side in (0, 1))
    names = "abcde"[: len(labels)]
    communities = [[n for n, label in zip(names, left, strict=True) if label == group] for group in sorted(set(left))]
    found = agreement(communities, dict(zip(names, right, strict=True)), permutations=120, seed=0)
    assert found.value == pytest.approx(adjusted_rand_score(left, right))
    shuffled = [adjusted_rand_score(left, order) for order in permutations(right)]
    assert found.permutations + 1 == factorial(len(labels)) == len(shuffled)
    assert found.p == pytest.approx(np.mean(np.array(shuffled) >= found.value - 1e-9))


def test_agreement_with_genus_and_family():
    langs = ROMANCE + GERMANIC
    found = agreement([ROMANCE, GERMANIC], groups_by("genus", langs), permutations=9999, seed=0)
    assert (found.value, found.p) == (1.0, 1 / 3)  # three ways to make two pairs of four languages
    family = agreement([ROMANCE, GERMANIC], groups_by("family", langs), permutations=9999, seed=0)
    assert (family.value, family.p) == (0.0, 1.0)


def test_drawn_permutations_come_close_to_all_of_them():
    communities = [list("abc"), list("de"), list("fg")]
    groups = dict(zip("abcdefg", "xxyyyzz", strict=True))
    exact = agreement(communities, groups, permutations=factorial(7), seed=0)
    few = agreement(communities, groups, permutations=2000, seed=0)
    assert few.permutations == 2000
    assert few == agreement(communities, groups, permutations=2000, seed=0)
    # Four standard deviations of a share from 2000 draws.
    assert abs(few.p - exact.p) < 4 * np.sqrt(exact.p * (1 - exact.p) / 2000)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_mantel_is_the_correlation_with_the_p_of_all_permutations(method):
    left, right = random_table(5, 0), random_table(5, 1)
    correlate = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr}[method]
    orders = [list(order) for order in permutations(range(5))]
    shuffled = np.array(
        [correlate(left.upper, right.values[np.ix_(order, order)][np.triu_indices(5, 1)])[0] for order in orders]
    )
    found = mantel(left, right, method=method, permutations=factorial(5), seed=0)
    assert found.value == pytest.approx(correlate(left.upper, right.upper)[0])
    assert found.p == pytest.approx(np.mean(shuffled >= found.value - 1e-9))
    assert found.two_sided_p == pytest.approx(np.mean(np.abs(shuffled) >= abs(found.value) - 1e-9))


def test_overlaps_agree_with_themselves_and_oppose_distances():
    overlaps = random_table(8, 0)
    same = mantel(overlaps, overlaps, method="spearman", permutations=99, seed=0)
    assert (same.value, same.p) == (pytest.approx(1), 0.01)
    opposed = mantel(overlaps, overlaps.from_one(), method="pearson", permutations=99, seed=0)
    assert (opposed.value, opposed.p, opposed.two_sided_p) == (pytest.approx(-1), 1.0, 0.01)


def test_under_chance_p_is_uniform():
    found = [
        mantel(random_table(7, seed), random_table(7, 1000 + seed), method="pearson", permutations=39, seed=seed).p
        for seed in range(400)
    ]
    # Each of 40 values of p is as likely as another.
    counts = np.bincount(np.round(np.array(found) * 40).astype(int) - 1, minlength=40).reshape(8, 5).sum(axis=1)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_clustering_by_hand():
    found = hierarchy(table([1, 4, 4, 4, 4, 2], "abcd"), method="average")
    assert found.linkage[:, :3].tolist() == [[0, 1, 1], [2, 3, 2], [4, 5, 4]]
    assert found.leaves == ("a", "b", "c", "d")
    assert found.cophenetic_correlation == pytest.approx(1)  # a tree's own distances


def test_the_cophenetic_correlation_by_hand():
    # a and b join at 1, c at the mean of 2 and 4: heights 1, 3, 3 beside distances 1, 2, 4.
    found = hierarchy(table([1, 2, 4], "abc"), method="average")
    assert found.cophenetic_correlation == pytest.approx(np.corrcoef([1, 3, 3], [1, 2, 4])[0, 1])
    assert hierarchy(table([1, 1, 1], "abc"), method="average").cophenetic_correlation is None


@pytest.mark.parametrize(("method", "level"), [("average", 0.57), ("complete", 0.52), ("single", 0.37)])
def test_random_distances_are_fitted_as_the_docstring_says(method, level):
    found = [hierarchy(random_table(11, seed), method=method).cophenetic_correlation for seed in range(100)]
    assert np.mean(found) == pytest.approx(level, abs=0.04)  # a spread of 0.1 at most: four of the mean's


FOUR = {
    "communities": [ROMANCE, GERMANIC],
    "groups": groups_by("genus", ROMANCE + GERMANIC),
    "permutations": 9,
    "seed": 0,
}
THREE = {"left": random_table(3, 0), "right": random_table(3, 1), "method": "pearson", "permutations": 9, "seed": 0}


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: language_graph(table([0, 0, 0]), resolution=1.0, seed=0), "overlaps: found 0 to 0"),
        (lambda: language_graph(table([0.1, -0.5, 0]), resolution=1.0, seed=0), "overlaps: found -0.5 to 0.1"),
        (lambda: language_graph(OVERLAPS, resolution=0, seed=0), "resolution: found 0; allowed: above 0"),
        (lambda: agreement(**FOUR | {"communities": [ROMANCE]}), "languages: found es, fr in communities"),
        (lambda: agreement(**FOUR | {"communities": [ROMANCE, GERMANIC, ["en"]]}), "each once"),
        (lambda: agreement(**FOUR | {"permutations": 0}), "permutations: found 0; allowed: 1 and more"),
        (lambda: mantel(**THREE | {"right": random_table(4, 0)}), "found names a, b, c and a, b, c, d"),
        (lambda: mantel(**THREE | {"right": table([1, 1, 1])}), "found 1 for every pair"),
        (lambda: mantel(**THREE | {"method": "kendall"}), "found 'kendall'; choose one of: pearson, spearman"),
        (lambda: hierarchy(random_table(3, 0), method="ward"), "found 'ward'; choose one of: average, complete"),
        (lambda: hierarchy(table([1, -2, 1]), method="average"), "distances: found -2; allowed: 0 and above"),
    ],
)
def test_what_cannot_be_is_refused(refused, message):
    with pytest.raises(InputError, match=message):
        refused()
