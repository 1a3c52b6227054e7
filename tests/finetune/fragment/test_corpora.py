"""What the corpora of the fragment promise: equal calls, equal bytes; splits share nothing; no label has a shortcut."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import conllu as conllu_reader
import pytest
from composed import settings as composed_settings
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from finetune.errors import InputError
from finetune.fragment import corpora
from finetune.fragment.grammars import LANGUAGES
from finetune.fragment.inference import pairs
from finetune.fragment.meaning import Clause
from finetune.fragment.say import text_of
from finetune.fragment.scenes import ANY, names_of, split_of
from finetune.sources import SPLITS, open_split

each_language = pytest.mark.parametrize("lang", LANGUAGES)
each_task = pytest.mark.parametrize("task", ["xnli", "ner", "pos", "mlm"])


def rows(task, lang="en", split="train", size=50, seed=0):
    given = composed_settings(f"task={task}", f"lang={lang}", "data=fragment", f"data.{split}_examples={size}",
                              f"data.seed={seed}")  # fmt: skip
    return list(open_split(given.data, given.task, lang, split).rows)


@each_task
@each_language
def test_equal_calls_give_equal_rows_and_a_larger_corpus_begins_with_the_smaller(task, lang):
    assert rows(task, lang) == rows(task, lang)
    assert rows(task, lang, size=80)[:50] == rows(task, lang)


@each_task
def test_seeds_splits_and_languages_differ(task):
    drawn = [rows(task), rows(task, seed=1), rows(task, split="validation"), rows(task, "de")]
    assert len({str(each) for each in drawn}) == 4


def meanings(task, split, size=3000):
    """All clauses of a corpus, in every language."""
    if task == "xnli":
        for premise, hypothesis, _ in islice(pairs(Random(f"xnli {split} 0 "), split), size):
            yield from (*premise, *hypothesis)
    elif task == "mlm":
        for _ in range(size):
            yield from corpora._scene(Random(f"{split} {_}"), split)
    else:
        rng = Random(split)
        for _ in range(size):
            yield from corpora.MEANINGS[task](rng, split)


@pytest.mark.parametrize("task", ["xnli", "ner", "pos", "mlm"])
@pytest.mark.parametrize("split", SPLITS)
def test_what_is_done_and_who_has_a_name_belong_to_one_split(task, split):
    naming = ANY if task == "mlm" else split  # a base knows all names, as one made from Wikipedia would
    allowed = {head for kind in ("person", "place", "organisation") for head in names_of(kind, naming)}
    for said in meanings(task, split):
        assert heads_named(said) <= allowed
        assert split_of(said.subject.head, said.verb) == split


def heads_named(said: Clause) -> set[str]:
    heads = (said.subject.head, said.subject.origin, said.place, said.object.head if said.object else None)
    return {head for head in heads if head and ":" in head}


def test_no_name_belongs_to_two_splits():
    spelled = [{head.split(":")[1] for kind in ("person", "place", "organisation") for head in names_of(kind, split)}
               for split in SPLITS]  # fmt: skip
    assert not (spelled[0] & spelled[1] or spelled[0] & spelled[2] or spelled[1] & spelled[2])


@pytest.mark.parametrize("split", SPLITS)
def test_every_hypothesis_has_each_label_once(split):
    drawn = list(islice(corpora.inferences("en", split, 900, 0), 900))
    for first in range(0, 900, 3):
        three = drawn[first : first + 3]
        assert len({hypothesis for _, hypothesis, _ in three}) == 1
        assert {label for *_, label in three} == {"entailment", "neutral", "contradiction"}


@each_language
def test_bags_of_words_do_not_find_the_label(lang):
    train, held_out = (
        list(corpora.inferences(lang, split, size, 0)) for split, size in (("train", 6000), ("validation", 1500))
    )
    assert abs(bag_accuracy(train, held_out, lang, with_premise=False) - 1 / 3) < 0.05
    assert bag_accuracy(train, held_out, lang, with_premise=True) < 0.5


def bag_accuracy(train, held_out, lang, *, with_premise):
    """Accuracy of a logistic regression on words (of Chinese: one and two letters), of premise and hypothesis apart."""
    words = {"analyzer": "char", "ngram_range": (1, 2)} if lang == "zh" else {"token_pattern": r"\S+"}
    sides = [0, 1] if with_premise else [1]
    from scipy.sparse import hstack

    fitted = [CountVectorizer(lowercase=False, **words).fit([row[side] for row in train]) for side in sides]
    seen, unseen = (
        hstack([bag.transform([row[side] for row in part]) for bag, side in zip(fitted, sides, strict=True)])
        for part in (train, held_out)
    )
    model = LogisticRegression(max_iter=1000, C=0.3).fit(seen, [row[2] for row in train])
    return model.score(unseen, [row[2] for row in held_out])


@each_language
def test_looking_names_up_finds_no_entities(lang):
    known: dict[str, Counter] = {}
    for sentence in corpora.sentences("ner", lang, "train", 3000, 0):
        for word in sentence:
            known.setdefault(word.form, Counter())[word.entity] += 1
    right = found = told = 0
    for sentence in corpora.sentences("ner", lang, "validation", 1000, 0):
        for word in sentence:
            guess = known[word.form].most_common(1)[0][0] if word.form in known else "O"
            found, told = found + (guess != "O"), told + (word.entity != "O")
            right += guess == word.entity != "O"
    assert 2 * right / max(1, found + told) < 0.4


def test_some_names_are_of_two_types():
    kinds: dict[str, set[str]] = {}
    for sentence in corpora.sentences("ner", "en", "train", 4000, 0):
        for word in sentence:
            if word.entity.startswith("B-"):
                kinds.setdefault(word.gloss, set()).add(word.entity[2:])
    assert sum(len(each) > 1 for each in kinds.values()) >= 8


@each_language
def test_parallel_sentences_are_as_many_in_every_language_and_speak_of_the_same_names(lang):
    for mine, english in zip(corpora.sentences("parallel", lang, "train", 300, 0),
                             corpora.sentences("parallel", "en", "train", 300, 0), strict=True):  # fmt: skip
        named = [sorted(word.gloss for word in each if word.entity.startswith("B-")) for each in (mine, english)]
        assert named[0] == named[1]


@each_language
def test_sentences_can_be_written_as_conllu(lang):
    for number, sentence in enumerate(corpora.sentences("pos", lang, "validation", 100, 0)):
        (read,) = conllu_reader.parse(corpora.conllu(sentence, number=number, lang=lang))
        assert [token["form"] for token in read] == [word.form for word in sentence]
        assert read.metadata["text"] == text_of(sentence)
        joined = "".join(t["form"] + ("" if (t["misc"] or {}).get("SpaceAfter") == "No" else " ") for t in read)
        assert joined.strip() == text_of(sentence)


def test_other_languages_tasks_and_missing_sizes_are_refused():
    with pytest.raises(InputError, match="does not speak it; it speaks: ar, de"):
        rows("ner", "pl")
    given = composed_settings("task=ner", "lang=de", "data=fragment", "data.train_examples=null")
    with pytest.raises(InputError, match=r"data\.train_examples is not set"):
        open_split(given.data, given.task, "de", "train")
    renamed = composed_settings("task=ner", "lang=de", "data=fragment", "task.name=chunks")
    with pytest.raises(InputError, match="no such task; it has: xnli, ner, pos, mlm"):
        open_split(renamed.data, renamed.task, "de", "train")
