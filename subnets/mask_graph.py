"""A mask as a graph: its units, heads or blocks as nodes, the kept weights between them as edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.units import Block, Counts, blocks_of, check_heads

Numbers = NDArray[np.float64]
LARGEST_UNIT_GRAPH = 1_000_000  # kept weights; networkx takes some 400 bytes for each


@dataclass(frozen=True)
class Port:
    """A head or block at the residual stream: kept weights from and to each residual dimension, shape (residual,)."""

    name: str
    block: Block
    reads: Counts
    writes: Counts
    most_read: int  # kept weights from one residual dimension if nothing were pruned
    most_written: int


def graph_of(mask: Mask, *, level: str, heads: int) -> nx.DiGraph:
    """The mask as a directed graph without cycles, from the first block to the last.

    Levels:
        unit: nodes `("residual", stage, dimension)` at every stage before, between and after the blocks, and `(part,
            layer, index)` with part `query`, `key`, `value` or `neuron`. An edge for each kept weight (`part` says of
            which matrix) and one for each residual connection (`part="residual"`). Paths from stage 0 to the last
            stage are those of `paths.paths_through_stack`; queries and keys have no edges out.
        head: nodes for every head (`3.attention.5`) and feed-forward block (`3.feed_forward`).
        block: nodes for every block (`3.attention`).

    At head and block level the edge from u to a later v has as `weight` the pairs of kept weights by which v reads what
    u writes, sum over residual dimensions d of writes_u(d) * reads_v(d), as a share of those there would be unpruned:
    in [0, 1], 1 for a dense mask, d**2 on average for random ones of density d, no edge at 0. Which pairs of heads can
    compose at all, after the composition scores of Elhage et al. 2021. Nodes carry `layer` and `kind`.

    Raises:
        InputError: no such level, a wrong number of heads, matrices that do not make an encoder's blocks, or, at unit
            level, more than `LARGEST_UNIT_GRAPH` kept weights (mBERT's 85 million do not fit in memory as a graph).
    """
    if level not in LEVELS:
        raise InputError(f"level: found {level!r}; choose one of: {', '.join(LEVELS)}")
    check_heads(blocks_of(mask), heads=heads)
    return LEVELS[level](mask, heads)


def topological_overlap_matrix(graph: nx.Graph | nx.DiGraph, *, order: int) -> Numbers:
    """Generalised topological overlap of every two nodes, shape (nodes, nodes), in the order of `graph.nodes`.

    With `a` the adjacency (directions dropped; the edges' `weight`, 1 where there is none) and k_i = sum_u a_iu:
    order 1: t_ij = (sum_u a_iu a_uj + a_ij) / (min(k_i, k_j) + 1 - a_ij)   (Ravasz et al. 2002; with weights in [0, 1]
    Zhang and Horvath 2005).
    order m: t_ij = (|N_m(i) & N_m(j)| + a_ij) / (min(|N_m(i)|, |N_m(j)|) + 1 - a_ij), N_m(i) the other nodes within m
    steps, a_ij 1 for every edge whatever its weight   (Yip and Horvath 2007).
    Symmetric, in [0, 1], diagonal 1; 1 off it for linked nodes of which one's neighbours are all the other's too, 0 for
    nodes without link and common neighbour. In a random graph of density q and n nodes about (n q**2 + q) / (n q + 1).

    Raises:
        InputError: an order below 1, a weight outside [0, 1], or an edge from a node to itself.
    """
    if order < 1:
        raise InputError(f"order: found {order}; allowed: 1 and more")
    adjacency = _adjacency(graph)
    near = adjacency if order == 1 else _within(adjacency > 0, steps=order).astype(np.float64)
    linked = adjacency if order == 1 else (adjacency > 0).astype(np.float64)
    degrees = near.sum(axis=1)
    overlap: Numbers = (near @ near + linked) / (np.minimum.outer(degrees, degrees) + 1 - linked)
    np.fill_diagonal(overlap, 1.0)
    return overlap


def _adjacency(graph: nx.Graph | nx.DiGraph) -> Numbers:
    undirected = nx.Graph(graph)
    adjacency: Numbers = nx.to_numpy_array(undirected, dtype=np.float64)
    if adjacency.size and not (adjacency.min() >= 0 and adjacency.max() <= 1):
        raise InputError(f"weights of the graph: found {adjacency.min():g} to {adjacency.max():g}; allowed: 0 to 1")
    if np.diagonal(adjacency).any():
        raise InputError(f"graph: found an edge from a node to itself at {next(nx.nodes_with_selfloops(undirected))!r}")
    return adjacency


def _within(linked: NDArray[np.bool_], *, steps: int) -> NDArray[np.bool_]:
    """The other nodes that each node reaches in so many steps."""
    step = (linked | np.eye(len(linked), dtype=np.bool_)).astype(np.float64)
    reached = step
    for _ in range(steps - 1):
        reached = np.minimum(reached @ step, 1.0)  # at most so many nodes: counts are exact
    return (reached > 0) & ~np.eye(len(linked), dtype=np.bool_)


def _unit_graph(mask: Mask) -> nx.DiGraph:
    blocks = blocks_of(mask)
    kept = sum(mask.kept_counts[name] for block in blocks for name in (*block.reading, block.writing))
    if kept > LARGEST_UNIT_GRAPH:
        raise InputError(
            f"level: found {kept:,} kept weights, of which 'unit' allows {LARGEST_UNIT_GRAPH:,}; choose head or block"
        )
    graph = nx.DiGraph()
    for stage, block in enumerate(blocks):
        for dimension in range(block.residual):
            here, there = ("residual", stage, dimension), ("residual", stage + 1, dimension)
            graph.add_edge(here, there, part="residual")
        _add_block(graph, mask, block, stage)
    return graph


def _add_block(graph: nx.DiGraph, mask: Mask, block: Block, stage: int) -> None:
    parts = ("query", "key", "value") if block.kind == "attention" else ("neuron",)
    for part, name in zip(parts, block.reading, strict=True):
        graph.add_nodes_from((part, block.layer, unit) for unit in range(block.inner))
        for unit, dimension in np.argwhere(mask.bools(name)).tolist():
            graph.add_edge(("residual", stage, dimension), (part, block.layer, unit), part=part)
    carrying = parts[block.reading.index(block.carrying)]
    for dimension, unit in np.argwhere(mask.bools(block.writing)).tolist():
        graph.add_edge((carrying, block.layer, unit), ("residual", stage + 1, dimension), part="writing")


def _head_graph(mask: Mask, heads: int) -> nx.DiGraph:
    return _composed([_head_ports(mask, block, heads) for block in blocks_of(mask)])


def _block_graph(mask: Mask) -> nx.DiGraph:
    return _composed([_ports(mask, block, [block.name]) for block in blocks_of(mask)])


LEVELS: Mapping[str, Callable[[Mask, int], nx.DiGraph]] = {
    "unit": lambda mask, heads: _unit_graph(mask),
    "head": _head_graph,
    "block": lambda mask, heads: _block_graph(mask),
}


def _head_ports(mask: Mask, block: Block, heads: int) -> list[Port]:
    whole = block.kind == "feed_forward"
    return _ports(mask, block, [block.name] if whole else [f"{block.name}.{head}" for head in range(heads)])


def _ports(mask: Mask, block: Block, names: list[str]) -> list[Port]:
    """The block's inner units cut into equal runs, one for each name."""
    parts = len(names)
    size = block.inner // parts
    read = sum(mask.bools(name).reshape(parts, size, -1).sum(axis=1, dtype=np.int64) for name in block.reading)
    written = mask.bools(block.writing).reshape(-1, parts, size).sum(axis=2, dtype=np.int64)
    return [
        Port(name, block, np.asarray(read)[part], written[:, part], size * len(block.reading), size)
        for part, name in enumerate(names)
    ]


def _composed(stack: list[list[Port]]) -> nx.DiGraph:
    graph = nx.DiGraph()
    earlier: list[Port] = []
    for ports in stack:
        for reader in ports:
            graph.add_node(reader.name, layer=reader.block.layer, kind=reader.block.kind)
            for writer in earlier:
                pairs = int(writer.writes @ reader.reads)
                if pairs:
                    most = len(writer.writes) * writer.most_written * reader.most_read
                    graph.add_edge(writer.name, reader.name, weight=pairs / most)
        earlier.extend(ports)
    return graph
