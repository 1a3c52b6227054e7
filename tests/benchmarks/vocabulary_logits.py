"""A step of masked language modelling with logits where a token is asked for, beside one with logits everywhere."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

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
    """Both sides live in processes of their own, train on from turn to turn, and draw the same dropout."""
    with children({"ours": (ours, [setting]), "theirs": (theirs, [setting])}) as sides:
        found = take_turns(sides, setting.turns(4))
    for own, other in zip(found["ours"], found["theirs"], strict=True):
        check_close("losses", own.losses, other.losses, relative=1e-3 if setting.device == "cpu" else ROUNDING)
    turns = found["ours"], found["theirs"]
    largest = most_apart(*turns)
    against = "logits everywhere"
    seconds, peaks, above = (
        [[number(turn) for turn in side] for side in turns]
        for number in (lambda turn: turn.seconds, lambda turn: turn.peak, lambda turn: turn.peak - turn.between)
    )
    third = times_less(3.0, "a third")
    size = setting.size
    lines = [
        line("step of masked language modelling", against=against, unit="s", ours=seconds[0], theirs=seconds[1],
             mark=times_less(1.7, "1.7 × faster")),
        line("peak memory of the step, in all", against=against, unit="B", ours=peaks[0], theirs=peaks[1], mark=third),
        line("peak memory above weights and moments", against=against, unit="B", ours=above[0], theirs=above[1],
             mark=third),
    ]  # fmt: skip
    return lines, [
        f"{precision_on(setting.device)}, {size.mlm_batch} × {size.mlm_length} sub-words, {size.vocabulary:,} pieces, "
        f"15 % asked for; losses differ by {largest:.0e} of them at most"
    ]


def ours(setting: Setting) -> Iterator[Turn]:
    """The project's loop."""
    precision = precision_on(setting.device)
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(setting.size, "mlm"))
    plan = material(setting.size, "mlm", precision=precision)
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
