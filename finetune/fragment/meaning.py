"""The abstract syntax: what a sentence says, whatever the language it is said in."""

from __future__ import annotations

from typing import NamedTuple

QUANTIFIERS = ("every", "some", "no", "the", "two", "three", "most", "name")


class Phrase(NamedTuple):
    """A quantified noun phrase, or a proper name.

    Attributes:
        quantifier: one of QUANTIFIERS; "name" for a proper name, which takes no adjective or modifier.
        head: a noun concept; for a name, `person:Sofia` or `organisation:Orion`.
        adjective: an adjective concept: the RED dog.
        origin: where it is from, a place concept or `place:Lima`: the dog FROM THE VILLAGE.
        doing: a relative clause, an intransitive verb in the clause's tense: the dog THAT SLEEPS.
            A phrase has at most one of `origin` and `doing`.
    """

    quantifier: str
    head: str
    adjective: str | None = None
    origin: str | None = None
    doing: str | None = None


class Clause(NamedTuple):
    """A statement.

    Attributes:
        subject: any phrase. Under "every" and "no" the clause is not negative: such sentences read in two ways.
        verb: an intransitive or transitive concept.
        object: of a transitive verb: "the", "some", "no", "every", "two" or a name, perhaps with an adjective, never
            with a modifier. "no" and "every" only under a subject "the" or a name. Under a negative clause only "the"
            or a name.
        place: where it happens, a place concept or `place:Lima`: sleeps IN THE GARDEN.
        past: past tense; else present.
        negative: the subject does not do it.
    """

    subject: Phrase
    verb: str
    object: Phrase | None = None
    place: str | None = None
    past: bool = False
    negative: bool = False


Meaning = tuple[Clause, ...]  # one clause, or two joined by "and"


def name_of(head: str) -> tuple[str, str]:
    """The type and the English form of a name: ("person", "Sofia") of `person:Sofia`; ("", "") of a concept."""
    kind, parted, name = head.partition(":")
    return (kind, name) if parted else ("", "")


def plural(quantifier: str) -> bool:
    """Whether a quantifier speaks of several."""
    return quantifier in ("two", "three", "most")
