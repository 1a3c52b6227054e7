"""Intervals, permutation tests and corrections: by hand, by enumeration, and against scipy and statsmodels."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from subnets import statistics
from subnets.pairs_of_runs import pairs_contrast, pairs_interval
from subnets.statistics import (
    Interval,
    benjamini_hochberg,
    difference_interval,
    difference_p,
    holm,
    mean_interval,
    paired_bootstrap,
    permutation_p,
    swap_p,
)

SCORES = [70.1, 71.5, 69.2, 74.0, 70.8, 71.1, 77.3]
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)
FEW = st.lists(st.integers(-5, 5), min_size=2, max_size=4)


def share_right(totals):
    """Accuracy of counts (right, asked)."""
    return totals[..., 0] / totals[..., 1]


def outcomes(answers):
    return np.column_stack([answers, np.ones(len(answers))]).astype(float)


def difference_of_means(left, right, axis=-1):
    return np.mean(left, axis=axis) - np.mean(right, axis=axis)


# Intervals over seeds


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_over_seeds_is_scipys(confidence):
    ours = mean_interval(SCORES, confidence=confidence, resamples=40_000)
    theirs = scipy.stats.bootstrap(
        (SCORES,), np.mean, method="percentile", n_resamples=40_000, confidence_level=confidence, rng=1
    ).confidence_interval
    # resampled means spread by about 1; a 2.5 % quantile over 40,000 draws of them errs by about 0.015
    assert [ours.low, ours.high] == pytest.approx(list(theirs), abs=0.1)
    assert (ours.mean, ours.count) == (pytest.approx(72.0), 7)


def test_the_interval_over_three_seeds_is_that_of_all_27_draws():
    means = [np.mean(draw) for draw in product([1.0, 2.0, 6.0], repeat=3)]
    ours = mean_interval([1.0, 2.0, 6.0], confidence=0.9, resamples=20_000)
    # the 5 % quantile lies inside an atom (1, 1, 2): 0.037 to 0.148; the 95 % one inside (2, 6, 6): 0.852 to 0.963
    assert [ours.low, ours.high] == pytest.approx([4 / 3, 14 / 3])
    assert [ours.low, ours.high] == pytest.approx(list(np.quantile(means, [0.05, 0.95], method="inverted_cdf")))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8), st.floats(0.01, 0.99))
@settings(max_examples=40, deadline=None)
def test_the_interval_lies_within_the_values_and_is_that_of_the_seed(values, confidence):
    found = mean_interval(values, confidence=confidence, resamples=100, seed=3)
    slack = 1e-12  # of means summed in another order
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert found == mean_interval(np.array(values), confidence=confidence, resamples=100, seed=3)


def test_the_interval_of_a_shift_and_a_scale_is_shifted_and_scaled():
    plain, changed = mean_interval(SCORES), mean_interval(2 * np.array(SCORES) + 3)
    assert (changed.low, changed.high) == pytest.approx((2 * plain.low + 3, 2 * plain.high + 3))


def test_more_confidence_gives_no_narrower_an_interval():
    found = [mean_interval(SCORES, confidence=confidence) for confidence in (0.5, 0.8, 0.95, 0.99)]
    assert [each.low for each in found] == sorted((each.low for each in found), reverse=True)
    assert [each.high for each in found] == sorted(each.high for each in found)


@pytest.mark.parametrize(("seeds", "covered"), [(10, 0.90), (5, 0.84), (3, 0.75)])
def test_intervals_of_few_normal_scores_hold_the_mean_as_often_as_documented(seeds, covered):
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(600, seeds))
    found = [mean_interval(draw, resamples=400) for draw in draws]
    # standard error of a share over 600 intervals: 0.018
    assert np.mean([each.low <= 0 <= each.high for each in found]) == pytest.approx(covered, abs=0.05)


def test_one_seed_says_so_and_two_end_at_both():
    one = mean_interval([0.25])
    assert (one.mean, one.low, one.high, one.count) == (0.25, None, None, 1)
    assert str(one) == "0.250 (one only)"
    two = mean_interval([0.5, 0.25])
    assert (two.mean, two.low, two.high, two.count) == (0.375, 0.25, 0.5, 2)
    assert str(two) == "0.375 [0.250, 0.500]"
    assert str(Interval(0.3, None, None, 0.95, 3)) == "0.300 (no interval)"


def test_draws_that_memory_does_not_hold_at_once_are_made_in_parts(monkeypatch):
    whole = mean_interval(SCORES, resamples=20_001)
    monkeypatch.setattr(statistics, "RESAMPLED_AT_ONCE", 1000)
    parts = mean_interval(SCORES, resamples=20_001)
    assert [parts.low, parts.high] == pytest.approx([whole.low, whole.high], abs=0.1)
    right, wrong = outcomes(np.ones(100)), outcomes(np.zeros(100))
    assert paired_bootstrap(right, wrong, share_right, resamples=25, seed=0).tolist() == [1.0] * 25
    shifted = np.arange(12) + 0.5
    assert difference_p(shifted, np.arange(12), permutations=500) == pytest.approx(0.8, abs=0.2)


# The paired bootstrap over examples


def test_the_interval_of_a_paired_difference_is_scipys():
    rng = np.random.default_rng(0)
    left, right = (outcomes(rng.random(200) < share) for share in (0.7, 0.6))
    ours = difference_interval(left, right, share_right, resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (left[:, 0], right[:, 0]), difference_of_means, paired=True, vectorized=True,
        method="percentile", n_resamples=20_000, rng=1,
    ).confidence_interval  # fmt: skip
    # spread of the difference about 0.05; a 2.5 % quantile over 20,000 draws errs by about 0.001
    assert [ours.low, ours.high] == pytest.approx(list(theirs), abs=0.01)
    assert ours.mean == pytest.approx(left[:, 0].mean() - right[:, 0].mean())


def test_a_corpus_score_is_that_of_the_drawn_examples_together():
    """Two examples of 1 of 1 and 0 of 3: drawn, they score 1, 1/4 (one of each) or 0; never a mean of 1 and 0."""
    left, right = np.array([[1.0, 1.0], [0.0, 3.0]]), np.array([[0.0, 1.0], [0.0, 3.0]])
    drawn = paired_bootstrap(left, right, share_right, resamples=2000, seed=0)
    values, times = np.unique(drawn, return_counts=True)
    assert values.tolist() == [0.0, 0.25, 1.0]
    # standard error of a share over 2000 draws: 0.011
    assert times / 2000 == pytest.approx([0.25, 0.5, 0.25], abs=0.05)


@given(st.lists(st.booleans(), min_size=2, max_size=20), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_exchanged_systems_differ_the_other_way_and_equal_ones_not_at_all(answers, seed):
    left, right = outcomes(answers), outcomes(answers[::-1])
    one = paired_bootstrap(left, right, share_right, resamples=20, seed=seed)
    other = paired_bootstrap(right, left, share_right, resamples=20, seed=seed)
    assert one.tolist() == (-other).tolist()
    assert not paired_bootstrap(left, left, share_right, resamples=20, seed=seed).any()


def test_one_example_gives_a_difference_without_an_interval():
    found = difference_interval(outcomes([1]), outcomes([0]), share_right)
    assert (found.mean, found.low, found.high, found.count) == (1.0, None, None, 1)


# Intervals over pairs of runs


def means_of_all_draws(values, usable, *, same_runs):
    """The mean of the usable pairs in every draw of runs, by enumeration."""
    left, right = (list(product(range(runs), repeat=runs)) for runs in values.shape)
    draws = zip(left, left, strict=True) if same_runs else product(left, right)
    found = [[values[i, j] for i in rows for j in columns if usable[i, j]] for rows, columns in draws]
    return [np.mean(each) for each in found if each]


def ends(values, confidence):
    return list(np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]))


@pytest.mark.parametrize("same_runs", [False, True])
def test_the_interval_over_pairs_is_that_of_all_draws_of_runs(same_runs):
    values = np.array([[0.9, 0.2, 0.3, 0.28], [0.2, 0.9, 0.4, 0.33], [0.3, 0.4, 0.9, 0.21], [0.28, 0.33, 0.21, 0.9]])
    usable = ~np.eye(4, dtype=bool)
    found = pairs_interval(values, usable, same_runs=same_runs, confidence=0.8, resamples=20_000)
    assert (found.mean, found.count) == (pytest.approx(1.72 / 6), 6 if same_runs else 12)
    # the draws' means are up to 0.01 apart near the ends; quantiles over 20,000 draws err by less
    expected = ends(means_of_all_draws(values, usable, same_runs=same_runs), 0.8)
    assert [found.low, found.high] == pytest.approx(expected, abs=0.012)


def test_the_interval_of_two_groups_with_an_effect_of_one_side_is_that_of_its_runs():
    """Where only the left run matters, resampling pairs would count it once a right run: runs are what is drawn."""
    effects = np.array(SCORES)
    values = np.repeat(effects[:, None], 50, axis=1)
    found = pairs_interval(values, np.ones_like(values, dtype=bool), resamples=20_000)
    alone = mean_interval(effects, resamples=20_000)
    assert [found.low, found.high] == pytest.approx([alone.low, alone.high], abs=0.1)
    assert found.count == 350


@given(st.integers(1, 4), st.integers(1, 4), st.data())
@settings(max_examples=50, deadline=None)
def test_values_that_are_not_usable_are_never_read(rows, columns, data):
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)))
    usable = usable.reshape(rows, columns)
    values = np.random.default_rng(0).random((rows, columns))
    found = pairs_interval(np.where(usable, values, np.nan), usable, resamples=200)
    assert found == pairs_interval(np.where(usable, values, 7.0), usable, resamples=200)
    if not usable.any():
        assert found is None
        return
    assert found.mean == pytest.approx(values[usable].mean())
    if found.low is not None:
        assert values[usable].min() - 1e-12 <= found.low <= found.high <= values[usable].max() + 1e-12


@pytest.mark.parametrize("same_runs", [False, True])
def test_runs_without_a_usable_pair_change_nothing(same_runs):
    values = np.array([[0.9, 0.2, 0.3], [0.2, 0.9, 0.4], [0.3, 0.4, 0.9]])
    usable = ~np.eye(3, dtype=bool)
    more, none = np.pad(values, (0, 2)), np.pad(usable, (0, 2))
    assert pairs_interval(more, none, same_runs=same_runs) == pairs_interval(values, usable, same_runs=same_runs)


@pytest.mark.parametrize(
    ("usable", "same_runs"),
    [
        ([[0, 1], [1, 0]], True),  # one pair of two runs
        ([[0, 1, 0], [1, 0, 0], [0, 0, 0]], True),  # one pair, though there are three runs
        ([[1, 1, 1]], False),  # one run on the left
        ([[1, 1, 1], [0, 0, 0]], False),  # one run on the left that counts
        ([[1, 0], [1, 0]], False),  # one on the right
    ],
)
def test_what_is_of_one_run_or_one_pair_has_a_mean_without_an_interval(usable, same_runs):
    usable = np.array(usable, dtype=bool)
    found = pairs_interval(np.full(usable.shape, 0.25), usable, same_runs=same_runs)
    assert (found.mean, found.low, found.high, found.count) == (0.25, None, None, 1 if same_runs else usable.sum())


# Permutation tests


def test_a_statistic_is_as_rare_as_the_permutations_that_reach_it():
    assert permutation_p(3.0, np.array([1.0, 2.0, 3.0, 4.0])) == 3 / 5
    assert permutation_p(5.0, np.array([1.0, 2.0, 3.0, 4.0])) == 1 / 5
    assert permutation_p(0.0, np.array([1.0, 2.0, 3.0, 4.0])) == 1
    assert permutation_p(1.0, np.array([])) == 1


def test_ties_to_rounding_are_reached_at_every_scale():
    assert 0.1 + 0.2 != 0.3
    for scale in (1e-20, 1.0, 1e20):
        assert permutation_p(scale * (0.1 + 0.2), scale * np.array([0.3, 0.0])) == 2 / 3


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.floats(-10, 10))
def test_p_is_a_share_never_zero_and_falls_as_the_statistic_rises(permuted, observed):
    permuted = np.array(permuted)
    found = permutation_p(observed, permuted)
    assert 1 / (1 + len(permuted)) <= found <= 1
    assert permutation_p(observed + 1, permuted) <= found


def exact_p(left, right):
    """The two-sided p of all ways to deal the values out, in rational numbers."""
    left, right = ([Fraction(str(value)) for value in each] for each in (left, right))
    pooled = left + right
    observed = sum(left) / len(left) - sum(right) / len(right)
    greater = less = ways = 0
    for chosen in combinations(range(len(pooled)), len(left)):
        one = sum(pooled[i] for i in chosen)
        found = one / len(left) - (sum(pooled) - one) / len(right)
        greater, less, ways = greater + (found >= observed), less + (found <= observed), ways + 1
    return min(1.0, 2 * min(greater, less) / ways)


@given(FEW, FEW)
@settings(max_examples=40, deadline=None)
def test_the_exact_test_of_two_groups_is_scipys(left, right):
    theirs = scipy.stats.permutation_test((left, right), difference_of_means, vectorized=True, n_resamples=np.inf)
    assert difference_p(left, right) == pytest.approx(theirs.pvalue)


@given(*[st.lists(st.integers(780, 820).map(lambda n: n / 10), min_size=2, max_size=4)] * 2)
@settings(max_examples=60, deadline=None)
def test_decimal_scores_tie_as_they_do_on_paper(left, right):
    assert difference_p(left, right) == pytest.approx(exact_p(left, right))


def test_ways_that_tie_with_the_measured_one_on_paper_count_though_their_floats_differ():
    """25 of the 70 ways to deal these out reach the measured difference; in floats some fall short by rounding."""
    left, right = [81.6, 81.7, 78.7, 78.4], [78.5, 80.9, 81.8, 81.7]
    assert difference_p(left, right) == pytest.approx(2 * 25 / 70)


def test_three_seeds_against_three_cannot_be_significant_and_four_against_four_can():
    assert difference_p([3, 4, 5], [0, 1, 2]) == pytest.approx(2 / 20)
    assert difference_p([4, 5, 6, 7], [0, 1, 2, 3]) == pytest.approx(2 / 70)
    assert difference_p([1.0, 1.0], [1.0, 1.0]) == 1


@given(FEW, FEW, st.sampled_from([5, 9999]))
@settings(max_examples=30, deadline=None)
def test_exchanged_groups_differ_as_much(left, right, permutations):
    if permutations == 9999:
        assert difference_p(left, right) == difference_p(right, left)
    assert 0 < difference_p(left, right, permutations=permutations) <= 1


def test_drawn_permutations_come_near_all_of_them():
    left, right = SCORES, [69.9, 70.4, 71.0, 68.7, 70.1]
    # of 792 ways; standard error of a share over 790 draws at most 0.018, twice that for two sides
    assert difference_p(left, right, permutations=790) == pytest.approx(exact_p(left, right), abs=0.1)
    assert difference_p(left, right, permutations=792) == pytest.approx(exact_p(left, right))
    rng = np.random.default_rng(0)
    pairs = [rng.normal(shift, 1, size=(14, 1)) for shift in (0.4, 0.0)]
    drawn, exact = (swap_p(*pairs, lambda totals: totals[..., 0], permutations=count) for count in (16_000, 2**14))
    assert drawn == pytest.approx(exact, abs=0.03)


def test_p_values_of_alike_groups_are_spread_evenly():
    rng = np.random.default_rng(0)
    found = np.array([difference_p(rng.normal(size=4), rng.normal(size=4)) for _ in range(1000)])
    for level in (0.1, 0.3, 0.5):
        assert np.mean(found <= level) <= level + 3 * np.sqrt(level / 1000)  # three standard errors


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=7))
@settings(max_examples=40, deadline=None)
def test_the_exact_test_of_swapped_outcomes_is_scipys(pairs):
    left, right = np.array(pairs, dtype=float).T
    ours = swap_p(left[:, None], right[:, None], lambda totals: totals[..., 0] / len(left))
    theirs = scipy.stats.permutation_test(
        (left, right), difference_of_means, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert ours == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("better", range(9))
def test_swapped_right_answers_are_the_sign_test(better):
    """Of eight examples on which two systems decide differently: the exact McNemar test. Others change nothing."""
    won = np.arange(10) < better
    left = outcomes(np.where(np.arange(10) < 8, won, 1))
    right = outcomes(np.where(np.arange(10) < 8, ~won, 1))
    expected = scipy.stats.binomtest(better, 8).pvalue
    assert swap_p(left, right, share_right) == pytest.approx(expected)


def test_equal_systems_do_not_differ_and_drawn_p_is_never_zero():
    counts = outcomes(np.arange(40) % 2)
    assert swap_p(counts, counts, share_right, permutations=50) == 1
    always, never = outcomes(np.ones(40)), outcomes(np.zeros(40))
    assert swap_p(always, never, share_right, permutations=99) == pytest.approx(2 / 100)
    assert difference_p(np.arange(50) + 100, np.arange(50), permutations=99) == pytest.approx(2 / 100)


# Corrections for many tests


def test_holm_by_hand():
    """Ordered 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04; none below one before it."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]).tolist() == [1.0, 1.0]


def test_benjamini_hochberg_by_hand():
    """Ordered 0.01, 0.02, 0.03, 0.5 times 4/1, 4/2, 4/3, 4/4: 0.04, 0.04, 0.04, 0.5; none above one after it."""
    assert benjamini_hochberg([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.04, 0.04, 0.5, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_holm_is_bonferroni_closed_under_intersection(values):
    """A hypothesis falls if every set that holds it falls by Bonferroni (Marcus, Peritz and Gabriel 1976)."""
    places = range(len(values))
    sets = [set(chosen) for size in places for chosen in combinations(places, size + 1)]
    closed = [max(min(1, len(one) * min(values[i] for i in one)) for one in sets if place in one) for place in places]
    assert holm(values) == pytest.approx(closed)


@given(P_VALUES, st.floats(0.01, 0.5))
def test_benjamini_hochberg_finds_what_the_step_up_rule_finds(values, level):
    """All up to the last p_(j) <= j level / m, in rational numbers where both sides are a whole number of 1/1000."""
    values = [round(value, 3) for value in values]
    found = benjamini_hochberg(values)
    reached = [p for at, p in enumerate(sorted(values), start=1) if p <= at * level / len(values)]
    limit = max(reached, default=-1.0)
    for p, adjusted in zip(values, found, strict=True):
        if adjusted != pytest.approx(level, rel=1e-9):
            assert (adjusted <= level) == (p <= limit)


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys_in_any_order(values):
    order = np.argsort(values)[::-1]
    assert benjamini_hochberg(values) == pytest.approx(scipy.stats.false_discovery_control(values))
    assert benjamini_hochberg(np.array(values)[order]) == pytest.approx(benjamini_hochberg(values)[order])


@given(P_VALUES)
@settings(deadline=None)
def test_corrections_are_those_of_statsmodels(values):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(values) == pytest.approx(multitest.multipletests(values, method="holm")[1])
    assert benjamini_hochberg(values) == pytest.approx(multitest.multipletests(values, method="fdr_bh")[1])


@given(P_VALUES)
def test_corrections_only_raise_and_benjamini_hochberg_raises_less(values):
    slack = 1e-15
    assert (np.array(values) <= benjamini_hochberg(values) + slack).all()
    assert (benjamini_hochberg(values) <= holm(values) + slack).all()
    assert (holm(values) <= np.minimum(1, len(values) * np.array(values)) + slack).all()


def test_no_test_and_one_need_no_correction():
    assert holm([]).shape == benjamini_hochberg([]).shape == (0,)
    assert holm([0.3]).tolist() == benjamini_hochberg([0.3]).tolist() == [0.3]


# Refusals

TWO, ALL = np.array([[0.1, 0.2], [0.3, 0.4]]), np.ones((2, 2), dtype=bool)
ONE, OTHER = outcomes([1, 0]), outcomes([0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([]), r"an interval needs values: found \[\]; expected at least 1"),
        (lambda: mean_interval([1.0, np.nan]), "finite"),
        (lambda: mean_interval(TWO), "in a row"),
        (lambda: mean_interval(SCORES, confidence=95), "confidence: found 95; expected a share between 0 and 1"),
        (lambda: mean_interval(SCORES, resamples=0), "resamples: found 0; expected at least 1"),
        (lambda: paired_bootstrap(ONE, OTHER[:1], share_right, resamples=1, seed=0), r"\(2, 2\) against \(1, 2\)"),
        (lambda: paired_bootstrap(ONE[:0], ONE[:0], share_right, resamples=1, seed=0), "at least one"),
        (lambda: difference_interval(ONE, OTHER[:1], share_right), "same examples"),
        (lambda: pairs_interval(TWO, ALL[:1]), r"values of shape \(2, 2\), usable of shape \(1, 2\)"),
        (lambda: pairs_interval(TWO[:1], ALL[:1], same_runs=True), "pairs of runs: found values of shape"),
        (lambda: pairs_interval(TWO, ALL, same_runs=True), "a run beside itself is no pair"),
        (lambda: pairs_interval(TWO * np.nan, ALL), "not finite"),
        (lambda: pairs_interval(TWO, ALL, confidence=0.0), "confidence: found 0.0"),
        (lambda: permutation_p(np.nan, np.array([1.0])), "must be finite"),
        (lambda: permutation_p(1.0, np.array([np.inf])), "must be finite"),
        (lambda: difference_p([1.0], [1.0, 2.0]), r"groups to compare need values: found \[1.0\]; expected at least 2"),
        (lambda: difference_p([1.0, np.inf], [1.0, 2.0]), "finite"),
        (lambda: difference_p([1, 2], [3, 4], permutations=0), "found 0; expected at least 1"),
        (lambda: swap_p(ONE, OTHER[:1], share_right), "same examples"),
        (lambda: swap_p(ONE, OTHER, lambda totals: totals[..., 0] * np.nan), "must be finite"),
    ],
)
def test_what_would_give_a_wrong_number_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("correction", [holm, benjamini_hochberg])
@pytest.mark.parametrize("values", [[0.5, 1.1], [-0.1], [float("nan")], [[0.5]]])
def test_what_is_no_p_value_is_refused(correction, values):
    with pytest.raises(ValueError, match=r"p-values: found .*; expected numbers from 0 to 1"):
        correction(values)


def test_too_few_resamples_to_draw_a_usable_pair_are_refused():
    said = []
    for seed in range(60):  # the one pair of rows and columns that do not meet comes up in one draw of eight
        try:
            pairs_interval(np.ones((2, 2)), np.eye(2, dtype=bool), resamples=1, seed=seed)
        except ValueError as problem:
            said.append(str(problem))
    assert 0 < len(said) < 60
    assert set(said) == {"resamples: found 1, none of which drew a usable pair; take more"}


def test_a_contrast_of_pairs_is_the_difference_of_their_means_and_zero_where_all_values_are_alike():
    rng = np.random.default_rng(0)
    values = rng.random((6, 6))
    values = values + values.T
    lang = np.arange(6) % 2
    alike = np.equal.outer(lang, lang) & ~np.eye(6, dtype=bool)
    apart = ~np.equal.outer(lang, lang)
    found = pairs_contrast(values, alike, apart, resamples=200)
    assert found is not None
    assert found.mean == pytest.approx(values[alike].mean() - values[apart].mean())
    assert found.low <= found.mean <= found.high
    flat = pairs_contrast(np.ones((6, 6)), alike, apart, resamples=200)
    assert (flat.mean, flat.low, flat.high) == (0, 0, 0)
    assert pairs_contrast(values, alike, np.zeros((6, 6), dtype=bool)) is None


def test_a_contrast_is_as_sure_as_its_draws_of_runs():
    """Against a plain loop over draws of runs, each pair counted as often as both its runs were drawn."""
    rng = np.random.default_rng(1)
    values = rng.random((5, 5))
    values = values + values.T
    lang = np.array([0, 0, 1, 1, 1])
    alike = np.equal.outer(lang, lang) & ~np.eye(5, dtype=bool)
    apart = ~np.equal.outer(lang, lang)
    differences = []
    for _ in range(4000):
        drawn = rng.integers(5, size=5)
        chosen = np.ix_(drawn, drawn)
        one, other = alike[chosen], apart[chosen]
        if one.any() and other.any():
            differences.append(values[chosen][one].mean() - values[chosen][other].mean())
    found = pairs_contrast(values, alike, apart, resamples=4000)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(differences, [0.025, 0.975])), abs=0.03)
