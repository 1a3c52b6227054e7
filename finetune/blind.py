"""What a split asks, and what the best answer gets that does not look at the text: the least a model must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finetune.errors import InputError
from finetune.examples import IGNORED, Encoded
from finetune.outcomes import spans_of
from finetune.tasks import Task


def check_asks(examples: Encoded, task: Task, *, where: str) -> None:
    """Stops where a split asks nothing, as its score would be a number that says nothing.

    Raises:
        InputError: no label, no entity or no masked token in the whole split; `where` names it.
    """
    what, asked = _asked(examples, task)
    if not asked:
        raise InputError(
            f"{where}: {len(examples)} examples without {what}: {task.metric} would say nothing; use more or other data"
        )


def blind_score(examples: Encoded, task: Task) -> float:
    """The score of the best answer that is the same for every text.

    `accuracy`: the share of the most frequent label, in percent. `span_f1`: 0, that of no entity anywhere.
    `perplexity`: exp of the entropy of the tokens asked for (in nats), that of always predicting how often each occurs.
    Answers are chosen with the split's own labels in sight, so this is as high as such a score can be.
    """
    if task.metric == "span_f1":
        return 0.0
    _, counts = np.unique(_labels(examples), return_counts=True)
    shares = counts / counts.sum()
    if task.metric == "accuracy":
        return float(100 * shares.max())
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _asked(examples: Encoded, task: Task) -> tuple[str, int]:
    if task.metric != "span_f1":
        return ("a masked token" if examples.kind == "mlm" else "a label"), len(_labels(examples))
    tags = [task.labels[label] for label in examples.gold]
    sentences = (tags[first:end] for first, end in zip(examples.gold_starts, examples.gold_starts[1:], strict=False))
    return "an entity", sum(len(spans_of(sentence)) for sentence in sentences)


def _labels(examples: Encoded) -> NDArray[np.int64]:
    """All that is asked: the label of every example or word, or the token at every masked place."""
    labels = examples.gold if examples.kind == "token" else examples.labels
    asked: NDArray[np.int64] = labels[labels != IGNORED]
    return asked
