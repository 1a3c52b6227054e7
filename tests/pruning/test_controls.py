"""Controls: exact counts, the same for the same seed, and every choice equally likely."""

from collections import Counter

import pytest
import torch

from pruning.controls import random_mask, random_per_matrix
from pruning.errors import InputError
from pruning.mask import Mask

SHAPES = {"a": (5, 7), "b": (11,)}


@pytest.mark.parametrize("kept", [0, 1, 23, 46])
def test_exactly_as_many_as_asked_for_are_kept(kept):
    assert random_mask(SHAPES, kept=kept, seed=0).kept == kept


def test_the_same_seed_gives_the_same_mask_and_another_another():
    assert random_mask(SHAPES, kept=20, seed=3) == random_mask(SHAPES, kept=20, seed=3)
    assert random_mask(SHAPES, kept=20, seed=3) != random_mask(SHAPES, kept=20, seed=4)


def test_masks_of_one_seed_are_nested():
    assert random_mask(SHAPES, kept=9, seed=0) <= random_mask(SHAPES, kept=20, seed=0)


def test_every_choice_is_equally_likely():
    shapes = {"a": (3,), "b": (2,)}
    counts = Counter(random_mask(shapes, kept=2, seed=seed).digest for seed in range(2000))
    assert len(counts) == 10
    # Binomial with mean 200 and standard deviation 13.4: five of them.
    assert all(abs(count - 200) < 67 for count in counts.values())


def test_per_matrix_keeps_the_counts_of_each_matrix():
    ticket = Mask.from_bools({"a": torch.arange(35).reshape(5, 7) % 4 == 0, "b": torch.arange(11) < 10})
    control = random_per_matrix(ticket, seed=0)
    assert control.kept_counts == ticket.kept_counts
    assert control != ticket
    assert control == random_per_matrix(ticket, seed=0) != random_per_matrix(ticket, seed=1)


def test_too_many_are_refused():
    with pytest.raises(InputError, match="kept: found 47; allowed: 0 to 46"):
        random_mask(SHAPES, kept=47, seed=0)
