"""Masks as others keep them: `torch.nn.utils.prune`'s state dicts, dictionaries of floats, sparse differences."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pruning.errors import InputError
from pruning.mask import Mask, Shape
from pruning.names import bare_name

ORIGINAL, MASKED = "_orig", "_mask"  # what torch.nn.utils.prune adds to a parameter's name
# What torch.load raises about files that are damaged or hostile.
UNREADABLE = (
    pickle.UnpicklingError, zipfile.BadZipFile, struct.error, ArithmeticError, AssertionError, AttributeError,
    EOFError, LookupError, RecursionError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
LAYOUTS = (torch.strided, torch.sparse_coo)
SHOWN = 5  # names in an error


def read_tensors(path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors of a file that `torch.save` wrote, on the CPU; nothing in it is executed.

    Raises:
        InputError: the file cannot be read, holds more than tensors and plain values, or is no dictionary of tensors,
            dense or in COO layout.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are refused, or read all the same
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except UNREADABLE as e:
        raise InputError(f"{path}: no dictionary of tensors that can be read safely ({_said(e)})") from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(each, torch.Tensor) for name, each in found.items()
    ):
        raise InputError(f"{path}: found {_kind(found)}; expected a dictionary of names and tensors")
    for name, tensor in found.items():
        if tensor.is_nested or tensor.is_quantized or tensor.device.type != "cpu" or tensor.layout not in LAYOUTS:
            raise InputError(f"{path}: {name!r}: found a tensor of a kind that holds no mask; expected plain numbers")
    return dict(found)


def _said(problem: Exception) -> str:
    """The first line of what torch says, without its colours and without its advice on how to run the file's code."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(problem)).strip().splitlines()
    first = lines[0].split(" This file can still be loaded")[0] if lines else type(problem).__name__
    return "".join(character for character in first if character.isprintable())[:160]


def mask_of_tensors(tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, Shape]) -> Mask:
    """The mask in tensors of any of the three layouts, which is seen from them.

    Raises:
        InputError: as the reader of that layout.
    """
    if any(each.layout != torch.strided for each in tensors.values()):
        return mask_of_differences(tensors, shapes)
    if any(name.endswith(ORIGINAL) for name in tensors):
        return mask_of_prune_state(tensors, shapes)
    return mask_of_floats(tensors, shapes)


def mask_of_prune_state(state: Mapping[str, torch.Tensor], shapes: Mapping[str, Shape]) -> Mask:
    """The mask in a state dict of a model pruned by `torch.nn.utils.prune`: its `NAME_mask` beside its `NAME_orig`.

    Args:
        state: of the whole model or of a part of it; other tensors in it are passed over.
        shapes: of the base's prunable matrices by name. Names in `state` may stand behind wrappers and inside a model
            with a head: `module.bert.encoder...` is `encoder...`.

    Raises:
        InputError: a matrix missing or there twice, a mask without its weights, another shape, a value not 0 or 1.
    """
    masks = {name.removesuffix(MASKED): each for name, each in state.items() if name.endswith(MASKED)}
    originals = {name.removesuffix(ORIGINAL) for name in state if name.endswith(ORIGINAL)}
    for name in sorted(masks.keys() ^ originals):
        lacks = ORIGINAL if name in masks else MASKED
        raise InputError(f"pruned state: {name!r}: found no {name + lacks!r}; expected a mask beside every original")
    return _mask(_on_base(masks, shapes, what="pruned state"), bools=_zeros_and_ones)


def prune_state(mask: Mask, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict that a model pruned by `torch.nn.utils.prune.custom_from_mask` has.

    Args:
        mask: what is kept.
        weights: the unpruned model's state dict, by the same names; those that the mask does not speak of stay.

    Returns:
        `NAME_orig` and `NAME_mask` (of the weight's type) for every matrix of the mask, all else as it was.

    Raises:
        InputError: a matrix that is not among the weights, or has another shape there.
    """
    matrices = _on_base(dict(weights), mask.shapes, what="weights", exact=True)
    state = {name: each.detach() for name, each in weights.items() if name not in matrices}
    for name, weight in matrices.items():
        state[name + ORIGINAL] = weight.detach()
        state[name + MASKED] = torch.from_numpy(mask.bools(name)).to(weight.dtype)
    return state


def mask_of_floats(floats: Mapping[str, torch.Tensor], shapes: Mapping[str, Shape]) -> Mask:
    """The mask in a dictionary of one dense tensor a matrix, 1 = kept, such as the `mask.pt` of published code.

    Args:
        floats: of any type; a name may end in `_mask`. Matrices that `shapes` does not list are refused.
        shapes: as of `mask_of_prune_state`.

    Raises:
        InputError: a matrix missing, unknown or there twice, another shape, a value that is not exactly 0 or 1.
    """
    named = _without_ending(floats)
    found = _on_base(named, shapes, what="mask", whole=True)
    return _mask(found, bools=_zeros_and_ones)


def floats_of(mask: Mask) -> dict[str, torch.Tensor]:
    """The mask as `mask.pt` of published code has it: `NAME_mask`, float32, exactly 1 where kept and 0 elsewhere."""
    return {name + MASKED: torch.from_numpy(mask.bools(name)).float() for name in mask.names}


def mask_of_differences(differences: Mapping[str, torch.Tensor], shapes: Mapping[str, Shape]) -> Mask:
    """The mask of a sparse fine-tuning in the manner of LT-SFT (Ansell et al. 2022): the places that may differ.

    The layout: a dictionary of the base's names to sparse COO tensors of the weight's shape, each holding the
    difference between a tuned weight and the base's. A place that is listed is kept, even where it holds 0 (a weight
    that was trained and came out as it was). Parameters that `shapes` does not list are passed over, dense or not:
    a sparse fine-tuning may hold biases and a head too.

    Raises:
        InputError: a matrix missing, there twice or dense, another shape, places outside of it or listed twice, or
            differences that are no finite numbers.
    """
    return _mask(_on_base(dict(differences), shapes, what="differences"), bools=_listed)


def differences_of(
    mask: Mask, tuned: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """What training changed inside a mask, in the layout that `mask_of_differences` reads; every kept place is listed.

    Pruned weights are not listed: added to the base, the differences give the base with its kept weights tuned, and
    not the pruned model.

    Raises:
        InputError: a matrix that is not among the weights, or has another shape there.
    """
    after = _on_base(dict(tuned), mask.shapes, what="tuned weights", exact=True)
    before = _on_base(dict(base), mask.shapes, what="base weights", exact=True)
    found = {}
    for name in mask.names:
        kept = torch.from_numpy(mask.bools(name))
        difference = (after[name].detach().cpu() - before[name].detach().cpu())[kept]
        found[name] = torch.sparse_coo_tensor(
            kept.nonzero().T, difference, mask.shapes[name], is_coalesced=True, check_invariants=True
        )
    return found


def _on_base(
    tensors: dict[str, torch.Tensor],
    shapes: Mapping[str, Shape],
    *,
    what: str,
    whole: bool = False,
    exact: bool = False,
) -> dict[str, torch.Tensor]:
    """The tensors of the base's matrices by the base's names.

    `whole`: there must be no others. `exact`: the names must be the base's own already.
    """
    found: dict[str, torch.Tensor] = {}
    given: dict[str, str] = {}
    for name in sorted(tensors):
        mine = name if exact else _name_in_base(name, shapes)
        if mine in shapes:
            if mine in given:
                raise InputError(f"{what}: found both {given[mine]!r} and {name!r}; expected {mine!r} once")
            found[mine], given[mine] = tensors[name], name
        elif whole:
            raise InputError(f"{what}: found {name!r}; expected the matrices of the base: {_some(sorted(shapes))}")
    missing = [name for name in sorted(shapes) if name not in found]
    if missing:
        raise InputError(f"{what}: found no {_some(missing)}; expected all {len(shapes)} matrices of the base")
    for name, tensor in found.items():
        if tuple(tensor.shape) != shapes[name]:
            raise InputError(f"{what}: shape of {given[name]!r}: found {tuple(tensor.shape)}; expected {shapes[name]}")
    return found


def _name_in_base(name: str, shapes: Mapping[str, Shape]) -> str:
    """The base's name for a name with prefixes of wrappers and of a model with a head before it."""
    bare = bare_name(name)
    parts = bare.split(".")
    # The longest first: `encoder.layer.0.x` must not be taken for a `layer.0.x`.
    return next((end for at in range(len(parts)) if (end := ".".join(parts[at:])) in shapes), bare)


def _without_ending(floats: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    named: dict[str, torch.Tensor] = {}
    for name, each in floats.items():
        short = name.removesuffix(MASKED)
        if short in named:
            raise InputError(f"mask: found both {short!r} and {short + MASKED!r}; expected one of them")
        named[short] = each
    return named


def _mask(tensors: Mapping[str, torch.Tensor], *, bools: Callable[[str, torch.Tensor], Any]) -> Mask:
    return Mask.from_bools({name: bools(name, tensor.detach().cpu()) for name, tensor in tensors.items()})


def _zeros_and_ones(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout != torch.strided:
        raise InputError(f"mask of {name!r}: found a {tensor.layout} tensor; expected a dense one")
    kept = tensor == 1
    astray = tensor[~kept & (tensor != 0)]
    if len(astray):
        raise InputError(f"mask of {name!r}: found {astray[0].item()!r}; expected exactly 0 (pruned) or 1 (kept)")
    return kept


def _listed(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout != torch.sparse_coo or tensor.dense_dim():
        raise InputError(f"differences of {name!r}: found a {tensor.layout} tensor; expected a sparse COO tensor")
    places, values = tensor._indices().numpy(), tensor._values()
    # Checked before they are used: a file may say anything.
    sides = np.array(tensor.shape).reshape(-1, 1)
    if ((places < 0) | (places >= sides)).any():
        raise InputError(f"differences of {name!r}: found a place outside of the shape {tuple(tensor.shape)}")
    if not torch.isfinite(values).all():
        raise InputError(f"differences of {name!r}: found a value that is no finite number")
    kept = np.zeros(tuple(tensor.shape), dtype=np.bool_)
    kept[tuple(places)] = True
    if np.count_nonzero(kept) != places.shape[1]:
        raise InputError(f"differences of {name!r}: found a place listed twice; expected every place once")
    return torch.from_numpy(kept)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more


def _kind(found: Any) -> str:
    if not isinstance(found, dict):
        return f"a {type(found).__name__}"
    odd = next(
        (f"{name!r}: {type(each).__name__}" for name, each in found.items() if not isinstance(each, torch.Tensor)), ""
    )
    return f"a dictionary with {odd[:120]}" if odd else "a dictionary with a key that is no text"
