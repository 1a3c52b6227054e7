"""Clipping gives torch's bits, and leaves alone what is short enough."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from finetune.training import clip_gradients_


def with_gradients(*, scale, seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3), nn.Linear(3, 2))
    for weight in list(model.parameters())[:-1]:  # the last has none, like a pooler that nothing asks
        weight.grad = torch.randn_like(weight)
    length = nn.utils.get_total_norm([w.grad for w in model.parameters() if w.grad is not None])
    for weight in list(model.parameters())[:-1]:
        weight.grad *= scale / length
    return model


def bits(model):
    return [None if w.grad is None else w.grad.view(torch.int32).tolist() for w in model.parameters()]


near_one = st.integers(-40, 40).map(lambda ulps: 1 + ulps * 2**-24)
scales = st.one_of(st.floats(1e-6, 1e4), near_one, near_one.map(lambda x: x - 1e-6), st.sampled_from([0.0, 1e30]))


@settings(deadline=None)
@given(scale=scales, seed=st.integers(0, 99), largest=st.sampled_from([1.0, 0.1, 3.0, 1e-7, float("inf")]))
def test_gradients_and_norm_are_torchs_bit_for_bit(scale, seed, largest):
    ours, oracle = (with_gradients(scale=scale * min(largest, 1e3), seed=seed) for _ in "ab")
    norm, expected = clip_gradients_(ours, largest), nn.utils.clip_grad_norm_(oracle.parameters(), largest)
    assert norm.item() == expected.item()
    assert bits(ours) == bits(oracle)


@pytest.mark.parametrize(("scale", "is_changed"), [(0.5, False), (0.99, False), (1.01, True), (50.0, True)])
def test_only_a_gradient_that_is_too_long_is_written_to(scale, is_changed):
    model = with_gradients(scale=scale)
    before = [w.grad._version for w in model.parameters() if w.grad is not None]
    clip_gradients_(model, 1.0)
    after = [w.grad._version for w in model.parameters() if w.grad is not None]
    assert (before != after) == is_changed


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_has_such_a_norm_and_spoils_what_it_spoils_in_torch(bad):
    ours, oracle = (with_gradients(scale=0.5) for _ in "ab")
    for model in (ours, oracle):
        model[0].bias.grad[2] = bad
    assert not torch.isfinite(clip_gradients_(ours, 1.0))
    nn.utils.clip_grad_norm_(oracle.parameters(), 1.0)
    assert bits(ours) == bits(oracle)


def test_a_model_without_gradients_has_norm_0():
    assert clip_gradients_(nn.Linear(2, 2), 1.0).item() == 0
