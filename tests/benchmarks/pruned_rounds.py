"""Rounds of training inside masks beside the same rounds by torch's prune: seconds, memory, and what is left behind."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from finetune.base_model import encoder_of
from finetune.training import unwrapped
from pruning.mask import Mask
from pruning.masking import apply_, masked_gradients
from pruning.rewinding import rewind_, start_of
from pruning.scope import prunable
from pruning.selection import keep_highest
from tests.benchmarks import memory, published
from tests.benchmarks.harness import Setting, Unequal, children, take_turns, timed
from tests.benchmarks.lines import Line, Mark, line, times_less
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

ROUNDS = 5
MOST = 9  # a tenth each: the next would leave nothing
FLAT = 0.02  # of the memory after the first round: allocators keep a little
# Share of the masks' bits that may differ, by rounding: Adam's first steps are as large for small gradients.
ASTRAY = {"cpu": 1e-6, "cuda": 1e-3}


@dataclass(frozen=True)
class RoundDone:
    """A round as one side saw it; `between` are the seconds to choose the next mask and to rewind."""

    losses: list[float]
    seconds: float
    between: float
    memory: int
    peak: int
    mask: Mask


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Both sides live in processes of their own and take turns round by round."""
    with children({"ours": (ours, [setting]), "theirs": (theirs, [setting])}) as sides:
        found = take_turns(sides, min(MOST, setting.turns(ROUNDS)))
    for own, other in zip(found["ours"], found["theirs"], strict=True):
        check_close("losses", own.losses, other.losses, relative=1e-3 if setting.device == "cpu" else ROUNDING)
        apart = (own.mask ^ other.mask).kept
        if apart > ASTRAY[setting.device] * own.mask.total or own.mask.kept != other.mask.kept:
            raise Unequal(f"masks differ in {apart} of {own.mask.total} weights")
    own, other = found["ours"], found["theirs"]
    each = partial(_line, own, other, against="torch.nn.utils.prune")
    grown = {side: [done[-1].memory - done[0].memory] for side, done in found.items()}
    flat = Mark(
        f"flat: at most {FLAT:.0%} of {own[0].memory / 1e6:,.0f} MB", lambda ours, _: ours <= FLAT * own[0].memory
    )
    lines = [
        each("training step inside a mask", "s", lambda done: done.seconds, mark=times_less(1.0, "faster")),
        each("choosing the next mask, and rewinding", "s", lambda done: done.between),
        each("memory after a round", "B", lambda done: done.memory),
        each("peak memory in a round", "B", lambda done: done.peak),
        line(f"growth of memory from round 1 to {len(own)}", against="torch.nn.utils.prune", unit="B",
             ours=grown["ours"], theirs=grown["theirs"], mark=flat, ratio=False),
    ]  # fmt: skip
    apart = max((one.mask ^ two.mask).kept for one, two in zip(own, other, strict=True))
    return lines, [
        f"{len(own)} rounds, a tenth of the weights pruned in each, AdamW fused on both sides; losses differ by "
        f"{most_apart(own, other):.0e} of them at most, masks in {apart} of {own[0].mask.total:,} weights"
    ]


def ours(setting: Setting) -> Iterator[RoundDone]:
    """As `Workbench` does it."""
    precision = precision_on(setting.device)
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(setting.size, "token"))
    weights, start = prunable(encoder_of(unwrapped(model))), start_of(model)
    mask = Mask.full({name: tuple(weight.shape) for name, weight in weights.items()})
    plan = material(setting.size, "token", precision=precision)
    for number in range(MOST):
        memory.reset_peak(setting.device)
        apply_(weights, mask)
        with masked_gradients(weights, mask):
            steps = trained(model, plan, accelerator=accelerator)

        def go_on(number: int = number) -> None:
            nonlocal mask
            kept = mask.kept - round(mask.kept / (10 - number))
            mask = keep_highest(lambda name: weights[name].detach().abs(), mask, kept=kept)
            rewind_(model, start)

        yield _done(setting, steps, timed(go_on), mask)


def theirs(setting: Setting) -> Iterator[RoundDone]:
    """As the published code does it."""
    precision = precision_on(setting.device)
    model = encoder(setting.size, "token").to(setting.device)
    modules, start = published.prunable_modules(model), published.start_of(model)
    names = sorted(prunable(encoder_of(model)))
    plan = material(setting.size, "token", precision=precision)
    first = next(plan.batches())
    for number in range(MOST):
        memory.reset_peak(setting.device)
        steps = Steps()
        torch.manual_seed(plan.seed)
        published.train_plainly_(
            model, plan.batches(), steps=plan.steps, learning_rate=LEARNING_RATE, fused=True, precision=precision,
            on_step=steps.add,
        )  # fmt: skip
        with torch.no_grad():  # what is ranked is as of the last forward pass: in their code, that of the evaluation
            model(input_ids=first["input_ids"][:1].to(setting.device))

        def go_on(number: int = number) -> None:
            published.prune_(modules, round_number=number)
            published.rewind_(model, start, head=True)

        seconds = timed(go_on)
        kept = dict(zip(names, published.bools_of(modules), strict=True))
        yield _done(setting, steps, seconds, Mask.from_bools(kept))


def _done(setting: Setting, steps: Steps, between: float, mask: Mask) -> RoundDone:
    peak = memory.peak(setting.device)
    return RoundDone(steps.losses, statistics.median(steps.seconds), between, memory.in_use(setting.device), peak, mask)


def _line(own: list[RoundDone], other: list[RoundDone], what: str, unit: str, number: Any, **more: Any) -> Line:
    return line(what, unit=unit, ours=[number(done) for done in own], theirs=[number(done) for done in other], **more)
