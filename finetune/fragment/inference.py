"""Premises and hypotheses: of every hypothesis three premises, one of which entails it, one rules it out, one neither.

So no hypothesis, and no word in one, tells anything of the label. The premises are the hypothesis changed in a few
places, and which change has which effect depends on the rest of the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from random import Random

from finetune.fragment.concepts import concepts, exclude_each_other, lineage, of_category
from finetune.fragment.logic import INDEPENDENT, Label, label_of, of_heads
from finetune.fragment.meaning import Clause, Meaning, Phrase, plural
from finetune.fragment.scenes import (
    OBJECT_QUANTIFIERS,
    SUBJECT_QUANTIFIERS,
    adjectives_of,
    clause,
    modified,
    names_of,
    pick,
    place,
    sorts_of,
    split_of,
)

LABELS: tuple[Label, ...] = ("entailment", "neutral", "contradiction")
TRIES = 40  # changes of a hypothesis; some have no premise of one label within reach and are given up
JOINED_SHARE = 0.03  # premises that say something else besides
NO_SHARE = 0.15  # of the hypotheses that deny
TWO_CHANGES_SHARE = 0.1  # premises that differ from the hypothesis in two places

# How much likelier a premise is taken, by label and quantifier: "some dogs" rules little out, "every dog" much.
SCARCE = {
    **{("contradiction", quantifier): 6.0 for quantifier in ("some", "two", "three")},
    **{("entailment", quantifier): 0.3 for quantifier in ("every", "no")},
    ("neutral", "every"): 6.0,
    ("neutral", "some"): 0.3,
    ("contradiction", "every"): 0.3,
}

Pair = tuple[Meaning, Meaning, Label]


def pairs(rng: Random, split: str) -> Iterator[Pair]:
    """Premises, hypotheses and labels without end: three premises of each hypothesis, in any order."""
    while True:
        hypothesis = _hypothesis(rng, split)
        premises = _premises(rng, split, hypothesis) if _well_formed(hypothesis) else None
        if premises is None:
            continue
        for label in sorted(LABELS, key=lambda _: rng.random()):
            yield _besides(rng, split, premises[label], hypothesis), (hypothesis,), label


def consequence(rng: Random, split: str, premise: Clause) -> Clause | None:
    """A clause that follows from another; None if chance finds none."""
    for _ in range(TRIES):
        changed = pick(rng, CHANGES)(rng, split, premise)
        if changed != premise and _sayable(changed, premise, split) and label_of(premise, changed) == "entailment":
            return changed
    return None


def bears_on(left: Clause, right: Clause) -> bool:
    """Whether two clauses speak of the same things."""
    phrases = [[phrase for phrase in (said.subject, said.object) if phrase] for said in (left, right)]
    return _clash(left.verb, right.verb) or any(
        of_heads(one.head, other.head) != INDEPENDENT for one in phrases[0] for other in phrases[1]
    )


def _hypothesis(rng: Random, split: str) -> Clause:
    """A clause; every second one denies something, mostly by "no": that is what contradicts "some" and "three"."""
    said = clause(rng, split, name_share=0.15, place_share=0.1, modifier_share=0.05)
    while said.object and rng.random() < 0.5:
        said = clause(rng, split, name_share=0.15, place_share=0.1, modifier_share=0.05)
    if rng.random() < 0.58:
        return _affirmed(said)
    if said.subject.quantifier != "name" and rng.random() < NO_SHARE:
        return _affirmed(said)._replace(subject=said.subject._replace(quantifier="no"))
    return _denied(said)


def _affirmed(said: Clause) -> Clause:
    if said.subject.quantifier == "no":
        said = said._replace(subject=said.subject._replace(quantifier="every"))
    return said._replace(negative=False)


def _denied(said: Clause) -> Clause:
    if said.subject.quantifier in ("every", "no"):
        return said._replace(subject=said.subject._replace(quantifier="no"))
    if said.object and said.object.quantifier not in ("the", "name"):
        said = said._replace(object=said.object._replace(quantifier="the"))
    return said._replace(negative=True)


def _premises(rng: Random, split: str, hypothesis: Clause) -> dict[Label, Clause] | None:
    """A premise of each label; None if chance finds none of one of them."""
    found: dict[Label, dict[str, Clause]] = {label: {} for label in LABELS}
    for _ in range(TRIES):
        premise = hypothesis
        for _ in range(1 + (rng.random() < TWO_CHANGES_SHARE)):
            premise = pick(rng, CHANGES)(rng, split, premise)
        if premise != hypothesis and _sayable(premise, hypothesis, split):
            found[label_of(premise, hypothesis)].setdefault(_shape(premise), premise)
    if not all(found.values()):
        return None
    return {label: _evened(rng, label, list(premises.values())) for label, premises in found.items()}


def _evened(rng: Random, label: Label, premises: list[Clause]) -> Clause:
    """One of the premises, more likely one with a quantifier that is else rare with the label."""
    weights = [SCARCE.get((label, premise.subject.quantifier), 1.0) for premise in premises]
    return rng.choices(premises, weights)[0]


def _shape(said: Clause) -> str:
    """Of premises alike in this the first is kept: no quantifier shall tell the label."""
    return f"{said.subject.quantifier} {said.negative}"


def _sayable(premise: Clause, hypothesis: Clause, split: str) -> bool:
    """Whether a changed clause still makes sense, belongs to the split, and can be told beside the hypothesis."""
    subject, verb = premise.subject, concepts()[premise.verb]
    if subject.quantifier != "name":
        if not concepts()[subject.head].sorts & verb.sorts or split_of(subject.head, verb.name) != split:
            return False
    elif subject.head.partition(":")[0] not in verb.sorts:
        return False
    if subject.doing and any(_clash(subject.doing, other) for other in (premise.verb, hypothesis.verb)):
        return False
    if hypothesis.subject.doing and _clash(hypothesis.subject.doing, premise.verb):
        return False
    return _together(subject, hypothesis.subject) and _well_formed(premise)


def _well_formed(said: Clause) -> bool:
    """The limits that `meaning.Clause` states, which keep sentences from reading in two ways."""
    if said.negative and said.subject.quantifier in ("every", "no"):
        return False
    if said.object is None:
        return True
    if said.negative:
        return said.object.quantifier in ("the", "name")
    return said.object.quantifier not in ("every", "no") or said.subject.quantifier in ("the", "name")


def _clash(left: str, right: str) -> bool:
    """Whether of two verbs one says the other or rules it out."""
    return left in lineage(right) or right in lineage(left) or exclude_each_other(left, right)


def _together(left: Phrase | None, right: Phrase | None) -> bool:
    """Whether two phrases can be told of one scene: not "the dog", of which there is one, beside "two dogs"."""
    if left is None or right is None or of_heads(left.head, right.head) == INDEPENDENT:
        return True
    several = [plural(phrase.quantifier) for phrase in (left, right)]
    alone = [phrase.quantifier == "the" for phrase in (left, right)]
    return not (any(several) and any(alone))


Change = Callable[[Random, str, Clause], Clause]


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
    return said._replace(subject=modified(rng, split, subject, said.verb, 0.25))


def _change_verb(rng: Random, _split: str, said: Clause) -> Clause:
    verb = pick(rng, _others(said.verb, rng.random() < 0.8))
    if said.object and not concepts()[verb].object_sorts & sorts_of(said.object.head):
        return said
    return said._replace(verb=verb)


def _change_place(rng: Random, split: str, said: Clause) -> Clause:
    if said.place is None:
        return said._replace(place=place(rng, split, 0.25))
    if said.place in concepts() and rng.random() < 0.5:
        return said._replace(place=pick(rng, _others(said.place, True)))
    return said._replace(place=None)


def _change_tense(_rng: Random, _split: str, said: Clause) -> Clause:
    return said._replace(past=not said.past)


# How often each is drawn; twice as often what bears most on the label.
CHANGES: tuple[Change, ...] = (
    *(4 * (_change_subject, _change_verb, _change_object)),
    *(2 * (_change_quantifier, _change_negation, _change_adjective, _change_modifier, _change_place)),
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


def _besides(rng: Random, split: str, premise: Clause, hypothesis: Clause) -> Meaning:
    """The premise, now and then joined by a clause about something else."""
    if rng.random() >= JOINED_SHARE:
        return (premise,)
    while True:
        other = clause(rng, split, name_share=0.15, place_share=0.1)
        if not any(bears_on(other, said) for said in (premise, hypothesis)):
            return (premise, other) if rng.random() < 0.5 else (other, premise)
