"""What there is to say: random clauses that make sense, of one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TypeVar
from zlib import crc32

from finetune.fragment.concepts import Concept, concepts, exclude_each_other, lineage, names, of_category
from finetune.fragment.meaning import Clause, Phrase, name_of

T = TypeVar("T")

# Of 20 nouns doing something, and of 5 names, these are kept for validation and for test.
PAIR_SPLITS = {0: "validation", 1: "validation", 2: "validation", 3: "test", 4: "test", 5: "test"}
NAME_SPLITS = {3: "validation", 4: "test"}

SUBJECT_QUANTIFIERS = ("every", "some", "no", "the", "two", "three", "most")
OBJECT_QUANTIFIERS = ("the", "some", "two", "every", "no")

MUCH = 2  # verbs of a noun within a split
ANY = "any"  # names of every split


@cache
def split_of(subject: str, verb: str) -> str:
    """The split that a noun or name doing something belongs to: no other split says it, in any language or task.

    Half of what the names of validation and test do is left to train, whose documents (of `mlm`) know all names.
    """
    drawn = crc32(f"{subject} {verb}".encode())
    if ":" in subject:
        return _split_of_name(subject.partition(":")[2]) if drawn % 2 else "train"
    return PAIR_SPLITS.get(drawn % 20, "train")


@cache
def _split_of_name(spelled: str) -> str:
    return NAME_SPLITS.get(list(names()).index(spelled) % 5, "train")


@cache
def names_of(kind: str, naming: str) -> tuple[str, ...]:
    """The names of persons, places or organisations of a split, as heads; with `naming` = ANY those of all splits."""
    return tuple(
        f"{kind}:{name.name}"
        for name in names().values()
        if kind in name.types and naming in (ANY, _split_of_name(name.name))
    )


def pick(rng: Random, choices: Sequence[T]) -> T:
    """One of the choices, each as likely."""
    return choices[int(rng.random() * len(choices))]


@dataclass(frozen=True, slots=True)
class Calling:
    """How things are called by names.

    Attributes:
        naming: the split whose names are used, or ANY.
        share: how often a phrase is a name where it could be one.
        telling: whether only where nothing of another type could stand.
    """

    naming: str
    share: float
    telling: bool = False


def clause(
    rng: Random,
    split: str,
    *,
    name_share: float = 0.25,
    place_share: float = 0.35,
    modifier_share: float = 0.3,
    telling: bool = False,
    naming: str | None = None,
) -> Clause:
    """A clause of a split.

    Args:
        rng: decides; equal generators give equal clauses.
        split: train, validation or test.
        name_share: how often a phrase is a name where it could be one.
        place_share: how often the clause says where.
        modifier_share: how often the subject has an origin or a relative clause.
        telling: whether a name stands only where nothing of another type could: what hires is no person.
        naming: the split whose names are used, or ANY; without it, `split`.
    """
    calling = Calling(naming or split, name_share, telling)
    subject, verb = _subject_and_verb(rng, split, calling)
    negative = subject.quantifier not in ("every", "no") and rng.random() < 0.3
    patient = None
    if verb.category == "transitive":
        patient = _object(rng, calling, subject, verb, negative=negative)
    where = place(rng, calling) if rng.random() < place_share else None
    if subject.quantifier != "name" and rng.random() < modifier_share:
        subject = modified(rng, calling, subject, verb.name)
    return Clause(subject, verb.name, patient, where, rng.random() < 0.5, negative)


def _subject_and_verb(rng: Random, split: str, calling: Calling) -> tuple[Phrase, Concept]:
    if rng.random() < calling.share:
        kind = pick(rng, ("person", "person", "organisation"))
        name, verbs = pick(rng, _doings(kind, split, calling))
        return Phrase("name", name), pick(rng, verbs)
    noun = pick(rng, subjects(split))
    quantifier = pick(rng, SUBJECT_QUANTIFIERS)
    return Phrase(quantifier, noun, adjective(rng, noun)), pick(rng, verbs_of_noun(noun, split))


def modified(rng: Random, calling: Calling, subject: Phrase, verb: str) -> Phrase:
    """The phrase with a relative clause that does not clash with the verb, or with an origin."""
    if rng.random() < 0.5:
        return subject._replace(origin=place(rng, calling))
    return subject._replace(doing=pick(rng, _besides(subject.head, verb)))


def adjective(rng: Random, noun: str) -> str | None:
    """Now and then an adjective that goes with the noun."""
    fitting = adjectives_of(noun)
    return pick(rng, fitting) if fitting and rng.random() < 0.4 else None


def _object(rng: Random, calling: Calling, subject: Phrase, verb: Concept, *, negative: bool) -> Phrase:
    kinds = [kind for kind in ("person", "organisation") if kind in verb.object_sorts]
    kinds = [] if calling.telling and len(kinds) == 2 else kinds
    if kinds and rng.random() < calling.share:
        others = [name for name in names_of(pick(rng, kinds), calling.naming) if name != subject.head]
        others = [name for name in others if is_told(name, verb.object_sorts)]
        return Phrase("name", pick(rng, others))
    noun = pick(rng, _objects(verb.name, subject.head))
    definite = subject.quantifier in ("the", "name")
    quantifiers = OBJECT_QUANTIFIERS[: 1 if negative else 5 if definite else 3]
    return Phrase(pick(rng, quantifiers), noun, adjective(rng, noun))


def place(rng: Random, calling: Calling) -> str:
    """A place noun or name."""
    return pick(rng, names_of("place", calling.naming)) if rng.random() < calling.share else pick(rng, place_nouns())


@cache
def subjects(split: str) -> tuple[str, ...]:
    """The nouns that do something in a split; those that can do much stand thrice, as they are spoken of more."""
    doing = {noun.name: len(verbs_of_noun(noun.name, split)) for noun in of_category("noun")}
    return tuple(noun for noun, verbs in doing.items() if verbs for _ in range(3 if verbs > MUCH else 1))


@cache
def place_nouns() -> tuple[str, ...]:
    """All place concepts."""
    return tuple(place.name for place in of_category("place"))


@cache
def verbs_of(sort: str) -> tuple[Concept, ...]:
    """What a sort of noun can do."""
    return tuple(verb for verb in (*of_category("intransitive"), *of_category("transitive")) if sort in verb.sorts)


@cache
def _doings(kind: str, split: str, calling: Calling) -> tuple[tuple[str, tuple[Concept, ...]], ...]:
    """Names, each with what it does in the clauses of a split."""
    verbs = _telling_verbs(kind) if calling.telling else verbs_of(kind)
    doing = {
        name: tuple(verb for verb in verbs if split_of(name, verb.name) == split and is_told(name, verb.sorts))
        for name in names_of(kind, calling.naming)
    }
    return tuple((name, own) for name, own in doing.items() if own)


@cache
def is_told(head: str, sorts: frozenset[str]) -> bool:
    """Whether beside a verb that goes with `sorts` a name can stand for one thing only.

    "Clara hires" is of a firm; "Clara wins" could be of the woman as well, and is never said.
    """
    name = name_of(head)[1]
    return not name or len(sorts.intersection(names()[name].types)) == 1


@cache
def _telling_verbs(kind: str) -> tuple[Concept, ...]:
    """What only persons do, or only organisations."""
    other = {"person": "organisation", "organisation": "person"}[kind]
    return tuple(verb for verb in verbs_of(kind) if other not in verb.sorts)


@cache
def verbs_of_noun(noun: str, split: str) -> tuple[Concept, ...]:
    """What a noun does in the clauses of a split."""
    (sort,) = concepts()[noun].sorts
    return tuple(verb for verb in verbs_of(sort) if split_of(noun, verb.name) == split)


@cache
def sorts_of(head: str) -> frozenset[str]:
    """The sort of a noun or name, as a set."""
    return concepts()[head].sorts if head in concepts() else frozenset({head.partition(":")[0]})


@cache
def adjectives_of(noun: str) -> tuple[str, ...]:
    """The adjectives that go with a noun."""
    return tuple(each.name for each in of_category("adjective") if each.sorts & concepts()[noun].sorts)


@cache
def _objects(verb: str, subject: str) -> tuple[str, ...]:
    """The nouns a verb can be done to, if possible none above or below the subject in the taxonomy."""
    fitting = [noun.name for noun in of_category("noun") if noun.sorts & concepts()[verb].object_sorts]
    above = lineage(subject) if subject in concepts() else ()
    apart = [noun for noun in fitting if subject not in lineage(noun) and noun not in above]
    return tuple(apart or [noun for noun in fitting if noun != subject])


@cache
def _besides(noun: str, verb: str) -> tuple[str, ...]:
    """What a noun can do at the same time as `verb` without it being said twice or contradicted."""
    return tuple(
        other.name
        for other in of_category("intransitive")
        if concepts()[noun].sorts & other.sorts
        and verb not in lineage(other.name)
        and other.name not in lineage(verb)
        and not exclude_each_other(verb, other.name)
    )
