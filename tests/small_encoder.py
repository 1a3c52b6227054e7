"""Masks of an encoder small enough to go through all its paths."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pruning.mask import Mask

HEADS = 2


def shapes_of(*, layers: int, residual: int, inner: int, neurons: int) -> dict[str, tuple[int, int]]:
    """BERT's matrices."""
    layer = {
        "attention.self.query": (inner, residual),
        "attention.self.key": (inner, residual),
        "attention.self.value": (inner, residual),
        "attention.output.dense": (residual, inner),
        "intermediate.dense": (neurons, residual),
        "output.dense": (residual, neurons),
    }
    return {f"encoder.layer.{i}.{part}.weight": shape for i in range(layers) for part, shape in layer.items()}


SHAPES = shapes_of(layers=2, residual=3, inner=4, neurons=5)


def with_only(kept: dict[str, Any], shapes: dict[str, tuple[int, int]] = SHAPES) -> Mask:
    """The mask that keeps nothing but these places (row, column) of these matrices, called `<layer>.<part>`."""
    bools = {name: np.zeros(shape, dtype=bool) for name, shape in shapes.items()}
    for name, places in kept.items():
        for place in places:
            bools[f"encoder.layer.{name}.weight"][place] = True
    return Mask.from_bools(bools)


def drawn(shapes: dict[str, tuple[int, int]], *, density: float, seed: int) -> Mask:
    """A random mask, each weight kept or not by itself."""
    rng = np.random.default_rng(seed)
    return Mask.from_bools({name: rng.random(shape) < density for name, shape in shapes.items()})


def dense() -> Mask:
    """The small encoder's mask that keeps everything."""
    return Mask.full(SHAPES)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Masks of the small encoder."""
    return Mask.from_bools({name: draw(arrays(bool, shape)) for name, shape in SHAPES.items()})
