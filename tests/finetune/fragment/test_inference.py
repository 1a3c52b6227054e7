"""Drawn pairs of sentences against drawn worlds: what is labelled entailment or contradiction holds in every one."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest

from finetune.fragment.concepts import concepts, exclude_each_other, lineage, names, narrower
from finetune.fragment.inference import consequence, pairs
from finetune.fragment.logic import label_of
from finetune.fragment.meaning import Clause, Phrase
from finetune.fragment.scenes import SUBJECT_QUANTIFIERS, clause

PLACES = ["garden", "school", "building", "village", "place:Lima"]


class World:
    """A few things, each with all the concepts it falls under, and who does what to whom."""

    def __init__(self, rng, clauses):
        heads = [phrase.head for said in clauses for phrase in (said.subject, said.object) if phrase]
        leaves = [head for head in heads for head in (head, *narrower(head)[:2])] if heads else []
        self.things = [self._thing(rng, rng.choice(leaves), clauses) for _ in range(rng.randint(1, 7))]
        named = [head for head in heads if ":" in head]
        self.things += [self._thing(rng, head, clauses) for head in dict.fromkeys(named)]
        verbs = {said.verb for said in clauses if said.object}
        self.pairs = {
            (past, at, to): self._verbs(rng, verbs)
            for past in (False, True)
            for at in range(len(self.things))
            for to in range(len(self.things))
        }

    def _thing(self, rng, head, clauses):
        kind = head.partition(":")[0]
        marks = {head, *(lineage(head) if head in concepts() else lineage(kind))}
        for said in clauses:
            for phrase in (said.subject, said.object):
                marks |= {mark for mark in (phrase and phrase.adjective,) if mark and rng.random() < 0.6}
            for place in (said.subject.origin, said.place):
                if place and rng.random() < 0.6:
                    role = "from" if place == said.subject.origin else "in"
                    marks |= {f"{role} {above}" for above in (lineage(place) if place in concepts() else (place,))}
        doing = {said.verb for said in clauses if not said.object} | {
            s.subject.doing for s in clauses if s.subject.doing
        }
        for past in (False, True):
            marks |= {f"{past} {verb}" for verb in self._verbs(rng, doing)}
        return marks

    def _verbs(self, rng, verbs):
        """Some verbs with all above them, none of which exclude each other."""
        done: set[str] = set()
        for verb in sorted(verbs, key=lambda _: rng.random()):
            if rng.random() < 0.6 and not any(exclude_each_other(verb, other) for other in done):
                done |= set(lineage(verb))
        return done

    def holds(self, said: Clause):
        """Whether a clause is true here; None if it speaks of what there is not."""
        does = [self._does(at, said) for at in range(len(self.things))]
        if None in does:
            return None
        return self._quantified(said.subject, [bool(each) != said.negative for each in does], said.past)

    def _does(self, at, said):
        inside = said.place is None or f"in {said.place}" in self.things[at]
        if said.object is None:
            return inside and f"{said.past} {said.verb}" in self.things[at]
        to = [said.verb in self.pairs[said.past, at, other] for other in range(len(self.things))]
        found = self._quantified(said.object, to, said.past)
        return None if found is None else inside and found

    def _quantified(self, phrase: Phrase, true_of, past):
        meant = [at for at, thing in enumerate(self.things) if self._falls_under(phrase, thing, past)]
        inside = sum(true_of[at] for at in meant)
        if not meant or (phrase.quantifier in ("the", "name") and len(meant) != 1):
            return None
        return {
            "every": inside == len(meant), "some": inside > 0, "no": inside == 0, "the": inside == 1,
            "name": inside == 1, "two": inside >= 2, "three": inside >= 3, "most": 2 * inside > len(meant),
        }[phrase.quantifier]  # fmt: skip

    def _falls_under(self, phrase, thing, past):
        return (
            phrase.head in thing
            and (phrase.adjective is None or phrase.adjective in thing)
            and (phrase.origin is None or f"from {phrase.origin}" in thing)
            and (phrase.doing is None or f"{past} {phrase.doing}" in thing)
        )


def test_labels_hold_in_every_drawn_world_and_neutral_ones_go_both_ways():
    rng = Random(0)
    seen: dict[int, set[bool]] = {}
    drawn = [
        (premise[0], hypothesis[0], label)
        for premise, hypothesis, label in islice(pairs(Random(1), "train"), 1800)
        if len(premise) == 1
    ]
    for at, (premise, hypothesis, label) in enumerate(drawn):
        for _ in range(120):
            world = World(rng, [premise, hypothesis])
            before, after = world.holds(premise), world.holds(hypothesis)
            if before and after is not None:
                seen.setdefault(at, set()).add(after)
        expected = {"entailment": {True}, "contradiction": {False}, "neutral": {True, False}}[label]
        assert seen.get(at, set()) <= expected, (premise, hypothesis, label)
    tested = Counter(label for at, (*_, label) in enumerate(drawn) if seen.get(at))
    both_ways = sum(len(seen.get(at, ())) == 2 for at, (*_, label) in enumerate(drawn) if label == "neutral")
    assert min(tested.values()) > 300, "most premises were true in some world"
    assert both_ways > 0.6 * tested["neutral"], "most neutral pairs were seen to go either way"


@pytest.mark.parametrize("seed", range(300))
def test_a_consequence_follows(seed):
    rng = Random(seed)
    said = clause(rng, "train")
    following = consequence(rng, "train", said)
    if following is not None:
        assert label_of(said, following) == "entailment"
        assert following != said


DOG = Phrase("every", "dog")


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        (Clause(DOG, "run"), Clause(DOG, "move"), "entailment"),
        (Clause(DOG, "run"), Clause(DOG, "sleep"), "contradiction"),
        (Clause(DOG, "run"), Clause(Phrase("every", "animal"), "run"), "neutral"),
        (Clause(Phrase("every", "animal"), "run"), Clause(Phrase("every", "dog", "red"), "run"), "entailment"),
        (Clause(Phrase("no", "animal"), "move"), Clause(Phrase("no", "dog"), "run"), "entailment"),
        (Clause(Phrase("three", "dog"), "run"), Clause(Phrase("two", "animal"), "move"), "entailment"),
        (Clause(Phrase("three", "dog"), "run"), Clause(Phrase("no", "mammal"), "run"), "contradiction"),
        (Clause(Phrase("most", "dog"), "run"), Clause(DOG, "run"), "neutral"),
        (Clause(Phrase("most", "dog"), "run"), Clause(Phrase("most", "dog"), "rest"), "contradiction"),
        (Clause(DOG, "run"), Clause(Phrase("most", "dog"), "run"), "entailment"),
        (Clause(Phrase("name", "person:Sofia"), "sing"), Clause(Phrase("some", "person"), "sing"), "entailment"),
        (Clause(Phrase("no", "person"), "sing"), Clause(Phrase("name", "person:Sofia"), "sing"), "contradiction"),
        (Clause(DOG, "run", place="school"), Clause(DOG, "run", place="building"), "entailment"),
        (Clause(DOG, "run"), Clause(DOG, "run", place="school"), "neutral"),
        (Clause(DOG, "run"), Clause(DOG, "run", past=True), "neutral"),
        (Clause(DOG, "see", Phrase("two", "cat")), Clause(DOG, "see", Phrase("some", "animal")), "entailment"),
        (Clause(Phrase("the", "dog"), "see", Phrase("no", "animal")),
         Clause(Phrase("the", "dog"), "see", Phrase("some", "cat")), "contradiction"),
        (Clause(Phrase("some", "dog"), "move", negative=True), Clause(Phrase("some", "dog"), "run", negative=True),
         "entailment"),
    ],
)  # fmt: skip
def test_labels_are_those_anybody_would_give(premise, hypothesis, label):
    assert label_of(premise, hypothesis) == label


def test_quantifiers_and_names_are_all_there():
    assert set(SUBJECT_QUANTIFIERS) == {"every", "some", "no", "the", "two", "three", "most"}
    assert Counter(kind for name in names().values() for kind in name.types) == {
        "person": 40, "place": 40, "organisation": 30,
    }  # fmt: skip
