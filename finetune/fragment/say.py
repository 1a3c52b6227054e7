"""A meaning said in a language: its annotated words, and its text."""

from __future__ import annotations

from collections.abc import Iterable

from finetune.fragment.grammars import grammar_of
from finetune.fragment.meaning import Meaning
from finetune.fragment.words import Word


def words_of(meaning: Meaning, lang: str) -> list[Word]:
    """The words of a sentence, its end mark included.

    Raises:
        InputError: the fragment does not speak the language.
    """
    grammar = grammar_of(lang)
    words = grammar.clause(meaning[0])
    if len(meaning) == 2:
        words = grammar.both(words, grammar.clause(meaning[1]))
    first = words[0]
    if grammar.CAPITALS:
        first = first._replace(form=first.form[0].upper() + first.form[1:])
    return [first, *words[1:], grammar.STOP]


def text_of(words: Iterable[Word]) -> str:
    """A sentence as it is written."""
    return "".join(word.form if word.glued else " " + word.form for word in words).lstrip(" ")
