"""Expressions of masks, as the command line takes them: en & fr, core(en, fr, zh) - de, 2 of (en, fr, zh)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from operator import and_, or_, sub, xor
from typing import Any, NoReturn

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from pruning.mask import Mask
from subnets.algebra import core, kept_by_at_least, majority, only_in, union_of
from subnets.errors import InputError

# As in Python, the tightest last: | ^ & - ~
GRAMMAR = r"""
    ?start: either
    ?either: odd ("|" odd)*
    ?odd: both ("^" both)*
    ?both: less ("&" less)*
    ?less: inverse ("-" inverse)*
    ?inverse: "~" inverse -> complement | atom
    ?atom: "(" either ")" | vote | call | name
    vote: NUMBER "of" "(" either ("," either)* ")"
    call: NAME "(" either ("," either)* ")"
    name: NAME | QUOTED
    NAME: /[^\W\d][\w.+\/]*(@[\d.]+)?/
    QUOTED: /"[^"]+"|'[^']+'/
    NUMBER: /\d+/
    %ignore " "
"""
IN_WORDS = {
    "NAME": "a name", "QUOTED": "a quoted name", "NUMBER": "a number", "OF": "of", "LPAR": "(", "RPAR": ")",
    "COMMA": ",", "VBAR": "|", "CIRCUMFLEX": "^", "AMPERSAND": "&", "MINUS": "-", "TILDE": "~", "$END": "the end",
}  # fmt: skip
SIGNS = {"VBAR", "CIRCUMFLEX", "AMPERSAND", "MINUS"}
OPERATORS: dict[str, Callable[[Mask, Mask], Mask]] = {"|": or_, "^": xor, "&": and_, "-": sub}
FUNCTIONS: dict[str, Callable[[list[Mask]], Mask]] = {
    "core": core,
    "union": union_of,
    "majority": majority,
    "only_in": lambda masks: only_in(masks[0], masks[1:]),
}
DEEPEST = 100  # operations inside each other
LONGEST = 10_000  # characters
SHOWN = 40  # characters of an expression on each side of a fault


@dataclass(frozen=True)
class Name:
    """A mask by its name."""

    text: str
    depth = 0


@dataclass(frozen=True)
class Operation:
    """Something done to masks.

    Attributes:
        what: one of | ^ & - ~, the name of a function, or `of`.
        operands: what it is done to, from left to right; one for ~, two or more for the other signs.
        number: of `of`: how many of the operands must keep a weight.
    """

    what: str
    operands: tuple[Tree, ...]
    number: int | None = None

    @cached_property
    def depth(self) -> int:
        """Operations inside each other, this one counted."""
        return 1 + max(operand.depth for operand in self.operands)


Tree = Name | Operation


def parse(text: str) -> Tree:
    """The tree of an expression.

    Signs bind as in Python, tightest first: ~ (not), - (without), & (both), ^ (exactly one), | (either); equal ones
    from the left. Functions: `core(a, b, ...)` what all keep, `union(a, b, ...)` what any keeps, `majority(a, b, ...)`
    what more than half keep, `only_in(a, b, ...)` what a keeps and none of the others, `2 of (a, b, c)` what at least
    two keep. A name begins with a letter and holds letters, digits and _ . + /, perhaps with @ and a number at its
    end; any other must be quoted, with " or '.

    Raises:
        InputError: where (a column from 1, and [^] before it), what was found there, and what was expected.
    """
    if len(text) > LONGEST:
        raise InputError(f"mask expression: found {len(text):,} characters; allowed: {LONGEST:,}")
    try:
        tree: Tree = _read(text)
    except UnexpectedToken as fault:
        at = len(text) if fault.token.type == "$END" else int(fault.token.start_pos or 0)
        found = "the end" if fault.token.type == "$END" else repr(str(fault.token))
        _refuse(text, at, found=found, expected=_any_of(fault.accepts or fault.expected))
    except UnexpectedCharacters as fault:
        at = int(fault.pos_in_stream or 0)
        _refuse(text, at, found=repr(text[at]), expected=_expected_after(text[:at]))
    except _Misuse as fault:
        _refuse(text, fault.at, found=fault.found, expected=fault.expected)
    return tree


def quoted(name: str) -> str:
    """A name as an expression holds it: in quotes where it would else read otherwise."""
    return name if re.fullmatch(r"[^\W\d][\w.+]*", name) else f'"{name}"'


def names_in(tree: Tree) -> tuple[str, ...]:
    """The names in an expression, each once, in the order in which they appear."""
    return tuple(dict.fromkeys(_names(tree)))


def kept_from(tree: Tree) -> tuple[str, ...]:
    """The names whose weights an expression can keep: not those that are only taken away, as c in (a | b) - c."""
    return tuple(dict.fromkeys(_kept_from(tree)))


def evaluate(tree: Tree, mask_of: Callable[[str], Mask]) -> Mask:
    """The mask an expression means, computed on packed bits; every name is asked for once.

    Raises:
        InputError: masks of other matrices, or a tree that `parse` would not have made.
    """
    masks = {name: mask_of(name) for name in names_in(tree)}
    return _evaluated(tree, masks)


def _evaluated(tree: Tree, masks: dict[str, Mask]) -> Mask:
    if isinstance(tree, Name):
        return masks[tree.text]
    operands = [_evaluated(operand, masks) for operand in tree.operands]
    if tree.what == "~":
        return ~operands[0]
    if tree.number is not None:
        return kept_by_at_least(tree.number, operands)
    if tree.what in OPERATORS:
        return reduce(OPERATORS[tree.what], operands)
    return FUNCTIONS[tree.what](operands)


def _names(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Name):
        yield tree.text
    else:
        for operand in tree.operands:
            yield from _names(operand)


def _kept_from(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Name):
        yield tree.text
    elif tree.what != "~":
        for operand in tree.operands[:1] if tree.what in ("-", "only_in") else tree.operands:
            yield from _kept_from(operand)


class _Misuse(Exception):
    """Something that the grammar lets through and the algebra does not."""

    def __init__(self, at: int | None, *, found: str, expected: str) -> None:
        super().__init__(found)
        self.at, self.found, self.expected = at or 0, found, expected


class _Planter(Transformer[Token, Tree]):
    """Makes the tree bottom-up, while the text is read."""

    @v_args(inline=True)
    def name(self, token: Token) -> Tree:
        return Name(token[1:-1] if token.type == "QUOTED" else str(token))

    @v_args(inline=True)
    def call(self, function: Token, *operands: Tree) -> Tree:
        if function not in FUNCTIONS:
            raise _Misuse(function.start_pos, found=repr(str(function)), expected=f"a function: {', '.join(FUNCTIONS)}")
        if function == "only_in" and len(operands) < 2:
            raise _Misuse(function.start_pos, found="only_in of one mask", expected="two or more: only_in(a, b)")
        return _planted(str(function), operands)

    @v_args(inline=True)
    def vote(self, number: Token, *operands: Tree) -> Tree:
        # Compared as text first: int() refuses thousands of digits.
        if len(number.lstrip("0")) > 4 or not 1 <= int(number) <= len(operands):
            found = f"{number[:12]} of {len(operands)} masks"
            raise _Misuse(number.start_pos, found=found, expected=f"1 to {len(operands)} of {len(operands)}")
        return _planted("of", operands, int(number))

    def either(self, operands: list[Tree]) -> Tree:
        return _planted("|", operands)

    def odd(self, operands: list[Tree]) -> Tree:
        return _planted("^", operands)

    def both(self, operands: list[Tree]) -> Tree:
        return _planted("&", operands)

    def less(self, operands: list[Tree]) -> Tree:
        return _planted("-", operands)

    def complement(self, operands: list[Tree]) -> Tree:
        return _planted("~", operands)


def _planted(what: str, operands: Any, number: int | None = None) -> Tree:
    tree = Operation(what, tuple(operands), number)
    if tree.depth > DEEPEST:
        raise InputError(f"mask expression: found more than {DEEPEST} operations inside each other")
    return tree


def _read(text: str) -> Any:
    return _grammar().parse(text)  # what the planter made, not the tree of lark's that its types promise


@cache
def _grammar() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Planter())


def _refuse(text: str, at: int, *, found: str, expected: str) -> NoReturn:
    before, after = text[:at], text[at:]
    left = before if len(before) <= SHOWN else "..." + before[-SHOWN:]
    right = after if len(after) <= SHOWN else after[:SHOWN] + "..."
    shown = "".join(each if each.isprintable() else "?" for each in f"{left}[^]{right}")
    raise InputError(f"mask expression, column {at + 1}: found {found}; expected {expected}: {shown}") from None


def _expected_after(text: str) -> str:
    """What may follow the beginning of an expression."""
    try:
        _read(text)
    except UnexpectedToken as fault:
        return _any_of(fault.accepts or fault.expected)
    except _Misuse as fault:
        return fault.expected
    return _any_of({"$END"})


def _any_of(terminals: set[str]) -> str:
    """Terminals in words, in the order of `IN_WORDS`."""
    if terminals & {
        "RPAR",
        "COMMA",
        "$END",
    }:  # a whole operand was read: the parser no longer says that a sign may come
        terminals = terminals | SIGNS
    return " or ".join(words for terminal, words in IN_WORDS.items() if terminal in terminals)
