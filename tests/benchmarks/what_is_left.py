"""What other savings could bring at most: padding, collation, rewinding; and what batches by sub-words bring."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from finetune.base_model import encoder_of, load_base
from finetune.evaluation import evaluate
from finetune.examples import Integers, training_order
from finetune.training import unwrapped
from pruning.controls import random_mask
from pruning.masking import masked_gradients
from pruning.rewinding import rewind_, start_of
from pruning.scope import prunable
from subnets.data import Data, read_data
from tests.benchmarks.harness import Setting, Unequal, timed, timed_turns
from tests.benchmarks.lines import Line, line
from tests.benchmarks.ticket import TASKS, evaluated, padded
from tests.benchmarks.training import accelerator_on, encoder, material, precision_on, trained
from tests.composed import settings

MANY = 100  # batches whose padding is counted


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Shares of what there is, so that nobody works at what can bring little."""
    lines = [*_shares_of_a_step(setting)]
    for label, words in _texts(setting):
        lines += _of_texts(setting, label, words)
    return lines, [
        "sub-words computed for each real one: packing could save what is above 1; both orders visit the same examples",
        "evaluation: both sides give every example the same outcome",
    ]


def _shares_of_a_step(setting: Setting) -> Iterator[Line]:
    precision, size = precision_on(setting.device), setting.size
    accelerator = accelerator_on(setting.device, precision=precision)
    model = accelerator.prepare_model(encoder(size, "token"))
    weights, start = prunable(encoder_of(unwrapped(model))), start_of(model)
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    mask = random_mask(shapes, kept=size.weights // 2, seed=0)
    plan = material(size, "token", precision=precision)
    with masked_gradients(weights, mask):
        step = statistics.median(trained(model, plan, accelerator=accelerator).seconds)
    batches = plan.batches()
    collating = [timed(lambda: next(batches)) for _ in range(size.steps)]
    rewinding = [timed(lambda: rewind_(model, start)) for _ in range(3)]
    yield line("collating a batch, share of a step", unit="%", ours=[100 * each / step for each in collating])
    yield line("rewinding by copy, in steps of training", unit="steps", ours=[each / step for each in rewinding])


def _texts(setting: Setting) -> Iterator[tuple[str, tuple[str, ...]]]:
    few = ("data.train_examples=64", "data.validation_examples=40") if setting.size.name == "tiny" else ()
    for task, lang in TASKS.items():
        yield f"{task}, embedded", (f"task={task}", f"lang={lang}", *few)
        if setting.checkpoint and setting.data:
            yield f"{task}, real", (
                f"task={task}", f"lang={lang}", "data=files", f"data.root={setting.data}", "model=checkpoint",
                f"model.name={Path(setting.checkpoint).resolve()}", "data.validation_examples=400", *few,
            )  # fmt: skip


def _of_texts(setting: Setting, label: str, words: tuple[str, ...]) -> Iterator[Line]:
    given = settings(*words)
    base = load_base(given.model, given.task, seed=0, max_length=given.finetune.max_length)
    data = read_data(given, base)
    yield _padding(label, data, batch_size=given.finetune.batch_size)
    accelerator = accelerator_on(setting.device, precision="fp32")
    model, pad_id = accelerator.prepare_model(base.model), base.tokenizer.pad_token_id
    fixed = padded(data.validation, pad_id, given.finetune.max_length)
    ours = partial(evaluate, model, data.validation, given.task, accelerator=accelerator, pad_id=pad_id)
    theirs = partial(evaluated, model, fixed, data.validation, given.task)
    if not np.array_equal(ours().counts, theirs()):
        raise Unequal(f"{label}: evaluations differ")
    seconds = timed_turns({"ours": ours, "theirs": theirs}, setting.turns(4))
    against = f"32 examples padded to {given.finetune.max_length}"
    yield line(f"evaluation of {label}", against=against, unit="s", **seconds)


def _padding(label: str, data: Data, *, batch_size: int) -> Line:
    lengths = data.train.lengths
    ours = islice(training_order(lengths, batch_size=batch_size, seed=0), MANY)
    shuffled = np.random.default_rng(0).permutation(len(lengths))
    theirs = [shuffled[at : at + batch_size] for at in range(0, len(lengths), batch_size)][:MANY]
    return line(
        f"sub-words computed for each real one, training batches of {label}", against="shuffled, padded to the longest",
        unit="", ours=[_computed(lengths, list(ours))], theirs=[_computed(lengths, theirs)],
    )  # fmt: skip


def _computed(lengths: Integers, batches: list[Integers]) -> float:
    whole = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return whole / sum(int(lengths[batch].sum()) for batch in batches)
