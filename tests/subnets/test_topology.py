"""Topological overlap: by hand on few weights, against unit graphs of networkx, and what random masks give."""

import networkx as nx
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from small_encoder import HEADS, SHAPES, dense, drawn, masks, shapes_of, with_only

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.mask_graph import graph_of
from subnets.topology import (
    alive_overlap,
    beside_drawn,
    beside_random,
    degree_similarity,
    head_path_overlaps,
    neighbourhood_overlap,
    neighbourhood_overlaps,
    pair_of,
    path_overlaps,
    stack_path_overlap,
    topological_overlaps,
)

VALUE, OUTPUT = "0.attention.self.value", "0.attention.output.dense"
LEFT = with_only({VALUE: [(0, 0), (0, 1), (2, 0)], OUTPUT: [(1, 0), (2, 2)]})
RIGHT = with_only({VALUE: [(0, 0), (3, 0)], OUTPUT: [(1, 0), (1, 3), (2, 0)]})
OURS = pair_of(LEFT, RIGHT, heads=HEADS)


def test_neighbourhoods_by_hand():
    attention = neighbourhood_overlaps(OURS)["0.attention"]
    # Channel 0 has two weights in and one out on the left, one in and two out on the right, one in and one out in both.
    assert attention.inner.tolist() == [2 / 4, 1, 0, 0]
    # Dimension 0 is read by channels 0, 2 and by 0, 3; 1 by channel 0 and written by it, and written by 0 and 3.
    assert attention.residual.tolist() == [1 / 3, 1 / 3, 0]
    # 30 units: (3 + 4) + (3 + 5) in each of two layers, of which all but these seven are empty in both masks.
    assert neighbourhood_overlap(OURS) == pytest.approx((2 / 4 + 1 + 1 / 3 + 1 / 3 + 23) / 30)


def test_paths_by_hand():
    # Left: two through channel 0, one through channel 2. Right: two through 0, one through 3. Both: one, through 0.
    assert path_overlaps(OURS)["0.attention"] == 1 / 5
    assert head_path_overlaps(OURS)["0.attention"].tolist() == [1 / 3, 0]
    assert path_overlaps(OURS)["0.feed_forward"] == 1
    # Through the stack three more stay in their dimension, in both masks.
    assert stack_path_overlap(OURS) == (1 + 3) / (5 + 3)


def test_living_units_by_hand():
    found = alive_overlap(OURS)
    # Channels 0, 2 and 0, 3; heads 0, 1 in both; dimensions 0, 1 (read), 1, 2 (written) and 0, 1, 2 likewise.
    assert found == {"residual": 1, "channel": 1 / 3, "neuron": 1, "head": 1}


def incident(graph, node):
    return {(*edge, graph.edges[edge]["part"]) for edge in [*graph.in_edges(node), *graph.out_edges(node)]}


def neighbourhoods_of_neurons(mask):
    graph = graph_of(mask, level="unit", heads=HEADS)
    return [incident(graph, ("neuron", 1, neuron)) for neuron in range(5)]


@settings(deadline=None, max_examples=20)
@given(masks(), masks())
def test_neighbourhoods_are_those_of_the_unit_graph(left, right):
    found = neighbourhood_overlaps(pair_of(left, right, heads=HEADS))["1.feed_forward"].inner.tolist()
    pairs = zip(neighbourhoods_of_neurons(left), neighbourhoods_of_neurons(right), strict=True)
    assert found == [len(one & other) / len(one | other) if one | other else 1 for one, other in pairs]


def residual_paths(mask):
    """All paths through the stack as sequences of edges, gone through one by one by networkx."""
    graph = graph_of(mask, level="unit", heads=HEADS)
    ends = [("residual", 4, dimension) for dimension in range(3)]
    starts = [("residual", 0, dimension) for dimension in range(3)]
    return {tuple(path) for start in starts for path in nx.all_simple_paths(graph, start, ends)}


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_paths_through_the_stack_are_those_networkx_goes_through(seed):
    left, right = (drawn(SHAPES, density=0.25, seed=seed + step) for step in (0, 1))
    one, other = residual_paths(left), residual_paths(right)
    assert stack_path_overlap(pair_of(left, right, heads=HEADS)) == len(one & other) / len(one | other)


@settings(deadline=None, max_examples=20)
@given(masks())
def test_living_units_are_those_that_networkx_reaches_from_both_ends(mask):
    graph = graph_of(mask, level="unit", heads=HEADS)
    reached = [
        node
        for node in graph
        if node[0] in ("value", "neuron") and graph.in_degree(node) > 0 and graph.out_degree(node) > 0
    ]
    everything = alive_overlap(pair_of(mask, dense(), heads=HEADS))
    assert everything["channel"] == sum(node[0] == "value" for node in reached) / 8
    assert everything["neuron"] == sum(node[0] == "neuron" for node in reached) / 10


@settings(deadline=None, max_examples=20)
@given(masks(), masks())
def test_degree_similarity_is_scipys(left, right):
    for name, kinds in degree_similarity(pair_of(left, right, heads=HEADS)).items():
        layer, block = int(name[0]), name[2:]
        part = "attention.output" if block == "attention" else "output"
        matrix = f"encoder.layer.{layer}.{part}.dense.weight"
        sides = [mask.bools(matrix).sum(axis=1) for mask in (left, right)]
        if min(np.ptp(side) for side in sides) > 0:
            assert kinds["written"] == pytest.approx(scipy.stats.spearmanr(*sides).statistic, abs=1e-12)
        else:
            assert np.isnan(kinds["written"])


@settings(deadline=None, max_examples=30)
@given(masks(), masks())
def test_measures_are_symmetric_bounded_and_one_for_equal_masks(left, right):
    found = topological_overlaps(pair_of(left, right, heads=HEADS))
    assert found == pytest.approx(topological_overlaps(pair_of(right, left, heads=HEADS)), nan_ok=True)
    assert all(0 <= value <= 1 for name, value in found.items() if name != "degree_similarity")
    equal = topological_overlaps(pair_of(left, left, heads=HEADS))
    similarity = equal.pop("degree_similarity")
    assert np.isnan(similarity) or similarity == pytest.approx(1)
    assert set(equal.values()) == {1.0}


@settings(deadline=None, max_examples=20)
@given(masks(), st.permutations(range(5)), masks())
def test_renaming_neurons_in_both_masks_changes_nothing(left, order, right):
    def renamed(mask):
        bools = {name: mask.bools(name) for name in mask.names}
        into, out_of = "encoder.layer.0.intermediate.dense.weight", "encoder.layer.0.output.dense.weight"
        return Mask.from_bools(bools | {into: bools[into][order], out_of: bools[out_of][:, order]})

    found = topological_overlaps(pair_of(renamed(left), renamed(right), heads=HEADS))
    assert found == pytest.approx(topological_overlaps(pair_of(left, right, heads=HEADS)), nan_ok=True)


def test_random_masks_give_the_levels_the_docstrings_name():
    shapes = shapes_of(layers=2, residual=64, inner=64, neurons=128)
    d, e = 0.5, 0.3
    found = topological_overlaps(pair_of(drawn(shapes, density=d, seed=0), drawn(shapes, density=e, seed=1), heads=4))
    # Ratios of counts in the thousands: a percent or two of each; correlations of 64 and 128 units, 16 of them.
    assert found["neighbourhood_overlap"] == pytest.approx(d * e / (d + e - d * e), rel=0.02)
    for kind in ("attention", "feed_forward"):
        level = (d * e) ** 2 / (d**2 + e**2 - (d * e) ** 2)
        assert found[f"{kind}_path_overlap"] == pytest.approx(level, rel=0.05)
    assert abs(found["degree_similarity"]) < 4 / np.sqrt(63 * 16)
    assert found["alive_head_overlap"] == found["alive_neuron_overlap"] == 1


def test_independent_masks_lie_within_their_draws_and_equal_ones_above():
    shapes = shapes_of(layers=1, residual=16, inner=16, neurons=32)
    left, right = (drawn(shapes, density=0.4, seed=seed) for seed in (0, 1))
    for keeping in ("counts", "degrees"):
        apart, same = (
            beside_random(left, other, heads=4, keeping=keeping, draws=19, seed=0)["neighbourhood_overlap"]
            for other in (right, left)
        )
        assert abs(apart.z) < 4 and apart.p > 0.05
        assert same.p == 1 / 20 and same.z > 10 and same.corrected == pytest.approx(1)


def test_masks_that_favour_the_same_units_overlap_by_no_more_than_their_degrees_say():
    shapes = shapes_of(layers=1, residual=24, inner=24, neurons=48)
    odds = {name: np.random.default_rng(7).random(shape[0])[:, None] for name, shape in shapes.items()}
    rng = np.random.default_rng(1)
    left, right = (
        Mask.from_bools({name: rng.random(shape) < odds[name] for name, shape in shapes.items()}) for _ in range(2)
    )
    counts, degrees = (
        beside_random(left, right, heads=4, keeping=keeping, draws=19, seed=0)["neighbourhood_overlap"]
        for keeping in ("counts", "degrees")
    )
    assert counts.z > 10
    assert abs(degrees.z) < 4


def test_the_same_seed_gives_the_same_draws_and_another_others():
    found = [beside_random(LEFT, RIGHT, heads=HEADS, keeping="counts", draws=3, seed=seed) for seed in (0, 0, 1)]
    levels = [float(each["neighbourhood_overlap"].chance) for each in found]
    assert levels[0] == levels[1] != levels[2]


def test_beside_draws_by_hand():
    found = beside_drawn(0.75, np.array([0.25, 0.5, 0.75]))
    assert (found.chance, found.standard_deviation, found.z, found.corrected) == (0.5, 0.25, 1.0, 0.5)
    assert found.p == 2 / 4
    certain = beside_drawn(1.0, np.ones(4))
    assert (certain.z, certain.corrected, certain.p) == (0, 1, 1)
    assert np.isnan([beside_drawn(float("nan"), np.ones(2)).p, beside_drawn(0.5, np.array([0.1, np.nan])).z]).all()


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"keeping": "nothing"}, "keeping: found 'nothing'; choose one of: counts, degrees"),
        ({"draws": 1}, "draws: found 1; allowed: 2 and more"),
        ({"heads": 3}, "heads: found 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given_, message):
    with pytest.raises(InputError, match=message):
        beside_random(LEFT, RIGHT, **{"heads": HEADS, "keeping": "counts", "draws": 2, "seed": 0} | given_)
