"""The labels of the fragment's inferences against model checking: every way the world could be, counted out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from finetune.fragment.logic import (
    COVERING,
    EQUAL,
    EXCLUSIVE,
    INDEPENDENT,
    NARROWER,
    OPPOSITE,
    WIDER,
    label_of_relation,
    quantified,
)

QUANTIFIERS = ("every", "some", "no", "the", "two", "three", "most")
NOUN_PHRASES = {"equal": EQUAL, "narrower": NARROWER, "wider": WIDER, "independent": INDEPENDENT}
PREDICATES = {**NOUN_PHRASES, "opposite": OPPOSITE, "exclusive": EXCLUSIVE, "covering": COVERING}
LARGEST = 7  # "three dogs run, most animals do not" needs seven animals


def worlds(noun_phrases, predicates):
    """How many things there are of each kind, shape (worlds, kinds), for all worlds of up to LARGEST things."""
    kinds = [(*np_truth, *p_truth) for np_truth in noun_phrases if any(np_truth) for p_truth in predicates]

    def counts(places, left):
        if places == 0:
            yield ()
            return
        for first in range(left + 1):
            for rest in counts(places - 1, left - first):
                yield (first, *rest)

    return kinds, np.array(list(counts(len(kinds), LARGEST)))


def truth(quantifier, inside, outside):
    """What each quantifier means, written again from the dictionary."""
    return {
        "every": outside == 0, "some": inside > 0, "no": inside == 0, "the": inside == 1, "two": inside >= 2,
        "three": inside >= 3, "most": 2 * inside > inside + outside,
    }[quantifier]  # fmt: skip


@pytest.mark.parametrize("predicates", PREDICATES.values(), ids=PREDICATES)
@pytest.mark.parametrize("noun_phrases", NOUN_PHRASES.values(), ids=NOUN_PHRASES)
def test_labels_are_those_of_all_small_worlds(noun_phrases, predicates):
    kinds, number = worlds(noun_phrases, predicates)
    in_a, in_c, in_b, in_d = (np.array([kind[at] for kind in kinds]) for at in range(4))
    a_in, a_out = number @ (in_a & in_b), number @ (in_a & ~in_b)
    c_in, c_out = number @ (in_c & in_d), number @ (in_c & ~in_d)
    wrong = []
    for left, right in product(QUANTIFIERS, QUANTIFIERS):
        if noun_phrases != INDEPENDENT and "the" in (left, right) and {left, right} & {"two", "three", "most"}:
            continue  # nobody says "two dogs" where there is one, and the corpus does not
        spoken = ((a_in + a_out == 1) if left == "the" else (a_in + a_out >= 1)) & (
            (c_in + c_out == 1) if right == "the" else (c_in + c_out >= 1)
        )
        premise, hypothesis = truth(left, a_in, a_out)[spoken], truth(right, c_in, c_out)[spoken]
        seen = frozenset(zip(premise.tolist(), hypothesis.tolist(), strict=True))
        found = quantified(left, right, noun_phrases, predicates)
        if label_of_relation(found) != label_of_relation(seen):
            wrong.append((left, right, sorted(found), sorted(seen)))
    assert not wrong, wrong
