"""One module a language: how it says a clause, joins two, and ends a sentence."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol, cast

from finetune.errors import InputError
from finetune.fragment.meaning import Clause
from finetune.fragment.words import Word

LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "hi", "ru", "sw", "ur", "zh")


class Grammar(Protocol):
    """What the module of every language offers.

    Attributes:
        CAPITALS: whether a sentence begins with a capital letter.
        STOP: the mark at its end.
    """

    CAPITALS: bool
    STOP: Word

    def clause(self, said: Clause) -> tuple[Word, ...]:
        """The words of a clause."""

    def both(self, first: tuple[Word, ...], second: tuple[Word, ...]) -> tuple[Word, ...]:
        """Two clauses joined by "and"."""


@cache
def grammar_of(lang: str) -> Grammar:
    """The grammar of a language.

    Raises:
        InputError: the fragment does not speak it.
    """
    if lang not in LANGUAGES:
        raise InputError(f"lang={lang}: the embedded fragment does not speak it; it speaks: {', '.join(LANGUAGES)}")
    return cast(Grammar, import_module(f"{__name__}.{lang}"))
