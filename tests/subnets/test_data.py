"""Examples of a run: those of one language, or of a mix in which every language has its share."""

import numpy as np
import pytest
from composed import settings

from finetune.base_model import load_base
from subnets.data import read_data, shared_out
from subnets.errors import INPUT_ERRORS


def read(*overrides):
    given = settings(*overrides)
    return read_data(given, load_base(given.model, given.task, seed=0, max_length=given.finetune.max_length))


@pytest.mark.parametrize("total", range(12))
@pytest.mark.parametrize("parts", range(1, 6))
def test_shares_add_up_and_differ_by_one_at_most(total, parts):
    shares = shared_out(total, parts)
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_no_limit_is_no_limit_for_each():
    assert shared_out(None, 3) == [None, None, None]


@pytest.mark.parametrize("task", ["pos", "ner", "xnli", "mlm"])
def test_a_mix_is_the_first_examples_of_each_of_its_languages(small_run, task):
    mixed = read(*small_run("lang=de+sw", "data.train_examples=9", "data.validation_examples=5", task=task))
    german = read(*small_run("data.train_examples=5", "data.validation_examples=3", task=task))
    swahili = read(*small_run("lang=sw", "data.train_examples=4", "data.validation_examples=2", task=task))
    for split in ("train", "validation", "test"):
        parts = [getattr(german, split), getattr(swahili, split)]
        whole = getattr(mixed, split)
        assert len(whole) == sum(map(len, parts))
        for what in ("token_ids", "labels", "gold"):
            assert np.array_equal(getattr(whole, what), np.concatenate([getattr(part, what) for part in parts]))


def test_the_fragment_gives_each_language_of_a_mix_its_share():
    sizes = ("data.train_examples=7", "data.validation_examples=4", "data.test_examples=4")
    mixed = read("lang=en+fa+zh", "task=ner", *sizes)
    assert [len(split) for split in (mixed.train, mixed.validation, mixed.test)] == [7, 4, 4]


@pytest.mark.parametrize(
    ("lang", "train", "message"),
    [
        ("de+de", 9, "names a language twice"),
        ("de+xx", 9, "lang=xx"),
        ("de+sw", 1, "fewer examples than languages"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(small_run, lang, train, message):
    with pytest.raises(INPUT_ERRORS, match=message):
        read(*small_run(f"lang={lang}", f"data.train_examples={train}"))
