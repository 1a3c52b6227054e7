"""Random masks with a mask's degrees: as many kept weights at every unit, wired anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pruning.mask import Mask
from subnets.errors import InputError

Bools = NDArray[np.bool_]
KEY_BITS = 31  # of 32, so that no key is the largest number


def same_degrees(mask: Mask, *, trades: int, seed: int) -> Mask:
    """A random mask that keeps as many weights in every row and in every column of every matrix: at every unit.

    Global Curveball trades (Carstens et al. 2018): rows are paired at random, and each pair deals the weights that only
    one of the two keeps out anew, each row getting back as many as it gave; `trades` times over. In the limit all
    matrices of these degrees are equally likely. After 20 trades the overlap of a mask of low rank (768 x 768, a tenth
    to half of it kept) with what it was is within 0.01 of that after 40, after 10 within 0.05; sparser ones need more.
    What is no matrix (biases, norms) stays as it is, and so does a matrix that its degrees determine, such as a full
    one.

    Raises:
        InputError: fewer than one trade.
    """
    if trades < 1:
        raise InputError(f"trades: found {trades}; allowed: 1 and more")
    rng = np.random.default_rng(seed)
    rewired: dict[str, Bools] = {}
    for name, shape in mask.shapes.items():
        rewired[name] = mask.bools(name)
        for _ in range(trades if len(shape) == 2 else 0):
            rewired[name] = _traded(rewired[name], rng)
    return Mask.from_bools(rewired)


def _traded(bools: Bools, rng: np.random.Generator) -> Bools:
    rows = len(bools)
    order = rng.permutation(rows)
    first, second = order[: rows // 2], order[rows // 2 : rows // 2 * 2]
    differing = bools[first] ^ bools[second]
    dealt_to_first = np.count_nonzero(bools[first] & differing, axis=1)
    chosen = _chosen(differing, dealt_to_first, rng)
    common = bools[first] & bools[second]
    traded = bools.copy()
    traded[first] = common | chosen
    traded[second] = common | (differing & ~chosen)
    return traded


def _chosen(differing: Bools, counts: NDArray[np.intp], rng: np.random.Generator) -> Bools:
    """As many random places of each row as `counts` says, among those that differ; all choices equally likely."""
    columns = differing.shape[1]
    low_bits = columns.bit_length()
    keys = rng.integers(0, 1 << (KEY_BITS - low_bits), differing.shape, dtype=np.uint32)
    # The low bits make the keys of a row different, so that counts are exact; at random, so that ties favour no place.
    keys <<= np.uint32(low_bits)
    keys |= rng.permutation(columns).astype(np.uint32)
    np.copyto(keys, np.iinfo(np.uint32).max, where=~differing)
    largest = np.take_along_axis(np.sort(keys, axis=1), np.maximum(counts - 1, 0)[:, np.newaxis], axis=1)
    return differing & (keys <= largest) & (counts > 0)[:, np.newaxis]
