"""Scoring: a model and the examples of a split in, the outcome of every example out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from finetune.examples import IGNORED, Encoded, Integers, collate, evaluation_order
from finetune.free_memory import free_memory_kept
from finetune.metrics import CLASSES
from finetune.outcomes import Outcomes
from finetune.tasks import Task
from finetune.training import logits_and_labels, unwrapped

BATCH_TOKENS = 4096  # padded sub-words a batch: what keeps a batch of any length within the same memory

Answers = dict[int, NDArray[Any]]


@free_memory_kept()
def evaluate(model: nn.Module, examples: Encoded, task: Task, *, accelerator: Accelerator, pad_id: int) -> Outcomes:
    """The outcome of every example, on all ranks alike.

    Labels of words that were cut off count as asked: predicted as O where the task has an O, else as nothing, so
    wrong. For `mlm` an example's outcome is its summed loss over the tokens masked beforehand.
    """
    answers = dict(_answers(model, examples, accelerator=accelerator, pad_id=pad_id))
    for part in gather_object([answers]) if accelerator.num_processes > 1 else ():
        answers.update(part)
    metric = CLASSES[task.metric]()
    predictions, references = _paired(answers, examples, task)
    metric.add_batch(predictions=predictions, references=references)
    return Outcomes(task.metric, metric.compute()["counts"])


@torch.inference_mode()
def _answers(
    model: nn.Module, examples: Encoded, *, accelerator: Accelerator, pad_id: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Of each example of this rank: the predicted label wherever one is asked, or for `mlm` the loss there."""
    model = unwrapped(model)  # ranks score batches of their own number, so nothing may wait for the others
    model.eval()
    batches = list(evaluation_order(examples.lengths, batch_tokens=BATCH_TOKENS))
    for chosen in batches[accelerator.process_index :: accelerator.num_processes]:
        batch = collate(examples, chosen, pad_id=pad_id)
        asked = (batch["labels"] != IGNORED).reshape(len(chosen), -1).sum(dim=1).tolist()
        batch = {name: tensor.to(accelerator.device, non_blocking=True) for name, tensor in batch.items()}
        logits, labels = logits_and_labels(model, batch, examples.kind)
        if examples.kind == "mlm":
            answers = functional.cross_entropy(logits, labels, reduction="none")
        else:
            answers = logits.argmax(dim=-1)
        yield from zip(chosen.tolist(), np.split(answers.cpu().numpy(), np.cumsum(asked)[:-1]), strict=True)


def _paired(answers: Answers, examples: Encoded, task: Task) -> tuple[list[Any], list[Any]]:
    """Predictions and references as the metric wants them, in the data's order."""
    order = range(len(examples))
    if examples.kind == "mlm":
        losses = [float(answers[example].sum(dtype=np.float64)) for example in order]
        return losses, [len(answers[example]) for example in order]
    if examples.kind == "sentence":
        return (
            [_names(answers[example], task) for example in order],
            [_names(examples.labels[example : example + 1], task) for example in order],
        )
    predictions, references = [], []
    for example in order:
        words = slice(examples.gold_starts[example], examples.gold_starts[example + 1])
        seen = examples.seen[words]
        predicted = np.full(len(seen), "O" if "O" in task.labels else "", dtype=object)
        predicted[seen] = _names(answers[example], task)
        predictions.append(predicted.tolist())
        references.append(_names(examples.gold[words], task))
    return predictions, references


def _names(labels: Integers, task: Task) -> list[str]:
    return [task.labels[label] for label in labels]
