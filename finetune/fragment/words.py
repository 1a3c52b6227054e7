"""Annotated words, and the lexicon that a language's grammar takes them from."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from finetune.fragment.concepts import HERE, NONE, names, table_rows
from finetune.fragment.meaning import name_of

ENTITIES = {"person": "PER", "place": "LOC", "organisation": "ORG"}


class Word(NamedTuple):
    """One word of a sentence with its gold annotation.

    Attributes:
        form: as it is written.
        upos: its universal part of speech.
        gloss: the concept, the name, or the function in English: "dog", "every", "not".
        features: universal features, `Case=Nom|Number=Sing`, in alphabetical order; "" for none.
        entity: IOB2 tag: O, B-PER, I-PER, B-LOC, I-LOC, B-ORG, I-ORG.
        glued: whether it is written without a space before it.
    """

    form: str
    upos: str
    gloss: str
    features: str = ""
    entity: str = "O"
    glued: bool = False


Lexicon = dict[str, dict[str, str]]


@cache
def lexicon(lang: str) -> Lexicon:
    """A language's lexicon: of every concept and name, its forms by column. Its columns are the language's own."""
    return {row["concept"]: row for row in table_rows(HERE / "lexicons" / f"{lang}.tsv")}


def gender_of(head: str, own: Lexicon) -> str:
    """Of a person by the person; of a noun or another name as its lexicon has it, else feminine."""
    kind, name = name_of(head)
    if kind == "person":
        return names()[name].gender or "f"
    gender = own[name or head]["gender"]
    return "f" if gender == NONE else gender


def features(**values: str | None) -> str:
    """UD's way to write features: sorted by name, without those that are None.

    >>> features(Number="Sing", Case="Nom", Gender=None)
    'Case=Nom|Number=Sing'
    """
    return "|".join(f"{name}={value}" for name, value in sorted(values.items()) if value)


def name_words(form: str, kind: str, gloss: str, *, marks: str = "", glued: bool = False) -> tuple[Word, ...]:
    """A proper name of one or more parts, parted by spaces in `form`, tagged as an entity.

    Args:
        form: as the lexicon has it.
        kind: person, place or organisation.
        gloss: the name in English.
        marks: features of every part.
        glued: whether the language writes no spaces.
    """
    entity = ENTITIES[kind]
    return tuple(
        Word(part, "PROPN", gloss, marks, f"{'I' if at else 'B'}-{entity}", glued)
        for at, part in enumerate(form.split(" "))
    )
