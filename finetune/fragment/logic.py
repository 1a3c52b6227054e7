"""Natural logic: how the truth of one clause bears on another's, from how their words stand to each other.

After MacCartney and Manning (2009), "An extended model of natural logic". A relation between two statements (or two
predicates) is the set of pairs of truth values they can have together. The seven relations of the paper are seven such
sets, and joining two relations is composing them, so no table of joins is needed. A clause is turned into another one
step at a time (its noun phrase, its predicate, its quantifier), each step gives a relation, and the steps are joined.
Each order of the steps is sound, so what holds is what all orders agree on.

Every noun phrase that either sentence mentions is taken to stand for something, and "the" for exactly one: what von
Fintel (1999) calls Strawson entailment. "two" and "three" mean at least as many.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from typing import Literal, NamedTuple

from finetune.fragment.concepts import concepts, exclude_each_other, lineage
from finetune.fragment.meaning import Clause, Phrase, name_of

Truth = tuple[bool, bool]  # of the left statement and the right one
Relation = frozenset[Truth]
Label = Literal["entailment", "neutral", "contradiction"]


def _relation(*pairs: str) -> Relation:
    return frozenset((pair[0] == "T", pair[1] == "T") for pair in pairs)


EQUAL = _relation("TT", "FF")
NARROWER = _relation("TT", "FT", "FF")  # the left entails the right
WIDER = _relation("TT", "TF", "FF")
OPPOSITE = _relation("TF", "FT")
EXCLUSIVE = _relation("TF", "FT", "FF")  # never both
COVERING = _relation("TT", "TF", "FT")  # at least one
INDEPENDENT = _relation("TT", "TF", "FT", "FF")

# How a quantifier hands on a relation between two predicates, its noun phrase being the same: "every dog runs" is
# narrower than "every dog moves", "no dog runs" is wider than "no dog moves". What is not listed becomes INDEPENDENT.
UPWARD = {EQUAL: EQUAL, NARROWER: NARROWER, WIDER: WIDER}
DOWNWARD = {EQUAL: EQUAL, NARROWER: WIDER, WIDER: NARROWER}
UNCHANGED = {each: each for each in (EQUAL, NARROWER, WIDER, OPPOSITE, EXCLUSIVE, COVERING)}
OF_PREDICATES: dict[str, dict[Relation, Relation]] = {
    "every": {**UPWARD, OPPOSITE: EXCLUSIVE, EXCLUSIVE: EXCLUSIVE},
    "most": {**UPWARD, OPPOSITE: EXCLUSIVE, EXCLUSIVE: EXCLUSIVE},
    "some": {**UPWARD, OPPOSITE: COVERING, COVERING: COVERING},
    "no": {**DOWNWARD, OPPOSITE: EXCLUSIVE, COVERING: EXCLUSIVE},
    "the": UNCHANGED,
    "two": UPWARD,
    "three": UPWARD,
}
# The same for two noun phrases, the predicate being the same.
OF_NOUN_PHRASES: dict[str, dict[Relation, Relation]] = {
    "every": DOWNWARD,
    "most": {EQUAL: EQUAL},
    "some": UPWARD,
    "no": DOWNWARD,
    "the": {EQUAL: EQUAL},
    "two": UPWARD,
    "three": UPWARD,
}
# When a quantifier is true, by how many of what the noun phrase stands for do (`inside`) and do not (`outside`).
HOLDS: dict[str, Callable[[int, int], bool]] = {
    "every": lambda inside, outside: outside == 0,
    "most": lambda inside, outside: inside > outside,
    "some": lambda inside, outside: inside >= 1,
    "no": lambda inside, outside: inside == 0,
    "the": lambda inside, outside: inside == 1,
    "two": lambda inside, outside: inside >= 2,
    "three": lambda inside, outside: inside >= 3,
}
ENOUGH = 4  # with up to so many inside and outside, every two quantifiers that can be told apart are


def label_of(premise: Clause, hypothesis: Clause) -> Label:
    """Whether the hypothesis follows from the premise, is ruled out by it, or neither."""
    return label_of_relation(relation(premise, hypothesis))


def label_of_relation(found: Relation) -> Label:
    """What a relation of premise and hypothesis says of the hypothesis, the premise being true."""
    if (True, False) not in found:
        return "entailment"
    return "neutral" if (True, True) in found else "contradiction"


def relation(left: Clause, right: Clause) -> Relation:
    """The pairs of truth values that two clauses can have together."""
    predicates = _predicates(left, right)
    predicates = negated(predicates, left=left.negative, right=right.negative)
    return _quantified(left.subject, right.subject, predicates)


def _predicates(left: Clause, right: Clause) -> Relation:
    """Of what is said of the subjects, without negation."""
    verbs = of_concepts(left.verb, right.verb) if left.past == right.past else INDEPENDENT
    if left.object and right.object:
        verbs = _quantified(left.object, right.object, verbs)
    elif left.object or right.object:
        verbs = INDEPENDENT
    return both(verbs, of_parts(left.place, right.place))


def _quantified(left: Phrase, right: Phrase, predicates: Relation) -> Relation:
    """Of two noun phrases with what is said of them; a name is a noun phrase for exactly one."""
    first, second = ("the" if each.quantifier == "name" else each.quantifier for each in (left, right))
    return quantified(first, second, of_phrases(left, right), predicates)


@cache
def quantified(left: str, right: str, noun_phrases: Relation, predicates: Relation) -> Relation:
    """Of `left` A are B, and `right` C are D, where A stands to C as `noun_phrases` and B to D as `predicates`.

    If "the" speaks of the wider of two noun phrases, there is but one such thing, and the narrower stands for it too.
    """
    if (right == "the" and noun_phrases == NARROWER) or (left == "the" and noun_phrases == WIDER):
        noun_phrases = EQUAL
    found = INDEPENDENT
    for first, second in product(_spellings(left), _spellings(right)):
        flipped = negated(predicates, left=first.of_predicate, right=second.of_predicate)
        for order in permutations((_step_quantifier, _step_noun_phrase, _step_predicate)):
            so_far = _chain(first.quantifier, second.quantifier, noun_phrases, flipped, order)
            found &= negated(so_far, left=first.of_clause, right=second.of_clause)
    return found


class Spelling(NamedTuple):
    """Another way to say a quantifier: with another one, and with the predicate or the whole clause negated."""

    quantifier: str
    of_predicate: bool = False
    of_clause: bool = False


SPELLINGS = {
    "every": (Spelling("some", of_predicate=True, of_clause=True), Spelling("no", of_predicate=True)),
    "some": (Spelling("every", of_predicate=True, of_clause=True), Spelling("no", of_clause=True)),
    "no": (Spelling("every", of_predicate=True), Spelling("some", of_clause=True)),
}


def _spellings(quantifier: str) -> tuple[Spelling, ...]:
    return (Spelling(quantifier), *SPELLINGS.get(quantifier, ()))


def _chain(
    source: str, target: str, noun_phrases: Relation, predicates: Relation, order: tuple[Callable[..., Relation], ...]
) -> Relation:
    """The steps from one clause to the other in one order, joined."""
    quantifier, so_far = source, EQUAL
    for step in order:
        so_far = joined(so_far, step(quantifier, target, noun_phrases, predicates))
        quantifier = target if step is _step_quantifier else quantifier
    return so_far


def negated(found: Relation, *, left: bool, right: bool) -> Relation:
    """The relation after one side or both are negated."""
    return frozenset((first != left, second != right) for first, second in found)


def _step_quantifier(quantifier: str, target: str, _noun_phrases: Relation, _predicates: Relation) -> Relation:
    return of_quantifiers(quantifier, target)


def _step_noun_phrase(quantifier: str, _target: str, noun_phrases: Relation, _predicates: Relation) -> Relation:
    return OF_NOUN_PHRASES[quantifier].get(noun_phrases, INDEPENDENT)


def _step_predicate(quantifier: str, _target: str, _noun_phrases: Relation, predicates: Relation) -> Relation:
    return OF_PREDICATES[quantifier].get(predicates, INDEPENDENT)


@cache
def of_quantifiers(left: str, right: str) -> Relation:
    """Of two quantifiers over the same noun phrase and predicate; with "the" among them there is exactly one thing.

    Of exactly one thing nobody says "two", "three" or "most": that tells nothing.
    """
    if "the" in (left, right) and {left, right} & {"two", "three", "most"}:
        return INDEPENDENT
    counts = [
        (inside, outside)
        for inside, outside in product(range(ENOUGH + 1), repeat=2)
        if (inside + outside == 1 if "the" in (left, right) else inside + outside >= 1)
    ]
    return frozenset((HOLDS[left](*each), HOLDS[right](*each)) for each in counts)


@cache
def of_phrases(left: Phrase, right: Phrase) -> Relation:
    """Of what two noun phrases stand for, their quantifiers aside: "red dog" is narrower than "animal"."""
    adjectives, origins = of_parts(left.adjective, right.adjective), of_parts(left.origin, right.origin)
    return both(both(of_heads(left.head, right.head), adjectives), both(origins, of_parts(left.doing, right.doing)))


@cache
def of_heads(left: str, right: str) -> Relation:
    """Of two nouns or names; a person's name is narrower than "person"."""
    above = [lineage(name_of(head)[0] or head) for head in (left, right)]
    if left == right:
        return EQUAL
    if right in above[0]:
        return NARROWER
    return WIDER if left in above[1] else INDEPENDENT


@cache
def of_concepts(left: str, right: str) -> Relation:
    """Of two verbs: "runs" is narrower than "moves" and excludes "rests"."""
    if left == right:
        return EQUAL
    if right in lineage(left):
        return NARROWER
    if left in lineage(right):
        return WIDER
    return EXCLUSIVE if exclude_each_other(left, right) else INDEPENDENT


@cache
def of_parts(left: str | None, right: str | None) -> Relation:
    """Of two restrictions of one kind, each a place, an adjective or a verb; None, no restriction, is true of all."""
    if left is None or right is None:
        left_values, right_values = ((True,) if part is None else (True, False) for part in (left, right))
        return frozenset(product(left_values, right_values))
    if left in concepts() and right in concepts():
        return of_concepts(left, right)
    return EQUAL if left == right else INDEPENDENT


@cache
def joined(first: Relation, second: Relation) -> Relation:
    """Of the first to the third, from the first to the second and the second to the third: composition."""
    return frozenset((left, right) for left, middle in first for other, right in second if middle == other)


@cache
def both(one: Relation, other: Relation) -> Relation:
    """Of `A and X` to `B and Y`, where A stands to B as `one`, X to Y as `other`, and the two are independent."""
    return frozenset((a and x, b and y) for (a, b), (x, y) in product(one, other))
