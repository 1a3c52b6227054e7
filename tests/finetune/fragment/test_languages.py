"""What must hold in every language of the fragment."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from random import Random

import pytest

from finetune.fragment.concepts import concepts, names
from finetune.fragment.grammars import LANGUAGES, grammar_of
from finetune.fragment.meaning import Clause, Meaning
from finetune.fragment.say import text_of, words_of
from finetune.fragment.scenes import clause
from finetune.fragment.words import ENTITIES, lexicon

SCRIPTS = {
    "ar": "ARABIC", "de": "LATIN", "en": "LATIN", "es": "LATIN", "fa": "ARABIC", "fr": "LATIN", "hi": "DEVANAGARI",
    "ru": "CYRILLIC", "sw": "LATIN", "ur": "ARABIC", "zh": "CJK",
}  # fmt: skip
UPOS = {"NOUN", "PUNCT", "ADP", "NUM", "SYM", "SCONJ", "ADJ", "PART", "DET", "CCONJ", "PROPN", "PRON", "X", "ADV",
        "INTJ", "VERB", "AUX"}  # fmt: skip
FEATURES = re.compile(r"([A-Z][A-Za-z]*=[A-Z0-9][A-Za-z0-9,]*)(\|[A-Z][A-Za-z]*=[A-Z0-9][A-Za-z0-9,]*)*")

each_language = pytest.mark.parametrize("lang", LANGUAGES)


def meanings(number: int, split: str = "train") -> list[Meaning]:
    rng = Random(f"languages {split}")
    return [tuple(clause(rng, split) for _ in range(1 + (at % 10 == 0))) for at in range(number)]


@each_language
def test_a_lexicon_has_every_concept_and_name_once_and_in_order(lang):
    assert list(lexicon(lang)) == [*concepts(), *names()]
    assert all(any(cell != "-" for name, cell in row.items() if name != "concept") for row in lexicon(lang).values())


@each_language
def test_a_lexicon_is_tidy(lang):
    for concept, row in lexicon(lang).items():
        for column, cell in row.items():
            assert cell == cell.strip() and cell, f"{concept}, {column}"
            assert cell == unicodedata.normalize("NFC", cell), f"{concept}, {column}: not NFC"
            assert "  " not in cell, f"{concept}, {column}"


@each_language
def test_sentences_are_in_the_script_of_the_language(lang):
    for meaning in meanings(2000):
        for letter in text_of(words_of(meaning, lang)):
            if letter.isalpha() and unicodedata.category(letter) != "Lm":
                assert unicodedata.name(letter).startswith(SCRIPTS[lang]), f"{letter!r} in {meaning}"


@each_language
def test_no_two_concepts_of_a_category_share_all_their_forms(lang):
    seen: dict[tuple[str, ...], str] = {}
    for concept, row in lexicon(lang).items():
        category = concepts()[concept].category if concept in concepts() else "name"
        key = (category, *(cell for name, cell in row.items() if name != "concept"))
        assert key not in seen, f"{concept} and {seen.get(key)} are written alike"
        seen[key] = concept


@each_language
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_no_two_meanings_are_said_alike(lang, split):
    said: dict[str, Meaning] = {}
    for meaning in meanings(5000, split):
        text = text_of(words_of(meaning, lang))
        assert said.setdefault(text, meaning) == meaning, text


@each_language
def test_a_small_change_of_meaning_changes_the_text(lang):
    for first, *_ in meanings(1500):
        texts = [text_of(words_of((changed,), lang)) for changed in _changes(first)]
        alike = [text for text, count in Counter(texts).items() if count > 1]
        assert not alike, f"{alike} for changes of {first}"


def _changes(said: Clause) -> list[Clause]:
    """The clause, and it with another tense, quantifier, place or modifier."""
    subject = said.subject
    changed = [said, said._replace(past=not said.past)]
    if subject.quantifier != "name":
        allowed = ("some", "the", "two", "three", "most", *(() if said.negative else ("every", "no")))
        kept = [] if said.object and said.object.quantifier in ("every", "no") else allowed
        changed += [said._replace(subject=subject._replace(quantifier=q)) for q in kept if q != subject.quantifier]
        bare = said._replace(subject=subject._replace(origin=None, doing=None), place=None)
        changed = [*changed, *(each for each in (
            bare,
            bare._replace(subject=bare.subject._replace(origin="village")),
            bare._replace(place="village"),
        ) if each not in changed)]  # fmt: skip
    if subject.quantifier not in ("every", "no") and not (
        said.object and said.object.quantifier not in ("the", "name")
    ):
        changed.append(said._replace(negative=not said.negative))
    return changed


@each_language
def test_annotation_is_well_formed(lang):
    for meaning in meanings(2000):
        words = words_of(meaning, lang)
        for word in words:
            assert word.form and " " not in word.form and word.gloss, word
            assert word.upos in UPOS, word
            assert not word.features or FEATURES.fullmatch(word.features), word
            assert word.features.split("|") == sorted(word.features.split("|")), word
            assert (word.upos == "PROPN") == (word.entity != "O"), word
        before = "O"
        for word in words:
            if word.entity.startswith("I-"):
                assert before[2:] == word.entity[2:], words
            before = word.entity
        assert words[-1].upos == "PUNCT" and words[-1] == grammar_of(lang).STOP


@each_language
def test_every_name_of_a_meaning_is_an_entity_of_its_type(lang):
    for meaning in meanings(2000):
        told = Counter(ENTITIES[head.split(":")[0]] for head in _heads(meaning) if ":" in head)
        begun = Counter(word.entity[2:] for word in words_of(meaning, lang) if word.entity.startswith("B-"))
        assert begun == told, meaning


def _heads(meaning: Meaning) -> list[str]:
    heads = []
    for said in meaning:
        heads += [said.subject.head, said.subject.origin or "", said.place or ""]
        heads += [said.object.head] if said.object else []
    return heads
