"""Schedules: exact sparsities and kept counts, by hand and against torch's own pruning."""

from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from pruning.errors import InputError
from pruning.schedule import kept_count, sparsities


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rounds": 5, "rate": 0.1, "rate_of": "original"}, ["0", "1/10", "1/5", "3/10", "2/5", "1/2"]),
        ({"rounds": 2, "rate": 0.1, "rate_of": "remaining"}, ["0", "1/10", "19/100"]),
        ({"rounds": 3, "rate": 0.5, "rate_of": "remaining"}, ["0", "1/2", "3/4", "7/8"]),
        ({"rounds": 0, "rate": 0.1, "rate_of": "original"}, ["0"]),
        ({"rounds": 1, "rate": 1, "rate_of": "remaining"}, ["0", "1"]),
        ({"rounds": 4, "rate": 0.1, "rate_of": "original", "explicit": [0.15, 0.7, 1]}, ["0", "3/20", "7/10", "1"]),
    ],
)
def test_by_hand(settings, expected):
    assert [str(sparsity) for sparsity in sparsities(**settings)] == expected


def test_ten_rounds_of_a_tenth_end_at_exactly_everything():
    assert sparsities(rounds=10, rate=0.1, rate_of="original")[-1] == 1
    assert kept_count(84_934_656, sparsities(rounds=10, rate=0.1, rate_of="original")[-1]) == 0


def test_too_many_rounds_are_refused_with_the_most_there_can_be():
    with pytest.raises(InputError, match=r"rounds=4 with rate=0.3 .* more than 100 %; allowed: at most 3 rounds"):
        sparsities(rounds=4, rate=0.3, rate_of="original")
    with pytest.raises(InputError, match="allowed: at most 1 rounds"):
        sparsities(rounds=2, rate=1.0, rate_of="remaining")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0}, "rate: found 0"),
        ({"rate": 1.1}, "rate: found 1.1"),
        ({"rate": float("nan")}, "rate: found nan"),
        ({"rounds": -1}, "rounds: found -1"),
        ({"rate_of": "all"}, "rate_of: found 'all'; choose one of: original, remaining"),
        ({"explicit": []}, "one or more"),
        ({"explicit": [0.0, 0.5]}, "each above 0"),
        ({"explicit": [0.5, 1.5]}, "at most 1"),
        ({"explicit": [0.5, float("inf")]}, "at most 1"),
        ({"explicit": [0.5, 0.5]}, "each must be higher"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        sparsities(**{"rounds": 2, "rate": 0.1, "rate_of": "original", **change})


@given(st.integers(0, 30), st.floats(0.01, 0.99), st.sampled_from(["original", "remaining"]))
def test_sparsity_starts_at_zero_and_rises_every_round(rounds, rate, rate_of):
    if rate_of == "original":
        rounds = min(rounds, int(1 / Fraction(str(rate))))
    found = sparsities(rounds=rounds, rate=rate, rate_of=rate_of)
    assert len(found) == rounds + 1
    assert found[0] == 0
    assert all(earlier < later <= 1 for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("total", "sparsity", "kept"),
    [(10, "1/10", 9), (5, "1/10", 4), (4, "1/10", 4), (15, "1/10", 13), (0, "1/2", 0), (7, "1", 0), (7, "0", 7)],
)
def test_removed_counts_are_rounded_half_up(total, sparsity, kept):
    assert kept_count(total, Fraction(sparsity)) == kept


@given(st.integers(0, 10**12), st.fractions(0, 1))
def test_kept_count_is_off_by_at_most_half_a_weight(total, sparsity):
    kept = kept_count(total, sparsity)
    assert 0 <= kept <= total
    assert abs(kept - total * (1 - sparsity)) <= Fraction(1, 2)


@pytest.mark.parametrize(("total", "sparsity"), [(-1, Fraction(0)), (1, Fraction(-1)), (1, Fraction(2))])
def test_counts_and_sparsities_out_of_range_are_refused(total, sparsity):
    with pytest.raises(InputError, match="kept count"):
        kept_count(total, sparsity)


def test_follows_the_published_trajectory_of_torchs_pruning():
    """Foroutan et al.'s code removes 1/(10 - r) of what remains, r = 0, ..., 9: a tenth of the original each round.

    Torch rounds what it removes anew each round, by at most half a weight, and adds that up; we round once. So the two
    can differ by half a weight a round, and half a weight more.
    """
    layer = nn.Linear(1003, 1, bias=False)
    torch.manual_seed(0)
    nn.init.normal_(layer.weight)
    schedule = sparsities(rounds=10, rate=0.1, rate_of="original")
    for round_number in range(10):
        prune.l1_unstructured(layer, "weight", amount=1 / (10 - round_number))
        torchs = int(layer.weight_mask.sum())
        ours = kept_count(1003, schedule[round_number + 1])
        assert abs(torchs - ours) <= (round_number + 1) / 2 + 0.5
    assert torchs == ours == 0
