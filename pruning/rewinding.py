"""Rewinding: every round starts from the same weights, kept apart from the model that is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from pruning.errors import InputError
from pruning.names import bare_name


@dataclass(frozen=True, eq=False)
class Start:
    """The weights a trajectory rewinds to: copies on the CPU of all parameters and buffers, never written to.

    Names have no wrapper prefix; a parameter that two modules share is there once.
    """

    weights: Mapping[str, torch.Tensor]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the weights, see `fingerprint_of`."""
        return fingerprint_of(self.weights)


def start_of(model: nn.Module) -> Start:
    """The model's weights as they are now."""
    # copy=True: on the CPU, state_dict() and .cpu() give the model's own memory, and rewinding to it would do nothing.
    return Start({name: tensor.to("cpu", copy=True) for name, tensor in _weights_of(model).items()})


def rewind_(model: nn.Module, start: Start, *, keep: Callable[[str], bool] = lambda name: False) -> None:
    """Copy the start back into the model in place, and drop gradients left from training.

    The model may stand on another device, or inside wrappers. Its memory stays its own: what it learns next does not
    reach `start`.

    Args:
        model: changed in place.
        start: from the same model, or one with the same names, shapes and types.
        keep: says, by name, which weights stay as trained, such as those of a head that is not rewound.

    Raises:
        InputError: names, shapes or types that differ; nothing is changed then.
    """
    weights = _weights_of(model)
    _check_fits(weights, start)
    for name, tensor in weights.items():
        if not keep(name):
            tensor.copy_(start.weights[name])
    for parameter in model.parameters():
        parameter.grad = None


def fingerprint_of(weights: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes, in the order of the names; devices do not matter."""
    content = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        content.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        content.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()


def _weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by bare name, the model's own memory. Shared ones appear once."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {bare_name(name): tensor.detach() for name, tensor in named}


def _check_fits(weights: Mapping[str, torch.Tensor], start: Start) -> None:
    if weights.keys() != start.weights.keys():
        raise InputError(
            f"the model's weights are not the start's: only in the model: "
            f"{sorted(weights.keys() - start.weights.keys())}; "
            f"only in the start: {sorted(start.weights.keys() - weights.keys())}"
        )
    for name, tensor in weights.items():
        origin = start.weights[name]
        if (tensor.shape, tensor.dtype) != (origin.shape, origin.dtype):
            raise InputError(
                f"{name}: found {tensor.dtype} of shape {tuple(tensor.shape)} in the model; "
                f"expected {origin.dtype} of shape {tuple(origin.shape)}, as in the start"
            )
