"""Overlap measures against scikit-learn, and their chance levels against all masks there are."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given
from masks import all_with, mask, several

from subnets.all_pairs import pair_counts
from subnets.errors import InputError
from subnets.overlap import MEASURES, Chance, Counts, beside_chance, chance, jaccard, measure_called
from subnets.parts import Part


def flat(one):
    return np.concatenate([one.bools(name).reshape(-1) for name in one.names])


def counts_of(left, right):
    return Counts((left & right).kept, left.kept, right.kept, left.total)


@given(several(least=2, most=2))
def test_measures_are_scikit_learns(pair):
    left, right = pair
    counts = counts_of(left, right)
    if left.kept or right.kept:
        assert MEASURES["jaccard"](counts) == pytest.approx(sklearn.metrics.jaccard_score(flat(left), flat(right)))
        assert MEASURES["dice"](counts) == pytest.approx(sklearn.metrics.f1_score(flat(left), flat(right)))
    if left.kept:
        assert MEASURES["containment"](counts) == pytest.approx(sklearn.metrics.recall_score(flat(left), flat(right)))
    assert MEASURES["agreement"](counts) == pytest.approx(sklearn.metrics.accuracy_score(flat(left), flat(right)))
    if len({*flat(left), *flat(right)}) == 2:
        assert MEASURES["kappa"](counts) == pytest.approx(sklearn.metrics.cohen_kappa_score(flat(left), flat(right)))


@given(several(least=2, most=2))
def test_measures_stay_in_their_range_and_equal_masks_reach_its_end(pair):
    for name, measure in MEASURES.items():
        least = -1 if name == "kappa" else 0
        assert least <= measure(counts_of(*pair)) <= 1
        assert measure(counts_of(pair[0], pair[0])) == 1


def test_empty_masks_are_alike():
    nothing = Counts(both=0, left=0, right=0, total=9)
    assert {name: float(measure(nothing)) for name, measure in MEASURES.items()} == dict.fromkeys(MEASURES, 1.0)


def test_containment_is_lopsided():
    part, whole = mask(w=[1, 0, 0, 0]), mask(w=[1, 1, 1, 1])
    assert MEASURES["containment"](counts_of(part, whole)) == 1
    assert MEASURES["containment"](counts_of(whole, part)) == 0.25


KEPT = ({"a": 2, "b": 1}, {"a": 3, "b": 2}, {"a": 4, "b": 5})  # of the masks below
SIZES = {"a": 4, "b": 5}


@pytest.mark.parametrize(("left", "right"), [(0, 1), (0, 0), (1, 1), (0, 2), (1, 2)])
def test_chance_is_mean_and_spread_over_all_masks_with_the_same_counts(left, right):
    one = next(all_with(KEPT[left], SIZES))
    both = [sum(len(one[name] & other[name]) for name in SIZES) for other in all_with(KEPT[right], SIZES)]
    found = chance(*(np.array([KEPT[which][name] for name in SIZES]) for which in (left, right)), np.array([4, 5]))
    assert found.mean == pytest.approx(np.mean(both))
    assert found.standard_deviation == pytest.approx(np.std(both))


def test_chance_of_one_matrix_is_scipys_hypergeometric():
    found = chance(np.array([30]), np.array([45]), np.array([100]))
    assert found.mean == pytest.approx(scipy.stats.hypergeom(100, 30, 45).mean())
    assert found.standard_deviation == pytest.approx(scipy.stats.hypergeom(100, 30, 45).std())


def test_linear_measures_have_their_exact_mean_and_spread_over_all_masks():
    pairs = list(product(all_with(KEPT[0], SIZES), all_with(KEPT[1], SIZES)))
    both = np.array([sum(len(left[name] & right[name]) for name in SIZES) for left, right in pairs])
    expected = chance(np.array([2, 1]), np.array([3, 2]), np.array([4, 5]))
    for name in ("dice", "containment", "agreement", "kappa"):
        values = MEASURES[name](Counts(both, 3, 5, 9))
        found = beside_chance(MEASURES[name], Counts(2, 3, 5, 9), expected)
        assert found.chance == pytest.approx(values.mean())
        assert found.standard_deviation == pytest.approx(values.std())


def test_z_is_of_the_intersection_and_correction_puts_chance_at_zero_and_equality_at_one():
    expected = Chance(mean=2.0, standard_deviation=0.5)
    found = beside_chance(jaccard, Counts(np.array([2, 3, 4]), 4, 4, 8), expected)
    assert found.z.tolist() == [0, 2, 4]
    assert found.corrected[0] == 0 and found.corrected[2] == 1
    assert found.chance == pytest.approx(1 / 3)


def test_masks_that_leave_no_choice_are_at_chance():
    full = mask(w=[1, 1, 1])
    counts = pair_counts([full, full], "whole")[Part()]
    found = beside_chance(jaccard, counts.counts, counts.expected)
    assert found.z[0, 1] == 0 and found.value[0, 1] == found.chance[0, 1] == found.corrected[0, 1] == 1


def test_a_measure_that_there_is_not_is_named():
    with pytest.raises(InputError, match="'jacard'; choose one of: jaccard, dice"):
        measure_called("jacard")
