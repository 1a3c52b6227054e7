"""A training step with the embeddings of the pieces that occur, beside one with those of the whole vocabulary."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from finetune.vocabulary import narrow_
from tests.benchmarks import memory
from tests.benchmarks.harness import Setting, children, take_turns
from tests.benchmarks.lines import Line, line
from tests.benchmarks.training import (
    ROUNDING,
    accelerator_on,
    check_close,
    encoder,
    material,
    most_apart,
    precision_on,
    trained,
)

OCCURS = 6  # one in so many pieces does


@dataclass(frozen=True)
class Turn:
    """Some steps, and the most memory there was in them."""

    losses: list[float]
    seconds: float
    peak: int


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Both sides live in processes of their own, train on from turn to turn, and draw the same dropout."""
    with children({"ours": (ours, [setting]), "theirs": (theirs, [setting])}) as sides:
        found = take_turns(sides, setting.turns(4))
    for own, other in zip(found["ours"], found["theirs"], strict=True):
        check_close("losses", own.losses, other.losses, relative=1e-3 if setting.device == "cpu" else ROUNDING)
    seconds, peaks = (
        [[number(turn) for turn in found[side]] for side in ("ours", "theirs")]
        for number in (lambda turn: turn.seconds, lambda turn: turn.peak)
    )
    against, size = "the whole vocabulary", setting.size
    return [
        line("training step, pieces that occur", against=against, unit="s", ours=seconds[0], theirs=seconds[1]),
        line("peak memory of it", against=against, unit="B", ours=peaks[0], theirs=peaks[1]),
    ], [
        f"{precision_on(setting.device)}, {size.vocabulary // OCCURS:,} of {size.vocabulary:,} pieces occur; "
        f"losses differ by {most_apart(found['ours'], found['theirs']):.0e} of them at most"
    ]


def ours(setting: Setting) -> Iterator[Turn]:
    """The rows of the pieces that occur."""
    return _turns(setting, narrows=True)


def theirs(setting: Setting) -> Iterator[Turn]:
    """All rows."""
    return _turns(setting, narrows=False)


def _turns(setting: Setting, *, narrows: bool) -> Iterator[Turn]:
    precision, occurs = precision_on(setting.device), setting.size.vocabulary // OCCURS
    model = encoder(setting.size, "token")
    if narrows:
        narrow_(model, np.arange(occurs))
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(model)
    plan = material(replace(setting.size, vocabulary=occurs), "token", precision=precision)
    while True:
        memory.reset_peak(setting.device)
        steps = trained(model, plan, accelerator=accelerator)
        yield Turn(steps.losses, statistics.median(steps.seconds), memory.peak(setting.device))
