"""Masks as graphs: by hand, and generalised topological overlap against sets of nodes."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_encoder import HEADS, SHAPES, dense, drawn, masks, shapes_of, with_only

from pruning.mask import Mask
from subnets import mask_graph
from subnets.errors import InputError
from subnets.mask_graph import graph_of, topological_overlap_matrix
from subnets.paths import paths_through_stack


@settings(deadline=None, max_examples=20)
@given(masks())
def test_the_unit_graph_has_an_edge_for_every_kept_weight_and_residual_connection(mask):
    graph = graph_of(mask, level="unit", heads=HEADS)
    assert graph.number_of_edges() == mask.kept + 4 * 3
    # 5 stages of the stream, and of each layer queries, keys, values and neurons.
    assert graph.number_of_nodes() == 5 * 3 + 2 * (3 * 4 + 5)
    assert nx.is_directed_acyclic_graph(graph)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_paths_of_the_unit_graph_are_those_that_are_counted(seed):
    mask = drawn(SHAPES, density=0.25, seed=seed)
    graph = graph_of(mask, level="unit", heads=HEADS)
    ends = [("residual", 4, dimension) for dimension in range(3)]
    found = sum(len(list(nx.all_simple_paths(graph, ("residual", 0, start), ends))) for start in range(3))
    assert found == paths_through_stack(mask)


def test_composition_of_blocks_and_heads_by_hand():
    mask = with_only(
        {
            "0.attention.output.dense": [(0, 0), (0, 1), (1, 3)],  # head 0 writes twice to dimension 0, head 1 to 1
            "0.intermediate.dense": [(2, 0), (4, 0), (1, 1)],  # which the feed-forward block reads twice, once
            "1.attention.self.key": [(3, 0)],  # head 1 reads dimension 0
        }
    )
    blocks = graph_of(mask, level="block", heads=HEADS)
    assert list(blocks) == ["0.attention", "0.feed_forward", "1.attention", "1.feed_forward"]
    # Unpruned: 3 dimensions, each written by 4 channels and read by 5 neurons, or by 4 of each of three matrices.
    assert dict(blocks.edges) == {
        ("0.attention", "0.feed_forward"): {"weight": (2 * 2 + 1) / (3 * 4 * 5)},
        ("0.attention", "1.attention"): {"weight": 2 / (3 * 4 * 12)},
    }
    heads = graph_of(mask, level="head", heads=HEADS)
    assert heads.number_of_nodes() == 2 * (HEADS + 1)
    assert heads.nodes["1.attention.1"] == {"layer": 1, "kind": "attention"}
    assert dict(heads.edges) == {
        ("0.attention.0", "0.feed_forward"): {"weight": 4 / (3 * 2 * 5)},
        ("0.attention.1", "0.feed_forward"): {"weight": 1 / (3 * 2 * 5)},
        ("0.attention.0", "1.attention.1"): {"weight": 2 / (3 * 2 * 6)},
    }


@pytest.mark.parametrize("level", ["block", "head"])
def test_everything_composes_in_a_dense_mask(level):
    graph = graph_of(dense(), level=level, heads=HEADS)
    assert {weight for *_, weight in graph.edges(data="weight")} == {1.0}


@settings(deadline=None, max_examples=20)
@given(masks())
def test_heads_share_out_what_their_blocks_compose(mask):
    blocks, heads = (graph_of(mask, level=level, heads=HEADS) for level in ("block", "head"))
    edge = "0.attention", "1.attention"
    found = [
        heads.edges[one, other]["weight"] if heads.has_edge(one, other) else 0
        for one in ("0.attention.0", "0.attention.1")
        for other in ("1.attention.0", "1.attention.1")
    ]
    assert np.mean(found) == pytest.approx(blocks.edges[edge]["weight"] if blocks.has_edge(*edge) else 0)


def by_sets(graph, order):
    """Generalised topological overlap in the words of its definition, by networkx's shortest paths."""
    near = {
        node: set(nx.single_source_shortest_path_length(graph, node, cutoff=order)) - {node} for node in graph.nodes
    }

    def overlap(one, other):
        linked = int(graph.has_edge(one, other))
        return (len(near[one] & near[other]) + linked) / (min(len(near[one]), len(near[other])) + 1 - linked)

    return [[1.0 if one == other else overlap(one, other) for other in graph] for one in graph]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.sampled_from([0.1, 0.3, 0.6]), st.integers(0, 1000), st.integers(1, 3))
def test_topological_overlap_is_that_of_its_definition(nodes, density, seed, order):
    graph = nx.gnp_random_graph(nodes, density, seed=seed)
    assert topological_overlap_matrix(graph, order=order) == pytest.approx(np.array(by_sets(graph, order)))


def test_topological_overlap_by_hand():
    path = nx.path_graph(["a", "b", "c", "d"])
    one = topological_overlap_matrix(path, order=1)
    assert one[0].tolist() == [1, 1, 1 / 2, 0]  # a's only neighbour is b; c shares it; d shares nothing
    two = topological_overlap_matrix(path, order=2)
    assert two[0, 3] == 2 / 3  # both reach b and c within two steps
    weighted = nx.Graph()
    weighted.add_weighted_edges_from([("a", "b", 0.5), ("b", "c", 0.5)])
    # (0.5 * 0.5 + 0) / (0.5 + 1 - 0), and (0 + 0.5) / (0.5 + 1 - 0.5).
    assert topological_overlap_matrix(weighted, order=1)[0].tolist() == [1, 0.5, 0.25 / 1.5]


@settings(deadline=None, max_examples=20)
@given(masks(), st.integers(1, 3))
def test_topological_overlap_of_masks_is_symmetric_and_bounded(mask, order):
    found = topological_overlap_matrix(graph_of(mask, level="head", heads=HEADS), order=order)
    assert np.array_equal(found, found.T)
    assert (found >= 0).all() and (found <= 1 + 1e-12).all()


def test_random_graphs_overlap_as_the_docstring_says():
    found = topological_overlap_matrix(nx.gnp_random_graph(300, 0.2, seed=0), order=1)
    off = found[np.triu_indices(300, 1)]
    # The smaller of two degrees lies below the mean one by about half a spread of 7 in 60.
    assert off.mean() == pytest.approx((300 * 0.2**2 + 0.2) / (300 * 0.2 + 1), rel=0.1)


def test_blocks_of_random_masks_compose_by_the_square_of_their_density():
    shapes = shapes_of(layers=2, residual=32, inner=32, neurons=64)
    graph = graph_of(drawn(shapes, density=0.3, seed=0), level="block", heads=4)
    # Over 1024 weights and more on either side: a spread of some five percent at most.
    assert [weight for *_, weight in graph.edges(data="weight")] == pytest.approx([0.3**2] * 6, rel=0.15)


def loop():
    graph = nx.Graph()
    graph.add_edge("a", "a", weight=1)
    return graph


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: graph_of(dense(), level="layer", heads=2), "level: found 'layer'; choose one of: unit, head, block"),
        (lambda: graph_of(dense(), level="head", heads=3), "heads: found 3"),
        (lambda: graph_of(Mask.full({"w": (2, 2)}), level="block", heads=1), "found no matrix in a layer"),
        (lambda: topological_overlap_matrix(nx.path_graph(2), order=0), "order: found 0; allowed: 1 and more"),
        (lambda: topological_overlap_matrix(loop(), order=1), "an edge from a node to itself at 'a'"),
        (
            lambda: topological_overlap_matrix(nx.Graph([("a", "b", {"weight": 2})]), order=1),
            "weights of the graph: found 0 to 2; allowed: 0 to 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(refused, message):
    with pytest.raises(InputError, match=message):
        refused()


def test_unit_graphs_that_do_not_fit_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr(mask_graph, "LARGEST_UNIT_GRAPH", 100)
    with pytest.raises(InputError, match="found 156 kept weights, of which 'unit' allows 100; choose head or block"):
        graph_of(dense(), level="unit", heads=HEADS)
