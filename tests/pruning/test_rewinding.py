"""Rewinding: the start comes back exactly, and nothing ever changes it."""

import pytest
import torch
from torch import nn

from pruning.errors import InputError
from pruning.rewinding import fingerprint_of, rewind_, start_of


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.encoder[0].weight
        self.register_buffer("positions", torch.arange(4).expand(1, -1), persistent=False)

    def forward(self, examples):
        return self.head(self.tied(self.encoder(examples)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model()


def train_(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 4)).square().sum().backward()
        optimizer.step()


def weights_of(model):
    return {name: tensor.clone() for name, tensor in [*model.named_parameters(), *model.named_buffers()]}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_rewinding_brings_back_every_parameter_and_buffer(model):
    start, before = start_of(model), weights_of(model)
    train_(model)
    assert not same(weights_of(model), before)
    rewind_(model, start)
    assert same(weights_of(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_training_never_reaches_the_start(model):
    start = start_of(model)
    fingerprint = fingerprint_of(start.weights)
    for _ in range(2):
        train_(model)
        rewind_(model, start)
        train_(model)
    assert fingerprint_of(start.weights) == fingerprint == start.fingerprint


def test_rewinding_twice_is_rewinding_once(model):
    start = start_of(model)
    train_(model)
    rewind_(model, start)
    once = weights_of(model)
    rewind_(model, start)
    assert same(weights_of(model), once)


def test_the_start_shares_no_memory_with_the_model(model):
    start = start_of(model)
    memories = {tensor.data_ptr() for tensor in weights_of(model).values()}
    rewind_(model, start)
    models_own = {tensor.data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    assert not {tensor.data_ptr() for tensor in start.weights.values()} & (memories | models_own)


def test_weights_to_keep_stay_as_trained(model):
    start = start_of(model)
    train_(model)
    trained = weights_of(model)
    rewind_(model, start, keep=lambda name: name.startswith("head."))
    for name, tensor in weights_of(model).items():
        assert torch.equal(tensor, trained[name] if name.startswith("head.") else start.weights[name])


def test_a_wrapped_model_is_the_same_model(model):
    wrapped = nn.Module()
    wrapped.module = nn.Module()
    wrapped.module._orig_mod = model
    start = start_of(model)
    assert start_of(wrapped).fingerprint == start.fingerprint
    train_(model)
    rewind_(wrapped, start)
    assert start_of(model).fingerprint == start.fingerprint


def test_shared_weights_are_there_once(model):
    assert "encoder.0.weight" in start_of(model).weights
    assert "tied.weight" not in start_of(model).weights


def test_a_start_that_does_not_fit_is_refused_and_changes_nothing(model):
    start = start_of(model)
    train_(model)
    trained = weights_of(model)
    model.extra = nn.Parameter(torch.ones(1))
    with pytest.raises(InputError, match=r"only in the model: \['extra'\]; only in the start: \[\]"):
        rewind_(model, start)
    del model.extra
    model.head = nn.Linear(4, 3)
    with pytest.raises(InputError, match=r"head.weight: found torch.float32 of shape \(3, 4\).* expected .*\(2, 4\)"):
        rewind_(model, start)
    assert torch.equal(model.encoder[0].weight, trained["encoder.0.weight"])


@pytest.mark.parametrize(
    "other",
    [
        {"w": torch.tensor([1.0, 3.0])},
        {"v": torch.tensor([1.0, 2.0])},
        {"w": torch.tensor([[1.0, 2.0]])},
        {"w": torch.tensor([1.0, 2.0]).view(torch.int32)},
        {"w": torch.tensor([1.0, 2.0]), "v": torch.tensor(0.0)},
    ],
)
def test_fingerprints_tell_values_names_shapes_and_types_apart(other):
    weights = {"w": torch.tensor([1.0, 2.0])}
    assert fingerprint_of(other) != fingerprint_of(weights)


def test_fingerprints_do_not_depend_on_order_or_memory_layout():
    matrix, scalar = torch.rand(3, 2).bfloat16(), torch.tensor(7)
    expected = fingerprint_of({"a": matrix, "b": scalar})
    assert fingerprint_of({"b": scalar.clone(), "a": matrix.T.contiguous().T}) == expected
