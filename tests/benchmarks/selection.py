"""Times selection on an encoder of mBERT's size against other ways to find the same mask.

Run from the repository: `python -m tests.benchmarks.selection [rounds]`. All ways are first checked to keep the same
weights; then they take turns, so that a busy machine slows them all alike.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pruning.mask import Mask
from pruning.selection import keep_highest

LAYER = {"q": (768, 768), "k": (768, 768), "v": (768, 768), "o": (768, 768), "in": (3072, 768), "out": (768, 3072)}
SHAPES = {f"{layer:02d}.{name}": shape for layer in range(12) for name, shape in LAYER.items()}
SPARSITY = 0.7

Scores = dict[str, torch.Tensor]


def by_radix(scores: Scores, kept: int) -> Mask:
    """What the framework does."""
    return keep_highest(scores.__getitem__, Mask.full(SHAPES), kept=kept)


def by_partition(scores: Scores, kept: int) -> Mask:
    """`np.partition` of all scores joined."""
    joined = np.concatenate([scores[name].numpy().ravel() for name in SHAPES])
    place = joined.size - kept
    threshold = np.partition(joined, place)[place]
    return Mask.from_bools({name: scores[name].numpy() >= threshold for name in SHAPES})


def by_kthvalue(scores: Scores, kept: int) -> Mask:
    """`torch.kthvalue` of all scores joined."""
    joined = torch.cat([scores[name].flatten() for name in SHAPES])
    threshold = joined.kthvalue(joined.numel() - kept + 1).values
    return Mask.from_bools({name: scores[name] >= threshold for name in SHAPES})


def by_topk(scores: Scores, kept: int) -> Mask:
    """`torch.topk` of the lowest, set to zero in a joined mask, as `torch.nn.utils.prune.global_unstructured` does."""
    joined = torch.cat([scores[name].flatten() for name in SHAPES])
    bools = torch.ones(joined.numel(), dtype=torch.bool)
    bools[torch.topk(joined, joined.numel() - kept, largest=False).indices] = False
    parts = torch.split(bools, [scores[name].numel() for name in SHAPES])
    return Mask.from_bools({name: part.view(SHAPES[name]) for name, part in zip(SHAPES, parts, strict=True)})


WAYS: dict[str, Callable[[Scores, int], Mask]] = {
    "radix": by_radix,
    "np.partition": by_partition,
    "torch.kthvalue": by_kthvalue,
    "torch.topk": by_topk,
}


def main(rounds: int) -> None:
    """Check, time in turn, print medians."""
    scores = scores_without_a_tie_at(kept := round(sum(np.prod(shape) for shape in SHAPES.values()) * (1 - SPARSITY)))
    extra = {name: peak_mebibytes(partial(way, scores, kept)) for name, way in WAYS.items()}
    if len({way(scores, kept) for way in WAYS.values()}) > 1:
        sys.exit("the ways do not keep the same weights")
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            begin = time.perf_counter()
            way(scores, kept)
            seconds[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{len(SHAPES)} matrices, sparsity {SPARSITY}, {torch.get_num_threads()} threads, {rounds} rounds")
    print(f"{'way':<16}{'median s':>10}{'times radix':>13}{'extra MiB':>11}")
    for name, median in medians.items():
        print(f"{name:<16}{median:>10.2f}{median / medians['radix']:>13.1f}{extra[name]:>11.0f}")


def scores_without_a_tie_at(kept: int) -> Scores:
    """Magnitudes of an encoder's size. The threshold's other bearers, if any, are lowered: only ours breaks ties."""
    generator = torch.Generator().manual_seed(0)
    scores = {name: torch.randn(shape, generator=generator).mul_(0.04).abs_() for name, shape in SHAPES.items()}
    joined = np.concatenate([scores[name].numpy().ravel() for name in SHAPES])
    threshold = np.partition(joined, joined.size - kept)[joined.size - kept]
    chosen = keep_highest(scores.__getitem__, Mask.full(SHAPES), kept=kept)
    for name, matrix in scores.items():
        matrix[(matrix == float(threshold)) & ~torch.from_numpy(chosen.bools(name))] = 0.0
    return scores


def peak_mebibytes(work: Callable[[], object]) -> float:
    """How far the process's memory rises above where it was, sampled each millisecond (Linux)."""
    before, highest, done = resident_bytes(), 0, threading.Event()

    def sample() -> None:
        nonlocal highest
        while not done.wait(0.001):
            highest = max(highest, resident_bytes())

    sampler = threading.Thread(target=sample)
    sampler.start()
    work()
    done.set()
    sampler.join()
    return max(0, highest - before) / 2**20


def resident_bytes() -> int:
    """The process's resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
