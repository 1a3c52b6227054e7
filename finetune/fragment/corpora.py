"""The corpora of the embedded world, each a function of task, language, split, size and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

from finetune.errors import InputError
from finetune.fragment.grammars import grammar_of
from finetune.fragment.inference import bears_on, consequence, pairs
from finetune.fragment.meaning import Clause, Meaning
from finetune.fragment.say import text_of, words_of
from finetune.fragment.scenes import ANY, clause
from finetune.fragment.words import Word
from finetune.settings import DataSettings
from finetune.sources import Document, LabelledText, Row, Split, TaggedWords
from finetune.tasks import Task

LONGEST_DOCUMENT = 4  # sentences

Annotated = list[Word]


def open_split(data: DataSettings, task: Task, lang: str, split: str) -> Split:
    """The first examples of a corpus, as many as `data` asks for.

    Raises:
        InputError: the fragment does not speak the language or has no such task, or no size is set.
    """
    if task.name not in ROWS:
        raise InputError(f"task={task.name}: the embedded fragment has no such task; it has: {', '.join(ROWS)}")
    grammar_of(lang)
    size, seed = data.examples(split), data.seed or 0
    if size is None:
        raise InputError(f"data.{split}_examples is not set: the embedded fragment has no end; say how many")
    rows = ROWS[task.name](task, lang, split, size, seed)
    return Split(rows, revision=None, content=lambda: f"drawn from seed {seed}")


def inferences(lang: str, split: str, size: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Premise, hypothesis and label; line by line the same in every language, as XNLI is."""
    for premise, hypothesis, label in islice(pairs(_rng("xnli", split, seed), split), size):
        yield text_of(words_of(premise, lang)), text_of(words_of(hypothesis, lang)), label


def sentences(task: str, lang: str, split: str, size: int, seed: int) -> Iterator[Annotated]:
    """Annotated sentences of `ner`, `pos` or `parallel`; `parallel` says the same in every language, line by line."""
    own = "" if task == "parallel" else lang
    rng = _rng(task, split, seed, own)
    for _ in range(size):
        yield words_of(MEANINGS[task](rng, split), lang)


def documents(lang: str, split: str, size: int, seed: int) -> Iterator[list[str]]:
    """Sentences about one scene each: what they say can be true together, and some follow from others.

    They speak of the names of every split, as a large corpus would.
    """
    rng = _rng("mlm", split, seed, lang)
    for _ in range(size):
        yield [text_of(words_of((said,), lang)) for said in _scene(rng, split)]


def conllu(sentence: Annotated, *, number: int, lang: str) -> str:
    """A sentence as CoNLL-U: form, UPOS, features, and in MISC the gloss, the entity and the missing spaces."""
    lines = [f"# sent_id = {lang}-{number}", f"# text = {text_of(sentence)}"]
    for at, word in enumerate(sentence, start=1):
        unspaced = at < len(sentence) and sentence[at].glued
        misc = f"Gloss={word.gloss.replace(' ', '_')}|NER={word.entity}" + ("|SpaceAfter=No" if unspaced else "")
        lines.append(f"{at}\t{word.form}\t_\t{word.upos}\t_\t{word.features or '_'}\t_\t_\t_\t{misc}")
    return "\n".join([*lines, "", ""])


def _rng(task: str, split: str, seed: int, lang: str = "") -> Random:
    return Random(f"{task} {split} {seed} {lang}")


def _with_names(rng: Random, split: str) -> Meaning:
    """A clause with a name at least, where its neighbours tell what is called so."""
    while True:
        said = clause(rng, split, name_share=0.6, place_share=0.5, telling=True)
        patient = said.object.head if said.object else None
        if any(":" in head for head in (said.subject.head, said.subject.origin, said.place, patient) if head):
            return (said,)


def _with_anything(rng: Random, split: str) -> Meaning:
    """A clause, now and then two."""
    first = clause(rng, split)
    return (first, clause(rng, split)) if rng.random() < 0.15 else (first,)


def _scene(rng: Random, split: str) -> list[Clause]:
    told = [clause(rng, split, naming=ANY)]
    for _ in range(1 + int(rng.random() * (LONGEST_DOCUMENT - 1))):
        following = consequence(rng, split, told[-1]) if rng.random() < 0.8 else None
        other = following or clause(rng, split, naming=ANY)
        if following or not any(bears_on(other, said) for said in told):
            told.append(other)
    return told


MEANINGS: dict[str, Callable[[Random, str], Meaning]] = {
    "ner": _with_names,
    "pos": _with_anything,
    "parallel": _with_anything,
}


def _xnli_rows(task: Task, lang: str, split: str, size: int, seed: int) -> Iterator[Row]:
    for premise, hypothesis, label in inferences(lang, split, size, seed):
        yield LabelledText((premise, hypothesis), task.label_id(label, where="xnli of the fragment"))


def _ner_rows(task: Task, lang: str, split: str, size: int, seed: int) -> Iterator[Row]:
    for words in sentences("ner", lang, split, size, seed):
        yield _tagged(words, [word.entity for word in words], task)


def _pos_rows(task: Task, lang: str, split: str, size: int, seed: int) -> Iterator[Row]:
    for words in sentences("pos", lang, split, size, seed):
        yield _tagged(words, [word.upos for word in words], task)


def _mlm_rows(_task: Task, lang: str, split: str, size: int, seed: int) -> Iterator[Row]:
    """Every other document in two segments, so that pairs of sentences are nothing new to a base made of them."""
    space = "" if lang == "zh" else " "
    for at, told in enumerate(documents(lang, split, size, seed)):
        if at % 2:
            yield Document(told[0], following=space.join(told[1:]))
        else:
            yield Document(space.join(told))


def _tagged(words: Annotated, labels: list[str], task: Task) -> TaggedWords:
    where = f"{task.name} of the fragment"
    return TaggedWords(tuple(word.form for word in words), tuple(task.label_id(label, where=where) for label in labels))


ROWS: dict[str, Callable[[Task, str, str, int, int], Iterator[Row]]] = {
    "xnli": _xnli_rows,
    "ner": _ner_rows,
    "pos": _pos_rows,
    "mlm": _mlm_rows,
}
