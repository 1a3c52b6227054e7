"""Where the time of a training step goes, by torch's profiler: ours inside a mask, and the published way.

Run from the repository: `python -m tests.benchmarks.where_time_goes [SIZE] [STEPS]`. Shares are of the time that
operators take themselves, over all steps but the first. Profiling costs time of its own, so seconds are left to the row
`masked_step` and its like.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import torch
from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile

from finetune.base_model import encoder_of
from finetune.training import unwrapped
from pruning.controls import random_mask
from pruning.masking import apply_, masked_gradients
from pruning.scope import prunable
from tests.benchmarks import published
from tests.benchmarks.sizes import SIZES, Size
from tests.benchmarks.training import LEARNING_RATE, accelerator_on, encoder, material, trained

STEPS = 3
REST = "the rest"
# What an operator's name begins with, without `aten::`; the first that fits counts.
GROUPS = {
    "matrix products": ("addmm", "mm", "bmm", "baddbmm", "mkldnn_linear", "matmul", "linear"),
    "the optimizer": ("_fused_adam", "_foreach_lerp", "_foreach_addc", "_foreach_sqrt", "_foreach_div", "lerp",
                      "addc", "sqrt"),
    "dropout": ("native_dropout", "bernoulli", "empty_like"),
    "activations, softmax and norms of layers": ("gelu", "_softmax", "native_layer_norm", "_log_softmax", "tanh"),
    "norms of gradients": ("linalg_vector_norm", "_foreach_norm", "_foreach_mul", "norm"),
    "embeddings": ("embedding", "index_select", "index_add", "index_put", "index"),
    "copies and casts": ("copy_", "clone", "contiguous", "cat", "_to_copy", "_foreach_copy"),
    "products by element (masks among them)": ("mul",),
    "sums by element": ("add", "sum", "sub"),
    "zeros": ("zero", "fill_"),
}  # fmt: skip


def main(size: str = "mbert", steps: int = STEPS) -> dict[str, dict[str, float]]:
    """Profiles, prints and returns the share of each group in each way, in percent."""
    ways: dict[str, Callable[[Size, int, Callable[[], None]], None]] = {
        "ours, fp32": lambda *rest: _ours(*rest, precision="fp32"),
        "ours, bf16": lambda *rest: _ours(*rest, precision="bf16"),
        "published, fp32": _published,
    }
    found = {name: _profiled(way, SIZES[size], steps) for name, way in ways.items()}
    groups = sorted(set().union(*found.values()), key=lambda group: -found["ours, fp32"].get(group, 0.0))
    rows = [[group, *(f"{found[name].get(group, 0.0):.1f} %" for name in found)] for group in groups]
    print(
        tabulate(rows, headers=["share of a step", *found], tablefmt="pipe", colalign=("left", *["right"] * len(found)))
    )
    return found


def group_of(operator: str) -> str:
    """The group of an operator."""
    name = operator.removeprefix("aten::")
    return next((group for group, starts in GROUPS.items() if name.startswith(starts)), REST)


def _profiled(way: Callable[[Size, int, Callable[[], None]], None], size: Size, steps: int) -> dict[str, float]:
    """The shares of one way; the profiler is started when its first step is done."""
    profiler, done = profile(activities=[ProfilerActivity.CPU]), 0

    def after_step() -> None:
        nonlocal done
        done += 1
        if done == 1:
            profiler.start()
        elif done == steps + 1:
            profiler.stop()

    way(size, steps + 1, after_step)
    times: Counter[str] = Counter()
    for event in profiler.key_averages():
        times[group_of(event.key)] += event.self_cpu_time_total
    return {group: 100 * time / times.total() for group, time in times.items()}


def _ours(size: Size, steps: int, after_step: Callable[[], None], *, precision: str) -> None:
    accelerator = accelerator_on("cpu", precision=precision)
    model = accelerator.prepare_model(encoder(size, "token"))
    weights = prunable(encoder_of(unwrapped(model)))
    half = random_mask(size.shapes, kept=size.weights // 2, seed=0)
    apply_(weights, half)
    plan = material(size, "token", precision=precision, steps=steps)
    with masked_gradients(weights, half):
        trained(model, plan, accelerator=accelerator, on_step=lambda step: after_step())


def _published(size: Size, steps: int, after_step: Callable[[], None]) -> None:
    model = encoder(size, "token")
    published.prune_(published.prunable_modules(model), round_number=0)
    plan = material(size, "token", precision="fp32", steps=steps)
    torch.manual_seed(plan.seed)
    published.train_plainly_(
        model, plan.batches(), steps=steps, learning_rate=LEARNING_RATE, fused=False, on_step=lambda loss: after_step()
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
