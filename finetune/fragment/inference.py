"""Premises and hypotheses: of every hypothesis three premises, one of which entails it, one rules it out, one neither.

So no hypothesis, and no word in one, tells anything of the label. The premises are the hypothesis changed in a few
places, and which change has which effect depends on the rest of the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from finetune.fragment.changes import changed
from finetune.fragment.concepts import concepts, exclude_each_other, lineage
from finetune.fragment.logic import INDEPENDENT, Label, label_of, of_heads
from finetune.fragment.meaning import Clause, Meaning, Phrase, plural
from finetune.fragment.scenes import clause, is_told, sorts_of, split_of

LABELS: tuple[Label, ...] = ("entailment", "neutral", "contradiction")
TRIES = 40  # changes of a hypothesis; some have no premise of one label within reach and are given up
JOINED_SHARE = 0.01  # premises that say something else besides
AFFIRMED_SHARE = 0.58  # of the hypotheses
NO_SHARE = 0.15  # of those that deny: by "no" whatever quantifier was drawn
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
        following = changed(rng, split, premise)
        sayable = following != premise and _sayable(following, premise, split)
        if sayable and label_of(premise, following) == "entailment":
            return following
    return None


def bears_on(left: Clause, right: Clause) -> bool:
    """Whether two clauses speak of the same things."""
    phrases = [[phrase for phrase in (said.subject, said.object) if phrase] for said in (left, right)]
    return _clash(left.verb, right.verb) or any(
        of_heads(one.head, other.head) != INDEPENDENT for one in phrases[0] for other in phrases[1]
    )


def _hypothesis(rng: Random, split: str) -> Clause:
    """A clause; nearly every second one denies something, so that a denying premise tells nothing of the label."""
    said = _short_clause(rng, split)
    while said.object and rng.random() < 0.6:  # with an object fewer changes bear on the label
        said = _short_clause(rng, split)
    if rng.random() < AFFIRMED_SHARE:
        return _affirmed(said)
    if said.subject.quantifier != "name" and rng.random() < NO_SHARE:
        return _affirmed(said)._replace(subject=said.subject._replace(quantifier="no"))
    return _denied(said)


def _short_clause(rng: Random, split: str) -> Clause:
    return clause(rng, split, name_share=0.15, place_share=0.35, modifier_share=0.05)


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
            premise = changed(rng, split, premise)
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
    if not sorts_of(subject.head) & verb.sorts or split_of(subject.head, verb.name) != split:
        return False
    if not (
        is_told(subject.head, verb.sorts) and (not premise.object or is_told(premise.object.head, verb.object_sorts))
    ):
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


def _besides(rng: Random, split: str, premise: Clause, hypothesis: Clause) -> Meaning:
    """The premise, now and then joined by a clause about something else."""
    if rng.random() >= JOINED_SHARE:
        return (premise,)
    while True:
        other = clause(rng, split, name_share=0.15, place_share=0.1)
        if not any(bears_on(other, said) for said in (premise, hypothesis)):
            return (premise, other) if rng.random() < 0.5 else (other, premise)
