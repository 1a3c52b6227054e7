"""Outcomes: counts of examples and the scores of their sums."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

from finetune.errors import InputError
from finetune.metrics import CLASSES
from finetune.outcomes import METRICS, metric_called, spans_of

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
sentences = st.lists(st.sampled_from(TAGS), min_size=1, max_size=8)
paired = st.lists(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(*[st.lists(st.sampled_from(TAGS), min_size=n, max_size=n) for _ in range(2)])
    ),
    min_size=1,
    max_size=6,
)


def computed(name, predictions, references):
    metric = CLASSES[name]()
    metric.add_batch(predictions=predictions, references=references)
    return metric.compute()


@given(sentences)
def test_spans_are_those_seqeval_reads(tags):
    assert spans_of(tags) == {(kind, start, end + 1) for kind, start, end in get_entities(tags)}


@given(paired)
def test_span_f1_is_seqevals(pairs):
    predictions, references = [list(side) for side in zip(*pairs, strict=True)]
    rows = np.array([_span_counts(p, r) for p, r in pairs], dtype=float)
    if rows.sum() == 0:
        expected = 0.0  # seqeval warns and says 0
    else:
        expected = 100 * f1_score(references, predictions, zero_division=0)
    assert float(METRICS["span_f1"].score(rows.sum(axis=0))) == pytest.approx(expected, abs=1e-9)


def _span_counts(predicted, gold):
    predicted, gold = set(get_entities(predicted)), set(get_entities(gold))
    return len(predicted & gold), len(predicted), len(gold)


def test_span_f1_by_hand_counts_a_wrong_end_as_wrong():
    found = computed("span_f1", [["B-PER", "O"], ["B-LOC", "O"]], [["B-PER", "I-PER"], ["B-LOC", "O"]])
    assert found["counts"].tolist() == [[0, 1, 1], [1, 1, 1]]
    assert found["score"] == 50.0


def test_accuracy_by_hand():
    found = computed("accuracy", [["NOUN", "VERB"], [""]], [["NOUN", "ADJ"], ["DET"]])
    assert found["counts"].tolist() == [[1, 2], [0, 1]]
    assert found["score"] == pytest.approx(100 / 3)


def test_perplexity_is_exp_of_summed_loss_over_tokens_not_a_mean_of_means():
    found = computed("perplexity", [3.0, 1.0], [1, 3])
    assert found["score"] == pytest.approx(math.exp(4 / 4))
    assert found["score"] != pytest.approx(math.exp((3 / 1 + 1 / 3) / 2))


@pytest.mark.parametrize(("name", "score"), [("accuracy", 0.0), ("span_f1", 0.0), ("perplexity", 1.0)])
def test_nothing_to_score_has_a_documented_score(name, score):
    empty = np.zeros(len(METRICS[name].counts))
    assert float(METRICS[name].score(empty)) == score


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(5, 9)), min_size=2, max_size=6))
def test_scores_of_many_resamples_at_once_are_those_of_each(rows):
    totals = np.array(rows, dtype=float)
    together = METRICS["accuracy"].score(totals)
    assert together.tolist() == [float(METRICS["accuracy"].score(each)) for each in totals]


def test_an_unknown_metric_is_refused_with_the_choices():
    with pytest.raises(InputError, match="accuracy, span_f1, perplexity"):
        metric_called("bleu")
