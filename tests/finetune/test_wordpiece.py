import pytest

from finetune.errors import InputError
from finetune.wordpiece import SPECIAL, learn_wordpieces

TEXTS = [
    *("Der Hund schläft im Garten.", "Кошка спит.", "那只狗现在睡觉。"),
    *("كل كلب ينام.", "The dog sleeps, the dogs sleep."),
] * 5


def test_equal_texts_give_equal_vocabularies_whatever_their_order():
    learnt = [learn_wordpieces(texts, size=140, max_length=32).get_vocab() for texts in (TEXTS, TEXTS, TEXTS[::-1])]
    assert learnt[0] == learnt[1] == learnt[2]


def test_no_letter_of_the_texts_is_unknown_and_frequent_words_are_whole():
    tokenizer = learn_wordpieces(TEXTS, size=140, max_length=32)
    for text in TEXTS:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert "dog" in tokenizer.get_vocab()
    assert tokenizer.tokenize("dogs") == ["dogs"] or tokenizer.tokenize("dogs")[0].startswith("d")


def test_the_vocabulary_is_no_larger_than_asked_and_begins_with_the_special_pieces():
    vocabulary = learn_wordpieces(TEXTS, size=140, max_length=32).get_vocab()
    assert len(vocabulary) <= 140
    assert sorted(vocabulary, key=vocabulary.get)[: len(SPECIAL)] == list(SPECIAL)


def test_letters_are_ordinary_pieces():
    tokenizer = learn_wordpieces(TEXTS, size=140, max_length=32)
    assert set(tokenizer.all_special_tokens) == set(SPECIAL)


def test_a_saved_tokenizer_reads_the_same(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = learn_wordpieces(TEXTS, size=140, max_length=32)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again(text)["input_ids"] for text in TEXTS] == [tokenizer(text)["input_ids"] for text in TEXTS]


def test_too_small_a_vocabulary_and_no_texts_are_refused():
    with pytest.raises(InputError, match=r"pretrain\.vocabulary=20: the texts have"):
        learn_wordpieces(TEXTS, size=20, max_length=32)
    with pytest.raises(InputError, match="no text"):
        learn_wordpieces([], size=100, max_length=32)
