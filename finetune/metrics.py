"""The metrics as local `evaluate.Metric` classes: no network, nothing written to disk.

Importing this file imports `evaluate`, which takes seconds: only what trains and scores imports this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import evaluate
import numpy as np
from datasets import Features, Value
from datasets import Sequence as SequenceOf

from finetune.outcomes import Counts, metric_called, spans_of

WORDS = Features({"predictions": SequenceOf(Value("string")), "references": SequenceOf(Value("string"))})
BLOCKS = Features({"predictions": Value("float64"), "references": Value("int64")})


def label_counts(prediction: Sequence[str], reference: Sequence[str]) -> tuple[float, ...]:
    """(right, all) labels of one example: one label for a sentence, one a word."""
    return sum(p == r for p, r in zip(prediction, reference, strict=True)), len(reference)


def span_counts(prediction: Sequence[str], reference: Sequence[str]) -> tuple[float, ...]:
    """(right, predicted, gold) spans of one sentence; a span is right if its type and both its ends are."""
    predicted, gold = spans_of(prediction), spans_of(reference)
    return len(predicted & gold), len(predicted), len(gold)


def loss_counts(prediction: float, reference: int) -> tuple[float, ...]:
    """(summed loss in nats, tokens) of one block."""
    return prediction, reference


class CountedMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate ships no types
    """A metric over per-example counts: `compute` gives {"score": float, "counts": one row an example}."""

    metric: ClassVar[str]
    description: ClassVar[str]
    features: ClassVar[Features]
    count: ClassVar[Callable[..., tuple[float, ...]]]

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.description, citation="", inputs_description="", features=self.features
        )

    def _compute(self, predictions: Sequence[Any], references: Sequence[Any]) -> dict[str, Any]:
        rows = [self.count(*pair) for pair in zip(predictions, references, strict=True)]
        counts: Counts = np.array(rows, dtype=np.float64)
        return {"score": float(metric_called(self.metric).score(counts.sum(axis=0))), "counts": counts}


class Accuracy(CountedMetric):
    """Labels predicted right; an example is a list of label names."""

    metric, description, features = "accuracy", "percentage of labels predicted right", WORDS
    count = staticmethod(label_counts)


class SpanF1(CountedMetric):
    """F1 of entity spans; an example is a list of IOB tags."""

    metric, description, features = "span_f1", "micro-averaged F1 of entity spans, in percent", WORDS
    count = staticmethod(span_counts)


class Perplexity(CountedMetric):
    """exp of the mean token loss; an example is a block's summed loss (prediction) and token count (reference)."""

    metric, description, features = "perplexity", "exp of the summed token loss over the token count", BLOCKS
    count = staticmethod(loss_counts)


CLASSES: dict[str, type[CountedMetric]] = {each.metric: each for each in (Accuracy, SpanF1, Perplexity)}
