"""Encoding, masks and batches."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks_of_conf import task_called
from tiny import write_bert

from finetune.base_model import load_base
from finetune.errors import InputError
from finetune.examples import (
    IGNORED,
    collate,
    draw_masks,
    encode,
    evaluation_order,
    training_order,
    with_fixed_masks,
    with_shuffled_labels,
)
from finetune.settings import ModelSettings
from finetune.sources import Document, LabelledText, TaggedWords

NER, XNLI, MLM = task_called("ner"), task_called("xnli"), task_called("mlm")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = write_bert(tmp_path_factory.mktemp("examples") / "bert")
    return load_base(ModelSettings(str(folder)), NER, seed=0, max_length=32).tokenizer


def encoded(rows, task, tokenizer, *, max_length=16, limit=None):
    return encode(rows, task, tokenizer=tokenizer, segments=True, max_length=max_length, limit=limit, where="here")


@pytest.mark.parametrize("task", [NER, XNLI])
def test_shuffled_labels_are_the_same_labels_at_the_same_places_in_another_order(tokenizer, task):
    rows = {
        "ner": [TaggedWords(("Anna", "lebt", "in", "Berlin"), (1, 0, 0, 5))] * 20,
        "xnli": [LabelledText(("ein Satz", "noch einer"), at % 3) for at in range(60)],
    }[task.name]
    given = encoded(rows, task, tokenizer)
    shuffled = with_shuffled_labels(given, seed=1)
    labelled = given.labels != IGNORED
    assert np.array_equal(shuffled.labels != IGNORED, labelled)
    assert np.array_equal(np.sort(shuffled.labels), np.sort(given.labels))
    assert 0.2 < np.mean(shuffled.labels[labelled] == given.labels[labelled]) < 0.7  # by chance a third, or 0.375
    assert np.array_equal(shuffled.token_ids, given.token_ids)
    assert np.array_equal(with_shuffled_labels(given, seed=1).labels, shuffled.labels)


def test_a_label_stands_at_the_first_sub_word_only(tokenizer):
    # "oldhouse" is no piece, so it falls into letters
    rows = [TaggedWords(("anna", "oldcat", "sees"), (1, 0, 5))]
    found = encoded(rows, NER, tokenizer)
    pieces = tokenizer.convert_ids_to_tokens(found.token_ids.tolist())
    labelled = [(piece, label) for piece, label in zip(pieces, found.labels, strict=True) if label != IGNORED]
    assert pieces[:4] == ["[CLS]", "anna", "old", "##c"]
    assert labelled == [("anna", 1), ("old", 0), ("sees", 5)]


def test_words_cut_off_are_counted_and_their_gold_is_kept(tokenizer):
    rows = [TaggedWords(("anna",) * 20, tuple(range(7)) * 2 + (1,) * 6), TaggedWords(("the",), (0,))]
    found = encoded(rows, NER, tokenizer, max_length=12)
    assert found.cut == 10
    assert found.lengths.tolist() == [12, 3]
    assert found.gold_starts.tolist() == [0, 20, 21]
    assert found.seen.tolist() == [True] * 10 + [False] * 10 + [True]


def test_pairs_have_two_segments_and_cut_pairs_are_counted(tokenizer):
    rows = [LabelledText(("the cat", "a dog"), 2), LabelledText(("the " * 30, "a dog"), 0)]
    found = encoded(rows, XNLI, tokenizer)
    assert found.labels.tolist() == [2, 0]
    assert found.cut == 1
    assert found.segment_ids[: found.starts[1]].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found.lengths.tolist() == [7, 16]


@given(st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_every_token_of_a_document_is_in_exactly_one_block(tokenizer, words):
    text = " ".join(("the", "old", "cat")[at % 3] for at in range(words))
    found = encoded([Document(text)], MLM, tokenizer, max_length=10)
    special = np.isin(found.token_ids, tokenizer.all_special_ids)
    assert tokenizer.decode(found.token_ids[~special]) == text
    assert found.lengths.max() <= 10
    assert (found.lengths[:-1] == 10).all()


def test_a_document_in_two_parts_is_one_block_of_two_segments_or_if_too_long_a_text(tokenizer):
    rows = [Document("the old cat"), Document("the old cat", following="sees a house"), Document("the house")]
    found = encoded(rows, MLM, tokenizer, max_length=16)
    in_two = tokenizer("the old cat", "sees a house")
    second = slice(found.starts[1], found.starts[2])
    assert len(found) == 3
    assert found.token_ids[second].tolist() == in_two["input_ids"]
    assert found.segment_ids[second].tolist() == in_two["token_type_ids"]
    assert set(in_two["token_type_ids"]) == {0, 1}
    short, as_text = (encoded([row], MLM, tokenizer, max_length=6)
                      for row in (rows[1], Document("the old cat sees a house")))  # fmt: skip
    assert short.fingerprint == as_text.fingerprint


def test_a_limit_counts_examples_after_documents_are_cut_into_blocks(tokenizer):
    rows = [Document("the old cat " * 20) for _ in range(3)]
    assert len(encoded(rows, MLM, tokenizer, max_length=10, limit=5)) == 5
    assert len(encoded(rows, MLM, tokenizer, max_length=10)) > 5


def test_a_split_without_examples_is_refused(tokenizer):
    with pytest.raises(InputError, match="here: no examples"):
        encoded([], NER, tokenizer)


def test_masks_follow_80_10_10_and_spare_special_tokens(tokenizer):
    rng = np.random.default_rng(0)
    word = tokenizer.convert_tokens_to_ids("house")
    block = np.array([tokenizer.cls_token_id, *[word] * 100_000, tokenizer.sep_token_id], dtype=np.int32)
    seen, labels = draw_masks(block, tokenizer=tokenizer, share=0.15, rng=rng)
    chosen = labels != IGNORED
    assert not chosen[0] and not chosen[-1]
    assert (seen[~chosen] == block[~chosen]).all()
    assert (labels[chosen] == word).all()
    # shares of 15,000 draws: five standard deviations are below 2 %
    assert chosen.mean() == pytest.approx(0.15, abs=0.006)
    assert (seen[chosen] == tokenizer.mask_token_id).mean() == pytest.approx(0.8 + 0.1 / len(tokenizer), abs=0.017)
    assert (seen[chosen] == word).mean() == pytest.approx(0.1 + 0.1 / len(tokenizer), abs=0.013)


def test_fixed_masks_are_the_same_at_every_call_and_differ_between_blocks(tokenizer):
    found = encoded([Document("the old cat sees a new house in the and not dog")] * 8, MLM, tokenizer)
    one, two = (with_fixed_masks(found, tokenizer=tokenizer, share=0.3, seed=0) for _ in range(2))
    assert one.fingerprint == two.fingerprint != found.fingerprint
    blocks = {tuple(one.labels[one.starts[at] : one.starts[at + 1]]) for at in range(8)}
    assert len(blocks) > 1


@given(st.lists(st.integers(3, 40), min_size=1, max_size=70), st.integers(1, 9), st.integers(0, 3))
def test_an_epoch_visits_each_example_once_in_full_batches_but_one(lengths, batch_size, seed):
    lengths = np.array(lengths)
    per_epoch = -(-len(lengths) // batch_size)
    batches = list(islice(training_order(lengths, batch_size=batch_size, seed=seed), 2 * per_epoch))
    for epoch in (batches[:per_epoch], batches[per_epoch:]):
        assert sorted(np.concatenate(epoch).tolist()) == list(range(len(lengths)))
        assert sum(len(batch) != batch_size for batch in epoch) <= 1


def test_batches_hold_like_lengths_and_seeds_and_epochs_differ():
    lengths = np.random.default_rng(0).integers(3, 128, size=2000)

    def first(seed):
        return list(islice(training_order(lengths, batch_size=20, seed=seed), 200))

    padded = sum(len(batch) * lengths[batch].max() for batch in first(0)[:100])
    assert padded < 1.05 * lengths.sum()  # at random it is about 1.9
    assert [b.tolist() for b in first(0)] == [b.tolist() for b in first(0)]
    assert [b.tolist() for b in first(0)] != [b.tolist() for b in first(1)]
    assert [b.tolist() for b in first(0)[:100]] != [b.tolist() for b in first(0)[100:]]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 200))
def test_evaluation_batches_hold_every_example_once_within_the_budget(lengths, budget):
    lengths = np.array(lengths)
    batches = list(evaluation_order(lengths, batch_tokens=budget))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= budget for batch in batches)


def test_a_batch_is_padded_to_its_longest_and_padding_asks_nothing(tokenizer):
    rows = [TaggedWords(("anna", "sees"), (1, 0)), TaggedWords(("the",), (0,)), TaggedWords(("a",) * 9, (0,) * 9)]
    batch = collate(encoded(rows, NER, tokenizer), np.array([1, 0]), pad_id=tokenizer.pad_token_id)
    assert batch["input_ids"].shape == (2, 4)
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert batch["input_ids"][0, 3] == tokenizer.pad_token_id
    assert batch["labels"].tolist() == [[IGNORED, 0, IGNORED, IGNORED], [IGNORED, 1, 0, IGNORED]]
    assert batch["token_type_ids"].dtype == torch.int64


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        (NER, [TaggedWords(("anna", "sees")[: 1 + at % 2], (1, 0)[: 1 + at % 2]) for at in range(10)]),
        (XNLI, [LabelledText(("the cat", "a dog " * at), at % 3) for at in range(1, 11)]),
        (MLM, [Document("the old cat " * at) for at in range(1, 11)]),
    ],
)
def test_examples_do_not_depend_on_how_many_are_encoded_at_once(tokenizer, monkeypatch, task, rows):
    whole = encoded(rows, task, tokenizer)
    monkeypatch.setattr("finetune.examples.ENCODED_AT_ONCE", 3)
    assert encoded(rows, task, tokenizer).fingerprint == whole.fingerprint
    assert encoded(rows, task, tokenizer, limit=7).starts.tolist() == whole.starts[:8].tolist()
