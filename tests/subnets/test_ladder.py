"""The ladder: sizes by counting, expectations over all masks there are."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from masks import all_with, drawn, mask, several

from subnets.all_pairs import pair_counts
from subnets.errors import InputError
from subnets.ladder import expected_sizes, ladder, poisson_binomial
from subnets.parts import Part


@given(several())
def test_sizes_are_how_many_weights_have_so_many_votes(masks):
    votes = np.concatenate(
        [np.sum([each.bools(name) for each in masks], axis=0).reshape(-1) for name in masks[0].names]
    )
    found = ladder(masks)[Part()]
    assert found.sizes.tolist() == np.bincount(votes, minlength=len(masks) + 1).tolist()
    assert found.expected.mean.sum() == pytest.approx(masks[0].total)


@pytest.mark.parametrize("kept", [(2, 3), (1, 2, 4), (0, 2, 5), (5, 5)])
def test_expected_sizes_are_mean_and_spread_over_all_masks_with_the_same_counts(kept):
    drawn_sizes = []
    for masks in product(*([each["w"] for each in all_with({"w": k}, {"w": 5})] for k in kept)):
        votes = [sum(place in chosen for chosen in masks) for place in range(5)]
        drawn_sizes.append(np.bincount(votes, minlength=len(kept) + 1))
    found = expected_sizes(np.array(kept), 5)
    assert found.mean == pytest.approx(np.mean(drawn_sizes, axis=0))
    assert found.standard_deviation == pytest.approx(np.std(drawn_sizes, axis=0), abs=1e-7)


def test_poisson_binomial_of_equal_chances_is_the_binomial():
    assert poisson_binomial(np.full(7, 0.3)) == pytest.approx(scipy.stats.binom(7, 0.3).pmf(range(8)))


def test_the_core_of_two_is_their_intersection_by_count_and_by_chance():
    masks = [drawn(0, 0.3), drawn(1, 0.6)]
    pairs = pair_counts(masks, "layer")
    for part, found in ladder(masks, "layer").items():
        assert found.sizes[2] == pairs[part].both[0, 1]
        assert found.expected.mean[2] == pytest.approx(pairs[part].expected.mean[0, 1])
        assert found.expected.standard_deviation[2] == pytest.approx(pairs[part].expected.standard_deviation[0, 1])


def test_large_matrices_lose_no_spread_to_rounding():
    """Two masks of 2.4 million weights: the spread of the core is the hypergeometric's."""
    size, kept = 2_359_296, np.array([471_859, 1_179_648])
    found = expected_sizes(kept, size).standard_deviation[2]
    assert found == pytest.approx(scipy.stats.hypergeom(size, *kept).std(), rel=1e-4)


def test_nothing_and_other_matrices_are_refused():
    with pytest.raises(InputError, match="found none"):
        ladder([])
    with pytest.raises(InputError, match="cannot be compared"):
        ladder([mask(w=[1]), mask(v=[1])])
