"""Paths of kept weights: through an attention or feed-forward block, through a head, and through the whole stack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pruning.mask import Mask
from subnets.units import Degrees, blocks_of, check_heads

WholeNumbers = NDArray[np.object_]  # of Python integers, which do not overflow
EXACT_BITS = 53  # whole numbers up to 2 ** 53 are exact in float64
ROWS_AT_ONCE = 256  # unpacked as float64 at a time, so that they stay in the processor's cache


def paths_through_units(degrees: Degrees) -> NDArray[np.int64]:
    """Paths residual -> inner unit -> residual through each inner unit: carried(u) * leaving(u), shape (inner,).

    A path is a kept weight into the unit and a kept weight out of it: in a feed-forward block both matrices, in an
    attention block value and output (queries and keys weigh tokens, they carry nothing). In [0, residual ** 2]; exact
    as an int64 to a width of two thousand million, as is their sum over a block.
    """
    through: NDArray[np.int64] = degrees.carried * degrees.leaving
    return through


def paths_through_heads(degrees: Degrees, *, heads: int) -> NDArray[np.int64]:
    """Paths through each head of an attention block, shape (heads,): the sums of `paths_through_units` over channels.

    Head `h` has the channels from `h * inner / heads` on.

    Raises:
        InputError: a number of heads that does not divide the channels.
    """
    check_heads((degrees.block,), heads=heads)
    return np.asarray(paths_through_units(degrees).reshape(heads, -1).sum(axis=1, dtype=np.int64))


def paths_through_block(degrees: Degrees) -> int:
    """Paths residual -> inner unit -> residual through a block, exact: the sum over units of carried(u) * leaving(u).

    In [0, inner * residual ** 2]. Random matrices keeping shares d and e give d * e of that on average.
    """
    return int(paths_through_units(degrees).sum())


def paths_through_stack(mask: Mask) -> int:
    """Paths from any residual dimension before the first block to any after the last: 1' prod(I + W_b V_b) 1, exact.

    At every block a path either stays in its dimension (the residual connection, I) or takes a kept weight of the
    carrying matrix V_b and one of the writing matrix W_b. Norms are passed through unchanged, positions of tokens are
    not told apart. At least the number of residual dimensions (an empty mask leaves the residual connection).

    The count is a Python integer and exact for stacks of every size (mBERT, half its weights kept: about 10 ** 138, far
    beyond int64): each product is taken in float64 on the numbers' digits, of so few bits that no sum is rounded.
    Paths as products of layers' masks: Tanaka et al. 2020 (SynFlow), whose R this is with every kept weight 1.

    Raises:
        InputError: matrices that do not make an encoder's blocks, or blocks of different residual width.
    """
    blocks = blocks_of(mask)
    arriving: WholeNumbers = np.array([1] * blocks[0].residual, dtype=object)
    for block in blocks:
        inner = exact_product(mask.bools(block.carrying), arriving)
        arriving = arriving + exact_product(mask.bools(block.writing), inner)
    return int(sum(arriving))


def exact_product(matrix: NDArray[np.bool_], vector: WholeNumbers) -> WholeNumbers:
    """A matrix of 0 and 1, shape (m, n), times whole numbers from 0 up, shape (n,): shape (m,), exact at any size.

    The numbers are split into digits of so few bits that a sum of n of them stays within float64's 53.
    """
    rows, columns = matrix.shape
    bits = EXACT_BITS - columns.bit_length()
    places = max(1, -(-max(number.bit_length() for number in vector) // bits))
    below = (1 << bits) - 1
    digits = np.array([[float((number >> bits * place) & below) for place in range(places)] for number in vector])
    parts = (matrix[first : first + ROWS_AT_ONCE].astype(np.float64) @ digits for first in range(0, rows, ROWS_AT_ONCE))
    numbers = [sum(int(digit) << bits * place for place, digit in enumerate(row)) for part in parts for row in part]
    return np.array(numbers, dtype=object)


def share_of_paths(both: int, left: int, right: int) -> float:
    """The paths in both as a share of those in either, from whole numbers of any size; 1 if there is no path."""
    either = left + right - both
    return both / either if either else 1.0
