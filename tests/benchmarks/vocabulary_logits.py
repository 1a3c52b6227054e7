"""A step of masked language modelling with logits where a token is asked for, beside one with logits everywhere."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from tests.benchmarks import memory, published
from tests.benchmarks.harness import Setting, children, take_turns
from tests.benchmarks.lines import Line, line, times_less
from tests.benchmarks.training import (
    LEARNING_RATE,
    ROUNDING,
    Steps,
    accelerator_on,
    check_close,
    encoder,
    material,
    most_apart,
    precision_on,
    trained,
)

PLAIN = "step of masked language modelling"
RECOMPUTED = f"{PLAIN}, finetune.recompute"


@dataclass(frozen=True)
class Turn:
    """Some steps: the memory between two steps (weights and AdamW's moments), and the most there was in a step."""

    losses: list[float]
    seconds: float
    between: int
    peak: int


class Gauge:
    """Memory over the steps of a turn, from after the first."""

    def __init__(self, device: str) -> None:
        self.device, self.between, self.peak = device, 0, 0

    def step(self) -> None:
        """A step is done."""
        if self.between:
            self.peak = max(self.peak, memory.peak(self.device))
        else:
            self.between = memory.in_use(self.device)
        memory.reset_peak(self.device)


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """All sides live in processes of their own, train on from turn to turn, and draw the same dropout."""
    sides = {PLAIN: (ours, [setting, False]), RECOMPUTED: (ours, [setting, True]), "theirs": (theirs, [setting])}
    with children(sides) as running:
        found = take_turns(running, setting.turns(4))
    notes, lines = [], []
    for name in (PLAIN, RECOMPUTED):
        for own, other in zip(found[name], found["theirs"], strict=True):
            check_close("losses", own.losses, other.losses, relative=1e-3 if setting.device == "cpu" else ROUNDING)
        lines += _lines(name, found[name], found["theirs"])
        notes.append(f"{name}: losses differ by {most_apart(found[name], found['theirs']):.0e} of them at most")
    size = setting.size
    return lines, [
        f"{precision_on(setting.device)}, {size.mlm_batch} × {size.mlm_length} sub-words, {size.vocabulary:,} pieces, "
        "15 % asked for",
        *notes,
    ]


def _lines(name: str, own: list[Turn], other: list[Turn]) -> list[Line]:
    each = partial(line, against="logits everywhere")
    seconds, peaks, above = (
        {"ours": [number(turn) for turn in own], "theirs": [number(turn) for turn in other]}
        for number in (lambda turn: turn.seconds, lambda turn: turn.peak, lambda turn: turn.peak - turn.between)
    )
    third = times_less(3.0, "a third")
    return [
        each(name, unit="s", **seconds, mark=times_less(1.7, "1.7 × faster")),
        each(f"{name}: peak memory in all", unit="B", **peaks, mark=third),
        each(f"{name}: peak memory above weights and moments", unit="B", **above, mark=third),
    ]


def ours(setting: Setting, recompute: bool = False) -> Iterator[Turn]:
    """The project's loop."""
    precision = precision_on(setting.device)
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(setting.size, "mlm"))
    plan = material(setting.size, "mlm", precision=precision, recompute=recompute)
    while True:
        gauge = Gauge(setting.device)
        steps = trained(model, plan, accelerator=accelerator, on_step=lambda step, gauge=gauge: gauge.step())
        yield _turn(steps, gauge)


def theirs(setting: Setting) -> Iterator[Turn]:
    """A plain loop over the loss that the model computes itself."""
    precision = precision_on(setting.device)
    model = encoder(setting.size, "mlm").to(setting.device)
    plan = material(setting.size, "mlm", precision=precision)
    while True:
        gauge, steps = Gauge(setting.device), Steps()

        def each(loss: torch.Tensor, gauge: Gauge = gauge, steps: Steps = steps) -> None:
            steps.add(loss)
            gauge.step()

        torch.manual_seed(plan.seed)
        published.train_plainly_(
            model, plan.batches(), steps=plan.steps, learning_rate=LEARNING_RATE, fused=True, precision=precision,
            on_step=each,
        )  # fmt: skip
        yield _turn(steps, gauge)


def _turn(steps: Steps, gauge: Gauge) -> Turn:
    return Turn(steps.losses, statistics.median(steps.seconds), gauge.between, gauge.peak)
