"""Expressions of masks: against Python's own sets and Python's own precedence, and how errors point at their place."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from masks import mask

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.expression import Name, Operation, evaluate, names_in, parse

EVERYTHING = range(16)
SETS = {
    "en": {at for at in EVERYTHING if at & 1},
    "fr": {at for at in EVERYTHING if at & 2},
    "zh": {at for at in EVERYTHING if at & 4},
    "de": {at for at in EVERYTHING if at & 8},
}


def as_mask(places):
    return Mask.from_bools({"w": np.isin(np.arange(16), sorted(places)).reshape(4, 4)})


def places(text):
    found = evaluate(parse(text), lambda name: as_mask(SETS[name]))
    return set(np.flatnonzero(found.bools("w")).tolist())


class Places(frozenset):
    """A Python set with a complement, and with what frozenset's operators give turned into the same."""

    def __invert__(self):
        return Places(set(EVERYTHING) - self)

    def __and__(self, other):
        return Places(frozenset.__and__(self, other))

    def __or__(self, other):
        return Places(frozenset.__or__(self, other))

    def __xor__(self, other):
        return Places(frozenset.__xor__(self, other))

    def __sub__(self, other):
        return Places(frozenset.__sub__(self, other))


def by_python(text):
    """What Python's own parser makes of the text, with sets for names."""
    votes = lambda number, sets: Places(at for at in EVERYTHING if sum(at in each for each in sets) >= number)  # noqa: E731
    functions = {
        "core": lambda *sets: votes(len(sets), sets),
        "union": lambda *sets: votes(1, sets),
        "majority": lambda *sets: votes(len(sets) / 2 + 0.1, sets),
        "only_in": lambda one, *others: Places(at for at in one if not any(at in other for other in others)),
        "at_least": lambda number, *sets: votes(number, sets),
    }
    text = re.sub(r"(\d+) of \(", r"at_least(\1, ", text)
    return set(eval(text, functions | {name: Places(found) for name, found in SETS.items()}))


def texts():
    names = st.sampled_from(sorted(SETS))

    def larger(inner):
        several = st.lists(inner, min_size=2, max_size=4)
        return st.one_of(
            st.lists(inner, min_size=2, max_size=4).flatmap(
                lambda parts: st.lists(st.sampled_from("&|^-"), min_size=len(parts) - 1, max_size=len(parts) - 1).map(
                    lambda signs: parts[0] + "".join(f" {a} {b}" for a, b in zip(signs, parts[1:], strict=True))
                )
            ),
            inner.map(lambda text: f"~({text})"),
            names.map(lambda text: f"~{text}"),
            inner.map(lambda text: f"({text})"),
            st.tuples(st.sampled_from(["core", "union", "majority", "only_in"]), several).map(
                lambda pair: f"{pair[0]}({', '.join(pair[1])})"
            ),
            several.flatmap(
                lambda parts: st.integers(1, len(parts)).map(lambda number: f"{number} of ({', '.join(parts)})")
            ),
        )

    return st.recursive(names, larger, max_leaves=12)


@given(texts())
def test_an_expression_means_what_python_says_of_sets(text):
    assert places(text) == by_python(text)


@given(texts())
def test_names_come_once_each_in_the_order_of_the_text(text):
    words = re.findall(r"\b(?:en|fr|zh|de)\b", text)
    assert names_in(parse(text)) == tuple(dict.fromkeys(words))


@given(texts())
def test_spaces_and_parentheses_around_change_nothing(text):
    assert parse(text) == parse(f"  ( {text} ) ") == parse(text.replace(" ", "").replace("of(", " of("))


def test_the_spellings_of_the_manual():
    assert places("en & fr") == {3, 7, 11, 15}
    assert places("core(en,fr,zh) - de") == {7}
    assert places("2 of (en,fr,zh)") == {3, 5, 6, 7, 11, 13, 14, 15}
    assert places("only_in(de, en, fr, zh)") == {8}
    assert places("~union(en, fr, zh)") == {0, 8}
    assert places("majority(en, fr)") == {3, 7, 11, 15}


def test_signs_bind_as_in_python():
    assert parse("a | b ^ c & d - ~e") == parse("a | (b ^ (c & (d - (~e))))")
    assert parse("a - b - c") == Operation("-", (Name("a"), Name("b"), Name("c")))


def test_a_tree_is_frozen_and_can_be_a_key():
    tree = parse("2 of (a, b)")
    assert {tree: 1}[parse("2 of (a,b)")] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        tree.what = "core"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("de", "de"),
        ("de@0.5", "de@0.5"),
        ("de/seed1", "de/seed1"),
        ("de+fr", "de+fr"),
        ("zh_yue", "zh_yue"),
        ('"zh-yue"', "zh-yue"),
        ("'de/seed1-0a1b2c3d@0.5'", "de/seed1-0a1b2c3d@0.5"),
        ('"core(a) & $"', "core(a) & $"),
        ("core", "core"),
        ("of", "of"),
    ],
)
def test_names(text, name):
    assert parse(text) == Name(name)


def test_every_name_is_asked_for_once():
    asked = []
    evaluate(parse("a & b | a - b ^ a"), lambda name: asked.append(name) or mask(w=[1, 0]))
    assert asked == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "column", "found", "expected"),
    [
        ("", 1, "the end", "a name"),
        ("en &", 5, "the end", "a name"),
        ("en & )", 6, r"'\)'", "a name or a quoted name or a number"),
        ("en fr", 4, "'fr'", r"\| or \^ or & or - or the end"),
        ("en) & fr", 3, r"'\)'", "the end"),
        ("(en", 4, "the end", r"\) or \|"),
        ("core(en,", 9, "the end", "a name"),
        ("core()", 6, r"'\)'", "a name"),
        ("fr | cor(en,fr)", 6, "'cor'", "a function: core, union, majority, only_in"),
        ("only_in(en)", 1, "only_in of one mask", "two or more"),
        ("fr - 4 of (en,fr)", 6, "4 of 2 masks", "1 to 2 of 2"),
        ("0 of (en,fr)", 1, "0 of 2 masks", "1 to 2 of 2"),
        ("9" * 5000 + " of (en)", 1, "999999999999 of 1 masks", "1 to 1 of 1"),
        ("2 (en)", 3, r"'\('", "of"),
        ("2 og (en)", 3, "'og'", "of"),
        ("2 of en", 6, "'en'", r"\("),
        ("en $ fr", 4, r"'\$'", r"\| or \^ or & or - or the end"),
        ("core(en $ fr)", 9, r"'\$'", r"\) or , or \|"),
        ('en & "fr', 6, "'\"'", "a name"),
        ("en\n& fr", 3, r"'\\n'", "the end"),
    ],
)
def test_a_fault_is_shown_at_its_place(text, column, found, expected):
    with pytest.raises(
        InputError, match=f"^mask expression, column {column}: found {found}; expected .*{expected}"
    ) as e:
        parse(text)
    message = str(e.value)
    assert message.isprintable()
    assert len(message) < 300
    before, after = message.rsplit(": ", 1)[1].split("[^]")
    assert text.replace("\n", "?").startswith(before)
    assert text.replace("\n", "?")[column - 1 :].startswith(after.removesuffix("..."))


def test_a_long_expression_is_shown_around_the_fault():
    with pytest.raises(InputError, match=r"column 801: .*: \.\.\.(en - ){8}\[\^\]\$( - en){7} - e\.\.\.$"):
        parse("en - " * 160 + "$" + " - en" * 100)


@pytest.mark.parametrize("text", ["~" * 101 + "a", "(~" * 101 + "a" + ")" * 101, "core(" * 101 + "a" + ")" * 101])
def test_what_is_too_deep_is_refused(text):
    with pytest.raises(InputError, match="more than 100 operations inside each other"):
        parse(text)


def test_what_is_too_long_is_refused_and_a_long_row_is_not_deep():
    with pytest.raises(InputError, match="found 10,001 characters; allowed: 10,000"):
        parse("a" * 10_001)
    assert names_in(parse(" | ".join(f"n{at}" for at in range(1000)))) == tuple(f"n{at}" for at in range(1000))


@given(st.text(alphabet="en fr(),&|-^~2of\"'@\n\x00é", max_size=30))
def test_any_text_is_parsed_or_refused_in_one_line(text):
    try:
        message = str(parse(text))
    except InputError as refused:
        message = str(refused)
    assert message.isprintable()
