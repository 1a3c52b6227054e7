"""Times the topology of two random masks of mBERT's size: all measures of the pair, and one draw of each null.

Run from the repository: `python -m tests.benchmarks.topology [rounds]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from subnets.mask_graph import graph_of, topological_overlap_matrix
from subnets.topology import NULLS, pair_of, stack_path_overlap, topological_overlaps
from tests.benchmarks.harness import spread, timed_turns
from tests.small_encoder import drawn, shapes_of

SHAPES = shapes_of(layers=12, residual=768, inner=768, neurons=3072)
HEADS = 12


def main(rounds: int) -> None:
    """Time in turn, print medians."""
    left, right = (drawn(SHAPES, density=0.5, seed=seed) for seed in (0, 1))
    pair = pair_of(left, right, heads=HEADS)
    ways: dict[str, Callable[[], object]] = {
        "all measures": lambda: topological_overlaps(pair_of(left, right, heads=HEADS)),
        "of these, stack paths": lambda: stack_path_overlap(pair),
        "head graph, overlap": lambda: topological_overlap_matrix(graph_of(left, level="head", heads=HEADS), order=1),
        "a mask, same counts": lambda: NULLS["counts"](left, 0),
        "a mask, same degrees": lambda: NULLS["degrees"](left, 0),
    }
    medians = {name: spread(times).median for name, times in timed_turns(ways, rounds).items()}
    print(f"{left}, {rounds} rounds")
    print(f"{'what':<24}{'median s':>10}{'times all measures':>20}")
    for name, median in medians.items():
        print(f"{name:<24}{median:>10.2f}{median / medians['all measures']:>20.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
