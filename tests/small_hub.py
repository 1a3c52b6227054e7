"""What the loopback hub serves in tests: small data sets and random checkpoints, in the layout of the originals."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import torch
from datasets import ClassLabel, Features, List, Translation, Value
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
)

WORDS = {
    "de": "Anna Berlin Katze Hund Haus sieht kennt sucht nicht immer die der ein alt neu grün",
    "en": "Anna London cat dog house sees knows seeks not always the a an old new green",
    "hi": "अन्ना दिल्ली बिल्ली कुत्ता घर देखता जानता नहीं हमेशा यह एक पुराना नया हरा है में",
    "sw": "Anna Nairobi paka mbwa nyumba anaona anajua anatafuta si daima hii ile moja zee mpya kijani",
}
PEOPLE = {"Anna", "अन्ना"}
PLACES = {"Berlin", "London", "Nairobi", "दिल्ली"}
ROWS = {"train": 48, "validation": 24, "test": 24}
DOCUMENTS = 300
TRANSLATIONS = 30

NLI_LABELS = ["entailment", "neutral", "contradiction"]
ENTITY_TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
WORD_CLASSES = [
    "NOUN",
    "PUNCT",
    "ADP",
    "NUM",
    "SYM",
    "SCONJ",
    "ADJ",
    "PART",
    "DET",
    "CCONJ",
    "PROPN",
    "PRON",
    "X",
    "_",
    "ADV",
    "INTJ",
    "VERB",
    "AUX",
]

RowOf = Callable[[list[str], int], dict[str, Any]]

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def build_small_hub(folder: Path) -> None:
    """Writes every repository: the data sets of all tasks and two multilingual checkpoints."""
    datasets.disable_progress_bars()
    _xnli(folder / "datasets/facebook/xnli", ["de", "en"])
    _wikiann(folder / "datasets/unimelb-nlp/wikiann", ["de", "hi", "sw"])
    _treebanks(folder / "datasets/commul/universal_dependencies", {"de_gsd": "de"})
    _wikipedia(folder / "datasets/wikimedia/wikipedia", {"20231101.de": "de", "20231101.sw": "sw"})
    _translations(folder / "datasets/wmt/wmt14", ["de", "hi"])
    _multilingual_bert(folder / "models/bert-base-multilingual-cased")
    _xlm_roberta(folder / "models/xlm-roberta-base")


def _xnli(repository: Path, languages: list[str]) -> None:
    features = Features(premise=Value("string"), hypothesis=Value("string"), label=ClassLabel(names=NLI_LABELS))

    def row(words: list[str], index: int) -> dict[str, Any]:
        premise = words[:6]
        hypothesis = [premise[:3], ["nein", *premise[:2]], words[6:10]][index % 3]
        return {"premise": " ".join(premise), "hypothesis": " ".join(hypothesis), "label": (0, 2, 1)[index % 3]}

    _write(repository, {lang: lang for lang in languages}, ROWS, row, features)


def _wikiann(repository: Path, languages: list[str]) -> None:
    features = Features(
        tokens=List(Value("string")),
        ner_tags=List(ClassLabel(names=ENTITY_TAGS)),
        langs=List(Value("string")),
        spans=List(Value("string")),
    )

    def row(words: list[str], index: int) -> dict[str, Any]:
        tokens = words[: 3 + index % 5]
        tags = ["B-PER" if word in PEOPLE else "B-LOC" if word in PLACES else "O" for word in tokens]
        tag_ids = [ENTITY_TAGS.index(tag) for tag in tags]
        return {"tokens": tokens, "ner_tags": tag_ids, "langs": ["xx"] * len(tokens), "spans": []}

    _write(repository, {lang: lang for lang in languages}, ROWS, row, features)


def _treebanks(repository: Path, treebanks: Mapping[str, str]) -> None:
    features = Features(tokens=List(Value("string")), upos=List(ClassLabel(names=WORD_CLASSES)))

    def row(words: list[str], index: int) -> dict[str, Any]:
        # The surface form of a multi-word token, without a tag, before its two parts, as the original has it.
        tags = ["_", "ADP", "DET", "NOUN", *(WORD_CLASSES[len(word)] for word in words[:4]), "AUX", "PUNCT"]
        tokens = ["im", "in", "dem", "Haus", *words[:4], "ist", "."]
        return {"tokens": tokens, "upos": [WORD_CLASSES.index(tag) for tag in tags]}

    _write(repository, treebanks, ROWS, row, features)


def _wikipedia(repository: Path, editions: Mapping[str, str]) -> None:
    features = Features(id=Value("string"), url=Value("string"), title=Value("string"), text=Value("string"))

    def row(words: list[str], index: int) -> dict[str, Any]:
        return {"id": str(index), "url": f"https://example.org/{index}", "title": words[0], "text": " ".join(words)}

    _write(repository, editions, {"train": DOCUMENTS}, row, features)


def _translations(repository: Path, languages: list[str]) -> None:
    """Pairs with English; the train split is there to be left alone."""
    for lang in languages:
        features = Features(translation=Translation(languages=[lang, "en"]))
        (repository / f"{lang}-en").mkdir(parents=True)
        for split in ("test", "train"):
            draw = random.Random(lang + split)
            said = {each: WORDS[each].split() for each in (lang, "en")}
            rows = [{"translation": {each: " ".join(draw.sample(words, 5)) for each, words in said.items()}}
                    for _ in range(TRANSLATIONS)]  # fmt: skip
            table = datasets.Dataset.from_list(rows, features=features)
            table.to_parquet(repository / f"{lang}-en/{split}-00000-of-00001.parquet")


def _write(
    repository: Path, configs: Mapping[str, str], rows: Mapping[str, int], row: RowOf, features: Features
) -> None:
    """One parquet file a configuration and split, and the README that tells the client of them."""
    draw = random.Random(repository.name)
    card = ["---", "configs:"]
    for config, lang in configs.items():
        (repository / config).mkdir(parents=True)
        card += [f"- config_name: {config}", "  data_files:"]
        for split, count in rows.items():
            name = f"{config}/{split}-00000-of-00001.parquet"
            records = [row(draw.sample(WORDS[lang].split(), 12), index) for index in range(count)]
            datasets.Dataset.from_list(records, features=features).to_parquet(repository / name)
            card += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    (repository / "README.md").write_text("\n".join([*card, "---", ""]), encoding="utf-8")


def _multilingual_bert(repository: Path) -> None:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = _letters()
    pieces = [*specials, *letters, *(f"##{letter}" for letter in letters), *_long_words()]
    tokenizer = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        do_lower_case=False,
        strip_accents=False,
        model_max_length=512,
    )
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(vocab_size=len(pieces), **SMALL))
    model.save_pretrained(repository)
    tokenizer.save_pretrained(repository)
    (repository / "vocab.txt").write_text("\n".join([*pieces, ""]), encoding="utf-8")


def _xlm_roberta(repository: Path) -> None:
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = ["\u2581", *_letters(), *(f"\u2581{word}" for word in _long_words())]
    scores = [(piece, 0.0) for piece in specials] + [(piece, -float(rank)) for rank, piece in enumerate(pieces, 1)]
    tokenizer = XLMRobertaTokenizer(vocab=[*scores, ("<mask>", 0.0)], model_max_length=512)
    torch.manual_seed(0)
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, **SMALL)
    XLMRobertaForMaskedLM(config).save_pretrained(repository)
    tokenizer.save_pretrained(repository)


def _letters() -> list[str]:
    """Every letter of the data, and what else is on a keyboard."""
    return sorted(set("".join(WORDS.values()) + string.printable) - set(string.whitespace))


def _long_words() -> list[str]:
    """The words of the data that are more than a letter."""
    return sorted({word for words in WORDS.values() for word in words.split() if len(word) > 1})
