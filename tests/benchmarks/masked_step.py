"""A training step inside a mask beside the same step without one, and how near it comes to the machine's own rate."""

from __future__ import annotations

import statistics

from finetune.base_model import encoder_of
from finetune.training import unwrapped
from pruning.controls import random_mask
from pruning.mask import Mask
from pruning.masking import apply_, masked_gradients, nonzero_pruned
from pruning.rewinding import rewind_, start_of
from pruning.scope import prunable
from tests.benchmarks.harness import Setting, Unequal, take_turns
from tests.benchmarks.lines import Line, at_most_theirs_times, line
from tests.benchmarks.training import (
    ROUNDING,
    Steps,
    accelerator_on,
    check_close,
    encoder,
    material,
    matmul_rate,
    operations,
    precision_on,
    trained,
)

SPARSITY = 0.5


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """One model does both in turn: each turn rewinds it, and trains some steps inside a mask or without one."""
    size, precision = setting.size, precision_on(setting.device)
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(size, "token"))
    weights, start = prunable(encoder_of(unwrapped(model))), start_of(model)
    full = Mask.full({name: tuple(weight.shape) for name, weight in weights.items()})
    half = random_mask(full.shapes, kept=round((1 - SPARSITY) * full.total), seed=0)
    plan = material(size, "token", precision=precision)

    def turn(mask: Mask | None) -> Steps:
        rewind_(model, start)
        if mask is None:
            return trained(model, plan, accelerator=accelerator)
        apply_(weights, mask)
        with masked_gradients(weights, mask):
            return trained(model, plan, accelerator=accelerator)

    check_close("losses with a mask that keeps all", turn(full).losses, turn(None).losses,
                relative=0 if setting.device == "cpu" else ROUNDING)  # fmt: skip
    turn(half)
    if astray := nonzero_pruned(weights, half):
        raise Unequal(f"pruned weights left zero: {astray}")
    found = take_turns({"masked": lambda: turn(half), "unmasked": lambda: turn(None)}, setting.turns(6))
    ours, theirs = ([statistics.median(each.seconds) for each in found[side]] for side in ("masked", "unmasked"))
    rate, tokens = matmul_rate(setting.device, precision), size.batch * size.length
    lines = [
        line("masked training step", against="unmasked", unit="s", ours=ours, theirs=theirs,
             mark=at_most_theirs_times(1.03)),
        line("tokens a second, masked step", against="unmasked", unit="tokens/s", ours=[tokens / each for each in ours],
             theirs=[tokens / each for each in theirs], ratio=False),
        line("share of the measured rate of matrix products, masked step", unit="%",
             ours=[100 * operations(size) / each / rate for each in ours]),
    ]  # fmt: skip
    return lines, [
        f"{precision}, {size.batch} × {size.length} sub-words, {size.weights:,} prunable weights, half of them pruned; "
        f"matrix products alone reach {rate / 1e9:,.0f} GFLOP/s",
        "a mask that keeps all gives the losses of no mask (on a CPU bit for bit); pruned weights stay 0.0",
    ]
