"""Masks for tests: written out, drawn, or all there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pruning.mask import Mask

# Two layers of width 6 with 2 heads: no row is a whole number of bytes.
ENCODER = {
    f"encoder.layer.{layer}.{name}.weight": shape
    for layer in range(2)
    for name, shape in {
        "attention.self.query": (6, 6),
        "attention.self.key": (6, 6),
        "attention.self.value": (6, 6),
        "attention.output.dense": (6, 6),
        "intermediate.dense": (10, 6),
        "output.dense": (6, 10),
    }.items()
}


def mask(**matrices: object) -> Mask:
    """A mask of the matrices written out as 0 and 1."""
    return Mask.from_bools({name: np.array(rows, dtype=bool) for name, rows in matrices.items()})


def drawn(seed: int, share: float = 0.4, shapes: dict[str, tuple[int, ...]] = ENCODER) -> Mask:
    """A mask that keeps about a share of every matrix."""
    rng = np.random.default_rng(seed)
    return Mask.from_bools({name: rng.random(shape) < share for name, shape in shapes.items()})


@st.composite
def several(draw: st.DrawFn, least: int = 1, most: int = 6) -> list[Mask]:
    """Masks of the same two small matrices."""
    return [
        Mask.from_bools({name: draw(arrays(bool, shape)) for name, shape in {"a": (3, 3), "b": (5,)}.items()})
        for _ in range(draw(st.integers(least, most)))
    ]


def all_with(kept: dict[str, int], sizes: dict[str, int]) -> Iterator[dict[str, frozenset[int]]]:
    """Every choice of so many places of matrices of these sizes."""
    choices = [[frozenset(chosen) for chosen in combinations(range(sizes[name]), kept[name])] for name in sizes]
    for chosen in product(*choices):
        yield dict(zip(sizes, chosen, strict=True))
