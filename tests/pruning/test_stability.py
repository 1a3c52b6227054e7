"""Watching a mask until it has settled."""

import numpy as np
import pytest

from pruning.mask import Mask
from pruning.stability import Watch, moved


def mask_of(*bits):
    return Mask.from_bools({"w": np.array([bits], dtype=bool)})


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((1, 1, 0, 0), (1, 1, 0, 0), 0.0),
        ((1, 1, 0, 0), (1, 0, 1, 0), 0.5),
        ((1, 1, 0, 0), (0, 0, 1, 1), 1.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
    ],
)
def test_moved_is_the_share_of_the_kept_that_is_kept_no_more(before, now, expected):
    assert moved(mask_of(*before), mask_of(*now)) == expected


def test_of_equally_many_kept_it_is_half_the_hamming_distance_over_the_kept():
    rng = np.random.default_rng(0)
    left, right = (rng.permutation(np.arange(1000) < 300) for _ in range(2))
    assert moved(mask_of(*left), mask_of(*right)) == pytest.approx(np.sum(left != right) / 2 / 300)


def test_a_mask_has_settled_when_two_looks_in_a_row_differ_by_no_more_than_the_tolerance():
    looks = iter([mask_of(1, 1, 0, 0), mask_of(0, 0, 1, 1), mask_of(0, 1, 1, 0)])
    watch = Watch(lambda: next(looks), tolerance=0.5)
    assert [watch.has_settled() for _ in range(3)] == [False, False, True]
    assert watch.last_moved == 0.5


def test_nothing_has_settled_at_the_first_look():
    watch = Watch(lambda: mask_of(1, 0), tolerance=0.99)
    assert not watch.has_settled()
    assert watch.last_moved is None
    assert watch.has_settled()
