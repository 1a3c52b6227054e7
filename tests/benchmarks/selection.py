"""The exact choice of an encoder's largest weights, beside other ways to find the same mask: seconds and memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, prune

from pruning.mask import Mask
from pruning.selection import keep_highest
from tests.benchmarks import memory
from tests.benchmarks.harness import Setting, Unequal, timed_turns
from tests.benchmarks.lines import Line, at_most, line
from tests.benchmarks.sizes import Size
from tests.benchmarks.training import synchronise

SPARSITY = 0.7
OURS = "keep_highest"

Scores = dict[str, torch.Tensor]


def by_radix(scores: Scores, kept: int) -> Mask:
    """What the framework does."""
    return keep_highest(scores.__getitem__, _full(scores), kept=kept)


def by_prune(scores: Scores, kept: int) -> Mask:
    """The part of `torch.nn.utils.prune.global_unstructured` that chooses; what it then hangs into modules is left."""
    joined = parameters_to_vector(list(scores.values()))
    container, method = prune.PruningContainer(), prune.L1Unstructured(amount=joined.numel() - kept)
    container._tensor_name = method._tensor_name = "temp"
    container.add_pruning_method(method)
    return _split(container.compute_mask(joined, torch.ones_like(joined)).bool(), scores)


def by_kthvalue(scores: Scores, kept: int) -> Mask:
    """`torch.kthvalue` of all scores joined."""
    joined = torch.cat([matrix.flatten() for matrix in scores.values()])
    threshold = joined.kthvalue(joined.numel() - kept + 1).values
    return Mask.from_bools({name: matrix >= threshold for name, matrix in scores.items()})


def by_partition(scores: Scores, kept: int) -> Mask:
    """`np.partition` of all scores joined."""
    joined = np.concatenate([matrix.cpu().numpy().ravel() for matrix in scores.values()])
    place = joined.size - kept
    threshold = np.partition(joined, place)[place]
    return Mask.from_bools({name: matrix.cpu().numpy() >= threshold for name, matrix in scores.items()})


WAYS: dict[str, Callable[[Scores, int], Mask]] = {
    OURS: by_radix,
    "prune.global_unstructured": by_prune,
    "torch.kthvalue": by_kthvalue,
    "np.partition": by_partition,
}


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """All ways keep the same weights, and then take turns."""
    kept = round(setting.size.weights * (1 - SPARSITY))
    scores = scores_without_a_tie_at(kept, setting.size, setting.device)
    if len({way(scores, kept) for way in WAYS.values()}) > 1:
        raise Unequal("the ways do not keep the same weights")
    extra = {name: memory.rise(partial(way, scores, kept), setting.device) for name, way in WAYS.items()}

    def chosen(way: Callable[[Scores, int], Mask]) -> None:
        way(scores, kept)
        synchronise(setting.device)

    seconds = timed_turns({name: partial(chosen, way) for name, way in WAYS.items()}, setting.turns(5))
    others = [name for name in WAYS if name != OURS]
    what, more = "exact global selection", "extra memory of it"
    lines = [
        line(what, against=other, unit="s", ours=seconds[OURS], theirs=seconds[other], mark=at_most(0.5, "s"))
        for other in others
    ]
    lines += [
        line(more, against=other, unit="B", ours=[extra[OURS]], theirs=[extra[other]], mark=at_most(64e6, "B"))
        for other in others
    ]
    return lines, [
        f"{setting.size.weights:,} weights in {len(scores)} matrices, {SPARSITY:.0%} pruned; all ways keep the same set"
    ]


def scores_without_a_tie_at(kept: int, size: Size, device: str) -> Scores:
    """Magnitudes of an encoder's size. The threshold's other bearers, if any, are lowered: only ours breaks ties."""
    generator = torch.Generator().manual_seed(0)
    names = sorted(size.shapes)
    scores = {name: torch.randn(size.shapes[name], generator=generator).mul_(0.04).abs_() for name in names}
    joined = np.concatenate([matrix.numpy().ravel() for matrix in scores.values()])
    threshold = float(np.partition(joined, joined.size - kept)[joined.size - kept])
    chosen = by_radix(scores, kept)
    for name, matrix in scores.items():
        matrix[(matrix == threshold) & ~torch.from_numpy(chosen.bools(name))] = 0.0
    return {name: matrix.to(device) for name, matrix in scores.items()}


def _full(scores: Scores) -> Mask:
    return Mask.full({name: tuple(matrix.shape) for name, matrix in scores.items()})


def _split(kept: torch.Tensor, scores: Scores) -> Mask:
    parts = torch.split(kept, [matrix.numel() for matrix in scores.values()])
    return Mask.from_bools({name: part.view_as(scores[name]) for name, part in zip(scores, parts, strict=True)})
