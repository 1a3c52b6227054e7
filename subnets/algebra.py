"""Sets of masks: what all, some, most or only one of them keep, computed on packed bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from pruning.mask import Bits, Mask
from subnets.errors import InputError


def intersection_of(masks: Sequence[Mask]) -> Mask:
    """The weights all of them keep. Raises InputError where there is none, or where their matrices differ."""
    return reduce(lambda left, right: left & right, _some(masks))


core = intersection_of  # the literature's word for what all languages keep


def union_of(masks: Sequence[Mask]) -> Mask:
    """The weights any of them keeps. Raises InputError where there is none, or where their matrices differ."""
    return reduce(lambda left, right: left | right, _some(masks))


def kept_by_at_least(number: int, masks: Sequence[Mask]) -> Mask:
    """The weights that at least `number` of the masks keep.

    With 1 the union, with as many as there are masks the intersection.

    Raises:
        InputError: a number below 1 or above that of the masks, no mask, or masks of other matrices.
    """
    if not 1 <= number <= len(_some(masks)):
        raise InputError(f"kept by at least: found {number}; allowed: 1 to {len(masks)}, as many as there are masks")
    _check_alike(masks)
    votes = tallied([mask.packed for mask in masks])
    return Mask(masks[0].shapes, _at_least(number, votes))


def majority(masks: Sequence[Mask]) -> Mask:
    """The weights that more than half of the masks keep. Raises InputError as `kept_by_at_least`."""
    return kept_by_at_least(len(masks) // 2 + 1, masks)


def only_in(one: Mask, others: Sequence[Mask]) -> Mask:
    """The weights that one mask keeps and none of the others does."""
    return one - union_of(others)


def tallied(rows: Sequence[Bits]) -> list[Bits]:
    """How many of n packed arrays have each bit set: as binary numbers, one packed array a digit, lowest first.

    A ripple-carry adder over whole arrays: n additions, no bit ever unpacked.
    """
    digits: list[Bits] = [np.zeros_like(rows[0]) for _ in range(len(rows).bit_length())]
    for row in rows:
        carry = row
        for at, digit in enumerate(digits):
            digits[at], carry = digit ^ carry, digit & carry
    return digits


def exactly(number: int, votes: Sequence[Bits]) -> Bits:
    """Which bits were set in exactly `number` of the arrays tallied; pad bits are set where `number` is 0."""
    wanted = (digit if number >> at & 1 else ~digit for at, digit in enumerate(votes))
    return reduce(np.bitwise_and, wanted)


def _at_least(number: int, votes: Sequence[Bits]) -> Bits:
    """Digit by digit from the highest: greater so far, or equal so far."""
    greater = np.zeros_like(votes[0])
    equal = ~greater
    for at in reversed(range(len(votes))):
        if number >> at & 1:
            equal = equal & votes[at]
        else:
            greater |= equal & votes[at]
            equal = equal & ~votes[at]
    return greater | equal


def _some(masks: Sequence[Mask]) -> Sequence[Mask]:
    if not masks:
        raise InputError("masks to combine: found none; expected at least one")
    return masks


def _check_alike(masks: Sequence[Mask]) -> None:
    for other in masks[1:]:
        masks[0].check_comparable(other, sign="beside")
