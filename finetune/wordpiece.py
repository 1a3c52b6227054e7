"""A WordPiece vocabulary learnt from texts; the same texts in any order give the same vocabulary, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer  # since transformers 5 the fast one

from finetune.errors import InputError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def learn_wordpieces(texts: Iterable[str], *, size: int, max_length: int) -> BertTokenizer:
    """A cased BERT tokenizer of at most `size` pieces, special ones and every letter of the texts included.

    The trainer of `tokenizers` numbers letters in a random order and breaks ties by number. So every letter, alone
    and inside a word, is given to it as a special token, in sorted order, and the pieces it learns are put into a
    fresh tokenizer in which letters are ordinary pieces.

    Raises:
        InputError: there are no texts, or `size` does not even hold their letters.
    """
    words = _word_counts(texts)
    letters = sorted({letter for word in words for letter in word})
    alphabet = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    if not words:
        raise InputError("there is no text to learn a vocabulary from")
    if len(alphabet) > size:
        raise InputError(f"pretrain.vocabulary={size}: the texts have {len(letters)} letters; allowed: {len(alphabet)}")
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 (no password)
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=alphabet,
        limit_alphabet=len(alphabet) + 1,
        show_progress=False,
        continuing_subword_prefix="##",
    )
    learner.train_from_iterator((" ".join([word] * count) for word, count in sorted(words.items())), trainer)
    return BertTokenizer(
        vocab=learner.get_vocab(), do_lower_case=False, strip_accents=False, model_max_length=max_length
    )


def _word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs, words as BERT parts them."""
    cleaned = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    parted = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in parted.pre_tokenize_str(cleaned.normalize_str(text)))
    return counts
