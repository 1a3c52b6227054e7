"""What a model got right, example by example: counts that add up to the score, so any resampling of them scores too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.errors import InputError

Counts = NDArray[np.float64]
Span = tuple[str, int, int]


@dataclass(frozen=True)
class Metric:
    """A score that is a function of counts summed over examples.

    Attributes:
        counts: what is counted of each example.
        score: totals of shape (..., len(counts)) -> scores of shape (...).
        higher_is_better: False for perplexity.
    """

    counts: tuple[str, ...]
    score: Callable[[Counts], Counts]
    higher_is_better: bool = True

    def better(self, score: float, than: float) -> bool:
        """Whether a score is better than another."""
        return score > than if self.higher_is_better else score < than


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of one evaluation: one row of counts an example, in the data's order."""

    metric: str
    counts: Counts

    @property
    def score(self) -> float:
        """The metric over all examples: accuracy and F1 in 0-100, perplexity from 1."""
        return float(METRICS[self.metric].score(self.counts.sum(axis=0)))


def accuracy(totals: Counts) -> Counts:
    """Percentage of right answers, from totals (right, all); 0 where nothing was asked."""
    right, asked = np.moveaxis(np.asarray(totals, dtype=np.float64), -1, 0)
    return 100 * _ratio(right, asked)


def span_f1(totals: Counts) -> Counts:
    """Micro-averaged F1 of spans in percent, from totals (right, predicted, gold): 2 right / (predicted + gold).

    0 where there are neither predicted nor gold spans, as in seqeval's `zero_division=0`.
    """
    right, predicted, gold = np.moveaxis(np.asarray(totals, dtype=np.float64), -1, 0)
    return 100 * _ratio(2 * right, predicted + gold)


def perplexity(totals: Counts) -> Counts:
    """exp(loss / tokens), from totals (summed loss in nats, tokens); 1 where there is no token."""
    loss, tokens = np.moveaxis(np.asarray(totals, dtype=np.float64), -1, 0)
    with np.errstate(over="ignore"):  # a loss beyond 709 nats is a perplexity of infinity, which training refuses
        return np.asarray(np.exp(_ratio(loss, tokens)))


METRICS: dict[str, Metric] = {
    "accuracy": Metric(("right", "all"), accuracy),
    "span_f1": Metric(("right", "predicted", "gold"), span_f1),
    "perplexity": Metric(("loss", "tokens"), perplexity, higher_is_better=False),
}


def metric_called(name: str) -> Metric:
    """The metric of a name.

    Raises:
        InputError: no metric has that name.
    """
    if name not in METRICS:
        raise InputError(f"no metric is called {name!r}; choose one of: {', '.join(METRICS)}")
    return METRICS[name]


def spans_of(tags: Sequence[str]) -> set[Span]:
    """The entities of one sentence as (type, first word, word after the last), read as seqeval reads IOB tags.

    A span starts at B, and also at an I that does not continue a span of its type; it ends before the next O, B or
    other type (conlleval's rule, seqeval's default mode).

    >>> sorted(spans_of(["B-PER", "I-PER", "O", "I-LOC"]))
    [('LOC', 3, 4), ('PER', 0, 2)]
    """
    spans: set[Span] = set()
    kind, start = "", 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, found = tag.partition("-")
        if kind and not (prefix == "I" and found == kind):
            spans.add((kind, start, position))
            kind = ""
        if prefix != "O" and not kind:
            kind, start = found, position
    return spans


def _ratio(part: Counts, whole: Counts) -> Counts:
    return np.divide(part, whole, out=np.zeros_like(np.asarray(whole, dtype=np.float64)), where=whole != 0)
