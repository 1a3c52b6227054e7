"""Other ways to take the same masked step: bf16 by autocast, and layers compiled in place."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from torch._inductor import config as inductor

from finetune.base_model import encoder_of
from finetune.training import unwrapped
from pruning.controls import random_mask
from pruning.masking import apply_, masked_gradients
from pruning.scope import prunable
from tests.benchmarks.harness import Setting, children, take_turns
from tests.benchmarks.lines import Line, line
from tests.benchmarks.training import accelerator_on, check_close, encoder, material, precision_on, trained

ROUNDING = {"bf16": 0.03, "compiled": 1e-3}  # relative, of losses: bf16 has 8 bits


@dataclass(frozen=True)
class Turn:
    """Some steps; `first` are the seconds of the first of all, which compiles."""

    losses: list[float]
    seconds: float
    first: float


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Each way lives in a process of its own and trains on from turn to turn."""
    plain = precision_on(setting.device)
    ways = {"plain": (plain, False), "bf16": ("bf16", False), "compiled": (plain, True)}
    if setting.size.name == "tiny":
        ways.pop("compiled")  # compiling takes longer than a try is to take
    if plain == "bf16":
        ways.pop("bf16")
    with children({name: (_steps, [setting, *way]) for name, way in ways.items()}) as sides:
        found = take_turns(sides, setting.turns(4))
    others = [name for name in ways if name != "plain"]
    for name in others:
        for own, other in zip(found[name], found["plain"], strict=True):
            check_close(f"losses, {name}", own.losses, other.losses, relative=ROUNDING[name])
    seconds = {name: [turn.seconds for turn in turns] for name, turns in found.items()}
    lines = [
        line(f"masked training step, {name}", against=plain, unit="s", ours=seconds[name], theirs=seconds["plain"])
        for name in others
    ]
    if "compiled" in found:
        lines.append(line("first step, compiled", against=plain, unit="s", ours=[found["compiled"][0].first],
                          theirs=[found["plain"][0].first]))  # fmt: skip
    return lines, [
        f"losses equal to rounding only: {', '.join(f'{name} {ROUNDING[name]:g}' for name in others)} of them"
    ]


def _steps(setting: Setting, precision: str, compiled: bool) -> Iterator[Turn]:
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(setting.size, "token"))
    weights = prunable(encoder_of(unwrapped(model)))
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    mask = random_mask(shapes, kept=setting.size.weights // 2, seed=0)
    apply_(weights, mask)
    if compiled:
        inductor.fallback_random = True  # else compiled layers draw other dropout, and losses could not be compared
        for layer in unwrapped(model).bert.encoder.layer:
            layer.compile(dynamic=True)
    plan = material(setting.size, "token", precision=precision)
    while True:
        began = time.perf_counter()
        with masked_gradients(weights, mask):
            steps = trained(model, plan, accelerator=accelerator)
        yield Turn(steps.losses, statistics.median(steps.seconds), steps.stamps[0] - began)
