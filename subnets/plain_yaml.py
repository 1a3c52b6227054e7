"""YAML as run folders hold it: plain values, each written out; nothing is instantiated."""

from __future__ import annotations

import re
from typing import Any

import yaml

from pruning.plain_json import is_text

DEEPEST = 50  # brackets within brackets: the loader takes time that grows with the square of their number
PLAIN = (str, int, float, bool, type(None))


class _WithoutAliases(yaml.SafeLoader):
    """A loader that refuses aliases: with a few of them a small file can stand for more values than memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("found an alias; expected every value written out")
        return super().compose_node(parent, index)


def plain_yaml(content: bytes) -> Any:
    """The value in a YAML text: text, numbers, true, false, null, and lists and mappings of these, keys being text.

    Raises:
        ValueError: it is not YAML in UTF-8, is nested too deeply, or holds anything else.
    """
    text = content.decode()
    _check_depth(text)
    try:
        found = yaml.load(text, Loader=_WithoutAliases)  # noqa: S506 (a SafeLoader)
        _check_plain(found)
    except yaml.YAMLError as problem:
        raise ValueError(" ".join(str(problem).split())) from None
    except (RecursionError, ArithmeticError, LookupError, TypeError, AttributeError) as problem:  # of odd scalars
        raise ValueError(type(problem).__name__) from None
    return found


def _check_depth(text: str) -> None:
    """Counts brackets wherever they stand, also within quotes: no text of settings has so many that are left open."""
    depth = 0
    for bracket in re.findall(r"[\[{\]}]", text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            raise ValueError(f"found more than {DEEPEST} brackets within each other")


def _check_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not is_text(key):
                raise ValueError(f"found the key {key!r}; expected text")
            _check_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner)
    elif type(value) not in PLAIN or (isinstance(value, str) and not is_text(value)):
        raise ValueError(f"found a {type(value).__name__}; expected text, a number, true, false or null")
