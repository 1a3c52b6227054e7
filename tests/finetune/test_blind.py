"""What a split asks, and what one answer to everything gets."""

import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from tasks_of_conf import task_called

from finetune.blind import blind_score, check_asks
from finetune.errors import InputError
from finetune.examples import IGNORED, Encoded
from finetune.outcomes import METRICS

NOTHING = np.zeros(0, dtype=np.int64)


def encoded(kind, *, labels=NOTHING, gold=NOTHING, gold_starts=(0, 0)):
    return Encoded(
        kind=kind, token_ids=np.zeros(1, np.int32), segment_ids=None, starts=np.array([0, 1]),
        labels=np.asarray(labels), gold=np.asarray(gold), gold_starts=np.asarray(gold_starts),
        seen=np.ones(len(gold), np.bool_), cut=0,
    )  # fmt: skip


def test_of_labels_the_most_frequent_is_the_best_one_answer():
    labels = np.array([0, 1, 1, 2, 1, 0, 2, 1])
    dummy = DummyClassifier(strategy="most_frequent").fit(labels, labels)
    expected = 100 * dummy.score(labels, labels)
    assert blind_score(encoded("sentence", labels=labels), task_called("xnli")) == expected == 50
    # Of words, those that were cut off count too.
    words = encoded("token", labels=[IGNORED, 3], gold=[3, 3, 5, 3], gold_starts=[0, 4])
    assert blind_score(words, task_called("pos")) == 75


def test_of_tokens_it_is_how_often_each_occurs():
    tokens = [7, IGNORED, 7, 9, IGNORED, 11]
    found = blind_score(encoded("mlm", labels=tokens), task_called("mlm"))
    assert found == pytest.approx(math.exp(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))))
    same = encoded("mlm", labels=[7] * 5)
    assert blind_score(same, task_called("mlm")) == METRICS["perplexity"].score(np.array([0.0, 5.0])) == 1


def test_entities_need_a_text():
    assert blind_score(encoded("token", gold=[1, 2], gold_starts=[0, 2]), task_called("ner")) == 0


@pytest.mark.parametrize(
    ("task", "kind", "silent", "speaking", "what"),
    [
        ("ner", "token", {"gold": [0, 0], "gold_starts": [0, 2]}, {"gold": [0, 1], "gold_starts": [0, 2]}, "an entity"),
        ("mlm", "mlm", {"labels": [IGNORED]}, {"labels": [4]}, "a masked token"),
        ("pos", "token", {}, {"gold": [0], "gold_starts": [0, 1]}, "a label"),
    ],
)
def test_a_split_that_asks_nothing_is_refused(task, kind, silent, speaking, what):
    with pytest.raises(InputError, match=f"here: 1 examples without {what}"):
        check_asks(encoded(kind, **silent), task_called(task), where="here")
    check_asks(encoded(kind, **speaking), task_called(task), where="here")


def test_what_is_better_depends_on_the_metric():
    assert METRICS["accuracy"].better(2, 1)
    assert METRICS["perplexity"].better(1, 2)
    assert not any(METRICS[name].better(1, 1) for name in METRICS)
