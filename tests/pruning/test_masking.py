"""Masking: pruned weights are +0.0 to the bit, and stay so through training."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from pruning.errors import InputError
from pruning.mask import Mask
from pruning.masking import apply_, masked_gradients, nonzero_pruned, survivors_only


def setting(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    parameters = {name: model.get_parameter(name) for name in ("0.weight", "2.weight")}
    mask = Mask.from_bools({name: torch.rand(parameter.shape) < 0.6 for name, parameter in parameters.items()})
    return model, parameters, mask


def pruned_values(parameters, mask):
    return torch.cat(
        [parameter.detach()[~torch.from_numpy(mask.bools(name))] for name, parameter in parameters.items()]
    )


def test_pruned_weights_become_positive_zero_and_the_others_stay():
    weight = torch.tensor([-1.0, float("nan"), float("-inf"), -0.0, 2.0, -3.0])
    apply_({"w": weight}, Mask.from_bools({"w": np.array([0, 0, 0, 0, 1, 1], dtype=bool)}))
    assert weight.tolist() == [0, 0, 0, 0, 2, -3]
    assert weight.view(torch.int32)[:4].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("fused", [True, False])
def test_pruned_weights_stay_positive_zero_through_adamw_with_decay(fused):
    model, parameters, mask = setting()
    apply_(parameters, mask)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1, fused=fused)
    before = parameters["0.weight"].detach().clone()
    for _ in range(20):
        optimizer.zero_grad()
        with masked_gradients(parameters, mask):
            model(torch.randn(5, 8)).square().sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        assert not pruned_values(parameters, mask).view(torch.int32).any()
        assert survivors_only(parameters, mask)
    assert not torch.equal(parameters["0.weight"], before)


def test_clipping_sees_the_survivors_gradients_only():
    model, parameters, mask = setting()
    examples = torch.randn(5, 8)
    model(examples).square().sum().backward()
    survivors = [
        parameter.grad[torch.from_numpy(mask.bools(name))] if name in parameters else parameter.grad.flatten()
        for name, parameter in model.named_parameters()
    ]
    expected = torch.cat(survivors).norm()
    model.zero_grad()
    with masked_gradients(parameters, mask):
        model(examples).square().sum().backward()
    # The same squares are summed in another order.
    assert torch.allclose(nn.utils.clip_grad_norm_(model.parameters(), 1e9), expected, rtol=1e-6)


def test_gives_the_numbers_of_torchs_reparametrisation():
    ours, parameters, mask = setting()
    theirs, _, _ = setting()
    apply_(parameters, mask)
    for name in parameters:
        prune.custom_from_mask(theirs[int(name[0])], "weight", torch.from_numpy(mask.bools(name)))
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0) for model in (ours, theirs)]
    for _ in range(5):
        examples = torch.randn(5, 8)
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            with masked_gradients(parameters, mask):  # of ours only
                model(examples).square().sum().backward()
            optimizer.step()
    theirs(examples)
    for name in parameters:
        assert torch.equal(ours.get_parameter(name), theirs[int(name[0])].weight)


def test_parameters_that_do_not_learn_are_passed_over():
    model, parameters, mask = setting()
    parameters["2.weight"].requires_grad_(False)
    with masked_gradients(parameters, mask):
        model(torch.randn(5, 8)).square().sum().backward()
    assert parameters["2.weight"].grad is None
    learnt = {"0.weight": parameters["0.weight"].grad}
    assert learnt["0.weight"].any() and not learnt["0.weight"][torch.from_numpy(~mask.bools("0.weight"))].any()


def test_gradients_that_add_up_are_masked_as_their_sum_would_be():
    model, parameters, mask = setting()
    halves = torch.randn(2, 5, 8)
    with masked_gradients(parameters, mask):
        for half in halves:
            model(half).square().sum().backward()
    found = {name: parameter.grad.clone() for name, parameter in parameters.items()}
    model.zero_grad()
    for half in halves:
        model(half).square().sum().backward()
    for name, parameter in parameters.items():
        assert torch.equal(found[name], parameter.grad * torch.from_numpy(mask.bools(name)))


def test_afterwards_and_after_an_error_gradients_are_whole():
    model, parameters, mask = setting()
    with pytest.raises(AssertionError), masked_gradients(parameters, mask):
        raise AssertionError
    with masked_gradients(parameters, mask):
        pass
    model(torch.randn(5, 8)).square().sum().backward()
    assert all(parameter.grad[torch.from_numpy(~mask.bools(name))].all() for name, parameter in parameters.items())


def test_gradients_of_half_precision_are_masked():
    weight = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    with masked_gradients({"w": weight}, Mask.from_bools({"w": np.array([1, 0, 1, 0], dtype=bool)})):
        weight.sum().backward()
    assert weight.grad.tolist() == [1, 0, 1, 0]


def test_revived_weights_are_counted_in_the_matrices_that_have_them():
    _, parameters, mask = setting()
    apply_(parameters, mask)
    assert nonzero_pruned(parameters, mask) == {}
    place = np.argwhere(~mask.bools("2.weight"))[0]
    with torch.no_grad():
        parameters["2.weight"][tuple(place)] = float("nan")
    assert nonzero_pruned(parameters, mask) == {"2.weight": 1}
    assert not survivors_only(parameters, mask)


def test_names_may_carry_a_wrappers_prefix():
    _, parameters, mask = setting()
    apply_({f"module.{name}": parameter for name, parameter in parameters.items()}, mask)
    assert survivors_only(parameters, mask)


def test_other_names_and_shapes_are_refused():
    _, parameters, mask = setting()
    with pytest.raises(InputError, match=r"only in the parameters: \[\]; only in the mask: \['2.weight'\]"):
        apply_({"0.weight": parameters["0.weight"]}, mask)
    other = masked_gradients({**parameters, "2.weight": nn.Parameter(torch.ones(2, 2))}, mask)
    with pytest.raises(InputError, match=r"shape of '2.weight': found \(2, 2\); expected \(3, 16\)"), other:
        pass
