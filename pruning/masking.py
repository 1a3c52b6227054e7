"""Masking: pruned weights are exactly 0.0, and stay so while the others are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TypeVar, cast

import torch

from pruning.errors import InputError
from pruning.mask import Mask
from pruning.names import bare_name

AnyTensor = TypeVar("AnyTensor", bound=torch.Tensor)


def apply_(parameters: Mapping[str, torch.Tensor], mask: Mask) -> None:
    """Set the pruned weights to +0.0 in place, whatever they were (NaN and negative ones too).

    Raises:
        InputError: names or shapes that are not the mask's.
    """
    with torch.no_grad():
        for name, parameter in _matched(parameters, mask).items():
            # Not a product with 0: that keeps NaN, and turns negative weights into -0.0.
            parameter.masked_fill_(_pruned(name, mask=mask, device=parameter.device), 0.0)


@contextmanager
def masked_gradients(parameters: Mapping[str, torch.nn.Parameter], mask: Mask) -> Iterator[None]:
    """Within, a gradient is masked in place as soon as a backward pass has added to it.

    With pruned weights at 0.0 and a fresh optimizer that decays weights multiplicatively (AdamW, SGD), this is enough
    to keep them there. On a CPU the gradient then lies in the cache, where masking it costs next to nothing; with all
    of them it is a pass over memory. Ranks mask before they add up. Parameters that do not learn are passed over. Holds
    one float mask per matrix, on the parameter's device and of its type: another type would be slower.

    Raises:
        InputError: names or shapes that are not the mask's.
    """
    with ExitStack() as hooks:
        for name, parameter in _matched(parameters, mask).items():
            if parameter.requires_grad:
                floats = (~_pruned(name, mask=mask, device=parameter.device)).to(parameter.dtype)
                hook = partial(_mask_gradient_, floats=floats)
                hooks.enter_context(parameter.register_post_accumulate_grad_hook(hook))  # type: ignore[no-untyped-call]
        yield


def _mask_gradient_(parameter: torch.Tensor, *, floats: torch.Tensor) -> None:
    cast(torch.Tensor, parameter.grad).mul_(floats)


def nonzero_pruned(parameters: Mapping[str, torch.Tensor], mask: Mask) -> dict[str, int]:
    """How many pruned weights are not zero, of each matrix that has such (NaN is not zero). Empty: all is well.

    Raises:
        InputError: names or shapes that are not the mask's.
    """
    counts: dict[str, int] = {}
    for name, parameter in _matched(parameters, mask).items():
        count = int(((parameter.detach() != 0) & _pruned(name, mask=mask, device=parameter.device)).sum())
        if count:
            counts[name] = count
    return counts


def survivors_only(parameters: Mapping[str, torch.Tensor], mask: Mask) -> bool:
    """Whether every pruned weight is zero; `nonzero_pruned` says where not.

    Raises:
        InputError: names or shapes that are not the mask's.
    """
    return not nonzero_pruned(parameters, mask)


def _matched(parameters: Mapping[str, AnyTensor], mask: Mask) -> dict[str, AnyTensor]:
    """The parameters by bare name, in the mask's order."""
    named = {bare_name(name): parameter for name, parameter in parameters.items()}
    if named.keys() != mask.shapes.keys():
        raise InputError(
            f"the parameters are not the mask's: only in the parameters: {sorted(named.keys() - mask.shapes.keys())}; "
            f"only in the mask: {sorted(mask.shapes.keys() - named.keys())}"
        )
    for name, shape in mask.shapes.items():
        if tuple(named[name].shape) != shape:
            raise InputError(f"shape of {name!r}: found {tuple(named[name].shape)}; expected {shape}, as in the mask")
    return {name: named[name] for name in mask.names}


def _pruned(name: str, *, mask: Mask, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(~mask.bools(name)).to(device)
