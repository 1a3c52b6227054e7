"""Scores: by hand, and what the random one promises."""

import pytest
import torch

from pruning.errors import InputError
from pruning.scores import NEEDS_GRADIENTS, NEEDS_TRAINING, SCORES, Evidence, drawn_scores, score_called


def refused():
    raise AssertionError("gradients were computed for a score that needs none")


def evidence(*, seed=0, gradients=refused, squared_gradients=refused):
    return Evidence(
        trained={"w": torch.tensor([[-3.0, 1.0], [0.5, 0.0]])},
        start={"w": torch.tensor([[-3.0, 2.0], [-0.5, 0.0]])},
        base={"w": torch.tensor([[4.0, -2.0], [-0.5, 0.0]])},
        gradients=gradients,
        squared_gradients=squared_gradients,
        seed=seed,
    )


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("magnitude", [[3.0, 1.0], [0.5, 0.0]]),
        ("magnitude_change", [[0.0, 1.0], [1.0, 0.0]]),
        ("base_magnitude", [[4.0, 2.0], [0.5, 0.0]]),
    ],
)
def test_by_hand(score, expected):
    assert score_called(score)("w", evidence()).tolist() == expected


def test_taylor_is_the_weight_times_its_gradient():
    given = evidence(gradients=lambda: {"w": torch.tensor([[0.5, -2.0], [0.0, 7.0]])})
    assert score_called("taylor")("w", given).tolist() == [[1.5, 2.0], [0.0, 0.0]]


def test_fisher_is_what_was_measured_before_training():
    given = evidence(squared_gradients=lambda: {"w": torch.tensor([[0.5, 4.0], [0.0, 1.0]])})
    assert score_called("fisher")("w", given).tolist() == [[0.5, 4.0], [0.0, 1.0]]


@pytest.mark.parametrize("name", sorted(SCORES.keys() - NEEDS_GRADIENTS))
def test_only_the_scores_that_say_so_ask_for_gradients(name):
    assert SCORES[name]("w", evidence()).shape == (2, 2)


def test_only_the_scores_that_say_so_look_at_trained_weights():
    untrained = Evidence(
        trained={}, start={}, base=evidence().base, gradients=refused, squared_gradients=refused, seed=0
    )
    for name in SCORES.keys() - NEEDS_TRAINING - NEEDS_GRADIENTS:
        assert SCORES[name]("w", untrained).shape == (2, 2)


def test_scores_change_nothing_and_need_no_gradient():
    given = evidence()
    given.trained["w"].requires_grad_()
    score = score_called("magnitude")("w", given)
    assert not score.requires_grad
    assert given.trained["w"][0, 0] == -3


def test_random_order_depends_on_seed_and_name_only():
    drawn = drawn_scores((100,), name="a", seed=0)
    assert torch.equal(drawn, drawn_scores((100,), name="a", seed=0))
    assert not torch.equal(drawn, drawn_scores((100,), name="a", seed=1))
    assert not torch.equal(drawn, drawn_scores((100,), name="b", seed=0))
    assert torch.equal(score_called("random")("w", evidence(seed=5)), drawn_scores((2, 2), name="w", seed=5))


def test_drawn_scores_are_finite_not_negative_and_hardly_ever_tie():
    drawn = drawn_scores((100_000,), name="w", seed=0)
    assert bool(drawn.isfinite().all())
    assert bool((drawn >= 0).all())
    # 100,000 draws of 2**31 make 2.3 pairs on average; more than 20 has a chance below 1e-12.
    assert drawn.view(torch.int32).unique().numel() >= 100_000 - 20


def test_drawn_scores_are_uniform_over_bit_patterns():
    drawn = drawn_scores((80_000,), name="w", seed=1).view(torch.int32)
    counts = torch.bincount(drawn.long() * 8 // 0x7F800000, minlength=8)
    # Binomial with mean 10,000 and standard deviation 94: five of them.
    assert bool(((counts - 10_000).abs() < 470).all())


def test_an_unknown_score_is_told_the_choices():
    with pytest.raises(InputError, match="'size'; choose one of: magnitude, magnitude_change, taylor"):
        score_called("size")
