"""Where a computed mask comes from: the expression, and which masks its names stood for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pruning.errors import InputError
from pruning.plain_json import canonical, json_object, shown

LONGEST_TEXT = 10_000  # characters of any text in it
MOST_PARENTS = 1_000


@dataclass(frozen=True)
class Parent:
    """A mask that an expression names.

    Args:
        name: as the expression has it.
        digest: `Mask.digest` of the mask it stood for.
        origin: where that mask was found, in words for people: a run and a round, a file.
    """

    name: str
    digest: str
    origin: str


@dataclass(frozen=True)
class Ancestry:
    """The expression a mask was computed by, and the masks it names, each once, in the order of the expression.

    Raises:
        InputError: a text that is empty, unprintable or too long, a digest that is none, no mask, or a name twice.
    """

    expression: str
    parents: tuple[Parent, ...]

    def __post_init__(self) -> None:
        _check_text("expression", self.expression)
        if not 1 <= len(self.parents) <= MOST_PARENTS:
            raise InputError(
                f"field 'ancestry', 'masks': found {len(self.parents)} masks; allowed: 1 to {MOST_PARENTS}"
            )
        for parent in self.parents:
            _check_text("name", parent.name)
            _check_text("origin", parent.origin)
            if not (isinstance(parent.digest, str) and re.fullmatch("[0-9a-f]{64}", parent.digest)):
                raise InputError(
                    f"field 'ancestry', 'digest' of {parent.name!r}: found {shown(parent.digest)}; "
                    "expected 64 hex digits in lower case"
                )
        names = [parent.name for parent in self.parents]
        if len(set(names)) < len(names):
            raise InputError(f"field 'ancestry', 'masks': found {shown(names)}; expected every name once")

    def text(self) -> str:
        """As a mask's file holds it: JSON, equal for equal ancestries."""
        masks = [{"digest": each.digest, "name": each.name, "origin": each.origin} for each in self.parents]
        return canonical({"expression": self.expression, "masks": masks})


def ancestry_of(text: str) -> Ancestry:
    """The ancestry that `Ancestry.text` wrote.

    Raises:
        InputError: what is wrong in the field, what was found and what was expected.
    """
    found = json_object(text, where="field 'ancestry'")
    _check_keys("field 'ancestry'", found, {"expression", "masks"})
    if not isinstance(found["masks"], list):
        raise InputError(f"field 'ancestry', 'masks': found {shown(found['masks'])}; expected a list of masks")
    for at, each in enumerate(found["masks"]):
        _check_keys(f"field 'ancestry', 'masks', {at}", each, {"name", "digest", "origin"})
    return Ancestry(found["expression"], tuple(Parent(**each) for each in found["masks"]))


def _check_keys(where: str, found: Any, expected: set[str]) -> None:
    if not isinstance(found, dict) or found.keys() != expected:
        raise InputError(f"{where}: found {shown(found)}; expected an object of {', '.join(sorted(expected))}")


def _check_text(where: str, text: Any) -> None:
    # Unprintable text (a lone surrogate, a line end) could be neither stored nor shown.
    if not (isinstance(text, str) and text.isprintable() and 1 <= len(text) <= LONGEST_TEXT):
        raise InputError(
            f"field 'ancestry', {where!r}: found {shown(text)}; expected 1 to {LONGEST_TEXT:,} printable characters"
        )
