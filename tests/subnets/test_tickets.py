"""Ticket rules and the paired bootstrap, by hand and against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from finetune.outcomes import Outcomes, accuracy
from subnets.archive import Scored
from subnets.settings import TicketSettings
from subnets.statistics import paired_bootstrap
from subnets.tickets import Dense, passes

ONE_STD = TicketSettings(rule="one_std", dense_seeds=3, confidence=0.95, resamples=2000)
BOOTSTRAP = TicketSettings(rule="bootstrap", dense_seeds=3, confidence=0.95, resamples=2000)


def right(number, *, of=100):
    """Outcomes with so many right answers, one question an example."""
    return Outcomes("accuracy", np.column_stack([np.arange(of) < number, np.ones(of)]).astype(float))


def lost(loss, *, of=50):
    """Outcomes of perplexity exp(loss), one token an example."""
    return Outcomes("perplexity", np.column_stack([np.full(of, loss), np.ones(of)]))


def dense_of(*outcomes):
    return Dense([Scored(each, None, 0.0) for each in outcomes])


def test_one_std_is_the_sample_standard_deviation_around_the_mean():
    dense = dense_of(right(80), right(82), right(84))
    assert (dense.score, dense.standard_deviation) == (82.0, pytest.approx(2.0))
    assert passes(right(80), dense, ONE_STD, seed=0)
    assert not passes(right(79), dense, ONE_STD, seed=0)


def test_for_perplexity_lower_is_better():
    dense = dense_of(lost(1.0), lost(1.2), lost(1.4))
    limit = dense.score + dense.standard_deviation
    assert passes(lost(np.log(limit) - 1e-6), dense, ONE_STD, seed=0)
    assert not passes(lost(np.log(limit) + 1e-6), dense, ONE_STD, seed=0)
    assert passes(lost(0.5), dense, BOOTSTRAP, seed=0)
    assert not passes(lost(2.0), dense, BOOTSTRAP, seed=0)


def test_a_dense_run_of_one_seed_has_no_standard_deviation():
    assert dense_of(right(80)).standard_deviation is None


@pytest.mark.parametrize("rule", [ONE_STD, BOOTSTRAP])
def test_no_round_passes_against_a_dense_model_that_learnt_nothing(rule):
    assert not passes(right(0), dense_of(right(0), right(0)), rule, seed=0)


def test_bootstrap_passes_equal_outcomes_and_fails_clearly_worse_ones():
    dense = dense_of(right(80))
    assert passes(right(80), dense, BOOTSTRAP, seed=0)
    assert passes(right(79), dense, BOOTSTRAP, seed=0)  # worse by one example: not significant
    assert not passes(right(70), dense, BOOTSTRAP, seed=0)


def test_the_bootstrap_is_paired_not_of_two_samples():
    # 60 of 100 against 50 of 100: the same 50 and ten more. Paired, the difference is never negative.
    differences = paired_bootstrap(right(60).counts, right(50).counts, accuracy, resamples=1000, seed=0)
    assert differences.min() >= 0
    assert differences.mean() == pytest.approx(10, abs=0.5)


def test_the_bootstrap_interval_is_scipys():
    rng = np.random.default_rng(0)
    left, right_ = (np.column_stack([rng.random(200) < share, np.ones(200)]).astype(float) for share in (0.7, 0.6))
    ours = np.quantile(paired_bootstrap(left, right_, accuracy, resamples=20_000, seed=0), [0.025, 0.975])
    theirs = bootstrap(
        (100 * (left[:, 0] - right_[:, 0]),), np.mean, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    # standard error of a 2.5 % quantile over 20,000 draws of a spread of 4.8 points: below 0.1
    assert ours == pytest.approx(list(theirs), abs=0.5)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(3, 5)), min_size=2, max_size=20), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_equal_outcomes_never_differ_and_draws_follow_the_seed(rows, seed):
    counts = np.array(rows, dtype=float)
    assert not paired_bootstrap(counts, counts, accuracy, resamples=100, seed=seed).any()
    other = counts[::-1].copy()
    draws = [paired_bootstrap(counts, other, accuracy, resamples=100, seed=seed) for _ in range(2)]
    assert np.array_equal(*draws)


def test_outcomes_of_other_examples_cannot_be_paired():
    with pytest.raises(ValueError, match="same examples"):
        paired_bootstrap(right(5, of=10).counts, right(5, of=9).counts, accuracy, resamples=100, seed=0)
