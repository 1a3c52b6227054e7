"""Small random encoders of every architecture and small files of every task, written where a test wants them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import pre_tokenizers

NAMES = {"PER": ["anna", "omar", "li"], "LOC": ["berlin", "kano", "lima"], "ORG": ["acme", "unesco", "fifa"]}
WORDS = ["the", "old", "cat", "sees", "a", "new", "house", "in", "and", "not", "dog", "green"]
TAGS = ["DET", "ADJ", "NOUN", "VERB", "DET", "ADJ", "NOUN", "ADP", "CCONJ", "PART", "NOUN", "ADJ"]
PIECES = [*WORDS, *(name for names in NAMES.values() for name in names), *"abcdefghijklmnopqrstuvwxyz", "."]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "hidden_dropout_prob": 0.1,
}
DISTIL: dict[str, Any] = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 66}


def write_bert(folder: Path, **settings: Any) -> Path:
    """A tiny BERT with WordPiece, as a masked language model."""
    tokenizer = _word_pieces(transformers.BertTokenizer)
    return _written(folder, tokenizer, transformers.BertConfig, transformers.BertForMaskedLM, {**SMALL, **settings})


def write_distilbert(folder: Path) -> Path:
    """A tiny DistilBERT."""
    tokenizer = _word_pieces(transformers.DistilBertTokenizer)
    return _written(folder, tokenizer, transformers.DistilBertConfig, transformers.DistilBertForMaskedLM, DISTIL)


def write_electra(folder: Path) -> Path:
    """A tiny ELECTRA, its embeddings narrower than its layers."""
    tokenizer = _word_pieces(transformers.ElectraTokenizer)
    sizes = {**SMALL, "embedding_size": 16}
    return _written(folder, tokenizer, transformers.ElectraConfig, transformers.ElectraForMaskedLM, sizes)


def write_roberta(folder: Path) -> Path:
    """A tiny RoBERTa with byte-level BPE without merges: every byte a piece."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {piece: at for at, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *alphabet, "<mask>"])}
    tokenizer = transformers.RobertaTokenizer(vocab=vocab, merges=[])
    return _written(folder, tokenizer, transformers.RobertaConfig, transformers.RobertaForMaskedLM, SMALL)


def write_xlm_roberta(folder: Path) -> Path:
    """A tiny XLM-R with a Unigram tokenizer."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *_unigram(), ("<mask>", 0.0)]
    tokenizer = transformers.XLMRobertaTokenizer(vocab=pieces)
    return _written(folder, tokenizer, transformers.XLMRobertaConfig, transformers.XLMRobertaForMaskedLM, SMALL)


def write_deberta(folder: Path) -> Path:
    """A tiny DeBERTa-v2 with relative positions, as v3 has them."""
    specials = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)]
    tokenizer = transformers.DebertaV2Tokenizer(vocab=[*specials, *_unigram(), ("[MASK]", 0.0)])
    sizes = {
        **SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
        "share_att_key": True, "type_vocab_size": 0, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
    }  # fmt: skip
    return _written(folder, tokenizer, transformers.DebertaV2Config, transformers.DebertaV2ForMaskedLM, sizes)


ENCODERS = {
    "bert": write_bert,
    "distilbert": write_distilbert,
    "electra": write_electra,
    "roberta": write_roberta,
    "xlm-roberta": write_xlm_roberta,
    "deberta-v2": write_deberta,
}


def write_files(root: Path, *, langs: tuple[str, ...] = ("de", "sw"), train: int = 48, rest: int = 16) -> Path:
    """Every task in the layout of `data=files`, each language from a random stream of its own."""
    for lang in langs:
        draw = random.Random(lang)
        for split, size in (("train", train), ("validation", rest), ("test", rest)):
            sentences = [_sentence(draw) for _ in range(size)]
            _write(root / "ner" / lang / f"{split}.conll", "".join(_conll(draw) for _ in range(size)))
            _write(root / "pos" / lang / f"{split}.conllu", "".join(_conllu(sentence) for sentence in sentences))
            _write(root / "mlm" / lang / f"{split}.txt", "".join(_text(sentence) + "\n" for sentence in sentences))
            _write(root / "xnli" / lang / f"{split}.tsv", _pairs(draw, size))
    return root


def _sentence(draw: random.Random) -> list[tuple[str, str]]:
    start = draw.randrange(4)
    return list(zip(WORDS, TAGS, strict=True))[start : start + draw.randint(3, 8)]


def _text(sentence: list[tuple[str, str]]) -> str:
    return " ".join(word for word, _ in sentence)


def _conll(draw: random.Random) -> str:
    kind = draw.choice(list(NAMES))
    rows = [(draw.choice(NAMES[kind]), f"B-{kind}")]
    if draw.random() < 0.5:
        rows.append((draw.choice(NAMES[kind]), f"I-{kind}"))
    rows += [(draw.choice(WORDS), "O") for _ in range(draw.randint(2, 6))]
    return "".join(f"{word}\t{tag}\n" for word, tag in rows) + "\n"


def _conllu(sentence: list[tuple[str, str]]) -> str:
    rows = [
        f"{at}\t{word}\t{word}\t{tag}\t_\t_\t{at - 1}\tdep\t_\t_\n" for at, (word, tag) in enumerate(sentence, start=1)
    ]
    return "".join(rows) + "\n"


def _pairs(draw: random.Random, size: int) -> str:
    rows = ["premise\thypothesis\tlabel\n"]
    for _ in range(size):
        premise = _text(_sentence(draw))
        label = draw.choice(["entailment", "neutral", "contradiction"])
        hypothesis = {"entailment": premise, "contradiction": f"not {premise}", "neutral": _text(_sentence(draw))}[
            label
        ]
        rows.append(f"{premise}\t{hypothesis}\t{label}\n")
    return "".join(rows)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _word_pieces(kind: Any) -> Any:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = dict.fromkeys([*specials, *PIECES, *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")])
    return kind(vocab={piece: at for at, piece in enumerate(pieces)}, do_lower_case=False)


def _unigram() -> list[tuple[str, float]]:
    pieces = dict.fromkeys(["\u2581", *(f"\u2581{word}" for word in PIECES), *"abcdefghijklmnopqrstuvwxyz."])
    return [(piece, -float(rank)) for rank, piece in enumerate(pieces, 1)]


def _written(folder: Path, tokenizer: Any, config: Any, model: Any, sizes: dict[str, Any]) -> Path:
    torch.manual_seed(0)
    ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    chosen = {name: value for name, value in ids.items() if value is not None}
    model(config(vocab_size=len(tokenizer), **chosen, **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
