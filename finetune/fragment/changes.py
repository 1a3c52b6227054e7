"""Changes that turn a clause into another near it: of a noun, a verb, a quantifier, a place, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random

from finetune.fragment.concepts import concepts, exclude_each_other, lineage, of_category
from finetune.fragment.meaning import Clause, Phrase
from finetune.fragment.scenes import (
    OBJECT_QUANTIFIERS,
    SUBJECT_QUANTIFIERS,
    Calling,
    adjectives_of,
    modified,
    names_of,
    pick,
    place,
    sorts_of,
)

NAME_SHARE = 0.25  # of the places and origins that are added

Change = Callable[[Random, str, Clause], Clause]


def changed(rng: Random, split: str, said: Clause) -> Clause:
    """The clause changed in one place, as chance has it; the same clause where there is nothing to change.

    What comes out may be no clause that makes sense: see `inference`.
    """
    return pick(rng, CHANGES)(rng, split, said)


def _change_quantifier(rng: Random, _split: str, said: Clause) -> Clause:
    if said.subject.quantifier == "name":
        return said
    quantifier = pick(rng, SUBJECT_QUANTIFIERS)
    if quantifier in ("every", "no"):
        said = said._replace(negative=False)
    return said._replace(subject=said.subject._replace(quantifier=quantifier))


def _change_negation(_rng: Random, _split: str, said: Clause) -> Clause:
    return said._replace(negative=not said.negative)


def _change_subject(rng: Random, split: str, said: Clause) -> Clause:
    return said._replace(subject=_other_phrase(rng, split, said.subject))


def _change_object(rng: Random, split: str, said: Clause) -> Clause:
    if said.object is None:
        return said
    patient = said.object
    if patient.quantifier != "name" and rng.random() < 0.5:
        return said._replace(object=patient._replace(quantifier=pick(rng, OBJECT_QUANTIFIERS)))
    other = _other_phrase(rng, split, patient)
    if not (concepts()[said.verb].object_sorts & sorts_of(other.head)):
        return said
    return said._replace(object=other)


def _other_phrase(rng: Random, split: str, phrase: Phrase) -> Phrase:
    """The phrase with another noun: below, above or beside; a name becomes another or "some person"."""
    if phrase.quantifier == "name":
        kind = phrase.head.partition(":")[0]
        if rng.random() < 0.5:
            return phrase._replace(head=pick(rng, names_of(kind, split)))
        return Phrase(pick(rng, ("some", "every", "no")), kind)
    if phrase.head in ("person", "organisation") and rng.random() < 0.3:
        return Phrase("name", pick(rng, names_of(phrase.head, split)))
    head = pick(rng, _others(phrase.head, rng.random() < 0.8))
    fits = phrase.adjective is None or phrase.adjective in adjectives_of(head)
    return phrase._replace(head=head, adjective=phrase.adjective if fits else None)


def _change_adjective(rng: Random, _split: str, said: Clause) -> Clause:
    if said.subject.quantifier == "name":
        return said
    fitting = (None, *adjectives_of(said.subject.head)) if said.subject.adjective is None else (None,)
    return said._replace(subject=said.subject._replace(adjective=pick(rng, fitting)))


def _change_modifier(rng: Random, split: str, said: Clause) -> Clause:
    subject = said.subject
    if subject.quantifier == "name":
        return said
    if subject.origin or subject.doing:
        return said._replace(subject=subject._replace(origin=None, doing=None))
    return said._replace(subject=modified(rng, Calling(split, NAME_SHARE), subject, said.verb))


def _change_verb(rng: Random, _split: str, said: Clause) -> Clause:
    verb = pick(rng, _others(said.verb, rng.random() < 0.8))
    if said.object and not concepts()[verb].object_sorts & sorts_of(said.object.head):
        return said
    return said._replace(verb=verb)


def _change_place(rng: Random, split: str, said: Clause) -> Clause:
    if said.place is None:
        return said._replace(place=place(rng, Calling(split, NAME_SHARE)))
    if said.place in concepts() and rng.random() < 0.5:
        return said._replace(place=pick(rng, _others(said.place, True)))
    return said._replace(place=None)


def _change_tense(_rng: Random, _split: str, said: Clause) -> Clause:
    return said._replace(past=not said.past)


# How often each is drawn; twice as often what bears most on the label.
CHANGES: tuple[Change, ...] = (
    *(4 * (_change_subject, _change_verb, _change_object)),
    *(2 * (_change_quantifier, _change_negation, _change_adjective, _change_modifier)),
    _change_place,
    _change_tense,
)


@cache
def _others(concept: str, related: bool) -> tuple[str, ...]:
    """Concepts to put in place of one: below, above or ruled out by it, or (not `related`) any of its category."""
    own = concepts()[concept]
    alike = [each for each in of_category(own.category) if each.sorts & own.sorts and each.name != concept]
    close = tuple(
        each.name
        for each in alike
        if each.name in lineage(concept) or concept in lineage(each.name) or exclude_each_other(concept, each.name)
    )
    return (close if related else ()) or tuple(each.name for each in alike) or (concept,)
