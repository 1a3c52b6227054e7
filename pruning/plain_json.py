"""JSON as files of masks and runs hold it: written in one way only, and read without trust."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from pruning.errors import InputError


def canonical(value: Any) -> str:
    """A value as compact JSON with sorted keys: equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def json_object(content: bytes | str, *, where: str) -> dict[str, Any]:
    """The object that a text holds; `where` names the text in an error.

    Raises:
        InputError: no valid JSON (a key twice in one object and NaN are none), or JSON of something else.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        found = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except ValueError as error:
        raise InputError(f"{where}: found no valid JSON ({error})") from None
    except RecursionError:
        raise InputError(f"{where}: found JSON nested too deeply") from None
    if not isinstance(found, dict):
        raise InputError(f"{where}: found a JSON {type(found).__name__}; expected an object")
    return found


def is_text(value: Any) -> bool:
    """Whether a value is text that UTF-8 can hold."""
    if not isinstance(value, str):
        return False
    # A lone surrogate is a str that no file can hold.
    return not any("\ud800" <= character <= "\udfff" for character in value)


def shown(value: Any) -> str:
    """A value of a file in an error message: as it is, but never longer than a line."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
