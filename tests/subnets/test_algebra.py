"""Sets of masks: against counting bools."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from masks import mask, several

from subnets.algebra import core, exactly, intersection_of, kept_by_at_least, majority, only_in, tallied, union_of
from subnets.errors import InputError


def votes(masks, name):
    return np.sum([each.bools(name) for each in masks], axis=0)


@given(several())
def test_kept_by_at_least_counts_votes(masks):
    for number in range(1, len(masks) + 1):
        found = kept_by_at_least(number, masks)
        for name in found.names:
            assert np.array_equal(found.bools(name), votes(masks, name) >= number)


@given(several())
def test_the_ends_of_the_ladder_are_union_and_intersection(masks):
    assert kept_by_at_least(1, masks) == union_of(masks) == reduce(lambda left, right: left | right, masks)
    assert kept_by_at_least(len(masks), masks) == intersection_of(masks) == core(masks)


@given(several())
def test_every_bit_is_set_in_exactly_one_number_of_arrays(masks):
    digits = tallied([each.packed for each in masks])
    classes = [exactly(number, digits) for number in range(len(masks) + 1)]
    assert sum(int(np.bitwise_count(each).sum()) for each in classes) == 8 * len(masks[0].packed)
    assert not any((left & right).any() for at, left in enumerate(classes) for right in classes[:at])


@given(several(least=2))
def test_only_in_one_is_in_no_other(masks):
    found = only_in(masks[0], masks[1:])
    assert found <= masks[0]
    assert all((found & other).kept == 0 for other in masks[1:])
    assert (found | union_of(masks[1:])) == union_of(masks)


@given(several(least=2, most=2))
def test_operators_obey_the_laws_of_sets(pair):
    left, right = pair
    assert ~(left & right) == ~left | ~right
    assert left - right == left & ~right
    assert left ^ right == (left | right) - (left & right)
    assert ~~left == left
    assert (~left).kept == left.total - left.kept


def test_a_majority_is_more_than_half():
    masks = [mask(w=[1, 1, 1]), mask(w=[1, 1, 0]), mask(w=[1, 0, 0]), mask(w=[0, 0, 0])]
    assert majority(masks) == mask(w=[1, 0, 0])
    assert majority(masks[:3]) == mask(w=[1, 1, 0])


@pytest.mark.parametrize("number", [0, 3, -1])
def test_more_votes_than_masks_are_refused(number):
    with pytest.raises(InputError, match=f"found {number}; allowed: 1 to 2"):
        kept_by_at_least(number, [mask(w=[1]), mask(w=[0])])


def test_nothing_and_other_matrices_are_refused():
    for combine in (union_of, intersection_of, majority):
        with pytest.raises(InputError, match="found none; expected at least one"):
            combine([])
    with pytest.raises(ValueError, match="'w'"):
        majority([mask(w=[1]), mask(w=[1, 0])])
