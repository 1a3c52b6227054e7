"""Random masks of given degrees: exactly those, and every one of them equally likely."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from small_encoder import masks

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.rewiring import same_degrees

SEEDS = st.integers(0, 2**32)


@settings(deadline=None, max_examples=30)
@given(masks(), SEEDS)
def test_degrees_of_every_row_and_column_are_kept(mask, seed):
    rewired = same_degrees(mask, trades=3, seed=seed)
    for name in mask.names:
        for axis in (0, 1):
            assert rewired.bools(name).sum(axis=axis).tolist() == mask.bools(name).sum(axis=axis).tolist()


def test_the_same_seed_gives_the_same_mask_and_another_another():
    mask = Mask.from_bools({"w": np.random.default_rng(0).random((20, 20)) < 0.5})
    one, again, another = (same_degrees(mask, trades=2, seed=seed) for seed in (1, 1, 2))
    assert one == again != another


@pytest.mark.parametrize(
    ("rows", "choices"),
    [
        (np.eye(3, dtype=bool), 6),  # the permutations of three
        (np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool), 5),  # by hand: rows 2, 2, 1 and columns 2, 2, 1
    ],
)
def test_every_matrix_of_the_degrees_is_equally_likely(rows, choices):
    mask = Mask.from_bools({"w": rows})
    counts = Counter(same_degrees(mask, trades=12, seed=seed).digest for seed in range(1500))
    assert len(counts) == choices
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_rows_that_trade_all_their_weights_keep_their_number():
    mask = Mask.from_bools({"w": np.array([[1, 1, 1], [0, 0, 0]], dtype=bool)})
    rewired = [same_degrees(mask, trades=1, seed=seed) for seed in range(20)]
    assert all(one == mask for one in rewired)


def test_what_is_no_matrix_stays_as_it_is():
    mask = Mask.from_bools({"bias": np.array([1, 0, 1, 0], dtype=bool), "w": np.ones((1, 3), dtype=bool)})
    assert same_degrees(mask, trades=2, seed=0) == mask


def test_no_trades_are_refused():
    with pytest.raises(InputError, match="trades: found 0; allowed: 1 and more"):
        same_degrees(Mask.full({"w": (2, 2)}), trades=0, seed=0)
